"""Words of a PDF as text: raised figures, struck-out words, and hyphens at the ends of lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ingest.readers.pdf_lines import SMALL, Word

NONE = -1  # the source of a sign that is made here
Line = list[Word]

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_UNITS = frozenset(
    "m km cm mm dm nm µm μm pm ft in yd mi s ms min h d kg g mg t mol l L ml K C W kW MW J kJ MJ"
    " N kN Pa kPa V A Hz Ω ha sq cd lm px rad sr".split()
)
_POWER = re.compile(r"[+\-−–]?\d+(?:[.,/]\d+)?|\d*[+\-−–]")
_MARK = re.compile(r"\d{1,3}(?:[,;–-]\d{1,3})*,?|[a-h]|[ivx]{1,4}")
_LOWER_HALF = re.compile(r"[/⁄](?:\d|$)")  # of a fraction
_YEAR = re.compile(r"(?:^|\D)(?:1[5-9]|20)\d\d$")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|re|e|o|a|º|ª|TM|SM|®|™|ème|de|ste)\.?", re.IGNORECASE)
_PREFIXES = frozenset(
    "self second first third half well non ex all cross high low long short part full multi semi"
    " mid post pre anti co two three four five six seven eight nine ten one old new vice".split()
)
_SUSPENDED = frozenset("and or to nor und oder bzw et ou y o e en of och og".split())


class Spelling:
    """What a document's own words tell of a hyphen at a line's end."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.hyphenates = False
        self._ends: list[tuple[str, str]] = []

    def learn(self, lines: Iterable[Sequence[str]]) -> None:
        """Take in the words of lines that follow each other."""
        before = ""
        for line in lines:
            if not line:
                continue
            if before:
                self._ends.append((before, line[0]))
            before = line[-1] if _breaks(line[-1]) else ""
            inner = line[:-1] if before else line
            for word in _WORD.findall(" ".join(inner)):
                self.known.add(word.casefold())

    def settle(self) -> None:
        """Tell from all that was learnt whether the document breaks words at all."""
        for end, start in self._ends:
            first, second = _edges(end, start)
            if second and second[0].islower() and not {second, first} <= self.known:
                compound = first.casefold() in _PREFIXES or f"{first}-{second}" in self.known
                self.hyphenates = self.hyphenates or not compound

    def joint(self, end: str, start: str) -> tuple[int, str]:
        """Return how many signs of a line's end go, and what comes before the next line."""
        if end[-1:] > "\u2e80" and start[:1] > "\u2e80" and not "\uac00" <= start[:1] <= "\ud7a3":
            return 0, ""  # these scripts have no blanks between words
        if not _breaks(end):
            closed = end[-1:] in "–/" and end[-2:-1].isalnum() and start[:1].isdigit()
            address = "://" in end and end[-1] in "/.-_=&?"
            return 0, "" if closed or address else " "
        first, second = _edges(end, start)
        if second.isupper() and first.isupper() and (first + second).casefold() in self.known:
            return 1, ""
        if not second or not second[0].islower():
            return 0, "" if start[:1].isalnum() else " "
        first, second = first.casefold(), second.casefold()
        if second in _SUSPENDED and first + second not in self.known:
            return 0, " "
        if first + second in self.known:
            return 1, ""
        # Of a word with two hyphens, only the last part was broken.
        if f"{first}-{second}" in self.known or first in _PREFIXES or len(first) == 1:
            return 0, ""
        whole = {first, second} <= self.known and len(first) > 2
        return (0, "") if whole and not self.hyphenates else (1, "")


def _breaks(word: str) -> bool:
    return len(word) > 1 and word[-1] in "-‐\xad" and word[-2].isalnum()


def _edges(end: str, start: str) -> tuple[str, str]:
    before = re.search(r"[^\W_]*$", end[-40:-1])
    after = re.match(r"[^\W_]*", start)
    return before[0] if before else "", after[0] if after else ""


class Text:
    """Text that is being written, and for each of its signs where it comes from."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.sources: list[int] = []
        self.starts: list[int] = []  # of its lines

    def add(self, sign: str, source: int = NONE) -> None:
        """Write some signs that come from one sign of the page, or from none."""
        if not sign:
            return
        self.parts.append(sign)
        self.sources.extend([source] * len(sign))

    def drop(self, count: int) -> None:
        """Take back the last signs."""
        last = self.parts.pop()
        del self.sources[len(self.sources) - count :]
        if len(last) > count:
            self.parts.append(last[:-count])

    def last(self) -> str:
        """Return the last word that was written, as far as it goes."""
        end = ""
        for part in reversed(self.parts):
            if (end and part.isspace()) or len(end) > 12:
                break
            end = part.strip() + end
        return end

    def __str__(self) -> str:
        return "".join(self.parts)


def spelled(lines: Sequence[Line], spelling: Spelling) -> Text:
    """Write lines as one run of text."""
    text = Text()
    struck = False
    for n, line in enumerate(lines):
        size, base = _measure(line)
        for k, word in enumerate(line):
            gap = " " if k else ""
            if n and not k:  # a hyphen at the line's end goes where it is none of the word's
                end = text.last()
                gone, gap = spelling.joint(end.removesuffix("~~"), word.text)

                if gone and not struck:
                    text.drop(gone)
            if struck and not word.struck:
                text.add("~~")
            opening = "~~" if word.struck and not struck else ""
            struck = word.struck
            text.add(gap)
            if not k:
                text.starts.append(len(text.sources))
            _write(text, word, opening, size, base)
    if struck:
        text.add("~~")
    return text


def _measure(line: Line) -> tuple[float, float]:
    """Return the type size of a line, and the base that most of what has it stands on."""
    size = max((word.size for word in line), default=1.0)
    bases: dict[float, int] = {}
    for word in line:
        if word.size == size:
            bases[word.base] = bases.get(word.base, 0) + len(word.text)
    return size, max(bases, key=lambda base: bases[base], default=0.0)


def _raised(size: float, base: float, of: float, over: float) -> bool:
    return (0.15 if size <= SMALL * of else 0.25) * of < base - over < 0.9 * of


def _write(text: Text, word: Word, opening: str, size: float, base: float) -> None:
    """Write a word, of which some may be raised."""
    parts: list[tuple[bool, list[tuple[str, int]]]] = []
    if word.mixed:
        for char in word.chars:
            raised = _raised(char.size, char.base, size, base)
            if not parts or parts[-1][0] != raised:
                parts.append((raised, []))
            parts[-1][1].append((char.sign, char.source))
    else:
        raised = _raised(word.size, word.base, size, base)
        known = [(char.sign, char.source) for char in word.chars]
        parts.append((raised, known or [(word.text, NONE)]))
    for n, (raised, signs) in enumerate(parts):
        after = ""
        if raised:
            following = "".join(sign for sign, _ in parts[n + 1][1]) if n + 1 < len(parts) else ""
            run = "".join(sign for sign, _ in signs)
            inside = bool(text.sources)
            spaced = inside and text.parts[-1:] == [" "]
            marks = _marks(text.last(), run, inside, following)
            if marks:
                if spaced:
                    text.drop(1)
                if marks[0] == " [" and text.last().endswith((",]", ";]")):
                    text.drop(1)  # "5," and "6" are one mark
                    text.add(" ")
                else:
                    text.add(marks[0])
                after = marks[1]
        if opening:
            text.add(opening)
            opening = ""
        for sign, source in signs:
            text.add(sign, source)
        if after:
            text.add(after)


def _marks(before: str, run: str, inside: bool, following: str) -> tuple[str, str] | None:
    """Return what stands before and after raised signs: a power's caret, or a note's brackets.

    None: they are no such, and stand where they stand.
    """
    if _LOWER_HALF.match(following) and not before[-1:].isalpha():
        return (" " if before[-1:].isdigit() else ""), ""
    if _ORDINAL.fullmatch(run) and (before[-1:].isdigit() or run[0].isupper()):
        return "", ""
    letters = re.search(r"[^\W\d_]*$", before)
    word = letters[0] if letters else ""
    if _POWER.fullmatch(run):
        number = before[-1:].isdigit() and not (_YEAR.search(before) and run.isdigit())
        symbol = bool(word) and (len(word) == 1 or word in _UNITS)
        sign = not run[-1].isdigit() or not run[0].isdigit()
        if number or symbol or (sign and word):
            return "^", ""
    if run.isalpha() and following[:1].isalpha():
        return None
    if not _MARK.fullmatch(run):
        if before[-1:].isdigit() and run.isalpha() and len(run) == 1:
            return "^", ""
        return None
    closing = "]" + (" " if following[:1].isalnum() else "")
    return (" [" if inside else "["), closing
