"""What a Markdown source holds that its page does not show: comments, short codes, containers."""

from __future__ import annotations

import re
from collections import Counter

_TRIGGER = re.compile(r"<!--|\{\{|\{%|\{/\*|%%|<table|^[ \t]*(?:!!!|\?\?\?|:::|===[ \t]\")", re.M)
_START = re.compile(r"(`+)|<!--|\{\{[<%]|\{%|\{/\*|(?<!\S)%%(?=[^%])|\]\(\{\{")
_CLOSERS = {"<!--": "-->", "{{<": ">}}", "{{%": "%}}", "{%": "%}", "{/*": "*/}", "%%": "%%"}
_CAPTION = re.compile(r"\b(?:caption|title|alt|summary|content)\s*=\s*\"([^\"]+)\"")
_HIGHLIGHT = re.compile(
    r"\{%-?\s*(end)?highlight(?:\s+(\w+))?[^%]{0,300}%\}"
    r"|\{\{<\s*(/)?\s*highlight(?:\s+(\w+))?[^>]{0,300}>\}\}"
)
_ADMONITION = re.compile(
    r"([ \t]*)(?:!!!|\?\?\?\+?|===)[ \t]+(?:([A-Za-z][\w-]*)[\w -]*)?[ \t]*(?:\"([^\"]*)\")?[ \t]*$"
)
_CONTAINER = re.compile(
    r"([ \t>]*):{3,}[ \t]*(?:\{[^}\n]*?([A-Za-z][\w-]*)[^}\n]*\}|([A-Za-z][\w-]*))?[ \t]*"
    r"(?:\[([^\]]*)\]|(.*))$"
)
_NAMES = frozenset(
    "note tip info warning danger caution important hint example question success failure bug"
    " quote abstract summary todo attention error seealso details".split()
)
_FENCE = re.compile(r"[ \t>]*(?:[-*+][ \t]+|\d+[.)][ \t]+)?(`{3,}(?=[^`]*$)|~{3,})")


def shown_source(text: str, left: Counter[str]) -> str:
    """Return a source without what is not shown; left: counts what was left out."""
    if not _TRIGGER.search(text):
        return text
    text = _HIGHLIGHT.sub(
        lambda found: "```" if found[1] or found[3] else f"```{found[2] or found[4] or ''}", text
    )
    text = _without_comments(text, _code_spans(text), left)
    return _without_containers(text)


def _code_spans(text: str) -> list[tuple[int, int]]:
    """Return where blocks of code lie, as the parser of Markdown finds them."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return [
        (starts[token.map[0]], min(starts[token.map[1]], len(text)))
        for token in parser.parse(text)
        if token.type in ("fence", "code_block") and token.map
    ]


def _without_comments(text: str, code: list[tuple[int, int]], left: Counter[str]) -> str:
    parts: list[str] = []
    kept = position = block = 0
    missing: set[str] = set()  # closers that do not come any more
    while found := _START.search(text, position):
        start, opener = found.start(), found[0]
        while block < len(code) and code[block][1] <= start:
            block += 1
        if block < len(code) and code[block][0] <= start:
            position = code[block][1]
            continue
        if found[1]:
            position = _after_code(text, found)
            continue
        if opener.startswith("]("):
            end = text.find("}}", start, start + 500)
            if end > 0:
                parts.append(text[kept:start] + "](")
                kept = end + 2
            position = max(found.end(), kept)
            continue
        closer = _CLOSERS[opener]
        end = -1 if closer in missing else text.find(closer, found.end())
        if (
            opener == "%%"
            and end >= 0
            and "\n\n" in text[found.end() : min(end, found.end() + 2000)]
        ):
            position = found.end()
            continue
        if end < 0:
            missing.add(closer)
            position = found.end()
            if opener == "<!--":  # without an end it would hide all that follows
                parts.append(text[kept:start])
                kept = position
            continue
        inner = text[found.end() : end]
        end += len(closer)
        if opener == "{%" and inner.strip(" -") == "comment":
            close = re.compile(r"\{%-?\s*endcomment\s*-?%\}").search(text, end)
            end = close.end() if close else end
        comment = opener in ("<!--", "{/*", "%%") or inner.strip(" -") == "comment"
        left["comment"] += comment and any(sign.isalnum() for sign in inner)
        shown = ""
        if opener.startswith("{") and not comment and (caption := _CAPTION.search(inner)):
            shown = caption[1]
        parts.append(text[kept:start])
        kept = _closed_up(text, start, end, "".join(parts[-4:])[-2:])
        if shown:
            parts.append(shown)
            kept = end
        position = max(kept, end)
    parts.append(text[kept:])
    if not left["comment"]:
        del left["comment"]
    return "".join(parts)


def _closed_up(text: str, start: int, end: int, preceding: str) -> int:
    """Return where the text goes on after what was left out; its line goes if nothing is left."""
    # Only the blanks around are looked at: a line may be as long as the file.
    line_start, line_end = start, end
    while line_start and text[line_start - 1] in " \t":
        line_start -= 1
    while line_end < len(text) and text[line_end] in " \t":
        line_end += 1
    alone = text[max(line_start - 1, 0) : line_start] in ("", "\n")
    if not alone or text[line_end : line_end + 1] not in ("", "\n"):
        spaced = text[end : end + 1] == " " and text[max(start - 1, 0) : start] in (" ", "\n", "")
        return end + spaced
    following = text[line_end + 1 : line_end + 2]
    if preceding in ("", "\n", "\n\n") and following == "\n":
        return line_end + 2
    return min(line_end + 1, len(text))


def _after_code(text: str, found: re.Match[str]) -> int:
    """Return where a span of code ends that begins with these ticks; just after them if none."""
    ticks = found[1]
    most = min(len(text), found.end() + 5000)
    limit = text.find("\n\n", found.end(), most)
    limit = most if limit < 0 else limit
    for close in re.compile(r"`+").finditer(text, found.end(), limit):
        if close[0] == ticks:
            return close.end()
    return found.end()


def _without_containers(text: str) -> str:
    """Write admonitions as "Note: ..." and let tables of HTML have no blank lines."""
    lines: list[str] = []
    fence = ""
    indent: int | None = None  # of an admonition's content
    in_table = False
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line.strip(" `~>"):
            fence = ""
            lines.append(line[indent:] if indent and line[:indent].isspace() else line)
            continue
        if indent is not None and line.strip():
            if line[:indent].strip(" \t") == "" and line[:1].isspace():
                line = line.removeprefix("\t") if line[0] == "\t" else line[indent:]
            elif not fence:
                indent = None
        if fence or mark:
            lines.append(line)
            continue
        if in_table and not line.strip():
            continue
        if "<table" in line.lower():
            in_table = True
        if in_table and "</table" in line.lower():
            in_table = False
        if len(line) > 300:
            lines.append(line)
        elif (found := _ADMONITION.match(line)) and (found[2] or found[3]):
            lines.extend((f"{found[1]}**{_named(found[2], found[3])}**", ""))
            indent = len(found[1]) + 4
        elif line.lstrip(" \t>").startswith(":::") and (found := _CONTAINER.match(line)):
            kind, title = found[2] or found[3], found[4] or found[5]
            if (kind or "").lower() in _NAMES or title:
                lines.extend((f"{found[1]}**{_named(kind, title)}**", found[1].rstrip()))
            else:
                lines.append(found[1].rstrip())
        else:
            lines.append(line)
    return "\n".join(lines)


def _named(kind: str | None, title: str | None) -> str:
    name = (kind or "").replace("-", " ").capitalize()
    return f"{name}: {title}" if name and title else title or f"{name}:"
