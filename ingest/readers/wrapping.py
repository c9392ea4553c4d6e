"""Lines to sentences: which line breaks of a text are mere wraps, and which are meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

WIDE = 45  # columns; narrower lines are verse, addresses or notes unless words go on in them
MARKER = re.compile(r"(?:[-*+•·‣◦–]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|\([ivxIVX]{1,5}\))[ \t]+(?=\S)")
_ENDS = re.compile(r"[.!?:;…。！？][\"'”’»)\]]*$")
_KEY = re.compile(r"[A-Z][\w/ -]{0,30}: ")
_GAPS = re.compile(r"\S(?: {3,}|\t+)\S")
_CODE = re.compile(
    r"[$#>%] |//|/\*|<[/!?a-zA-Z]|[\w.]+(?:\[\w+\])? ?(?::=|\+=|=[^=>])|[{}\[\]]+[;,]?$|"
    r"(?:def|class|import|from|return|function|var|let|const|public|private) [\w{*]|[-+|=_*]{4,}"
)
_CODE_END = re.compile(r"(?:[{};\\]|\)|\",)$")


def wrapped(lines: Sequence[str]) -> bool:
    """Tell whether the breaks between a paragraph's lines are wraps, not meant as line breaks."""
    breaks = len(lines) - 1
    if breaks < 1:
        return False
    bare = [line.strip() for line in lines]
    indents = {len(line) - len(line.lstrip()) for line in lines[1:]}
    if len(indents) > 1 or sum(_GAPS.search(line[:500]) is not None for line in bare) * 2 > breaks:
        return False
    if sum(_is_code(line) for line in bare) * 2 > len(bare):
        return False
    if sum(_KEY.match(line) is not None for line in bare) * 2 > len(bare):
        return False
    width = max(map(len, bare))
    going_on = full = capital = 0
    for line, following in pairwise(bare):
        first = following.split(None, 1)[0] if following else ""
        letter = following.lstrip("\"'“‘(")[:1]
        caseless = letter.isalpha() and not letter.isupper() and not letter.islower()
        capital += letter.isupper()
        if letter.islower() and not _ENDS.search(line):
            going_on += 1
        elif len(line) + 1 + len(first) > width or (caseless and len(line) > width * 0.8):
            full += 1
    if width < WIDE:
        # Verse goes on in lower case as well, but with a comma at most line ends.
        commas = sum(line.endswith(",") for line in bare[:-1])
        return going_on * 2 > breaks and commas * 2 <= going_on and breaks <= 8
    if capital == breaks and breaks >= 3:
        return False
    return (going_on + (full if width >= 55 else 0)) * 2 >= breaks


def _is_code(line: str) -> bool:
    return bool(_CODE.match(line) or _CODE_END.search(line[-200:]))


def joined(lines: Sequence[str], words: Mapping[str, int] | None = None) -> str:
    """Join wrapped lines to one; words: how often the text has each, to tell what a hyphen is."""
    parts: list[str] = []
    previous = ""
    for line in map(str.strip, lines):
        if not line:
            continue
        if previous:
            if _is_cut(previous, line):
                if words and _is_hyphenated(previous, line, words):
                    parts[-1] = parts[-1][:-1]
            elif not (_is_cjk(previous[-1]) and _is_cjk(line[0])):
                parts.append(" ")
        parts.append(line)
        previous = line
    return "".join(parts)


def _is_hyphenated(line: str, following: str, words: Mapping[str, int]) -> bool:
    """Tell whether a word was cut at the line's end, and its hyphen is none of its own."""
    found = re.search(r"([^\W_]+)-$", line[-60:])
    rest = re.match(r"[^\W_]+", following)
    if not found or not rest or line[-60:][: found.start()].endswith("-"):
        return False
    first, last = found[1].lower(), rest[0].lower()
    if words.get(first + last):
        return True
    # Each part was counted once where it stands.
    return first not in _PREFIXES and words.get(first, 0) < 2 and words.get(last, 0) < 2


_PREFIXES = frozenset(
    "all anti bi by co counter cross double e eight ever ex extra far first five follow four free"
    " full good great half hard heavy high in inter ill large left light long lower low mid mother"
    " multi near never new nine non off old on one open over part post pre pro quasi re right"
    " second self semi seven short single six small so sub super ten third three top two ultra un"
    " under up upper vice well wide x year".split()
)


def _is_cut(line: str, following: str) -> bool:
    """Tell whether a line ends inside a word: "well-" before "known"."""
    return line[-1] == "-" and line[-2:-1].isalnum() and following[0].islower()


def _is_cjk(sign: str) -> bool:
    return (
        "\u2e80" <= sign <= "\ud7ff" or "\uf900" <= sign <= "\ufaff" or "\uff00" <= sign <= "\uff60"
    )
