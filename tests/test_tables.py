"""Tables in a text: heads, rows, and rows in words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.readers.content import assembled, table
from ingest.tables import cells, spelled, tables

FARES = [
    ["Vehicle", "Summer season", "Summer season", "Winter"],
    ["", "Single", "Return", "Single"],
    ["Car up to 5 m", "28.50", "51.00", "14.00"],
    ["Bicycle", "4.00", "", "free"],
]


def test_a_table_of_two_head_rows_in_words() -> None:
    text = assembled(table(FARES, heads=2)).text
    assert text.splitlines()[:2] == [
        "| Vehicle | Summer season Single | Summer season Return | Winter Single |",
        "| --- | --- | --- | --- |",
    ]
    (found,) = tables(text)
    assert text[found.start : found.body].count("\n") == 2
    assert [row.named for row in found.rows] == [
        "Vehicle Car up to 5 m: Summer season Single = 28.50; "
        "Summer season Return = 51.00; Winter Single = 14.00",
        "Vehicle Bicycle: Summer season Single = 4.00; Winter Single = free",
    ]
    for row in found.rows:
        assert cells(text[row.start : row.end]) == row.cells


def test_part_of_a_table_is_named_by_the_head_it_lacks() -> None:
    text = assembled(table(FARES, heads=2)).text
    (whole,) = tables(text)
    head, last = text[: whole.body], text[whole.rows[1].start :]
    assert tables(last, head)[0].rows[0].named == whole.rows[1].named
    assert spelled(last, head) == whole.rows[1].named
    assert spelled(last) == last, "without its head it says less, and nothing false"


def test_text_around_a_table_stays() -> None:
    text = "Fares:\n\n| A | B |\n|---|---|\n| x | 1 |\n| y \\| z | 2 |\n\nSee | below."
    assert spelled(text) == "Fares:\n\nA x: B = 1\nA y | z: B = 2\n\nSee | below."


def test_rows_without_outer_pipes_and_without_a_head() -> None:
    text = "Name | Price\n--- | ---\nRAG | low\n\nlone | cells\nmore | cells"
    first, second = tables(text)
    assert first.rows[0].named == "Name RAG: Price = low"
    assert [row.named for row in second.rows] == ["lone | cells", "more | cells"]
    assert second.body == second.start


CELL = st.text("ab|\\ ", min_size=1, max_size=5).filter(str.strip)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=2, max_size=5))
def test_what_is_written_as_a_table_is_read_as_it(rows: list[list[str]]) -> None:
    (found,) = tables(assembled(table(rows)).text)
    head, *body = [tuple(" ".join(cell.split()) for cell in row) for row in rows]
    assert [row.cells for row in found.rows] == body
    assert {row.columns for row in found.rows} == {head}
