"""Which paragraphs of a PDF are headings, where no bookmark tells: by type, number and place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ingest.readers.pdf_layout import Paragraph

LARGER = 1.1  # than the body's type
LONG = 140  # signs of a heading at most
LINES = 3
STEPS = 6  # levels that type sizes make

_NUMBER = re.compile(r"(\d{1,3}(?:\.\d{1,3})*)\.?\s+(?=\S*[^\W\d_])")
_NAMED = re.compile(
    r"(?:chapter|part|section|article|annex|appendix|§|kapitel|abschnitt|artikel|chapitre)"
    r"\s*[\divxlca-z]{1,6}\b",
    re.IGNORECASE,
)


def body_of(paragraphs: Sequence[Paragraph]) -> tuple[float, bool]:
    """Return the size of the body's type, and whether it is bold: what most signs have."""
    sizes = Counter[tuple[float, bool]]()
    for paragraph in paragraphs:
        sizes[round(paragraph.size, 1), paragraph.bold] += len(paragraph.text())
    return sizes.most_common(1)[0][0] if sizes else (1.0, False)


def levels_of(
    paragraphs: Sequence[Paragraph], body: tuple[float, bool], followed: bool = False
) -> dict[int, int]:
    """Map the indices of those paragraphs that are headings to their levels.

    followed: something else, such as a table, stands below the last one.
    """
    found: dict[int, tuple[float, bool, str]] = {}
    clauses = _clauses(paragraphs)
    for n, paragraph in enumerate(paragraphs):
        text = paragraph.text()
        if not _may_be(paragraph, text):
            continue
        larger = paragraph.size >= LARGER * body[0]
        bold = paragraph.bold and not body[1] and paragraph.size > 0.9 * body[0]
        number = _NUMBER.match(text)
        named = _NAMED.match(text)
        deep = number is not None and "." in number[1]
        ends = text.rstrip(" \"'”’»)")[-1:] in (*".!?;,…",)
        if larger:
            is_heading = not ends or (len(text) < 60 and paragraph.size >= 1.3 * body[0])
        elif bold:
            is_heading = not ends and paragraph.above > 0 and (not paragraph.listed or bool(number))
        else:
            alone = paragraph.above > 1.2 and len(paragraph.lines) == 1
            is_heading = (
                alone
                and not ends
                and len(text) < 80
                and paragraph.size > 0.95 * body[0]
                and (deep or named is not None or n in clauses or _shouts(text))
                and not text.rstrip().endswith(":")
            )
        if is_heading and (followed or n + 1 < len(paragraphs)):
            kind = "numbered" if number else "named" if named else ""
            size = round(paragraph.size * 2) / 2
            found[n] = (size if larger else 0.0, paragraph.bold, kind)
    signs = [len(paragraph.text()) for paragraph in paragraphs]
    if sum(signs[n] for n in found) * 2 > sum(signs):  # a poster, where size tells nothing
        found = {n: key for n, key in found.items() if key[0] > 1.3 * body[0]}
    return _ranked(paragraphs, found)


def _clauses(paragraphs: Sequence[Paragraph]) -> set[int]:
    """Return lines such as "2. Scope" that count up from 1, each with a text of its own below."""
    found: list[int] = []
    for n, paragraph in enumerate(paragraphs[:-1]):
        number = _NUMBER.match(paragraph.text())
        below = paragraphs[n + 1]
        if number and number[1] == str(len(found) + 1) and len(paragraph.lines) == 1:
            rest = paragraph.text()[number.end() :]
            alone = paragraph.above > 1.2 and not below.listed and len(below.text()) > 30
            if alone and rest[:1].isupper() and len(rest) < 60:
                found.append(n)
    return set(found) if len(found) > 1 else set()


def _may_be(paragraph: Paragraph, text: str) -> bool:
    return (
        len(paragraph.lines) <= LINES
        and len(text) <= LONG
        and (sum(map(str.isalpha, text)) > 2 or text[:1] > "\u2e80")
        and " ... " not in text  # a line of the list of contents
        and not text.startswith(("•", "-", "–", "*", "[x]", "[ ]"))
    )


def _shouts(text: str) -> bool:
    letters = [sign for sign in text if sign.isalpha()]
    return len(letters) > 3 and len(text.split()) < 12 and text.upper() == text


def _ranked(
    paragraphs: Sequence[Paragraph], found: dict[int, tuple[float, bool, str]]
) -> dict[int, int]:
    """Give the largest type level 1; numbers tell levels apart within a size."""
    sizes = sorted({key[:2] for key in found.values()}, reverse=True)[:STEPS]
    ranks = {size: n for n, size in enumerate(sizes)}
    depths: dict[tuple[float, bool], list[int]] = {}
    for n, key in found.items():
        if number := _NUMBER.match(paragraphs[n].text()):
            depths.setdefault(key[:2], []).append(number[1].count("."))
    levels: dict[int, int] = {}
    offset, at = {}, 1
    for size in sizes:
        offset[size] = at
        deeps = depths.get(size, [])
        at += 1 + (max(deeps) - min(deeps) if deeps else 0)
    for n, key in found.items():
        size = key[:2]
        if size not in ranks:
            levels[n] = at
            continue
        number = _NUMBER.match(paragraphs[n].text())
        deeper = number[1].count(".") - min(depths[size]) if number else 0
        levels[n] = offset[size] + deeper
    return levels
