"""Pages of a PDF as pictures: `pytest tests/test_pages.py`."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from samples import Shown, drawn_pdf, lined, pdf_bytes

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


def drawn(document: Document, data: bytes, page: int, *texts: str) -> list[tuple[Box, ...]]:
    """Return the boxes of some texts on a page, and check that each holds ink."""
    picture = pages.picture(data, document, page, [span(document, text) for text in texts])
    assert all(ink(picture.png, box) for boxes in picture.boxes for box in boxes)
    return list(picture.boxes)


def test_a_hyphen_that_is_gone_leaves_both_halves_boxed() -> None:
    lines = [
        "Whoever brings a boat back gets it in cash, and the reimburse-",
        "ment is due in May.",
    ]
    data = drawn_pdf([lined(40, 500, lines)])
    document = read_document("a.pdf", data)
    (first, second), (word,) = drawn(document, data, 1, "reimbursement is due", "Whoever")
    assert first[1] < second[1] and first[0] > second[0]
    assert word[1] == first[1] and word[0] == second[0]


def test_a_table_row_is_boxed_across() -> None:
    rows = [("Town", "Jobs"), ("Oulu", "41"), ("Pori", "7")]
    shown: list[Shown] = [
        (60 + 150 * column, 500 - 16 * line, 11, row[column])
        for column in (0, 1)
        for line, row in enumerate(rows)
    ]
    data = drawn_pdf([shown])
    document = read_document("a.pdf", data)
    (town, jobs), (alone,) = drawn(document, data, 1, "| Oulu | 41 |", "7")
    assert town[1] == jobs[1] < alone[1]
    assert town[0] < jobs[0] == alone[0]


def test_columns_are_boxed_in_the_order_of_reading() -> None:
    left = [f"left line {n} of the first column" for n in range(8)]
    right = [f"right line {n} of the other column" for n in range(8)]
    pairs = zip(lined(40, 500, left, 9), lined(220, 500, right, 9), strict=True)
    data = drawn_pdf([[item for pair in pairs for item in pair]])
    document = read_document("a.pdf", data)
    ((low, high),) = drawn(document, data, 1, "left line 7 of the first column right line 0")
    assert low[1] > high[1] and low[0] < high[0]


def two_pages() -> bytes:
    head = (40.0, 570.0, 9.0, "Rules of the pier")
    lines = [
        ["The keeper of the lamp has the key to the tower until the first", "day of the month of"],
        ["May, and gives it back then. Nobody else has a key to the gate", "of the harbour."],
        ["A third page says no more than this, in one line and a little more,", "and ends."],
    ]
    return drawn_pdf(
        [[head, *lined(40, 520, page), (200, 30, 9, str(n))] for n, page in enumerate(lines, 1)]
    )


def test_a_span_over_two_pages_is_boxed_on_each() -> None:
    data = two_pages()
    document = read_document("a.pdf", data)
    whole = "the month of May, and gives"
    assert whole in document.text
    (first,) = drawn(document, data, 1, whole)
    (second,) = drawn(document, data, 2, whole)
    assert len(first) == len(second) == 1
    assert first[0][1] > second[0][1]  # on the second line of one, on the first of the other


def test_a_footnote_that_makes_room_is_boxed_where_it_stands() -> None:
    page = [
        *lined(
            40,
            520,
            [
                "The keeper of the lamp has the key to the tower until the first",
                "day of the month, and so of the",
            ],
        ),
        (40, 60, 7, "1 The keeper is chosen by all who own a boat in the harbour."),
    ]
    after = lined(40, 520, ["whole year, unless the tower is closed for the winter by law."])
    data = drawn_pdf([page, after])
    document = read_document("a.pdf", data)
    assert document.text.startswith("1 The keeper") and "of the whole year" in document.text
    (note,), (words,) = drawn(document, data, 1, "is chosen by all", "key to the tower")
    assert note[1] > words[1]


def test_what_a_form_was_filled_with_is_boxed() -> None:
    widget = "/Type /Annot /Subtype /Widget /F 4 /FT /Tx /T (a) /V (Aada) /Rect [120 494 300 512]"
    data = drawn_pdf(
        [[(40, 500, 12, "Owner:")]],
        annotations=[f"<< {widget} >>"],
        catalog="/AcroForm << /Fields [FIELDS] /DA (/Helv 12 Tf 0 g) >>",
    )
    document = read_document("a.pdf", data)
    picture = pages.picture(data, document, 1, [span(document, "Aada")])
    ((box,),) = picture.boxes
    assert box[0] == 240 and box[2] == 360


def test_a_raised_mark_is_boxed_with_its_word() -> None:
    shown = (
        "BT /F1 12 Tf 40 500 Td (founded) Tj /F1 7 Tf 5 Ts (3) Tj /F1 12 Tf 0 Ts ( in 1962) Tj ET"
    )
    data = drawn_pdf([[shown]])
    document = read_document("a.pdf", data)
    ((box,),) = drawn(document, data, 1, "founded [3] in 1962")
    assert box[0] == 80
