"""Figures raised above the line: powers, marks of notes, ordinals."""

from __future__ import annotations

import re

_UNITS = frozenset(
    "m mm cm dm km nm µm μm in ft yd mi s ms min h kg g mg lb mol cd rad px pt ha sec hr inch feet"
    " foot metre metres meter meters mile miles".split()
)
_ORDINALS = frozenset("st nd rd th e er re ère ème eme nde o a os as º ª de ste te".split())
_MARKS = {"tm": "™", "sm": "℠", "r": "®", "®": "®", "™": "™", "©": "©", "c": "©"}
_NUMBER = re.compile(r"[+\-]?\d+(?:[.,/]\d+)?[+\-]?|[+\-]")
_NOTES = re.compile(r"\d{1,3}(?:\s*[,;–-]\s*\d{1,3}){0,20}|[a-h]|[ivx]{1,5}")
_FORMULA = re.compile(r"[\w.()+\-*/·]{1,12}")
_YEAR = re.compile(r"(?:^|[^\d.,])(?:1[5-9]|20)\d\d$")
_PRICE = re.compile(r"[$€£¥]\s?\d[\d.,]*$")


def raised(before: str, figure: str, after: str = "", note: bool = False) -> str:
    """Write a raised figure so that it stays apart: "10^6", "founded [3]", "2nd".

    before, after: the text around it. note: it is known to be the mark of a note.
    """
    figure = " ".join(figure.split())
    if figure[:1] in "−–‐‑" and figure:
        figure = f"-{figure[1:]}"
    figure = re.sub(r"[−–](?=$)", "-", figure)
    if re.fullmatch(r"\[.*\]", figure):
        return figure
    mark = f"{'' if not before or before[-1].isspace() else ' '}[{figure.strip('()[]')}]"
    if after[:1].isalnum():
        mark += " "
    if note:
        return mark
    if figure.lower() in _MARKS and (len(figure) > 1 or not figure.isascii()):
        return _MARKS[figure.lower()]
    if after.strip() in ("/", "⁄") and figure.isdigit():  # <sup>1</sup>/<sub>2</sub>
        return f" {figure}" if before[-1:].isdigit() else figure
    number = bool(_NUMBER.fullmatch(figure))
    if not before.strip() or before[-1].isspace():
        # A note's own text begins with its mark; within a line it is part of what follows: 14C.
        starts = not before.strip() and re.match(r"\s|[^\W\d_]{2}", after)
        return mark if figure.isdigit() and starts else figure
    last = before[-1]
    if last.isdigit():
        if figure.lower() in _ORDINALS - {"a", "o"} or figure in ("º", "ª"):
            return figure
        if number:
            if len(figure) == 2 and figure.isdigit() and _PRICE.search(before):
                return f".{figure}"
            return mark if figure.isdigit() and _YEAR.search(before) else f"^{figure}"
        if len(figure) == 1 and figure.isalpha():
            return mark if figure in "abcdefgh" else f"^{figure}"
        if _NOTES.fullmatch(figure):
            return mark
        if _FORMULA.fullmatch(figure) and re.search(r"\d|\w\W|\W\w", figure):
            return f"^{figure}"
        return figure
    if last.isalpha():
        word = re.search(r"[^\W\d_]{1,30}$", before)
        letters = word[0] if word else last
        unit = (
            (letters in _UNITS and (letters != "in" or bool(re.search(r"\d\s*in$", before))))
            or len(letters) == 1
            or (len(letters) <= 3 and not re.search(r"[aeiouyAEIOUY]", letters))
        )
        if number and (unit or figure[0] in "+-" or figure[-1] in "+-"):
            return f"^{figure}"
        if number or (_NOTES.fullmatch(figure) and not figure.isalpha()):
            return mark
        if len(figure) == 1 and figure.isalpha():
            if len(letters) == 1 and figure not in "eorau":
                return f"^{figure}"
            return mark if figure in "abcdfgh" and len(letters) > 3 else figure
        if unit and _FORMULA.fullmatch(figure) and not figure.isalpha():
            return f"^{figure}"
        return figure
    if last in ")]}":
        inner = re.search(r"[(\[{]([^()\[\]{}]{0,40})[)\]}]$", before)
        if number and inner and not re.search(r"[^\W\d_]{3}", inner[1]):
            return f"^{figure}"
        return mark if _NOTES.fullmatch(figure) else figure
    if last in "Ω°%" and number and not figure.isdigit():
        return f"^{figure}"
    return mark if _NOTES.fullmatch(figure) else figure
