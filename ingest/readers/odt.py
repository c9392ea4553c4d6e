"""ODT and ODS: headings, lists with their numbers, tables, notes; sheets as places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest.errors import DocumentUnreadable
from ingest.readers.content import Block, Content, assembled, leading_title, pairs, table
from ingest.readers.docx_lists import LEVELS, figure, whole
from ingest.readers.drawing import alternative, stored
from ingest.readers.package import ENCRYPTED, Package, counted, opened
from ingest.readers.runs import joined
from ingest.readers.stated import iso_date, proper_title, stated_version
from ingest.readers.xlsx import Budget, Sheet

if TYPE_CHECKING:
    from lxml.etree import _Element

_ODF = "{urn:oasis:names:tc:opendocument:xmlns:"
TEXT, TABLE, STYLE, DRAW, OFFICE = (
    f"{_ODF}{name}:1.0}}" for name in ("text", "table", "style", "drawing", "office")
)
SVG = f"{_ODF}svg-compatible:1.0}}"
XLINK = "{http://www.w3.org/1999/xlink}"
DC = "{http://purl.org/dc/elements/1.1/}"
META = f"{_ODF}meta:1.0}}"

_SKIPPED = frozenset(
    f"{TEXT}{name}"
    for name in "tracked-changes sequence-decls variable-decls user-field-decls hidden-text"
    " hidden-paragraph note-citation ruby-text number alphabetical-index-auto-mark-file".split()
)
_INDEXES = frozenset(
    f"{TEXT}{name}" for name in ("table-of-content", "illustration-index", "table-index")
)
_REPEATED, _WIDEST, _SHEET_WIDEST, _MOST_ROWS = 300, 200, 20_000, 100_000
_FORMS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman"}
_FORMS |= {"I": "upperRoman", "": "none"}
_REMARKS = (
    ("comment", "comment left out", "comments left out"),
    ("deletion", "tracked deletion left out", "tracked deletions left out"),
    ("picture", "picture without text", "pictures without text"),
    ("object", "embedded object left out", "embedded objects left out"),
    ("contents", "table of contents left out", "tables of contents left out"),
    ("damaged", "damaged part, read as far as it goes", "damaged parts, read as far as they go"),
)


def read(data: bytes) -> Content:
    """Read ODT. Raises DocumentUnreadable when it is encrypted, damaged or too large."""
    try:
        return _read(opened(data, ".odt"))
    except RecursionError:
        raise DocumentUnreadable("damaged: its parts nest too deeply") from None


def _read(package: Package) -> Content:
    if b"encryption-data" in package.part("META-INF/manifest.xml"):
        raise DocumentUnreadable(ENCRYPTED)
    root = package.xml("content.xml")
    body = None if root is None else root.find(f"{OFFICE}body")
    if root is None or body is None:
        raise DocumentUnreadable("damaged: it has no text body; save it again as .odt")
    reader = _Reader(package, [root, package.xml("styles.xml")])
    budget = Budget()
    blocks: list[Block] = []
    for part in body:
        if part.tag == f"{OFFICE}spreadsheet":
            reader.widest = _SHEET_WIDEST
            blocks += (
                block
                for sheet in part.iter(f"{TABLE}table")
                for block in _sheet(sheet, reader, package, budget)
            )
        elif isinstance(part.tag, str):
            blocks += reader.blocks(part)
    counts = reader.left_out
    counts["damaged"] = len(package.damaged)
    remarks = counted((counts[name], one, many) for name, one, many in _REMARKS)
    if budget.stopped:
        remarks = (*remarks, f"read up to {budget.stopped}: the rest is too large")
    title, date = _properties(package)
    content = assembled(blocks, date=date, remarks=remarks)
    leading = leading_title(content.headings) if not content.places else ""
    own = leading if content.headings and content.headings[0].level == 0 else ""
    return replace(content, title=own or title or leading, version=stated_version(content.text))


def _properties(package: Package) -> tuple[str, str]:
    root = package.xml("meta.xml")
    meta = None if root is None else root.find(f"{OFFICE}meta")
    if meta is None:
        return "", ""
    dates = (meta.findtext(name) or "" for name in (f"{DC}date", f"{META}creation-date"))
    return (
        proper_title(meta.findtext(f"{DC}title") or ""),
        next(filter(None, map(iso_date, dates)), ""),
    )


@dataclass(frozen=True)
class _Level:
    form: str  # as Word's; "bullet"
    before: str = ""
    after: str = ""
    shown: int = 1  # how many levels the number shows
    start: int = 1


@dataclass
class _Paragraph:
    pieces: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    after: list[Block] = field(default_factory=list)


class _Reader:
    def __init__(self, package: Package, roots: list[_Element | None]) -> None:
        self.package = package
        self.styles: dict[str, _Element] = {}
        self.lists: dict[str, dict[int, _Level]] = {}
        self.outline: dict[int, _Level] = {}
        self.left_out: Counter[str] = Counter()
        self.count = 0  # of the notes so far
        self.tables = self.nested = 0
        self.widest = _WIDEST  # columns of a row
        self.repeated = _MOST_ROWS  # rows that may still be repeated
        self.noted: list[str] = []  # in the cells of the open table
        self.counts: dict[str, list[int | None]] = {}  # by list style
        self.headed: list[int | None] = [None] * LEVELS
        for root in roots:
            for style in root.iter(f"{STYLE}style") if root is not None else ():
                self.styles.setdefault(style.get(f"{STYLE}name", ""), style)
            for made in root.iter(f"{TEXT}list-style") if root is not None else ():
                self.lists.setdefault(made.get(f"{STYLE}name", ""), _levels(made))
            for made in root.iter(f"{TEXT}outline-style") if root is not None else ():
                self.outline = _levels(made)
            for _ in root.iter(f"{TEXT}deletion") if root is not None else ():
                self.left_out["deletion"] += 1

    def blocks(self, parent: _Element) -> Iterator[Block]:
        """Yield what stands in an element, in order."""
        for child in parent:
            tag = child.tag
            if not isinstance(tag, str) or tag in _SKIPPED:
                continue
            if tag in (f"{TEXT}p", f"{TEXT}h"):
                yield from self._paragraph(child)
            elif tag == f"{TEXT}list":
                yield from self._list(child, 0, "")
            elif tag == f"{TABLE}table":
                yield from self._table(child)
            elif tag in _INDEXES:
                self.left_out["contents"] += 1
            elif tag == f"{OFFICE}annotation":
                self.left_out["comment"] += 1
            elif tag.startswith(DRAW):
                gathered = _Paragraph()
                self._drawing(child, gathered)
                yield from gathered.after
            elif child.get(f"{TEXT}display") != "none":
                yield from self.blocks(child)

    def _chain(self, style: str) -> Iterator[tuple[str, _Element]]:
        seen: set[str] = set()
        while style in self.styles and style not in seen and len(seen) < 30:
            seen.add(style)
            yield style, self.styles[style]
            style = self.styles[style].get(f"{STYLE}parent-style-name", "")

    def _property(self, style: str, name: str) -> str:
        for _, found in self._chain(style):
            for part in found.iter(f"{STYLE}text-properties"):
                if value := part.get(name):
                    return value
        return ""

    def _paragraph(self, element: _Element, marker: str = "") -> Iterator[Block]:
        gathered = _Paragraph()
        style = element.get(f"{TEXT}style-name", "")
        heading = element.tag == f"{TEXT}h"
        titled = any(name == "Title" for name, _ in self._chain(style))
        self._gather(element, gathered, "")
        text = joined(gathered.pieces, heading=heading or titled).strip()
        if text and heading:
            level = max(whole(element.get(f"{TEXT}outline-level"), 1), 1)
            number = self._numbered(element, level)
            yield Block(" ".join(f"{number} {text}".split()), level=level)
        elif text and titled and not marker:
            yield Block(" ".join(text.split()), level=0)
        elif text:
            yield Block(f"{marker}{text}", run="item" if marker else "")
        yield from map(Block, gathered.notes)
        yield from gathered.after

    def _numbered(self, element: _Element, level: int) -> str:
        written = element.findtext(f"{TEXT}number")
        if written or element.get(f"{TEXT}is-list-header") == "true" or level > LEVELS:
            return written or ""
        return _next(self.headed, self.outline, level - 1, None)

    def _list(self, element: _Element, depth: int, style: str) -> Iterator[Block]:
        style = element.get(f"{TEXT}style-name") or style
        levels = self.lists.get(style, {})
        counts = self.counts.setdefault(style, [None] * LEVELS)
        goes_on = element.get(f"{TEXT}continue-numbering") == "true" or element.get(
            f"{TEXT}continue-list"
        )
        at = min(depth, LEVELS - 1)
        if not goes_on:
            counts[at:] = [None] * (LEVELS - at)
        for item in element:
            if item.tag not in (f"{TEXT}list-item", f"{TEXT}list-header"):
                continue
            first = item.tag == f"{TEXT}list-item"
            for child in item:
                if child.tag == f"{TEXT}list":
                    yield from self._list(child, depth + 1, style)
                elif child.tag in (f"{TEXT}p", f"{TEXT}h"):
                    marker = ""
                    if first:
                        start = item.get(f"{TEXT}start-value")
                        number = _next(counts, levels, at, start) or "-"
                        marker = f"{'  ' * at}{number} "
                    first = False
                    yield from self._paragraph(child, marker or "  " * (at + 1))
                else:
                    yield from self.blocks(item)
                    break

    def _gather(self, parent: _Element, into: _Paragraph, mark: str) -> None:
        into.pieces.append((_squeezed(parent.text), mark))
        for child in parent:
            self._inline(child, into, mark)
            into.pieces.append((_squeezed(child.tail), mark))

    def _inline(self, child: _Element, into: _Paragraph, mark: str) -> None:
        tag = child.tag
        if not isinstance(tag, str) or tag in _SKIPPED:
            return
        if tag == f"{TEXT}s":
            into.pieces.append((" " * min(max(whole(child.get(f"{TEXT}c"), 1), 1), 100), mark))
        elif tag == f"{TEXT}tab":
            into.pieces.append(("\t", mark))
        elif tag == f"{TEXT}line-break":
            into.pieces.append(("\n", mark))
        elif tag == f"{TEXT}note":
            body = child.find(f"{TEXT}note-body")
            text = "" if body is None else _flat(self.blocks(body))
            if text:
                self.count += 1
                into.pieces.append((f"[{self.count}]", "note"))
                into.notes.append(f"[{self.count}] {text}")
        elif tag == f"{OFFICE}annotation":
            self.left_out["comment"] += 1
        elif tag == f"{OFFICE}annotation-end":
            return
        elif tag.startswith(DRAW) and tag != f"{DRAW}a":
            self._drawing(child, into)
        else:
            own = self._mark(child.get(f"{TEXT}style-name", "")) if tag == f"{TEXT}span" else ""
            self._gather(child, into, own or mark)

    def _mark(self, style: str) -> str:
        position = self._property(style, f"{STYLE}text-position")
        if position.startswith("super") or re.match(r"[1-9]\d*%", position):
            return "raised"
        line = self._property(style, f"{STYLE}text-line-through-style")
        return "struck" if line not in ("", "none") else ""

    def _drawing(self, drawing: _Element, into: _Paragraph) -> None:
        """Take text boxes, formulas, charts and the texts of pictures."""
        before = len(into.after)
        into.after += self._boxes(drawing)
        if len(into.after) > before:
            return
        for made in drawing.iter(f"{DRAW}object"):
            path = made.get(f"{XLINK}href", "").removeprefix("./")
            root = self.package.xml(f"{path}/content.xml") if path else None
            formula = None if root is None else root.findtext(".//{*}annotation")
            if root is not None and root.tag.endswith("}math"):
                text = " ".join(
                    (formula or "".join(node.text or "" for node in root.iter())).split()
                )
                into.pieces.append((text, "formula"))
                return
            grids = [] if root is None else list(root.iter(f"{TABLE}table"))
            for grid in grids:
                into.after += self._table(grid)
            if not grids:
                self.left_out["object"] += 1
            return
        pictures = sum(1 for _ in drawing.iter(f"{DRAW}image"))
        texts = (drawing.findtext(f".//{SVG}{name}") for name in ("desc", "title"))
        text = next(filter(None, map(alternative, texts)), "")
        if pictures and text:
            into.after.append(Block(f"[Picture: {text}]"))
            pictures -= 1
        self.left_out["picture"] += pictures

    def _boxes(self, drawing: _Element) -> Iterator[Block]:
        for child in drawing:
            if child.tag in (f"{TEXT}p", f"{TEXT}h", f"{TEXT}list"):
                yield from self.blocks(drawing)
                return
        for child in drawing:
            if isinstance(child.tag, str) and child.tag.startswith((DRAW, TABLE)):
                if child.tag == f"{TABLE}table":
                    yield from self._table(child)
                else:
                    yield from self._boxes(child)

    def _table(self, element: _Element) -> Iterator[Block]:
        notes = self.count
        self.nested += 1
        rows = [row for _, row in self.rows(element)]
        self.nested -= 1
        head = element.find(f"{TABLE}table-header-rows")
        heads = 0 if head is None else len(head.findall(f"{TABLE}table-row"))
        texts = [[text for text, _ in row] for row in rows]
        if len(texts) == 1 and len(texts[0]) == 1:
            yield Block(texts[0][0])
            return
        if texts and not heads:
            heads = int(len(texts) > 1 and not pairs(texts))
        if self.nested:
            lines = (", ".join(dict.fromkeys(filter(None, row))) for row in texts)
            yield Block("; ".join(filter(None, lines)))
            return
        self.tables += 1
        yield from table(texts, heads, run=f"row {self.tables}")
        if self.count > notes:
            yield from (Block(note) for note in self.noted)
            self.noted.clear()

    def rows(self, element: _Element) -> Iterator[tuple[int, list[tuple[str, str]]]]:
        """Yield each filled row: its number from 1, and its cells as (text, kind of value)."""
        number = 1
        open_: dict[int, tuple[int, str]] = {}  # by column: the last row, and the text
        for row in element.iter(f"{TABLE}table-row"):
            if next(row.iterancestors(f"{TABLE}table"), None) is not element:
                continue
            repeated = max(whole(row.get(f"{TABLE}number-rows-repeated"), 1), 1)
            cells = self._cells(row, number, open_)
            if any(text for text, _ in cells):
                copies = min(repeated, 1 + self.repeated)
                self.repeated -= copies - 1
                for at in range(copies):
                    yield number + at, list(cells)
            number += repeated

    def _cells(
        self, row: _Element, number: int, open_: dict[int, tuple[int, str]]
    ) -> list[tuple[str, str]]:
        cells: list[tuple[str, str]] = []
        for cell in row:
            covered = cell.tag == f"{TABLE}covered-table-cell"
            if not covered and cell.tag != f"{TABLE}table-cell":
                continue
            times = max(whole(cell.get(f"{TABLE}number-columns-repeated"), 1), 1)
            kind = cell.get(f"{OFFICE}value-type", "")
            text = self._cell(cell, kind)
            wide = max(whole(cell.get(f"{TABLE}number-columns-spanned"), 1), 1)
            high = max(whole(cell.get(f"{TABLE}number-rows-spanned"), 1), 1)
            if not covered and text and (wide > 1 or high > 1) and len(text) <= _REPEATED:
                for column in range(len(cells), len(cells) + min(wide, _WIDEST)):
                    open_[column] = (number + high - 1, text)
            for _ in range(min(times, _WIDEST if text else self.widest - len(cells))):
                last, above = open_.get(len(cells), (0, ""))
                cells.append((above if covered and last >= number else text, kind))
        while cells and not cells[-1][0]:
            cells.pop()
        return cells

    def _cell(self, cell: _Element, kind: str) -> str:
        if kind == "date":
            stamp = cell.get(f"{OFFICE}date-value", "")
            return stamp.removesuffix("T00:00:00").replace("T", " ")
        blocks = list(self.blocks(cell))
        if not blocks:  # some programs leave out how it is shown
            names = ("string-value", "value", "boolean-value", "time-value")
            value = next(filter(None, (cell.get(f"{OFFICE}{name}") for name in names)), "")
            return value.upper() if kind == "boolean" else stored(value)
        if cell.get(f"{OFFICE}value") == "NaN":
            return ""
        self.noted.extend(b.text for b in blocks if re.match(r"\[\d+\] ", b.text))
        return _flat(b for b in blocks if not re.match(r"\[\d+\] ", b.text))


def _sheet(element: _Element, reader: _Reader, package: Package, budget: Budget) -> Iterator[Block]:
    sheet = Sheet(element.get(f"{TABLE}name", ""), package, "", budget)
    before = 0
    for number, row in reader.rows(element):
        if budget.cells <= 0 or budget.positions <= 0:
            budget.stopped = budget.stopped or f"sheet {sheet.name}, row {number - 1}"
            break
        if number > before + 1:
            sheet.end()
        before = number
        texts = [text for text, _ in row]
        filled = sum(map(bool, texts))
        budget.cells -= filled
        budget.positions -= len(row)
        values = [
            0.5 if kind in ("float", "currency", "percentage") else text for text, kind in row
        ]
        years = [
            int(t) if isinstance(v, float) and t.isdecimal() and len(t) == 4 else v
            for t, v in zip(texts, values, strict=True)
        ]
        sheet.add(number, texts, years, filled, False)
    yield from sheet.finished()


def _levels(style: _Element) -> dict[int, _Level]:
    found = {}
    for level in style:
        at = whole(level.get(f"{TEXT}level"), 1) - 1
        if level.tag == f"{TEXT}list-level-style-bullet":
            found[at] = _Level("bullet")
        elif isinstance(level.tag, str):
            found[at] = _Level(
                _FORMS.get(level.get(f"{STYLE}num-format", ""), "decimal"),
                level.get(f"{STYLE}num-prefix", ""),
                level.get(f"{STYLE}num-suffix", ""),
                whole(level.get(f"{TEXT}display-levels"), 1),
                whole(level.get(f"{TEXT}start-value"), 1),
            )
    return found


def _next(counts: list[int | None], levels: dict[int, _Level], at: int, start: str | None) -> str:
    """Count a list on, and return its number; nothing where the level has none."""
    level = levels.get(at, _Level("none"))
    before = counts[at]
    counts[at] = whole(start, level.start) if start or before is None else before + 1
    counts[at + 1 :] = [None] * (LEVELS - at - 1)
    if level.form in ("bullet", "none"):
        return ""
    first = max(at - level.shown + 1, 0)
    shown = []
    for depth in range(first, at + 1):
        of = levels.get(depth, _Level("decimal"))
        count = counts[depth]
        shown.append(figure(of.form, of.start if count is None else count))
    return f"{level.before}{'.'.join(filter(None, shown))}{level.after}".strip()


def _squeezed(text: str | None) -> str:
    return re.sub(r"[ \t\r\n]+", " ", text or "")


def _flat(blocks: Iterator[Block]) -> str:
    return " ".join(" ".join(block.text.split()) for block in blocks)
