"""Tables of a PDF page: by the lines that are drawn, else by cells that stand under each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ingest.readers.pdf_chars import Rule
from ingest.readers.pdf_lines import Piece, Row, Word

RULES = 800  # of a page: more are a drawing
NEAR = 2.5  # points: rules that touch
FEW_ROWS = 2
PITCH = 2.6  # of the type size between the baselines of two rows of an unruled table
FRAME = 14  # lines of a cell: more, and the lines are drawn around a part of the page
MOST = 1500  # lines of a column that a table is looked for in
FIGURE = 0.42  # of the type size beside a figure: more than a blank
APART = 3.0  # of the type size between two words: they are in two columns
HIDDEN = 8  # lines of a cell that covers several columns: more are rows
WORDY = 6  # words of a cell: more are prose
WRAP = 1.5  # of the type size: closer, and a lone cell goes on with the one above

Cell = list[list[Word]]  # its lines

_NUMBER = re.compile(r"[^\w]*\d[\d.,:%/ –-]*\D{0,4}")
_ENUMERATOR = re.compile(
    r"[-•*–—▪◦●○■□·✓]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]|(?:\d+\.)+\d*|\[\d+\]"
)


@dataclass
class Grid:
    """A table: its cells by rows, and where it stands."""

    rows: list[list[Cell]]
    left: float
    bottom: float
    right: float
    top: float
    heads: int = 1
    size: float = 0.0
    caption: Cell = field(default_factory=list)


def ruled(rules: Sequence[Rule], rows: Sequence[Row]) -> tuple[list[Grid], list[Row]]:
    """Take the tables out that lines are drawn around; return them, and what is left."""
    grids: list[Grid] = []
    if not 4 <= len(rules) <= RULES:
        return grids, list(rows)
    for group in _connected(rules):
        xs = _marks([rule.left for rule in group if rule.right - rule.left < NEAR])
        ys = _marks([rule.bottom for rule in group if rule.top - rule.bottom < NEAR])
        if len(ys) < 2 or len(xs) < 2:
            continue
        # Edges that only level lines show: the sides of an open table.
        left, right = min(rule.left for rule in group), max(rule.right for rule in group)
        xs = _marks([*xs, left, right])
        low, high = min(rule.bottom for rule in group), max(rule.top for rule in group)
        ys = _marks([*ys, low, high])
        if len(xs) < 3 or len(ys) < 3 or len(xs) * len(ys) > 5000:
            continue
        grid, rest = _filled(group, xs, ys[::-1], rows)
        if grid:
            grids.append(grid)
            rows = rest
    return grids, list(rows)


def _connected(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Group rules that touch: sorted by their left ends, a sweep over those still open."""
    parent = list(range(len(rules)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    order = sorted(range(len(rules)), key=lambda n: rules[n].left)
    open_: list[int] = []
    for n in order:
        rule = rules[n]
        open_ = [m for m in open_ if rules[m].right + NEAR >= rule.left]
        for m in open_:
            other = rules[m]
            if other.bottom - NEAR <= rule.top and rule.bottom - NEAR <= other.top:
                parent[root(m)] = root(n)
        open_.append(n)
    groups: dict[int, list[Rule]] = {}
    for n in range(len(rules)):
        groups.setdefault(root(n), []).append(rules[n])
    return [group for group in groups.values() if len(group) >= 4]


def _marks(values: Sequence[float]) -> list[float]:
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > 2 * NEAR:
            found.append(value)
    return found


def _filled(
    rules: Sequence[Rule], xs: list[float], ys: list[float], rows: Sequence[Row]
) -> tuple[Grid | None, list[Row]]:
    """Put the words that stand in a grid into its cells; ys: from the top down."""
    wide, high = len(xs) - 1, len(ys) - 1
    owner = _spans(rules, xs, ys)
    cells: dict[tuple[int, int], Cell] = {}
    rest: list[Row] = []
    size = 0.0
    for row in rows:
        kept: Row = []
        for piece in row:
            outside = []
            for word in piece.words:
                x, y = (word.left + word.right) / 2, word.base + 0.3 * word.size
                if not (xs[0] - 1 < x < xs[-1] + 1 and ys[-1] - 1 < y < ys[0] + 1):
                    outside.append(word)
                    continue
                column = min(sum(x > edge for edge in xs[1:]), wide - 1)
                line = min(sum(y < edge for edge in ys[1:]), high - 1)
                cell = cells.setdefault(owner[line, column], [])
                if not cell or abs(cell[-1][-1].base - word.base) > 0.5 * word.size:
                    cell.append([])
                cell[-1].append(word)
                size = size or word.size
            if len(outside) == len(piece.words):
                kept.append(piece)
            elif outside:
                kept.append(Piece(outside))
        if kept:
            rest.append(kept)
    filled = [
        [cells.get(owner[line, column], []) for column in range(wide)] for line in range(high)
    ]
    columns = {column for line, column in cells}
    lines = {line for line, column in cells}
    if len(columns) < 2 or len(lines) < 2:
        return None, list(rows)
    if max(map(len, cells.values()), default=0) > FRAME:
        return None, list(rows)
    for (line, column), cell in cells.items():
        across = column + 1 < wide and owner[line, column + 1] == (line, column)
        if across and (len(cell) > HIDDEN or _is_columns(cell)):
            return None, list(rows)  # rows that no line parts: the lines tell little
    filled = [part for row in filled for part in _parted(row)]
    caption: Cell = []
    if len({owner[0, column] for column in range(wide)}) == 1:
        caption = filled.pop(0)[0]
        owner = {(line - 1, column): place for (line, column), place in owner.items()}
    said = [[_said(cell) for cell in row] for row in filled]
    heads = 0 if _plain_body(said) else 1
    across = any(owner[0, n] == owner[0, n - 1] and said[0][n] for n in range(1, wide))
    if heads and across and len(filled) > 2:
        heads = 2
    return Grid(filled, xs[0], ys[-1], xs[-1], ys[0], heads, size, caption), rest


def _is_columns(cell: Cell) -> bool:
    """Tell whether most lines of a cell have gaps as wide as between columns."""
    wide = sum(
        any(b.left - a.right > APART * a.size for a, b in pairwise(sorted(line, key=_left)))
        for line in cell
    )
    return len(cell) > 3 and 2 * wide > len(cell)


def _left(word: Word) -> float:
    return word.left


def _parted(row: list[Cell]) -> list[list[Cell]]:
    """Part a row that holds several, with no line drawn between: figures stand under figures."""
    most = max(len(cell) for cell in row)
    longest = [cell for cell in row if len(cell) == most]
    if most < 2 or len(longest) < 2:
        return [row]
    if not any(all(_NUMBER.fullmatch(_said([line])[:40]) for line in cell) for cell in longest):
        return [row]
    parts: list[list[Cell]] = [[[] for _ in row] for _ in range(most)]
    bases = [line[0].base for line in longest[0]]
    for column, cell in enumerate(row):
        for line in cell:
            near = min(range(most), key=lambda n: abs(bases[n] - line[0].base))
            parts[near][column].append(line)
        if len(cell) == 1:  # it stands for all of them
            for part in parts:
                part[column] = cell
    return parts


def _spans(
    rules: Sequence[Rule], xs: list[float], ys: list[float]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Map each field of a grid to the first field of the cell that it is a part of."""
    upright = [rule for rule in rules if rule.right - rule.left < NEAR]
    level = [rule for rule in rules if rule.top - rule.bottom < NEAR]
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    walls: dict[int, list[Rule]] = {}
    for rule in upright:
        for n, x in enumerate(xs):
            if abs(rule.left - x) <= 2 * NEAR:
                walls.setdefault(n, []).append(rule)
    floors: dict[int, list[Rule]] = {}
    for rule in level:
        for n, y in enumerate(ys):
            if abs(rule.bottom - y) <= 2 * NEAR:
                floors.setdefault(n, []).append(rule)
    for line, (top, bottom) in enumerate(pairwise(ys)):
        y = (top + bottom) / 2
        for column, (left, right) in enumerate(pairwise(xs)):
            x = (left + right) / 2
            wall = column == 0 or any(r.bottom <= y <= r.top for r in walls.get(column, ()))
            floor = line == 0 or any(r.left <= x <= r.right for r in floors.get(line, ()))
            if not wall:
                owner[line, column] = owner[line, column - 1]
            elif not floor:
                owner[line, column] = owner[line - 1, column]
            else:
                owner[line, column] = (line, column)
    return owner


def _said(cell: Cell) -> str:
    return " ".join(word.text for line in cell for word in line)


def _plain_body(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row is like the others: it has figures where they have."""
    if len(rows) < 2:
        return False
    first, *others = rows
    figures = 0
    for column, cell in enumerate(first):
        below = [row[column] for row in others if column < len(row) and row[column]]
        year = re.fullmatch(r"(?:1[5-9]|20)\d\d(?:/\d\d)?", cell)  # heads a column
        if below and cell and not year and _NUMBER.fullmatch(cell[:40]):
            figures += all(_NUMBER.fullmatch(text[:40]) for text in below)
    return figures > 0


def is_enumerator(text: str) -> bool:
    """Tell whether a piece of a line is a list's sign or number alone."""
    return len(text) <= 12 and _ENUMERATOR.fullmatch(text) is not None


def unruled(rows: Sequence[Row]) -> list[Row | Grid]:
    """Return the lines of a column, with tables in place of those that make one."""
    found: list[Row | Grid] = []
    if len(rows) > MOST:
        return list(rows)
    at = 0
    while at < len(rows):
        end = _run(rows, at)
        grid = _grid(rows[at:end]) if end - at >= FEW_ROWS else None
        if grid is None:
            found.append(rows[at])
            at += 1
        else:
            found.append(grid)
            at = end
    return found


def _cells(row: Row) -> int:
    return len(row) - (len(row) > 1 and is_enumerator(row[0].text))


def _run(rows: Sequence[Row], start: int) -> int:
    """Return where the lines end that may be one table: most have cells, all stand near."""
    end = start
    if _cells(rows[start]) < 2:
        return start + 1
    bands = [(piece.left, piece.right) for piece in rows[start]]
    last = start
    for n in range(start, len(rows)):
        row = rows[n]
        if n > start:
            above = rows[n - 1][0]
            if above.base - row[0].base > PITCH * max(above.size, row[0].size):
                break
            if _cells(row) < 2:
                piece = row[0]
                over = [band for band in bands if band[0] < piece.right and piece.left < band[1]]
                near = above.base - piece.base <= WRAP * piece.size
                if len(over) > 1 or not near or n - last > 2:
                    break
                continue
            merged = _merged([*bands, *((piece.left, piece.right) for piece in row)])
            if len(merged) < 2 or len(merged) < min(len(bands) - 1, len(row)):
                break
            bands = merged
        last = n
        end = n + 1
    # Lone cells below the last whole row go on with it.
    while end < len(rows) and len(rows[end]) == 1:
        piece, above = rows[end][0], rows[end - 1][0]
        at = [n for n, band in enumerate(bands) if band[0] < piece.right and piece.left < band[1]]
        if above.base - piece.base > WRAP * piece.size or len(at) != 1 or at == [0]:
            break
        end += 1
    return end


def _merged(bands: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for left, right in sorted(bands):
        if found and left < found[-1][1] + 3:
            found[-1] = (found[-1][0], max(found[-1][1], right))
        else:
            found.append((left, right))
    return found


def _grid(rows: Sequence[Row]) -> Grid | None:
    """Make a table of lines; None when they are none that one can be sure of."""
    whole = [row for row in rows if len(row) > 1]
    if len(whole) < FEW_ROWS:
        return None
    # A head may reach over its column's neighbour: the columns are those of the other rows.
    body = whole[1:] if len(whole) > 2 else whole
    bands = _merged([band for row in body for piece in row for band in _split(piece)])
    if len(bands) < 2:
        return None
    edges = [(before[1] + after[0]) / 2 for before, after in pairwise(bands)]
    table: list[list[Cell]] = []
    for row in rows:
        cells: list[Cell] = [[] for _ in bands]
        for piece in row:
            parts: dict[int, list[Word]] = {}
            alone = len(row) > 1 and _column(piece, edges) is not None
            for word in piece.words:
                middle = (piece.left + piece.right) / 2 if alone else (word.left + word.right) / 2
                parts.setdefault(sum(middle > edge for edge in edges), []).append(word)
            for column, words in parts.items():
                if cells[column]:
                    cells[column][-1].extend(words)
                else:
                    cells[column].append(words)
        if table and not cells[0] and len(row) < len(bands) and _continues(cells):
            for column, cell in enumerate(cells):
                table[-1][column] = [*table[-1][column], *cell]
        else:
            table.append(cells)
    said = [[_said(cell) for cell in row] for row in table]
    if not _sure(said):
        return None
    pieces = [piece for row in rows for piece in row]
    return Grid(
        table,
        min(piece.left for piece in pieces),
        min(piece.bottom for piece in pieces),
        max(piece.right for piece in pieces),
        max(piece.top for piece in pieces),
        0 if _plain_body(said) else 1,
        pieces[0].size,
    )


def _split(piece: Piece) -> list[tuple[float, float]]:
    """Return the parts of a piece: a figure with more than a blank beside it may be a cell."""
    found = [(piece.words[0].left, piece.words[0].right)]
    for last, word in pairwise(piece.words):
        figure = _NUMBER.fullmatch(last.text[:40]) or _NUMBER.fullmatch(word.text[:40])
        if figure and word.left - last.right > FIGURE * word.size:
            found.append((word.left, word.right))
        else:
            found[-1] = (min(found[-1][0], word.left), max(found[-1][1], word.right))
    return found


def _column(piece: Piece, edges: Sequence[float]) -> int | None:
    first, last = (sum(x > edge for edge in edges) for x in (piece.left, piece.right))
    return first if first == last else None


def _continues(cells: Sequence[Cell]) -> bool:
    said = [_said(cell) for cell in cells if cell]
    return all(not _NUMBER.fullmatch(text[:40]) for text in said)


def _sure(rows: Sequence[Sequence[str]]) -> bool:
    """Tell a table from labels with values, from a list of contents, and from prose."""
    wide = len(rows[0])
    full = [row for row in rows if sum(map(bool, row)) >= 2]
    if len(full) < FEW_ROWS or len(full) * 5 < len(rows) * 3:
        return False
    if len(full) == FEW_ROWS and wide == 2:
        return False
    if wide == 2 and sum(row[0].endswith(":") for row in full) * 2 >= len(full):
        return False
    if sum(any(cell.endswith("...") for cell in row) for row in rows) * 2 >= len(rows):
        return False  # a list of contents, or an index
    if all(is_enumerator(row[0]) for row in full if row[0]) and wide == 2:
        return False
    prose = sum(map(_is_running, zip(*rows, strict=True)))
    if prose > 1 or prose == wide - 1:
        return False
    cells = [cell for row in rows for cell in row if cell]
    wordy = sum(len(cell.split()) > WORDY for cell in cells)
    return wordy * 3 <= len(cells)


def _is_running(column: Sequence[str]) -> bool:
    """Tell whether the cells of a column go on with each other, as a text's lines do."""
    cells = [cell for cell in column if cell]
    words = sum(len(cell.split()) for cell in cells)
    starts = sum(cell[0].islower() for cell in cells)
    return words >= 4 * len(cells) and starts * 5 > 2 * len(cells) and len(cells) > 2
