"""Which sentence of the passages comes nearest to a text."""

from __future__ import annotations

import pytest
from fakes import embed, passage

from bot.path.evidence import Nearest, Sources
from bot.path.words import negates
from bot.trace import Passage

LATENCY = "RAG adds latency. It does not need training."
PASSAGES = [
    passage(1, LATENCY, heading="RAG > Cons", start=100, end=100 + len(LATENCY)),
    passage(2, "Fine-tuning takes hours."),
]


def near_to(text: str, passages: list[Passage] = PASSAGES) -> Nearest:
    near = Sources(passages, embed).nearest(text)
    assert near is not None
    return near


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It needs training.", False),
        ("It does not need training.", True),
        ("It doesn't need training.", True),
        ("It doesn’t need training.", True),
        ("It cannot do without training.", False),
        ("Nothing is free.", True),
        ("Notes are nothing new.", True),
        ("A knot is a knot.", False),
    ],
)
def test_negations_are_counted(text: str, wanted: bool) -> None:
    assert negates(text) == wanted


def test_the_nearest_sentence_is_found_with_its_offsets() -> None:
    near = near_to("Training is not needed.")
    assert (near.evidence.n, near.evidence.text) == (1, "It does not need training.")
    assert (near.evidence.start, near.evidence.end) == (118, 144)
    assert LATENCY[near.evidence.start - 100 : near.evidence.end - 100] == near.evidence.text
    assert near.share == 1.0
    assert near.same_polarity


def test_a_reversed_statement_has_the_other_polarity() -> None:
    assert not near_to("Training is needed.").same_polarity


def test_words_of_the_heading_count_for_the_sentence() -> None:
    assert near_to("The cons of RAG: latency added.").share == 1.0


def test_between_equal_sentences_the_better_passage_wins() -> None:
    twins = [passage(1, "Apples fall."), passage(2, "Apples fall.")]
    assert near_to("Apples fall.", twins).evidence.n == 1
    twins[1] = passage(2, "Apples fall. Trees grow.")
    assert near_to("Apples fall off trees.", twins).evidence.n == 2


def test_a_paraphrase_is_found_by_its_meaning() -> None:
    """The words point to the first sentence, the vectors to the second."""

    def alike(texts: list[str]) -> object:
        import numpy as np

        later = ["late" in text or "slow" in text for text in texts]
        return np.array([[float(flag), float(not flag)] for flag in later], dtype=np.float32)

    shelf = [passage(1, "Answers with retrieval are good."), passage(2, "It is slow to reply.")]
    near = Sources(shelf, alike).nearest("Answers come late.")  # type: ignore[arg-type]
    assert near
    assert near.evidence.n == 2


def test_a_sentence_says_the_same_only_with_the_same_polarity() -> None:
    assert near_to("RAG adds latency.").verbatim
    assert not near_to("RAG does not add latency.").verbatim
    assert not near_to("RAG adds latency, cost and much else.").verbatim


def test_a_sentence_is_quoted_under_its_heading() -> None:
    assert near_to("RAG adds latency.").text == "RAG > Cons: RAG adds latency."
    assert near_to("Fine-tuning takes hours.").text == "Fine-tuning takes hours."


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("Apples fall.", "Trees: Apples fall."),
        ("Pears hang.", "Trees: Apples fall. Pears hang."),
        ("Plums rot.", "Trees: Pears hang. Nuts roll. Plums rot."),
        ("Cats purr.", "Cats purr."),  # what another passage ends with is no context
    ],
)
def test_the_two_sentences_before_one_are_its_context(text: str, context: str) -> None:
    trees = passage(1, "Apples fall. Pears hang. Nuts roll. Plums rot.", heading="Trees")
    assert near_to(text, [trees, passage(2, "Cats purr.")]).context == context


def test_no_passage_has_no_sentence() -> None:
    assert Sources([], embed).nearest("Anything.") is None


def test_passages_are_embedded_once_and_only_if_words_do_not_decide() -> None:
    calls: list[int] = []

    def counted(texts: list[str]) -> object:
        calls.append(len(texts))
        return embed(texts)

    sources = Sources(PASSAGES, counted)  # type: ignore[arg-type]
    sources.nearest("RAG adds latency.")
    assert calls == []
    sources.nearest("Zeppelins fly.")
    sources.nearest("Zeppelins land.")
    assert sorted(calls) == [1, 1, 3, 3]  # the two texts; the sentences under headings, and alone


ASKED = "What does it cost?"
LIST = "RAG costs:\n- Latency comes.\n- Storage grows. It does.\n- Code spreads.\n\nThat is all."


def test_the_items_that_an_answer_left_out_of_a_list_are_found() -> None:
    sources = Sources([passage(1, LIST, heading="RAG > Cons", start=50)], embed)
    items = {
        text: near.evidence
        for text in ("Latency comes.", "Storage grows.", "Code spreads.", "That is all.")
        if (near := sources.nearest(text))
    }
    first, second, third, end = items.values()
    assert [near.evidence for near in sources.left_out([first, third], ASKED, "")] == [second]
    assert [near.text for near in sources.left_out([first, second], ASKED, "")] == [
        "RAG > Cons: Code spreads."
    ]
    assert sources.left_out([first, second, third], ASKED, "") == []
    assert sources.left_out([first, end], ASKED, "") == []  # one item alone is no list
    assert sources.left_out([end], "What are the cons of RAG?", "") == []


@pytest.mark.parametrize(
    ("heading", "question", "whole"),
    [
        ("RAG > Cons", "What are the cons of RAG?", True),
        ("RAG > Cons", "What is bad about RAG?", False),
        ("When to Use RAG", "When should I use RAG?", True),
        ("When to Use RAG", "When should I use it?", False),
        ("", "What are the cons of RAG?", False),
    ],
)
def test_a_list_whose_heading_is_asked_for_is_asked_for_whole(
    heading: str, question: str, whole: bool
) -> None:
    sources = Sources([passage(1, LIST, heading=heading)], embed)
    first = sources.nearest("Latency comes.")
    assert first
    out = sources.left_out([first.evidence], question, "")
    told = [near.evidence.text for near in out]
    assert told == (["Storage grows.", "Code spreads."] if whole else [])


def test_what_a_sentence_joins_is_not_left_out() -> None:
    text = "- **Latency:** It comes late.\n- **Need:** It rests on files.\n- **Code:** Much."
    sources = Sources([passage(1, text, heading="Cons")], embed)
    first = sources.nearest("It comes late.")
    assert first

    def left(told: str) -> list[str]:
        out = sources.left_out([first.evidence], "What are the cons?", told)
        return [near.evidence.text.split(":")[0].strip("*") for near in out]

    assert left("It comes late.") == ["Need", "Code"]
    assert left("It comes late and rests on files.") == ["Code"]  # most of its words
    assert left("It has latency, needs and code.") == []  # their labels


@pytest.mark.parametrize("mark", ["**{}:**", "**{}**:", "__{}:__"])
def test_paragraphs_that_begin_with_a_label_are_items_too(mark: str) -> None:
    labels = [mark.format(word) for word in ("Speed", "Cost", "Data")]
    text = "\n\n".join(f"{label} When it counts." for label in labels) + "\n\n**Note** well."
    sources = Sources([passage(1, text)], embed)
    speed, cost, data = (sources.nearest(f"{label} When it counts.") for label in labels)
    assert speed and cost and data
    assert [
        near.evidence for near in sources.left_out([speed.evidence, cost.evidence], ASKED, "")
    ] == [data.evidence]
