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
SMALLER = 0.95  # of the text's type size: a running line may be told by it

_ROMAN = re.compile(r"(?=[ivxlc])c{0,3}(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
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
    numbered = _numbered(edges) | _placed(pages, edges, inner)
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
    found: dict[tuple[str, int, int], set[tuple[int, int]]] = defaultdict(set)
    for page, lines in enumerate(edges):
        for side in ("head", "foot"):
            _, n, _, y, text = next(
                (line for line in lines if line[0] == side), (side, 0, "", 0, "")
            )
            words = text.strip("-–— ").split()
            for word in {words[0], words[-1]} if words else ():
                if number := _number(word):  # on the left or right, as left and right pages have it
                    level = round(y / LEVEL) if len(words) > 1 else 0
                    found[side, number - page, level].add((page, n))
    return {line for lines in found.values() if len(lines) >= FEW for line in lines}


def _number(word: str) -> int:
    """Return the page number that a word may be, Roman ones as well; 0 if it is none."""
    if word.isdecimal() and len(word) < 6:
        return int(word)
    word = word.casefold()
    if not _ROMAN.fullmatch(word):
        return 0
    values = [_VALUES[sign] for sign in word]
    return sum(-value if value < max(values[n:]) else value for n, value in enumerate(values))


def _placed(
    pages: Sequence[tuple[float, Sequence[Row]]], edges: Sequence[Sequence[Edge]], inner: set[str]
) -> set[tuple[int, int]]:
    """Return the outermost lines, by page and index, that small type at one place tells.

    Heads that change with the chapter, or from left to right, repeat too seldom one by one.
    """
    sizes = Counter[float]()
    for _, rows in pages:
        for row in rows:
            sizes[round(row[0].size, 1)] += len(_said(row))
    body = max(sizes, key=lambda size: sizes[size], default=0.0)
    places: dict[tuple[str, int, float], list[tuple[int, int, str]]] = defaultdict(list)
    for page, lines in enumerate(edges):
        for side in ("head", "foot"):
            for _, n, key, y, _ in [line for line in lines if line[0] == side][:1]:
                size = round(pages[page][1][n][0].size, 1)
                if size < SMALLER * body and key not in inner and len(key) <= LONG:
                    places[side, round(y), size].append((page, n, key))
    found: set[tuple[int, int]] = set()
    for placed in places.values():
        often = Counter(key for _, _, key in placed)
        repeated = sum(count for count in often.values() if count > 1)
        if len(placed) > FEW and 3 * repeated >= 2 * len(placed):
            found.update((page, n) for page, n, _ in placed)
    return found


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
    """Return a line as it is compared: without figures, blanks and dashes; its number last."""
    words = [word for word in text.casefold().split() if word.strip("-–—|·•")]
    for at in {0, len(words) - 1} if words else ():
        if _ROMAN.fullmatch(words[at].strip("-–—")):
            words[at] = "#"
    if len(words) > 1 and (words[0] == "#" or words[0].isdecimal()):
        words.append(words.pop(0))  # left pages have it on the left, right ones on the right
    return _DIGITS.sub("#", "".join(words)).strip("-–—|·")


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
