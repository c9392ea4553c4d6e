"""Tables of text, CSV and TSV: rows parted by lines, cells by a sign."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence

from ingest.errors import DocumentUnreadable
from ingest.readers.content import Block, Content, assembled, table
from ingest.readers.decode import decoded

SAMPLE = 20_000  # characters that the guess of the delimiter looks at
PART = 25  # rows from one named place to the next
_FIGURE = re.compile(r"[-+$€£(]?\d[\d.,:/ %€$£)-]*")


def read(data: bytes) -> Content:
    """Read CSV, or text with semicolons, tabs or pipes in the place of the commas."""
    return _read(data, ",;\t|")


def read_tabs(data: bytes) -> Content:
    """Read TSV."""
    return _read(data, "\t,;|")


def _read(data: bytes, delimiters: str) -> Content:
    text, remarks = decoded(data)
    stated = re.match(r"sep=(.)\r?\n", text)  # Excel's own way to name the delimiter
    if stated:
        text = text[stated.end() :]
    delimiter = stated[1] if stated else _delimiter(text[:SAMPLE], delimiters)
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    numbered = _numbered(text, delimiter)
    opening: list[tuple[int, list[str]]] = []
    for row in numbered:
        opening.append(row)
        if len(opening) == 20:
            break
    above, heads = _head(opening)
    return assembled(_blocks(opening, numbered, above, heads), remarks=remarks)


def _numbered(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, with their numbers as a spreadsheet counts them."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for number, row in enumerate(rows, start=1):
            if any(map(str.strip, row)):
                yield number, row
    except csv.Error as error:
        raise DocumentUnreadable(f"damaged: {error}") from error


def _delimiter(sample: str, delimiters: str) -> str:
    lines = [line for line in sample.splitlines()[:200] if line.strip()]
    if len(sample) == SAMPLE and len(lines) > 1:
        lines.pop()  # it is cut
    counts = {sign: [_unquoted(line).count(sign) for line in lines] for sign in delimiters}
    regular = {
        sign: max(set(found) - {0}, key=found.count, default=0) for sign, found in counts.items()
    }
    # The sign that most lines hold equally often; the order of the signs breaks a tie.
    best = max(
        delimiters,
        key=lambda sign: counts[sign].count(regular[sign]) if regular[sign] else 0,
    )
    return best


def _unquoted(line: str) -> str:
    return re.sub(r"\"[^\"]*\"", "", line)


def _head(rows: Sequence[tuple[int, list[str]]]) -> tuple[int, int]:
    """Return how many rows stand above the table, such as its title, and how many are heads."""
    if not rows:
        return 0, 0
    width = max(len(_filled(row)) for _, row in rows)
    above = 0
    while width > 1 and above < len(rows) - 1 and len(_filled(rows[above][1])) == 1:
        above += 1
    first = _filled(rows[above][1])
    unique = len(set(first)) == len(first)
    data = any(
        _FIGURE.fullmatch(cell) and not re.fullmatch(r"(?:19|20)\d\d", cell) for cell in first
    )
    return above, int(unique and not data and above < len(rows) - 1)


def _filled(row: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in row if cell.strip()]


def _blocks(
    opening: list[tuple[int, list[str]]],
    rest: Iterator[tuple[int, list[str]]],
    above: int,
    heads: int,
) -> Iterator[Block]:
    for _, row in opening[:above]:
        yield Block(" ".join(_filled(row)))
    width = max((len(row) for _, row in opening), default=0)
    head = opening[above][1] if heads else []
    if head:
        yield from table([[cell or f"column {n}" for n, cell in enumerate(_wide(head, width), 1)]])
    counted = 0
    for rows in (opening[above + heads :], rest):
        for number, row in rows:
            cells = (" ".join(cell.split()).replace("|", "\\|") for cell in _wide(row, width))
            place = f"row {number}" if counted % PART == 0 else ""
            yield Block(f"| {' | '.join(cells)} |", run="row", place=place)
            counted += 1


def _wide(row: list[str], width: int) -> list[str]:
    return row + [""] * (width - len(row))
