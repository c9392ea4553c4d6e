"""Pages of a PDF as pictures: `pytest tests/test_pages.py`."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from samples import pdf_bytes

from ingest import pages
from ingest.documents import Document, read_document
from ingest.errors import DocumentUnreadable
from ingest.pages import Box, Span

LINES = [["First page here."], ["Alpha beta gamma.", "Delta epsilon."], ["Last page."]]
DATA = pdf_bytes(LINES)


@pytest.fixture(scope="module")
def document() -> Document:
    return read_document("a.pdf", DATA)


def span(document: Document, text: str) -> Span:
    start = document.text.index(text)
    return start, start + len(text)


def ink(png: bytes, box: Box) -> int:
    """Count the dark pixels in a box."""
    left, top, width, height = box
    part = Image.open(io.BytesIO(png)).convert("L").crop((left, top, left + width, top + height))
    return sum(count for value, count in enumerate(part.histogram()) if value < 128)


def test_every_page_has_its_span(document: Document) -> None:
    spans = [pages.page_span(document, page) for page in (1, 2, 3)]
    assert [document.text[start:end] for start, end in spans] == [
        "First page here.",
        "Alpha beta gamma.\nDelta epsilon.",
        "Last page.",
    ]
    assert [pages.page_at(document.pages, start) for start, _ in spans] == [1, 2, 3]


def test_boxes_lie_on_the_lines_of_a_span(document: Document) -> None:
    whole, word = span(document, "Alpha beta gamma.\nDelta epsilon."), span(document, "Delta")
    picture = pages.picture(DATA, document, 2, [whole, word])
    assert Image.open(io.BytesIO(picture.png)).size == (picture.width, picture.height)
    first, second = picture.boxes[0]
    (delta,) = picture.boxes[1]
    everything = (0, 0, picture.width, picture.height)
    assert ink(picture.png, first) + ink(picture.png, second) >= 0.95 * ink(picture.png, everything)
    assert first[1] < second[1] and delta[:2] == second[:2] and delta[2] < second[2] / 2


def test_a_span_of_another_page_has_no_box(document: Document) -> None:
    picture = pages.picture(DATA, document, 2, [span(document, "Last page."), (3, 3)])
    assert picture.boxes == ((), ())


def test_what_pdfium_does_not_have_has_no_box(document: Document) -> None:
    other = read_document("a.pdf", pdf_bytes([["0123456789 8642 97531 0000"]]))
    assert pages.picture(DATA, other, 1, [(0, 20)]).boxes == ((),)


@pytest.mark.parametrize(("wide", "tall"), [(14_400, 14_400), (200, 200_000), (10, 10), (612, 792)])
def test_a_picture_is_never_large(wide: int, tall: int) -> None:
    data = DATA.replace(b"[0 0 612 792]", f"[0 0 {wide} {tall}]".encode())
    document = Document("a.pdf", "", "a", (), (0, 1, 2), "")
    picture = pages.picture(data, document, 1, [])
    assert picture.width <= pages.WIDTH and picture.height <= pages.HEIGHT
    assert picture.width <= wide * pages.SCALE + 1


def test_a_page_that_is_not_there_is_said(document: Document) -> None:
    with pytest.raises(DocumentUnreadable, match="cannot be drawn"):
        pages.picture(b"%PDF-1.4 broken", document, 1, [])


def test_letters_alone_become_lines() -> None:
    letters = [(0, 0, 5, 10), (6, 1, 5, 9), (40, 0, 5, 10), (0, 20, 5, 10), (5, 20, 5, 10)]
    assert pages._lines(letters) == ((0, 0, 11, 10), (40, 0, 5, 10), (0, 20, 10, 10))
