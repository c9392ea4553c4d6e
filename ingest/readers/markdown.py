"""Markdown of people, site generators and note apps: its text as it is, without what is no text.

The source stays, line for line. Mended are lines that hold what a reader would not see (attributes,
tags, link targets), and lines that are broken only because the editor wrapped them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.counts import left_out
from ingest.readers.content import Content, Heading, heading_title
from ingest.readers.decode import decoded
from ingest.readers.front_matter import front_matter
from ingest.readers.hidden import shown_source
from ingest.readers.stated import stated_version
from ingest.readers.wrapping import joined

TITLE = 200  # characters of a title at most: what is longer is a paragraph that slipped
_LONG = 50_000  # characters of a paragraph whose inline markup is looked at; longer is no prose
_NEWLINE = re.compile(r"\r\n?|\n")  # the line ends that Markdown knows; str.splitlines has more
_DATA = re.compile(r"data:([a-z]{1,20})/[\w.+;=-]{1,100},[A-Za-z0-9+/=%_-]{40,}")
_NOTE = re.compile(r" {0,3}\[\^([^\]\s]{1,80})\]:[ \t]*(.*)")
_DEFINITION = re.compile(r"[ \t>]*\[([^\]\n]{1,500})\]:[ \t]*<?([^\s>]*)")
_CALLOUT = re.compile(r"\[!([A-Za-z][\w -]{0,30})(?:\|[^\]\n]*)?\][+-]?[ \t]*(.*)")
_ESM = re.compile(r"(?:import\s.+\sfrom\s+['\"].+['\"]|import\s+['\"].+['\"]|export\s+.+);?$")
_RULE = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_GRID = re.compile(r"\+[-=+:]{3,}\+$")
_MARKER = re.compile(r"[ \t]*\d{1,9}(?=[.)])")
_BADGE = re.compile(r"badge|shields\.io|codecov|travis-ci|\.svg\?branch", re.IGNORECASE)
_PICTURE = re.compile(r"[^\s/]+\.(?:png|jpe?g|gif|svg|webp|bmp|tiff?|avif)", re.IGNORECASE)
_MATH = re.compile(r"\$\$[^$]{1,2000}\$\$|\$(?=[^\s$])[^$\n]{0,300}(?<=[^\s\\])\$(?!\d)")
_ICON = re.compile(r":(?:material|octicons|fontawesome|simple|fa|fas|fab|bi)-[a-z0-9-]+:[ \t]?")
_NOTE_MARK = re.compile(r"\[\^([^\]\s]{1,80})\]")
_WIKI = re.compile(r"!?\[\[([^\[\]\n]{1,500})\]\]")
_ATTRIBUTES = re.compile(
    r"\{:?[ \t]*(?:[#.][A-Za-z_][\w:.-]*|[A-Za-z_][\w:-]*=(?:\"[^\"\n]*\"|[^\s}\"]+)|toc\b)"
    r"(?:[ \t]+(?:[#.][\w:.-]+|[\w:-]+(?:=(?:\"[^\"\n]*\"|[^\s}\"]+))?))*[ \t]*\}"
)
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)([^>]*)>")
_ALT = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_NO_TITLE = re.compile(r"untitled(?: \w+)?|index|readme|home|document\d*|new note", re.IGNORECASE)
_UNSEEN = re.compile(r"<(/?)(script|style)\b", re.IGNORECASE)  # what stands in them is no text
_KNOWN_TAGS = frozenset(
    "a abbr acronym address area article aside audio b base bdi bdo big blink blockquote body br"
    " button canvas caption center cite code col colgroup data datalist dd del details dfn dialog"
    " dir div dl dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3"
    " h4 h5 h6 head header hr html i iframe img input ins kbd label legend li link main map mark"
    " marquee menu meta meter nav nobr noscript object ol optgroup option output p param picture"
    " pre progress q ruby s samp script section select small source span strike strong style sub"
    " summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul"
    " var video wbr path g".split()
)


@dataclass
class _Source:
    """Hold what is known of the text while its lines are mended."""

    lines: list[str]
    env: dict[str, Any]
    parser: Any
    plain: Any  # a parser that leaves emphasis as it is written
    notes: dict[str, str]
    numbers: dict[str, str] = field(default_factory=dict)  # of the notes, as they are marked
    pending: list[str] = field(default_factory=list)  # notes that the current block marks
    left: Counter[str] = field(default_factory=Counter)
    closed: frozenset[str] = frozenset()  # names of tags that are closed somewhere
    used: set[str] = field(default_factory=set)  # reference definitions


@dataclass
class _Edit:
    """Put lines in the place of the source's lines[start:end]."""

    start: int
    end: int
    lines: list[str]
    headings: list[tuple[int, int, int, str]] = field(default_factory=list)
    # of these lines: from, to, level, title
    after: list[str] = field(default_factory=list)  # notes


def read(data: bytes) -> Content:
    """Read Markdown."""
    text, remarks = decoded(data)
    text = _NEWLINE.sub("\n", text)
    stated = front_matter(text)
    text = text[stated.length :]
    if stated.length:
        text = text.lstrip("\n")
    left: Counter[str] = Counter()
    text = _DATA.sub(lambda found: _left_out(left, found), text)
    text, notes = _without_notes(shown_source(text, left))
    body, headings, more = _mended(text, notes, left)
    if stated.lines:
        named = headings[0].title if headings else ""
        lines = [line for line in stated.lines if line != f"Title: {named}"]
        opening = "\n".join(lines) + "\n\n" * bool(lines)
        headings = [
            Heading(head.start + len(opening), head.end + len(opening), head.level, head.title)
            for head in headings
        ]
        body = opening + body if body.strip() else opening.rstrip("\n") + "\n"
    leading = headings[0].title if headings and headings[0].level <= 1 else ""
    title = next(
        (name for name in (_cut(stated.title), leading) if name and not _NO_TITLE.fullmatch(name)),
        "",
    )
    return Content(
        body,
        tuple(headings),
        title=title,
        date=stated.date,
        version=stated.version or stated_version(body),
        remarks=(*remarks, *stated.remarks, *left_out(left), *more),
    )


def _left_out(left: Counter[str], found: re.Match[str]) -> str:
    left["embedded picture" if found[1] == "image" else "embedded file"] += 1
    return f"data:{found[1]},"


def _cut(title: str) -> str:
    """Return a title of TITLE characters at most, cut at a word."""
    if len(title) <= TITLE:
        return title
    return title[: TITLE + 1].rpartition(" ")[0] or title[:TITLE]


def _without_notes(text: str) -> tuple[str, dict[str, str]]:
    """Take the footnotes' definitions out; return them by their labels."""
    if "[^" not in text:
        return text, {}
    notes: dict[str, list[str]] = {}
    kept: list[str] = []
    note: list[str] | None = None
    fence = ""
    for line in text.split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line.strip(" `~"):
            fence = ""
        found = None if fence else _NOTE.match(line)
        if found:
            note = notes.setdefault(found[1].lower(), [])
            note.append(found[2])
        elif note is not None and line.strip():
            if note[-1] or line.startswith(("  ", "\t")):
                note.append(line.strip())
            else:
                note = None
                kept.append(line)
        else:
            if note is not None:
                note.append("")
                if kept and not kept[-1].strip():
                    continue
            kept.append(line)
    return "\n".join(kept), {label: joined(lines) for label, lines in notes.items()}


def _parsers() -> tuple[Any, Any]:
    from markdown_it import MarkdownIt

    parsers = []
    for _ in range(2):
        parser = MarkdownIt("commonmark").enable("table")
        parser.core.ruler.enableOnly(["normalize", "block"])  # inline markup is parsed below
        parser.validateLink = lambda url: True  # type: ignore[method-assign]
        parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
        parser.inline.ruler.before("escape", "whybot", _own_markup)
        parsers.append(parser)
    parsers[1].disable("emphasis")
    return parsers[0], parsers[1]


def _own_markup(state: Any, silent: bool) -> bool:
    """Parse what site generators and note apps add: notes, wiki links, attributes, formulas."""
    sign = state.src[state.pos]
    kind = ""
    if sign == "[":
        found = _NOTE_MARK.match(state.src, state.pos)
        kind = "note"
        if not found or found[1].lower() not in state.env["notes"]:
            found, kind = _WIKI.match(state.src, state.pos), "wiki"
    elif sign == "!":
        found, kind = _WIKI.match(state.src, state.pos), "wiki"
    elif sign == "{":
        found, kind = _ATTRIBUTES.match(state.src, state.pos), "attributes"
    elif sign == ":":
        found, kind = _ICON.match(state.src, state.pos), "icon"
    elif sign == "$":
        found, kind = _MATH.match(state.src, state.pos), "math"
    else:
        return False
    if not found:
        return False
    if not silent:
        token = state.push(kind, "", 0)
        token.content = found[0]
    state.pos = found.end()
    return True


def _mended(
    text: str, notes: dict[str, str], left: Counter[str]
) -> tuple[str, list[Heading], tuple[str, ...]]:
    parser, plain = _parsers()
    env: dict[str, Any] = {"notes": notes}
    tokens = parser.parse(text, env)
    closed = frozenset(name.lower() for name in re.findall(r"</([A-Za-z][\w:.-]*)", text))
    source = _Source(text.split("\n"), env, parser, plain, notes, left=left, closed=closed)
    if all(label.isdigit() for label in notes):
        source.numbers = {label: label for label in notes}
    edits = list(_edits(tokens, source))
    edits.extend(_definitions(source, tokens))
    edits.sort(key=lambda edit: (edit.start, edit.end))
    body, headings = _written(source, edits)
    unmarked = [label for label, note in notes.items() if note and label not in env.get("set", ())]
    if unmarked:
        last = "\n".join(
            f"[{source.numbers.get(label, label)}] {notes[label]}" for label in unmarked
        )
        body = f"{body.rstrip()}\n\n{last}\n"
    return body, headings, ()


def _edits(tokens: list[Any], source: _Source) -> Iterator[_Edit]:
    index = 0
    quotes = 0
    table: list[Any] | None = None
    numbering: list[int | None] = []
    for index, token in enumerate(tokens):
        kind = token.type
        if kind == "blockquote_open":
            quotes += 1
        elif kind == "blockquote_close":
            quotes -= 1
        elif kind == "ordered_list_open":
            numbering.append(_first_number(tokens, index))
        elif kind == "ordered_list_close":
            numbering.pop()
        elif kind == "list_item_open" and token.markup in (".", ")") and numbering:
            if numbering[-1] is not None and token.map:
                _renumber(source, token.map[0], numbering[-1])
                numbering[-1] += 1
        elif kind == "table_open":
            table = []
        elif kind == "table_close":
            yield from _table(table or [], source)
            table = None
        if table is not None:
            table.append(token)
        elif kind == "inline" and token.map:
            opening = tokens[index - 1]
            if opening.type == "heading_open":
                yield _heading(opening, token, source)
            elif opening.type == "paragraph_open":
                yield _paragraph(token, source, quoted=quotes > 0)
        elif kind == "html_block" and token.map:
            yield _html(token, source)


def _first_number(tokens: list[Any], index: int) -> int | None:
    """Return the number of a list whose items all bear the same, which counts up when shown."""
    level = tokens[index].level + 1
    marks = []
    for token in tokens[index + 1 :]:
        if token.level < level:
            break
        if token.level == level and token.type == "list_item_open":
            marks.append(token.info)
            if token.info != marks[0]:
                return None
    return int(marks[0]) if len(marks) > 1 and marks[0].isdigit() else None


def _renumber(source: _Source, line: int, number: int) -> None:
    source.lines[line] = re.sub(
        r"^([ \t>]*(?:[-*+][ \t]+)*)\d{1,9}(?=[.)])", rf"\g<1>{number}", source.lines[line], count=1
    )


def _heading(opening: Any, token: Any, source: _Source) -> _Edit:
    first, last = opening.map
    lines = source.lines[first:last]
    kept = source.left.copy()
    title = heading_title(_shown(token.content, source, source.parser))
    source.left.clear()  # its line is read once more below
    source.left.update(kept)
    source.pending.clear()
    if opening.markup in ("=", "-"):
        new = [*_shown(token.content, source, source.plain).split("\n"), lines[-1]]
        if token.content == "\n".join(map(str.strip, lines[:-1])) == "\n".join(new[:-1]):
            new = lines
    else:
        shown = _shown(token.content, source, source.plain)
        prefix = re.match(r"[ \t>]*(?:[-*+][ \t]+|\d{1,9}[.)][ \t]+)*#{1,6}", lines[0])
        changed = " ".join(shown.split()) != " ".join(token.content.split())
        new = [f"{prefix[0] if prefix else '#'} {' '.join(shown.split())}"] if changed else lines
    level = int(opening.tag[1:])
    headings = [(0, len(new), level, title)] if opening.level == 0 and title else []
    return _Edit(first, last, new, headings, after=_notes_due(source))


def _paragraph(token: Any, source: _Source, quoted: bool) -> _Edit:
    first, last = token.map
    lines = source.lines[first:last]
    content = token.content
    if all(_ESM.match(line) for line in lines):
        return _Edit(first, last, [])
    prefix, rest = _prefixes(lines, content)
    if prefix is None or len(content) > _LONG:
        return _Edit(first, last, lines)
    if quoted and (found := _CALLOUT.match(content.split("\n", 1)[0])):
        name = found[1].capitalize()
        body = content.split("\n", 1)[1:]
        head = f"{name}: {found[2]}" if found[2] else f"{name}:"
        content = ("\\\n" if found[2] else " ").join([head, *body])
    parts = _laid_out(_shown(content, source, source.plain), content)
    new = [prefix + parts[0], *(rest + part for part in parts[1:])] if parts else []
    if not parts and prefix.strip(" >\t"):
        new = []
    after = _notes_due(source)
    if after and (token.level > 1 or prefix):
        new.extend(rest + note for note in after)
        after = []
    return _Edit(first, last, new, after=after)


def _prefixes(lines: list[str], content: str) -> tuple[str | None, str]:
    """Return what stands before a paragraph's text in its first line, and in further ones."""
    head = content.split("\n", 1)[0].strip()
    line = lines[0].rstrip()
    if not line.endswith(head):
        return None, ""
    prefix = line[: len(line) - len(head)]
    return prefix, re.sub(r"[^>\s]", " ", prefix)


def _laid_out(shown: str, content: str) -> list[str]:
    """Return the lines of a paragraph: "\\n" in it is a wrap, "\\v" a break that is meant."""
    parts: list[str] = []
    for stretch in shown.split("\v"):
        lines = [line.strip() for line in stretch.split("\n")]
        lines = [line for line in lines if line]
        if not lines:
            continue
        if len(lines) > 1 and (lines[1].startswith("|") and "|" in lines[0]):
            parts.extend(_bare_table(lines))
        elif len(lines) > 1 and _are_lines(lines):
            parts.extend(lines)
        elif len(lines) > 1 and lines[1].startswith(": "):
            parts.append(f"{lines[0]}: {joined([line.removeprefix(': ') for line in lines[1:]])}")
        else:
            parts.append(joined(lines))
    return parts


def _are_lines(lines: list[str]) -> bool:
    """Tell whether lines are meant as such though Markdown would join them: verse, addresses."""
    if _GRID.match(lines[0]) or sum(line.startswith("|") for line in lines) * 2 > len(lines):
        return True
    keyed = sum(
        re.match(r"(?:\*\*)?[A-Z][\w/ -]{0,30}:(?:\*\*)? ", line) is not None for line in lines
    )
    if keyed == len(lines):
        return True
    capital = sum(not line[:1].islower() for line in lines)
    ended = sum(line.endswith((".", "!", "?", "。")) for line in lines)
    return (
        capital == len(lines)
        and len(lines) > 2
        and max(map(len, lines)) < 60
        and ended != len(lines)
    )


def _bare_table(lines: list[str]) -> list[str]:
    """Give a table of pipes the rule under its head that its writer left out."""
    if any(_RULE.match(line) for line in lines) or any(_GRID.match(line) for line in lines):
        return lines
    columns = lines[0].strip("|").count("|") + 1
    return [lines[0], f"|{'---|' * columns}", *lines[1:]]


def _table(tokens: list[Any], source: _Source) -> Iterator[_Edit]:
    """Mend the rows of a table of pipes; a row without anything to mend stays as it is."""
    cells: list[str] = []
    changed = False
    last = 0
    start: int | None = None
    for token in tokens:
        if token.type == "table_open":
            start, last = token.map
        elif token.type == "tr_open":
            cells, changed = [], False
        elif token.type == "inline":
            shown = _shown(token.content, source, source.plain)
            shown = " ".join(shown.replace("\v", " ").split()).replace("|", "\\|")
            changed |= shown != " ".join(token.content.split()).replace("|", "\\|")
            cells.append(shown)
        elif token.type == "tr_close" and start is not None:
            line = source.lines[start].rstrip()
            inner = line.lstrip(" \t>")
            prefix = line[: len(line) - len(inner)]
            if len(re.findall(r"(?<!\\)\|", inner.strip("|"))) + 1 > len(cells):
                changed = False  # it has more cells than its head: Markdown would drop them
            if changed:
                yield _Edit(start, start + 1, [f"{prefix}| {' | '.join(cells)} |"])
            elif not (inner.startswith("|") and inner.endswith("|")):
                yield _Edit(start, start + 1, [f"{prefix}| {inner.strip('|').strip()} |"])
            start += 1
            if start < last and _RULE.match(source.lines[start]):
                rule = source.lines[start].strip()
                if not (rule.startswith("|") and rule.endswith("|")):
                    yield _Edit(start, start + 1, [f"{prefix}| {rule.strip('|').strip()} |"])
                start += 1
    if notes := _notes_due(source):
        yield _Edit(last, last, [], after=notes)


def _html(token: Any, source: _Source) -> _Edit:
    """Show raw HTML as the reader of HTML does."""
    from ingest.readers import html

    first, last = token.map
    lines = source.lines[first:last]
    prefix, _ = _prefixes(lines, token.content.strip()) if token.level else ("", "")
    found = html.read(b"\xef\xbb\xbf" + token.content.encode("utf-8", "replace"))
    for remark in found.remarks:
        count, _, what = remark.partition(" ")
        if count.isdigit() and "picture" in what:
            source.left["picture"] += int(count)
    if not found.text.strip():
        return _Edit(first, last, [])
    new = found.text.split("\n")
    starts = [0]
    for line in new:
        starts.append(starts[-1] + len(line) + 1)
    index = {start: number for number, start in enumerate(starts)}
    headings = [
        (index[head.start], index.get(head.end + 1, index[head.start] + 1), head.level, head.title)
        for head in found.headings
        if head.start in index and not token.level
    ]
    if token.level:
        new = [(prefix or "") + " ".join(found.text.split())]
        headings = []
    # What follows without a blank line is a paragraph of its own all the same.
    gap = [""] if last < len(source.lines) and source.lines[last].strip() else []
    return _Edit(first, last, [*new, *gap], headings)


def _definitions(source: _Source, tokens: list[Any]) -> Iterator[_Edit]:
    """Take out the link targets that stand apart from their links."""
    if not source.env.get("references"):
        return
    leaves = ("inline", "fence", "code_block", "html_block", "hr", "heading_open", "table_open")
    covered = bytearray(len(source.lines) + 1)
    for token in tokens:
        if token.type in leaves and token.map:
            covered[token.map[0] : token.map[1]] = b"\1" * (token.map[1] - token.map[0])
    inside = False
    for number, line in enumerate(source.lines):
        if covered[number] or not line.strip(" \t>"):
            inside = False
            continue
        found = _DEFINITION.match(line)
        if found:
            target = found[2]
            # "[Tip]: restart" is a target to Markdown, and a remark to its writer.
            inside = (
                bool(re.search(r"[/.#:@]", target))
                or not target
                or (" ".join(found[1].split()).upper() in source.used)
            )
        if inside:
            yield _Edit(number, number + 1, [])


def _notes_due(source: _Source) -> list[str]:
    due = list(dict.fromkeys(source.pending))
    source.pending.clear()
    return due


def _shown(content: str, source: _Source, parser: Any) -> str:
    """Write inline source as it is read: "\\n" is a wrap, "\\v" a break that is meant."""
    if len(content) > _LONG:
        return content
    tokens: list[Any] = []
    parser.inline.parse(content, parser, source.env, tokens)
    parts: list[str] = []
    links: list[str] = []
    raised = unseen = ""
    for token in tokens:
        kind, text = token.type, token.content
        if kind == "html_inline" and (found := _UNSEEN.match(text)):
            unseen = "" if found[1] else found[2].lower()
            source.left["script"] += bool(unseen)
        elif unseen:
            continue
        elif kind in ("text", "text_special", "math"):
            if raised and text:
                text = _raised(parts, raised, text)
                raised = ""
            parts.append(text)
        elif kind == "code_inline":
            tick = " " if text[:1] == "`" or text[-1:] == "`" else ""
            plain = parser is source.parser
            parts.append(text if plain else f"{token.markup}{tick}{text}{tick}{token.markup}")
        elif kind == "softbreak":
            parts.append("\n")
        elif kind == "hardbreak":
            parts.append("\v")
        elif kind == "image":
            parts.append(_picture(token, source, linked=bool(links)))
        elif kind == "link_open":
            links.append(str(token.attrs.get("href", "")) if token.markup != "autolink" else "")
        elif kind == "link_close" and links:
            target = links.pop()
            reached = re.match(r"(?:mailto|tel):([^?]+)", target)
            if reached and reached[1] not in "".join(parts[-3:]):
                parts.append(f" ({reached[1]})")
        elif kind == "note":
            parts.append(_mark(text[2:-1].lower(), "".join(parts[-1:]), source))
        elif kind == "wiki":
            parts.append(_wiki(text, source))
        elif kind == "attributes":
            if parts:
                parts[-1] = parts[-1].rstrip(" \t")
        elif kind == "html_inline":
            tag = _TAG.fullmatch(text)
            if tag and tag[2].lower() == "sup" and not tag[1]:
                raised = "sup"
            else:
                parts.append(_tag(text, tag, source))
    return "".join(parts).strip(" \t\n\v")


def _raised(parts: list[str], kind: str, text: str) -> str:
    """Write a raised figure: 10^6 and km^2, but "founded [3]" for a mark after a word."""
    before = "".join(parts[-2:])[-12:]
    figure = re.match(r"[-+−]?\d+", text.strip())
    if not figure:
        return text
    unit = re.search(r"(?:\d|\b(?:[kcmdµn]?m|s|ft|in|[a-z]))$", before)
    return f"^{text.strip()}" if unit else f" [{text.strip()}]" if before.strip() else text


def _picture(token: Any, source: _Source, linked: bool) -> str:
    target = str(token.attrs.get("src", ""))
    alt = " ".join(_shown(token.content, source, source.parser).split()) if token.content else ""
    if _BADGE.search(target[:500]) and linked:
        return ""
    alt = re.sub(r"\|\d+(?:x\d+)?$", "", alt).strip()
    if alt and not _PICTURE.fullmatch(alt):
        return alt
    if not target.startswith("data:image"):  # counted already
        source.left["picture"] += 1
    return ""


def _mark(label: str, before: str, source: _Source) -> str:
    number = source.numbers.setdefault(label, str(len(source.numbers) + 1))
    marked = source.env.setdefault("set", set())
    if label not in marked:
        marked.add(label)
        source.pending.append(f"[{number}] {source.notes[label]}")
    return f"{' ' * (bool(before) and not before[-1:].isspace())}[{number}]"


def _wiki(text: str, source: _Source) -> str:
    page, _, shown = text.strip("![]").replace("\\|", "|").partition("|")
    if text.startswith("!"):
        if _PICTURE.fullmatch(page.rpartition("/")[2].replace(" ", "_")):
            source.left["picture"] += 1
            return "" if not shown or shown[0].isdigit() else shown
        return page
    return shown or page.strip("#").replace("#^", " > ").replace("#", " > ")


def _tag(text: str, tag: re.Match[str] | None, source: _Source) -> str:
    if not tag:
        return ""  # a comment, or a declaration
    name = tag[2].lower()
    if name in ("br", "p", "div", "li", "tr"):
        return "\v"
    if name in ("del", "s", "strike"):
        return "~~"
    if name == "img":
        found = _ALT.search(text)
        alt = (found[1] or found[2] or "") if found else ""
        if not alt and "data:image" not in text and not _BADGE.search(text[:500]):
            source.left["picture"] += 1
        return alt
    # "Run pull <branch>" is no tag of anything.
    if name not in _KNOWN_TAGS and not tag[1] and not tag[3] and name not in source.closed:
        return text
    return ""


def _written(source: _Source, edits: list[_Edit]) -> tuple[str, list[Heading]]:
    """Put the edits into the lines, and note where the headings came to lie."""
    out: list[str] = []
    found: list[tuple[int, int, int, str]] = []
    position = 0
    for edit in edits:
        out.extend(source.lines[position : edit.start])
        emptied = edit.end > edit.start and not any(map(str.strip, edit.lines))
        if not emptied:
            found.extend(
                (len(out) + start, len(out) + end, level, title)
                for start, end, level, title in edit.headings
            )
            out.extend(edit.lines)
        for note in edit.after:
            out.extend(("", note))
        position = max(position, edit.end)
        # A line that is left out takes the blank line after it along.
        nothing_before = not out or not out[-1].strip()
        more = position < len(source.lines) - 1
        if emptied and nothing_before and more and not source.lines[position].strip():
            position += 1
    out.extend(source.lines[position:])
    starts = [0]
    for line in out:
        starts.append(starts[-1] + len(line) + 1)
    length = starts[-1] - 1
    headings = []
    for first, last, level, title in found:
        start, end = starts[first], min(starts[last], length)
        if len(title) > TITLE:
            end = start  # what the title does not hold is read as text
        headings.append(Heading(start, end, level, _cut(title)))
    return "\n".join(out), headings
