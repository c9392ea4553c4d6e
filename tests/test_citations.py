"""Sentences of a draft and the marks in them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import passage
from hypothesis import given
from hypothesis import strategies as st

from bot.path.citations import cite, marked, split, text
from bot.trace import Sentence

PASSAGES = [passage(n, f"Text {n}.") for n in (1, 2, 3)]


def cited(draft: str) -> tuple[list[tuple[str, list[int]]], list[int]]:
    """Return (text, citations) of each sentence, and the invalid numbers."""
    pairs, invalid = [], []
    for lead, raw in split(draft):
        sentence, wrong = cite(lead, raw, PASSAGES)
        pairs.append((sentence.text, sentence.citations))
        invalid += wrong
    return pairs, invalid


def stated(lead: str, raw: str) -> Sentence:
    """Return the sentence as it is once it was found in a passage."""
    return replace(cite(lead, raw, PASSAGES)[0], supported=True)


@pytest.mark.parametrize(
    ("draft", "wanted"),
    [
        ("RAG is slow [1].", [("RAG is slow.", [1])]),
        ("RAG is slow.[1]", [("RAG is slow.", [1])]),
        ("RAG is slow. [1]", [("RAG is slow.", [1])]),
        ("RAG is slow. [1] It costs more. [2]", [("RAG is slow.", [1]), ("It costs more.", [2])]),
        ("Slow [1][2]. Dear [3].", [("Slow.", [1, 2]), ("Dear.", [3])]),
        ("Slow [1, 2].", [("Slow.", [1, 2])]),
        ("Slow [ 2,1 ] and dear [2].", [("Slow and dear.", [1, 2])]),
        ("RAG [1] is slow [2] indeed.", [("RAG is slow indeed.", [1, 2])]),
        ("Not a mark: [a] and (1).", [("Not a mark: [a] and (1).", [])]),
        ("No mark", [("No mark", [])]),
        ("Slow.\n[1]", [("Slow.", [1])]),
        ("", []),
        ("[1]", []),
        ("...", []),
    ],
)
def test_marks_are_read_wherever_they_stand(draft: str, wanted: list[object]) -> None:
    assert cited(draft) == (wanted, [])


def test_numbers_that_name_no_passage_are_removed_and_reported() -> None:
    draft = "Slow [9]. Dear [1, 4]. New [0]."
    assert cited(draft) == ([("Slow.", []), ("Dear.", [1]), ("New.", [])], [9, 4, 0])


def test_without_passages_every_number_is_invalid() -> None:
    sentence, invalid = cite("", "Slow [1].", [])
    assert (sentence.text, sentence.citations, invalid) == ("Slow.", [], [1])


def test_the_items_of_a_list_are_sentences_with_their_bullets_before_them() -> None:
    draft = "The cons are:\n- latency [1]\n- cost [2]\n\n1. training\n"
    pieces = split(draft)
    assert pieces == [
        ("", "The cons are:"),
        ("\n- ", "latency [1]"),
        ("\n- ", "cost [2]"),
        ("\n\n1. ", "training"),
    ]


def test_a_draft_is_written_again_with_its_marks_in_place() -> None:
    draft = "The cons are:\n- latency [1]\n- cost. [2][7]\n\nThat is all."
    sentences = [stated(lead, raw) for lead, raw in split(draft)]
    assert text(sentences) == "The cons are:\n- latency [1]\n- cost. [2]\n\nThat is all."


def test_marks_come_after_the_sentence() -> None:
    assert marked(Sentence("It is.", [1, 3], lead=" ", supported=True)) == " It is. [1][3]"
    assert marked(Sentence("It is.", [], lead="\n- ", supported=True)) == "\n- It is."
    assert text([]) == ""


def test_a_sentence_that_is_not_supported_is_marked_as_such() -> None:
    sentences = [Sentence("A.", [1], supported=True), Sentence("B.", [2], lead=" ")]
    assert text(sentences) == "A. [1] B. [unsupported]"


@given(st.lists(st.sampled_from(["It is so", ".", " ", "\n", "- ", "[1]", "[8]", "e.g. ", "2"])))
def test_no_word_is_lost_and_no_invalid_number_stays(pieces: list[str]) -> None:
    draft = "".join(pieces)
    parts = split(draft)
    assert "".join(lead + raw for lead, raw in parts).count("e.g.") == draft.count("e.g.")
    written = text([stated(lead, raw) for lead, raw in parts])
    assert "[8]" not in written
    assert written.count("It is so") == draft.count("It is so")
