"""Bytes to text: charsets of the web, Windows code pages, and odd bytes."""

from __future__ import annotations

import pytest

from ingest.errors import DocumentUnreadable
from ingest.readers.decode import decoded


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("The fee is 40 euros.\r\n", "utf-16"),
        ("The fee is 40 euros.\r\n", "utf-32"),
        ("Die Gebühr beträgt 40 €.\r\n", "cp1252"),
        ("Les élèves paient 12 € à la rentrée. « Oui », dit-il.", "cp1252"),
        ("As inscrições são até às dez; os campeões pagam três réis.", "cp1252"),
        ("Õhtul on söök külm, päeval soe.", "cp1252"),
        (
            "A csónak díja öt forint, a vitorlásé tizenkettő. A késői érkezést jelenteni kell.",
            "cp1250",
        ),
        ("Smörgås för åtta, 45 kr", "cp1252"),
        ("Zażółć gęślą jaźń, opłata wynosi 40 złotych za każdą noc.", "cp1250"),
        ("Zażółć gęślą jaźń: opłata za łódkę wynosi pięć złotych.", "iso8859-2"),
        ("Плата за ночь составляет сорок евро, дети бесплатно.", "cp1251"),
        ("料金は一泊四十ユーロです。子供は無料です。", "cp932"),
    ],
)
def test_what_is_not_utf8_is_read_and_said(text: str, charset: str) -> None:
    found, remarks = decoded(text.encode(charset))
    assert found == text
    assert len(remarks) == 1
    assert remarks[0].startswith("read as ")


@pytest.mark.parametrize(
    ("label", "text", "codec"),
    [
        ("gb2312", "会费由喆女士收取", "gbk"),  # a sign that GBK has and GB2312 has not
        ("Shift_JIS", "料金①は髙橋", "cp932"),
        ("x-sjis", "料金①は髙橋", "cp932"),
        ("euc-kr", "똠방각하 요금", "cp949"),
        ("latin1", "“quoted” – 40 €", "cp1252"),
        ("utf-16", "Gebühr", "utf-8"),  # it was declared in single bytes
        ("no such charset", "Gebühr", "utf-8"),
        ("undefined", "Gebühr", "utf-8"),
        ("utf-7", "Gebühr +2AA-", "utf-8"),
        ("x-user-defined", "Gebühr", "utf-8"),
        ("hz-gb-2312", "Gebühr", "utf-8"),
        ("\ud800", "Gebühr", "utf-8"),
    ],
)
def test_labels_are_taken_as_browsers_take_them(label: str, text: str, codec: str) -> None:
    assert decoded(text.encode(codec), label) == (text, ())


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_read(charset: str) -> None:
    text = "The fee is 40 euros, or 45 € on Sundays."
    assert decoded(text.encode(charset)) == (text, ("read as UTF-16",))


def test_one_odd_byte_loses_itself_and_is_said() -> None:
    text, remarks = decoded("Ein Gebührenheft für Köln, über 40 Seiten".encode() + b" \xfc.")
    assert text == "Ein Gebührenheft für Köln, über 40 Seiten \ufffd."
    assert remarks == ("1 byte that is not UTF-8 became \ufffd",)
    text, remarks = decoded(b"The fee is 40 euros.\0 It is paid at once, in cash.")
    assert text == "The fee is 40 euros. It is paid at once, in cash."
    assert remarks == ("1 NUL sign was dropped",)


def test_a_binary_file_is_none() -> None:
    with pytest.raises(DocumentUnreadable, match="it is a binary file"):
        decoded(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0")
