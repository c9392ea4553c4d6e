"""PPTX: a slide is a place; its title a heading, its shapes in reading order, its notes."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ingest.readers.content import Block, Content, assembled, pairs, table
from ingest.readers.docx import MC, properties
from ingest.readers.docx_lists import whole
from ingest.readers.docx_math import M, linear
from ingest.readers.drawing import A, alternative, chart, diagram
from ingest.readers.package import BROKEN, Package, counted, damaged, opened, parsed
from ingest.readers.runs import joined
from ingest.readers.stated import stated_version

if TYPE_CHECKING:
    from lxml.etree import _Element

P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"

_RUNNING = ("dt", "ftr", "sldNum", "hdr")  # date, foot and number of a slide
_BAND = 0.05  # of a slide's height: shapes whose tops lie so near stand side by side
_REPEATED = 300  # characters of a merged cell that stand in each of the cells it covers
_WIDEST = 200
_REMARKS = (
    ("picture", "picture without text", "pictures without text"),
    ("object", "embedded object left out", "embedded objects left out"),
    ("comment", "comment left out", "comments left out"),
    ("slide", "damaged slide left out", "damaged slides left out"),
    ("shape", "damaged shape left out", "damaged shapes left out"),
)


def read(data: bytes) -> Content:
    """Read PPTX. Raises DocumentUnreadable when it is encrypted, damaged or too large."""
    from lxml import etree
    from pptx import Presentation
    from pptx.exc import PythonPptxError

    package = opened(data, ".pptx")
    broken = (*BROKEN, etree.LxmlError, PythonPptxError)
    left_out: Counter[str] = Counter()
    try:
        file = Presentation(io.BytesIO(package.repaired()))
        count, height = len(file.slides), int(file.slide_height or 6_858_000)
    except broken as error:
        raise damaged(error) from None
    blocks: list[Block] = []
    for index in range(count):
        try:
            blocks += _Slide(file.slides[index], index + 1, height, left_out, broken).blocks()
        except broken:
            left_out["slide"] += 1
    left_out["comment"] = _comments(package)
    title, date = properties(package)
    content = assembled(
        blocks,
        date=date,
        remarks=counted((left_out[name], one, many) for name, one, many in _REMARKS),
    )
    first = content.headings[0] if content.headings else None
    own = first.title if first and not re.fullmatch(r"Slide \d+", first.title) else ""
    title = own if first and first.level == 0 else title or own
    return replace(content, title=title, version=stated_version(content.text))


def _comments(package: Package) -> int:
    names = [name for name in package.names if re.match(r"ppt/comments/.*\.xml$", name)]
    roots = (package.xml(name) for name in names)
    return sum(1 for root in roots if root is not None for _ in root.iter("{*}cm"))


class _Slide:
    def __init__(
        self,
        slide: Any,
        number: int,
        height: int,
        left_out: Counter[str],
        broken: tuple[type[Exception], ...],
    ) -> None:
        self.slide, self.number, self.height = slide, number, height
        self.left_out, self.broken = left_out, broken
        self.tables = 0

    def blocks(self) -> list[Block]:
        """Return the slide's title, its text, and its notes."""
        for alternate in list(self.slide.element.iter(f"{MC}AlternateContent")):
            _settle(alternate)
        body = list(self._shapes(self.slide.shapes, self.height))
        title = self.slide.shapes.title
        name = "" if title is None else " ".join(_text(title.element).split())
        level = 0 if self.number == 1 and _kind(title) == "ctrTitle" else 1
        head = Block(name or f"Slide {self.number}", level=level if name else 1)
        notes = self._notes()
        if not (name or body or notes):
            return []
        return [replace(head, place=f"slide {self.number}"), *body, *notes]

    def _notes(self) -> list[Block]:
        if not self.slide.has_notes_slide:
            return []
        shapes = [s for s in self.slide.notes_slide.shapes if _kind(s) not in (*_RUNNING, "sldImg")]
        lines = [line for shape in shapes for line in _text(shape.element).splitlines()]
        text = "\n".join(filter(None, (line.strip() for line in lines)))
        return [Block(f"Notes: {text}")] if text else []

    def _shapes(self, shapes: Iterable[Any], height: int) -> Iterator[Block]:
        """Yield the text of shapes from top to bottom, and from left to right."""
        placed = [(*_position(shape), shape) for shape in shapes]
        placed.sort(key=lambda item: item[0])
        bands: list[list[tuple[int, int, Any]]] = []
        for item in placed:
            if bands and item[0] - bands[-1][0][0] <= height * _BAND:
                bands[-1].append(item)
            else:
                bands.append([item])
        for band in bands:
            for _, _, shape in sorted(band, key=lambda item: item[1]):
                try:
                    yield from list(self._shape(shape))
                except self.broken:
                    self.left_out["shape"] += 1

    def _shape(self, shape: Any) -> Iterator[Block]:
        tag = shape.element.tag
        if _kind(shape) in ("title", "ctrTitle", *_RUNNING):
            return
        if tag == f"{P}grpSp":
            members = list(shape.shapes)
            tops = [_position(member)[0] for member in members]
            yield from self._shapes(members, max(tops, default=0) - min(tops, default=0))
        elif tag == f"{P}graphicFrame":
            yield from self._frame(shape.element)
        elif tag == f"{P}pic":
            named = shape.element.find(f"{P}nvPicPr/{P}cNvPr")
            text = alternative(named.get("descr") if named is not None else "")
            self.left_out["picture"] += not text
            if text:
                yield Block(f"[Picture: {text}]")
        else:
            yield from self._paragraphs(shape)

    def _frame(self, element: _Element) -> Iterator[Block]:
        grid = next(element.iter(f"{A}tbl"), None)
        if grid is not None:
            texts = _cells(grid)
            heads = int(len(texts) > 1 and not pairs(texts))
            self.tables += 1
            yield from table(texts, heads, run=f"row {self.tables}")
            return
        for part in element.iter("{*}chart", "{*}relIds"):
            name = part.get(f"{R}id") or part.get(f"{R}dm") or ""
            root, _ = parsed(self.slide.part.related_part(name).blob)
            is_chart = part.tag.endswith("}chart")
            self.tables += 1
            run = f"row {self.tables}"
            blocks = [] if root is None else chart(root, run) if is_chart else diagram(root)
            self.left_out["object"] += not blocks
            yield from blocks
            return
        self.left_out["object"] += 1

    def _paragraphs(self, shape: Any) -> Iterator[Block]:
        listed = shape.is_placeholder and _kind(shape) in ("body", "obj")
        counts: dict[int, int] = {}
        for paragraph in shape.element.iterfind(f"{P}txBody/{A}p"):
            text = _line(paragraph).strip()
            own = paragraph.find(f"{A}pPr")
            depth = min(max(whole(own.get("lvl") if own is not None else None, 0), 0), 8)
            if not text:
                continue
            marker = _marker(own, listed and not _bare(shape, depth), counts, depth)
            if marker == "-" and re.match(r"\(?(?:\d{1,3}|[a-z])[.)]\s", text):
                yield Block(f"{'  ' * depth}{text}", run="item")  # its number is typed
            elif marker:
                yield Block(f"{'  ' * depth}{marker} {text}", run="item")
            else:
                yield Block(text)


def _marker(own: _Element | None, listed: bool, counts: dict[int, int], depth: int) -> str:
    """Return what stands before a paragraph: "-", "2.", or nothing."""
    for deeper in [at for at in counts if at > depth]:
        del counts[deeper]
    auto = None if own is None else own.find(f"{A}buAutoNum")
    if auto is None:
        counts.pop(depth, None)
        if own is not None and own.find(f"{A}buNone") is not None:
            return ""
        return "-" if listed or (own is not None and own.find(f"{A}buChar") is not None) else ""
    start = whole(auto.get("startAt"), 1)
    counts[depth] = counts.get(depth, start - 1) + 1
    kind, count = auto.get("type", ""), counts[depth]
    figure = str(count)
    if kind.startswith("alpha") and 0 < count <= 26:
        figure = chr(ord("A" if kind.startswith("alphaUc") else "a") + count - 1)
    if kind.endswith("ParenBoth"):
        return f"({figure})"
    return f"{figure})" if kind.endswith("ParenR") else f"{figure}."


def _bare(shape: Any, depth: int) -> bool:
    """Tell whether the layout takes the bullets from a placeholder."""
    index = shape.placeholder_format.idx
    for layout in shape.part.slide_layout.placeholders:
        if layout.placeholder_format.idx == index:
            name = f"{P}txBody/{A}lstStyle/{A}lvl{depth + 1}pPr/{A}buNone"
            return layout.element.find(name) is not None
    return False


def _kind(shape: Any) -> str:
    """Return the kind of a placeholder; nothing for other shapes."""
    if shape is None:
        return ""
    place = next(shape.element.iterfind(f"*/{P}nvPr/{P}ph"), None)
    return "" if place is None else place.get("type", "obj")


def _position(shape: Any) -> tuple[int, int]:
    return int(shape.top or 0), int(shape.left or 0)


def _settle(alternate: _Element) -> None:
    """Put the version of a shape that can be read in the place of all its versions."""
    parent = alternate.getparent()
    choices = [*alternate.iterfind(f"{MC}Choice"), *alternate.iterfind(f"{MC}Fallback")]
    if parent is None or not choices:
        return
    read = (f"{A}t", f"{M}t", "{*}chart", "{*}relIds")
    best = next((c for c in choices if next(c.iter(*read), None) is not None), choices[-1])
    at = parent.index(alternate)
    for child in reversed(list(best)):
        parent.insert(at, child)
    parent.remove(alternate)


def _text(element: _Element) -> str:
    return "\n".join(_line(paragraph) for paragraph in element.iter(f"{A}p"))


def _line(paragraph: _Element) -> str:
    pieces: list[tuple[str, str]] = []
    for run in paragraph.iter(f"{A}r", f"{A}br", f"{A}fld", f"{M}oMath"):
        if run.tag == f"{M}oMath":
            pieces.append((linear(run), "formula"))
        elif run.tag == f"{A}br":
            pieces.append(("\n", ""))
        elif next(run.iterancestors(f"{M}oMath"), None) is None:
            own = run.find(f"{A}rPr")
            mark = ""
            if own is not None:
                struck = own.get("strike", "noStrike") != "noStrike"
                mark = "struck" if struck else ""
                mark = "raised" if whole(own.get("baseline"), 0) > 0 else mark
            pieces.append((run.findtext(f"{A}t") or "", mark))
    return joined(pieces).replace("\v", "\n")


def _cells(grid: _Element) -> list[list[str]]:
    """Return the cells of a table, merged ones in each place they cover."""
    rows: list[list[str]] = []
    for tr in grid.iterfind(f"{A}tr"):
        row: list[str] = []
        for tc in tr.iterfind(f"{A}tc"):
            text = " ".join(_text(tc).split())
            at = len(row)
            if tc.get("hMerge") in ("1", "true") and row:
                text = row[-1]
            elif tc.get("vMerge") in ("1", "true") and rows and at < len(rows[-1]):
                text = rows[-1][at]
            row.append(text if len(text) <= _REPEATED or not _covered(tc) else "")
        rows.append(row[:_WIDEST])
    return rows


def _covered(tc: _Element) -> bool:
    return tc.get("hMerge") in ("1", "true") or tc.get("vMerge") in ("1", "true")
