"""Whether the passages state a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from fake_believer import Believer, Query, believing
from fake_models import chosen
from fakes import alike, embed, finished, passage

from bot.path.evidence import Sources
from bot.trace import Passage, Sentence
from bot.verify.grounding import check, contrary, quote, refuses

LATENCY = "RAG adds latency. It does not need training."
COST = "Fine-tuning takes 3.5 hours on an A100, and costs 1,200 dollars."
PASSAGES = [
    passage(1, LATENCY, heading="RAG > Cons", start=100, end=100 + len(LATENCY)),
    passage(2, COST, title="Tuning guide", start=0, end=len(COST)),
]


QUESTION = "What does RAG add?"
SOURCES = Sources(PASSAGES, alike)


def checked(
    text: str,
    question: str = QUESTION,
    sources: Sources | Sequence[Passage] = SOURCES,
    *,
    draft: str | None = None,
    amiss: str = "",
    citations: Sequence[int] = (),
    **beliefs: Any,
) -> Sentence:
    """Check a sentence with a model that believes everything, but for what is given."""
    if not isinstance(sources, Sources):
        sources = Sources(sources, alike)
    sure = dict.fromkeys(("answers", "supported", "stated_by", "verdict"), 0.99)
    who = believing(Believer(beliefs={**sure, **beliefs}))
    said = Sentence(text, [*citations])
    run = check(said, question, sources, who, text if draft is None else draft, amiss)
    sentence, _ = finished(run)
    assert isinstance(sentence, Sentence)
    return sentence


# --- what models say when they refuse


@pytest.mark.parametrize(
    "text",
    [
        "The passages do not contain information about zeppelins.",
        "The provided documents don't mention it.",
        "There is no answer: the context does not say.",
        "The text isn't specific and does not state a price.",
        "The sources provide no information on this.",
    ],
)
def test_a_refusal_is_recognised(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "RAG does not need training.",
        "Documents are looked up before the answer is written.",
        "The context window is 4096 tokens.",
        "It is not cheap.",
        "",
    ],
)
def test_an_answer_is_no_refusal(text: str) -> None:
    assert not refuses(text)


# --- each sentence of an answer


@pytest.mark.parametrize(("alone", "supported"), [(0.55, False), (0.65, True)])
def test_a_yes_has_to_be_stated_by_the_nearest_sentence_alone(
    alone: float, supported: bool
) -> None:
    def by_itself(query: Query) -> float:
        return alone if query.read == "RAG > Cons: RAG adds latency." else 0.0

    said, question = "It adds much latency to all of them.", "Does it add latency?"
    shelf = [passage(1, "It looks up documents. RAG adds latency.", heading="RAG > Cons")]
    sentence = checked(said, question, shelf, draft="", stated_by=by_itself)
    assert sentence.supported is supported
    assert ("nearest sentence alone" in sentence.reason) is not supported


@pytest.mark.parametrize(
    ("said", "yes", "supported"),
    [
        ("Yes, RAG adds latency.", 0.51, True),
        ("Yes, RAG adds latency.", 0.49, False),  # though a passage says so word for word
        ("No, RAG adds latency.", 0.49, True),
        ("No, RAG adds latency.", 0.51, False),
    ],
)
def test_a_yes_has_to_go_the_way_of_the_sentence_nearest_to_the_question(
    said: str, yes: float, supported: bool
) -> None:
    question = "Does it need much training?"
    against = float(said.startswith("No"))  # whatever else is read speaks against what is said

    def verdict(query: Query) -> float:
        assert query.claim == question
        return yes if query.read == "RAG > Cons: It does not need training." else against

    sentence = checked(said, question, draft="", verdict=verdict)
    assert sentence.supported is supported
    assert (f"question says {said.split(',')[0]}" in sentence.reason) is not supported


def test_a_no_that_is_part_of_what_is_said_is_no_verdict() -> None:
    said = "No chunk size fits all."
    shelf = [passage(1, said)]
    beliefs: dict[str, Any] = {"verdict": 1.0, "supported": 0.01, "stated_by": 0.01}
    assert checked(said, "Is there a size that fits all?", shelf, **beliefs).supported


@pytest.mark.parametrize(
    ("said", "believed", "supported"),
    [
        ("RAG is slower than fine-tuned models.", 0.1, True),  # a passage says so
        ("Fine-tuned models are slower than RAG.", 0.99, False),  # a passage says the contrary
        ("Slower than fine-tuned models is RAG.", 0.1, False),  # it may: the model decides
        ("Slower than fine-tuned models is RAG.", 0.99, True),
    ],
)
def test_the_same_words_may_say_the_contrary(said: str, believed: float, supported: bool) -> None:
    shelf = [passage(1, "RAG is slower than fine-tuned models.")]
    sentence = checked(said, "Which is slower?", shelf, draft="", supported=believed)
    assert sentence.supported is supported


@pytest.mark.parametrize(
    ("text", "source", "wanted"),
    [
        ("Yes, full tuning is cheaper than LoRA.", "LoRA is cheaper than full tuning.", True),
        ("LoRA is cheaper than full tuning.", "LoRA is cheaper than full tuning.", False),
        ("LoRA is cheaper than tuning.", "LoRA is cheaper than tuning, as LoRA is small.", False),
        ("LoRA is cheaper than tuning.", "LoRA is cheaper than tuning because of LoRA.", False),
        ("A bi-encoder is slower than a cross-encoder.",
         "A cross-encoder is slower than a bi-encoder.", True),
        ("A cross-encoder is slower than a bi-encoder.",
         "A cross-encoder is slower than a bi-encoder.", False),
        ("Tuning is slower than RAG.", "It makes RAG slower compared to tuning.", True),
        ("Tuning is more costly than RAG.", "RAG is more costly than tuning.", True),
        ("Tuning is more costly than RAG.", "RAG is more modern than tuning.", False),
        ("Tuning is not cheaper than RAG.", "RAG is cheaper than tuning.", False),
        ("Tuning is faster than RAG.", "RAG is slower than tuning.", False),
        ("Tuning is cheap.", "RAG is cheaper than tuning.", False),
        ("Take tuning rather than RAG.", "Take RAG rather than tuning.", False),
    ],
)  # fmt: skip
def test_a_comparison_turned_round_is_contrary(text: str, source: str, wanted: bool) -> None:
    assert contrary(text, source) is wanted


def test_what_any_passage_says_the_other_way_round_is_not_supported() -> None:
    passages = [passage(1, "Prices differ."), passage(2, "RAG is cheaper than tuning.")]
    said, question = "Tuning is cheaper than RAG.", "Is tuning cheaper than RAG?"
    sentence = checked(said, question, passages, draft="")
    assert (sentence.supported, sentence.citations) == (False, [])
    assert "the other way round" in sentence.reason


@pytest.mark.parametrize(("subject", "alone"), [("It", False), ("Tuning", True)])
def test_what_heads_another_passage_has_to_be_stated_by_the_nearest_alone(
    subject: str, alone: bool
) -> None:
    passages = [
        passage(1, "It looks up documents first.", heading="RAG > Cons"),
        passage(2, "It takes days.", heading="Tuning > Cons"),
    ]
    beliefs: dict[str, Any] = {
        "supported": lambda query: 0.1 if "It takes days." in query.read else 0.9
    }
    said = f"{subject} looks up many documents."
    sentence = checked(said, "What does it do?", passages, draft="", **beliefs)
    assert sentence.supported is alone
    assert ("passage 1 alone" in sentence.reason) is alone


@pytest.mark.parametrize(
    ("question", "supported"), [("What does an A100 add?", False), ("Is RAG better than it?", True)]
)
def test_a_name_must_stand_in_the_passage_that_comes_nearest(
    question: str, supported: bool
) -> None:
    sentence = checked("RAG adds latency to an A100.", question, draft="")
    assert sentence.supported is supported
    if not supported:
        assert sentence.reason == "'A100' does not stand in the passage it comes nearest to"
        assert sentence.evidence is not None and sentence.evidence.n == 1


def test_a_name_that_heads_another_passage_is_not_backed_by_the_title_of_both() -> None:
    passages = [
        passage(1, "It adds latency.", title="Tuning and RAG", heading="RAG > Cons"),
        passage(2, "It takes days.", title="Tuning and RAG", heading="Tuning > Cons"),
    ]
    sentence = checked("It adds latency, as Tuning does.", QUESTION, passages)
    assert (sentence.supported, sentence.citations) == (False, [])
    assert sentence.reason.startswith("'Tuning' does not stand in the passage")


def test_what_a_passage_says_is_supported_whatever_the_model_thinks() -> None:
    sentence = checked("RAG adds latency.", supported=0.01, stated_by=0.01)
    assert (sentence.supported, sentence.support) == (True, 1.0)
    assert (sentence.citations, sentence.attributed) == ([1], True)
    assert sentence.evidence
    assert sentence.evidence.text == "RAG adds latency."
    assert sentence.reason


def test_a_written_citation_is_kept() -> None:
    sentence = checked("RAG adds latency.", citations=[2])
    assert (sentence.citations, sentence.attributed) == ([2], False)


def test_a_number_from_nowhere_is_not_supported_whatever_the_model_thinks() -> None:
    sentence = checked("RAG adds latency of 17 seconds.")
    assert (sentence.supported, sentence.citations) == (False, [])
    assert "17" in sentence.reason


@pytest.mark.parametrize(("yes", "supported"), [(0.9, True), (0.86, True), (0.59, False)])
def test_the_model_decides_about_a_paraphrase(yes: float, supported: bool) -> None:
    text = "Answers arrive later with retrieval."
    sentence = checked(text, supported={text: yes, "": 0.0})
    assert sentence.supported == supported
    assert sentence.support == pytest.approx(yes, abs=1e-3)
    assert sentence.attributed == supported  # what is not supported rests on nothing
    assert bool(sentence.citations) == supported


@pytest.mark.parametrize(("context", "supported"), [(0.51, True), (0.49, False)])
def test_what_is_half_believed_has_to_stand_in_the_context_of_the_nearest_sentence(
    context: float, supported: bool
) -> None:
    text = "Jack is a cook. Many guests came. The bill was high. He breaks plates of clay."
    around = "Plates: Many guests came. The bill was high. He breaks plates of clay."

    def stated_by(query: Query) -> float:
        return context if query.read == around else 0.0

    said, shelf = "Cooks like him break plates of clay.", [passage(1, text, heading="Plates")]
    sentence = checked(said, QUESTION, shelf, draft="", supported=0.84, stated_by=stated_by)
    assert sentence.supported is supported
    assert bool(sentence.citations) is supported
    assert ("in its context" in sentence.reason) is not supported
    assert sentence.support == pytest.approx(0.84 if supported else context, abs=1e-3)


def test_what_the_passage_says_of_one_who_is_named_is_withheld_of_another() -> None:
    text = "Guests came to see Jack. Jack says opa when he breaks plates."
    said = "Greeks say opa when plates break."
    sentence = checked(said, "What do Greeks say?", [passage(1, text)])
    assert (sentence.supported, sentence.citations) == (False, [])
    assert "'Jack'" in sentence.reason


def test_a_word_that_ends_in_no_is_whole() -> None:
    shelf = [passage(1, "Guests met Jack. Jack owns casino, hotel and bar.")]
    said = "Casino, hotel and bar are owned."
    sentence = checked(said, "What is owned?", shelf, supported=0.01)
    assert sentence.supported, sentence.reason


def test_the_two_sides_of_a_comparison_may_stand_apart() -> None:
    said = "RAG makes people wait, tuning costs money."
    beliefs: dict[str, Any] = {"supported": 0.7, "stated_by": 0.01}  # no sentence alone has both
    assert checked(said, "How do RAG and tuning differ?", draft="", **beliefs).supported
    assert not checked(said, "What do they do?", draft="", **beliefs).supported


def test_the_words_of_a_passage_turned_round_are_not_taken_for_its_own() -> None:
    assert not checked("It does need training.", supported=0.02, answers=0.02).supported


def test_without_probabilities_the_shared_words_decide() -> None:
    who = chosen(Believer())
    texts = {
        "RAG adds some latency overall.": True,
        "It does need training.": False,
        "Apples grow on trees.": False,
    }
    for text, supported in texts.items():
        sentence, _ = finished(check(Sentence(text, []), QUESTION, SOURCES, who, ""))
        assert sentence.supported == supported, text


def test_a_sentence_that_claims_nothing() -> None:
    sentence = checked("Here it is:", supported=0.01)
    assert (sentence.supported, sentence.evidence, sentence.citations) == (True, None, [])


def test_passages_without_a_single_word_do_no_harm() -> None:
    arrows: list[Passage] = [passage(1, "→ ← ↑", heading="Arrows")]
    sentence = checked("Some arrows point upwards.", QUESTION, arrows, draft="", supported=0.1)
    assert (sentence.supported, sentence.citations) == (False, [])


def test_a_draft_that_is_amiss_supports_nothing_and_shows_what_came_nearest() -> None:
    sentence = checked("RAG adds latency.", draft="", amiss="it is beside the point")
    assert (sentence.supported, sentence.citations) == (False, [])
    assert sentence.reason == "it is beside the point"
    assert sentence.evidence
    assert sentence.evidence.text == "RAG adds latency."


@pytest.mark.parametrize(("yes", "supported"), [(0.7, True), (0.6, False)])
def test_a_fragment_is_asked_about_as_the_answer_to_the_question(
    yes: float, supported: bool
) -> None:
    def answers(query: Query) -> float:
        return yes if (query.words["question"], query.claim) == (QUESTION, "Latency") else 0.0

    sentence = checked("Latency", answers=answers, supported=0.0)
    assert sentence.supported == supported
    assert sentence.support == pytest.approx(yes, abs=1e-3)


def test_a_quote_is_a_passages_own_sentence() -> None:
    near = SOURCES.nearest("RAG adds latency.")
    assert near
    sentence = quote(near, 0.9, "\n")
    assert (sentence.text, sentence.citations, sentence.lead) == (near.text, [1], "\n")
    assert "90%" in sentence.reason
    assert (sentence.supported, sentence.evidence) == (True, near.evidence)


def test_what_is_like_nothing_in_the_passages_is_the_models_own() -> None:
    """The model would have said Yes."""
    text = "A hybrid joins two or more techniques."
    sentence = checked(text, QUESTION, Sources(PASSAGES, embed))
    assert (sentence.supported, sentence.citations) == (False, [])
    assert "no passage says anything like it" in sentence.reason
    assert sentence.evidence
