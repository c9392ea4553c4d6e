"""DOCX: paragraphs, list items, tables, notes, text boxes and headings, in reading order.

The parts are read as XML: a library that stops at the first odd spot would lose the file.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest.errors import DocumentUnreadable
from ingest.readers.content import Block, Content, assembled, leading_title, pairs, table
from ingest.readers.docx_lists import LEVELS, Numbering, W, numbering, whole
from ingest.readers.docx_math import M, linear
from ingest.readers.drawing import alternative, chart, diagram
from ingest.readers.package import Package, counted, opened
from ingest.readers.runs import joined
from ingest.readers.stated import iso_date, proper_title, stated_version
from ingest.readers.symbols import SYMBOL_FONTS, from_symbol_font

if TYPE_CHECKING:
    from lxml.etree import _Element

R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
V = "{urn:schemas-microsoft-com:vml}"
PIC = "{http://schemas.openxmlformats.org/drawingml/2006/picture}"
DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
DC = "{http://purl.org/dc/elements/1.1/}"
TERMS = "{http://purl.org/dc/terms/}"

PARAGRAPHS = 250_000  # of a file that is read

_OFF = frozenset(("0", "false", "off", "none"))
_SKIPPED = frozenset(
    f"{W}{name}"
    for name in "pPr rPr sdtPr sdtEndPr smartTagPr customXmlPr fldData delInstrText instrText"
    " commentReference annotationRef footnoteRef endnoteRef lastRenderedPageBreak softHyphen"
    " rt proofErr bookmarkStart bookmarkEnd tblPr tblGrid trPr tcPr sectPr".split()
)
_SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Of the templates of python-docx and python-pptx.
_OF_TEMPLATES = ("2013-12-23T23:15:00Z", "2013-01-27T09:14:16Z", "2013-01-27T09:15:58Z")
_LIFTED = (f"{W}bdo", f"{W}dir", f"{W}customXml")
_WIDEST = 200  # columns; beyond, a table's rows are taken as they stand
_REPEATED = 300  # characters of a merged cell that stand in each of the cells it covers
_TITLES = frozenset("title titel titre título titolo".split())
_HEADING = re.compile(
    r"(?:heading|überschrift|titre|título|titolo|kop|rubrik|overskrift|otsikko|nagłówek|nadpis"
    r"|заголовок|标题|見出し) ?([1-9])"
)
_FIELDS = 50  # that are open at once; of more, a file is broken
_BOLD_LENGTH, _BOLD_WORDS = 90, 14  # of a bold line that may be a heading

_REMARKS = (
    ("comment", "comment left out", "comments left out"),
    ("deletion", "tracked deletion left out", "tracked deletions left out"),
    ("picture", "picture without text", "pictures without text"),
    ("object", "embedded object left out", "embedded objects left out"),
    ("hidden", "hidden passage left out", "hidden passages left out"),
    ("contents", "line of a table of contents left out", "lines of a table of contents left out"),
    ("symbol", "symbol without a letter left out", "symbols without a letter left out"),
    ("note", "note without text", "notes without text"),
    ("formula", "formula left out", "formulas left out"),
    ("running", "running head or foot left out", "running heads and feet left out"),
    ("damaged", "damaged part, read as far as it goes", "damaged parts, read as far as they go"),
)


def read(data: bytes) -> Content:
    """Read DOCX. Raises DocumentUnreadable when it is encrypted, damaged or too large."""
    package = opened(data, ".docx")
    try:
        return _read(package)
    except RecursionError:
        raise DocumentUnreadable("damaged: its parts nest too deeply") from None


def _read(package: Package) -> Content:
    main = package.first("", "officeDocument", "word/document.xml")
    root = package.xml(main)
    body = None if root is None else root.find(f"{W}body")
    if body is None:
        raise DocumentUnreadable("damaged: it has no text body; save it again as .docx")
    paragraphs = sum(1 for _ in body.iter(f"{W}p"))
    if paragraphs > PARAGRAPHS:
        raise DocumentUnreadable(f"it has {paragraphs:,} paragraphs: too large, so split it")
    reader = _Reader(package, main)
    blocks = _headed(list(reader.blocks(body)))
    counts = reader.left_out
    counts["comment"] = reader.comments()
    counts["running"] = reader.running()
    counts["damaged"] = len(package.damaged)
    title, date = properties(package)
    content = assembled(
        (item.block for item in blocks),
        date=date,
        remarks=counted((counts[name], one, many) for name, one, many in _REMARKS),
    )
    leading = leading_title(content.headings)
    own = leading if content.headings and content.headings[0].level == 0 else ""
    return replace(content, title=own or title or leading, version=stated_version(content.text))


def properties(package: Package) -> tuple[str, str]:
    """Return the title and the date in an office file's properties."""
    root = package.xml(package.first("", "core-properties", "docProps/core.xml"))
    if root is None:
        return "", ""
    stamps = [root.findtext(f"{TERMS}{name}") or "" for name in ("modified", "created")]
    dates = (iso_date(stamp) for stamp in stamps if stamp not in _OF_TEMPLATES)
    return proper_title(root.findtext(f"{DC}title") or ""), next(filter(None, dates), "")


@dataclass(frozen=True)
class _Item:
    block: Block
    bold: bool = False  # a paragraph of bold signs only
    plain: bool = False  # a paragraph of text, neither item nor row nor heading
    note: bool = False  # a foot- or endnote


@dataclass(frozen=True)
class _Cell:
    """Hold a cell of a table; it covers the columns from start up to end."""

    start: int
    end: int
    merged: str  # with those above or below: "restart", "continue"
    items: list[_Item]

    def text(self) -> str:
        return _flat(item.block for item in self.items if not item.note)


@dataclass(frozen=True)
class _Style:
    name: str = ""
    based_on: str = ""
    properties: tuple[_Element, ...] = ()  # of paragraphs and runs


class _Styles:
    """Look up what styles say, or the styles that they are based on."""

    def __init__(self, root: _Element | None) -> None:
        self.by_id: dict[str, _Style] = {}
        self.default = ""
        for style in root.iter(f"{W}style") if root is not None else ():
            name = style.get(f"{W}styleId", "")
            found = [style.find(f"{W}{tag}") for tag in ("pPr", "rPr")]
            self.by_id[name] = _Style(
                _value(style, "name").lower(),
                _value(style, "basedOn"),
                tuple(part for part in found if part is not None),
            )
            if style.get(f"{W}default") not in (None, *_OFF) and (
                style.get(f"{W}type") == "paragraph"
            ):
                self.default = name

    def chain(self, style: str) -> Iterator[tuple[str, _Style]]:
        seen: set[str] = set()
        while style in self.by_id and style not in seen and len(seen) < 30:
            seen.add(style)
            yield style, self.by_id[style]
            style = self.by_id[style].based_on

    def find(self, style: str, name: str) -> _Element | None:
        for _, found in self.chain(style):
            for part in found.properties:
                child = part.find(f"{W}{name}")
                if child is not None:
                    return child
        return None

    def name(self, style: str) -> str:
        return self.by_id.get(style, _Style()).name

    def level(self, style: str) -> int | None:
        """Return the level of a heading style: by its outline level, or a name of Word's."""
        for _, found in self.chain(style):
            for part in found.properties:
                child = part.find(f"{W}outlineLvl")
                if child is not None:
                    return _outline(child)
            if (named := _named_level(found.name)) is not None:
                return named
        return None if style in self.by_id else _named_level(style.lower())


def _named_level(name: str) -> int | None:
    """Return the level of a heading by the name of its style, in lower case."""
    if heading := _HEADING.fullmatch(name):
        return int(heading[1])
    return 0 if name in _TITLES else None


@dataclass
class _Runs:
    """Gather the text of a paragraph, and what stands in it that is text of its own."""

    pieces: list[tuple[str, str]] = field(default_factory=list)  # text, and its mark
    notes: list[str] = field(default_factory=list)
    after: list[Block] = field(default_factory=list)  # text boxes, charts, pictures' texts
    bold: bool | None = None  # of all runs with text; None: there is none yet

    def part(self) -> None:
        """Part two tagged passages that touch: each is a datum of its own."""
        if self.pieces and self.pieces[-1][0][-1:].isalnum():
            self.pieces.append((" ", ""))


class _Reader:
    def __init__(self, package: Package, main: str) -> None:
        self.package = package
        self.related = package.related(main)
        folder = main.rpartition("/")[0]
        self.styles = _Styles(self._part(main, "styles", f"{folder}/styles.xml"))
        self.numbers: Numbering = numbering(
            self._part(main, "numbering", f"{folder}/numbering.xml"), self._list_of_style
        )
        self.noted = {
            (kind, note.get(f"{W}id", "")): note
            for kind in ("footnote", "endnote")
            for note in self._children(main, f"{kind}s", f"{folder}/{kind}s.xml", kind)
        }
        self.main = main
        self.count = 0  # of the notes so far
        self.nested = 0  # tables that are open
        self.tables = 0
        self.fields: list[bool] = []  # of the open fields, outermost first: whether in its result
        self.dropped = ""  # a drop capital that the next paragraph begins with
        self.left_out: Counter[str] = Counter()

    def comments(self) -> int:
        return sum(1 for _ in self._children(self.main, "comments", "", "comment"))

    def running(self) -> int:
        """Count the heads and feet of pages that say something."""
        parts = {path for kind, path in self.related.values() if kind in ("header", "footer")}
        roots = (self.package.xml(path) for path in parts if path.lower() in self.package.names)
        return sum(
            any(re.search(r"[^\W\d_]{2}", text.text or "") for text in root.iter(f"{W}t"))
            for root in roots
            if root is not None
        )

    def _part(self, main: str, kind: str, otherwise: str) -> _Element | None:
        return self.package.xml(self.package.first(main, kind, otherwise))

    def _children(self, main: str, kind: str, otherwise: str, name: str) -> Iterator[_Element]:
        root = self._part(main, kind, otherwise)
        return iter(()) if root is None else root.iter(f"{W}{name}")

    def _list_of_style(self, style: str) -> str:
        found = self.styles.find(style, "numPr")
        return "" if found is None else _value(found, "numId")

    # Blocks

    def blocks(self, parent: _Element) -> Iterator[_Item]:
        for child in parent:
            if child.tag == f"{W}p":
                yield from self._paragraph(child)
            elif child.tag == f"{W}tbl":
                yield from self._table(child)
            elif child.tag in (f"{M}oMathPara", f"{M}oMath"):
                yield _Item(Block(linear(child)), plain=True)
            elif child.tag == f"{W}altChunk":
                self.left_out["object"] += 1
            elif (inside := self._inside(child)) is not None:
                yield from self.blocks(inside)

    def _inside(self, element: _Element) -> _Element | None:
        """Return what to walk into of an element that only wraps others."""
        tag = element.tag
        if not isinstance(tag, str) or tag in _SKIPPED:
            return None
        if tag in (f"{W}del", f"{W}moveFrom"):
            self.left_out["deletion"] += tag == f"{W}del" and any(
                text.text for text in element.iter(f"{W}delText", f"{W}t")
            )
            return None
        if tag == f"{W}sdt":
            shown = element.find(f"{W}sdtPr/{W}showingPlcHdr")
            if shown is not None and shown.get(f"{W}val") not in _OFF:
                return None  # "Click or tap here to enter text."
            return element.find(f"{W}sdtContent")
        if tag == f"{MC}AlternateContent":
            choice = element.find(f"{MC}Choice")
            fallback = element.find(f"{MC}Fallback")
            return fallback if choice is None or not len(choice) else choice
        return element

    def _paragraph(self, paragraph: _Element) -> Iterator[_Item]:
        style, own = self._style(paragraph)
        runs = _Runs()
        self._gather(paragraph, runs, style)
        self.fields = [result for result in self.fields if result]  # one without a result is broken
        name = self.styles.name(style)
        level = self._level(style, own)
        text = self.dropped + joined(runs.pieces, heading=level is not None).strip()
        self.dropped = ""
        if own is not None and own.find(f"{W}framePr[@{W}dropCap]") is not None and len(text) < 3:
            self.dropped = text
            return
        if re.match(r"toc (?:heading|\d)", name):  # a table of contents says everything twice
            self.left_out["contents"] += bool(text)
            return
        if text or paragraph.find(f"{W}del") is None:
            item = self._item(
                text, level, style, own, bold=bool(runs.bold)
            )  # empty ones count in lists
            if text:
                yield item
        for note in runs.notes:
            yield _Item(Block(note), note=True)
        for block in runs.after:
            yield _Item(block)

    def _style(self, paragraph: _Element) -> tuple[str, _Element | None]:
        own = paragraph.find(f"{W}pPr")
        style = "" if own is None else _value(own, "pStyle")
        known = style in self.styles.by_id or _named_level(style.lower()) is not None
        return style if known else self.styles.default, own

    def _level(self, style: str, own: _Element | None) -> int | None:
        outline = None if own is None else own.find(f"{W}outlineLvl")
        return self.styles.level(style) if outline is None else _outline(outline)

    def _item(
        self, text: str, level: int | None, style: str, own: _Element | None, *, bold: bool
    ) -> _Item:
        marker, depth = self._marker(style, own)
        if level is not None:
            line = " ".join(text.split())
            numbered = f"{marker} {line}" if marker and marker != "-" else line
            return _Item(Block(numbered, level=level))
        if marker:
            return _Item(Block(f"{'  ' * depth}{marker} {text}", run="item"), bold=bold)
        return _Item(Block(text), bold=bold, plain=True)

    def _marker(self, style: str, own: _Element | None) -> tuple[str, int]:
        """Return what stands before a paragraph of a list, and how deep it lies."""
        direct = None if own is None else own.find(f"{W}numPr")
        styled = self.styles.find(style, "numPr")
        parts = [part for part in (direct, styled) if part is not None]
        number = next(filter(None, (_value(part, "numId") for part in parts)), "")
        name = self.styles.name(style)
        kind = re.match(r"list (?:bullet|number)(?: ([2-5]))?", name)
        nested = int(kind[1]) - 1 if kind and kind[1] else 0
        if number == "0":
            return "", 0
        if not number:
            return ("-", nested) if kind else ("", 0)
        stated = next(filter(None, (_value(part, "ilvl") for part in parts)), None)
        of_style = next(
            (
                found
                for known, _ in self.styles.chain(style)
                if (found := self.numbers.level_of_style(number, known))
            ),
            0,
        )
        depth = min(max(whole(stated, of_style), 0), LEVELS - 1)
        marker = self.numbers.marker(number, depth)
        return "-" if marker is None else marker.strip(), max(depth, nested)

    # Runs

    def _gather(self, parent: _Element, runs: _Runs, style: str, mark: str = "") -> None:
        for child in parent:
            tag = child.tag
            if tag == f"{W}r":
                self._run(child, runs, style)
            elif tag in (f"{M}oMath", f"{M}oMathPara"):
                formulas = [child] if tag == f"{M}oMath" else child.findall(f"{M}oMath")
                if runs.pieces and runs.pieces[-1][1] == "formula":
                    runs.pieces.append((" ", "formula"))
                runs.pieces.append(("; ".join(map(linear, formulas)), "formula"))
            elif not self._piece(child, runs, mark):
                inside = self._inside(child)
                if inside is None:
                    continue
                before = child.getprevious()
                if tag in _LIFTED and before is not None and before.tag in _LIFTED:
                    runs.part()
                self._gather(inside, runs, style, mark)

    def _run(self, run: _Element, runs: _Runs, style: str) -> None:
        own = run.find(f"{W}rPr")
        character = "" if own is None else _value(own, "rStyle")

        def said(name: str, *, paragraphs: bool = False) -> _Element | None:
            found = None if own is None else own.find(f"{W}{name}")
            if found is None and character:
                found = self.styles.find(character, name)
            if found is None and paragraphs:
                found = self.styles.find(style, name)
            return found

        if _on(said("vanish")):
            self.left_out["hidden"] += any((t.text or "").strip() for t in run.iter(f"{W}t"))
            return
        align = said("vertAlign")
        mark = ""
        if align is not None and align.get(f"{W}val") == "superscript":
            mark = "raised"
        elif _on(said("strike")) or _on(said("dstrike")):
            mark = "struck"
        before = len(runs.pieces)
        fonts = None if own is None else own.find(f"{W}rFonts")
        font = "" if fonts is None else fonts.get(f"{W}ascii", "")
        self._gather(run, runs, style, f"{mark}\0{font}" if font in SYMBOL_FONTS else mark)
        if any(text.strip() for text, _ in runs.pieces[before:]) and runs.bold is not False:
            runs.bold = _on(said("b", paragraphs=True))

    def _piece(self, element: _Element, runs: _Runs, mark: str) -> bool:
        """Take one element of a run; return whether it was taken."""
        tag = element.tag
        if not isinstance(tag, str):
            return True
        mark, _, font = mark.partition("\0")
        if tag in (f"{W}drawing", f"{W}pict", f"{W}object"):
            self._drawing(element, runs)
            return True
        if tag == f"{W}fldChar":
            self._field(element, runs)
            return True
        if not tag.startswith(W):
            return False
        name = tag.removeprefix(W)
        if name == "instrText":
            if re.match(r"\s*EQ\b", element.text or ""):
                self.left_out["formula"] += 1
            return True
        if not all(self.fields):
            return name in ("t", "sym", *_SIGNS)
        if name == "t":
            text = element.text or ""
            runs.pieces.append((from_symbol_font(font, text) if font else text, mark))
        elif name in _SIGNS:
            page = name == "br" and element.get(f"{W}type") in ("page", "column")
            runs.pieces.append((" " if page else _SIGNS[name], mark))
        elif name == "sym":
            code = element.get(f"{W}char", "")
            sign = chr(int(code, 16)) if re.fullmatch(r"[0-9A-Fa-f]{4}", code) else ""
            text = from_symbol_font(element.get(f"{W}font", ""), sign)
            self.left_out["symbol"] += not text
            runs.pieces.append((text, mark))
        elif name in ("footnoteReference", "endnoteReference"):
            self._note(name.removesuffix("Reference"), element.get(f"{W}id", ""), runs)
        else:
            return False
        return True

    def _field(self, element: _Element, runs: _Runs) -> None:
        kind = element.get(f"{W}fldCharType")
        if kind == "begin":
            if all(self.fields) and (control := element.find(f"{W}ffData")) is not None:
                runs.pieces.append((_control(control), ""))
            self.fields += [False] * (len(self.fields) < _FIELDS)
        elif kind == "separate" and self.fields:
            self.fields[-1] = True
        elif kind == "end" and self.fields:
            self.fields.pop()

    def _note(self, kind: str, name: str, runs: _Runs) -> None:
        note = self.noted.pop((kind, name), None)  # once: a note may not refer to itself
        if note is None:
            self.left_out["note"] += 1
            return
        fields, self.fields = self.fields, []
        text = _flat(item.block for item in self.blocks(note))
        self.fields = fields
        if not text:
            self.left_out["note"] += 1
            return
        self.count += 1
        runs.pieces.append((f"[{self.count}]", "note"))
        runs.notes.append(f"[{self.count}] {text}")

    def _drawing(self, drawing: _Element, runs: _Runs) -> None:
        pictures = 0
        stack = [drawing]
        while stack:
            element = stack.pop()
            if element.tag == f"{W}txbxContent":
                fields, self.fields = self.fields, []
                runs.after += [item.block for item in self.blocks(element)]
                self.fields = fields
                continue
            if element.tag == f"{V}textpath" and (element.get("string") or "").strip():
                runs.after.append(Block(element.get("string") or ""))
            pictures += element.tag in (f"{PIC}pic", f"{V}imagedata")
            for name in (f"{R}id", f"{R}dm"):
                self._graphic(self.related.get(element.get(name, ""), ("", "")), runs)
            inside = self._inside(element)
            if inside is not None:
                stack.extend(reversed(inside))
        if drawing.tag == f"{W}object":
            self.left_out["object"] += 1
        elif pictures:
            described = [*drawing.iter(f"{WP}docPr"), *drawing.iter(f"{V}shape")]
            texts = (alternative(shape.get("descr") or shape.get("alt")) for shape in described)
            if text := next(filter(None, texts), ""):
                runs.after.append(Block(f"[Picture: {text}]"))
                pictures -= 1
            self.left_out["picture"] += pictures

    def _graphic(self, relation: tuple[str, str], runs: _Runs) -> None:
        kind, path = relation
        if kind not in ("chart", "chartEx", "diagramData"):
            return
        root = self.package.xml(path)
        self.tables += 1
        run = f"row {self.tables}"
        blocks = [] if root is None else chart(root, run) if kind == "chart" else diagram(root)
        runs.after += blocks
        self.left_out["object"] += not blocks

    # Tables

    def _table(self, element: _Element) -> Iterator[_Item]:
        self.nested += 1
        rows, heads = self._rows(element)
        self.nested -= 1
        cells = [cell for row in rows for cell in row]
        if len(cells) == 1 or any(_laid_out(cell.items) for cell in cells):
            for cell in cells:  # a frame, or a page that is laid out by a table
                yield from cell.items
            return
        texts = _filled(rows)
        if self.nested:
            lines = (", ".join(dict.fromkeys(filter(None, row))) for row in texts)
            yield _Item(Block("; ".join(filter(None, lines))))
        else:
            heads = heads or int(len(texts) > 1 and not pairs(texts))
            self.tables += 1
            heads = min(heads, max(len(texts) - 1, 0))
            for block in table(texts, heads, run=f"row {self.tables}"):
                yield _Item(block)
        yield from (item for cell in cells for item in cell.items if item.note)

    def _rows(self, element: _Element) -> tuple[list[list[_Cell]], int]:
        """Return a table's rows, and how many of the first are marked as heads."""
        rows: list[list[_Cell]] = []
        heads = 0
        for tr in self._wrapped(element, f"{W}tr"):
            own = tr.find(f"{W}trPr")
            if own is not None and own.find(f"{W}del") is not None:
                self.left_out["deletion"] += 1
                continue
            at = 0 if own is None else _span(own, "gridBefore", 0)
            row = []
            for tc in self._wrapped(tr, f"{W}tc"):
                properties = tc.find(f"{W}tcPr")
                span = 1 if properties is None else _span(properties, "gridSpan", 1)
                merge = None if properties is None else properties.find(f"{W}vMerge")
                merged = "" if merge is None else merge.get(f"{W}val") or "continue"
                row.append(_Cell(at, at + span, merged, list(self.blocks(tc))))
                at += span
            if row:
                marked = None if own is None else own.find(f"{W}tblHeader")
                heads += heads == len(rows) and _on(marked)
                rows.append(row)
        return rows, heads

    def _wrapped(self, parent: _Element, tag: str) -> Iterator[_Element]:
        for child in parent:
            if child.tag == tag:
                yield child
            elif (inside := self._inside(child)) is not None and child.tag not in (
                f"{W}tr",
                f"{W}tc",
                f"{W}p",
            ):
                yield from self._wrapped(inside, tag)


def _filled(rows: list[list[_Cell]]) -> list[list[str]]:
    """Write a cell into each of the columns and rows it covers.

    A column begins where a cell of some row begins, so a span of a billion columns costs nothing.
    """
    starts = sorted({cell.start for row in rows for cell in row})
    if len(starts) > _WIDEST:
        return [[cell.text() for cell in row] for row in rows]
    texts: list[list[str]] = []
    above: dict[int, str] = {}
    for row in rows:
        line = [""] * len(starts)
        merged: dict[int, str] = {}
        for cell in row:
            text = cell.text()
            if cell.merged == "continue":
                text = above.get(cell.start, text)
            if cell.merged:
                merged[cell.start] = text if len(text) <= _REPEATED else ""
            begin, end = bisect_left(starts, cell.start), bisect_left(starts, cell.end)
            line[begin] = text
            if len(text) <= _REPEATED:
                line[begin:end] = [text] * (end - begin)
        texts.append(line)
        above = merged
    return texts


def _laid_out(items: list[_Item]) -> bool:
    headings = sum(item.block.level is not None for item in items)
    return 0 < headings < len(items)


def _headed(items: list[_Item]) -> list[_Item]:
    """Take bold lines for headings where the file has no others."""
    if any(item.block.level for item in items):
        return items
    lines = [n for n, item in enumerate(items) if _bold_line(item)]
    if 2 * len(lines) > len(items):
        return items
    for n in lines:
        following = next((item for item in items[n + 1 : n + 3] if not item.note), None)
        below = next((item for item in items[n + 1 : n + 4] if not _bold_line(item)), None)
        if following is None or below is None:
            continue  # nothing stands below it
        level = 1 if n == 0 else 2  # the first line of a file is its title
        block = replace(items[n].block, level=level)
        items[n] = replace(items[n], block=block)
    return items


def _bold_line(item: _Item) -> bool:
    text = item.block.text
    return (
        item.bold
        and item.plain
        and "\n" not in text
        and len(text) <= _BOLD_LENGTH
        and len(text.split()) <= _BOLD_WORDS
        and not text.endswith((".", ",", ";", "!"))
        and re.search(r"[^\W\d_]", text) is not None
    )


def _flat(blocks: Iterator[Block]) -> str:
    return " ".join(" ".join(block.text.split()) for block in blocks)


def _control(control: _Element) -> str:
    """Return what a form field of the old kind shows beside its result."""
    box = control.find(f"{W}checkBox")
    if box is not None:
        state = box.find(f"{W}checked")
        return "☒" if _on(box.find(f"{W}default") if state is None else state) else "☐"
    listed = control.find(f"{W}ddList")
    if listed is None:
        return ""
    entries = [entry.get(f"{W}val", "") for entry in listed.findall(f"{W}listEntry")]
    chosen = whole(_value(listed, "result") or _value(listed, "default"), 0)
    return entries[chosen] if 0 <= chosen < len(entries) else ""


def _value(parent: _Element, name: str) -> str:
    child = parent.find(f"{W}{name}")
    return "" if child is None else child.get(f"{W}val") or ""


def _on(switch: _Element | None) -> bool:
    return switch is not None and switch.get(f"{W}val") not in _OFF


def _span(properties: _Element, name: str, default: int) -> int:
    return max(whole(_value(properties, name) or None, default), default)


def _outline(element: _Element) -> int | None:
    level = whole(element.get(f"{W}val"), LEVELS)
    return level + 1 if 0 <= level < LEVELS else None
