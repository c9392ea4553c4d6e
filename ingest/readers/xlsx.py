"""XLSX: a sheet is a heading and a place; each run of filled rows is a table."""

from __future__ import annotations

import datetime
import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.readers.content import Block, Content, assembled, pairs, table
from ingest.readers.docx import properties
from ingest.readers.drawing import A, said
from ingest.readers.package import BROKEN, Package, counted, damaged, opened
from ingest.readers.stated import stated_version

CELLS = 500_000  # filled cells that are read of a file; the rest is left out with a remark
POSITIONS = 8_000_000  # cells walked over, empty ones included
PART = 25  # rows of a table for which one place stands
WIDEST = 200  # columns that a merged cell fills

R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MERGED = re.compile(rb'mergeCell\s[^>]{0,200}?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_UNCOUNTED = re.compile(
    rb"<(?:\w+:)?f(?:\s[^<>]{0,300})?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:</(?:\w+:)?c>|<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)"
)
_BROKEN = (*BROKEN, OverflowError, EOFError, SyntaxError)  # the last: the standard XML parser's
_REMARKS = (
    ("formula", "formula without a value", "formulas without a value"),
    ("hidden", "hidden sheet read as well", "hidden sheets read as well"),
    ("comment", "comment left out", "comments left out"),
    ("picture", "picture without text", "pictures without text"),
    ("damaged", "damaged sheet, read as far as it goes", "damaged sheets, read as far as they go"),
)


def read(data: bytes) -> Content:
    """Read XLSX. Raises DocumentUnreadable when it is encrypted, damaged or too large."""
    import openpyxl
    from lxml import etree
    from openpyxl.utils.exceptions import InvalidFileException

    package = opened(data, ".xlsx")
    broken = (*_BROKEN, etree.LxmlError, InvalidFileException)
    left_out: Counter[str] = Counter()
    blocks: list[Block] = []
    budget = Budget()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the library does not keep, it says at length
        try:
            file = openpyxl.load_workbook(
                io.BytesIO(package.repaired()), read_only=True, data_only=True
            )
            sheets = list(file.worksheets)
        except broken as error:
            raise damaged(error) from None
        paths = _paths(package)
        for sheet in sheets:
            reader = Sheet(sheet.title, package, paths.get(sheet.title, ""), budget)
            left_out["hidden"] += getattr(sheet, "sheet_state", "visible") != "visible"
            try:
                reader.walk(sheet)
            except broken:
                left_out["damaged"] += 1
            blocks += reader.finished()
            left_out.update(reader.left_out)
    names = [name for name in package.names if re.match(r"xl/(?:threaded)?comments.*\.xml$", name)]
    roots = [root for name in names if (root := package.xml(name)) is not None]
    left_out["comment"] = sum(1 for root in roots for _ in root.iter("{*}comment"))
    title, date = properties(package)
    remarks = counted((left_out[name], one, many) for name, one, many in _REMARKS)
    if budget.stopped:
        remarks = (*remarks, f"read up to {budget.stopped}: the rest is too large")
    content = assembled(blocks, date=date, remarks=remarks)
    return replace(content, title=title, version=stated_version(content.text))


def _paths(package: Package) -> dict[str, str]:
    """Return the part of each sheet by its name."""
    main = package.first("", "officeDocument", "xl/workbook.xml")
    root, related = package.xml(main), package.related(main)
    sheets = root.iter("{*}sheet") if root is not None else ()
    return {s.get("name", ""): related.get(s.get(f"{R}id", ""), ("", ""))[1] for s in sheets}


@dataclass
class Budget:
    cells: int = CELLS
    positions: int = POSITIONS
    stopped: str = ""  # the place at which reading ended


@dataclass
class _Run:
    """Gather rows that follow one another without an empty one between."""

    numbers: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    raw: list[list[Any]] = field(default_factory=list)  # the values of the first rows
    spans: bool = False  # the first row has cells that cover several columns
    captions: list[tuple[int, str]] = field(default_factory=list)


class Sheet:
    def __init__(self, name: str, package: Package, path: str, budget: Budget) -> None:
        self.name, self.budget = name, budget
        self.left_out: Counter[str] = Counter()
        self.blocks: list[Block] = []
        self.tables = 0
        self.run = _Run()
        source = package.part(path) if path else b""
        self.left_out["formula"] = sum(1 for _ in _UNCOUNTED.finditer(source))
        self.merged: dict[int, list[tuple[int, int, int]]] = {}  # by the first row
        for found in _MERGED.finditer(source, max(source.rfind(b"mergeCells", 0, -20) - 10**7, 0)):
            left, right = _column(found[1]), _column(found[3])
            self.merged.setdefault(int(found[2]), []).append((left, right, int(found[4])))
        self.open: list[tuple[int, int, int, str]] = []  # merged cells of several rows
        self.texts = list(self._drawn(package, path)) if path else []

    def _drawn(self, package: Package, path: str) -> Iterator[Block]:
        """Yield the text boxes that lie over the sheet."""
        for kind, target in package.related(path).values():
            root = package.xml(target) if kind == "drawing" else None
            if root is None:
                continue
            self.left_out["picture"] += sum(1 for _ in root.iter("{*}pic"))
            for paragraph in root.iter(f"{A}p"):
                if text := said(paragraph):
                    yield Block(text)

    def walk(self, sheet: Any) -> None:
        """Read the sheet's rows until the budget is spent."""
        if self.budget.stopped:
            return
        sheet.reset_dimensions()  # what the file says of them may be wrong
        for number, cells in enumerate(sheet.iter_rows(), 1):
            self.budget.positions -= len(cells) + 1
            if self.budget.cells <= 0 or self.budget.positions <= 0:
                self.budget.stopped = f"sheet {self.name}, row {number - 1}"
                return
            values = [cell.value for cell in cells]
            texts = [
                "" if value is None else value if isinstance(value, str) else _of(cell, value)
                for cell, value in zip(cells, values, strict=True)
            ]
            filled = sum(map(bool, texts))
            self.budget.cells -= filled
            spans = self._fill(number, texts)
            if filled:
                self.add(number, texts, values, filled, spans)
            elif self.run.rows or self.run.captions:
                self.end()

    def _fill(self, number: int, texts: list[str]) -> bool:
        """Write merged cells into all places they cover; tell whether one covers columns."""
        if not (self.open or number in self.merged):
            return False
        spans = False
        self.open = [merged for merged in self.open if merged[2] >= number]
        for left, right, bottom in self.merged.get(number, ()):
            text = texts[left] if left < len(texts) else ""
            if text and len(self.open) < WIDEST:
                self.open.append((left, min(right, left + WIDEST), bottom, text))
                spans = spans or right > left
        for left, right, _, text in self.open:
            texts.extend([""] * (right + 1 - len(texts)))
            texts[left : right + 1] = [text] * (right + 1 - left)
        return spans

    def add(
        self, number: int, texts: list[str], values: list[Any], filled: int, spans: bool
    ) -> None:
        run = self.run
        if not run.rows and filled == 1:
            run.captions.append((number, next(filter(None, texts))))
            return
        if not run.rows:
            run.spans = spans
        if len(run.raw) < 3:
            run.raw.append(values)
        run.numbers.append(number)
        run.rows.append(texts)

    def end(self) -> None:
        run, self.run = self.run, _Run()
        for at, (number, text) in enumerate(run.captions):  # lines of one cell above the table
            place = "" if at % PART else self._place(number)
            self.blocks.append(Block(text, run="line", place=place))
        if not run.rows:
            return
        heads = _heads(run)
        self.tables += 1
        written = table(run.rows, heads, run=f"row {self.tables}")
        body = len(run.rows) - heads
        first = len(written) - body
        for at, block in enumerate(written):
            row = at - first
            if at == 0 or (row > 0 and row % PART == 0):
                number = run.numbers[0 if at == 0 else heads + row]
                block = replace(block, place=self._place(number))
            self.blocks.append(block)

    def _place(self, number: int) -> str:
        return f"sheet {self.name}, row {number}"

    def finished(self) -> list[Block]:
        """Return the sheet's blocks, its heading first; none of an empty sheet."""
        self.end()
        body = [*self.blocks, *self.texts]
        if not body:
            return []
        return [Block(self.name, level=1, place=f"sheet {self.name}"), *body]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def _heads(run: _Run) -> int:
    """Return how many rows of a table are its head."""
    if len(run.rows) < 2 or not all(_named(value) for value in run.raw[0]) or pairs(run.rows[:2]):
        return 0
    second = run.raw[1] if len(run.raw) > 1 else []
    below = run.spans and len(run.rows) > 2 and all(_named(value) for value in second)
    return 2 if below else 1


def _named(value: Any) -> bool:
    """Tell whether a cell may be a column's name: text, a year, a date, or nothing."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 1900 <= value <= 2100 and value == int(value)
    return True


# Values as they are shown


def _of(cell: Any, value: Any) -> str:
    return shown(value, getattr(cell, "number_format", "General"))


def shown(value: Any, form: str = "General") -> str:
    """Write a cell's value as the sheet shows it; dates and times as ISO has them."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime.datetime):
        day = value.date().isoformat()
        return day if value.time() == datetime.time() else f"{day} {_time(value.time())}"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return _time(value)
    if isinstance(value, (int, float)):
        return _number(value, form or "General")
    return str(value)


def _time(value: datetime.time) -> str:
    return value.isoformat("seconds").removesuffix(":00")


def _number(value: int | float, form: str) -> str:
    if form == "General":
        return plain(value)
    sections = form.split(";")
    section = sections[0]
    if value < 0 and len(sections) > 1 and re.search(r"[0#]", sections[1]):
        section, value = sections[1], -value
    elif value == 0 and len(sections) > 2 and re.search(r"[0#]", sections[2]):
        section = sections[2]
    pattern = _PATTERN.search(_LITERAL.sub(lambda found: "\0" * len(found[0]), section))
    if pattern is None or section.lower() == "general" or "/" in section or "E" in section:
        return plain(value)
    before, after = _literal(section[: pattern.start()]), _literal(section[pattern.end() :])
    digits = pattern[0]
    whole, _, decimals = digits.partition(".")
    value *= 100 if "%" in section else 1
    value /= 1000 ** (len(digits) - len(digits.rstrip(",")))
    places = len(re.findall(r"[0#?]", decimals))
    text = f"{abs(value):,.{min(places, 15)}f}"
    for _ in range(len(decimals.rstrip(",")) - len(decimals.rstrip("#?,"))):  # optional decimals
        text = text.removesuffix("0") if "." in text else text
    text = text.removesuffix(".")
    if "," not in whole.rstrip(","):
        text = text.replace(",", "")
    least = whole.count("0")
    text = text.zfill(least + len(text) - len(text.partition(".")[0])) if least > 1 else text
    return f"{'-' if value < 0 else ''}{before}{text}{after}".strip()


_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_PATTERN = re.compile(r"[#0?][#0?,]*(?:\.[#0?]*)?,*")


def _literal(text: str) -> str:
    """Return what a number format writes before or behind the figures."""
    text = re.sub(r"\[\$([^\]-]*)[^\]]*\]", r"\1", text)  # a currency, and its country
    text = re.sub(r"\[[^\]]*\]|_.|\*.|[#0?]", "", text)  # colours, gaps, further figures
    return text.replace('"', "").replace("\\", "")


def plain(value: int | float) -> str:
    """Write a number as people do: 0.3, not 0.30000000000000004."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.15g}" if abs(value) < 1e15 else f"{value:.6g}"
