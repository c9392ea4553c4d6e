"""Reading PDF: `pytest tests/test_reader_pdf.py`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from samples import Shown, drawn_pdf, lined

from ingest.errors import DocumentUnreadable
from ingest.readers import ocr, pdf
from ingest.readers.content import Content
from ingest.readers.pdf_chars import _reads_as_words


def text_of(*shown: Shown | str) -> str:
    return pdf.read(drawn_pdf([shown])).text


def titles(content: Content) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in content.headings]


def cells(
    rows: Sequence[tuple[str, ...]], lefts: tuple[float, ...], by_columns: bool
) -> list[Shown]:
    placed = [
        (lefts[column], 500 - 16.0 * line, 11.0, text)
        for line, row in enumerate(rows)
        for column, text in enumerate(row)
    ]
    return sorted(placed, key=lambda item: (item[0], -item[1])) if by_columns else placed


ROWS = [
    ("Hull", "Length", "Crew"),
    ("Aino", "310.05", "4"),
    ("Otso", "12.5", "7"),
    ("Ilo", "9", "2"),
]
TABLE = "| Hull | Length | Crew |\n| --- | --- | --- |\n| Aino | 310.05 | 4 |\n| Otso | 12.5 | 7 |"


@pytest.mark.parametrize("by_columns", [False, True])
@pytest.mark.parametrize("lefts", [(40, 140, 240), (40, 90, 135), (40, 200, 380)])
def test_cells_are_rows_however_they_are_drawn(lefts: tuple[float, ...], by_columns: bool) -> None:
    assert text_of(*cells(ROWS, lefts, by_columns)).startswith(TABLE)


def test_figures_of_neighbours_are_not_glued() -> None:
    """Two cells with less than a type size between them, and no other row."""
    assert text_of((40, 500, 11, "Screw 400.01"), (112, 500, 11, "3")) == "Screw 400.01 3"


def test_a_first_row_of_figures_is_no_head() -> None:
    text = text_of(*cells(ROWS[1:], (40, 140, 240), False))
    assert text.splitlines()[0] == "| Aino | 310.05 | 4 |"
    assert "---" not in text


def test_a_cell_of_two_lines_stays_in_its_row() -> None:
    rows = cells(
        [
            ("Boat", "Berth"),
            ("Aino", "north pier"),
            ("Otso", "south pier,"),
            ("", "outer side"),
            ("Ilo", "dry dock 3"),
        ],
        (40, 140),
        False,
    )
    shown = [(x, y + (3 if y == 452 else 0), size, text) for x, y, size, text in rows if text]
    assert "| Otso | south pier, outer side |" in text_of(*shown)


def test_a_ruled_table_with_spans() -> None:
    lines = [f"40 {y} m 340 {y} l S" for y in (500, 440, 420, 400)]
    lines += ["140 480 m 340 480 l S", "140 460 m 340 460 l S", "40 460 m 140 460 l S"]
    lines += [f"{x} 400 m {x} 500 l S" for x in (40, 140, 340)] + ["240 400 m 240 480 l S"]
    words: list[Shown] = [
        (60, 485, 10, "Port"),
        (200, 485, 10, "Shipped"),
        (150, 465, 10, "2023"),
        (250, 465, 10, "2024"),
        (60, 445, 10, "Oulu"),
        (150, 445, 10, "41"),
        (250, 445, 10, "52"),
        (60, 425, 10, "Pori"),
        (150, 425, 10, "17"),
        (250, 425, 10, "23"),
        (60, 405, 10, "Rauma"),
        (150, 405, 10, "8"),
        (250, 405, 10, "11"),
    ]
    assert text_of(*lines, *words) == (
        "| Port | Shipped 2023 | Shipped 2024 |\n| --- | --- | --- |\n"
        "| Oulu | 41 | 52 |\n| Pori | 17 | 23 |\n| Rauma | 8 | 11 |"
    )


def test_a_table_goes_on_over_a_page_without_its_head() -> None:
    pages = [
        cells(
            [ROWS[0], *((f"Boat {n}{page}", f"{n + page}.5", "2") for n in range(4))],
            (40, 140, 240),
            False,
        )
        for page in range(3)
    ]
    content = pdf.read(drawn_pdf(pages))
    assert content.text.count("Length") == content.text.count("---") // 3 == 1
    assert "| Boat 30 | 3.5 | 2 |\n| Boat 01 | 1.5 | 2 |" in content.text
    assert content.text[content.pages[1] :].startswith("| Boat 01")


PROSE = [
    "The keeper takes in every lamp by the first of May and re-",
    "turns it in autumn. A long-term loan needs a second-",
    "hand permit, and the reimburse-",
    "ment of 1990-",
    "2000 is over. Pay the long-",
    "term fee, then return the lamp.",
]


def test_hyphens_of_line_ends_go_and_real_ones_stay() -> None:
    assert text_of(*lined(40, 500, PROSE)) == (
        "The keeper takes in every lamp by the first of May and returns it in autumn. A long-term"
        " loan needs a second-hand permit, and the reimbursement of 1990-2000 is over. Pay the"
        " long-term fee, then return the lamp."
    )


def test_paragraphs_end_where_space_indent_or_a_short_line_says() -> None:
    first = ["This paragraph runs on over two whole lines of the page, and", "then it ends."]
    second = ["Another begins without a gap and fills its own first line as", "well as can be."]
    spaced = [*lined(40, 500, first), *lined(40, 460, second)]
    tight = lined(40, 500, [*first, *second])
    drawn_in = [(x + 15 * (n in (0, 2)), y, s, t) for n, (x, y, s, t) in enumerate(tight)]
    for shown in (spaced, tight, drawn_in):
        assert text_of(*shown) == f"{' '.join(first)}\n\n{' '.join(second)}"


def test_list_items_and_steps_stay_lines() -> None:
    shown = [
        *lined(40, 500, ["Before you sail away from the harbour in the morning:"]),
        *lined(40, 480, ["\x95 look at the weather", "\x95 fill the tank"]),
        *lined(60, 452.5, ["\x95 with diesel"]),
        *lined(
            40,
            420,
            [
                "1. Open valve B and wait until the needle of the gauge",
                "    stands still.",
                "2. Close valve A.",
            ],
        ),
    ]
    assert text_of(*shown) == (
        "Before you sail away from the harbour in the morning:\n\n"
        "- look at the weather\n- fill the tank\n  - with diesel\n"
        "1. Open valve B and wait until the needle of the gauge stands still.\n2. Close valve A."
    )


@pytest.mark.parametrize(
    ("words", "raised", "goes_on", "text"),
    [
        ("It holds 10", "6", "cells", "It holds 10^6 cells"),
        ("An area of 340 km", "2", "in all", "An area of 340 km^2 in all"),
        ("A speed of 4 m s", "-1", "at sea", "A speed of 4 m s^-1 at sea"),
        ("It was founded", "3", "by Elin", "It was founded [3] by Elin"),
        ("It was founded in 1962", "3", "by Elin", "It was founded in 1962 [3] by Elin"),
        ("The town.", "1,2", "So it is", "The town. [1,2] So it is"),
        ("The town.", "1, 2", "So it is", "The town. [1, 2] So it is"),
        ("The 4", "th", "of May", "The 4th of May"),
    ],
)
def test_raised_figures(words: str, raised: str, goes_on: str, text: str) -> None:
    shown = (
        f"BT /F1 12 Tf 40 500 Td ({words}) Tj /F1 7 Tf 5 Ts ({raised}) Tj"
        f" /F1 12 Tf 0 Ts ( {goes_on}) Tj ET"
    )
    assert text_of(shown) == text


def test_a_unit_with_a_power_goes_on_with_a_stroke() -> None:
    shown = (
        "BT /F1 12 Tf 40 500 Td (A flow of 4 m) Tj /F1 7 Tf 5 Ts (3) Tj /F1 12 Tf 0 Ts (/s, 10) Tj"
        " /F1 7 Tf 5 Ts (3) Tj /F1 12 Tf 0 Ts (/h, 2) Tj /F1 7 Tf 5 Ts (1) Tj /F1 12 Tf 0 Ts (/) Tj"
        " /F1 7 Tf (2) Tj ET"
    )
    assert text_of(shown) == "A flow of 4 m^3/s, 10^3/h, 2 1/2"


def test_lowered_figures_stay() -> None:
    shown = "(H) Tj /F1 8 Tf -3 Ts (2) Tj /F1 12 Tf 0 Ts (O) Tj"
    assert text_of(f"BT /F1 12 Tf 40 500 Td {shown} ET") == "H2O"


@pytest.mark.parametrize("line", ["40 503.5 m 102 503.5 l S", "40 503 62 0.8 re f"])
def test_struck_out_words_are_marked(line: str) -> None:
    assert text_of((40, 500, 12, "old price 30 new price 25"), line).startswith(
        "~~old price 30~~ new"
    )


def test_underlined_words_are_not_struck_out() -> None:
    assert text_of((40, 500, 12, "a link"), "40 498.5 m 80 498.5 l S") == "a link"


def report(pages: int, body: list[list[str]]) -> bytes:
    return drawn_pdf(
        [
            [
                (40, 570, 9, "Harbour rules 2023"),
                *lined(40, 520, body[n]),
                (200, 30, 9, f"Page {n + 1} of {pages}"),
            ]
            for n in range(pages)
        ]
    )


BODY = [
    [
        "Every boat is taken out by the last day of October. Whoever comes",
        "later than this day of the year loses the right to a",
    ],
    [
        "berth by the outer pier. The keeper notes the day in the great",
        "book of the harbour. It is kept in the reim-",
    ],
    ["bursement office near the bridge."],
]


def test_a_sentence_over_a_page_break_is_whole() -> None:
    content = pdf.read(report(3, BODY))
    assert "loses the right to a berth by the outer pier." in content.text
    assert content.text.endswith("in the reimbursement office near the bridge.")
    assert [content.text[start:][:9] for start in content.pages] == [
        "Every boa",
        "berth by ",
        "bursement",
    ]
    assert content.remarks == (
        '2 running heads and feet left out: "Harbour rules 2023", "Page 1 of 3"',
    )


def test_lines_that_differ_by_figures_stay_when_they_are_the_text() -> None:
    pages = [
        lined(40, 560, [f"Berth {n + 9 * page} is free" for n in range(9)]) for page in range(4)
    ]
    assert pdf.read(drawn_pdf(pages)).text.count("Berth") == 36


def test_columns_are_read_one_after_the_other() -> None:
    left = [f"left line {n} of the first column" for n in range(8)]
    right = [f"right line {n} of the other column" for n in range(8)]
    both = [
        item
        for pair in zip(lined(40, 500, left, 9), lined(220, 500, right, 9), strict=True)
        for item in pair
    ]
    text = text_of((40, 540, 16, "One headline that stands across the page"), *both)
    assert text.index("left line 7") < text.index("right line 0")
    assert text.startswith("One headline") and "|" not in text


def test_columns_stay_apart_under_a_figure_and_a_table() -> None:
    """A table's cells lie near the gutter, a figure's labels in a column, a line in the gutter."""
    left = [f"left line {n} of the first long column" for n in range(24)]
    right = [f"right line {n} of the other column" for n in range(14)]
    labels = [(230 + 25 * (n % 5), 440 - 10 * (n // 5), 6, f"x{n}") for n in range(40)]
    table = [
        (x, 560 - 12 * line, 9, text)
        for line in range(6)
        for x, text in ((40, "Single"), (90, "Retriever of a kind"), (230, "41.5"), (290, "56.8"))
    ]
    left[9] += " stands"
    shown = [
        *table,
        (40, 470, 9, "Table 1: a caption that stands across the whole page and over both columns"),
        *lined(40, 450, left, 9),
        *labels,
        *lined(215, 450 - 10 * 11.25, right, 9),
    ]
    text = text_of(*shown)
    assert "first long column left line" in text.replace("\n", " ")
    assert text.index("left line 23") < text.index("right line 0")
    assert "| Single | Retriever of a kind | 41.5 | 56.8 |" in text


def test_headings_by_type() -> None:
    content = pdf.read(
        drawn_pdf(
            [
                [
                    (40, 550, 20, "Bakery manual"),
                    (40, 520, 14, "1 Oven"),
                    (40, 500, 11, "*Heating"),
                    *lined(40, 484, ["Heat it for two hours before the first loaf goes in."]),
                    (40, 455, 14, "2 Mixer"),
                    (40, 435, 11, "*Heating"),
                    *lined(40, 419, ["The mixer is never heated by anyone at any time."]),
                ]
            ],
            info="/Title (Microsoft Word - bakery3.doc) /CreationDate (D:20240229101500Z)",
        )
    )
    assert titles(content) == [
        (1, "Bakery manual"),
        (2, "1 Oven"),
        (3, "Heating"),
        (2, "2 Mixer"),
        (3, "Heating"),
    ]
    assert (content.title, content.date) == ("Bakery manual", "2024-02-29")


def test_a_heading_stands_over_a_table_too() -> None:
    text = (40, 560, 11, "The boats lie at the northern pier, and are hired by the day.")
    heading = (40, 530, 16, "Boats")
    content = pdf.read(drawn_pdf([[text, heading, *cells(ROWS, (40, 140, 240), False)]]))
    assert titles(content) == [(1, "Boats")]


def test_numbers_tell_levels_apart() -> None:
    shown = [
        (40.0, 540.0, 13.0, "*1 Costs"),
        *lined(40, 520, ["A year costs nine euros for all who are members here."]),
        (40, 490, 13, "*1.1 Fees"),
        *lined(40, 470, ["The fee is due in March, and nobody is let off it."]),
    ]
    assert titles(pdf.read(drawn_pdf([shown]))) == [(1, "1 Costs"), (2, "1.1 Fees")]


@pytest.mark.parametrize(
    "title",
    [
        "untitled",
        "Untitled spreadsheet",
        "Microsoft Word - a.doc",
        "Document1",
        "report.docx",
        "PowerPoint Presentation",
        "Presentación de PowerPoint",
        "Layout 1",
        "C:/My files/report.qxd",
        "(anonymous)",
        "https://example.org/rooms?id=3",
        "index",
        "",
    ],
)
def test_titles_that_programs_leave(title: str) -> None:
    escaped = title.replace("(", "\\(").replace(")", "\\)")
    assert pdf.read(drawn_pdf([[(40, 500, 11, "Text.")]], info=f"/Title ({escaped})")).title == ""


FORM = "/AcroForm << /Fields [FIELDS] /DA (/Helv 12 Tf) >>"
WIDGET = "/Type /Annot /Subtype /Widget /F 4"


def test_form_values_stand_at_their_labels() -> None:
    content = pdf.read(
        drawn_pdf(
            [
                [
                    (40, 500, 12, "Owner:"),
                    (40, 470, 12, "Deposit:"),
                    (40, 440, 12, "Insured:"),
                    (40, 410, 12, "Moored:"),
                    (40, 380, 12, "Colour:"),
                    (40, 350, 12, "Secret:"),
                ]
            ],
            annotations=[
                f"<< {WIDGET} /FT /Tx /T (a) /V (Aada Virta) /Rect [120 494 300 512] >>",
                f"<< {WIDGET} /FT /Tx /T (b) /V (250 euros) /Rect [120 464 300 482] >>",
                f"<< {WIDGET} /FT /Btn /T (c) /V /Yes /AS /Yes /Rect [120 438 134 452] >>",
                f"<< {WIDGET} /FT /Btn /T (d) /V /Off /AS /Off /Rect [120 408 134 422] >>",
                f"<< {WIDGET} /FT /Ch /Ff 131072 /T (e) /Opt [(red) (blue)] /V (blue)"
                " /Rect [120 374 300 392] >>",
                f"<< {WIDGET} /FT /Tx /Ff 8192 /T (f) /V (hunter2) /Rect [120 344 300 362] >>",
            ],
            catalog=FORM,
        )
    )
    assert content.text == (
        "Owner: Aada Virta\nDeposit: 250 euros\nInsured: [x]\nMoored: [ ]\nColour: blue\n\nSecret:"
    )


def test_comments_are_counted_and_struck_out_marks_obeyed() -> None:
    content = pdf.read(
        drawn_pdf(
            [[(40, 500, 12, "The fee is 30 now 25 euros.")]],
            annotations=[
                "<< /Type /Annot /Subtype /Text /Rect [300 500 320 520] /Contents (why?) >>",
                "<< /Type /Annot /Subtype /StrikeOut /Rect [95 497 111 511]"
                " /QuadPoints [95 511 111 511 95 497 111 497] >>",
            ],
        )
    )
    assert content.text == "The fee is ~~30~~ now 25 euros."
    assert content.remarks == ("1 comment left out",)


CODES = "".join(f"/g{n} " for n in range(1, 31))
UNMAPPED = (
    "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1000 1000] /FontMatrix [.001 0 0 .001 0 0]"
    f" /FirstChar 1 /LastChar 30 /Widths [{'600 ' * 30}] /Encoding << /Type /Encoding"
    f" /Differences [1 {CODES}] >> /CharProcs << >> >>"
)


def test_a_text_layer_without_letters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "available", lambda: False)
    shown = "BT /F1 12 Tf 40 500 Td <070d0b010f0b08130b010b100a1301111001> Tj ET"
    with pytest.raises(DocumentUnreadable, match="its letters cannot be read, which needs OCR"):
        pdf.read(drawn_pdf([[shown]], font=UNMAPPED))


def test_pages_that_need_ocr_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "available", lambda: False)
    picture = "300 0 0 300 50 100 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI"
    unread = "BT /F1 12 Tf 40 500 Td <070d0b010f0b08130b010b100a1301111001> Tj ET"
    words = "BT /F2 12 Tf 40 500 Td (Some text) Tj ET"
    content = pdf.read(drawn_pdf([[words], [picture], [unread], [words, picture]], font=UNMAPPED))
    assert content.remarks == (
        f"1 page left out whose letters cannot be read, which needs OCR: {ocr.COMMAND}",
        f"1 page without text, which needs OCR: {ocr.COMMAND}",
        "1 picture without text",
    )


def test_a_turned_page_reads_as_it_is_seen() -> None:
    shown = "0 1 -1 0 0 0 cm BT /F1 12 Tf 40 -300 Td (Sideways but) Tj 0 -15 Td (legible.) Tj ET"
    for turn in (0, 90):
        data = drawn_pdf([[shown]], page=f"/MediaBox [0 0 420 595] /Rotate {turn}")
        assert pdf.read(data).text.split() == ["Sideways", "but", "legible."]


def test_half_a_surrogate_in_the_properties_is_no_title() -> None:
    data = drawn_pdf([[(40, 500, 11, "Hello.")]], info="/Title <FEFFD8000041>")
    assert pdf.read(data).title == "A"


def test_a_version_is_kept() -> None:
    shown = [
        (40.0, 550.0, 18.0, "Lock rules"),
        (40, 530, 11, "Replaces version 2"),
        *lined(40, 490, ["The lock opens at nine in the morning every day."]),
    ]
    assert pdf.read(drawn_pdf([shown])).version == "Replaces version 2"


def test_rows_that_no_line_parts_are_told_by_their_figures() -> None:
    lines = [f"40 {y} m 340 {y} l S" for y in (500, 480, 420)]
    lines += [f"{x} 420 m {x} 500 l S" for x in (40, 140, 240, 340)]
    words: list[Shown] = [
        (column, y, 10, text)
        for column, texts in (
            (50, ("Month", "May", "June", "July")),
            (150, ("Boats", "31", "44", "52")),
            (250, ("Fee", "7.50", "8", "8")),
        )
        for y, text in zip((485, 465, 447, 429), texts, strict=True)
    ]
    assert text_of(*lines, *words).splitlines()[2:] == [
        "| May | 31 | 7.50 |",
        "| June | 44 | 8 |",
        "| July | 52 | 8 |",
    ]


def test_small_figures_close_together_are_cells_of_their_own() -> None:
    rows = [("Pump", "2", "7.5"), ("Hose", "9", "13.25"), ("Nozzle", "1", "0.8")]
    assert text_of(*cells(rows, (40, 100, 112), False)) == (
        "| Pump | 2 | 7.5 |\n| Hose | 9 | 13.25 |\n| Nozzle | 1 | 0.8 |"
    )


def dot(x: float, y: float) -> str:
    curves = f"{x} {y + 3} {x + 4} {y + 3} {x + 4} {y} c {x + 4} {y - 1} {x} {y - 1} {x} {y} c"
    return f"{x} {y} m {curves} f"


def test_list_signs_that_are_drawn_are_list_signs() -> None:
    shown = [*lined(60, 500, ["Charge the lamp", "Test it"]), *lined(80, 472.5, ["in the dark"])]
    dots = [dot(50, 503), dot(50, 489.25), dot(70, 475.5)]
    assert text_of(*shown, *dots) == "- Charge the lamp\n- Test it\n  - in the dark"


def test_heads_that_change_with_the_chapter_are_left_out() -> None:
    names = ["Fires", "Fires", "Smoke", "Smoke", "Wood", "Wood"]
    pages = [
        [
            (40.0, 570.0, 9.0, f"Chapter of {name}"),
            (380.0, 570.0, 9.0, str(17 + n)),
            *lined(40, 480, [f"What {name} {'abcdef'[n]} is about stands on this very page here."]),
        ]
        for n, name in enumerate(names)
    ]
    content = pdf.read(drawn_pdf(pages))
    assert "Chapter" not in content.text
    assert content.text.count("stands on this very page") == 6


def test_heads_that_change_from_left_to_right_are_left_out() -> None:
    halves = [
        "The wheel of the mill is mended in the dry month by",
        "the miller and is oiled at dawn of each day by the",
        "youngest apprentice of the house, who gets a",
        "candle of tallow for it and keeps the grease that the",
        "butcher of the village brings down to the mill for",
        "the wheel and for both of the stones that it drives.",
    ]
    heads = ["The weir", "Mill book", "The weir", "Mill book", "The wheel", "Mill book"]
    feet = ["Draft | vi", "vii | Draft", "Draft | viii", "ix | Draft", "Draft | x", "xi | Draft"]
    pages = [
        [
            (40.0 + 200 * (n % 2), 570.0, 9.0, head),
            (40.0, 520.0, 11.0, half),
            (40.0 + 200 * (n % 2), 30.0, 9.0, foot),
        ]
        for n, (head, half, foot) in enumerate(zip(heads, halves, feet, strict=True))
    ]
    text = pdf.read(drawn_pdf(pages)).text
    assert " ".join(text.split()) == " ".join(halves)
    assert "gets a candle of tallow" in text


def test_titles_of_slides_stay() -> None:
    names = ["Fires", "Smoke", "Fires", "Smoke", "Wood"]
    pages = [[(40.0, 570.0, 14.0, name), (40.0, 500.0, 11.0, f"All on {name}.")] for name in names]
    text = pdf.read(drawn_pdf(pages)).text
    assert [text.count(name) for name in ("Fires", "Smoke", "Wood")] == [4, 4, 2]


def test_clauses_that_count_up_are_headings() -> None:
    shown = [
        *lined(40, 540, ["1. Scope"]),
        *lined(40, 515, ["These rules hold for all members and for their guests."]),
        *lined(40, 480, ["2. Heating"]),
        *lined(40, 455, ["The stove is lit at four in the afternoon by the warden."]),
    ]
    assert titles(pdf.read(drawn_pdf([shown]))) == [(1, "1. Scope"), (1, "2. Heating")]


def test_steps_are_no_headings() -> None:
    shown = lined(40, 540, ["1. Open the valve", "2. Wait for the bell", "3. Close the valve"])
    content = pdf.read(drawn_pdf([shown]))
    assert content.headings == ()
    assert content.text.splitlines() == [line for _, _, _, line in shown]


def test_words_that_are_drawn_twice_for_a_shadow_are_read_once() -> None:
    assert text_of((40, 500, 12, "Shadow play"), (40.9, 499.6, 12, "Shadow play")) == "Shadow play"


def test_leaders_to_page_numbers_are_short() -> None:
    shown = lined(40, 500, [f"Chapter {n} {'.' * 40} {n * 7}" for n in (1, 2, 3)])
    assert text_of(*shown).splitlines()[1] == "Chapter 2 ... 14"


def test_a_decimal_at_a_lines_begin_is_no_item() -> None:
    lines = [
        "The pool is as long as the rules of the federation want it to be,",
        "12.5 metres, and 3 deep.",
    ]
    assert text_of(*lined(40, 500, lines)) == " ".join(lines)


@pytest.mark.parametrize("size", [7, 12])
def test_a_mark_that_is_drawn_by_itself_stays_in_its_line(size: int) -> None:
    shown = [
        (40.0, 500.0, 12.0, "It was founded"),
        (121, 504.5, size, "3"),
        (131, 500, 12, "here."),
    ]
    assert text_of(*shown, (40, 485, 12, "It is closed.")).startswith("It was founded [3] here.")


def test_a_cell_over_the_whole_table_is_its_caption() -> None:
    lines = [f"40 {y} m 240 {y} l S" for y in (500, 480, 460, 440)]
    lines += [f"{x} 440 m {x} 500 l S" for x in (40, 240)] + ["140 440 m 140 480 l S"]
    words: list[Shown] = [
        (60, 485, 10, "Boats of the harbour"),
        (60, 465, 10, "Boat"),
        (150, 465, 10, "Crew"),
        (60, 445, 10, "Aino"),
        (150, 445, 10, "4"),
    ]
    assert text_of(*lines, *words) == (
        "Boats of the harbour\n\n| Boat | Crew |\n| --- | --- |\n| Aino | 4 |"
    )


def test_rows_in_one_box_under_a_ruled_head_stay_rows() -> None:
    rules = "40 500 m 400 500 l S 40 480 m 400 480 l S 40 400 m 400 400 l S 40 400 m 40 500 l S"
    rules += " 200 480 m 200 500 l S 300 480 m 300 500 l S 400 400 m 400 500 l S"
    rows = [("Notice", "", "45.93"), ("Proof", "1", "0.75"), ("Paper", "2", "3.50")]
    rows = [("Item", "Count", "Price"), *rows, ("Stamp", "4", "9.34"), ("All", "", "56.02")]
    shown = [
        (x, 485 - 15 * line, 9, cell)
        for line, row in enumerate(rows)
        for x, cell in zip((45, 205, 305), row, strict=True)
        if cell
    ]
    text = text_of(*shown, rules)
    assert "| Proof | 1 | 0.75 |\n| Paper | 2 | 3.50 |" in text
    assert text.count("56.02") == 1


def test_a_letter_that_reaches_over_a_narrow_blank_ends_its_word() -> None:
    assert text_of("BT /F1 11 Tf -2.4 Tw 40 500 Td (half for all) Tj ET").startswith("half for")


def test_accents_that_are_drawn_by_themselves_join_their_letters() -> None:
    """As TeX does with fonts that have no accented letters."""
    after = r"BT /F1 11 Tf 40 500 Td [(prote) 445 (\264) 112 (ge) 445 (\264) 112 (s)] TJ ET"
    before = r"BT /F1 11 Tf 40 470 Td [(K\250) 445 (olner fish)] TJ ET"
    text = text_of(after, before)
    assert "prot\u00e9g\u00e9s" in text
    assert "K\u00f6lner fish" in text


def test_a_box_around_text_is_no_table() -> None:
    frame = [f"30 {y} m 390 {y} l S" for y in (520, 400)]
    frame += [f"{x} 400 m {x} 520 l S" for x in (30, 390)]
    lines = ["Never open the hatch while the boat is under way, for the", "water comes in at once."]
    assert text_of(*frame, *lined(40, 500, lines)) == " ".join(lines)


@pytest.mark.parametrize(
    ("signs", "told"),
    [
        ("Aux-LossBasedLayer9Wikipedia(en)Github1234567890", True),
        ("1234567890", True),
        ("ZlnlsdgldJlwkxeWkhIhhLvSdlgLqFdvk", False),  # each letter is another
        ("\x80\x81%&$#!/*+?;:,<>=", False),
    ],
)
def test_signs_without_a_map_are_read_where_they_make_words(signs: str, told: bool) -> None:
    assert _reads_as_words([*signs]) is told
