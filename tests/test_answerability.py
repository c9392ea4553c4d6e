"""Whether the passages hold an answer: by score, by the model's word, by its draft."""

from __future__ import annotations

from typing import Any

import pytest
from fake_models import ONE_TOKEN, FakeChat, Vote, chosen
from fakes import embed, finished, passage

from bot.path.evidence import Sources
from bot.path.words import number_missing
from bot.trace import Gate, Reading, Signals
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


def test_the_gate_compares_the_best_score_with_the_bar() -> None:
    assert gate([passage(1, "a", score=THRESHOLD)]) == Gate(THRESHOLD, THRESHOLD, passed=True)
    low = [passage(n, "a", score=score) for n, score in ((1, THRESHOLD - 0.01), (2, 0.0))]
    assert (gate(low).best, gate(low).passed) == (THRESHOLD - 0.01, False)
    assert "the best scores 0.14, and 0.15 is needed" in gate(low).reason
    assert not gate([]).passed


@pytest.mark.parametrize(("yes", "passed"), [(0.99, True), (0.6, True), (0.1, False), (0.0, False)])
def test_the_model_is_asked_whether_the_passages_answer(yes: float, passed: bool) -> None:
    model = FakeChat(replies=[[(5, 9), Vote(yes)]])
    who = chosen(model, one_token=ONE_TOKEN)
    result, events = finished(pre_check(PASSED, "How slow is it?", PASSAGES, who))
    assert (result.passed, result.answerable_threshold) == (passed, SURE)
    assert result.signals is not None
    assert result.signals.yes == pytest.approx(yes, abs=1e-3)
    assert (result.signals.cosine, result.signals.unknown, result.signals.draft) == (0.6, "", None)
    assert result.answerable == pytest.approx(probability(result.signals), abs=1e-4)
    assert f"{result.answerable:.0%}" in result.reason
    assert (result.best, result.threshold) == (PASSED.best, PASSED.threshold)
    assert events == [Reading(5, 9)]
    asked = str(model.calls[0][-1].content)
    assert "How slow is it?" in asked
    assert LATENCY in asked
    assert model.options == [ONE_TOKEN]


def test_a_name_that_no_passage_has_speaks_against_an_answer() -> None:
    results = []
    for question in ("Is RAG slow?", "Is RAG slow on Mars?"):
        who = chosen(FakeChat(replies=[[Vote(0.8)]]), one_token=ONE_TOKEN)
        results.append(finished(pre_check(PASSED, question, PASSAGES, who))[0])
    known, foreign = results
    assert known.answerable > foreign.answerable
    assert foreign.signals is not None
    assert foreign.signals.unknown == "Mars"
    assert "'Mars' stands in none" in foreign.reason


# --- a second look, in doubt


def looked_twice(draft: float, sentences: float, text: str = "RAG adds latency.") -> Any:
    others = [[Vote(0.01)]] * (sentences < QUOTE_THRESHOLD)
    about_draft = [[(5, 9), Vote(draft)]] * (sentences > RESTS_THRESHOLD)
    model = FakeChat(replies=[[Vote(0.6)], [Vote(sentences)], *others, *about_draft])
    who = chosen(model, one_token=ONE_TOKEN)
    first, _ = finished(pre_check(PASSED, "How slow is it?", PASSAGES, who))
    assert first.passed
    assert DOUBT < first.answerable < LIKELY
    (result, judged), events = finished(post_check(first, "How slow is it?", SOURCES, text, who))
    assert events == [Reading(5, 9)] * (sentences > RESTS_THRESHOLD)
    assert [one.yes for one in judged] == [
        pytest.approx(sentences, abs=1e-3),
        *[0.01] * len(others),
    ]
    assert len(model.calls) == len(model.replies)
    return result, model


@pytest.mark.parametrize(
    ("draft", "sentences", "passed"),
    [
        (DRAFT_THRESHOLD + 0.01, RESTS_THRESHOLD + 0.015, True),
        (DRAFT_THRESHOLD - 0.01, 0.99, False),
        (0.99, RESTS_THRESHOLD - 0.015, False),
    ],
)
def test_in_doubt_the_draft_has_to_convince(draft: float, sentences: float, passed: bool) -> None:
    result, model = looked_twice(draft, sentences)
    assert result.passed is passed
    assert result.signals.rests == pytest.approx(sentences, abs=1e-3)
    assert f"{sentences:.0%}" in result.reason
    about_sentence, *rest = (str(call[-1].content) for call in model.calls[1:])
    assert "Text: RAG adds latency.\n" in about_sentence
    assert "RAG is old" not in about_sentence
    if sentences < RESTS_THRESHOLD:  # whatever is said of the draft, it fails
        assert result.signals.draft is None
    else:
        assert result.signals.draft == pytest.approx(draft, abs=1e-3)
        assert LATENCY in rest[-1]
        assert "Proposed answer: RAG adds latency." in rest[-1]


@pytest.mark.parametrize(
    ("draft", "passed"), [(DRAFT_THRESHOLD + 0.01, True), (DRAFT_THRESHOLD - 0.01, False)]
)
def test_in_little_doubt_no_sentence_has_to_answer_alone(draft: float, passed: bool) -> None:
    model = FakeChat(replies=[[Vote(0.73)], [Vote(draft)], [Vote(0.01)], [Vote(0.01)]])
    who = chosen(model, one_token=ONE_TOKEN)
    first, _ = finished(pre_check(PASSED, "How slow is it?", PASSAGES, who))
    assert LIKELY < first.answerable < SURE
    (result, judged), _ = finished(
        post_check(first, "How slow is it?", SOURCES, "RAG adds latency.", who)
    )
    assert (result.passed, bool(judged)) == (passed, not passed)
    assert result.signals.draft == pytest.approx(draft, abs=1e-3)
    assert (result.signals.rests is None) is passed


def test_a_sentence_that_surely_answers_is_preferred_to_a_draft_that_rests_on_none() -> None:
    for rests, passed, last in (
        (RESTS_THRESHOLD + 0.01, False, QUOTE_THRESHOLD + 0.02),  # said of the other sentence
        (QUOTE_THRESHOLD + 0.01, True, 0.99),  # of the draft
    ):
        model = FakeChat(replies=[[Vote(0.6)], [Vote(rests)], [Vote(last)]])
        who = chosen(model, one_token=ONE_TOKEN)
        first, _ = finished(pre_check(PASSED, "Why so slow?", PASSAGES, who))
        (result, judged), _ = finished(
            post_check(first, "Why so slow?", SOURCES, LATENCY[:17], who)
        )
        assert result.passed is passed
        assert quotable(judged)[0].near.evidence.text in LATENCY


def test_a_sure_answer_is_not_looked_at_twice() -> None:
    who = chosen(FakeChat(replies=[[Vote(0.95)]]), one_token=ONE_TOKEN)
    first, _ = finished(pre_check(PASSED, "Is it slow?", PASSAGES, who))
    assert finished(post_check(first, "Is it slow?", SOURCES, "Yes.", who)) == ((first, []), [])


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
    who = chosen(FakeChat(replies=[[Vote(0.8)], *[[Vote(0.01)]] * 4]), one_token=ONE_TOKEN)
    first, _ = finished(pre_check(PASSED, question, passages, who))
    assert first.answerable > SURE
    (result, _), _ = finished(post_check(first, question, Sources(passages, embed), draft, who))
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
    who = chosen(FakeChat(replies=[[Vote(0.8)], *[[Vote(0.7)]] * 5]), one_token=ONE_TOKEN)
    first, _ = finished(pre_check(PASSED, question, passages, who))
    sources = Sources(passages, embed)
    (result, _), _ = finished(post_check(first, question, sources, "Yes, it takes days.", who))
    assert result.signals.mismatch in ("cons", "RAG")
    assert result.passed is passes


def test_a_number_asked_for_and_not_given_is_no_answer() -> None:
    who = chosen(FakeChat(replies=[[Vote(0.95)]]), one_token=ONE_TOKEN)
    question = "How many seconds does it add?"
    first, _ = finished(pre_check(PASSED, question, PASSAGES, who))
    (result, judged), events = finished(post_check(first, question, SOURCES, "Latency.", who))
    assert (result.passed, judged, events) == (False, [], [])
    assert "asks for a number" in result.reason


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
    who = chosen(FakeChat(replies=[]))
    assert finished(judge("Why?", SOURCES, "RAG is slow.", who)) == ([], [])


def test_a_model_without_probabilities_lets_the_question_pass() -> None:
    who = chosen(FakeChat(replies=[]))
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
