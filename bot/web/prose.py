"""A model's text to HTML; what it cites leads into the documents. Pure functions.

The text stays text: it can make no element, load no image and lead nowhere but to the passages.
Of Markdown only what shapes text is rendered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from html import escape
from typing import TYPE_CHECKING, Any

from bot.path import citations
from bot.trace import Answer, Evidence, Passage, Sentence
from bot.web import links

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MARK = re.compile(r"\[(\d+(?:\s*,\s*\d+)*)\]")
# A checked sentence may hold a "[1]" of its own, quoted from a document; its citations are written
# in signs that stand for nothing in Unicode and are taken out of all texts before.
OPEN, CLOSE = "\ue000", "\ue001"
CITED = re.compile(f"{OPEN}([0-9]+):([0-9]+){CLOSE}")  # the passage, and which sentence cites it
LINKING = ["link", "image", "autolink", "reference", "html_block", "html_inline"]


def draft(text: str, passages: Sequence[Passage]) -> str:
    """Return a draft as HTML; its [n] lead to the passages that have these numbers."""
    known = {passage.n for passage in passages}

    def marked(mark: re.Match[str]) -> str:
        cited = [int(n) for n in mark[1].split(",")]
        return "".join(_mark(n, 0) for n in cited) if set(cited) <= known else mark[0]

    return _html(MARK.sub(marked, _plain(text)), passages, {})


def checked(sentences: Sequence[Sentence], passages: Sequence[Passage]) -> str:
    """Return a checked answer as HTML; a citation leads to the sentence it rests on, if known."""
    parts = []
    for number, sentence in enumerate(sentences):
        bare = replace(sentence, lead=_plain(sentence.lead), text=_plain(sentence.text))
        parts.append(citations.marked(bare, partial(_mark, sentence=number)))
    evidence = {number: one.evidence for number, one in enumerate(sentences) if one.evidence}
    return _html("".join(parts).strip(), passages, evidence)


def abstention(answer: Answer) -> str:
    """Return an answer that says nothing as HTML; the quote it may end with leads to its place."""
    evidence = next((one.evidence for one in answer.withheld if one.evidence), None)
    passage = next((one for one in answer.passages if evidence and one.n == evidence.n), None)
    if not passage or not answer.answer.endswith(f"[{passage.n}]"):
        return escape(answer.answer)
    return escape(answer.answer.removesuffix(f"[{passage.n}]")) + _cite(passage, evidence)


def _mark(n: int, sentence: int) -> str:
    return f"{OPEN}{n}:{sentence}{CLOSE}"


def _plain(text: str) -> str:
    return text.replace(OPEN, "").replace(CLOSE, "")


def _html(text: str, passages: Sequence[Passage], evidence: Mapping[int, Evidence]) -> str:
    places = {passage.n: passage for passage in passages}
    html: str = _markdown().render(text, {"places": places, "evidence": evidence})
    return CITED.sub(r"[\1]", html)  # those in code lead nowhere


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(LINKING)
    markdown.add_render_rule("text", _text)
    return markdown


def _text(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    def link(mark: re.Match[str]) -> str:
        return _cite(env["places"][int(mark[1])], env["evidence"].get(int(mark[2])))

    return CITED.sub(link, escape(tokens[at].content))


def _cite(passage: Passage, evidence: Evidence | None) -> str:
    title = escape(f"Open {passage.source}")
    return (
        f'<a class="cite" href="{escape(address(passage, evidence))}" target="_blank" '
        f'title="{title}">[{passage.n}]</a>'
    )


def address(passage: Passage, evidence: Evidence | None = None) -> str:
    """Return where a passage is read in its document; evidence: a sentence that is in it or not."""
    within = evidence and evidence.n == passage.n
    sentence = (evidence.start, evidence.end) if evidence and within else None
    return links.reader(passage.document, passage.start, passage.end, passage.text, sentence)
