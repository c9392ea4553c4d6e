"""Signs of the fonts Symbol and Wingdings, whose codes are no letters' codes."""

from __future__ import annotations

_SYMBOL = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾"
    "αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
)
_SYMBOL_HIGH = "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑"
_WINGDINGS = {
    0x4A: "☺", 0x4C: "☹", 0x6C: "●", 0x6E: "■", 0x6F: "☐", 0x71: "❑", 0x76: "❖", 0x78: "☒",
    0x9F: "•", 0xA7: "▪", 0xA8: "☐", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓",
    0xE8: "→", 0xF0: "⇒", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0xA3: "☐"}

SYMBOL_FONTS = frozenset(("Symbol", "Wingdings", "Wingdings 2"))


def from_symbol_font(font: str, text: str) -> str:
    """Return text of a font as letters; signs that no letter stands for are left out."""
    return "".join(_letter(font, ord(sign)) for sign in text)


def _letter(font: str, code: int) -> str:
    private = 0xF000 <= code <= 0xF0FF  # where Word puts the codes of such fonts
    low = code - 0xF000 if private else code
    if font == "Symbol" and 0x20 <= low < 0x20 + len(_SYMBOL):
        return _SYMBOL[low - 0x20]
    if font == "Symbol" and 0xA0 <= low < 0xA0 + len(_SYMBOL_HIGH):
        return _SYMBOL_HIGH[low - 0xA0]
    signs = {"Wingdings": _WINGDINGS, "Wingdings 2": _WINGDINGS_2}.get(font, {})
    return signs.get(low, "" if private else chr(code))
