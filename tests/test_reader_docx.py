"""Tests of ingest.readers.docx. Run: pytest tests/test_reader_docx.py"""

from __future__ import annotations

import io
import random
import re
import time
import zipfile

import pytest
import samples
from office import archive, item, levels, p, r, style, tbl, tc, word

from ingest.documents import Document, read_document
from ingest.errors import DocumentUnreadable


def read(body: str, **parts: str) -> Document:
    return read_document("a.docx", word(body, **parts))


def text(body: str, **parts: str) -> str:
    return read(body, **parts).text


def titles(document: Document) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in document.headings]


OUTLINE = '<w:outlineLvl w:val="{}"/>'


def test_headings_by_outline_level_base_style_and_paragraph() -> None:
    styles = (
        style("Kapitel", f"<w:pPr>{OUTLINE.format(0)}</w:pPr>")
        + style("berschrift2", "", "heading 2")
        + style("Blue", '<w:basedOn w:val="berschrift2"/>')
        + style("Quiet", f'<w:basedOn w:val="Blue"/><w:pPr>{OUTLINE.format(9)}</w:pPr>')
        + style("Loop", '<w:basedOn w:val="Loop"/>')
        + style("Big", "", "Title")
    )
    body = (
        p("Manual", "Big")
        + p("Mixer", "Kapitel")
        + p("Speed", "Blue")
        + p("no heading", "Quiet")
        + p("Stand", own=OUTLINE.format(2))
        + p("text", "Loop")
        + p("not this one", "Kapitel", own=OUTLINE.format(9))
    )
    document = read(body, styles=styles)
    assert titles(document) == [(0, "Manual"), (1, "Mixer"), (2, "Speed"), (3, "Stand")]
    assert document.title == "Manual"


def test_headings_by_the_names_of_other_programs() -> None:
    styles = style("x1", "", "Überschrift 1") + style("x2", '<w:basedOn w:val="x1"/>')
    body = p("Ofen", "x1") + p("Herd", "x2") + p("Pan", "Heading2") + p("text", "Unknown")
    assert titles(read(body, styles=styles)) == [(1, "Ofen"), (1, "Herd"), (2, "Pan")]


def test_wrapped_runs_are_kept_and_moved_away_ones_dropped() -> None:
    change = 'w:id="1" w:author="x"'
    body = (
        p(r("Rent is ") + f'<w:fldSimple w:instr=" REF a ">{r("540")}</w:fldSimple>' + r(" euros."))
        + p(f"<w:moveTo {change}>{r('The rope hangs left.')}</w:moveTo>")
        + p(f"<w:moveFrom {change}>{r('OLD')}</w:moveFrom>")
        + p(
            f"<w:ins {change}>{r('new')}</w:ins><w:del {change}><w:r><w:delText>gone</w:delText>"
            "</w:r></w:del>"
        )
        + p(f'<w:bdo w:val="rtl">{r("abc")}</w:bdo><w:dir>{r("def")}</w:dir>')
        + p(f"<w:smartTag>{r('smart')}</w:smartTag><w:hyperlink>{r(' link')}</w:hyperlink>")
        + f"<w:sdt><w:sdtPr/><w:sdtContent>{p('in a control')}</w:sdtContent></w:sdt>"
        + f"<w:customXml>{p('in custom XML')}</w:customXml>"
        + p(
            f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{r('Click here')}"
            "</w:sdtContent></w:sdt>"
        )
        + p("<w:r><w:t>Non</w:t><w:noBreakHyphen/><w:t>stop</w:t><w:softHyphen/></w:r>")
    )
    document = read(body)
    assert document.text.split("\n\n") == [
        "Rent is 540 euros.",
        "The rope hangs left.",
        "new",
        "abc def",
        "smart link",
        "in a control",
        "in custom XML",
        "Non-stop",
    ]
    assert document.remarks == ("1 tracked deletion left out",)


def mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def test_complex_fields_keep_results_only() -> None:
    inner = mark("begin") + "<w:r><w:instrText>REF</w:instrText></w:r>" + mark("separate")
    inner += r("inner") + mark("end")
    field = mark("begin") + "<w:r><w:instrText>IF </w:instrText></w:r>" + inner
    field += mark("separate") + r("shown") + mark("end")
    assert text(p(r("It is ") + field + r(" here."))) == "It is shown here."
    assert text(p(r("a") + mark("begin")) + p("b")) == "a\n\nb"


def test_form_fields() -> None:
    box = '<w:ffData><w:checkBox><w:checked w:val="{}"/></w:checkBox></w:ffData>'
    runs = "".join(
        f'<w:r><w:fldChar w:fldCharType="begin">{box.format(on)}</w:fldChar></w:r>{mark("end")}'
        + r(name)
        for on, name in ((1, " yes "), (0, " no"))
    )
    assert text(p(runs)) == "☒ yes ☐ no"


def m(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        (m("a=b+42"), "a=b+42"),
        (f"<m:sSup><m:e>{m('x')}</m:e><m:sup>{m('n+1')}</m:sup></m:sSup>", "x^(n+1)"),
        (f"<m:sSub><m:e>{m('v')}</m:e><m:sub>{m('0')}</m:sub></m:sSub>", "v_0"),
        (f"<m:f><m:num>{m('a+b')}</m:num><m:den>{m('2')}</m:den></m:f>", "(a+b)/2"),
        (f"<m:f><m:num>{m('1')}</m:num><m:den>{m('2a')}</m:den></m:f>", "1/(2a)"),
        (
            f"{m('2')}<m:func><m:fName>{m('sin')}</m:fName><m:e>{m('x')}</m:e></m:func>",
            "2 sin x",
        ),
        (f"<m:rad><m:deg/><m:e>{m('2gh')}</m:e></m:rad>", "sqrt(2gh)"),
        (f"<m:d><m:e>{m('a')}</m:e><m:e>{m('b')}</m:e></m:d>", "(a|b)"),
        (
            f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{m("i=1")}</m:sub>'
            f"<m:sup>{m('n')}</m:sup><m:e>{m('i')}</m:e></m:nary>",
            "∑_(i=1)^n i",
        ),
    ],
)
def test_formulas(formula: str, line: str) -> None:
    assert text(p(f"{r('So ')}<m:oMath>{formula}</m:oMath>{r('.')}")) == f"So {line}."
    assert text(f"<m:oMathPara><m:oMath>{formula}</m:oMath></m:oMathPara>") == line


def test_neighbouring_formulas_are_apart() -> None:
    assert text(p(f"<m:oMath>{m('a=b')}</m:oMath><m:oMath>{m('c=d')}</m:oMath>")) == "a=b c=d"


def note(kind: str, name: int, inside: str) -> str:
    return f'<w:{kind} w:id="{name}">{inside}</w:{kind}>'


def test_notes_stand_below_their_paragraph() -> None:
    call = '<w:r><w:footnoteReference w:id="{}"/></w:r>'
    end = '<w:r><w:endnoteReference w:id="4"/></w:r>'
    document = read(
        p(r("The loan ends in May") + call.format(7) + r(".") + end)
        + p(r("Lost") + call.format(99) + r("."))
        + tbl(tc("Kind") + tc("Fee"), tc(p(r("Book") + call.format(8))) + tc("2")),
        footnotes=note("footnote", 7, p("<w:r><w:footnoteRef/></w:r>" + r(" Not for films.")))
        + note("footnote", 8, p("Old ones too.")),
        endnotes=note("endnote", 4, p("As agreed.")),
    )
    assert document.text == (
        "The loan ends in May [1]. [2]\n\n[1] Not for films.\n\n[2] As agreed.\n\nLost.\n\n"
        "| Kind | Fee |\n| --- | --- |\n| Book [3] | 2 |\n\n[3] Old ones too."
    )
    assert document.remarks == ("1 note without text",)


BOX = "<wps:txbx><w:txbxContent>{}</w:txbxContent></wps:txbx>"


def test_text_boxes_once() -> None:
    shape = f"<w:drawing><wp:inline>{BOX.format(p('Closed on Mondays.'))}</wp:inline></w:drawing>"
    old = f"<w:pict><v:shape><v:textbox>{BOX.format(p('Closed'))}</v:textbox></v:shape></w:pict>"
    both = f"<mc:AlternateContent><mc:Choice>{shape}</mc:Choice><mc:Fallback>{old}</mc:Fallback>"
    assert text(p(r("Hours:") + f"<w:r>{both}</mc:AlternateContent></w:r>")) == (
        "Hours:\n\nClosed on Mondays."
    )
    assert text(p(f"<w:r>{old}</w:r>")) == "Closed"


def test_pictures_are_counted_and_their_texts_kept() -> None:
    drawing = '<w:r><w:drawing><wp:docPr descr="{}"/><pic:pic/></w:drawing></w:r>'
    document = read(p("<w:r/>" + drawing.format("A red valve") + drawing.format("image3.png")))
    assert document.text == "[Picture: A red valve]"
    assert document.remarks == ("1 picture without text",)


def test_comments_and_running_heads_are_left_out() -> None:
    document = read(
        p(r("Text") + '<w:r><w:commentReference w:id="1"/></w:r>'),
        comments='<w:comment w:id="1"><w:p/></w:comment><w:comment w:id="2"><w:p/></w:comment>',
        header1=p("Head of all pages"),
    )
    assert document.text == "Text"
    assert document.remarks == ("2 comments left out", "1 running head or foot left out")


def test_chart() -> None:
    def points(*values: str) -> str:
        return "".join(f'<c:pt idx="{n}"><c:v>{v}</c:v></c:pt>' for n, v in enumerate(values))

    series = f"<c:ser><c:tx><c:v>Sold</c:v></c:tx><c:cat>{points('May', 'June')}</c:cat>"
    series += f"<c:val>{points('3', '0.30000000000000004')}</c:val></c:ser>"
    drawing = '<w:r><w:drawing><c:chart r:id="r-chart"/></w:drawing></w:r>'
    assert text(p("Sales") + p(drawing), chart1=series) == (
        "Sales\n\n|  | Sold |\n| --- | --- |\n| May | 3 |\n| June | 0.3 |"
    )


def test_numbers_of_lists() -> None:
    numbering = levels(("decimal", "%1."), ("lowerLetter", "%2)"), ("bullet", "·"))
    body = item("Drain") + item("oil", 1) + item("water", 1) + item("slowly", 2)
    body += p("Wait.") + item("Fill") + item("new oil", 1)
    assert text(body, numbering=numbering) == (
        "1. Drain\n  a) oil\n  b) water\n    - slowly\n\nWait.\n\n2. Fill\n  a) new oil"
    )


def test_numbers_of_clauses_and_headings() -> None:
    numbering = levels(("upperRoman", "%1"), ("decimal", "%1.%2"), ("decimal", "%1.%2.%3"))
    numbering = numbering.replace('<w:lvl w:ilvl="2">', '<w:lvl w:ilvl="2"><w:isLgl/>')
    linked = '<w:pPr><w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr></w:pPr>'
    styles = "".join(style(f"H{n}", linked.format(n - 1), f"heading {n}") for n in (1, 2))
    body = p("Scope", "H1") + p("Terms", "H1") + p("Rent", "H2") + item("monthly", 2)
    document = read(body, numbering=numbering, styles=styles)
    assert titles(document) == [(1, "I Scope"), (1, "II Terms"), (2, "II.1 Rent")]
    assert document.text.endswith("    2.1.1 monthly")


def test_list_restarts_where_the_file_says_so() -> None:
    override = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="{}"/></w:lvlOverride>'
    more = "".join(
        f'<w:num w:numId="{n}"><w:abstractNumId w:val="1"/>{override.format(start)}</w:num>'
        for n, start in ((2, 1), (3, 5))
    )
    body = item("a") + item("b") + item("c", number=2) + item("d", number=2) + item("e", number=3)
    body += item("f", number=9) + item("plain", number=0)
    assert text(body, numbering=levels(("decimal", "%1)"), more=more)) == (
        "1) a\n2) b\n1) c\n2) d\n5) e\n- f\n\nplain"
    )


@pytest.mark.parametrize(
    ("form", "start", "shown"),
    [
        ("lowerRoman", 4, "iv."),
        ("upperLetter", 27, "AA."),
        ("lowerLetter", 10**9 - 1, "999999999."),
        ("decimalZero", 3, "03."),
        ("none", 1, "."),
    ],
)
def test_number_formats(form: str, start: int, shown: str) -> None:
    numbering = levels((form, "%1.")).replace('<w:start w:val="1"/>', f'<w:start w:val="{start}"/>')
    assert text(item("x"), numbering=numbering) == f"{shown} x"


def raised(before: str, figure: str, after: str = "") -> str:
    return text(p(r(before) + r(figure, '<w:vertAlign w:val="superscript"/>') + r(after)))


@pytest.mark.parametrize(
    ("before", "figure", "after", "line"),
    [
        ("The dish holds 10", "6", " cells", "The dish holds 10^6 cells"),
        ("A roof of 80 km", "2", ".", "A roof of 80 km^2."),
        ("It is 3 s", "-1", "", "It is 3 s^-1"),
        ("Ca", "2+", "", "Ca^2+"),
        ("x", "n", "", "x^n"),
        ("so E = mc", "2", "", "so E = mc^2"),
        ("It was founded", "3", " in 1962.", "It was founded [3] in 1962."),
        ("It was founded in 1962", "3", ".", "It was founded in 1962 [3]."),
        ("the end.", "12", "", "the end. [12]"),
        ("the 5", "th", " day", "the 5th day"),
    ],
)
def test_raised_figures(before: str, figure: str, after: str, line: str) -> None:
    assert raised(before, figure, after) == line


def test_struck_out_and_lowered_and_hidden_runs() -> None:
    body = p(r("Fee ") + r("25", "<w:strike/>") + r("0 ", "<w:dstrike/>") + r("300"))
    body += p(r("H") + r("2", '<w:vertAlign w:val="subscript"/>') + r("O"))
    body += p(r("seen") + r("unseen", "<w:vanish/>") + r(" on", '<w:strike w:val="0"/>'))
    document = read(body)
    assert document.text == "Fee ~~250~~ 300\n\nH2O\n\nseen on"
    assert document.remarks == ("1 hidden passage left out",)


def test_signs_of_symbol_fonts() -> None:
    sym = '<w:r><w:sym w:font="{}" w:char="{}"/></w:r>'
    runs = (
        sym.format("Wingdings", "F0FC") + sym.format("Symbol", "F06D") + sym.format("Odd", "F0AA")
    )
    document = read(p(runs + r("m", '<w:rFonts w:ascii="Symbol"/>')))
    assert document.text == "✓μμ"
    assert document.remarks == ("1 symbol without a letter left out",)


SPAN = '<w:gridSpan w:val="{}"/>'
DOWN, UNDER = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"


def test_merged_cells_are_filled() -> None:
    head = "<w:trPr><w:tblHeader/></w:trPr>"
    body = tbl(
        head + tc("Room", DOWN) + tc("2023", SPAN.format(2)),
        head + tc("", UNDER) + tc("let") + tc("free"),
        tc("Hall", DOWN) + tc("3") + tc("4"),
        tc("", UNDER) + tc("both", SPAN.format(2)),
    )
    assert text(body) == (
        "| Room | 2023 let | 2023 free |\n| --- | --- | --- |\n"
        "| Hall | 3 | 4 |\n| Hall | both | both |"
    )


def test_columns_that_no_row_parts_are_one() -> None:
    body = tbl(
        tc("a", SPAN.format(10)) + tc("b", SPAN.format(20)),
        tc("c", SPAN.format(10)) + tc("d", SPAN.format(20)),
        grid=30,
    )
    assert text(body) == "| a | b |\n| --- | --- |\n| c | d |"


@pytest.mark.parametrize(
    "row",
    [
        tc("k") + tc("l"),
        "<w:trPr><w:gridBefore w:val='999999999'/></w:trPr>" + tc("k") + tc("l"),
        tc("k", SPAN.format(10**9 - 1)) + tc("l"),
        tc("k", "<w:gridSpan/>") + tc("l", UNDER),
    ],
)
def test_an_odd_row_does_not_lose_the_file(row: str) -> None:
    read_text = text(p("The deposit is 70.") + tbl(tc("a") + tc("b") + tc("c"), row, grid=3))
    assert read_text.startswith("The deposit is 70.\n\n| a | b | c |")
    assert re.search(r"\| k \|(?:.* )?l \|", read_text)


def test_tables_of_names_and_values_have_no_head() -> None:
    assert text(tbl(tc("Height") + tc("30 mm"), tc("Weight") + tc("2 kg"))) == (
        "| Height | 30 mm |\n| Weight | 2 kg |"
    )
    assert text(tbl(tc("Plant") + tc("2023"), tc("Oak") + tc("2"))).count("---") == 2


def test_nested_and_laid_out_tables() -> None:
    inner = tbl(tc("x") + tc("1"), tc("y") + tc("2"))
    assert text(tbl(tc("a") + tc("b"), tc(inner + p()) + tc("c"))) == (
        "| a | b |\n| --- | --- |\n| x, 1; y, 2 | c |"
    )
    assert text(tbl(tc(p("in") + p("a frame")))) == "in\n\na frame"
    headed = tc(p("Skills", own=OUTLINE.format(0)) + p("Welding")) + tc("Photo")
    assert titles(read(tbl(headed))) == [(1, "Skills")]


def test_many_merged_rows_take_linear_time() -> None:
    rows = [tc("x", DOWN), *[tc("", UNDER)] * 5000]
    start = time.perf_counter()
    assert text(tbl(*rows)).count("| x |") == 5001
    assert time.perf_counter() - start < 5


def test_bold_lines_are_headings_where_there_are_no_others() -> None:
    bold = "<w:b/>"
    body = p("Dear all,") + p(r("Opening hours:", bold)) + p("We open at nine.")
    body += p(r("Never enter the hall.", bold)) + p(r("Bold", bold) + r(" start of a line"))
    assert titles(read(body)) == [(2, "Opening hours")]
    assert titles(read(body + p("Real", own=OUTLINE.format(0)))) == [(1, "Real")]
    first = read(p(r("House rules", bold)) + p("Text.") + p("More."))
    assert (first.title, titles(first)) == ("House rules", [(1, "House rules")])


def test_drop_capital_and_contents() -> None:
    framed = p("T", own='<w:framePr w:dropCap="drop"/>') + p("he story begins.")
    styles = style("V1", "", "toc 1")
    document = read(p("Chapter 1 ... 3", "V1") + framed, styles=styles)
    assert document.text == "The story begins."
    assert document.remarks == ("1 line of a table of contents left out",)


def core(inside: str) -> dict[str, str | bytes]:
    spaces = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
    return {"docProps/core.xml": f"<p {spaces}>{inside}</p>"}


def with_parts(data: bytes, parts: dict[str, str | bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        return archive({**{name: old.read(name) for name in old.namelist()}, **parts})


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("Rules of the pool", "Rules of the pool"),
        ("Microsoft Word - rules.doc", "Pool"),
        ("Document1", "Pool"),
        ("", "Pool"),
    ],
)
def test_title_and_date_of_the_properties(stated: str, title: str) -> None:
    dates = "<dcterms:created>2020-01-02T00:00:00Z</dcterms:created>"
    dates += "<dcterms:modified>2024-05-06T07:00:00Z</dcterms:modified>"
    data = with_parts(
        word(p("Pool", own=OUTLINE.format(0)) + p("x")),
        core(f"<dc:title>{stated}</dc:title>{dates}"),
    )
    document = read_document("a.docx", data)
    assert (document.title, document.date) == (title, "2024-05-06")


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("Version 2.1", "2.1"),
        ("Version: 4 (replaces version 3 of May)", "4; replaces version 3 of May"),
        ("Replaces version 2", "Replaces version 2"),
        ("Supersedes the policy of 2019.", "Supersedes the policy of 2019."),
        ("The new pump replaces the old one.", ""),
        ("Versions differ.", ""),
    ],
)
def test_version(line: str, version: str) -> None:
    assert read(p("Policy") + p(line)).version == version


def test_strict_files_are_read() -> None:
    data = word(
        p("Steps", own=OUTLINE.format(0)) + item("Drain"), numbering=levels(("decimal", "%1."))
    )
    names = {
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main": (
            b"http://purl.oclc.org/ooxml/wordprocessingml/main"
        ),
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships": (
            b"http://purl.oclc.org/ooxml/officeDocument/relationships"
        ),
    }
    parts: dict[str, str | bytes] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        for name in old.namelist():
            part = old.read(name)
            for usual, strict in names.items():
                part = part.replace(usual, strict)
            parts[name] = part
    document = read_document("a.docx", archive(parts))
    assert (document.text, titles(document)) == ("Steps\n\n1. Drain", [(1, "Steps")])


def unreadable(data: bytes) -> str:
    with pytest.raises(DocumentUnreadable) as caught:
        read_document("a.docx", data)
    return caught.value.message


def test_too_large_files_are_refused_before_they_unpack() -> None:
    data = archive({"word/document.xml": b"<p/>" * 15_000_000})
    assert unreadable(data) == "it unpacks to 60 MB of text: too large, so split it"


def test_too_many_paragraphs_are_refused() -> None:
    assert unreadable(word("<w:p/>" * 250_001)) == (
        "it has 250,001 paragraphs: too large, so split it"
    )


def test_missing_and_broken_parts() -> None:
    assert unreadable(archive({"word/document.xml": "<w:document xmlns:w='x'/>"})).startswith(
        "damaged: it has no text body"
    )
    data = with_parts(word(p("hello", "Gone")), {"word/styles.xml": "<w:styles"})
    assert read_document("a.docx", data).text == "hello"
    lost = with_parts(
        word(p("hello")), {"word/document.xml": word_xml(p("hello") + p("world"))[:-40]}
    )
    document = read_document("a.docx", lost)
    assert document.text.startswith("hello")
    assert document.remarks == ("1 damaged part, read as far as it goes",)


def word_xml(body: str) -> str:
    with zipfile.ZipFile(io.BytesIO(word(body))) as made:
        return made.read("word/document.xml").decode()


def test_deep_nesting_is_read_or_refused() -> None:
    deep = p("deep")
    for _ in range(3000):
        deep = f"<w:sdt><w:sdtContent>{deep}</w:sdtContent></w:sdt>"
    try:
        assert text(p("shallow") + deep).startswith("shallow")
    except DocumentUnreadable as error:
        assert error.message.startswith("damaged: ")


def test_no_damage_ends_in_another_error() -> None:
    random_ = random.Random(1)
    rich = with_parts(
        word(
            p("Title", own=OUTLINE.format(0))
            + item("one")
            + item("two", 1)
            + tbl(tc("a", DOWN) + tc("b"), tc("", UNDER) + tc("c", SPAN.format(2)))
            + p(r("x") + '<w:r><w:footnoteReference w:id="1"/></w:r>'),
            numbering=levels(("decimal", "%1."), ("lowerLetter", "%1.%2")),
            footnotes=note("footnote", 1, p("a note")),
            styles=style("H", f"<w:pPr>{OUTLINE.format(1)}</w:pPr>"),
        ),
        core("<dc:title>T</dc:title>"),
    )
    with zipfile.ZipFile(io.BytesIO(rich)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    for _ in range(150):
        damaged = bytearray(rich)
        for _ in range(random_.randint(1, 6)):
            damaged[random_.randrange(len(damaged))] = random_.randrange(256)
        _survives(bytes(damaged))
        name = random_.choice(sorted(parts))
        tags = list(re.finditer(rb"<[^>]*>|=\"[^\"]*\"", parts[name]))
        cut = random_.choice(tags)
        broken = parts[name][: cut.start()] + parts[name][cut.end() :]
        _survives(archive({**parts, name: broken}))


def _survives(data: bytes) -> None:
    try:
        assert read_document("a.docx", data).text
    except DocumentUnreadable as error:
        assert error.message


def test_files_of_a_library_are_read() -> None:
    assert read_document("a.docx", samples.docx_bytes()).date == ""  # of python-docx's template
