"""A page's lines in the order of reading, as paragraphs and tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ingest.readers.pdf_chars import Sheet
from ingest.readers.pdf_lines import Piece, Row, Word
from ingest.readers.pdf_tables import Grid, is_enumerator, ruled, unruled

GUTTER = 7.0  # points between two columns at least
LINES = 4  # of a column at least
SIGNS = 16  # of a column's line at least, as a rule
CANDIDATES = 12  # places where a column may begin
COLUMNS = 4  # cuts within cuts
LEADING = 1.35  # of the common distance of lines: more, and a paragraph ends
INDENT = 0.8  # of the type size
NARROW = 0.55  # of the page's width: no column that stands alone ends before
FULL = 0.6  # of the type size: so much of a line may stay free though the next word would fit

Part = Row | Grid

_BULLET = re.compile(r"(?:[•▪◦●○■□✓✗➢›\ufffd]|\[[x ]\])\s*\S")
_ITEM = re.compile(  # or a number or dash of the text, at a line's begin
    r"(?:[-–—*o]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]|\d{1,3}(?:\.\d{1,3})+\.?|\[\d{1,3}\])\s+\S"
)
_SENTENCE_END = re.compile(r"[.!?:;。！？：…][\"'”’»)\]]*$")


@dataclass
class Paragraph:
    """Lines that belong together."""

    lines: list[list[Word]]
    left: float
    right: float
    top: float
    bottom: float
    size: float
    bold: bool
    full: float = 0.0  # how much of the column's width its last line has
    above: float = 99.0  # points between it and what stands over it, in leadings
    edge: float = 0.0  # where the lines of its column begin
    listed: bool = False  # a list's item, or a line that is one by itself
    _text: str = field(default="", init=False)
    _count: int = field(default=0, init=False)  # lines that _text has

    def text(self) -> str:
        """Return its words as they stand, without marks."""
        if self._count != len(self.lines):
            self._count = len(self.lines)
            self._text = " ".join([word.text for line in self.lines for word in line])
        return self._text


def blocks_of(sheet: Sheet, rows: Sequence[Row]) -> list[Paragraph | Grid]:
    """Put the lines of a page, from the top down, in order and together."""
    grids, rest = ruled(sheet.rules, rows)
    found: list[Paragraph | Grid] = []
    regions = list(_regions(rest, grids, COLUMNS))
    # A page whose lines are all short has ragged lines, not a narrow column.
    least = NARROW * sheet.width if len(regions) == 1 else 0.0
    for region in regions:
        parts = unruled([part for part in region if not isinstance(part, Grid)])
        placed = sorted(
            [*parts, *(part for part in region if isinstance(part, Grid))],
            key=lambda part: -_top(part),
        )
        if not any(isinstance(part, Grid) for part in region):
            placed = parts
        found += _paragraphs(placed, least)
    return found


def _top(part: Part) -> float:
    return part.top if isinstance(part, Grid) else part[0].base + 0.75 * part[0].size


def _regions(rows: Sequence[Row], grids: Sequence[Grid], depth: int) -> Iterator[list[Part]]:
    """Cut a page into columns, from left to right, and into what stands across them."""
    gutter = _gutter(rows) if depth else None
    if gutter is None:
        yield [*rows, *grids]
        return
    across: list[Part] = []
    left: list[Row] = []
    right: list[Row] = []
    waiting = sorted(grids, key=lambda grid: -grid.top)

    def band() -> Iterator[list[Part]]:
        nonlocal left, right, across
        if left and right:
            above = _begin([row[0] for row in left], [row[0] for row in right])
            if above and len(left) - above > 1:
                across = [*across, *left[:above]]
                left = left[above:]
        if left and right and _is_band(left, right):
            start = max(left[0][0].base, right[0][0].base)
            while waiting and waiting[0].bottom >= start:
                across.append(waiting.pop(0))
            if across:
                yield sorted(across, key=lambda part: -_top(part))
            across = []
            held = [grid for grid in waiting if grid.top > right[-1][0].base]
            for side, of_left in ((left, True), (right, False)):
                inside = [g for g in held if (g.left < gutter) == of_left]
                yield from _regions(side, inside, depth - 1)
            for grid in held:
                waiting.remove(grid)
        else:
            halves = sorted([*left, *right], key=lambda row: (-row[0].base, row[0].left))
            across = _rejoined([*across, *halves])
        left, right = [], []

    for row in rows:
        low = [piece for piece in row if piece.right <= gutter]
        high = [piece for piece in row if piece.left >= gutter]
        if len(low) + len(high) < len(row):
            yield from band()
            while waiting and waiting[0].top > row[0].base and _over(waiting[0], gutter):
                across.append(waiting.pop(0))
            across.append(row)
            continue
        if low:
            left.append(low)
        if high:
            right.append(high)
    yield from band()
    rest = [*across, *waiting]
    if rest:
        yield sorted(rest, key=lambda part: -_top(part))


def _over(grid: Grid, x: float) -> bool:
    return grid.left < x < grid.right


def _rejoined(parts: list[Part]) -> list[Part]:
    """Put the halves of lines that are no columns together again."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if (
            isinstance(last, list)
            and isinstance(part, list)
            and abs(last[0].base - part[0].base) <= 0.2 * part[0].size
            and last[-1].right <= part[0].left
        ):
            found[-1] = [*last, *part]
        else:
            found.append(part)
    return found


def _gutter(rows: Sequence[Row]) -> float | None:
    """Find where most columns of prose begin beside others; None when there are none."""
    pieces = [piece for row in rows for piece in row]
    if len(pieces) < 2 * LINES:
        return None
    low, high = min(p.left for p in pieces), max(p.right for p in pieces)
    lefts = Counter(round(piece.left) for piece in pieces)
    best, most = None, 0
    body = _body(pieces)
    for left, count in lefts.most_common(CANDIDATES):
        if count < LINES or not low + 0.15 * (high - low) < left < low + 0.85 * (high - low):
            continue
        x = left - 1.5
        lower: list[Piece] = []
        upper: list[Piece] = []
        cut = 0  # signs of tables
        for left_rows, right_rows in _bands(rows, x):
            before = [piece for row in left_rows for piece in row]
            after = [piece for row in right_rows for piece in row]
            if _is_cut_table(left_rows, right_rows):
                cut += sum(len(piece.text) for piece in (*before, *after))
                continue
            before = before[_begin(before, after) :]
            if len(before) > 1 and len(after) > 1:
                lower += before
                upper += after
        columns = _is_prose(lower, body) and _is_prose(upper, body)
        columns = columns and sum(len(piece.text) for piece in (*lower, *upper)) > cut
        if columns and len(lower) + len(upper) > most:
            # One line in twenty may stand out into the gutter.
            gap = left - sorted(piece.right for piece in lower)[-1 - len(lower) // 20]
            if gap >= GUTTER:
                best, most = x, len(lower) + len(upper)
    return best


def _begin(before: Sequence[Piece], after: Sequence[Piece]) -> int:
    """Return how many pieces of the first column stand above the second: columns begin level."""
    if not after:
        return 0
    top = after[0].base + 1.6 * after[0].size
    return sum(piece.base > top for piece in before)


def _bands(rows: Sequence[Row], x: float) -> Iterator[tuple[list[Row], list[Row]]]:
    """Yield what stands on both sides of an upright line, between the lines that cross it."""
    before: list[Row] = []
    after: list[Row] = []
    for row in rows:
        low = [piece for piece in row if piece.right <= x]
        high = [piece for piece in row if piece.left >= x]
        if len(low) + len(high) < len(row):
            yield before, after
            before, after = [], []
            continue
        if low:
            before.append(low)
        if high:
            after.append(high)
    yield before, after


def _is_cut_table(left: Sequence[Row], right: Sequence[Row]) -> bool:
    """Tell whether an upright line cuts a table: on both sides most lines have several cells."""
    return all(len(side) > 1 and 2 * sum(map(_is_cut, side)) > len(side) for side in (left, right))


def _is_cut(row: Row) -> bool:
    figures = len(row) > 1 and all(piece.text[:1].isdigit() for piece in row)
    return figures or _is_tabular(row)


def _body(pieces: Sequence[Piece]) -> float:
    """Return the type size that most signs have."""
    sizes = Counter[float]()
    for piece in pieces:
        sizes[piece.size] += len(piece.text)
    return sizes.most_common(1)[0][0]


def _is_prose(pieces: Sequence[Piece], body: float) -> bool:
    """Tell whether pieces are a column of text: many long lines, most as long as the others.

    The labels of a figure in the column do not count: they are not of the body's type size.
    """
    if len(pieces) < LINES:
        return False
    if _runs_on(pieces) or _runs_on(_levelled(pieces)):
        return True
    text = [piece for piece in pieces if abs(piece.size - body) < 0.08 * body]
    return 3 * LINES <= len(text) < len(pieces) and _runs_on(_levelled(text))


def _levelled(pieces: Sequence[Piece]) -> list[Piece]:
    """Join what stands on one line: a justified line may be in many pieces."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        if runs and abs(runs[-1][-1].base - piece.base) < 0.2 * piece.size:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return [Piece([word for piece in run for word in piece.words]) for run in runs]


def _runs_on(pieces: Sequence[Piece]) -> bool:
    lengths = sorted(len(piece.text) for piece in pieces)
    words = sorted(len(piece.words) for piece in pieces)
    if lengths[len(lengths) // 2] < SIGNS or words[len(words) // 2] < 3:
        return False
    # Lines of a text begin in the middle of sentences; cells do not.
    cased = [piece for piece in pieces if piece.text[0].isupper() or piece.text[0].islower()]
    if sum(piece.text[0].islower() for piece in cased) * 5 < len(cased):
        return False
    widths = sorted(piece.right - piece.left for piece in pieces)
    usual = widths[len(widths) * 9 // 10]
    return sum(width > 0.6 * usual for width in widths) * 2 >= len(pieces)


def _is_band(left: Sequence[Row], right: Sequence[Row]) -> bool:
    if len(left) < 2 or len(right) < 2 or _is_cut_table(left, right):
        return False
    signs = [len(piece.text) for row in (*left, *right) for piece in row]
    return sum(signs) >= SIGNS * len(signs) / 2


def _paragraphs(parts: Sequence[Part], least: float) -> list[Paragraph | Grid]:
    """Join the lines of one column to paragraphs; least: where they may end at the earliest."""
    found: list[Paragraph | Grid] = []
    lines: list[Piece] = []
    pieces: list[Row] = []
    for part in parts:
        if isinstance(part, Grid):
            found += _joined(lines, pieces, least)
            found.append(part)
            lines, pieces = [], []
        else:
            lines.append(Piece([word for piece in part for word in piece.words]))
            pieces.append(part)
    return found + _joined(lines, pieces, least)


def _joined(lines: list[Piece], pieces: list[Row], least: float) -> list[Paragraph]:
    if not lines:
        return []
    leading = _leading(lines)
    found: list[Paragraph] = []
    for n, line in enumerate(lines):
        size = max(line.size, 1)
        near = lines[max(n - 8, 0) : n + 9]
        same = [other for other in near if abs(other.size - line.size) < 0.08 * size] or [line]
        right = max(least, *(other.right for other in same))
        edge = _edge(same)
        gap = (lines[n - 1].base - line.base) / size if n else 99.0
        usual = leading.get(round(line.size), 1.2)
        tabular = _is_tabular(pieces[n])
        text = line.text
        item = bool(_BULLET.match(text) or _ITEM.match(text))
        before = found[-1] if found else None
        if (
            before is not None
            and not tabular
            and not _ends(before, lines[n - 1], line, gap / usual, item, edge, right)
        ):
            before.lines.append(line.words)
            before.left, before.right = min(before.left, line.left), max(before.right, line.right)
            before.bottom = line.bottom
            before.bold = before.bold and line.bold
        else:
            found.append(
                Paragraph(
                    [line.words],
                    line.left,
                    line.right,
                    line.top,
                    line.bottom,
                    line.size,
                    line.bold,
                    above=gap / usual,
                    edge=edge,
                    listed=item or tabular,
                )
            )
        found[-1].full = 0.0 if tabular else (line.right - edge) / max(right - edge, size)
    return found


def _is_tabular(row: Row) -> bool:
    """Tell whether a line has cells: gaps that are wider than a justified line's."""
    if len(row) < 2 or (len(row) == 2 and is_enumerator(row[0].text)):
        return False
    size = max(row[0].size, 1)
    inner = sorted(b.left - a.right for piece in row for a, b in pairwise(piece.words))
    usual = inner[len(inner) // 2] if inner else 0.0
    gaps = [b.left - a.right for a, b in pairwise(row)]
    return max(gaps) > max(1.2 * size, 2.5 * usual)


def _leading(lines: Sequence[Piece]) -> dict[int, float]:
    """Map type sizes to the common distance of their baselines, in type sizes."""
    steps: dict[int, Counter[float]] = {}
    for above, line in pairwise(lines):
        step = (above.base - line.base) / max(line.size, 1)
        if round(above.size) == round(line.size) and 0.8 < step < 2.2:
            steps.setdefault(round(line.size), Counter())[round(step, 1)] += 1
    return {
        size: max(1.0, min(c for c in count if count[c] * 2 >= max(count.values())))
        for size, count in steps.items()
    }


def _edge(lines: Sequence[Piece]) -> float:
    """Return where lines begin that are not drawn in."""
    lefts = Counter(round(line.left) for line in lines)
    most = max(lefts.values())
    return min(left for left, count in lefts.items() if count * 2 >= most)


def _ends(
    before: Paragraph,
    above: Piece,
    line: Piece,
    gap: float,
    item: bool,
    edge: float,
    right: float,
) -> bool:
    """Tell whether a paragraph ends between two lines; gap: in usual distances."""
    size = max(line.size, 1)
    if abs(above.size - line.size) > 0.08 * size or gap > LEADING or gap < 0.5:
        return True
    weight = above.bold != line.bold and (before.bold or len(before.lines) > 1)
    if weight or _BULLET.match(line.text):
        return True
    first = before.lines[0][0].left
    indent = line.left - above.left
    hanging = len(before.lines) == 1 and (before.listed or line.left > first)
    centred = abs((line.left + line.right) - (above.left + above.right)) < size
    if centred and line.bold and above.bold:
        return False
    ended = bool(_SENTENCE_END.search(above.text[-8:]))
    # The next word would have had room on the line above: its end was meant.
    room = right - above.right - (line.words[0].right - line.words[0].left) - FULL * size
    starts = line.text[0]
    if item and (
        ended or room > 0 or gap > 1.1 or abs(indent) > 0.3 * size
        or (before.listed and not line.text[:3].replace(".", "").isdigit())
    ):  # fmt: skip
        return True
    if above.text[-1] in "-‐" and above.text[-2:-1].isalnum():
        return False
    if room > 0.4 * (right - edge):
        return True
    if room > 0 and (ended or (room > 2 * size and not starts.islower())):
        return True
    if before.listed:
        # Under a list's item its own lines are drawn in; one at the margin is a new paragraph.
        return (line.left < first - 1 and ended) or (
            line.left <= first + 1 and ended and len(before.lines) > 1
        )
    if indent > INDENT * size and not hanging:
        return not centred
    if indent > INDENT * size and ended and line.left > edge + INDENT * size:
        return True
    return line.left < edge - 2 * INDENT * size and above.left >= edge - 1 and ended
