"""Markdown: its text as it is, and its headings."""

from __future__ import annotations

import itertools
import re
from typing import Any

from ingest.readers.content import Content, Heading, heading_title, leading_title
from ingest.readers.decode import decoded

_NEWLINE = re.compile(r"\r\n?|\n")  # the line ends that Markdown knows; str.splitlines has more
_FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?:[ \t]*\n|[ \t]*#.*\n)*[\w\"'][^\n:]*:[^\n]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*$",
    re.MULTILINE,
)


def read(data: bytes) -> Content:
    """Read Markdown."""
    from markdown_it import MarkdownIt

    text, remarks = decoded(data)
    lines = [0, *(match.end() for match in _NEWLINE.finditer(text)), len(text)]
    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])  # inline markup is parsed in headings only
    env: dict[str, Any] = {}
    tokens = parser.parse(_without_front_matter(text), env)
    headings: list[Heading] = []
    for opening, content in itertools.pairwise(tokens):
        if opening.type == "heading_open" and opening.level == 0 and opening.map:
            title = heading_title(_inline_text(parser, content.content, env))
            first, last = opening.map
            if title:
                headings.append(Heading(lines[first], lines[last], int(opening.tag[1:]), title))
    return Content(text, tuple(headings), title=leading_title(headings), remarks=remarks)


def _inline_text(parser: Any, source: str, env: dict[str, Any]) -> str:
    tokens: list[Any] = []
    parser.inline.parse(source, parser, env, tokens)
    shown = ("text", "text_special", "code_inline", "image")
    breaks = ("softbreak", "hardbreak")
    return "".join(
        " " if token.type in breaks else token.content
        for token in tokens
        if token.type in shown + breaks
    )


def _without_front_matter(text: str) -> str:
    """Blank YAML front matter out, line for line: its closing rule would underline a heading."""
    text = _NEWLINE.sub("\n", text)
    found = _FRONT_MATTER.match(text)
    return "\n" * found[0].count("\n") + text[found.end() :] if found else text
