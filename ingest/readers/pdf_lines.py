"""The signs of a PDF page as words, and those as pieces of lines, by where they stand.

The file's order counts only inside a word: cells, columns and notes are drawn in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise

from ingest.readers.pdf_chars import Char

GAP = 0.25  # of the type size between two signs: words
TOUCHING = 0.09  # of the type size: no gap, whatever pdfium takes it for
WIDE = 0.75  # of the type size between two words: pieces of a line, maybe cells or columns
LEVEL = 0.2  # of the type size between baselines: the same line
SMALL = 0.87  # of the type size beside it: may be raised or lowered
OVERHANG = 0.17  # of the type size: the most that a letter reaches into a blank
MANY = 50_000  # pairs of words that are looked at for a raised one
LEADERS = 5  # dots in a row: more lead to a page number
SHIFT = 0.75  # of the type size: a raised sign is no higher


class Word:
    """Some signs without a gap."""

    __slots__ = (
        "base",
        "bold",
        "bottom",
        "chars",
        "left",
        "mixed",
        "right",
        "size",
        "struck",
        "text",
        "top",
    )

    def __init__(self, chars: list[Char]) -> None:
        """chars: at least one, in the order of reading."""
        self.chars = chars
        self.text = "".join([char.sign for char in chars])
        first = chars[0]
        if len(chars) == 1 or all(
            char.size == first.size and char.base == first.base for char in chars
        ):
            self.size, self.base = first.size, first.base
            self.mixed = False
        else:
            self.mixed = True
            main = max(chars, key=lambda char: char.size)
            self.size, self.base = main.size, main.base
        self.left = min([char.left for char in chars])
        self.right = max([char.right for char in chars])
        # Fonts lie about how high they are: the size of the type does not.
        self.bottom = self.base - 0.22 * self.size
        self.top = self.base + 0.75 * self.size
        self.bold = sum([char.bold for char in chars]) * 2 > len(chars)
        self.struck = sum([char.struck for char in chars]) * 2 > len(chars)

    def shed(self) -> None:
        """Forget the signs one by one, to save memory, where the word tells as much."""
        if not self.mixed:
            self.chars = []


class Piece:
    """Words of one line with common gaps between them."""

    def __init__(self, words: list[Word]) -> None:
        """words: at least one, in the order of reading."""
        self.words = words
        self.left = min([word.left for word in words])
        self.right = max([word.right for word in words])
        sizes = Counter[float]()
        for word in words:
            sizes[round(word.size, 1)] += len(word.text)
        self.size = sizes.most_common(1)[0][0] or 0.1
        main = [word for word in words if round(word.size, 1) == self.size]
        self.base = (main or words)[0].base
        self.bottom = self.base - 0.22 * self.size
        self.top = self.base + 0.75 * self.size

    @cached_property
    def bold(self) -> bool:
        """Tell whether all of it is bold, marks and figures aside."""
        letters = [word for word in self.words if any(map(str.isalpha, word.text))]
        return bool(letters) and all(word.bold for word in letters)

    @cached_property
    def text(self) -> str:
        """Return its words with spaces between, as the file has them."""
        return " ".join([word.text for word in self.words])


Row = list[Piece]  # the pieces of one line, from left to right


def rows_of(chars: Sequence[Char]) -> list[Row]:
    """Return the lines of a page from the top down; text on its side comes last."""
    found = []
    for turn in range(5):
        turned = [char for char in chars if char.turn == turn] if turn else _upright(chars)
        if turned:
            found += _rows(_words(turned)) if turn < 4 else [[Piece(_words(turned, True))]]
    return found


def _upright(chars: Sequence[Char]) -> Sequence[Char]:
    return chars if not any(char.turn for char in chars) else [c for c in chars if not c.turn]


def from_right(sign: str) -> bool:
    """Tell whether a sign is of a script that runs from right to left."""
    return sign > "\u058f" and (sign < "\u0900" or "\ufb1d" <= sign <= "\ufefc")


def _words(chars: Iterable[Char], aslant: bool = False) -> list[Word]:
    words: list[Word] = []
    run: list[Char] = []
    last: Char | None = None
    for char in chars:
        if (
            last is not None
            and run
            and not (_follows(last, char) if not aslant else not char.apart)
        ):
            words.append(Word(run))
            run = []
        run.append(char)
        last = char
    if run:
        words.append(Word(run))
    return words


def _follows(last: Char, char: Char) -> bool:
    """Tell whether a sign goes on with the word that the sign before it is in."""
    size = last.size if last.size > char.size else char.size
    if char.left == last.left and char.base == last.base:  # a ligature's other letters
        return True
    if from_right(char.sign) and from_right(last.sign):
        gap = last.left - char.right
    else:
        gap = char.left - last.right
    if gap > GAP * size or gap < -0.6 * size or (char.left == last.left and char.base != last.base):
        return False
    if char.apart:
        # These letters reach over the blank beside them.
        real = gap + OVERHANG * size * ((last.sign == "f") + (char.sign in "fj"))
        if not -TOUCHING * size < real < TOUCHING * size:
            return False
    shift = abs(char.base - last.base)
    if shift < 0.12 * size:
        return True
    return shift < SHIFT * size and min(last.size, char.size) <= SMALL * size


def _rows(words: list[Word]) -> list[Row]:
    """Group words to lines by their baselines, raised and lowered ones with their neighbours."""
    words = sorted(words, key=lambda word: -word.base)
    groups: list[list[Word]] = []
    for word in words:
        if groups:
            first = groups[-1][0]
            if first.base - word.base <= LEVEL * min(first.size, word.size) + 0.3:
                groups[-1].append(word)
                continue
        groups.append([word])
    for upper, lower in pairwise(groups):
        _settle(upper, lower)
        _settle(lower, upper)
    return [_pieces(group) for group in groups if group]


def _settle(small: list[Word], large: list[Word]) -> None:
    """Move the raised or lowered words of one line into the line whose words they stand at."""
    if not 0 < len(small) * len(large) < MANY:
        return
    if abs(small[0].base - large[0].base) >= SHIFT * max(word.size for word in large):
        return
    for word in list(small):
        if len(word.chars) > 8:
            continue
        for host in large:
            shift, beside = word.base - host.base, word.left - host.right
            lesser = word.size <= SMALL * host.size and abs(shift) < SHIFT * host.size
            figure = word.text.isdecimal() and 0 < shift < 0.5 * host.size and len(word.text) < 4
            if (lesser or (figure and word.size <= host.size)) and (
                -0.3 * host.size < beside < 0.5 * host.size
                or -0.3 * host.size < host.left - word.right < 0.3 * host.size
            ):
                small.remove(word)
                large.append(word)
                break


def _pieces(words: list[Word]) -> Row:
    words.sort(key=lambda word: word.left)
    words = _without_leaders(_once(words))
    runs = [[words[0]]]
    end = words[0].right
    for last, word in pairwise(words):
        if word.left - end > WIDE * min(max(last.size, 1), max(word.size, 1)):
            runs.append([])
        runs[-1].append(word)
        end = max(end, word.right)
    signs = [sign for word in words for sign in word.text[:1]]
    if 2 * sum(map(from_right, signs)) > len(signs):
        return [Piece(run[::-1]) for run in reversed(runs)]
    return [Piece(run) for run in runs]


def _once(words: list[Word]) -> list[Word]:
    """Drop words that are drawn a second time a little aside: bold, or with a shadow."""
    found: list[Word] = []
    for word in words:
        last = found[-1] if found else None
        if last and last.text == word.text and word.left - last.left < 0.25 * word.size:
            continue
        found.append(word)
    return found


def _without_leaders(words: list[Word]) -> list[Word]:
    """Cut the dots that lead to a page number down to three."""
    found: list[Word] = []
    dots = 0
    for word in words:
        bare = word.text.rstrip(".…·")
        tail = len(word.text) - len(bare)
        if not bare:
            dots += tail
            found.append(word)
            continue
        if dots > LEADERS:
            _cut(found)
        dots = tail
        found.append(word)
    if dots > LEADERS:
        _cut(found)
    return found


def _cut(words: list[Word]) -> None:
    """Cut the dots at the end of some words."""
    dots: list[Char] = []
    while words and (tail := len(words[-1].text) - len(words[-1].text.rstrip(".…·"))):
        last = words.pop()
        if tail < len(last.chars):
            words.append(Word(last.chars[:-tail]))
        dots = last.chars[-tail:] + dots
        if tail < len(last.chars):
            break
    if dots:
        words.append(Word(dots[:3]))
