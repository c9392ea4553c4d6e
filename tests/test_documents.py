"""Tests of ingest.documents. Run: pytest tests/test_documents.py"""

from __future__ import annotations

import hashlib
import importlib
import io
import threading
import zipfile
from pathlib import Path

import pytest
import samples
from fakes import run_python

from ingest.documents import SUFFIXES, Document, read_document
from ingest.errors import DocumentUnreadable

SEED = Path(__file__).parent.parent / "corpus" / "fine-tuning-vs-rag.md"


def markdown(text: str) -> Document:
    return read_document("notes/sample.md", text.encode())


def html(body: str) -> Document:
    return read_document("sample.html", body.encode())


def reason(name: str, data: bytes) -> str:
    with pytest.raises(DocumentUnreadable) as caught:
        read_document(name, data)
    return caught.value.message


def titles(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


def lines(document: Document) -> list[str]:
    return [document.text[heading.start : heading.end].strip() for heading in document.headings]


def test_seed_document() -> None:
    document = read_document("fine-tuning-vs-rag.md", SEED.read_bytes())
    assert document.text == SEED.read_bytes().decode()
    assert document.title == "Difference between Fine-Tuning and RAG Architecture"
    assert document.sha256 == hashlib.sha256(SEED.read_bytes()).hexdigest()
    assert document.pages == ()
    assert titles(document)[1:6] == [
        (2, "Introduction"),
        (2, "Fine-Tuning"),
        (3, "Pros"),
        (3, "Cons"),
        (2, "Retrieval-Augmented Generation (RAG)"),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_markdown_offsets_hold_with_any_newline(newline: str) -> None:
    text = newline.join(
        ["\u2028 lead", "", "# One", "body", "", "Two `x`", "***", "Set", "---", "end"]
    )
    document = markdown(text)
    assert document.text == text.replace(newline, "\n")
    assert titles(document) == [(1, "One"), (2, "Set")]
    assert lines(document) == ["# One", "Set\n---"]


def test_markdown_byte_order_mark_is_dropped() -> None:
    document = read_document("a.md", b"\xef\xbb\xbf# T\n")
    assert document.text == "# T\n"
    assert document.title == "T"


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("## **Pros:**", "Pros"),
        ("## `f(x)` and *[link](http://x)*  with   gaps ##", "f(x) and link with gaps"),
        ("## a \\* &amp; ![alt text](i.png)<br>", "a * & alt text"),
        ("a\nb\n---", "a b"),
        ("## [ref][r]\n\n[r]: http://x", "ref"),
    ],
)
def test_markdown_heading_titles_are_plain(source: str, title: str) -> None:
    assert [heading.title for heading in markdown(source).headings] == [title]


@pytest.mark.parametrize(
    "source",
    [
        "```sh\n# comment\n```",
        "    # indented code",
        "> # quoted",
        "- # in a list",
        "#hashtag",
        "---\ntitle: X\nlist:\n  - y\n---\n",
        "---\r\n# comment\r\ntitle: X\r\n---\r\n",
        "text\n\n---\n",
        "##",
        "## :",
    ],
)
def test_markdown_lines_that_are_no_section_headings(source: str) -> None:
    assert markdown(source + "\n\nbody").headings == ()


def test_markdown_headings_after_front_matter_keep_their_offsets() -> None:
    document = markdown("---\ntitle: X\n---\n# Y\nbody")
    assert lines(document) == ["# Y"]


def test_markdown_of_deep_nesting_is_read() -> None:
    assert titles(markdown(">" * 5000 + " x\n\n# H\n")) == [(1, "H")]


@pytest.mark.parametrize(
    ("source", "title"), [("# A\n# B", "A"), ("## A\n# B", "sample"), ("text", "sample")]
)
def test_markdown_title(source: str, title: str) -> None:
    assert markdown(source).title == title


def test_plain_text_has_no_headings() -> None:
    document = read_document("a.TXT", b"# no heading\nTitle\n=====\n")
    assert document.headings == ()
    assert document.title == "a"
    assert document.text == "# no heading\nTitle\n=====\n"


def test_html_page() -> None:
    document = html(samples.PAGE_HTML)
    assert document.text == (
        "Field guide\n\n"
        "First paragraph, with bolder text.\nAfter a break.\n\n"
        "Lists & tables:\n\n"
        "- one\n- two\n  - two and a half\n\n"
        "| Name | Price |\n| --- | --- |\n| RAG | low cost |\n\n"
        "def f():\n    return  1\n\n"
        "loose text"
    )
    assert document.title == "Field guide"
    assert titles(document) == [(1, "Field guide"), (2, "Lists & tables")]
    assert lines(document) == ["Field guide", "Lists & tables:"]


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title> The\n tab </title><h2>x</h2>", "The tab"),
        ("<title>tab</title><h2>x</h2><h1>y</h1>", "y"),
        ("<p>x", "sample"),
    ],
)
def test_html_title(page: str, title: str) -> None:
    assert html(page).title == title


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("<p>Größe".encode(), "Größe"),
        ("<meta charset=iso-8859-1><p>Größe €".encode("cp1252"), "Größe €"),
        ("<meta charset=shift_jis><p>日本".encode("shift_jis"), "日本"),
        ("<p>Größe".encode("utf-16"), "Größe"),
        (b"\xef\xbb\xbf" + "<p>Größe".encode(), "Größe"),
        ("<meta charset=utf-16><p>Größe".encode(), "Größe"),
        (b'<?xml version="1.0"?><r><p>x</p></r>', "x"),
    ],
)
def test_html_charsets(data: bytes, text: str) -> None:
    assert read_document("a.htm", data).text == text


def test_html_layout_tables_are_walked_into() -> None:
    page = "<table><tr><td><h2>H</h2><p>a</p><table><tr><td>b<td>c</table></table>"
    assert html(page).text == "H\n\na\n\n| b | c |"


def test_html_of_deep_nesting_is_read() -> None:
    assert html("<div>" * 3000 + "deep").text == "deep"


def test_docx() -> None:
    document = read_document("a.docx", samples.docx_bytes())
    assert document.text == (
        "The handbook\n\nBefore any section.\n\nPrices:\n\n- apples\n1. pears\n\n"
        "| Fruit | Price |\n| --- | --- |\n| apple | 3.5 |\n\n"
        "Details\n\nAfter the table, with a tracked insertion."
    )
    assert titles(document) == [(0, "The handbook"), (1, "Prices"), (2, "Details")]
    assert lines(document) == ["The handbook", "Prices:", "Details"]
    assert document.title == "The handbook"


@pytest.mark.parametrize(("stated", "title"), [("Stated", "Stated"), ("", "a")])
def test_docx_title_without_heading(stated: str, title: str) -> None:
    assert read_document("a.docx", samples.plain_docx_bytes(stated)).title == title


def test_pdf() -> None:
    data = samples.pdf_bytes(
        [["Introduction", "First (page)."], [], ["Introduction again", "2.1 Costs", "It costs."]],
        title="The manual",
        outline=[("Introduction", 0), ("Costs:", 2), ("Costs", 2), ("Nowhere", 1)],
    )
    document = read_document("a.pdf", data)
    assert document.title == "The manual"
    assert document.text.startswith("Introduction\n\nFirst (page).\n\n")
    assert "\r" not in document.text
    assert len(document.pages) == 3
    assert document.text[document.pages[2] :] == "Introduction again\n\n2.1 Costs\n\nIt costs."
    assert lines(document) == ["Introduction", "2.1 Costs"]
    assert titles(document) == [(1, "Introduction"), (1, "Costs")]


def test_pdf_without_title_or_outline() -> None:
    document = read_document("folder/a.pdf", samples.pdf_bytes([["text"]]))
    assert (document.title, document.headings, document.pages) == ("a", (), (0,))


def test_pdfs_are_read_from_many_threads() -> None:
    data = samples.pdf_bytes([[f"page {number}"] for number in range(20)])
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(read_document("a.pdf", data).text))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["\n\n".join(f"page {number}" for number in range(20))] * 8


def damaged_docx() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hello.txt", "no document")
    return stream.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.md", b"", "it is empty"),
        ("a.txt", b" \n\t", "it is empty"),
        ("a.md", b"\xef\xbb\xbf\n", "it holds no text"),
        ("a.txt", b"\x89PNG\0", "it is a binary file"),
        ("a.html", b"<p>\0", "it is a binary file"),
        ("a.html", b"<script>x</script>", "it holds no text"),
        ("a.pdf", samples.pdf_bytes([[], []]), "it holds no text (scanned pages need OCR first)"),
        (
            "a.pdf",
            samples.pdf_bytes([["x"]], encrypted=True),
            "it is encrypted: save a copy without a password",
        ),
        (
            "a.docx",
            OLE + "EncryptedPackage".encode("utf-16-le"),
            "it is encrypted: save a copy without a password",
        ),
        ("a.docx", OLE, "it is an old .doc file: save it as .docx"),
        ("a.xlsx", OLE, "it is an old .xls file: save it as .xlsx"),
        ("a.pptx", OLE, "it is an old .ppt file: save it as .pptx"),
        ("a.doc", OLE, "it is an old .doc file: save it as .docx"),
        ("a.XLS", OLE, "it is an old .xls file: save it as .xlsx"),
        ("a.ppt", OLE, "it is an old .ppt file: save it as .pptx"),
        ("a.docx", b"PK no zip", "damaged: File is not a zip file"),
    ],
)
def test_unreadable(name: str, data: bytes, message: str) -> None:
    assert reason(name, data) == message


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.pdf", b"%PDF-1.4 and no more"),
        ("a.docx", damaged_docx()),
        ("a.docx", samples.plain_docx_bytes()[:-300]),
    ],
)
def test_damaged(name: str, data: bytes) -> None:
    assert reason(name, data).startswith("damaged: ")
    assert "\n" not in reason(name, data)


@pytest.mark.parametrize("name", ["a.xyz", "README", ".md"])
def test_unsupported(name: str) -> None:
    message = reason(name, b"x")
    assert message.startswith("unsupported kind ")
    assert all(suffix in message for suffix in (".pdf", ".docx", ".md", ".csv"))


@pytest.mark.parametrize("reader", sorted(set(SUFFIXES.values())))
def test_the_reader_of_every_kind_is_there(reader: str) -> None:
    module, function = reader.split(".")
    assert callable(getattr(importlib.import_module(f"ingest.readers.{module}"), function))


def test_no_reader_is_imported_before_a_file_asks_for_it() -> None:
    code = "import sys, bot.trace, ingest.library; print(*sys.modules)"
    found = {name for name in run_python(code).split() if name.startswith("ingest.readers.")}
    assert found <= {"ingest.readers.content", "ingest.readers.ocr"}
