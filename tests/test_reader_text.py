"""Tests of the readers of text, RST, CSV and source code. Run: pytest tests/test_reader_text.py"""

from __future__ import annotations

import time

import pytest

from ingest.documents import SUFFIXES, read_document
from ingest.readers import code, delimited, outline, plain, rst
from ingest.readers.content import Content


def text(source: str) -> str:
    return plain.read(source.encode()).text


def titles(content: Content) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in content.headings]


LEASE = """\
LEASE OF A BOATHOUSE

The lease of the boathouse runs for two years from the day of signing. It may be
ended by either side with a notice of three months. Repairs of the roof are paid
by the owner; repairs of
the door are paid by the tenant
unless the door was already
damaged on the first day.

The tenant insures the boats.
"""


def test_wrapped_lines_are_joined() -> None:
    content = plain.read(LEASE.encode())
    assert content.title == "LEASE OF A BOATHOUSE"
    assert "repairs of the door are paid by the tenant unless the door was already damaged" in (
        content.text
    )
    assert content.text.count("\n") == 5


@pytest.mark.parametrize(
    "source",
    [
        "Petra Holm\nMill Lane 3\n4711 Ystad\n",
        "The moon is up,\nThe stars are out,\nThe mill stands still,\nNo soul about.\n",
        "def f(x):\n    return x + 1\nprint(f(2))\n",
        "Name: Petra\nPhone: 12 34\nTown: Ystad\n",
        "- one\n- two\n- three\n",
        "$ pump init --all\n$ pump run --fast\n",
    ],
)
def test_lines_that_are_meant_stay(source: str) -> None:
    assert text(source) == source


def test_list_items_are_joined_to_themselves() -> None:
    source = (
        "1. Open the valve of the tank slowly and wait until the needle of the gauge\n"
        "   stands still.\n2. Close it.\n"
    )
    assert text(source) == (
        "1. Open the valve of the tank slowly and wait "
        "until the needle of the gauge stands still.\n"
        "2. Close it.\n"
    )


def test_a_cut_word_is_made_whole_and_a_hyphen_is_kept() -> None:
    source = (
        "The maintenance of the pump is done by the owner once a year, and the mainte-\n"
        "nance of the well-known engine is done by the maker as it is stated in the well-\n"
        "known list.\n"
    )
    assert "the maintenance of the well-known engine" in text(source)
    assert "in the well-known list." in text(source)


def test_headings_of_text() -> None:
    content = plain.read(
        b"Ferry rules\n===========\n\nFares\n-----\n\n"
        b"A car costs 12.\n\n2.1 Notice\n\nWrite to us.\n\n"
        b"Article 5 Fees\n\nThey are due.\n\nLIABILITY\n\nNone.\n"
    )
    assert [title for _, title in titles(content)] == [
        "Ferry rules",
        "Fares",
        "2.1 Notice",
        "Article 5 Fees",
        "LIABILITY",
    ]
    assert titles(content)[:3] == [(1, "Ferry rules"), (2, "Fares"), (3, "2.1 Notice")]
    assert content.title == "Ferry rules"
    for heading in content.headings:
        assert content.text[heading.start : heading.end].startswith(heading.title)


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("Rules of the mill\n\n§ 1 Noise\n\nNone.\n", "Rules of the mill"),
        ("Minutes, 4 May 2024\n\nAll of the members were present.\n", "Minutes, 4 May 2024"),
        ("CHAPTER I\n\nIt was late.\n", ""),
        ("A first sentence.\n\nAnd a second one.\n", ""),
    ],
)
def test_the_title_of_text(source: str, title: str) -> None:
    assert plain.read(source.encode()).title == title


def test_a_heading_after_a_table_of_contents() -> None:
    content = plain.read(
        b"1. Scope . . . . 2\n2. Boats . . . . 3\n\n"
        b"1. Scope\n\nAll of it.\n\n2. Boats\n\nAll boats.\n"
    )
    assert titles(content) == [(1, "1. Scope"), (1, "2. Boats")]


def test_numbered_clauses_nest() -> None:
    content = plain.read(
        b"TERMS\n\n1. Scope\n\nThey hold for all.\n\n"
        b"1.1 Boats\n\nAll boats.\n\n2. Fees\n\nDue at once.\n"
    )
    assert titles(content) == [(1, "TERMS"), (2, "1. Scope"), (3, "1.1 Boats"), (2, "2. Fees")]


@pytest.mark.parametrize(
    "source",
    ["1. Open it\n\n2. Close it\n\n3. Go\n", "Dear Nils,\n\nthe ferry is late.\n", "Hello\n"],
)
def test_what_is_no_heading(source: str) -> None:
    assert plain.read(source.encode()).headings == ()


def test_running_heads_at_page_breaks_go() -> None:
    pages = [
        f"RFC 99        The Ferry Protocol        May 1990\n\n"
        f"   Line {n} of the text is here and it\n"
        f"   goes on.\n\n   Part {n} ends and\n\nBerg                         [Page {n}]\n\f\n"
        for n in range(1, 5)
    ]
    read = text("".join(pages))
    assert "RFC 99" not in read
    assert "[Page" not in read
    assert "\f" not in read
    assert all(f"Part {n} ends" in read for n in range(1, 5))


def test_a_sentence_over_a_page_break_is_whole() -> None:
    read = text(
        "The ferry leaves the harbour of the town at six in the morning and it comes back to\n"
        "the harbour in\n\fthe evening of the same day, when the last train has left the town\n"
        "long ago.\n"
    )
    assert "comes back to the harbour in the evening of the same day" in read


def test_columns_of_spaces_are_a_table() -> None:
    read = text(
        "Boat      Fee    Seats\nSkiff      30        2\n"
        "Yawl       50        4\nCutter    120       12\n"
    )
    assert read.split("\n")[:3] == [
        "| Boat | Fee | Seats |",
        "| --- | --- | --- |",
        "| Skiff | 30 | 2 |",
    ]


def test_a_box_of_signs_is_a_table() -> None:
    read = text(
        "+------+-----+\n| Boat | Fee |\n+------+-----+\n"
        "| Skiff| 30  |\n| Yawl | 50  |\n+------+-----+\n"
    )
    assert read.split("\n") == [
        "| Boat | Fee |",
        "| --- | --- |",
        "| Skiff | 30 |",
        "| Yawl | 50 |",
        "",
    ]


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("Replaces version 2", "Replaces version 2"),
        ("Version 2.1", "2.1"),
        ("No version 3 here", ""),
    ],
)
def test_a_stated_version(line: str, version: str) -> None:
    assert plain.read(f"Rules\n\n{line}\n\nText of it.\n".encode()).version == version


@pytest.mark.parametrize(
    "source", ["word " * 2_000_000, "a  b  " * 1_000_000, "x-\n" * 300_000, "A\n\n" * 200_000]
)
def test_reading_text_is_linear(source: str) -> None:
    start = time.monotonic()
    assert text(source)
    assert time.monotonic() - start < 20


MANUAL = """\
Tidebook
========

:Author: Nils Berg
:Date: 2024-05-06

Setup
-----

Options
~~~~~~~

The clock [#c]_ runs at 10\\ :sup:`6` ticks, see :class:`~tide.Clock` and |n|.

.. [#c] Not in winter.
.. |n| replace:: forty

.. a comment

.. tip:: Wind it
   weekly.

.. versionadded:: 1.2

.. frobnicate:: Now

   Text of an unknown directive.

Removal
-------

3. Drain
4. Lift

   a. by hand

+-------+-------+
| Boat  | Fee   |
+=======+=======+
| Skiff | 30    |
|       +-------+
|       | 40    |
+-------+-------+

.. include:: /etc/hosts
"""


def test_rst() -> None:
    content = rst.read(MANUAL.encode())
    assert titles(content) == [(1, "Tidebook"), (2, "Setup"), (3, "Options"), (2, "Removal")]
    assert (content.title, content.date) == ("Tidebook", "2024-05-06")
    assert "Author: Nils Berg\n" in content.text
    assert (
        "The clock [1] runs at 10^6 ticks, see Clock and forty.\n\n[1] Not in winter."
        in content.text
    )
    assert "Tip: Wind it weekly." in content.text
    assert "New in version 1.2" in content.text
    assert "Text of an unknown directive." in content.text
    assert "3. Drain\n4. Lift\n  a. by hand" in content.text
    assert "| Skiff | 30 |\n| Skiff | 40 |" in content.text
    assert "localhost" not in content.text
    assert content.remarks == ("1 comment left out",)


def test_rst_names_what_another_program_describes() -> None:
    source = (
        "Clock\n=====\n\n.. autofunction:: tide.wind\n\n..\n\n.. autoclass:: Lamp\n   :members:\n"
    )
    content = rst.read(source.encode())
    assert content.text.split() == ["Clock", "tide.wind", "Lamp"]
    assert content.remarks == ()  # an empty comment is none


def test_a_head_with_an_empty_corner_is_kept() -> None:
    rule = "===== ==== ====\n"
    content = rst.read(f"{rule}      Min  Max\n{rule}Tide  4.3  7.9\n{rule}".encode())
    assert content.text == "|  | Min | Max |\n| --- | --- | --- |\n| Tide | 4.3 | 7.9 |"


def test_options_of_sphinx_lose_no_directive() -> None:
    content = rst.read(
        b".. code-block:: sh\n   :linenos:\n   :caption: Ring\n\n   bell --ring 3\n\n"
        b".. code:: sh\n   :number-lines:\n\n   tug\n\n"
        b".. table:: Bells\n   :width-of: all\n\n   ==== ==\n   Bell kg\n   ==== ==\n"
        b"   Anna 90\n   ==== ==\n"
    )
    assert content.text.split("\n\n")[:3] == ["Ring", "bell --ring 3", "tug"]
    assert "| Anna | 90 |" in content.text
    assert ":" not in content.text


def test_looks_that_docutils_does_not_know_lose_no_table() -> None:
    content = rst.read(
        b".. list-table:: Tides\n   :widths: 20 80 10\n   :header-rows: 1\n\n"
        b"   * - Port\n     - Height\n   * - Bergen\n     - 1.4\n\n"
        b".. figure:: a.png\n   :width: 50 percent\n   :figwidth: image\n\n   The tides of May\n"
    )
    assert "| Bergen | 1.4 |" in content.text
    assert content.text.strip().endswith("The tides of May")
    assert ":" not in content.text


def test_rst_that_is_broken_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    content = rst.read(
        b"A\n=\n\nB\n-\n\n.. image::\n   :oops: 1\n\nC\n=\n\n"
        b"~~~\n\nText *open.\n\n.. table:: x\n\n   no table\n"
    )
    assert "Text *open." in content.text
    assert "no table" in content.text
    assert capsys.readouterr() == ("", "")


def test_csv() -> None:
    content = delimited.read(b'boat;fee\nSkiff;30\n"Yawl; old";50\nragged\n')
    assert (
        content.text
        == "| boat | fee |\n| --- | --- |\n| Skiff | 30 |\n| Yawl; old | 50 |\n| ragged |  |"
    )
    assert [place.name for place in content.places] == ["row 2"]


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ("a,b\n1,2\n", "| a | b |"),
        ("a\tb\n1\t2\n", "| a | b |"),
        ("a|b\n1|2\n", "| a | b |"),
        ("sep=;\na;b\n1;2\n", "| a | b |"),
        ("1,2\n3,4\n", "| 1 | 2 |"),
        ('name,note\nx,"two\nlines"\n', "| name | note |"),
        ("boat;fee\nSkiff;3,50\nYawl;4,50\n", "| boat | fee |"),
    ],
)
def test_delimiters(source: str, first: str) -> None:
    read = delimited.read(source.encode()).text.split("\n")
    assert read[0] == first
    assert (read[1] == "| --- | --- |") is (first != "| 1 | 2 |")


def test_a_long_csv_has_places() -> None:
    start = time.monotonic()
    content = delimited.read(("n,m\n" + "".join(f"a{n},{n}\n" for n in range(200_000))).encode())
    assert time.monotonic() - start < 20
    assert [place.name for place in content.places[:2]] == ["row 2", "row 27"]
    assert content.text[content.places[1].start :].startswith("| a25 | 25 |")


def test_json_on_one_line_gets_lines() -> None:
    assert (
        code.read_json(b'{"fee": 30, "boat": "B\xc3\xa5t"}').text
        == '{\n  "fee": 30,\n  "boat": "Båt"\n}'
    )
    assert code.read_json(b'{"fee": 30').text == '{"fee": 30'
    assert code.read_json(b"[" * 100_000).text == "[" * 100_000


def test_source_code_stays_as_it_is() -> None:
    source = "def f():\n    # no heading\n    return 1\n"
    assert code.read(source.encode()).text == source


@pytest.mark.parametrize(
    "suffix", ".csv .tsv .json .jsonl .yaml .toml .ini .py .sql .log .rst .mdx".split()
)
def test_the_common_kinds_are_read(suffix: str) -> None:
    assert suffix in SUFFIXES
    assert "30" in read_document(f"a{suffix}", b"fee,thirty\nx,30\n").text


def test_asciidoc() -> None:
    content = outline.read_asciidoc(
        b"= Ferry rules\nNils Berg\n:revdate: 2024-05-06\n"
        b":toc:\n\n// a comment\n[[fares]]\n== Fares\n\n"
        b"A car on the ferry costs 12 euros, and\n"
        b"https://x.y/z[a bus] costs more.\n\n----\n== none\n----\n"
    )
    assert titles(content) == [(1, "Ferry rules"), (2, "Fares")]
    assert (content.title, content.date) == ("Ferry rules", "2024-05-06")
    assert "A car on the ferry costs 12 euros, and a bus costs more." in content.text
    assert "comment" not in content.text
    assert "----\n== none\n----" in content.text
    assert content.remarks == ("1 comment left out",)


def test_org() -> None:
    content = outline.read_org(
        b"#+TITLE: Ferry rules\n#+DATE: 2024-05-06\n"
        b"#+STARTUP: fold\n\n* Fares\n:PROPERTIES:\n:ID: 7\n:END:\n"
        b"See [[https://x.y][the list]].\n\n** TODO Buses :big:\n\n"
        b"#+BEGIN_SRC sh\n* none\n#+END_SRC\n"
    )
    assert titles(content) == [(1, "Fares"), (2, "TODO Buses")]
    assert (content.title, content.date) == ("Ferry rules", "2024-05-06")
    assert "See the list." in content.text
    assert ":ID:" not in content.text
    assert "* none" in content.text
