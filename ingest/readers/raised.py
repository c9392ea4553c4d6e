"""Runs of text with marks: powers keep a caret, marks of notes brackets, struck text tildes."""

from __future__ import annotations

import re
from collections.abc import Sequence

UNITS = frozenset(
    "nm µm um mm cm dm m km in ft yd mi kg g mg s ms min h hr mol l ml cd hz w kw j pa kpa n v a"
    " k px ha sec lb oz rad sr lm lx bq day days year years".split()
)
YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d$")
POWER = re.compile(r"[+\-−–]?\d{1,4}(?:[.,/]\d{1,3})?|\d?[+\-−–]|[+\-−–]?[a-zα-ω]")
NOTES = re.compile(r"\[?(\d{1,3}(?: ?[,;–-] ?\d{1,3})*)\]?[.)]?")


def raised(before: str, figure: str) -> str:
    """Write a raised figure behind the text before it: "^6", " [3]", or as it is: "th"."""
    bare = figure.strip()
    if not bare:
        return figure
    rest = figure[len(figure.rstrip()) :]
    if POWER.fullmatch(bare) and _takes_power(before, bare):
        return f"^{bare}{rest}"
    if found := NOTES.fullmatch(bare):
        gap = "" if not before or before[-1].isspace() else " "
        return f"{gap}[{found[1]}]{rest}"
    return figure


def _takes_power(before: str, figure: str) -> bool:
    if not before or before[-1].isspace():
        return False
    signed = figure[0] in "+-−–" or figure[-1] in "+-−–"
    if before[-1].isdigit():
        # A year has notes, not powers: "in 1962" with a raised 3.
        return signed or not (YEAR.search(before) and figure.isdigit())
    if before[-1] in ")]":
        inner = re.search(r"[(\[][^()\[\]\s]{1,20}[)\]]$", before)
        return signed or inner is not None
    word = re.search(r"[^\W\d_]{1,20}$", before)
    if not word:
        return False
    if figure[-1].isalpha():
        return len(word[0]) == 1  # x^n; but 1er, Mme
    formula = re.search(r"[=+·×*(]\s?[^\W\d_]{1,3}$", before) is not None  # E=mc^2
    return signed or formula or len(word[0]) == 1 or word[0].lower() in UNITS


def joined(pieces: Sequence[tuple[str, str]], *, heading: bool = False) -> str:
    """Join runs of text, each with its mark; neighbours with the same mark are one.

    A mark is "raised", "struck", "note" (left out of a heading), or any other for none.
    """
    merged: list[tuple[list[str], str]] = []
    for text, mark in pieces:
        if merged and merged[-1][1] == mark:
            merged[-1][0].append(text)
        elif text:
            merged.append(([text], mark))
    written: list[str] = []
    before = ""
    for texts, mark in merged:
        text = "".join(texts)
        if mark == "raised":
            text = raised(before, text)
        elif mark == "struck" and text.strip():
            lead = text[: len(text) - len(text.lstrip())]
            text = f"{lead}~~{text.strip()}~~{text[len(text.rstrip()) :]}"
        elif mark == "note":
            gap = "" if not before or before[-1].isspace() else " "
            text = "" if heading else gap + text
        written.append(text)
        before = (before + text)[-60:]
    return "".join(written)
