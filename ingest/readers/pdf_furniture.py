"""Running heads, feet and page numbers: lines that repeat at the edges of pages."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ingest.readers.pdf_lines import Row

DEEP = 3  # lines from the edge that are looked at
BAND = 0.16  # of the page's height from its edge: no running line is further in
FEW = 3  # pages that a line repeats on
LONG = 130  # signs: longer lines are the text, repeated
LEVEL = 6.0  # points that it may move

_ROMAN = re.compile(r"[ivxlc]{1,7}")
_DIGITS = re.compile(r"\d+")


Edge = tuple[str, int, str, float, str]  # side, index, key, place, text


def running_lines(pages: Sequence[tuple[float, Sequence[Row]]]) -> tuple[list[set[int]], list[str]]:
    """Return for each page which of its lines are furniture, and the words of those that are.

    pages: their heights, and their lines from the top down.
    """
    seen: dict[tuple[str, str], list[tuple[int, float, str]]] = defaultdict(list)
    edges = [_edges(height, rows) for height, rows in pages]
    inner: set[str] = set()
    for page, lines in enumerate(edges):
        for side, _, key, y, text in lines:
            seen[side, key].append((page, y, text))
        outer = {n for _, n, *_ in lines}
        inner.update(_key(_said(row)) for n, row in enumerate(pages[page][1]) if n not in outer)
    least = FEW if len(pages) > FEW else max(2, len(pages))
    found: list[set[int]] = []
    words: dict[str, str] = {}
    heads: set[str] = set()  # of tables that go on from page to page: the first stays
    known: dict[tuple[str, str, int], tuple[bool, bool]] = {}  # does it run, always the same
    numbered = _numbered(edges)
    for page, lines in enumerate(edges):
        gone: set[int] = set()
        rows = pages[page][1]
        for side in ("head", "foot"):
            inside = False  # of a line that stays: below it only what is always the same goes
            for _, n, key, y, text in (line for line in lines if line[0] == side):
                if (side, key, round(y)) not in known:
                    near = [line for line in seen[side, key] if abs(line[1] - y) < LEVEL]
                    runs = len({line[0] for line in near}) >= least
                    runs = runs and _is_running(near, key, inner)
                    same = len({line[2] for line in near}) == 1
                    known[side, key, round(y)] = (runs, same)
                runs, same = known[side, key, round(y)]
                if not (runs and (same or not inside)) and (page, n) not in numbered:
                    inside = True
                    continue
                if side == "head" and _heads_table(rows, n) and key not in heads:
                    heads.add(key)
                    inside = True
                    continue
                gone.add(n)
                if any(map(str.isalpha, key)) and key not in heads:
                    words.setdefault(key, text)
        found.append(gone)
    emptied = sum(bool(rows) and len(gone) == len(rows) for gone, (_, rows) in
                  zip(found, pages, strict=True))  # fmt: skip
    if emptied * 2 >= len(pages):  # the text repeats as well: only its outermost lines run
        ends = [{0, len(rows) - 1} if len(rows) > 2 else set[int]() for _, rows in pages]
        found = [some & kept for some, kept in zip(found, ends, strict=True)]
        left = {
            _key(_said(rows[n])) for kept, (_, rows) in zip(found, pages, strict=True) for n in kept
        }
        return found, [text for key, text in words.items() if key in left]
    return found, list(words.values())


def _numbered(edges: Sequence[Sequence[Edge]]) -> set[tuple[int, int]]:
    """Return the lines, by page and index, that a page number ends or begins.

    Heads that change with the chapter are told by it: it grows as the pages do.
    """
    found: dict[tuple[str, bool, int, int], list[tuple[int, int]]] = defaultdict(list)
    for page, lines in enumerate(edges):
        for side in ("head", "foot"):
            _, n, _, y, text = next(
                (line for line in lines if line[0] == side), (side, 0, "", 0, "")
            )
            words = text.strip("-–— ").split()
            for at in (0, -1):
                if words and words[at].isdecimal() and len(words[at]) < 6:
                    level = round(y / LEVEL) if len(words) > 1 else 0
                    key = (side, at == 0, int(words[at]) - page, level)
                    found[key].append((page, n))
    return {line for lines in found.values() if len(lines) >= FEW for line in lines}


def is_edge(height: float, row: Row) -> bool:
    """Tell whether a line is where running heads and feet are."""
    return min(row[0].base, height - row[0].base) <= BAND * height


def _is_running(near: Sequence[tuple[int, float, str]], key: str, inner: set[str]) -> bool:
    """Tell a running line from a table's or list's lines that differ by their figures alone."""
    if len(key) > LONG:
        return False
    if len({text for _, _, text in near}) == 1:
        return any(map(str.isalnum, key))
    if any(map(str.isalpha, key)):
        return key not in inner
    if key not in ("#", "#/#"):
        return False
    # Page numbers grow as the pages do.
    ahead = Counter(int(_DIGITS.findall(text)[0][:9]) - page for page, _, text in near
                    if _DIGITS.search(text))  # fmt: skip
    return not ahead or max(ahead.values()) * 2 >= len(near)


def _heads_table(rows: Sequence[Row], n: int) -> bool:
    if len(rows[n]) < 2 or n + 1 >= len(rows) or len(rows[n + 1]) < 2:
        return False
    row, below = rows[n][0], rows[n + 1][0]
    same = abs(row.size - below.size) < 0.05 * row.size
    return same and row.base - below.base < 2.6 * max(row.size, 1)


def _said(row: Row) -> str:
    return " ".join(piece.text for piece in row)


def _key(text: str) -> str:
    """Return a line as it is compared: without figures, blanks and dashes."""
    key = _DIGITS.sub("#", text.casefold())
    if _ROMAN.fullmatch(key.strip("-–— ")):
        key = "#"
    return "".join(key.split()).strip("-–—|·")


def _edges(height: float, rows: Sequence[Row]) -> list[Edge]:
    """Return the lines near a page's edges, from the outside."""
    found = []
    order = sorted(range(len(rows)), key=lambda n: -rows[n][0].base)
    for side, near in (("head", order[:DEEP]), ("foot", order[::-1][:DEEP])):
        for n in near:
            y = rows[n][0].base
            if (height - y if side == "head" else y) > BAND * height:
                break
            text = _said(rows[n])
            found.append((side, n, _key(text), y, text))
    return found
