"""A page of a PDF as a picture, and where on it some of its text stands.

pdfium draws the page. The marks are drawn by whoever shows it.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from ingest.documents import Document
from ingest.errors import DocumentUnreadable
from ingest.readers.pdf import PDFIUM, PDFIUM_SIGNS

WIDTH, HEIGHT = 1100, 3300  # pixels of a picture at most, however large the page
KNOWN = 0.9  # of a span's characters on the page, at least, or its boxes would mislead
SCALE = 2.0  # pixels a point at most: a small page is not blown up

Box = tuple[int, int, int, int]  # left, top, width, height in pixels of the picture
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
    """Return where a page's text begins and ends; pages are counted from 1."""
    starts = [*document.pages, len(document.text) + 1]
    return starts[page - 1], starts[page] - 1  # a line break stands between two pages


def picture(data: bytes, document: Document, page: int, spans: Sequence[Span]) -> Picture:
    """Draw one page of a PDF, and find spans of the document's text on it.

    data: the bytes that `document` was read from. Raises DocumentUnreadable.
    """
    with PDFIUM:
        import pypdfium2

        try:
            with pypdfium2.PdfDocument(data) as pdf:
                sheet = pdf[page - 1]
                width, height = sheet.get_size()
                scale = min(SCALE, WIDTH / max(width, 1), HEIGHT / max(height, 1))
                bitmap = sheet.render(scale=scale)
                boxes = _boxes(sheet, bitmap, *_local(document, page, spans))
                image = bitmap.to_pil()
                stream = io.BytesIO()
                image.save(stream, "PNG")
                bitmap.close()
        except pypdfium2.PdfiumError as error:
            raise DocumentUnreadable(f"page {page} cannot be drawn: {error}") from None
    return Picture(page, stream.getvalue(), image.width, image.height, boxes)


def _local(document: Document, page: int, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """Return the page's visible characters, and the spans counted in those."""
    start, end = page_span(document, page)
    text = document.text

    def visible(stop: int) -> int:
        return len("".join(text[start : max(start, min(stop, end))].split()))

    return "".join(text[start:end].split()), [(visible(low), visible(high)) for low, high in spans]


def _boxes(
    sheet: Any, bitmap: Any, shown: str, spans: Sequence[Span]
) -> tuple[tuple[Box, ...], ...]:
    """Find spans of a page's visible characters; none for those that pdfium has not."""
    from pypdfium2 import raw

    text = sheet.get_textpage()
    codes = [raw.FPDFText_GetUnicode(text, n) for n in range(text.count_chars())]
    signs = [chr(code).translate(PDFIUM_SIGNS) for code in codes]
    places = [n for n, sign in enumerate(signs) if sign.strip()]
    aligned = _aligned(shown, "".join(signs[n] for n in places))
    convert = bitmap.get_posconv(sheet)
    found: list[tuple[Box, ...]] = []
    for low, high in spans:
        known = [places[aligned[n]] for n in range(low, high) if n in aligned]
        if len(known) < KNOWN * (high - low) or not known:
            found.append(())
            continue
        count = text.count_rects(known[0], known[-1] - known[0] + 1)
        found.append(_lines([_box(convert, text.get_rect(n)) for n in range(count)]))
    text.close()
    return tuple(found)


def _aligned(shown: str, signs: str) -> Mapping[int, int]:
    """Map the characters of a page's text to pdfium's, of which some are not in the text.

    What lies outside the page's borders is not, and now and then a sign between.
    """
    if (shift := signs.find(shown)) >= 0:
        return {n: n + shift for n in range(len(shown))}
    blocks = SequenceMatcher(None, shown, signs, autojunk=False).get_matching_blocks()
    return {block.a + n: block.b + n for block in blocks for n in range(block.size)}


def _box(convert: Any, corners: tuple[float, float, float, float]) -> Box:
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
