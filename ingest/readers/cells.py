"""Tables of HTML: which hold data, which code, which lay a page out; and their cells as a grid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.readers.markup import BLOCK, CELL, HEADING, PRE, TABLE, Node, descendants, integer

_ROWS = frozenset("tr li div p pre".split())  # each begins a line of its own within <pre>
_GUTTER = re.compile(  # in the names of classes, of many programs
    r"(?:^|[-_])(?:gutter|lnt|lnum|ln|blob[-_]num|line[-_]?(?:nos?|nr|nums?|numbers?|nodiv)"
    r"|lines[-_]nums?)(?:$|[-_])"
)
_CODE = re.compile(r"code|highlight|blob|source|lntd")
_SPANS = 1000  # columns that a cell covers at most, as in browsers
LONG = 600  # characters: a cell with blocks of so much text lays a page out


@dataclass
class Row:
    """Hold the cells of a table's row, and which part of the table it stands in."""

    cells: list[Node]
    in_head: bool
    in_foot: bool


def own_rows(node: Node) -> tuple[Node | None, list[Row]]:
    """Return a table's caption and rows, without those of tables in it; its foot comes last."""
    caption: Node | None = None
    rows: list[Row] = []
    stack: list[tuple[Node | str, str]] = [(child, "") for child in reversed(node.children)]
    while stack:
        found, part = stack.pop()
        if isinstance(found, str) or found.tag in ("table", "td", "th"):
            continue
        if found.tag == "caption":
            caption = found
            continue
        if found.tag in ("thead", "tbody", "tfoot"):
            part = found.tag
        if found.tag == "tr":
            if cells := cells_of(found):
                rows.append(Row(cells, part == "thead", part == "tfoot"))
            continue
        stack.extend((child, part) for child in reversed(found.children))
    return caption, sorted(rows, key=lambda row: row.in_foot)


def cells_of(row: Node) -> list[Node]:
    """Return the cells of a row, also those in a form within it."""
    cells: list[Node] = []
    stack: list[Node | str] = [*reversed(row.children)]
    while stack:
        found = stack.pop()
        if isinstance(found, Node):
            if found.tag in ("td", "th"):
                cells.append(found)
            elif found.tag not in ("table", "tr"):
                stack.extend(reversed(found.children))
    return cells


def code_of(node: Node, rows: Sequence[Row]) -> str | None:
    """Return the code of a table that only sets line numbers beside it; None: it is another."""
    named = _has_class(node, _CODE)
    cells = [cell for row in rows for cell in row.cells]
    gutters = [cell for cell in cells if _is_gutter(cell)]
    rest = [cell for cell in cells if not _is_gutter(cell)]
    if (
        gutters
        and rest
        and (named or node.holds & PRE or all(_has_class(cell, _CODE) for cell in rest))
    ):
        return preformatted(node, frozenset(map(id, gutters)))
    # Where nothing names the gutter, it is the column that counts.
    body = [row.cells for row in rows if not row.in_head]
    if not body or any(len(row) != 2 or row[0].holds & TABLE for row in body):
        return None
    if not all(
        named or row[1].holds & PRE or row[0].holds & PRE or _has_class(row[1], _CODE)
        for row in body
    ):
        return None
    first = [row[0] for row in body]
    lines = "\n".join(preformatted(cell) for cell in first).split()
    numbers = [int(line) if line.isdecimal() and len(line) < 8 else -1 for line in lines]
    numbered = bool(numbers) and numbers == [*range(numbers[0], numbers[0] + len(numbers))]
    # Numbers may come from a style sheet, or were left out as such already.
    empty = not lines and all("lntd" in cell.classes or _is_numbered(cell) for cell in first)
    if not empty and not (numbered and numbers[0] >= 0):
        return None
    heads = [cell for row in rows if row.in_head for cell in row.cells]
    return preformatted(node, frozenset(map(id, (*first, *heads))))


def _is_numbered(cell: Node) -> bool:
    """Whether an attribute holds the line's number."""
    return cell.below <= 5 and any(
        name in found.attrs
        for found in descendants(cell)
        for name in ("data-line-number", "data-line", "data-n")
    )


def lays_out(node: Node, rows: Sequence[Row], caption: Node | None) -> bool:
    """Whether a table places parts of a page: its rows are no rows of data."""
    if node.attrs.get("role") in ("presentation", "none") or not rows:
        return True
    cells = [cell for row in rows for cell in row.cells]
    if max(len(row.cells) for row in rows) == 1 and not any(cell.tag == "th" for cell in cells):
        return True
    if any(cell.holds & CELL and not cell.holds & TABLE for cell in cells):
        return True
    long = LONG * 4 if caption or any(cell.tag == "th" for cell in cells) else LONG
    if any(cell.holds & (BLOCK | TABLE) and cell.size > long for cell in cells):
        return True
    if any(cell.holds & PRE and _has_lines(cell) for cell in cells):
        return True
    if caption or any(cell.tag == "th" for cell in cells):
        return False
    return any(cell.holds & (HEADING | TABLE) for cell in cells)


def _has_lines(cell: Node) -> bool:
    """Whether a cell holds preformatted text of several lines."""
    return bool(cell.holds & TABLE) or any(
        found.tag == "pre" and "\n" in preformatted(found) for found in descendants(cell)
    )


def grid_of(rows: Sequence[Sequence[tuple[Node, str]]]) -> tuple[list[list[str]], int]:
    """Fill spans; return the rows, and how many of the first are one cell over all columns."""
    spans = [[integer(cell.attrs.get("colspan", "1")) or 1 for cell, _ in row] for row in rows]
    spans = [[min(max(span, 1), _SPANS) for span in row] for row in spans]
    several = [sum(row) for row in spans if len(row) > 1]
    width = max(several or [sum(row) for row in spans], default=0)
    downs = [[_rows_down(cell, len(rows) - n) for cell, _ in row] for n, row in enumerate(rows)]
    area = sum(
        min(span, width) * down
        for line, depths in zip(spans, downs, strict=True)
        for span, down in zip(line, depths, strict=True)
    )
    if area > 20 * sum(map(len, rows)) + 10_000:  # spans that would fill the memory
        width = max(map(len, rows))
        spans = [[1] * len(row) for row in rows]
        downs = spans
    grid: list[list[str]] = []
    first, leading = 0, True
    above: dict[int, tuple[int, str]] = {}  # column: how many rows it still covers, with what
    for n, row in enumerate(rows):
        line: list[str] = []
        cells = iter(zip(row, spans[n], downs[n], strict=True))
        whole = len(row) == 1 and spans[n][0] >= width > 1 and not above
        down: dict[int, tuple[int, str]] = {}
        pending = next(cells, None)
        while pending or any(column >= len(line) for column in above):
            column = len(line)
            if column in above:
                left, text = above.pop(column)
                line.append(text)
                if left > 1:
                    down[column] = (left - 1, text)
                continue
            if not pending:
                line.append("")
                continue
            (_, text), span, rowspan = pending
            for offset in range(max(min(span, width - column), 1)):
                if offset and column + offset in above:
                    break
                line.append(text if not (whole and offset) else "")
                if rowspan > 1:
                    down[column + offset] = (rowspan - 1, text)
            pending = next(cells, None)
        above = down
        grid.append(line)
        leading = leading and whole
        first += leading
    return grid, first if first < len(grid) else 0


def _rows_down(cell: Node, left: int) -> int:
    """Return how many rows a cell covers; 0 stands for all that are left."""
    stated = integer(cell.attrs.get("rowspan", "1"))
    return left if stated == 0 else min(max(stated or 1, 1), left)


def head_rows(rows: Sequence[Row], grid: Sequence[Sequence[str]], first: int) -> int:
    """Return how many rows, after the first ones, are column heads."""
    heads = 0
    for row in rows[first:]:
        cells = [cell for cell in row.cells if cell.size]
        if not (row.in_head or (cells and all(cell.tag == "th" for cell in cells))):
            break
        if not row.in_head and len(row.cells) == 1:  # names the rows below it
            break
        heads += 1
    if heads == len(rows) - first:
        return min(heads, 1)
    if heads or any(cell.tag == "th" for row in rows for cell in row.cells):
        return heads
    head, body = grid[first], grid[first + 1 :]
    if not body or len(head) < 2 or not all(head[1:]):
        return 0
    if not head[0]:  # above names of rows stands nothing
        return int(len(head) > 2 and all(line[0] for line in body))
    if any(text.endswith(":") for text in head):
        return 0
    if all(_is_bold(cell) for cell in rows[first].cells):
        return 1
    if len(set(head)) < len(head):
        return 0
    numeric = [
        n
        for n in range(len(head))
        if sum(any(map(str.isdigit, line[n])) for line in body if len(line) > n) * 2 > len(body)
    ]
    return int(
        len(body) > 1 and bool(numeric) and not any(any(map(str.isdigit, text)) for text in head)
    )


def _is_bold(cell: Node) -> bool:
    node = cell
    while True:
        inner = [c for c in node.children if (c.strip() if isinstance(c, str) else c.size)]
        if len(inner) != 1 or isinstance(inner[0], str):
            return "font-weight:bold" in cell.style()
        node = inner[0]
        if node.tag in ("b", "strong"):
            return True


def preformatted(root: Node, skip: frozenset[int] = frozenset()) -> str:
    """Return the lines and indents of <pre> or of a table of code, without line numbers.

    skip: ids of nodes to leave out.
    """
    parts: list[str] = []
    stack: list[tuple[Node | str, Node, bool]] = [(child, root, False) for child in root.children]
    stack.reverse()
    spans = 0
    ended = False
    while stack:
        node, parent, leaving = stack.pop()
        if isinstance(node, str):
            if ended and node.startswith("\n"):  # the end of an element has ended the line
                node = node[1:]
            ended = False
            if node and parent.tag not in ("table", "tbody", "thead", "tfoot", "tr"):
                parts.append(node)
            continue
        if node.tag == "br":
            parts.append("\n")
            continue
        if id(node) in skip or _is_gutter(node):
            continue
        if node.tag == "button":
            continue
        if node.tag in _ROWS and parts and not parts[-1].endswith("\n"):
            parts.append("\n")
            ended = leaving
        if leaving:
            continue
        spans += node.tag == "span" and "line" in node.classes
        if marker := node.attrs.get("data-code-marker", "").strip():
            parts.append(marker)
        stack.append((node, parent, True))
        if node.tag == "img" and len(node.attrs.get("alt", "").split()) > 1:
            parts.append(f"[picture: {node.attrs['alt']}]")
        stack.extend((child, node, False) for child in reversed(node.children))
    text = "".join(parts)
    if spans > 1 and "\n" not in text.strip():  # lines that only a style sheet sets apart
        text = "\n".join(
            line.text()
            for line in descendants(root)
            if line.tag == "span" and "line" in line.classes
        )
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    text = re.sub("[\u200b\ufeff]", "", text)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def _is_gutter(node: Node) -> bool:
    """Whether an element holds line numbers by its class, and nothing else."""
    return _has_class(node, _GUTTER) and not node.text().strip("0123456789 \t\r\n|.:\xa0")


def _has_class(node: Node, pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(name.lower()) for name in node.classes)
