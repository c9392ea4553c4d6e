"""Tests of ingest.readers.markdown. Run: pytest tests/test_reader_markdown.py"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ingest.readers import markdown
from ingest.readers.content import Content

CORPUS = Path(__file__).parent.parent / "corpus"


def read(text: str) -> Content:
    return markdown.read(text.encode())


def body(text: str) -> str:
    return read(text).text.strip()


def titles(content: Content) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in content.headings]


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.md")), ids=lambda path: path.name)
def test_the_corpus_reads_as_it_is_written(path: Path) -> None:
    content = markdown.read(path.read_bytes())
    assert content.text == path.read_text(encoding="utf-8")
    assert content.remarks == ()
    marked = [line for line in content.text.split("\n") if line.startswith("#")]
    assert len(content.headings) == len(marked) > 1
    for heading, line in zip(content.headings, marked, strict=True):
        assert content.text[heading.start : heading.end] == line + "\n"


def test_yaml_front_matter() -> None:
    content = read(
        "---\ntitle: 'Ferry rules: summer'\nauthor: Nils Berg\ndate: 2024-05-06\n"
        "version: 2.1\nlayout: post\nweight: 4\ndraft: false\ntags:\n  - ferry\n  - crew\n"
        "owner: Harbour office\n---\n\n## Fares {#fares .wide}\n\nA car costs 12 euros.\n"
    )
    assert content.title == "Ferry rules: summer"
    assert (content.date, content.version) == ("2024-05-06", "2.1")
    assert content.text == (
        "Title: Ferry rules: summer\nAuthor: Nils Berg\nDate: 2024-05-06\nVersion: 2.1\n"
        "Tags: ferry, crew\nOwner: Harbour office\n\n## Fares\n\nA car costs 12 euros.\n"
    )
    assert titles(content) == [(2, "Fares")]
    heading = content.headings[0]
    assert content.text[heading.start : heading.end] == "## Fares\n"


def test_toml_front_matter() -> None:
    content = read('+++\ntitle = "Sluice"\ndate = 2024-03-01\nslug = "x"\n+++\nIt opens at six.\n')
    assert (content.title, content.date) == ("Sluice", "2024-03-01")
    assert content.text == "Title: Sluice\nDate: 2024-03-01\n\nIt opens at six.\n"


def test_a_title_block_of_pandoc() -> None:
    content = read("% Ferry rules\n% Nils Berg\n% 2024-05-06\n\nText.\n")
    assert (content.title, content.date) == ("Ferry rules", "2024-05-06")
    assert "Author: Nils Berg" in content.text


def test_json_front_matter() -> None:
    content = read('{\n "title": "Sluice",\n "draft": false,\n "Keeper": "Ida"\n}\n\n# Gate\n')
    assert (content.title, content.text) == (
        "Sluice",
        "Title: Sluice\nKeeper: Ida\n\n# Gate\n",
    )
    sample = '{\n "title": "No text follows"\n}\n'
    assert "{" in read(sample).text


def test_front_matter_that_is_no_yaml() -> None:
    content = read("---\ntitle: Plan: the second\nauthor: [A\n---\nText.\n")
    assert content.title == "Plan: the second"
    assert content.text.startswith("Title: Plan: the second\n")


def test_a_document_of_front_matter_alone_is_read() -> None:
    assert body("---\ntitle: Ferry\n---\n") == "Title: Ferry"


def test_comments_are_left_out_and_said_so() -> None:
    content = read(
        "# Fares\n\n<!-- A car costs 9 euros.\n\nIn 2019. -->\nA car costs 12 euros.\n"
        "A bus<!-- no --> costs 40.\n\n`<!-- a -->`\n\n```\n<!-- b -->\n```\n"
    )
    assert content.text == (
        "# Fares\n\nA car costs 12 euros. A bus costs 40.\n\n`<!-- a -->`\n\n```\n<!-- b -->\n```\n"
    )
    assert content.remarks == ("2 comments left out",)


def test_a_comment_without_an_end_hides_nothing() -> None:
    content = read("One.\n\n<!-- left open\n\n## Two\n\nThree.\n")
    assert "Three." in content.text
    assert titles(content) == [(2, "Two")]


def test_embedded_pictures_are_no_text() -> None:
    data = "iVBORw0KGgo" * 3000
    content = read(
        f"# P\n\n![The valve](data:image/png;base64,{data})\n\n"
        f"![][i]\n\n[i]: <data:image/png;base64,{data}>\n"
    )
    assert content.text.split() == ["#", "P", "The", "valve"]
    assert content.remarks == ("2 embedded pictures left out",)


def test_pictures_are_their_alternative_text() -> None:
    content = read("![The pump](a.png) and ![](b.png) and ![IMG_2.jpg](c.jpg)")
    assert content.text == "The pump and  and"
    assert content.remarks == ("2 pictures without text",)


def test_raw_html() -> None:
    content = read(
        '<h1 align="center">Tidebook</h1>\n<p><img src="a.png" alt="Logo"></p>\n\n'
        "<h2>Setup</h2>\n\n"
        "Run `tide init`.\n\n<details>\n<summary>Why</summary>\n\n"
        "Because of **tides**.\n\n</details>\n"
    )
    assert content.title == "Tidebook"
    assert titles(content) == [(1, "Tidebook"), (2, "Setup")]
    assert "Because of **tides**." in content.text
    assert "Why" in content.text
    assert "<" not in content.text
    for heading in content.headings:
        assert content.text[heading.start : heading.end].strip() == heading.title


def test_html_tables_with_blank_lines_are_tables() -> None:
    content = read(
        "<table>\n<tr><th>Boat</th><th>Fee</th></tr>\n\n"
        "<tr><td>Skiff</td><td>30</td></tr>\n</table>\n"
    )
    assert "Skiff | 30" in content.text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "See [[Plan]] and [[Plan#Fees|the fees]] and ![[map.pdf]].",
            "See Plan and the fees and map.pdf.",
        ),
        ("> [!NOTE] Mind the step\n> It is wet.", "> Note: Mind the step\n> It is wet."),
        ("> [!warning]\n> It is\n> wet.", "> Warning: It is wet."),
        ("{{< lead >}}Open **now**{{< /lead >}}", "Open **now**"),
        ("{% hint %}\nOpen now\n{% endhint %}", "Open now"),
        ('{{< figure src="a.png" caption="The lock" >}}', "The lock"),
        ("The [fee](https://x.y/z){.btn} is 3.", "The fee is 3."),
        ("Write to [Nils](mailto:n@x.y).", "Write to Nils (n@x.y)."),
        ("See <https://x.y/z>.", "See https://x.y/z."),
        ("[Fee][f] is 3.\n\n[f]: https://x.y/z 'T'", "Fee is 3."),
        ("[Tip]: restart\n\nEnd.", "[Tip]: restart\n\nEnd."),
        ("10<sup>6</sup> and 5 km<sup>2</sup> of H<sub>2</sub>O", "10^6 and 5 km^2 of H2O"),
        ("founded<sup>3</sup> in 1962", "founded [3] in 1962"),
        ("Run pull <branch> now", "Run pull <branch> now"),
        ("A <b>bold</b> word<br>and a line", "A bold word\nand a line"),
        ("costs \\$5 &amp; up, a\\_b", "costs $5 & up, a_b"),
        ("%% private %%\n\nText.", "Text."),
        ("::: tip Free entry\nFor children.\n:::", "**Tip: Free entry**\n\nFor children."),
        ('!!! note "Hours"\n    From 8\n    to 17.', "**Note: Hours**\n\nFrom 8 to 17."),
        ("1. one\n1. two\n1. three", "1. one\n2. two\n3. three"),
        ("import X from './x'\n\nText.", "Text."),
    ],
)
def test_what_generators_and_note_apps_write(source: str, text: str) -> None:
    assert body(source) == text


@pytest.mark.parametrize(
    "text",
    [
        "Plain **bold**, _slanted_, `code`, ~~30~~ 25, a * b and c_d_e.",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "```py\nx = [a](b)\ny = 1\n```",
        "- [ ] open\n- [x] done",
        "Code:\n\n    code <b>\n    more",
        "The set {1, 2} and f{x}.",
        "$a_{1} \\{x\\}$ is math",
    ],
)
def test_what_stays_as_it_is(text: str) -> None:
    assert body(text) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("The ferry leaves\nat six, and it\ncosts 4.", "The ferry leaves at six, and it costs 4."),
        ("- one that\n  goes on\n- two", "- one that goes on\n- two"),
        ("> said\n> so", "> said so"),
        ("line one  \nline two\\\nline three", "line one\nline two\nline three"),
        ("Petra Holm\nMill Lane 3\nYstad", "Petra Holm\nMill Lane 3\nYstad"),
        ("Phone: 12\nMail: n@x.y", "Phone: 12\nMail: n@x.y"),
        ("渡船は六時に\n出ます。", "渡船は六時に出ます。"),
    ],
)
def test_wrapped_lines(source: str, text: str) -> None:
    assert body(source) == text


def test_footnotes_stand_after_their_paragraph() -> None:
    content = read(
        "Crew ride free[^crew]. Dogs too[^dog].\n\n"
        "Next.\n\n[^crew]: Only on duty,\n    in uniform.\n"
        "[^dog]: On a lead.\n[^lost]: Nobody marks it.\n"
    )
    assert content.text == (
        "Crew ride free [1]. Dogs too [2].\n\n[1] Only on duty, in uniform.\n\n[2] On a lead.\n\n"
        "Next.\n\n[lost] Nobody marks it.\n"
    )


def test_a_note_of_a_table_stands_below_it() -> None:
    text = body("| Boat | Fee |\n|---|---|\n| Skiff | 30[^1] |\n| Yawl | 50 |\n\n[^1]: In summer.")
    assert text == (
        "| Boat | Fee |\n|---|---|\n| Skiff | 30 [1] |\n| Yawl | 50 |\n\n[1] In summer."
    )


def test_tables_get_their_outer_pipes_and_their_rule() -> None:
    assert body("a | b\n--|--\n1 | 2") == "| a | b |\n| --|-- |\n| 1 | 2 |"
    assert body("| a | b |\n| 1 | 2 |") == "| a | b |\n|---|---|\n| 1 | 2 |"


def test_headings_have_clean_titles() -> None:
    content = read(
        "Set\nout {#x}\n===\n\n## A <a name='y'></a>[b](c) {.d}\n\n- # none\n\n> ## none\n"
    )
    assert titles(content) == [(1, "Set out"), (2, "A b")]


def test_a_title_that_is_junk_gives_way_to_the_heading() -> None:
    assert read("---\ntitle: README\n---\n# Real\n").title == "Real"


@pytest.mark.parametrize(
    "source", ["word " * 20_000 + "\n===\n\nBody.\n", "a\n" * 50_000 + "===\n\nB\n"]
)
def test_an_endless_heading_is_cut_and_stays_text(source: str) -> None:
    start = time.monotonic()
    content = read(source)
    assert time.monotonic() - start < 5
    (heading,) = content.headings
    assert 0 < len(heading.title) <= 200
    assert not heading.title.endswith(" ")
    assert heading.end == heading.start  # the section below holds all of it


@pytest.mark.parametrize(
    "source",
    [
        "[" * 40_000,
        "`" + "a`` " * 40_000,
        "<!--" * 50_000,
        "a <!-- x --> b `c` " * 40_000,
        "{{< highlight " * 30_000,
        ":::{a" + "a " * 50_000,
        "{{<" * 50_000,
        "<a " * 40_000,
        "![[" * 40_000,
        "[^1]" * 20_000 + "\n\n[^1]: x",
        "$a" * 40_000,
        "{#a " * 40_000,
    ],
)
def test_reading_is_linear(source: str) -> None:
    start = time.monotonic()
    read(source)
    assert time.monotonic() - start < 10


def test_a_script_within_a_line_is_no_text_and_a_tag_of_nothing_is() -> None:
    content = read("# Fees <script>let fee = 2</script>\n\nUse `<script>` tags or Vec<String>.\n")
    assert content.text == "# Fees\n\nUse `<script>` tags or Vec<String>.\n"
    assert content.title == "Fees"
    assert content.remarks == ("1 script left out",)
