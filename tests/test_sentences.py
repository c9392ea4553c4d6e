"""Tests of ingest.sentences. Run: pytest tests/test_sentences.py"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sentences import sentence_ends, sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "text",
    [
        "RAG, e.g. with Chroma, costs 3.5 times more.",
        "Dr. Smith met J. R. Tolkien vs. Prof. Lee.",
        "See Fig. 3, No. 5 and Lewis et al. (2020) for that.",
        "It takes approx. five minutes.",
        "Wait... what is it?",
        '"Why?" he asked.',
        "They say `` Opa ! '' and let them break.",
        'They say "Opa ! " when plates break.',
        "Das gilt z.B. für Modelle.",
        "Use v1.2.3 or example.com today",
        "The U.S. Army",
    ],
)
def test_one_sentence(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four… Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ("Is it? No. RAG is.", ["Is it?", "No.", "RAG is."]),
        ("He said “go.” Then (it went.) Gone.", ["He said “go.”", "Then (it went.)", "Gone."]),
        ("It is **bold.** Next one.", ["It is **bold.**", "Next one."]),
        ("Slow. [1] Dear [2]. Old.[1, 3] New", ["Slow. [1]", "Dear [2].", "Old.[1, 3]", "New"]),
        ("In 2020. Then 3.5. End", ["In 2020.", "Then 3.5.", "End"]),
        ("Sold by Apple Inc. The end", ["Sold by Apple Inc.", "The end"]),
        ("第一句。第二句！「第三句。」第四", ["第一句。", "第二句！", "「第三句。」", "第四"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("- one\n* two. Three\n1. four\n  2) five", ["one", "two.", "Three", "four", "five"]),
        ("> quoted\n## Title\r\n- **Cost:** low", ["quoted", "Title", "**Cost:** low"]),
        ("---\n\n***\n...\n", []),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_line_breaks_end_spans_but_not_sentences() -> None:
    assert sentences("a long\nline") == ["a long", "line"]
    assert list(sentence_ends("A long\nline. Next")) == [12]


def test_ends_within_bounds() -> None:
    text = "One. Two. Three. Four."
    assert list(sentence_ends(text, 5, 16)) == [9, 16]


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="aB1 .!?…。\"')*[]-#>\r\n", max_size=80))
def test_spans_are_in_order_and_miss_no_letter(text: str) -> None:
    spans = sentence_spans(text)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    inside = {offset for span in spans for offset in range(*span)}
    missed = "".join(text[i] for i in range(len(text)) if i not in inside)
    assert not any(character.isalpha() for character in missed)


@pytest.mark.parametrize("text", ["." * 500_000, ".)" * 250_000, "a. " * 100_000, "- " * 250_000])
def test_time_is_linear(text: str) -> None:
    begin = time.process_time()
    sentence_spans(text)
    assert time.process_time() - begin < 5
