"""Books, mails and notebooks: what HTML and Markdown come in."""

from __future__ import annotations

import io
import json
import zipfile
from email.message import EmailMessage
from typing import Any

import pytest

from ingest.documents import Document, read_document
from ingest.errors import DocumentUnreadable
from ingest.readers import epub

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)


def epub_bytes(chapters: list[str], facts: str = "", **parts: str) -> bytes:
    """Make a book whose files are c0.xhtml, c1.xhtml, ...; parts: further files by their names."""
    items = "".join(
        f'<item id="c{n}" href="c%20{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in reversed(range(len(chapters))))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<metadata>{facts}</metadata><manifest>{items}<item id="nav" href="nav.xhtml"'
        ' properties="nav" media-type="application/xhtml+xml"/></manifest>'
        f'<spine><itemref idref="nav"/>{spine}</spine></package>'
    )
    nav = "".join(f'<li><a href="c%20{n}.xhtml#x">Label {n}</a></li>' for n in range(1))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/book.opf", package)
        archive.writestr("OEBPS/nav.xhtml", xhtml(f"<nav><ol>{nav}</ol></nav>"))
        for n, chapter in enumerate(chapters):
            archive.writestr(f"OEBPS/c {n}.xhtml", xhtml(chapter))
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return stream.getvalue()


def xhtml(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head>'
        f'<title/><script src="x.js"/></head><body>{body}</body></html>'
    )


def places(document: Document) -> list[tuple[str, str]]:
    """Return the names of places, and what the text says there."""
    return [(p.name, document.text[p.start :].split("\n")[0]) for p in document.places]


def reason(name: str, data: bytes) -> str:
    with pytest.raises(DocumentUnreadable) as caught:
        read_document(name, data)
    return caught.value.message


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    data = epub_bytes(
        [
            "<h2>Label 0</h2><h3>Fish</h3><p>Cod&nbsp;costs 4<sup>2</sup>.</p>",
            "<h2>Harbours</h2><ul><li>Skagen</li></ul>",
            "<ul><li>no heading</li></ul><img src='a.png' alt=''/>",
        ],
        "<dc:title>On the Sea</dc:title><dc:date>1998-04-05T00:00:00Z</dc:date>",
    )
    document = read_document("a.epub", data)
    assert document.text == (
        "- no heading\n\nHarbours\n\n- Skagen\n\nLabel 0\n\nFish\n\nCod costs 4^2."
    )
    assert [(h.level, h.title) for h in document.headings] == [
        (1, "Harbours"),
        (1, "Label 0"),
        (2, "Fish"),
    ]
    assert places(document) == [
        ("chapter 1: Harbours", "Harbours"),
        ("chapter 2: Label 0", "Label 0"),
    ]
    assert (document.title, document.date) == ("On the Sea", "1998-04-05")
    assert document.remarks == ("1 picture without text",)


def test_a_chapter_that_only_the_contents_name_gets_its_heading() -> None:
    document = read_document("a.epub", epub_bytes(["<p class='title'>Label 0</p><p>Text.</p>"]))
    assert [(h.level, h.title) for h in document.headings] == [(1, "Label 0")]
    assert places(document) == [("chapter 1: Label 0", "Label 0")]
    assert document.title == "a"


def test_a_chapter_with_a_number_of_its_own_keeps_it() -> None:
    document = read_document("a.epub", epub_bytes(["<p/>", "<h1>Chapter 7: Eels</h1><p>x</p>"]))
    assert places(document) == [("Chapter 7: Eels", "Chapter 7: Eels")]


def test_page_marks_of_the_print_are_no_text() -> None:
    mark = '<span xmlns:epub="http://www.idpf.org/2007/ops" epub:type="pagebreak">12</span>'
    document = read_document("a.epub", epub_bytes([f"<h1>Title Page</h1><p>of the {mark}sea</p>"]))
    assert document.text == "Title Page\n\nof the sea"
    assert places(document) == [("chapter 1: Label 0", "Title Page")]


def test_protected_and_damaged_books_say_so() -> None:
    encrypted = (
        '<encryption><EncryptedData><EncryptionMethod Algorithm="{}"/></EncryptedData></encryption>'
    )
    data = epub_bytes(["<p>x</p>"], **{"META-INF__encryption_xml": encrypted.format("aes")})
    assert reason("a.epub", data).startswith("its copy protection (DRM)")
    fonts = encrypted.format("http://www.idpf.org/2008/embedding")
    data = epub_bytes(["<p>x</p>"], **{"META-INF__encryption_xml": fonts})
    assert read_document("a.epub", data).text == "x"
    assert reason("a.epub", b"PK no zip") == "damaged: File is not a zip file"
    assert reason("a.epub", data[:-200]).startswith("damaged: ")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hello.txt", "no book")
    assert reason("a.epub", stream.getvalue()) == "damaged: it names no package of chapters"


def test_one_damaged_chapter_does_not_lose_the_book() -> None:
    data = bytearray(epub_bytes(["<p>The first.</p>", "<p>The second.</p>"]))
    start = data.index(b"OEBPS/c 0.xhtml") + 40
    data[start : start + 20] = b"\xff" * 20
    document = read_document("a.epub", bytes(data))
    assert document.text == "The second."
    assert document.remarks == ("1 damaged or missing chapter left out",)
    at = data.rindex(b"PK\x01\x02")
    del data[at - 30 : at]
    assert reason("a.epub", bytes(data)).startswith("damaged: ")


def test_a_book_that_unpacks_to_gigabytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epub, "_LARGEST", 100_000)
    assert read_document("a.epub", epub_bytes(["<p>x</p>"])).text == "x"
    data = epub_bytes(["<p>" + " " * 60_000 + "</p>"] * 2)
    assert reason("a.epub", data) == "it unpacks to more than 200 MB: split it"


MAIL = """Subject: =?utf-8?q?Caf=C3=A9_prices?=
From: Ann <ann@example.org>
To: Bo <bo@example.org>
Date: Tue, 4 Apr 2023 10:00:00 +0200
Content-Type: text/plain; charset=utf-8

Hi Bo,

coffee is 3 euros.

--\x20
Ann
"""


def test_a_mail() -> None:
    document = read_document("a.eml", MAIL.encode())
    assert document.text == (
        "Café prices\n\nFrom: Ann <ann@example.org>\nTo: Bo <bo@example.org>\n"
        "Date: Tue, 04 Apr 2023 10:00:00 +0200\n\nHi Bo,\n\ncoffee is 3 euros.\n\n--\nAnn"
    )
    assert (document.title, document.date) == ("Café prices", "2023-04-04")
    assert [h.title for h in document.headings] == ["Café prices"]


def message(subject: str, text: str, page: str = "") -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = "ann@example.org"
    if text:
        mail.set_content(text)
    if page:
        (mail.add_alternative if text else mail.set_content)(page, subtype="html")
    return mail


def test_one_form_of_a_text_is_read_attachments_are_named_and_forwarded_mails_read() -> None:
    mail = message("Outer", "See below, as plain text.", "<p>See below, as a page.")
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="fees.pdf")
    mail.add_attachment(message("Inner", "", "<h1>Fees</h1><table><tr><th>a<th>b</table>"))
    document = read_document("a.eml", mail.as_bytes())
    assert [(h.level, h.title) for h in document.headings] == [
        (1, "Outer"),
        (2, "Inner"),
        (3, "Fees"),
    ]
    assert "as plain text" in document.text
    assert "as a page" not in document.text
    assert document.remarks == ("1 attachment not read: fees.pdf",)


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        ("Content-Type: text/plain; charset=no-such", "Gebühr".encode(), "Gebühr"),
        ("Content-Type: text/plain; charset=iso-8859-1", "Gebühr €".encode("cp1252"), "Gebühr €"),
        ("Content-Type: text/plain; charset=", b"x", "x"),
        ("Content-Type: text/plain; charset*=utf-8''%", b"x", "x"),
        ("Content-Type: a/b/c;;;=", b"x", "x"),
        ("Content-Transfer-Encoding: base64", b"!!! not base64", None),
        ("Content-Type: multipart/mixed; boundary=none", b"x", "x"),
        ("Date: never\nTo: <<>,,;:@", b"x", "x"),
        ("From: =?x?q?=?= <a@[b>", b"x", "x"),
        ("Subject: \xfcber", b"x", "x"),
        (
            "Content-Type: text/html",
            b"<meta charset=shift_jis><p>" + "料金".encode("cp932"),
            "料金",
        ),
        (
            "Content-Type: text/plain; format=flowed",
            b"one \ntwo\n> q \n> r\nthree",
            "one two\n> q r\nthree",
        ),
    ],
)
def test_broken_mails_are_read(head: str, body: bytes, text: str | None) -> None:
    data = f"Subject: T\n{head}\n\n".encode("latin-1") + body
    document = read_document("a.eml", data)
    assert document.text.startswith(("T\n", "T"))
    if text is not None:
        assert document.text.endswith(f"\n\n{text}")


def test_what_is_no_mail_is_refused() -> None:
    assert reason("a.eml", b"just text\n\nmore") == "it is no mail: its first line is no header"
    assert reason("a.mbox", b"just text\n").startswith("it is no mailbox")


def test_a_mailbox_names_its_messages_and_keeps_quotations_once() -> None:
    first = "\n".join(f"Point {n} of the plan." for n in range(6))
    quoted = "\n".join(f"> {line}" for line in first.split("\n"))
    data = (
        "From ann Mon Jan  1 2024\nSubject: Plan\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\n"
        f"{first}\n"
        ">From here on it is secret.\n\n"
        f"From bo Tue Jan  2 2024\nSubject: Re: Plan\nDate: Tue, 2 Jan 2024 10:00:00 +0000\n\n"
        f"Agreed.\n\nAnn wrote:\n{quoted}\n\nFrom one of us.\n"
    )
    document = read_document("a.mbox", data.encode())
    assert places(document) == [("message 1", "Plan"), ("message 2", "Re: Plan")]
    assert document.text.count("Point 3 of the plan.") == 1
    assert "\nFrom here on it is secret." in document.text
    assert document.text.endswith("From one of us.")
    assert document.date == "2024-01-02"
    assert document.remarks == ("6 quoted lines left out that an earlier mail has",)


def test_a_quotation_that_is_answered_line_by_line_stays() -> None:
    data = (
        "From a\nSubject: Q\n\nIs it 40?\nOr 50?\n\n"
        "From b\nSubject: Re: Q\n\n> Is it 40?\nNo.\n> Or 50?\nYes.\n"
    )
    assert read_document("a.mbox", data.encode()).text.endswith("> Is it 40?\nNo.\n> Or 50?\nYes.")


def test_mails_nest_without_end() -> None:
    mail = "Subject: x\nContent-Type: message/rfc822\n\n" * 200 + "Subject: y\n\nend"
    document = read_document("a.eml", mail.encode())
    assert document.text.startswith("x")
    assert document.remarks == ("1 forwarded mail left out",)


def test_a_mail_of_thousands_of_parts_ends_in_no_other_error() -> None:
    parts = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(3000)
    )
    assert read_document("a.eml", f"Subject: T\n{parts}".encode()).text


def notebook(*cells: dict[str, Any], **stated: Any) -> Document:
    book = {"nbformat": 4, "metadata": stated, "cells": list(cells)}
    return read_document("a.ipynb", json.dumps(book).encode())


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source.splitlines(True), "outputs": list(outputs)}


def test_a_notebook() -> None:
    document = notebook(
        {"cell_type": "markdown", "source": ["# Tides\n", "\n", "High at 4."]},
        code("print(2 ** 3)\n", {"output_type": "stream", "text": ["8\n"]}),
        code(""),
        {"cell_type": "markdown", "source": "## Ports\nTwo."},
        code(
            "df",
            {
                "output_type": "execute_result",
                "data": {
                    "text/plain": "   a\n0  1",
                    "text/html": "<table><thead><tr><th></th><th>port</th></tr></thead>"
                    "<tr><th>0</th><td>Skagen</td></tr></table>",
                },
            },
            {"output_type": "display_data", "data": {"image/png": "x", "text/plain": "<Figure>"}},
            {"output_type": "error", "ename": "ValueError", "evalue": "no \x1b[31mtide"},
        ),
        language_info={"name": "python"},
    )
    assert document.text == (
        "# Tides\n\nHigh at 4.\n\n"
        "```python\nprint(2 ** 3)\n```\n\nOutput:\n\n```text\n8\n```\n\n"
        "## Ports\nTwo.\n\n"
        "```python\ndf\n```\n\n"
        "Output:\n\n|  | port |\n| --- | --- |\n| 0 | Skagen |\n\n"
        "Output:\n\n```text\nValueError: no tide\n```"
    )
    assert [(h.level, h.title) for h in document.headings] == [(1, "Tides"), (2, "Ports")]
    for heading in document.headings:
        assert document.text[heading.start : heading.end].strip().lstrip("# ") == heading.title
    assert places(document) == [
        ("cell 1", "# Tides"),
        ("cell 2", "```python"),
        ("cell 4", "## Ports"),
        ("cell 5", "```python"),
    ]
    assert document.title == "Tides"
    assert document.remarks == ("1 picture without text",)


def test_a_notebook_of_format_3() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Ports"]},
        {
            "cell_type": "code",
            "language": "julia",
            "input": "x = 1",
            "outputs": [{"output_type": "pyout", "text": "1"}],
        },
    ]
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode()
    document = read_document("a.ipynb", data)
    assert document.text == ("## Ports\n\n```julia\nx = 1\n```\n\nOutput:\n\n```text\n1\n```")


def test_a_long_output_is_cut_and_said() -> None:
    log = "".join(f"step {n}\n" for n in range(5000))
    document = notebook(code("run()", {"output_type": "stream", "text": log}))
    assert document.text.endswith("\n...\n```")
    assert len(document.text) < 2200
    assert document.remarks == ("1 long output cut short",)


def test_a_fence_in_code_does_not_end_it() -> None:
    assert notebook(code("a = '''\n```\n'''")).text == "````python\na = '''\n```\n'''\n````"


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b'{"cells": 3}', b'{"worksheets": 3}', b"[" * 100_000, b'"\\ud800"'],
)
def test_what_is_no_notebook_is_refused(data: bytes) -> None:
    assert reason("a.ipynb", data).startswith("damaged: ")


def test_odd_values_do_not_lose_a_notebook() -> None:
    document = notebook(
        {"cell_type": "markdown", "source": "half \ud800 pair", "attachments": {"a": 3}},
        {"cell_type": 7, "source": None},
        code("x", {"output_type": "execute_result", "data": {"text/plain": [1, None, "ok"]}}),
        {"cell_type": "code", "source": "y", "outputs": [None, 3, {"output_type": "stream"}]},
        language_info=3,
        kernelspec=[],
        title=["no"],
    )
    assert document.text.startswith("half \ufffd pair")
    assert "ok" in document.text
    document.text.encode()
