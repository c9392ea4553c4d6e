"""A page of a PDF as a picture, and where on it some of its text stands.

pdfium draws the page. The marks are drawn by whoever shows it.
"""

from __future__ import annotations

import ctypes
import io
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ingest.documents import Document
from ingest.errors import DocumentUnreadable

WIDTH, HEIGHT = 1100, 3300  # pixels of a picture at most, however large the page
KNOWN = 0.9  # of a span's characters on the page, at least, or its boxes would mislead
SCALE = 2.0  # pixels a point at most: a small page is not blown up

BROKEN = 12  # words that differ in a row are compared sign by sign

Box = tuple[int, int, int, int]  # left, top, width, height in pixels of the picture
Corners = tuple[float, float, float, float]  # left, bottom, right, top as pdfium has them
Placed = tuple[str, list[int]]  # a word, and where each of its signs is
Span = tuple[int, int]  # characters of the document's text


@dataclass(frozen=True)
class Picture:
    """One page as PNG, and for each span that was asked for the boxes of its lines."""

    page: int  # counted from 1
    png: bytes
    width: int  # pixels
    height: int
    boxes: tuple[tuple[Box, ...], ...]  # none for a span that is not found on the page


def page_at(pages: Sequence[int], offset: int) -> int:
    """Return the page, counted from 1, that a character of the text is on."""
    return bisect_right(pages, offset)


def page_span(document: Document, page: int) -> Span:
    """Return where a page's text begins and ends; pages are counted from 1.

    A page may begin and end in the middle of a sentence, or of a word.
    """
    starts = [*document.pages, len(document.text)]
    start, end = starts[page - 1], starts[page]
    return start, start + len(document.text[start:end].rstrip())


def picture(data: bytes, document: Document, page: int, spans: Sequence[Span]) -> Picture:
    """Draw one page of a PDF, and find spans of the document's text on it.

    data: the bytes that `document` was read from. Raises DocumentUnreadable.
    """
    import pypdfium2

    from ingest.readers.pdf import opened

    try:
        with opened(data) as (pdf, form):
            sheet = pdf[page - 1]
            width, height = sheet.get_size()
            scale = min(SCALE, WIDTH / max(width, 1), HEIGHT / max(height, 1))
            bitmap = sheet.render(scale=scale, may_draw_forms=form is not None)
            convert = bitmap.get_posconv(sheet)
            limits = page_span(document, page)
            sources, fields = _sources(pdf, page, form, document)
            boxes = _boxes(sheet, convert, document, limits, sources, fields, spans)
            image = bitmap.to_pil()
            stream = io.BytesIO()
            image.save(stream, "PNG")
            bitmap.close()
    except (DocumentUnreadable, pypdfium2.PdfiumError) as error:
        raise DocumentUnreadable(f"page {page} cannot be drawn: {error}") from None
    return Picture(page, stream.getvalue(), image.width, image.height, boxes)


def _sources(
    pdf: Any, page: int, form: Any, document: Document
) -> tuple[dict[int, int], Sequence[Corners]]:
    """Map offsets of a page's text to pdfium's signs, and return where its form's fields stand.

    The page is laid out as it was when it was read.
    """
    from ingest.readers.pdf import page_words
    from ingest.readers.pdf_text import NONE

    start, end = page_span(document, page)
    held = [
        (found[0], list(range(start + found.start(), start + found.end())))
        for found in re.finditer(r"\S+", document.text[start:end])
    ]
    drawn, fields = page_words(pdf, page - 1, form, document.text[start:end])
    found: dict[int, int] = {}
    # What was moved, such as a footnote, is found in the second round.
    for _ in range(2):
        matcher = SequenceMatcher(
            None, [word for word, _ in held], [word for word, _ in drawn], autojunk=False
        )
        rest_held, rest_drawn = [], []
        for kind, a, b, c, d in matcher.get_opcodes():
            if kind == "equal":
                for (_, offsets), (_, sources) in zip(held[a:b], drawn[c:d], strict=True):
                    found.update(zip(offsets, sources, strict=True))
            elif kind == "replace" and b - a <= BROKEN and d - c <= BROKEN:
                _by_sign(held[a:b], drawn[c:d], found)
            else:
                rest_held += held[a:b]
                rest_drawn += drawn[c:d]
        held, drawn = rest_held, rest_drawn
    return {offset: source for offset, source in found.items() if source != NONE}, fields


def _by_sign(held: Sequence[Placed], drawn: Sequence[Placed], found: dict[int, int]) -> None:
    """Match words sign by sign: of one that was broken between lines, the hyphen is gone."""
    offsets = [offset for _, places in held for offset in places]
    sources = [source for _, places in drawn for source in places]
    first, second = ("".join(word for word, _ in words) for words in (held, drawn))
    for a, b, size in SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks():
        found.update(zip(offsets[a : a + size], sources[b : b + size], strict=True))


def _boxes(
    sheet: Any,
    convert: Any,
    document: Document,
    limits: Span,
    sources: Mapping[int, int],
    fields: Sequence[Corners],
    spans: Sequence[Span],
) -> tuple[tuple[Box, ...], ...]:
    """Return the boxes of each span's lines; none for one that is not on the page."""
    from pypdfium2 import raw

    from ingest.readers.pdf_text import NONE

    found: list[tuple[Box, ...]] = []
    text = sheet.get_textpage()
    rect = raw.FS_RECTF()
    for low, high in spans:
        places = [
            offset
            for offset in range(max(low, limits[0]), min(high, limits[1]))
            if document.text[offset].isalnum() or offset in sources
        ]
        known = list(dict.fromkeys(sources[offset] for offset in places if offset in sources))
        if sum(offset in sources for offset in places) < KNOWN * len(places) or not known:
            found.append(())
            continue
        boxes = []
        for source in known:
            if source < NONE:
                boxes.append(_box(convert, fields[NONE - 1 - source]))
            elif raw.FPDFText_GetLooseCharBox(text.raw, source, ctypes.byref(rect)):
                corners = (rect.left, rect.bottom, rect.right, rect.top)
                boxes.append(_box(convert, corners))
        found.append(_lines(boxes))
    text.close()
    return tuple(found)


def _box(convert: Any, corners: Corners) -> Box:
    left, bottom, right, top = corners
    x, y = zip(convert.to_bitmap(left, bottom), convert.to_bitmap(right, top), strict=True)
    return min(x), min(y), max(x) - min(x), max(y) - min(y)


def _lines(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Join boxes that follow each other on a line: some files place every letter alone."""
    lines: list[Box] = []
    for left, top, width, height in boxes:
        if lines:
            x, y, w, h = lines[-1]
            tall = max(h, height)
            level = abs((2 * y + h) - (2 * top + height)) < tall  # centres half a line apart
            if level and -tall < left - (x + w) < 2 * tall:
                right, bottom = max(x + w, left + width), max(y + h, top + height)
                x, y = min(x, left), min(y, top)
                lines[-1] = (x, y, right - x, bottom - y)
                continue
        lines.append((left, top, width, height))
    return tuple(lines)
