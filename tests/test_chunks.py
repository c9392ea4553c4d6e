"""Tests of ingest.chunks. Run: pytest tests/test_chunks.py"""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from pathlib import Path

import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunks import Chunk, embedded_text, split
from ingest.documents import Document, read_document
from ingest.readers.content import Block, assembled

SEED = Path(__file__).parent.parent / "corpus" / "fine-tuning-vs-rag.md"


def tokens(text: str) -> list[int]:
    """Begin a token at each word and each mark."""
    return [match.start() for match in re.finditer(r"\w+|[^\w\s]", text)]


def count(document: Document, chunk: Chunk) -> int:
    starts = tokens(document.text)
    return bisect_left(starts, chunk.end) - bisect_left(starts, chunk.start)


def markdown(text: str) -> Document:
    return read_document("sample.md", text.encode())


def cut(text: str, max_tokens: int = 200) -> list[str]:
    """Cut a text without headings, as it is: no reader has joined its lines."""
    document = Document("sample.md", text, "sample", (), (), "")
    return [chunk.text for chunk in split(document, tokens(document.text), max_tokens)]


def words(number: int, last: str = ".") -> str:
    return "W0 " + " ".join(f"w{index}" for index in range(1, number)) + last


def test_seed_document_is_cut_at_its_headings() -> None:
    document = read_document("fine-tuning-vs-rag.md", SEED.read_bytes())
    chunks = split(document, tokens(document.text))
    paths = [chunk.heading for chunk in chunks]
    assert paths == [
        ("Introduction",),
        ("Fine-Tuning",),
        ("Fine-Tuning", "Pros"),
        ("Fine-Tuning", "Cons"),
        ("Retrieval-Augmented Generation (RAG)",),
        ("Retrieval-Augmented Generation (RAG)", "Pros"),
        ("Retrieval-Augmented Generation (RAG)", "Cons"),
        ("When to Use Fine-Tuning",),
        ("When to Use RAG",),
    ]
    cons = chunks[6]
    assert cons.text.startswith("- **Complexity:**")
    assert cons.text.endswith("retrieved documents.")
    assert cons.page is None
    assert embedded_text(document.title, cons).startswith(
        "Retrieval-Augmented Generation (RAG): Cons. Complexity: Implementing"
    )


def test_text_before_the_first_heading_has_no_path() -> None:
    document = markdown("lead\n\n# T\n\nbody\n\n## S\n\nmore")
    chunks = split(document, tokens(document.text))
    assert [(chunk.heading, chunk.text) for chunk in chunks] == [
        ((), "lead"),
        ((), "body"),
        (("S",), "more"),
    ]
    assert embedded_text(document.title, chunks[0]) == "T. lead"


def test_one_of_many_top_headings_is_no_title() -> None:
    document = markdown("# A\na\n# B\nb")
    assert [chunk.heading for chunk in split(document, tokens(document.text))] == [("A",), ("B",)]


def test_levels_may_be_skipped() -> None:
    document = markdown("# T\n#### D\nd\n## B\nb\n### C\nc")
    paths = [chunk.heading for chunk in split(document, tokens(document.text))]
    assert paths == [("D",), ("B",), ("B", "C")]


def test_docx_title_is_not_in_the_paths() -> None:
    document = read_document("a.docx", samples.docx_bytes())
    paths = [chunk.heading for chunk in split(document, tokens(document.text))]
    assert paths == [(), ("Prices",), ("Prices", "Details")]


def test_headings_are_never_lost() -> None:
    document = markdown("# T\n## Empty\n## Parent\n### Child\n## Full\nbody\n\nLast\n---\n")
    chunks = split(document, tokens(document.text))
    assert [(chunk.heading, chunk.text) for chunk in chunks] == [
        (("Empty",), "## Empty"),
        (("Parent", "Child"), "### Child"),
        (("Full",), "body"),
        (("Last",), "Last\n---"),
    ]
    assert cut("# Only a title\n") == ["# Only a title"]


def test_pages() -> None:
    data = samples.pdf_bytes([["One is here."], ["Two is here."], [], ["Four is here."]])
    document = read_document("a.pdf", data)
    starts = tokens(document.text)
    assert [chunk.page for chunk in split(document, starts, 7)] == [1, 2, 4]
    (whole,) = split(document, starts)  # a page's end is no reason to cut
    assert (whole.page, whole.last_page) == (1, 4)


def test_the_head_of_a_table_goes_with_each_of_its_parts() -> None:
    rows = "".join(f"| Depot {n} | {n * 7} lorries |\n" for n in range(30))
    document = markdown(f"# T\nBefore.\n\n| Site | Fleet |\n| --- | --- |\n{rows}\nAfter it.\n")
    chunks = split(document, tokens(document.text), 60)
    assert len(chunks) > 3
    assert chunks[0].head == ""
    inside = [chunk for chunk in chunks[1:] if chunk.text.startswith("| Depot")]
    assert len(inside) >= len(chunks) - 2
    assert {chunk.head for chunk in inside} == {"| Site | Fleet |\n| --- | --- |"}
    assert embedded_text("T", inside[0]).startswith("T. | Site | Fleet | | Depot")
    for chunk in inside:
        whole = tokens(f"{chunk.head}\n{chunk.text}")
        assert len(whole) <= 60


def test_a_head_as_long_as_half_a_chunk_is_not_repeated() -> None:
    head = " | ".join(f"column {n}" for n in range(20))
    rows = "".join(f"| {' | '.join(str(n) for _ in range(20))} |\n" for n in range(9))
    document = markdown(f"# T\n\n| {head} |\n|{'---|' * 20}\n{rows}")
    assert {chunk.head for chunk in split(document, tokens(document.text), 60)} == {""}


def test_a_heading_without_end_is_text_and_a_path_is_cut() -> None:
    fact = "The pump is served every 40 days."
    long = " ".join(f"word{n}" for n in range(300))
    document = markdown(f"# T\n## {long}\n{fact}\n")
    assert max(len(heading.title) for heading in document.headings) <= 200
    (*_, last) = split(document, tokens(document.text), 200)
    assert fact in embedded_text(document.title, last)[:-1] + "."
    deep = markdown("".join(f"{'#' * n} {'part' * 12} {n}\n" for n in range(1, 7)) + fact)
    (chunk,) = split(deep, tokens(deep.text), 200)[-1:]
    assert len(embedded_text(deep.title, chunk)) < 260
    assert embedded_text(deep.title, chunk).endswith(fact)


def test_a_chunk_knows_its_place() -> None:
    blocks = [Block("One", 1, place="slide 1"), Block("Text."), Block("Two", 1, place="slide 2")]
    content = assembled([*blocks, Block("More text.")])
    document = Document("a", content.text, "a", content.headings, (), "", content.places)
    found = split(document, tokens(document.text))
    assert [(chunk.place, chunk.text) for chunk in found] == [
        ("slide 1", "Text."),
        ("slide 2", "More text."),
    ]


def test_a_token_that_begins_at_the_space_before_its_word_counts() -> None:
    document = read_document("a.txt", words(48).encode())
    starts = [0, *(match.start() for match in re.finditer(" ", document.text))]
    sizes = [len(chunk.text.split()) for chunk in split(document, starts, 10)]
    assert sum(sizes) == 48
    assert max(sizes) <= 8  # two are for the title


def test_what_fits_is_one_chunk() -> None:
    body = f"{words(60)}\n\n{words(60)}\n\n- {words(60)}"
    assert cut(body, 190) == [body]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # a paragraph before a line, though the line is nearer to the middle
        (f"{words(30)}\n\n{words(9)}\n- {words(50)}", [30, 59]),
        # a list item before a sentence
        (f"- {words(36, '')}\n- {words(10)} {words(44)}", [36, 54]),
        # a sentence before a soft line break
        (f"{words(34)} {words(10, '')}\n{words(46)}", [34, 56]),
        # a soft line break before a word
        (f"{words(40, '')}\n{words(49, '')}", [40, 49]),
        # a word, near the middle
        (words(90, ""), [45, 45]),
    ],
)
def test_cut_at_the_best_boundary(body: str, expected: list[int]) -> None:
    assert [len(re.findall(r"[Ww]\d+", part)) for part in cut(body, 70)] == expected


@pytest.mark.parametrize(("long", "short"), [(94, 6), (6, 94)])
def test_no_tiny_chunk_is_made(long: int, short: int) -> None:
    parts = cut(f"{words(long)}\n\n{words(short)}", 100)
    sizes = [len(re.findall(r"[Ww]\d+", part)) for part in parts]
    assert sum(sizes) == 100
    assert min(sizes) >= 24


@pytest.mark.parametrize(
    "block",
    [
        "```python\n" + "\n\n".join(["call(a). Then = b"] * 8) + "\n```",
        "| a | b |\n|---|---|\n" + "\n".join(["| one. Two | three |"] * 6),
        "\n".join(["one. Two | three"] * 9),
    ],
)
def test_a_block_that_fits_is_kept_whole(block: str) -> None:
    text = f"{words(50)}\n\n{block}\n\n{words(50)}"
    assert any(block in part for part in cut(text, 75))


def test_a_table_that_does_not_fit_is_cut_between_rows() -> None:
    rows = [f"| One. Two {index} | three |" for index in range(40)]
    parts = cut("\n".join(rows), 50)
    assert len(parts) > 5
    assert "\n".join(parts).split("\n") == rows


def test_an_unclosed_fence_and_inline_code_protect_nothing() -> None:
    for opening in ("```", "```not a fence``` text"):
        parts = cut(f"{opening}\n{words(40)}\n\n{words(40)}", 60)
        assert [part.count("W0") for part in parts] == [1, 1]


def test_what_a_colon_announces_stays_with_it() -> None:
    parts = cut(f"{words(40)} W1 w2 w3:\n\n- {words(40)}", 60)
    assert parts[1].startswith("W1 w2 w3:")


def test_long_heading_paths_cost_budget() -> None:
    document = markdown(f"# T\n## {words(20, '')}\n{words(90)}")
    chunks = split(document, tokens(document.text), 100)
    assert all(count(document, chunk) <= 70 for chunk in chunks)
    assert len(chunks) == 2


def test_a_word_of_one_token_has_bounded_length() -> None:
    document = read_document("a.txt", b"x" * 100_000)
    chunks = split(document, [0], 100)
    assert "".join(chunk.text for chunk in chunks) == document.text
    assert max(len(chunk.text) for chunk in chunks) <= 1600


def test_max_tokens_is_checked() -> None:
    with pytest.raises(ValueError, match="max_tokens"):
        split(markdown("x"), [0], 0)


@pytest.mark.parametrize("unit", ["word and more. ", "x", ".", "a\n", "a | b\n", "```\n", "语。"])
def test_time_is_linear(unit: str) -> None:
    document = read_document("a.txt", (unit * (1_000_000 // len(unit))).encode())
    starts = tokens(document.text)
    begin = time.process_time()
    assert len(split(document, starts)) > 100
    assert time.process_time() - begin < 20  # about 2 s; minutes if quadratic


PIECES = st.sampled_from(
    (
        "word~Sentence end. ~Next! ~e.g. ~。~语言~a | b\n~: ~\t~    ~\n~\r\n~\n\n~# One\n~## Two:\n"
        "~\n# Three\n\n~===\n~---\n~- item\n~1. item\n~> quote\n~```\n~\n```\n~longlonglonglonglong"
    ).split("~")
)


@settings(max_examples=50, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=60), st.integers(1, 30), st.booleans())
def test_chunks_cover_the_text_once(pieces: list[str], max_tokens: int, coarse: bool) -> None:
    document = markdown("x" + "".join(pieces))
    text = document.text
    starts = [m.start() for m in re.finditer(r"\S+", text)] if coarse else tokens(text)
    chunks = split(document, starts, max_tokens)
    assert chunks == split(document, starts, max_tokens)
    edges = [edge for chunk in chunks for edge in (chunk.start, chunk.end)]
    assert edges == sorted(edges)
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end] == chunk.text.strip() != ""
        assert bisect_left(starts, chunk.end) - bisect_left(starts, chunk.start) <= max_tokens
    covered = {offset for chunk in chunks for offset in range(chunk.start, chunk.end)}
    in_headings = {
        offset for heading in document.headings for offset in range(heading.start, heading.end)
    }
    for offset, character in enumerate(text):
        assert character.isspace() or offset in covered or offset in in_headings


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300), st.lists(st.integers(0, 300), max_size=200), st.integers(1, 20))
def test_any_text_and_any_token_starts_can_be_split(
    text: str, starts: list[int], max_tokens: int
) -> None:
    document = Document("a.txt", text, "a", (), (), "")
    starts = sorted(start for start in starts if start < len(text))
    chunks = split(document, starts, max_tokens)
    assert "".join("".join(chunk.text for chunk in chunks).split()) == "".join(text.split())
