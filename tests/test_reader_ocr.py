"""Scanned pages are read by OCR where the extra is installed, and named where it is not."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import FakeEmbedder, settings_in
from PIL import Image, ImageDraw, ImageFont
from samples import drawn_pdf

from ingest import documents, library, pages
from ingest import sync as sync_module
from ingest.documents import Document, read_document
from ingest.errors import DocumentUnreadable
from ingest.isolated import Limits
from ingest.readers import ocr, pdf

INSTALL = "pip install 'whybot[ocr]'"
PICTURE = "300 0 0 300 50 100 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI"
WORDS = "BT /F2 12 Tf 40 500 Td (Some text) Tj ET"
CODES = "".join(f"/g{n} " for n in range(1, 31))
UNMAPPED = (
    "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1000 1000] /FontMatrix [.001 0 0 .001 0 0]"
    f" /FirstChar 1 /LastChar 30 /Widths [{'600 ' * 30}] /Encoding << /Type /Encoding"
    f" /Differences [1 {CODES}] >> /CharProcs << >> >>"
)
UNREAD = "BT /F1 12 Tf 40 500 Td <070d0b010f0b08130b010b100a1301111001> Tj ET"

Found = tuple[str, float, float, float]  # text, left, top, height of its box in pixels
Use = Callable[..., list[int]]


class FakeEngine:
    """Find the same lines on every picture, letters half as wide as their box is high."""

    def __init__(self, found: Sequence[Found], slope: float, sure: float) -> None:
        self.found, self.slope, self.sure = found, slope, sure
        self.seen: list[int] = []  # the longer side of each picture

    def __call__(self, picture: Any) -> Any:
        self.seen.append(max(picture.shape[:2]))
        if not self.found:
            return SimpleNamespace(txts=None, boxes=None)
        boxes = [
            self.box(left, left + len(text) * high / 2, top, high)
            for text, left, top, high in self.found
        ]
        texts = [text for text, *_ in self.found]
        return SimpleNamespace(
            txts=texts, boxes=np.array(boxes), scores=[self.sure] * len(texts), word_results=()
        )

    def box(self, left: float, right: float, top: float, high: float) -> list[list[float]]:
        at = [(left, top), (right, top), (right, top + high), (left, top + high)]
        return [[x, y + self.slope * x] for x, y in at]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Have OCR find these lines."""

    def put(*found: Found, slope: float = 0.0, sure: float = 0.99) -> list[int]:
        engine = FakeEngine(found, slope, sure)
        monkeypatch.setattr(ocr, "available", lambda: True)
        monkeypatch.setattr(ocr, "engine", lambda: engine)
        return engine.seen

    return put


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "available", lambda: False)


def scan(count: int = 1) -> bytes:
    return drawn_pdf([[PICTURE]] * count)


# --- without the extra


def turned(image: Image.Image, turns: int) -> Image.Image:
    return image.rotate(90 * turns, expand=True)


@pytest.mark.usefixtures("without")
def test_a_scan_is_refused_with_the_command() -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        read_document("a.pdf", scan(2))
    assert refused.value.message == f"2 pages without text, which need OCR: {INSTALL}"
    with pytest.raises(DocumentUnreadable, match=r"^1 page without text, which needs OCR: pip"):
        read_document("a.pdf", scan(1))


@pytest.mark.usefixtures("without")
def test_letters_that_cannot_be_read_name_the_command() -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        pdf.read(drawn_pdf([[UNREAD]], font=UNMAPPED))
    assert refused.value.message == f"its letters cannot be read, which needs OCR: {INSTALL}"


@pytest.mark.usefixtures("without")
def test_pages_that_wait_for_ocr_are_remarked() -> None:
    content = pdf.read(drawn_pdf([[WORDS], [PICTURE], [UNREAD]], font=UNMAPPED))
    assert content.remarks == (
        f"1 page left out whose letters cannot be read, which needs OCR: {INSTALL}",
        f"1 page without text, which needs OCR: {INSTALL}",
    )


# --- with it


def test_lines_become_headings_paragraphs_and_tables(use: Use) -> None:
    seen = use(
        ("Sauna", 200, 200, 64),
        ("A visit costs six euros a person, and the re-", 200, 340, 40),
        ("ceipt is given at the door.", 200, 394, 43),
        ("Item", 200, 520, 40),
        ("Price", 700, 521, 38),
        ("Towel", 200, 574, 40),
        ("2.00", 700, 572, 41),
        ("Soap", 200, 628, 40),
        ("0.50", 700, 629, 40),
    )
    content = pdf.read(scan())
    assert content.text == (
        "Sauna\n\n"
        "A visit costs six euros a person, and the receipt is given at the door.\n\n"
        "| Item | Price |\n| --- | --- |\n| Towel | 2.00 |\n| Soap | 0.50 |"
    )
    assert [heading.title for heading in content.headings] == ["Sauna"]
    assert content.remarks == ("1 page read by OCR",)
    assert seen == [ocr.LONGEST]


def test_a_scan_that_lies_aslant_is_read_by_rows(use: Use) -> None:
    rows = [("Water", "2.00"), ("Power", "4.50"), ("Waste", "1.25")]
    found = []
    for n, (item, price) in enumerate(rows):
        found += [(item, 100.0, 300 + 50.0 * n, 40.0), (price, 1400.0, 300 + 50.0 * n, 40.0)]
    use(("Every boat pays for what it takes from the quay", 100, 200, 40), *found, slope=0.03)
    text = pdf.read(scan()).text
    assert "| Water | 2.00 |" in text and "| Waste | 1.25 |" in text


def test_pages_keep_their_places_and_their_count(use: Use) -> None:
    use(("Read from a picture.", 200, 300, 40))
    content = pdf.read(drawn_pdf([[WORDS], [PICTURE], [PICTURE], [WORDS]]))
    assert content.text[content.pages[1] :].startswith("Read from a picture.")
    assert content.text[content.pages[2] :].startswith("Read from a picture.")
    assert content.remarks[-1] == "2 pages read by OCR"


def test_text_and_blank_pages_are_not_read_by_ocr(use: Use) -> None:
    seen = use(("Nothing", 200, 300, 40))
    content = pdf.read(drawn_pdf([[WORDS, PICTURE], []]))
    assert content.text == "Some text" and seen == []
    assert content.remarks == ("1 page without text", "1 picture without text")


def test_letters_that_cannot_be_read_are_read_by_ocr(use: Use) -> None:
    use(("The lease ends in May.", 200, 300, 40))
    content = pdf.read(drawn_pdf([[UNREAD]], font=UNMAPPED))
    assert content.text == "The lease ends in May."
    assert content.remarks == ("1 page read by OCR",)


def test_lines_that_are_hard_to_read_are_counted(use: Use) -> None:
    use(("Th s n gld", 200, 300, 40), ("lne to", 200, 500, 40), sure=0.6)
    assert pdf.read(scan()).remarks == ("1 page read by OCR", "2 lines that OCR is not sure of")


def test_where_ocr_finds_nothing_it_is_said(use: Use) -> None:
    use()
    with pytest.raises(DocumentUnreadable, match=r"^2 pages on which OCR finds no text$"):
        read_document("a.pdf", scan(2))
    with pytest.raises(DocumentUnreadable, match=r"^its letters cannot be read$"):
        pdf.read(drawn_pdf([[UNREAD]], font=UNMAPPED))
    content = pdf.read(drawn_pdf([[WORDS], [PICTURE]]))
    assert content.remarks == ("1 page on which OCR finds no text",)


def test_words_stand_apart_where_the_engine_puts_them_together() -> None:
    corners = [[0, 0], [200, 0], [200, 40], [0, 40]]
    parts = [
        ("ab", 1.0, [[0, 0], [100, 0], [100, 40], [0, 40]]),
        ("cd", 1.0, [[100, 0], [200, 0], [200, 40], [100, 40]]),
    ]
    (line,) = ocr._lines([corners], ["ab cd"], [1.0], [parts])
    first, second = line.words
    assert line.text == "ab cd"
    assert second.box[0] - first.box[2] == pytest.approx(ocr.SPACE * line.size)


@pytest.mark.parametrize("turns", range(4))
def test_a_page_on_its_side_is_read_and_marked(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake engine is sure only where the mark lies at the top left."""

    def engine(picture: Any) -> Any:
        high, wide = picture.shape[:2]
        sure = 0.99 if picture[: high // 4, : wide // 4].min() < 128 else 0.5
        box = [[400.0, 200.0], [640.0, 200.0], [640.0, 240.0], [400.0, 240.0]]
        return SimpleNamespace(
            txts=["The anchor"], boxes=np.array([box]), scores=[sure], word_results=()
        )

    monkeypatch.setattr(ocr, "available", lambda: True)
    monkeypatch.setattr(ocr, "engine", lambda: engine)
    image = Image.new("L", (1700, 2400), 255)
    ImageDraw.Draw(image).rectangle((400, 200, 640, 240), fill=0)
    stream = io.BytesIO()
    turned(image, turns).save(stream, "PDF", resolution=200)
    document = read_document("a.pdf", stream.getvalue())
    assert document.text == "The anchor" and document.remarks == ("1 page read by OCR",)
    picture = pages.picture(stream.getvalue(), document, 1, [(0, len(document.text))])
    drawn = Image.open(io.BytesIO(picture.png)).convert("L")
    assert picture.boxes[0]
    for left, top, width, height in picture.boxes[0]:
        assert np.asarray(drawn.crop((left, top, left + width, top + height))).mean() < 40


# --- the page as a picture


def test_boxes_lie_where_ocr_found_the_words(use: Use) -> None:
    use(("Alpha beta gamma.", 600, 1200, 40))
    data = scan()
    document = read_document("a.pdf", data)
    start = document.text.index("beta")
    picture = pages.picture(data, document, 1, [(start, start + 4)])
    ((left, top, width, height),) = picture.boxes[0]
    scale = picture.height / ocr.LONGEST
    assert 600 + 5 * 20 <= left / scale <= 600 + 7 * 20
    assert 1190 <= top / scale <= 1210 and 30 <= height / scale <= 50
    assert 40 <= width / scale <= 100


def test_without_ocr_no_box_is_drawn(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    use(("Alpha beta gamma.", 600, 1200, 40))
    data = scan()
    document = read_document("a.pdf", data)
    monkeypatch.setattr(ocr, "available", lambda: False)
    assert pages.picture(data, document, 1, [(0, 5)]).boxes == ((),)


# --- limits and the index


def test_the_time_of_scans_grows_faster() -> None:
    limits = Limits()
    assert limits.time(1_000_000, scan=True) == 406
    assert limits.time(10**9, scan=True) == 3600
    assert limits.time(1_000_000) == 26


class HereReaders:
    """Read in this process, where OCR is the fake one."""

    def __enter__(self) -> HereReaders:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, jobs: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, Document]]:
        for name, path in jobs:
            yield name, documents.read_document(name, path.read_bytes())


def test_an_index_made_without_ocr_reads_the_file_anew(
    use: Use, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sync_module, "Readers", HereReaders)
    monkeypatch.setattr(ocr, "available", lambda: False)
    settings = settings_in(tmp_path)
    settings.corpus.mkdir(parents=True, exist_ok=True)
    (settings.corpus / "half.pdf").write_bytes(drawn_pdf([[WORDS], [PICTURE]]))
    embedder = FakeEmbedder().real
    assert library.ingest(settings, embedder).added == ["half.pdf"]
    assert library.ingest(settings, embedder).unchanged == ["half.pdf"]
    use(("Read from a picture.", 200, 300, 40))
    report = library.ingest(settings, embedder)
    assert report.updated == ["half.pdf"]
    assert report.remarks == [("half.pdf", "1 page read by OCR")]
    assert library.ingest(settings, embedder).unchanged == ["half.pdf"]


# --- the real engine


@pytest.mark.skipif(not ocr.available(), reason="the extra is not installed")
@pytest.mark.filterwarnings("default")
def test_the_real_engine_reads_a_page_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("OCR asks the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    ocr.engine.cache_clear()
    image = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(image)
    lines = ["The mooring fee is 27.50 euros a night.", "The office is closed on Mondays."]
    for n, line in enumerate(lines):
        draw.text((150, 200 + 45 * n), line, font=ImageFont.load_default(30), fill=0)
    stream = io.BytesIO()
    image.rotate(0.3, Image.Resampling.BICUBIC, fillcolor=255).save(stream, "PDF", resolution=150)
    document = read_document("a.pdf", stream.getvalue())
    assert document.text == " ".join(lines)
    assert document.remarks == ("1 page read by OCR",)
    start = document.text.index("27.50")
    picture = pages.picture(stream.getvalue(), document, 1, [(start, start + 5)])
    ((left, _, width, _),) = picture.boxes[0]
    drawn = Image.open(io.BytesIO(picture.png)).convert("L")
    assert np.asarray(drawn.crop((left, 0, left + width, drawn.height))).min() < 128
