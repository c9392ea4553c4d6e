"""Numbers, names and quotes that no passage has."""

from __future__ import annotations

import pytest
from fakes import alike, passage

from bot.path.evidence import Sources
from bot.verify.mentions import folded, name_mismatch, subject_mismatch, unknown, word_mismatch

LATENCY = "RAG adds latency. It does not need training."
COST = "Fine-tuning takes 3.5 hours on an A100, and costs 1,200 dollars."
PASSAGES = [
    passage(1, LATENCY, heading="RAG > Cons"),
    passage(2, COST, title="Tuning guide"),
    passage(3, "Céloron met George Howard."),
]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It takes 3.5 hours.", ""),
        ("It takes 35 hours.", "35"),
        ("It takes 4 hours.", "4"),
        ("It costs 1200 dollars.", ""),
        ("It costs 1,200 dollars.", ""),
        ("It runs on an A100.", ""),
        ("It runs on an H100.", "H100"),
        ("It was made by OpenAI.", "OpenAI"),
        ("RAG adds latency.", ""),
        ("BERT adds latency.", "BERT"),
        ("Hours pass.", ""),  # the first word may only begin a sentence
        ("All of the Tuning guides say so.", ""),
        ("In Paris it adds latency.", "Paris"),
        ('It says "adds latency" there.', ""),
        ('It says "removes latency" there.', "removes latency"),
        ("It says “adds  latency.” there.", ""),
        ("A thing adds latency, as I said.", ""),
    ],
)
def test_numbers_names_and_quotes_must_stand_in_a_passage(text: str, wanted: str) -> None:
    assert unknown(text, PASSAGES) == wanted


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What did Celeron want?", ""),
        ("What did Celoron want?", ""),
        ("Who met Howerd?", "Howerd"),
        ("Who met Georg Howard?", ""),
        ("Is RAG slow? Why is it slow? How slow? Compare it.", ""),
        ("What is RAG in French?", "French"),
    ],
)
def test_a_question_may_misspell_a_name(question: str, wanted: str) -> None:
    assert unknown(question, PASSAGES, misspelt=True) == wanted


def test_an_answer_may_not_misspell_a_name() -> None:
    assert unknown("They met Hovard.", PASSAGES) == "Hovard"


def test_accents_are_taken_off() -> None:
    assert folded("Céloron à Åbo") == "Celoron a Abo"


@pytest.mark.parametrize(
    ("question", "used", "wanted"),
    [
        ("What does RAG add?", {2}, "RAG"),
        ("What does RAG add?", {1}, ""),
        ("What does RAG add?", {1, 2}, ""),
        ("What does it add?", {2}, ""),
        ("What does an A100 add?", {1}, ""),  # spoken of elsewhere, but no subject there
        ("What does the Tuning guide say?", {1}, ""),
        ("What did Celeron add?", {1}, ""),
        ("Do the cons matter?", {2}, "cons"),
        ("Do the cons matter?", {1}, ""),
        ("Do guests like its cons?", {2}, ""),  # it asks about the guests
        ("What are the cons?", {2}, ""),  # as many as any passage has
    ],
)
def test_a_question_on_one_subject_is_not_answered_from_another(
    question: str, used: set[int], wanted: str
) -> None:
    assert name_mismatch(question, PASSAGES, used) == wanted


@pytest.mark.parametrize(
    ("text", "used", "wanted"),
    [
        ("It has cons.", {2}, "cons"),
        ("It has Cons and RAG.", {2, 3}, "Cons"),
        ("It has cons.", {1}, ""),
        ("It has cons.", {1, 2}, ""),
        ("It has latency.", {2}, ""),  # stands in the other's text alone
        ("Rag is old.", {3}, "Rag"),
    ],
)
def test_a_word_may_head_another_passage(text: str, used: set[int], wanted: str) -> None:
    assert word_mismatch(text, PASSAGES, used) == wanted


PARTY = (
    "Anna gave a party. Friends of the cook came. The bill was high, but Anna paid it. "
    "Anna broke all the plates of clay."
)


@pytest.mark.parametrize(
    ("text", "said", "wanted"),
    [
        ("Danes broke plates of clay.", "What do Danes do?", "Anna"),
        ("Anna broke plates of clay.", "What do Danes do?", ""),
        ("She broke plates of clay.", "What did Anna do?", ""),
        ("Cooks broke plates of clay.", "What do cooks do?", ""),  # just before: "the cook"
        ("Plates of clay were broken.", "What was broken?", ""),
        ("They paid for plates of clay.", "Anna and Bo met. They paid for plates of clay.", ""),
    ],
)
def test_what_is_said_of_one_who_is_named_is_not_said_of_others(
    text: str, said: str, wanted: str
) -> None:
    near = Sources([passage(1, PARTY)], alike).near("broke plates of clay", 1)[0]
    assert near.evidence.text.startswith("Anna broke")
    assert subject_mismatch(text, f"{said} {text}", near, PARTY) == wanted


def test_a_word_that_only_begins_a_sentence_is_no_name() -> None:
    source = "Many plates broke."
    near = Sources([passage(1, source)], alike).near("plates broke", 1)[0]
    assert subject_mismatch("Danes broke plates.", "", near, source) == ""
