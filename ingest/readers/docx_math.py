"""Formulas of office files (OMML) on one line: a_1^2, (a+b)/c, sqrt(x)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SIMPLE = re.compile(r"[\w.,′']*|[+\-−]?\w", re.UNICODE)
_WHOLE = re.compile(r"[+\-−]?(?:[\d.,]+|[^\W\d]+|.)[′']*")
_INVISIBLE = {0x2061: " ", 0x2062: None, 0x2063: None, 0x2064: None}  # apply, times, comma, plus
_LEFT_OUT = {f"{M}ctrlPr", f"{WORD}del", f"{WORD}moveFrom", f"{WORD}rPr", f"{WORD}instrText"}


def linear(formula: _Element) -> str:
    """Return a formula as text."""
    line = _line(formula).translate(_INVISIBLE).replace("^(∘)", "°").replace("^∘", "°")
    return " ".join(re.sub(r"(?<=\w)\0", " ", line).replace("\0", "").split())


def _line(element: _Element | None) -> str:
    if element is None:
        return ""
    return "".join(_written(child) for child in element)


def _written(element: _Element) -> str:
    if not isinstance(element.tag, str) or element.tag in _LEFT_OUT or element.tag.endswith("Pr"):
        return ""
    if element.tag in (f"{M}t", f"{WORD}t"):
        return element.text or ""
    if not element.tag.startswith(M):
        return _line(element)
    base, below, above = (_line(element.find(f"{M}{name}")) for name in ("e", "sub", "sup"))
    match element.tag.removeprefix(M):
        case "sSup" | "sSub" | "sSubSup":
            return _group(base) + _script("_", below) + _script("^", above)
        case "sPre":
            return _script("_", below) + _script("^", above) + base
        case "f":
            top, bottom = (_line(element.find(f"{M}{name}")) for name in ("num", "den"))
            return f"{_group(top)}/{_tight(bottom)}"
        case "rad":
            degree = _line(element.find(f"{M}deg"))
            return f"({base})^(1/{degree})" if degree.strip() else f"sqrt({base})"
        case "nary":
            sign = _property(element, "nary", "chr", "∫")
            return f"{sign}{_script('_', below)}{_script('^', above)} {base}"
        case "d":
            begin, end, between = (
                _property(element, "d", name, default)
                for name, default in (("begChr", "("), ("endChr", ")"), ("sepChr", "|"))
            )
            return begin + between.join(_each(element, "e")) + end
        case "func":
            name = _line(element.find(f"{M}fName"))
            # The sign before it becomes a space where a letter or a figure stands there.
            return f"\0{name}{base}" if base.startswith("(") else f"\0{name} {base}"
        case "limLow":
            return base + _script("_", _line(element.find(f"{M}lim")))
        case "limUpp":
            return base + _script("^", _line(element.find(f"{M}lim")))
        case "acc":
            return base + _property(element, "acc", "chr", "\u0302")
        case "m":
            return f"[{'; '.join(', '.join(_each(row, 'e')) for row in element.iter(f'{M}mr'))}]"
        case "eqArr":
            return "; ".join(_each(element, "e"))
    return _line(element)


def _each(element: _Element, name: str) -> Iterator[str]:
    return (_line(child) for child in element.findall(f"{M}{name}"))


def _group(text: str) -> str:
    text = text.strip()
    wrapped = re.fullmatch(r"\([^()]*\)|\w+\([^()]*\)", text)
    return text if wrapped or _SIMPLE.fullmatch(text) else f"({text})"


def _tight(text: str) -> str:
    """Put brackets round what would not hold together behind a sign: 1/(2a)."""
    text = text.strip()
    wrapped = re.fullmatch(r"\([^()]*\)|[^\W\d]+\([^()]*\)", text)
    return text if wrapped or _WHOLE.fullmatch(text) else f"({text})"


def _script(mark: str, text: str) -> str:
    return mark + _tight(text) if text.strip() else ""


def _property(element: _Element, of: str, name: str, default: str) -> str:
    found = element.find(f"{M}{of}Pr/{M}{name}")
    return default if found is None else found.get(f"{M}val", "")
