"""What stands on a PDF page: its signs with their boxes, the lines drawn on it, its form fields.

All is turned so that most of the text reads from left to right, and y grows upwards.
"""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

HYPHENS = {0xFFFE, 2}  # pdfium's marks for a hyphen at a line's end
SYMBOLS = {  # of Wingdings and Symbol, whose letters files leave in the private area
    **dict.fromkeys((0xF0B7, 0xF0A7, 0xF0D8, 0xF076, 0xF06E, 0xF071, 0xF06C), "•"),
    **dict.fromkeys((0xF0A8, 0xF06F, 0xF072), "☐"),
    **dict.fromkeys((0xF0FE, 0xF078, 0xF0FD, 0xF053), "☒"),
    0xF0FC: "✓",
    0xF0E0: "→",
}
BLANKS = {9, 10, 13}
FEW, SAMPLED = 500, 5  # signs of a page that are all looked up; of more, every fifth is
OBJECTS = 20_000  # drawn objects of a page that are looked at
DEPTH = 4  # of forms in forms
SEGMENTS = 400  # of one path
ASLANT = 4  # in place of quarter turns: a watermark
LONG = 1_000_000  # bytes of a string
ACCENTS = {  # signs of their own, and those that join a letter
    "\u00b4": "\u0301", "\u02ca": "\u0301", "\u02cb": "\u0300", "\u00a8": "\u0308",
    "\u02c6": "\u0302", "\u02dc": "\u0303", "\u00b8": "\u0327", "\u02c7": "\u030c",
    "\u02da": "\u030a", "\u00af": "\u0304", "\u02d8": "\u0306", "\u02dd": "\u030b",
}  # fmt: skip
DRAWN = 0.1  # of the type size between texts that are drawn apart
DOT = (1.5, 7.0)  # points across a list's sign that is drawn
DOTS = 300  # of a page: more are a diagram
THIN = 2.5  # points: what is thinner is a line


class Char(NamedTuple):
    """One sign; lengths in points."""

    sign: str
    left: float
    bottom: float
    right: float
    top: float
    base: float  # of the line it stands on
    size: float
    bold: bool
    turn: int  # quarter turns against the page's text
    source: int  # pdfium's index of it; below 0 for a form field: -2 is the first
    apart: bool  # a gap that the file or pdfium knows of stands before it
    struck: bool = False


class Rule(NamedTuple):
    """A drawn line, level or upright, or the middle line of a strike-out mark."""

    left: float
    bottom: float
    right: float
    top: float


VOWELS = (0.2, 0.6)  # of the letters of a text, in languages with Latin letters
WORDLY = 0.7  # of the signs of a text are letters and figures, at least


@dataclass
class Sheet:
    """What was found on one page."""

    width: float = 0
    height: float = 0
    chars: list[Char] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    unread: int = 0  # signs whose letters the file does not tell
    pictures: int = 0
    comments: int = 0
    dots: list[Rule] = field(default_factory=list)
    fields: list[tuple[float, float, float, float]] = field(default_factory=list)  # as pdfium has


class Frame:
    """Turn pdfium's coordinates by the page's rotation, so that the text is upright."""

    def __init__(self, turns: int, box: tuple[float, float, float, float]) -> None:
        """turns: quarters, clockwise; box: of the page."""
        self.turns = turns % 4
        self.box = box

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return a point of the page as it is seen."""
        left, bottom, right, top = self.box
        if self.turns == 0:
            return x - left, y - bottom
        if self.turns == 1:
            return y - bottom, right - x
        if self.turns == 2:
            return right - x, top - y
        return top - y, x - left

    def rect(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """Return a rectangle as it is seen: left, bottom, right, top."""
        (a, b), (c, d) = self.point(x0, y0), self.point(x1, y1)
        return min(a, c), min(b, d), max(a, c), max(b, d)


def sheet_of(page: Any, form: Any = None) -> Sheet:
    """Read a page of pypdfium2; form: the handle of the file's form, where it has one."""
    from pypdfium2 import raw

    width, height = page.get_size()
    sheet = Sheet(width, height)
    turns = raw.FPDFPage_GetRotation(page.raw)
    frame = Frame(turns, page.get_bbox())
    textpage = page.get_textpage()
    try:
        _read_chars(textpage.raw, textpage.count_chars(), frame, sheet)
    finally:
        textpage.close()
    _read_drawings(page, frame, sheet)
    _read_annotations(page, frame, form, sheet)
    _strike(sheet)
    if 0 < len(sheet.dots) <= DOTS:
        _list_signs(sheet)
    return sheet


def _read_chars(text: Any, count: int, frame: Frame, sheet: Sheet) -> None:
    from pypdfium2 import raw

    box, x, y = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    to_box, to_x, to_y = ctypes.byref(box), ctypes.byref(x), ctypes.byref(y)
    kinds: dict[int, tuple[float, bool, int]] = {}
    found: list[Char] = []
    apart, seen = False, -1
    pending = ""  # the first half of a sign beyond U+FFFF
    size, bold, turn, base = 0.0, False, 0, 0.0
    runs: list[int] = []  # where in `found` the signs of the next drawn text begin
    straight = frame.turns == 0 and frame.box[:2] == (0, 0)
    step = 1 if count < FEW else SAMPLED
    unsure: list[str] = []  # signs that the file's fonts do not map to letters
    wide, high = sheet.width, sheet.height
    for index in range(count):
        code = raw.FPDFText_GetUnicode(text, index)
        held = raw.FPDFText_GetTextObject(text, index)
        if not held:  # made by pdfium: a gap, or the end of a line
            apart = True
            continue
        key = ctypes.addressof(held.contents)
        if key != seen:
            seen = key
            runs.append(len(found))
            if key not in kinds:
                kinds[key] = _kind(text, index, frame)
            size, bold, turn = kinds[key]
        if runs[-1] == len(found) or turn == ASLANT:
            raw.FPDFText_GetCharOrigin(text, index, to_x, to_y)  # one text has one base
            base = _base(turn, *frame.point(x.value, y.value))
        if 32 < code < 127:
            sign = chr(code)
        elif 0xD800 <= code < 0xDC00:
            pending = chr(code)
            continue
        else:
            sign = _joined(pending + chr(code)) if pending else _sign(code)
            pending = ""
        if not sign or sign.isspace():
            # A control sign for which the file has no letter is no blank.
            if code < 32 and (
                code not in BLANKS or raw.FPDFText_HasUnicodeMapError(text, index) == 1
            ):
                sheet.unread += 1
            apart = True
            continue
        if sign == "\ufffd":
            sheet.unread += 1
        elif index % step == 0 and raw.FPDFText_HasUnicodeMapError(text, index) == 1:
            unsure.append(sign)
        if not raw.FPDFText_GetLooseCharBox(text, index, to_box):
            continue
        left, bottom, right, top = box.left, box.bottom, box.right, box.top
        if not straight:
            left, bottom, right, top = frame.rect(left, bottom, right, top)
        if right < 0 or left > wide or top < 0 or bottom > high:
            continue  # beyond the page's edge: nobody sees it
        found.append(
            Char(sign, left, bottom, right, top, base, size, bold, turn, index, apart, False)
        )
        apart = False
    if not _reads_as_words(unsure):
        sheet.unread += step * len(unsure)
    sheet.chars = _turned(found, sheet)
    _part(sheet.chars, runs)
    if any(char.sign in ACCENTS for char in found):
        sheet.chars = _accented(sheet.chars)


def _reads_as_words(signs: Sequence[str]) -> bool:
    """Tell whether signs that no map vouches for are words and figures all the same.

    Programs that draw charts leave the map out of sound fonts. Where the codes stand for other
    letters than they seem to, hardly any letter is a vowel, or most are.
    """
    letters = [sign.lower() for sign in signs if sign.isascii() and sign.isalpha()]
    figures = sum(sign.isdigit() for sign in signs)
    if len(letters) + figures < WORDLY * len(signs):
        return False
    vowels = sum(letter in "aeiouy" for letter in letters)
    return VOWELS[0] * len(letters) <= vowels <= VOWELS[1] * len(letters)


def _accented(chars: Sequence[Char]) -> list[Char]:
    """Join accents that are drawn as signs of their own to the letters they stand over."""
    found: list[Char] = []
    waiting: Char | None = None  # an accent that is drawn before its letter
    for char in chars:
        last = found[-1] if found else None
        if waiting and (letter := _composed(char, waiting)):
            found[-1] = char._replace(sign=letter, apart=waiting.apart)
            waiting = None
        elif char.sign in ACCENTS and last and (letter := _composed(last, char)):
            found[-1] = last._replace(sign=letter)
            waiting = None
        else:
            found.append(char)
            waiting = char if char.sign in ACCENTS else None
    return found


def _composed(letter: Char, accent: Char) -> str:
    """Return a letter with an accent; nothing when it does not stand over it."""
    aside = abs(letter.left + letter.right - accent.left - accent.right) / 2
    if aside > 0.25 * letter.size or abs(letter.base - accent.base) > letter.size:
        return ""
    plain = {"\u0131": "i", "\u0237": "j"}.get(letter.sign, letter.sign)
    made = unicodedata.normalize("NFC", plain + ACCENTS[accent.sign])
    return made if len(made) == 1 and letter.sign.isalpha() else ""


def _part(chars: list[Char], runs: Sequence[int]) -> None:
    """Set texts apart that were drawn apart with a small gap: cells of a narrow table.

    Some files draw each letter alone: those are no cells.
    """
    for before, start, end in zip([0, *runs], runs, [*runs[1:], len(chars)], strict=False):
        if 0 < start < len(chars) and max(start - before, end - start) > 1:
            last, char = chars[start - 1], chars[start]
            if not char.apart and char.left - last.right > DRAWN * max(last.size, char.size):
                chars[start] = char._replace(apart=True)


def _sign(code: int) -> str:
    if code in HYPHENS:
        return "-"
    if code in SYMBOLS:
        return SYMBOLS[code]
    if code == 0xAD:  # a soft hyphen that is seen stands at a line's end
        return "-"
    if code < 32 or 0x7F <= code < 0xA0:
        return ""
    if 0xE000 <= code < 0xF900 or code >= 0xF0000 or 0xD800 <= code < 0xE000 or code == 0xFFFF:
        return "\ufffd"
    if code in (0x200B, 0x200C, 0x200D, 0xFEFF, 0x2060):
        return ""
    sign = chr(code)
    if 0xFB00 <= code <= 0xFB06:  # ligatures
        return unicodedata.normalize("NFKC", sign)
    return sign


def _joined(pair: str) -> str:
    return pair.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _kind(text: Any, index: int, frame: Frame) -> tuple[float, bool, int]:
    """Return the type size as it is seen, whether it is bold, and its quarter turns."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    size = raw.FPDFText_GetFontSize(text, index)
    turn = 0
    if raw.FPDFText_GetMatrix(text, index, ctypes.byref(matrix)):
        size *= math.hypot(matrix.c, matrix.d) or 1.0
        if matrix.a or matrix.b:
            quarters = math.atan2(matrix.b, matrix.a) / (math.pi / 2)
            turn = round(quarters) % 4 if abs(quarters - round(quarters)) < 0.08 else ASLANT
    name = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    raw.FPDFText_GetFontInfo(text, index, name, 128, ctypes.byref(flags))
    font = name.value.lower()
    bold = any(part in font for part in (b"bold", b"black", b"heavy", b"-bd", b"cmbx", b"sfbx"))
    weight = raw.FPDFText_GetFontWeight(text, index)
    if not bold and weight >= 650 and b"+" not in font:  # of an embedded font it is a guess
        bold = True
    return abs(size), bold, turn if turn == ASLANT else (turn - frame.turns) % 4


def _base(turn: int, x: float, y: float) -> float:
    return (y, -x, -y, x, y)[turn]


def _turned(chars: list[Char], sheet: Sheet) -> list[Char]:
    """Turn text that stands on its side; where that is most of it, the page with it."""
    if not any(char.turn for char in chars):
        return chars
    main = Counter(char.turn for char in chars).most_common(1)[0][0] % ASLANT
    width, height = sheet.width, sheet.height
    found = []
    for char in chars:
        left, bottom, right, top = char[1:5]
        if char.turn == 1:
            left, bottom, right, top = bottom, width - right, top, width - left
        elif char.turn == 2:
            left, bottom, right, top = width - right, height - top, width - left, height - bottom
        elif char.turn == 3:
            left, bottom, right, top = height - top, left, height - bottom, right
        base = char.base + (0, width, height, 0, 0)[char.turn]
        found.append(
            char._replace(
                left=left,
                bottom=bottom,
                right=right,
                top=top,
                base=base,
                turn=char.turn if char.turn == ASLANT else (char.turn - main) % 4,
            )
        )
    if main % 2:
        sheet.width, sheet.height = height, width
    return found


def _read_drawings(page: Any, frame: Frame, sheet: Sheet) -> None:
    """Collect level and upright lines, and count the pictures."""
    from pypdfium2 import raw

    left_to_look = OBJECTS
    levels: list[tuple[Any, int, tuple[float, ...]]] = []
    whole = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    for n in range(min(raw.FPDFPage_CountObjects(page.raw), left_to_look)):
        levels.append((raw.FPDFPage_GetObject(page.raw, n), 0, whole))
    matrix = raw.FS_MATRIX()
    levels.reverse()
    while levels and left_to_look:
        left_to_look -= 1
        item, depth, outer = levels.pop()
        kind = raw.FPDFPageObj_GetType(item)
        if kind == raw.FPDF_PAGEOBJ_IMAGE:
            raw.FPDFPageObj_GetMatrix(item, ctypes.byref(matrix))
            if abs(matrix.a) + abs(matrix.b) > 20 and abs(matrix.c) + abs(matrix.d) > 20:
                sheet.pictures += 1
        elif kind == raw.FPDF_PAGEOBJ_PATH:
            raw.FPDFPageObj_GetMatrix(item, ctypes.byref(matrix))
            inner = (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)
            _read_path(item, _product(inner, outer), frame, sheet)
        elif kind == raw.FPDF_PAGEOBJ_FORM and depth < DEPTH:
            raw.FPDFPageObj_GetMatrix(item, ctypes.byref(matrix))
            inner = (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)
            count = min(max(raw.FPDFFormObj_CountObjects(item), 0), left_to_look)
            for n in range(count):
                part = raw.FPDFFormObj_GetObject(item, n)
                levels.append((part, depth + 1, _product(inner, outer)))


def _product(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return (
        a * g + b * i,
        a * h + b * j,
        c * g + d * i,
        c * h + d * j,
        e * g + f * i + k,
        e * h + f * j + m,
    )


def _read_path(path: Any, matrix: tuple[float, ...], frame: Frame, sheet: Sheet) -> None:
    from pypdfium2 import raw

    count = raw.FPDFPath_CountSegments(path)
    if not 2 <= count <= SEGMENTS:
        return
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(path, ctypes.byref(fill), ctypes.byref(stroke))
    if not fill.value and not stroke.value:
        return
    x, y = ctypes.c_float(), ctypes.c_float()
    a, b, c, d, e, f = matrix
    parts: list[list[tuple[float, float]]] = []
    round_ = False
    for n in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, n)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            round_ = True
        raw.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        point = frame.point(a * x.value + c * y.value + e, b * x.value + d * y.value + f)
        if kind == raw.FPDF_SEGMENT_MOVETO or not parts:
            parts.append([])
        parts[-1].append(point)
        if raw.FPDFPathSegment_GetClose(segment):
            parts[-1].append(parts[-1][0])
    for points in parts:
        if len(points) < 2:
            continue
        if round_ and len(parts) > 2:
            return
        xs, ys = zip(*points, strict=True)
        left, right, bottom, top = min(xs), max(xs), min(ys), max(ys)
        wide, high = right - left, top - bottom
        if DOT[0] <= wide <= DOT[1] and abs(wide - high) < 0.5 and len(sheet.dots) <= DOTS:
            sheet.dots.append(Rule(left, bottom, right, top))
        if round_:
            continue
        if wide < THIN or high < THIN:
            if max(right - left, top - bottom) >= 3:
                sheet.rules.append(Rule(left, bottom, right, top))
        elif stroke.value:
            for (x0, y0), (x1, y1) in pairwise(points):
                if (abs(x0 - x1) < 0.5) != (abs(y0 - y1) < 0.5):
                    sheet.rules.append(Rule(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))


def _read_annotations(page: Any, frame: Frame, form: Any, sheet: Sheet) -> None:
    """Put what a form was filled with where it is seen; strike out, and count comments."""
    from pypdfium2 import raw

    rect = raw.FS_RECTF()
    for n in range(raw.FPDFPage_GetAnnotCount(page.raw)):
        mark = raw.FPDFPage_GetAnnot(page.raw, n)
        if not mark:
            continue
        try:
            kind = raw.FPDFAnnot_GetSubtype(mark)
            hidden = raw.FPDFAnnot_GetFlags(mark) & 2
            raw.FPDFAnnot_GetRect(mark, ctypes.byref(rect))
            place = (rect.left, rect.bottom, rect.right, rect.top)
            if kind == raw.FPDF_ANNOT_WIDGET:
                if form and not hidden:
                    _read_field(mark, form, place, frame, sheet)
            elif kind == raw.FPDF_ANNOT_STRIKEOUT:
                for corners in _quads(mark) or [place]:
                    left, bottom, right, top = frame.rect(*corners)
                    middle = (bottom + top) / 2 - 0.05 * (top - bottom)
                    sheet.rules.append(Rule(left, middle, right, middle))
            elif kind in (
                raw.FPDF_ANNOT_TEXT,
                raw.FPDF_ANNOT_FREETEXT,
                raw.FPDF_ANNOT_CARET,
            ) or (kind == raw.FPDF_ANNOT_HIGHLIGHT and _string(mark, b"Contents")):
                sheet.comments += 1
        finally:
            raw.FPDFPage_CloseAnnot(mark)


def _quads(mark: Any) -> list[tuple[float, float, float, float]]:
    from pypdfium2 import raw

    quad = raw.FS_QUADPOINTSF()
    found = []
    for n in range(min(raw.FPDFAnnot_CountAttachmentPoints(mark), SEGMENTS)):
        if raw.FPDFAnnot_GetAttachmentPoints(mark, n, ctypes.byref(quad)):
            xs = (quad.x1, quad.x2, quad.x3, quad.x4)
            ys = (quad.y1, quad.y2, quad.y3, quad.y4)
            found.append((min(xs), min(ys), max(xs), max(ys)))
    return found


def _string(mark: Any, key: bytes) -> str:
    from pypdfium2 import raw

    return wide(lambda buffer, size: raw.FPDFAnnot_GetStringValue(mark, key, buffer, size))


def wide(call: Callable[[Any, int], int]) -> str:
    """Get a string of pdfium, whose length must be asked first; half signs are replaced."""
    size = call(None, 0)
    if not 2 < size < LONG:
        return ""
    buffer = (ctypes.c_ushort * (size // 2))()
    call(buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "replace")


def _read_field(mark: Any, form: Any, place: Any, frame: Frame, sheet: Sheet) -> None:
    from pypdfium2 import raw

    kind = raw.FPDFAnnot_GetFormFieldType(form, mark)
    if kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        value = "[x]" if raw.FPDFAnnot_IsChecked(form, mark) else "[ ]"
    elif kind in (
        raw.FPDF_FORMFIELD_TEXTFIELD,
        raw.FPDF_FORMFIELD_COMBOBOX,
        raw.FPDF_FORMFIELD_LISTBOX,
    ):
        if raw.FPDFAnnot_GetFormFieldFlags(form, mark) & 1 << 13 and (
            kind == raw.FPDF_FORMFIELD_TEXTFIELD
        ):
            return  # a password
        value = wide(lambda buffer, size: raw.FPDFAnnot_GetFormFieldValue(form, mark, buffer, size))
        chosen = []
        if kind != raw.FPDF_FORMFIELD_TEXTFIELD:
            for n in range(min(max(raw.FPDFAnnot_GetOptionCount(form, mark), 0), SEGMENTS)):
                if raw.FPDFAnnot_IsOptionSelected(form, mark, n):
                    chosen.append(_option(form, mark, n))
        value = ", ".join(filter(None, chosen)) or value
    else:
        return
    value = " ".join(value.split()).replace("\0", "")
    if not value:
        return
    sheet.fields.append(place)
    source = -1 - len(sheet.fields)
    left, bottom, right, top = frame.rect(*place)
    near = _label(sheet.chars, left, bottom, top) if len(sheet.fields) < DOTS else None
    size = near.size if near else min(12.0, max(top - bottom, 4.0) * 0.7)
    base = near.base if near else top - size
    across = (right - left) / max(len(value), 1)
    across = min(across, size / 2)
    for n, sign in enumerate(value):
        if not sign.isspace() or value == "[ ]":
            x = left + n * across
            apart = n == 0 or (value[n - 1].isspace() and value != "[ ]")
            sheet.chars.append(
                Char(
                    sign,
                    x,
                    base - 0.2 * size,
                    x + across,
                    base + 0.8 * size,
                    base,
                    size,
                    False,
                    0,
                    source,
                    apart,
                )
            )


def _option(form: Any, mark: Any, n: int) -> str:
    from pypdfium2 import raw

    return wide(lambda buffer, size: raw.FPDFAnnot_GetOptionLabel(form, mark, n, buffer, size))


def _label(chars: list[Char], left: float, bottom: float, top: float) -> Char | None:
    """Return the sign that a field stands beside: the nearest on its line."""
    middle = (bottom + top) / 2
    tall = max(top - bottom, 4)
    level = [
        char
        for char in chars
        if char.source >= 0
        and char.turn == 0
        and (
            bottom - 2 <= (char.bottom + char.top) / 2 <= top + 2
            if tall < 40
            else top - 16 <= char.base <= top
        )
    ]
    return min(
        level,
        key=lambda char: (
            abs((char.bottom + char.top) / 2 - middle) > 0.4 * tall,
            char.left > left,
            abs(char.right - left),
        ),
        default=None,
    )


def _list_signs(sheet: Sheet) -> None:
    """Write a list's sign where a dot is drawn before a line."""
    near: dict[int, list[Char]] = {}
    for char in sheet.chars:
        if not char.turn:
            near.setdefault(int(char.base) // 8, []).append(char)
    for dot in sheet.dots:
        middle = (dot.bottom + dot.top) / 2
        row = int(middle) // 8
        level = [
            char
            for n in (row - 2, row - 1, row, row + 1)
            for char in near.get(n, ())
            if char.base < middle < char.base + 0.7 * char.size
        ]
        left = [char for char in level if dot.left - 2 * char.size < char.left < dot.right]
        after = [char for char in level if dot.right <= char.left < dot.right + 2 * char.size]
        if after and not left:
            first = min(after, key=lambda char: char.left)
            sheet.chars.append(
                first._replace(
                    sign="•", left=dot.left, right=dot.right, source=-1, apart=True, bold=False
                )
            )


def _strike(sheet: Sheet) -> None:
    """Mark the signs that a level line goes through the middle of."""
    lines = [rule for rule in sheet.rules if rule.top - rule.bottom < THIN < rule.right - rule.left]
    if not lines:
        return
    rows: dict[int, list[Rule]] = {}
    for rule in lines:
        rows.setdefault(int((rule.bottom + rule.top) / 2) // 8, []).append(rule)
    for n, char in enumerate(sheet.chars):
        if char.turn or char.source < 0:
            continue
        low, high = char.base + 0.12 * char.size, char.base + 0.5 * char.size
        for row in range(int(low) // 8, int(high) // 8 + 1):
            for rule in rows.get(row, ())[:DOTS]:
                middle = (rule.bottom + rule.top) / 2
                if (
                    low < middle < high
                    and rule.left - 1 <= (char.left + char.right) / 2 <= rule.right + 1
                    and rule.top - rule.bottom < 0.25 * char.size
                    and char.sign not in "-–—−+=_"
                ):
                    sheet.chars[n] = char._replace(struck=True)
