"""Whether the passages hold an answer: by score, by the model's word, by its draft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from fake_believer import Believer, Query, believing
from fake_models import chosen
from fakes import embed, finished, passage

from bot.path.evidence import Sources
from bot.path.words import number_missing
from bot.trace import Gate, Passage, Reading, Signals
from bot.verify.answerability import (
    DOUBT,
    DRAFT_THRESHOLD,
    LIKELY,
    NEAR,
    QUOTE_THRESHOLD,
    RESTS_THRESHOLD,
    SURE,
    THRESHOLD,
    Judged,
    candidates,
    gate,
    judge,
    log_odds,
    post_check,
    pre_check,
    probability,
    quotable,
)

LATENCY = "RAG adds latency. It does not need training."
PASSAGES = [passage(1, LATENCY, dense=0.4), passage(2, "RAG is old.", dense=0.6)]
SOURCES = Sources(PASSAGES, embed)
PASSED = Gate(0.9, THRESHOLD, passed=True)
QUESTION, DRAFT = "How slow is it?", "RAG adds latency."


def looked(
    yes: float,
    question: str = QUESTION,
    draft: str = DRAFT,
    passages: Sequence[Passage] = PASSAGES,
    **beliefs: Any,
) -> tuple[Gate, Gate, list[Judged]]:
    """Return the gate before the draft and after it, and the sentences that were judged.

    yes: what the model thinks of the passages; all other beliefs are in nothing, unless given.
    """
    unsure = {"answers": 0.01, "answered_by": 0.01}
    who = believing(Believer(beliefs={**unsure, **beliefs, "answerable": yes}))
    first, _ = finished(pre_check(PASSED, question, passages, who))
    (last, judged), _ = finished(post_check(first, question, Sources(passages, embed), draft, who))
    return first, last, judged


def test_the_gate_compares_the_best_score_with_the_threshold() -> None:
    assert gate([passage(1, "a", score=THRESHOLD)]) == Gate(THRESHOLD, THRESHOLD, passed=True)
    low = [passage(n, "a", score=score) for n, score in ((1, THRESHOLD - 0.01), (2, 0.0))]
    assert (gate(low).best, gate(low).passed) == (THRESHOLD - 0.01, False)
    assert "the best scores 0.14, and 0.15 is needed" in gate(low).reason
    assert not gate([]).passed


@pytest.mark.parametrize(("yes", "passed"), [(0.99, True), (0.6, True), (0.1, False), (0.0, False)])
def test_the_model_is_asked_whether_the_passages_answer(yes: float, passed: bool) -> None:
    model = Believer(beliefs={"answerable": yes}, reads=[(5, 9)])
    result, events = finished(pre_check(PASSED, QUESTION, PASSAGES, believing(model)))
    assert (result.passed, result.answerable_threshold) == (passed, SURE)
    assert result.signals is not None
    assert result.signals.yes == pytest.approx(yes, abs=1e-3)
    assert (result.signals.cosine, result.signals.unknown, result.signals.draft) == (0.6, "", None)
    assert result.answerable == pytest.approx(probability(result.signals), abs=1e-4)
    assert f"{result.answerable:.0%}" in result.reason
    assert (result.best, result.threshold) == (PASSED.best, PASSED.threshold)
    assert events == [Reading(5, 9)] * len(model.asked())
    for query in model.asked():
        assert QUESTION in query.claim
        assert LATENCY in query.read


def test_a_name_that_no_passage_has_speaks_against_an_answer() -> None:
    who = believing(Believer(beliefs={"answerable": 0.8}))
    known, foreign = (
        finished(pre_check(PASSED, question, PASSAGES, who))[0]
        for question in ("Is RAG slow?", "Is RAG slow on Mars?")
    )
    assert known.answerable > foreign.answerable
    assert foreign.signals is not None
    assert foreign.signals.unknown == "Mars"
    assert "'Mars' stands in none" in foreign.reason


# --- a second look, in doubt


@pytest.mark.parametrize(
    ("said", "alone", "passed"),
    [
        (DRAFT_THRESHOLD + 0.01, RESTS_THRESHOLD + 0.015, True),
        (DRAFT_THRESHOLD - 0.01, 0.99, False),
        (0.99, RESTS_THRESHOLD - 0.015, False),
    ],
)
def test_in_doubt_the_draft_has_to_convince(said: float, alone: float, passed: bool) -> None:
    """Draft and sentence that it rests on have to: what any other sentence says does not help."""

    def of_the_draft(query: Query) -> float:
        assert LATENCY in query.read
        return said if query.claim == DRAFT else 0.0

    first, last, judged = looked(
        0.6, answers=of_the_draft, answered_by={"RAG adds latency.": alone}
    )
    assert first.passed
    assert first.answerable and DOUBT < first.answerable < LIKELY
    assert last.passed is passed
    (rests,) = [one for one in judged if one.drafts]
    assert rests.near.evidence.text == DRAFT
    assert rests.yes == pytest.approx(alone, abs=1e-3)
    assert last.signals is not None
    assert last.signals.rests == pytest.approx(alone, abs=1e-3)
    assert f"{alone:.0%}" in last.reason
    if last.signals.draft is not None:  # where the sentence alone decides, it may be unknown
        assert last.signals.draft == pytest.approx(said, abs=1e-3)
    else:
        assert alone < RESTS_THRESHOLD


@pytest.mark.parametrize(
    ("said", "passed"), [(DRAFT_THRESHOLD + 0.01, True), (DRAFT_THRESHOLD - 0.01, False)]
)
def test_in_little_doubt_no_sentence_has_to_answer_alone(said: float, passed: bool) -> None:
    first, last, judged = looked(0.73, answers=said)
    assert first.answerable and LIKELY < first.answerable < SURE
    assert (last.passed, bool(judged)) == (passed, not passed)
    assert last.signals is not None
    assert last.signals.draft == pytest.approx(said, abs=1e-3)


@pytest.mark.parametrize(
    ("rests", "other", "passed"),
    [
        (RESTS_THRESHOLD + 0.01, QUOTE_THRESHOLD + 0.02, False),
        (RESTS_THRESHOLD + 0.01, QUOTE_THRESHOLD - 0.02, True),
        (QUOTE_THRESHOLD + 0.01, 0.99, True),
    ],
)
def test_a_sentence_that_surely_answers_is_preferred_to_a_draft_that_rests_on_none(
    rests: float, other: float, passed: bool
) -> None:
    alone = {"RAG adds latency.": rests, "": other}
    _, last, judged = looked(0.6, answers=0.99, answered_by=alone)
    assert last.passed is passed
    quotes = quotable(judged)
    assert bool(quotes) is (max(rests, other) >= QUOTE_THRESHOLD)
    assert passed or not quotes[0].drafts, "what is quoted in its place is the other"


def test_a_sure_answer_is_not_looked_at_twice() -> None:
    first, last, judged = looked(0.95, "Is it slow?", "Yes.")
    assert (last, judged) == (first, [])


@pytest.mark.parametrize(
    ("question", "draft", "name_mismatch"),
    [
        ("What is bad about RAG?", "Tuning takes days.", "RAG"),
        ("What is bad about RAG?", "RAG adds latency.", ""),
        ("When is tuning good?", "It adds latency.", "tuning"),
        ("When is it good?", "It adds latency.", ""),
        ("Is RAG better than tuning?", "Tuning takes days.", ""),  # compares
    ],
)
def test_a_draft_that_rests_on_another_subject_is_in_doubt(
    question: str, draft: str, name_mismatch: str
) -> None:
    passages = [
        passage(1, "It adds latency.", heading="RAG > Cons", dense=0.6),
        passage(2, "It takes days.", heading="Tuning > Cons", dense=0.6),
    ]
    first, result, _ = looked(0.8, question, draft, passages)
    assert first.answerable and first.answerable > SURE
    assert result.signals is not None
    assert result.signals.mismatch == name_mismatch
    assert result.passed is not bool(name_mismatch)


@pytest.mark.parametrize(
    ("question", "passes"), [("Will it take cons?", True), ("Has RAG a fee?", False)]
)
def test_a_yes_that_rests_on_another_subject_fails_and_one_on_another_word_may_convince(
    question: str, passes: bool
) -> None:
    passages = [
        passage(1, "It adds latency.", heading="RAG > Cons", dense=0.6),
        passage(2, "It takes days.", heading="Tuning", dense=0.6),
    ]
    draft = "Yes, it takes days."
    _, result, _ = looked(0.8, question, draft, passages, answers=0.7, answered_by=0.7)
    assert result.signals is not None
    assert result.signals.mismatch in ("cons", "RAG")
    assert result.passed is passes


def test_a_number_asked_for_and_not_given_is_no_answer() -> None:
    _, last, judged = looked(0.95, "How many seconds does it add?", "Latency.", answers=0.99)
    assert (last.passed, judged) == (False, [])
    assert "asks for a number" in last.reason


def test_sentences_near_the_question_and_near_the_draft_are_looked_at_once() -> None:
    first = "RAG adds latency. RAG is slow. RAG is costly. RAG is old. Cats purr."
    shelf = [passage(1, first, heading="RAG > Cons"), passage(2, "RAG is young.")]
    found = candidates("Is RAG slow?", "Cats purr.", Sources(shelf, embed))
    texts = [near.text for near, _ in found]
    assert texts[:2] == ["RAG > Cons: Cats purr.", "RAG > Cons: RAG is slow."]
    assert [drafts for _, drafts in found] == [True, *[False] * NEAR]
    assert len(set(texts)) == NEAR + 1
    assert candidates("Why?", "", Sources([], embed)) == []


def test_only_what_surely_answers_is_quoted_and_the_surest_first() -> None:
    sentences = SOURCES.near("Is RAG slow?", 3)
    assert len(sentences) == 3
    judged = [
        Judged(near, yes, drafts=False)
        for near, yes in zip(
            sentences, [QUOTE_THRESHOLD, QUOTE_THRESHOLD - 0.01, 0.99], strict=True
        )
    ]
    assert quotable(judged) == [judged[2], judged[0]]


def test_a_question_for_a_number_is_answered_by_no_sentence_without_one() -> None:
    shelf = Sources([passage(1, "RAG adds latency. It adds 40 milliseconds.")], embed)
    found = candidates("How many milliseconds does RAG add?", "It adds some.", shelf)
    assert [near.text for near, _ in found] == ["It adds 40 milliseconds."]


def test_of_a_model_without_probabilities_no_sentence_is_asked() -> None:
    who = chosen(Believer())
    assert finished(judge("Why?", SOURCES, "RAG is slow.", who)) == ([], [])


def test_a_model_without_probabilities_lets_the_question_pass() -> None:
    who = chosen(Believer())
    result, events = finished(pre_check(PASSED, "Why?", PASSAGES, who))
    assert (result.passed, result.answerable, events) == (True, None, [])
    assert "no probabilities" in result.reason
    assert finished(post_check(result, "Why?", SOURCES, "So.", who)) == ((result, []), [])


def test_the_probability_rises_with_what_speaks_for_an_answer() -> None:
    middle = probability(Signals(0.5, 0.5))
    assert probability(Signals(0.6, 0.5)) > middle
    assert probability(Signals(0.5, 0.6)) > middle
    assert probability(Signals(0.5, 0.5, "Mars")) < middle
    for end in (0.0, 1.0):
        assert 0 <= probability(Signals(end, end)) <= 1


def test_log_odds_stay_finite() -> None:
    assert log_odds(0.5) == 0
    assert log_odds(0.0) == pytest.approx(-log_odds(1.0))
    assert log_odds(0.0) < -9


@pytest.mark.parametrize(
    ("question", "draft", "missing"),
    [
        ("How many GPUs does it need?", "It needs labeled data.", True),
        ("How many GPUs does it need?", "It needs 8 of them.", False),
        ("How many GPUs does it need?", "Two are enough.", False),
        ("How many GPUs does it need?", "It may need some.", True),
        ("When was it sold?", "In May.", False),
        ("In what year was it built?", "It was built by the town.", True),
        ("When was it built?", "In the spring.", False),
        ("When did it sink?", "It sank in a storm.", True),
        ("When should I use it?", "When response time is critical.", False),
        ("How much data does it need?", "A substantial amount.", False),
        ("Why?", "Because it is slow.", False),
    ],
)
def test_a_question_for_a_number_wants_one(question: str, draft: str, missing: bool) -> None:
    assert number_missing(question, draft) is missing
