"""Tables in a text: their heads, and their rows in words that name the columns.

A table is lines of cells between pipes, as Markdown has it; a rule under the first line makes that
line the head. Every reader writes its tables so (`readers.content.table`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LINE = re.compile(r"[^\r\n]+")
ROW = re.compile(r"[ \t]*\||[^\r\n|]*[^\s|][ \t]\|[ \t]")  # what a line of cells begins with
RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_PIPE = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Row:
    """One row: its line is text[start:end]."""

    start: int
    end: int
    columns: tuple[str, ...]  # empty: the table has no head
    cells: tuple[str, ...]

    @property
    def named(self) -> str:
        """Return the row in words: "Car up to 5 m: Summer = 28.50; Winter = 14.00".

        A model of 1.5 billion parameters reads 7 of 10 look-ups right in this form, and 5 of 10
        in bare cells under a head (the issue's own trial, on own_docs_a).
        """
        if not self.columns:
            return " | ".join(filter(None, self.cells))
        first, *others = self.cells
        columns = [*self.columns, *[""] * len(self.cells)]
        told = "; ".join(
            f"{column} = {cell}" if column else cell
            for column, cell in zip(columns[1:], others, strict=False)
            if cell
        )
        subject = " ".join(filter(None, (columns[0], first)))
        return f"{subject}: {told}" if subject and told else subject or told


@dataclass(frozen=True)
class Table:
    """One table: text[start:end], whose head with its rule ends at `body`."""

    start: int
    body: int  # where its first row begins; start, if it has no head
    end: int
    rows: tuple[Row, ...]


def tables(text: str, head: str = "") -> list[Table]:
    """Find the tables of a text, in order.

    head: the head of the table that the text begins in the middle of.
    """
    found = []
    above = _columns(head)
    for lines in _runs(text):
        columns, body = (above if lines[0][0] == 0 else ()), 0
        if len(lines) > 1 and _is_rule(text, *lines[1]) and not _is_rule(text, *lines[0]):
            columns, body = cells(text[slice(*lines[0])]), 2
        rows = tuple(
            Row(start, end, columns, cells(text[start:end]))
            for start, end in lines[body:]
            if not _is_rule(text, start, end)
        )
        start, end = lines[0][0], lines[-1][1]
        first = lines[body][0] if body < len(lines) else end
        found.append(Table(start, first, end, rows))
    return found


def spelled(text: str, head: str = "") -> str:
    """Return a text with the rows of its tables in words; tables without a head stay."""
    parts, position = [], 0
    for table in tables(text, head):
        if table.rows and table.rows[0].columns:
            named = "\n".join(row.named for row in table.rows)
            parts += [text[position : table.start], named]
            position = table.end
    return "".join([*parts, text[position:]])


def cells(line: str) -> tuple[str, ...]:
    """Return the cells of a line."""
    line = line.strip()
    line = line.removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return tuple(cell.strip().replace("\\|", "|") for cell in _PIPE.split(line))


def _columns(head: str) -> tuple[str, ...]:
    return cells(head.splitlines()[0]) if head else ()


def _is_rule(text: str, start: int, end: int) -> bool:
    return "|" in text[start:end] and RULE.fullmatch(text, start, end) is not None


def _runs(text: str) -> Iterator[list[tuple[int, int]]]:
    """Yield the runs of neighbouring lines of cells, each line as its span."""
    run: list[tuple[int, int]] = []
    for line in LINE.finditer(text):
        neighbour = run and text.count("\n", run[-1][1], line.start()) == 1
        row = ROW.match(text, line.start(), line.end())
        if run and not (row and neighbour):
            yield run
            run = []
        if row:
            run.append(line.span())
    if run:
        yield run
