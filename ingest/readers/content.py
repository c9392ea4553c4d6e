"""What every reader returns: a file's text, and what stands where in it.

A reader takes bytes and returns Content. Most make blocks first and let `assembled` join them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Heading:
    """Mark a section's heading: its line is text[start:end], and its body begins at end."""

    start: int
    end: int
    level: int  # 1 is the highest; the title paragraph of a DOCX file has 0
    title: str  # without markup, and without a colon at its end


@dataclass(frozen=True)
class Place:
    """Mark where a part of the file begins that a citation names: "slide 3", "sheet Prices"."""

    start: int
    name: str


@dataclass(frozen=True)
class Content:
    """Hold what a reader makes of bytes; an empty string means that the file states none."""

    text: str
    headings: tuple[Heading, ...] = ()
    pages: tuple[int, ...] = ()  # where each page begins; empty when the format has no pages
    title: str = ""
    places: tuple[Place, ...] = ()
    date: str = ""  # of the document, as an ISO date where it is one
    version: str = ""  # as the document has it: "2.1", "replaces version 2"
    remarks: tuple[str, ...] = ()  # what was left out or guessed: "3 pictures without text"


@dataclass(frozen=True)
class Block:
    """Hold the text of one block; its lines are joined by "\\n"."""

    text: str
    level: int | None = None  # of a heading
    run: str = ""  # "item" or "row": no blank line between two of the same
    place: str = ""  # the part of the file that begins with it, as `Place` names it


def assembled(blocks: Iterable[Block], **facts: object) -> Content:
    """Join blocks to Content, and note where their headings and places came to lie.

    facts: further fields of Content.
    """
    parts: list[str] = []
    headings: list[Heading] = []
    places: list[Place] = []
    offset = 0
    previous: Block | None = None
    for block in blocks:
        if previous:
            parts.append("\n" if block.run and block.run == previous.run else "\n\n")
            offset += len(parts[-1])
        parts.append(block.text)
        title = "" if block.level is None else heading_title(block.text)
        if block.level is not None and title:
            headings.append(Heading(offset, offset + len(block.text), block.level, title))
        if block.place:
            places.append(Place(offset, block.place))
        offset += len(block.text)
        previous = block
    text = "".join(parts)
    return Content(text, tuple(headings), places=tuple(places), **facts)  # type: ignore[arg-type]


def heading_title(text: str) -> str:
    """Return a heading as a title: on one line, without a colon at its end."""
    return " ".join(text.split()).rstrip(":： ")


def leading_title(headings: Sequence[Heading]) -> str:
    """Return the title that a document begins with, or nothing."""
    return headings[0].title if headings and headings[0].level <= 1 else ""


def table(
    rows: Sequence[Sequence[str]], heads: int = 1, caption: str = "", run: str = "row"
) -> list[Block]:
    """Write a table as Markdown has it, the one form of all formats: head, rule, rows.

    rows: the cells, with spans filled: a cell that covers several stands in each of them. heads:
    how many of the rows are column heads; several are joined downwards, "2023 shipped". A table
    without a head has no rule. Empty rows, and columns without a sign in them, are left out.
    run: of its rows; tables that stand next to each other need one each, or nothing parts them.
    """
    width = max((len(row) for row in rows), default=0)
    cells = [[_cell(text) for text in row] + [""] * (width - len(row)) for row in rows]
    used = [n for n in range(width) if any(row[n] for row in cells)]
    cells = [[row[n] for n in used] for row in cells]
    head, body = cells[:heads], [row for row in cells[heads:] if any(row)]
    lines = []
    if any(map(any, head)):
        names = [
            " ".join(dict.fromkeys(filter(None, column))) for column in zip(*head, strict=True)
        ]
        lines = [names, ["---"] * len(used)]
    blocks = [Block(f"| {' | '.join(line)} |", run=run) for line in (*lines, *body)]
    return [Block(" ".join(caption.split())), *blocks] if caption.strip() and blocks else blocks


def pairs(texts: Sequence[Sequence[str]]) -> bool:
    """Tell whether a table is one of names and values, whose first row is no head.

    texts: its rows, of which there is at least one.
    """
    first = [text.strip() for text in texts[0]] or [""]
    if first[0].endswith(":"):
        return True
    figure = r"\W{0,2}\d[\d.,:/\s-]{0,20}\s?[^\W\d]{0,8}\W{0,2}"
    year_or_number = r"(?:19|20)\d\d|\d{1,2}"
    return (
        len(first) == 2
        and re.fullmatch(figure, first[1]) is not None
        and not re.fullmatch(year_or_number, first[1])
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
