"""Plain text: wrapped lines joined to paragraphs, and the headings that its writer marked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ingest.readers.content import Content, Heading, heading_title, table
from ingest.readers.decode import decoded
from ingest.readers.stated import stated_version
from ingest.readers.wrapping import MARKER, joined, wrapped

TITLE = 200  # characters of a title at most
_LONG = 100  # columns: a longer line is no heading
_UNDERLINE = re.compile(r"[ \t]*([=\-~^*#+_.])\1{2,}[ \t]*$")
_NUMBERED = re.compile(r"((?:\d{1,3}\.)*\d{1,3})(\.?)[ \t]+(?=[^\W\d_])")
_CLAUSE = re.compile(
    r"(?:(§{1,2})[ \t]*\d+\w?|(article|section|chapter|part|annex|appendix|schedule|book|title"
    r"|kapitel|abschnitt|artikel|teil|anhang|chapitre|artículo|clause)"
    r"[ \t]+(?:\d+(?:\.\d+)*|[IVXLC]+|[A-Z]"
    r"|(?-i:One|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten|ONE|TWO|THREE|FOUR|FIVE)))\b"
    r"(?=$|[ \t]*[.:\-–—(]|[ \t]+[A-ZÀ-Þ(\"“])",
    re.IGNORECASE,
)
_PAGE_FOOT = re.compile(r".{0,120}\[Page \w+\]\s*$")
_SENTENCE_END = re.compile(r"[.!?;,…。！？][\"'”’»)\]]*$")
_DEEP = re.compile(r"\d{1,3}(?:\.\d{1,3}){1,4}\.?[ \t]")  # the number of a clause, or a figure
_BOX = re.compile(r"[+|][-=+]{3,}[+|]$")
_TABLE_LINES = 3


def read(data: bytes) -> Content:
    """Read plain text."""
    text, remarks = decoded(data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _without_pages(text)
    words = Counter(re.findall(r"\w+", text.lower()) if "-\n" in text else ())
    out: list[str] = []
    found: list[tuple[int, int, str]] = []  # first line, the line after, style
    paragraphs = list(_paragraphs(text.split("\n")))
    solid = [index for index, lines in enumerate(paragraphs) if lines[0].strip()]
    before = {following: index for index, following in pairwise(solid)}
    after = dict(pairwise(solid))
    for index, lines in enumerate(paragraphs):
        if not lines[0].strip():
            out.extend(lines)
            continue
        previous = paragraphs[before[index]] if index in before else []
        following = paragraphs[after[index]] if index in after else []
        style, height = _heading_style(lines, previous, following)
        if not style and not found and _is_centred(lines) and index < solid[:4][-1] + 1:
            style, height = "=title", 1
        if style:
            found.append((len(out), len(out) + height, style))
            out.extend(lines[:height])
            lines = lines[height:]
        if lines:
            out.extend(_laid_out(lines, words))
    body = "\n".join(out)
    headings = _headings(out, found, len(body))
    first = headings[0] if headings else None
    named = first and not found[0][2].startswith(("clause", "number"))
    leading = bool(first) and not body[: first.start if first else 0].strip()
    return Content(
        body,
        headings,
        title=first.title if first and named and (leading or found[0][2] == "=title") else "",
        version=stated_version(body),
        remarks=remarks,
    )


def _paragraphs(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield runs of lines, and the runs of blank lines between them."""
    run: list[str] = []
    for line in lines:
        if run and bool(line.strip()) != bool(run[-1].strip()):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _without_pages(text: str) -> str:
    """Take the running heads and feet at page breaks out, and join what they part."""
    if "\f" not in text and "[Page " not in text:
        return text
    pages: list[list[str]] = [[]]
    for line in text.split("\n"):
        head, *rest = line.split("\f")
        if head or not rest:
            pages[-1].append(head)
        pages.extend([part] for part in rest)
        if not rest and _PAGE_FOOT.match(line):
            pages.append([])
    edges: Counter[str] = Counter()
    for page in pages:
        edges.update({_masked(page[index]) for index in _edges(page)})
    parts: list[list[str]] = []
    for page in pages:
        out = {
            index
            for index in _edges(page)
            if (edges[_masked(page[index])] > max(1, len(pages) // 3) and len(page[index]) < 120)
            or _PAGE_FOOT.match(page[index])
            or re.fullmatch(r"\W*(?:page )?\d{1,4}(?: of \d+)?\W*", page[index].strip(), re.I)
        }
        kept = [line for index, line in enumerate(page) if index not in out]
        while kept and not kept[0].strip():
            kept.pop(0)
        while kept and not kept[-1].strip():
            kept.pop()
        if not kept:
            continue
        goes_on = parts and kept[0].strip()[0].islower() and not _ends(parts[-1][-1])
        if parts and not goes_on:
            parts.append([""])
        parts.append(kept)
    ending = "\n" * text.endswith("\n")
    return "\n".join(line for part in parts for line in part) + ending


def _edges(page: Sequence[str]) -> set[int]:
    """Return the first and the last line of a page that are not blank."""
    solid = [index for index, line in enumerate(page) if line.strip()]
    return {solid[0], solid[-1]} if len(solid) > 2 else set(solid[-1:])


def _masked(line: str) -> str:
    return re.sub(r"\d+|\b[ivxlc]+\b", "0", " ".join(line.split()))


def _ends(line: str) -> bool:
    return re.search(r"[.!?:…。！？][\"'”’»)\]]*$", line.rstrip()) is not None


def _heading_style(
    lines: Sequence[str], previous: Sequence[str], following: Sequence[str]
) -> tuple[str, int]:
    """Return the style of a heading that a paragraph begins with, and its lines; "" if none."""
    line = lines[0].strip()
    letters = sum(map(str.isalpha, line[: _LONG + 1]))
    ruled = len(lines) >= 3 and _UNDERLINE.match(lines[0]) is not None
    if (not letters or len(line) > _LONG) and not ruled:
        return "", 0
    # A line over the title as well as under it, as in RST
    if ruled and _UNDERLINE.match(lines[2]):
        rule, title = lines[0].strip(), lines[1].strip()
        if rule[0] == lines[2].strip()[0] and title and len(title) <= _LONG:
            return "_over" + rule[0], 3
    found = _UNDERLINE.match(lines[1]) if len(lines) >= 2 and "  " not in line else None
    if found and len(lines[1].strip()) * 2 >= len(line) and not MARKER.match(line):
        return "_" + found[1], 2
    alone = len(lines) == 1
    found = _CLAUSE.match(line)
    if found and (alone or len(line) < 60) and not _SENTENCE_END.search(line):
        return f"clause {(found[1] or found[2]).lower()}", 1
    if found := _NUMBERED.match(line):
        depth = found[1].count(".") + 1
        if alone and not _SENTENCE_END.search(line) and line[found.end()].isupper():
            neighbours = [
                _NUMBERED.match(other[0].strip()) for other in (previous, following) if other
            ]
            in_list = any(
                other
                and other[1].count(".") + 1 == depth
                and other[1] != found[1]  # of a table of contents
                and not _is_above(found[1], other[1])
                for other in neighbours
            )
            if following and (depth > 1 or not in_list) and len(line) <= 80:
                return f"number {depth}", 1
        return "", 0
    caps = line.isupper() and letters >= 4 and letters * 5 >= len(line) * 3
    if caps and not _SENTENCE_END.search(line) and not MARKER.match(line):
        shouted = sum(other.strip().isupper() for other in lines)
        if shouted == 1 and not (alone and not following and not previous):
            return "caps", 1
        if shouted == len(lines) == 2:
            return "caps", 2
    if alone and not previous and following and _is_title(line, following):
        return "=title", 1
    return "", 0


def _is_above(number: str, other: str) -> bool:
    return other.startswith(number + ".") or number.startswith(other + ".")


def _is_centred(lines: Sequence[str]) -> bool:
    indent = len(lines[0]) - len(lines[0].lstrip())
    words = lines[0].strip()
    return len(lines) == 1 and indent >= 10 and len(words) <= 60 and not _SENTENCE_END.search(words)


def _is_title(line: str, following: Sequence[str]) -> bool:
    """Tell whether a document's first line is its title, not a sentence or a greeting."""
    longer = sum(map(len, following)) > len(line)
    longer |= len(following) > 1 or bool(
        _CLAUSE.match(following[0].strip()) or _NUMBERED.match(following[0].strip())
    )
    plain = not re.search(r"[.!?;:=<>{}|#\\]|  |\t|,$", line)
    return len(line) <= 80 and plain and longer and line[0].isupper() and not MARKER.match(line)


def _headings(
    out: Sequence[str], found: Sequence[tuple[int, int, str]], length: int
) -> tuple[Heading, ...]:
    """Give each style the level below the one it first came under, as RST does."""
    starts = [0]
    for line in out:
        starts.append(starts[-1] + len(line) + 1)
    levels: dict[str, int] = {}
    level = 0
    headings = []
    for first, last, style in found:
        if style not in levels:
            levels[style] = level + 1
        level = levels[style]
        words = [line for line in out[first:last] if not _UNDERLINE.match(line)]
        title = heading_title(" ".join(words))
        if title:
            headings.append(
                Heading(starts[first], min(starts[last], length), min(level, 6), title[:TITLE])
            )
    return tuple(headings)


def _laid_out(lines: list[str], words: Counter[str]) -> list[str]:
    """Return a paragraph's lines as they are to stand: joined, as a table, or as they are."""
    if len(lines) >= _TABLE_LINES and (rows := _table(lines)):
        return rows
    out: list[str] = []
    item: list[str] = []
    for line in [*lines, None]:
        begins = line is not None and MARKER.match(line.strip()[:20] + " x") is not None
        begins = begins and (not item or _is_marked(item[0]) or len(item[-1].strip()) < 70)
        if line is not None and item and _DEEP.match(line.strip()):
            begins = _DEEP.match(item[0].strip()) is not None or _is_marked(item[0])
        if item and (line is None or begins):
            out.extend(_item(item, words))
            item = []
        if line is not None:
            item.append(line)
    return out


def _is_marked(line: str) -> bool:
    start = line.strip()[:20] + " x"
    return MARKER.match(start) is not None or _DEEP.match(start) is not None


def _item(lines: list[str], words: Counter[str]) -> list[str]:
    """Join the lines of a list's item, or of a paragraph, where they are wrapped."""
    if len(lines) < 2:
        return lines
    marked = _is_marked(lines[0])
    indent = len(lines[0]) - len(lines[0].lstrip())
    hanging = marked and all(len(line) - len(line.lstrip()) > indent for line in lines[1:])
    if hanging and not any(_is_marked(line) for line in lines[1:]) and len(lines) <= 30:
        wrap = wrapped([line.strip() for line in lines]) or len(lines) == 2
    else:
        wrap = wrapped(lines)
    if not wrap:
        return lines
    return [lines[0][:indent] + joined(lines, words)]


def _table(lines: list[str]) -> list[str]:
    """Return a table that is drawn with tabs, with boxes, or with columns of spaces; [] if none."""
    if all("\t" in line.strip() for line in lines):
        rows = [line.strip("\n").split("\t") for line in lines]
        if len({len(row) for row in rows}) == 1 and len(rows[0]) <= 60:
            return [block.text for block in table(rows, _heads(rows))]
    bare = [line.strip() for line in lines]
    if _BOX.match(bare[0]) and all(line[:1] in "|+" for line in bare):
        return _boxed(bare)
    spaced = [line for line in lines if re.search(r"\S {2,}\S", line[:300])]
    if len(spaced) * 5 < len(lines) * 4 or max(map(len, lines)) > 300:
        return []
    columns = _columns(lines)
    if len(columns) < 3:
        return []
    rows, ruled = [], False
    for line in lines:
        cells = [line[start:end].strip() for start, end in columns]
        if all(not cell.strip("-=_ ") for cell in cells):
            ruled |= len(rows) > 0
            continue
        rows.append(cells)
    full = sum(sum(map(bool, row)) * 2 > len(columns) for row in rows)
    cells = [cell for row in rows for cell in row if cell]
    if len(rows) < 2 or full * 5 < len(rows) * 4 or sum(map(len, cells)) > 30 * len(cells):
        return []
    return [block.text for block in table(rows, 1 if ruled else _heads(rows))]


def _columns(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Return where the columns begin and end that spaces of two at least part in every line."""
    width = max(map(len, lines))
    used = bytearray(width)
    for line in lines:
        if not line.strip(" -=_"):
            line = re.sub(r"[^ ]", "", line) if " " not in line.strip() else line
        for index, sign in enumerate(line):
            if sign != " ":
                used[index] = 1
    spans = [found.span() for found in re.finditer(rb"\x01+(?:\x00\x01+)*", bytes(used))]
    return [(start, end) for start, end in spans]


def _heads(rows: Sequence[Sequence[str]]) -> int:
    """Return 1 unless the first row plainly holds data: figures where others have figures."""
    first = [bool(re.match(r"[-+$€£(]?\d", cell.strip())) for cell in rows[0]]
    return 0 if any(first) and not re.fullmatch(r"\d{4}", rows[0][first.index(True)].strip()) else 1


def _boxed(lines: Sequence[str]) -> list[str]:
    """Read a table of boxes, in which rules part the rows: lines between two are one row."""
    groups: list[list[list[str]]] = [[]]
    for line in lines:
        if line.startswith("+") or _BOX.match(line):
            groups.append([])
        else:
            groups[-1].append([cell.strip() for cell in line.strip("|").split("|")])
    groups = [group for group in groups if group]
    if not groups:
        return []
    ruled = len(groups) > 2 and all(len(group) < 4 for group in groups)
    if ruled:  # each row has its rules
        rows = [
            [" ".join(filter(None, column)) for column in zip(*_even(group), strict=True)]
            for group in groups
        ]
    else:
        rows = [row for group in groups for row in group]
    return [block.text for block in table(rows, 1 if len(groups) > 1 else 0)]


def _even(rows: list[list[str]]) -> list[list[str]]:
    width = max(map(len, rows))
    return [row + [""] * (width - len(row)) for row in rows]
