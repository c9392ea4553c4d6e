"""Tests of the readers of PPTX, XLSX, ODT, ODS and RTF. Run: pytest tests/test_reader_office.py"""

from __future__ import annotations

import datetime
import io
import random
import re
import time
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from office import archive, odf

from ingest.documents import Document, read_document
from ingest.errors import DocumentUnreadable
from ingest.readers import package, xlsx
from ingest.readers.runs import joined


def saved(file: Any) -> bytes:
    stream = io.BytesIO()
    file.save(stream)
    return stream.getvalue()


def places(document: Document) -> list[tuple[str, str]]:
    """Return each place, and the line that stands there."""
    return [(p.name, document.text[p.start :].partition("\n")[0]) for p in document.places]


def titles(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


# PPTX


def slides() -> Any:
    from pptx import Presentation

    file = Presentation()
    file.core_properties.title = "PowerPoint Presentation"
    first = file.slides.add_slide(file.slide_layouts[0])
    first.shapes.title.text = "Boat rental"
    second = file.slides.add_slide(file.slide_layouts[1])
    second.shapes.title.text = "Fees"
    frame = second.placeholders[1].text_frame
    frame.text = "Canoe"
    for text, level in (("12 euros an hour", 1), ("Kayak", 0)):
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    second.notes_slide.notes_text_frame.text = "Say that children pay half."
    return file


def box(slide: Any, left: float, top: float, text: str) -> Any:
    from pptx.util import Inches

    shape = slide.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
    shape.text_frame.text = text
    return shape


def test_slides() -> None:
    document = read_document("a.pptx", saved(slides()))
    assert document.text == (
        "Boat rental\n\nFees\n\n- Canoe\n  - 12 euros an hour\n- Kayak\n\n"
        "Notes: Say that children pay half."
    )
    assert titles(document) == [(0, "Boat rental"), (1, "Fees")]
    assert places(document) == [("slide 1", "Boat rental"), ("slide 2", "Fees")]
    assert (document.title, document.date) == ("Boat rental", "")


def test_shapes_of_a_slide_in_reading_order() -> None:
    from PIL import Image

    file = slides()
    slide = file.slides.add_slide(file.slide_layouts[6])
    box(slide.shapes, 5, 1.02, "right top")
    box(slide.shapes, 1, 5, "bottom")
    box(slide.shapes, 1, 1, "left top")
    group = slide.shapes.add_group_shape()
    box(group.shapes, 4, 3, "group right")
    box(group.shapes, 1, 3, "group left")
    run = slide.shapes[1].text_frame.paragraphs[0].add_run()
    run.text = "2"
    run.font._element.set("baseline", "30000")
    picture = io.BytesIO()
    Image.new("RGB", (2, 2)).save(picture, "png")
    slide.shapes.add_picture(picture, 0, 0)
    document = read_document("a.pptx", saved(file))
    assert document.text.partition("Slide 3\n\n")[2].split("\n\n") == [
        "left top",
        "right top",
        "group left",
        "group right",
        "bottom [2]",
    ]
    assert document.remarks == ("1 picture without text",)
    assert titles(document)[2] == (1, "Slide 3")


def test_tables_and_charts_of_slides() -> None:
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    file = slides()
    slide = file.slides.add_slide(file.slide_layouts[6])
    table = slide.shapes.add_table(3, 3, 0, 0, 900, 900).table
    rows = (("Boat", "Seats", ""), ("Canoe", "2", "3"), ("", "4", "5"))
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(1, 0).merge(table.cell(2, 0))
    data = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["May", "June"]
    data.add_series("Trips", (10, 20.5))  # type: ignore[no-untyped-call]
    slide.shapes.add_chart(XL_CHART_TYPE.LINE, 0, 3_000_000, 900, 900, data)
    assert read_document("a.pptx", saved(file)).text.partition("Slide 3\n\n")[2] == (
        "| Boat | Seats | Seats |\n| --- | --- | --- |\n| Canoe | 2 | 3 |\n| Canoe | 4 | 5 |\n\n"
        "|  | Trips |\n| --- | --- |\n| May | 10 |\n| June | 20.5 |"
    )


# XLSX


def workbook(*rows: Sequence[Any], name: str = "Prices") -> Any:
    import openpyxl

    file = openpyxl.Workbook()
    sheet = file.active
    assert sheet is not None
    sheet.title = name
    for row in rows:
        sheet.append(list(row))
    return file


def test_sheets() -> None:
    file = workbook(
        ["Price list", None, None],
        ["Tree", "Planted", "Price"],
        ["Oak", datetime.date(2024, 5, 1), 0.1 + 0.2],
        ["Elm", datetime.datetime(2024, 5, 1, 14, 30), 12.5],
        ["Ash", None, 0.125],
        [],
        ["Sum", "of all", "=SUM(C3:C5)"],
    )
    sheet = file.active
    sheet.merge_cells("A1:C1")
    sheet["C4"].number_format = '#,##0.00 "€"'
    sheet["C5"].number_format = "0.0%"
    file.create_sheet("Empty")
    file.create_sheet("Hidden").sheet_state = "hidden"
    file["Hidden"]["B2"] = "Only this"
    document = read_document("a.xlsx", saved(file))
    assert document.text == (
        "Prices\n\nPrice list\n\n"
        "| Tree | Planted | Price |\n| --- | --- | --- |\n| Oak | 2024-05-01 | 0.3 |\n"
        "| Elm | 2024-05-01 14:30 | 12.50 € |\n| Ash |  | 12.5% |\n\n"
        "| Sum | of all |\n\nHidden\n\nOnly this"
    )
    assert titles(document) == [(1, "Prices"), (1, "Hidden")]
    assert places(document)[:3] == [
        ("sheet Prices", "Prices"),
        ("sheet Prices, row 1", "Price list"),
        ("sheet Prices, row 2", "| Tree | Planted | Price |"),
    ]
    assert document.remarks == ("1 formula without a value", "1 hidden sheet read as well")


def test_merged_cells_and_heads_of_two_rows() -> None:
    file = workbook(
        ["Room", "2023", None], [None, "let", "free"], ["Hall", 3, 4], [None, 5, 6], [1, 2, 3]
    )
    for merged in ("B1:C1", "A1:A2", "A3:A4"):
        file.active.merge_cells(merged)
    assert read_document("a.xlsx", saved(file)).text == (
        "Prices\n\n| Room | 2023 let | 2023 free |\n| --- | --- | --- |\n"
        "| Hall | 3 | 4 |\n| Hall | 5 | 6 |\n| 1 | 2 | 3 |"
    )


def test_rows_of_long_sheets_have_places() -> None:
    document = read_document("a.xlsx", saved(workbook(["n", "m"], *([n, "x"] for n in range(60)))))
    assert places(document) == [
        ("sheet Prices", "Prices"),
        ("sheet Prices, row 1", "| n | m |"),
        ("sheet Prices, row 27", "| 25 | x |"),
        ("sheet Prices, row 52", "| 50 | x |"),
    ]


def test_tables_of_figures_have_no_head() -> None:
    text = read_document("a.xlsx", saved(workbook(["Oak", 3.5], ["Elm", 4]))).text
    assert text == "Prices\n\n| Oak | 3.5 |\n| Elm | 4 |"
    years = read_document("a.xlsx", saved(workbook(["Tree", 2023, 2024], ["Elm", 4, 5]))).text
    assert "| Tree | 2023 | 2024 |\n| --- |" in years


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (1234.5, "General", "1234.5"),
        (3.0, "General", "3"),
        (0.30000000000000004, "General", "0.3"),
        (1234567.5, "[$$-409]#,##0.00", "$1,234,567.50"),
        (-5.25, '0.00;[Red]"-"0.00', "-5.25"),
        (-5, "0.0_);(0.0)", "(5.0)"),
        (0.5, "0%", "50%"),
        (7, "000", "007"),
        (1.5, "0.##", "1.5"),
        (2.0, "0.##", "2"),
        (12, '0 "kg"', "12 kg"),
        (1e21, "General", "1e+21"),
        (True, "General", "TRUE"),
        (datetime.time(9, 5), "h:mm", "09:05"),
    ],
)
def test_numbers_stand_as_shown(value: Any, form: str, text: str) -> None:
    assert xlsx.shown(value, form) == text


def test_large_sheets_end_with_a_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "CELLS", 100)
    monkeypatch.setattr(xlsx.Budget.__init__, "__defaults__", (100, 8000, ""))
    document = read_document("a.xlsx", saved(workbook(*([n, n] for n in range(1000)))))
    assert document.remarks == ("read up to sheet Prices, row 50: the rest is too large",)
    assert document.text.endswith("| 49 | 49 |")


def test_a_cell_far_out_costs_little() -> None:
    file = workbook(["a", "b"], ["1", "2"])
    file.active["XFD1048576"] = "far"
    start = time.perf_counter()
    assert "far" in read_document("a.xlsx", saved(file)).text
    assert time.perf_counter() - start < 20


# ODT and ODS

STYLES = (
    '<text:list-style style:name="L"><text:list-level-style-number text:level="1"'
    ' style:num-format="1" style:num-suffix="."/><text:list-level-style-number text:level="2"'
    ' style:num-format="a" style:num-suffix=")"/></text:list-style>'
    '<style:style style:name="up"><style:text-properties style:text-position="super 58%"/>'
    '</style:style><style:style style:name="out"><style:text-properties'
    ' style:text-line-through-style="solid"/></style:style>'
    '<style:style style:name="P1" style:parent-style-name="Title"/><style:style'
    ' style:name="Title"/>'
)


def odt(body: str, meta: str = "") -> Document:
    return read_document("a.odt", odf(body, STYLES, meta))


def p(text: str) -> str:
    return f"<text:p>{text}</text:p>"


def listed(*items: str, more: str = "") -> str:
    inside = "".join(f"<text:list-item>{item}</text:list-item>" for item in items)
    return f'<text:list text:style-name="L" {more}>{inside}</text:list>'


def test_odt() -> None:
    note = f"<text:note><text:note-citation>9</text:note-citation><text:note-body>{p('By hand.')}"
    note += "</text:note-body></text:note>"
    document = odt(
        f"<text:tracked-changes><text:deletion>{p('GONE')}</text:deletion></text:tracked-changes>"
        '<text:p text:style-name="P1">The garden</text:p>'
        f"<text:table-of-content>{p('Work 1')}</text:table-of-content>"
        '<text:h text:outline-level="1">Work:</text:h>'
        + p(
            'It has 10<text:span text:style-name="up">4</text:span> stones,'
            f' <text:span text:style-name="out">30</text:span><text:s/>40 trees{note}.'
            "<office:annotation>hm</office:annotation>"
        )
        + listed(p("Dig") + listed(p("deep")), p("Sow"))
        + p("Then")
        + listed(p("Water"), more='text:continue-numbering="true"')
        + p(f"<draw:frame><draw:text-box>{p('boxed')}</draw:text-box></draw:frame>")
        + p("<draw:frame><draw:image/></draw:frame>"),
        "<dc:title>Untitled 1</dc:title><dc:date>2024-03-04T10:00:00</dc:date>",
    )
    assert document.text == (
        "The garden\n\nWork:\n\nIt has 10^4 stones, ~~30~~ 40 trees [1].\n\n[1] By hand.\n\n"
        "1. Dig\n  a) deep\n2. Sow\n\nThen\n\n3. Water\n\nboxed"
    )
    assert titles(document) == [(0, "The garden"), (1, "Work")]
    assert (document.title, document.date) == ("The garden", "2024-03-04")
    assert document.remarks == (
        "1 comment left out",
        "1 tracked deletion left out",
        "1 picture without text",
        "1 table of contents left out",
    )


def cell(text: str, more: str = "") -> str:
    return f"<table:table-cell {more}>{p(text)}</table:table-cell>"


def row(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


COVERED = "<table:covered-table-cell/>"


def test_tables_of_odt() -> None:
    grid = (
        f"<table:table-header-rows>{row(cell('Bed'), cell('Plants', WIDE), COVERED)}"
        f"</table:table-header-rows>{row(cell('A', HIGH), cell('1'), cell('2'))}"
        + row(COVERED, cell("3"), cell("4"))
    )
    assert odt(f"<table:table>{grid}</table:table>").text == (
        "| Bed | Plants | Plants |\n| --- | --- | --- |\n| A | 1 | 2 |\n| A | 3 | 4 |"
    )


WIDE, HIGH = 'table:number-columns-spanned="2"', 'table:number-rows-spanned="2"'


def test_ods_with_a_million_empty_rows() -> None:
    grid = (
        row(cell("Item"), cell("Day"))
        + row(
            cell("Oak"),
            cell("1/5/24", 'office:value-type="date" office:date-value="2024-05-01"'),
            '<table:table-cell table:number-columns-repeated="16382"/>',
            more='table:number-rows-repeated="2"',
        )
        + row(
            '<table:table-cell table:number-columns-repeated="16384"/>',
            more='table:number-rows-repeated="1048000"',
        )
        + row(cell("end"))
    )
    data = odf(f'<table:table table:name="Costs">{grid}</table:table>', kind="spreadsheet")
    document = read_document("a.ods", data)
    assert document.text == (
        "Costs\n\n| Item | Day |\n| --- | --- |\n| Oak | 2024-05-01 |\n| Oak | 2024-05-01 |\n\nend"
    )
    assert places(document)[-1] == ("sheet Costs, row 1048004", "end")


def test_encrypted_odt() -> None:
    data = archive({"META-INF/manifest.xml": "<x><encryption-data/></x>", "content.xml": b"\1\2"})
    with pytest.raises(DocumentUnreadable, match="encrypted: save a copy without a password"):
        read_document("a.odt", data)


# RTF

RTF = r"""{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Times;}{\f2\fcharset2 Symbol;}}
{\stylesheet{\s1\outlinelevel0 heading 1;}}{\info{\title Pond rules}{\revtim\yr2024\mo3\dy9\hr1}}
{\header running head\par}
\pard\s1\outlinelevel0 The pond\par
\pard\plain It holds 10{\super 6} litres, caf\'e9 \u8364?5 {\strike 30} 40.{\footnote In May.}\par
{\listtext\pard\plain 1.\tab}Drain it\par{\listtext 2.\tab}Fill it\par
{\pntext\f2\'B7\tab}bullet\par
Before the table\par
\trowd\cellx100\cellx200\pard\intbl Fish\cell Count\cell\row
\trowd\cellx100\cellx200\pard\intbl Carp\par koi\cell 3\cell{\trowd\cellx100\row}\pard
After {\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt the link}}.\par
{\pict\pngblip 89504e47}\par}"""


def test_rtf() -> None:
    document = read_document("a.rtf", RTF.encode())
    assert document.text == (
        "The pond\n\nIt holds 10^6 litres, café €5 ~~30~~ 40.\n\nNote: In May.\n\n"
        "1. Drain it\n2. Fill it\n- bullet\n\nBefore the table\n\n"
        "| Fish | Count |\n| --- | --- |\n| Carp koi | 3 |\n\nAfter the link."
    )
    assert titles(document) == [(1, "The pond")]
    assert (document.title, document.date) == ("Pond rules", "2024-03-09")
    assert document.remarks == ("1 picture without text",)


def test_rtf_table_at_the_end_and_nested_rows() -> None:
    source = r"{\rtf1 \pard\intbl All\cell\row\pard\intbl a\cell b\cell\row\pard\intbl x\par"
    source += r" y\cell {\trowd\pard\intbl\itap2 n\nestcell{\*\nesttableprops\trowd\nestrow}}"
    source += r"z\cell\row\pard\par}"
    text = read_document("a.rtf", source.encode()).text
    assert text.startswith("All\n\n| a | b |\n| --- | --- |\n| x y | n |\n| z |")


def test_rtf_pictures_of_raw_bytes_take_no_text_with_them() -> None:
    raw = rb"{\pict\pngblip\bin12 " + b"\x00\x01}{\x02\\par\x03\x04\x05"
    data = rb"{\rtf1 Before. " + raw + rb"} After. {\pict\bin ffd8ff} End.}"
    assert " ".join(read_document("a.rtf", data).text.split()) == "Before. After. End."


def test_rtf_takes_linear_time() -> None:
    link = r'{\field{\*\fldinst{HYPERLINK "http://x"}}{\fldrslt{a}}}{\super '
    start = time.perf_counter()
    assert read_document("a.rtf", (r"{\rtf1 x " + link * 30_000).encode()).text
    assert time.perf_counter() - start < 20


def test_what_is_no_rtf() -> None:
    with pytest.raises(DocumentUnreadable, match="it is no RTF file"):
        read_document("a.rtf", b"plain")


# All


@pytest.mark.parametrize("suffix", ["pptx", "xlsx", "odt", "rtf"])
def test_no_damage_ends_in_another_error(suffix: str) -> None:
    samples: dict[str, Callable[[], bytes]] = {
        "pptx": lambda: saved(slides()),
        "xlsx": lambda: saved(workbook(["a", "b"], ["c", 1.5], ["d", "=1+1"])),
        "odt": lambda: odf(p("a") + listed(p("b")), STYLES),
        "rtf": lambda: RTF.encode(),
    }
    whole = samples[suffix]()
    dice = random.Random(suffix)
    for _ in range(30):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        survives(f"a.{suffix}", bytes(damaged))
        survives(f"a.{suffix}", whole[: dice.randrange(1, len(whole))])
    if suffix == "rtf":
        return
    with zipfile.ZipFile(io.BytesIO(whole)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    for name in sorted(parts):
        tags = list(re.finditer(rb"<[^>]*>|=\"[^\"]*\"", parts[name]))
        if tags:
            cut = dice.choice(tags)
            broken = parts[name][: cut.start()] + parts[name][cut.end() :]
            survives(f"a.{suffix}", archive({**parts, name: broken}))
        survives(f"a.{suffix}", archive({n: part for n, part in parts.items() if n != name}))


def test_a_workbook_without_its_kind_is_refused() -> None:
    with zipfile.ZipFile(io.BytesIO(saved(workbook(["a"])))) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    kinds = parts["[Content_Types].xml"].replace(b"sheet.main", b"other")
    with pytest.raises(DocumentUnreadable, match=r"^damaged: "):
        read_document("a.xlsx", archive({**parts, "[Content_Types].xml": kinds}))


@pytest.mark.parametrize("suffix", ["pptx", "xlsx"])
def test_strict_files_are_read(suffix: str) -> None:
    data = saved(slides() if suffix == "pptx" else workbook(["a", "b"], ["c", 1.5]))
    parts: dict[str, str | bytes] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        for name in old.namelist():
            part = old.read(name)
            for strict, usual in package._TRANSITIONAL.items():
                part = part if name.startswith("[") else part.replace(usual, strict)
            parts[name] = part
    strict_file = read_document(f"a.{suffix}", archive(parts))
    assert strict_file.text == read_document(f"a.{suffix}", data).text


def survives(name: str, data: bytes) -> None:
    try:
        assert read_document(name, data).text
    except DocumentUnreadable as error:
        assert error.message and "\n" not in error.message


def test_neighbouring_runs_with_one_mark_are_one() -> None:
    assert joined([("2", "struck"), ("5 ", "struck"), ("3", "")]) == "~~25~~ 3"
