"""Formulas of HTML: their TeX where it stands with them, else MathML on one line."""

from __future__ import annotations

import re
from itertools import pairwise

from ingest.readers.markup import Node, descendants


def bare_tex(text: str) -> str:
    text = " ".join(text.split())
    while found := re.fullmatch(r"\{\\(?:display|text|script)style (.*)\}", text):
        text = found[1].strip()
    return text.strip("$").strip()


def formula_of(node: Node) -> str:
    """Return a formula's TeX, or its MathML on one line."""
    if node.tag == "tex":
        return bare_tex(node.text())
    for found in descendants(node):
        if found.tag == "annotation" and "tex" in found.attrs.get("encoding", "").lower():
            return bare_tex(found.text())
    return bare_tex(node.attrs.get("alttext", "")) or _linear(node, 50).strip(" ;")


def _linear(node: Node | str, deepest: int) -> str:
    """Write MathML on one line: a/b, x^2, x_1."""
    if isinstance(node, str):
        return " ".join(node.split())
    if deepest < 0:
        return " ".join(node.text().split())
    if node.tag in ("annotation", "annotation-xml"):
        return ""
    parts = [_linear(child, deepest - 1) for child in node.children]
    parts = [part for part in parts if part]

    def grouped(part: str) -> str:
        return part if len(part) == 1 or part.isalnum() else f"({part})"

    if len(parts) == 2 and node.tag in ("msup", "msub", "mfrac", "mroot"):
        sign = {"msup": "^", "msub": "_", "mfrac": "/", "mroot": " root "}[node.tag]
        return f"{grouped(parts[0])}{sign}{grouped(parts[1])}"
    if len(parts) == 3 and node.tag == "msubsup":
        return f"{grouped(parts[0])}_{grouped(parts[1])}^{grouped(parts[2])}"
    if (node.tag, len(parts)) in (("munder", 2), ("munderover", 3)):
        over = f"^{grouped(parts[2])}" if len(parts) == 3 else ""
        return f"{parts[0]}_{grouped(parts[1])}{over} "
    if node.tag == "mover" and len(parts) == 2:
        return f"{grouped(parts[0])}{parts[1].strip()}"
    if node.tag == "msqrt":
        return f"sqrt({''.join(parts)})"
    if node.tag == "mo":
        sign = "".join(parts)
        if sign in "\u2061\u2062\u2063\u2064":
            return ""
        return f" {sign} " if sign in "=<>≤≥≈+−±→×" and sign else sign
    if node.tag in ("mtr", "mtd"):
        return " ".join(parts) + "; " * (node.tag == "mtr")
    return _unglued(parts)


def _unglued(parts: list[str]) -> str:
    """Join parts; two numbers stay two."""
    text = parts[0] if parts else ""
    for before, part in pairwise(parts):
        text += " " * (before[-1].isdigit() and part[0].isdigit()) + part
    return text
