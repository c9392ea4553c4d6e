"""What the drawings of office files say: charts as tables, diagrams as lists, alternative text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ingest.readers.content import Block, table

if TYPE_CHECKING:
    from lxml.etree import _Element

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
POINTS = 2000  # of a series; a chart of more is no table to read

_NO_ALT = re.compile(
    r"(?:picture|image|grafik|bild|graphic|photo|logo)?[ _-]?\d*|.{1,200}\.(?:png|jpe?g|gif|emf|wmf"
    r"|svg|tiff?|bmp)|https?:\S*",
    re.IGNORECASE,
)
_MADE = re.compile(r"\s*(?:Description automatically generated|AI-generated content).*", re.DOTALL)


def alternative(text: str | None) -> str:
    """Return a picture's alternative text; nothing where it is only a file name or a number."""
    text = " ".join(_MADE.sub("", text or "").split())
    return "" if _NO_ALT.fullmatch(text) else text


def chart(root: _Element, run: str) -> list[Block]:
    """Make a table of a chart: a row for each category, and a column for each series.

    run: of the table's rows.
    """
    names: list[str] = []
    columns: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    for number, series in enumerate(root.iter(f"{C}ser"), 1):
        names.append(said(series.find(f"{C}tx")) or f"Series {number}")
        for tag in ("cat", "xVal"):
            for index, text in _points(series.find(f"{C}{tag}")).items():
                categories.setdefault(index, text)
        values = series.find(f"{C}val")
        columns.append(_points(series.find(f"{C}yVal") if values is None else values))
    indexes = sorted({*categories, *(index for column in columns for index in column)})
    rows = [
        [categories.get(index, ""), *(column.get(index, "") for column in columns)]
        for index in indexes
    ]
    plot = root.find(f"{C}chart")
    title = "" if plot is None else said(plot.find(f"{C}title"))
    blocks = table([["", *names], *rows], caption=f"Chart: {title}" if title else "", run=run)
    return blocks if rows else [Block(f"Chart: {title}")] if title else []


def diagram(root: _Element) -> list[Block]:
    """Make list items of the texts of a diagram (SmartArt), in the order of its data."""
    texts = map(said, root.iter(f"{A}p"))
    return [Block(f"- {text}", run="item") for text in texts if text]


def said(element: _Element | None) -> str:
    """Return the text of an element: of its runs, else of its stored values."""
    if element is None:
        return ""
    runs = list(element.iter(f"{A}t")) or list(element.iter(f"{C}v"))
    return " ".join("".join(run.text or "" for run in runs).split())


def _points(element: _Element | None) -> dict[int, str]:
    found: dict[int, str] = {}
    for point in _pts(element):
        index, value = point.get("idx", ""), point.find(f"{C}v")
        if index.isdecimal() and value is not None and len(found) < POINTS:
            text = value.text or ""
            found.setdefault(int(index), stored(text))
    return found


def _pts(element: _Element | None) -> Iterator[_Element]:
    return iter(()) if element is None else element.iter(f"{C}pt")


def stored(text: str) -> str:
    """Write a stored number as people do: 0.3, not 0.30000000000000004; other text as it is."""
    if not re.fullmatch(r"-?\d{1,20}\.\d{1,30}(?:[eE][+-]?\d{1,3})?", text):
        return text
    return f"{float(text):.15g}"
