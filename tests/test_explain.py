"""How an answer came about, told from its trace; and the same as text for the shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from fake_believer import Believer
from fake_models import ONE_TOKEN, chosen
from fakes import Shelf, passage

from bot import answer as path
from bot.cli.ask import explanation
from bot.explain.stages import STAGES
from bot.explain.steps import STOPPED, Step, explain
from bot.path import prompts
from bot.path.retrieval import DENSE_WEIGHT, Retriever
from bot.session import Bot
from bot.trace import Answer, Dropped, Evidence, Gate, Passage, Sentence, Signals, Tokens
from bot.verify.answerability import DOUBT, DRAFT_THRESHOLD, LIKELY, RESTS_THRESHOLD
from ingest.settings import Settings

FIRST = passage(
    1, "RAG adds latency.", heading="Cons", page=3,
    score=0.554, dense=0.712, bm25=0.318, dense_rank=3, bm25_rank=1,
)  # fmt: skip
SECOND = passage(
    2, "Fine-tuning needs data.", heading="Pros",
    score=0.42, dense=0.7, bm25=0.0, dense_rank=1, bm25_rank=None,
)  # fmt: skip
THIRD = passage(
    3, "RAG adds latency.", heading="Copy",
    score=0.3, dense=0.1, bm25=0.6, dense_rank=None, bm25_rank=2,
)  # fmt: skip
EVIDENCE = Evidence(1, 0, 17, "RAG adds latency.")
SHOWN = Sentence("RAG adds delay.", [1], True, "", 0.8125, True, "the model said so", EVIDENCE)
OUT = Sentence("It was made in 1974.", [], reason="'1974' stands in no passage")
ANSWER = Answer(
    id="a",
    question="and the cons?",
    resolved_question="What are the cons of RAG?",
    answer="RAG adds delay. [1]",
    abstained=False,
    sentences=[SHOWN],
    passages=[FIRST, SECOND],
    model="fake",
    tokens=Tokens(412, 23, 4096, 412),
    timings_ms={
        "resolve": 10.5, "retrieve": 30.0, "prompt": 2.0, "answerable": 900.0,
        "read": 57.5, "write": 1500.0, "doubt": 100.0, "check": 300.0, "total": 2900.1,
    },
    gate=Gate(0.554, 0.15, True, "probably", 0.9312, 0.4, Signals(0.87, 0.712)),
    withheld=[OUT],
    dropped=[Dropped(THIRD, "it repeats passage 1")],
    prompt=[{"role": "system", "content": "Be brief."}, {"role": "human", "content": "Cons?"}],
    draft="RAG adds delay [1][7]. It was made in 1974.",
    invalid_citations=[7],
)  # fmt: skip


def step(answer: Answer, title: str) -> Step:
    (found,) = [step for step in explain(answer) if step.title == title]
    return found


def fact(found: Step, label: str) -> str:
    (value,) = [value for name, value in found.facts if name == label]
    return value


# --- the figures are the trace's


def test_the_steps_come_in_the_order_of_the_work() -> None:
    titles = [step.title for step in explain(ANSWER)]
    assert titles == "Question Search Passages Gate Prompt Draft Check Time".split()
    assert not any(STOPPED in step.summary or step.alert for step in explain(ANSWER))


def test_a_follow_up_is_told_from_a_question_that_stands_alone() -> None:
    found = step(ANSWER, "Question")
    assert found.facts == [("Typed", "and the cons?"), ("Looked up", "What are the cons of RAG?")]
    same = step(replace(ANSWER, question="What are the cons of RAG?"), "Question")
    assert same.facts == [("Typed", "What are the cons of RAG?")]
    assert same.summary != found.summary


def test_each_ranking_is_in_its_own_order() -> None:
    found = step(ANSWER, "Search")
    assert found.summary == (
        "3 passages were found: dense search ranked 2 by meaning, BM25 2 by words."
    )
    assert found.facts[1:] == [
        ("Dense search, 1", "0.700 [2] doc.md, Pros"),
        ("Dense search, 3", "0.712 [1] doc.md, Cons, page 3"),
        ("BM25, 1", "0.318 [1] doc.md, Cons, page 3"),
        ("BM25, 2", "0.600 doc.md, Copy (left out)"),
    ]


def test_fusion_says_how_it_moved_and_scored_each_passage() -> None:
    found = step(ANSWER, "Passages")
    assert "0.554 at best: 2 passages were kept, 1 left out" in found.summary
    assert fact(found, "[1] doc.md, Cons, page 3").split("\n") == [
        "rank 1: up 2 from 3 in dense search, as in BM25",
        f"score {DENSE_WEIGHT:g} × 0.712 + {1 - DENSE_WEIGHT:g} × 0.318 = 0.554",
    ]
    assert fact(found, "[2] doc.md, Pros").startswith(
        "rank 2: down 1 from 1 in dense search, not in BM25's list\n"
    )
    assert fact(found, "doc.md, Copy (left out)").endswith("\nleft out: it repeats passage 1")


def test_a_repeat_that_was_dropped_keeps_its_place_among_the_ranks() -> None:
    twin = replace(THIRD, score=0.5)
    found = step(replace(ANSWER, dropped=[Dropped(twin, "it repeats passage 1")]), "Passages")
    assert [label for label, _ in found.facts] == [
        "[1] doc.md, Cons, page 3",
        "doc.md, Copy (left out)",
        "[2] doc.md, Pros",
    ]
    assert "rank 3" in fact(found, "[2] doc.md, Pros")


def test_the_gate_has_its_signals_and_thresholds() -> None:
    found = step(ANSWER, "Gate")
    assert found.summary == "Passed: the passages hold the answer with a probability of 93.1%."
    assert fact(found, "Best score") == "0.554; the threshold is 0.15"
    assert fact(found, "The model's Yes") == "87.0%"
    assert fact(found, "Best cosine") == "0.712"
    assert fact(found, "Probability") == (
        f"93.1%; the thresholds are {DOUBT:.0%} to write a draft, 40% to believe it"
    )
    signals = Signals(0.5, 0.4, "Zeppelin")
    named = step(replace(ANSWER, gate=replace(ANSWER.gate, signals=signals)), "Gate")
    assert fact(named, "In no passage") == "'Zeppelin'"


def test_the_prompt_is_given_to_the_letter() -> None:
    found = step(ANSWER, "Prompt")
    assert found.summary == "The model read 412 of 4096 tokens."
    assert found.quotes == [("system", "Be brief."), ("human", "Cons?")]
    assert fact(found, "Counted here") == "412 tokens"
    assert not found.alert


def test_a_prompt_of_which_part_was_lost_is_an_alert() -> None:
    found = step(replace(ANSWER, tokens=Tokens(300, 23, 4096, 412)), "Prompt")
    assert found.alert
    assert "300 of 4096 tokens, but 412 were sent" in found.summary
    more = step(replace(ANSWER, tokens=Tokens(413, 23, 4096, 412)), "Prompt")
    unknown = step(replace(ANSWER, tokens=Tokens(300, 23, 4096)), "Prompt")
    assert not more.alert
    assert not unknown.alert
    assert "unknown" in fact(unknown, "Counted here")


def test_a_bound_is_not_told_as_what_was_read() -> None:
    found = step(replace(ANSWER, tokens=Tokens(500, 0, 4096)), "Prompt")
    assert "at most 500 of 4096" in found.summary
    assert "model read" not in found.summary


def test_the_draft_is_given_as_written() -> None:
    found = step(ANSWER, "Draft")
    assert found.summary == "fake wrote 2 sentences in 23 tokens."
    assert found.quotes == [("as written", ANSWER.draft)]
    assert found.facts == [("Citations of no passage", "[7]")]
    assert step(replace(ANSWER, invalid_citations=[]), "Draft").facts == []


def test_every_sentence_has_its_reason_and_its_evidence() -> None:
    found = step(ANSWER, "Check")
    assert found.summary == "The passages state 1 of 2 sentences, 1 withheld."
    assert fact(found, "Shown").split("\n") == [
        "RAG adds delay.",
        "support 81%: the model said so",
        "cites [1], named by the check",
        "passage 1 says: “RAG adds latency.”",
    ]
    assert fact(found, "Withheld").split("\n") == [
        "It was made in 1974.",
        "support 0%: '1974' stands in no passage",
    ]


def test_marked_and_empty_sentences_are_counted_apart() -> None:
    sentences = [SHOWN, OUT, Sentence("It is.", [], support=1.0, supported=True)]
    found = step(replace(ANSWER, sentences=sentences, withheld=[]), "Check")
    assert found.summary == "The passages state 1 of 3 sentences, 1 marked, 1 without a claim."
    assert [label for label, _ in found.facts][:3] == ["Shown", "Marked", "Shown"]


# --- the time


def test_the_stages_follow_each_other_without_a_gap() -> None:
    found = step(ANSWER, "Time")
    assert found.summary == "2.9 s in all; the longest was to write the draft, 1.5 s."
    assert [span.stage for span in found.spans] == list(STAGES.values())
    assert [span.length for span in found.spans] == [
        10.5,
        30.0,
        2.0,
        900.0,
        57.5,
        1500.0,
        100.0,
        300.0,
    ]
    assert found.spans[0].start == 0
    for one, following in zip(found.spans, found.spans[1:], strict=False):
        assert following.start == pytest.approx(one.start + one.length)
    last = found.spans[-1]
    assert last.start + last.length == pytest.approx(ANSWER.timings_ms["total"], abs=0.2)


def test_a_stage_that_nobody_named_keeps_its_name() -> None:
    found = step(replace(ANSWER, timings_ms={"polish": 4.0, "total": 4.0}), "Time")
    assert [span.stage for span in found.spans] == ["polish"]
    assert step(replace(ANSWER, timings_ms={"total": 4.0}), "Time").spans == []


# --- abstentions, each from the answer path itself

PASSAGES = [passage(1, "RAG adds latency. It needs a vector store.", heading="Cons", score=0.8)]
QUESTION = "What are the cons of RAG?"
SURE, DOUBTFUL = {"answerable": 0.95}, {"answerable": 0.5}
NOTHING_ALONE = {"answered_by": 0.02}  # no sentence of the passages is worth quoting
LATENCY_ALONE = {"answered_by": {"RAG adds latency": 0.95, "": 0.02}}
CONVINCING = {"answers": 0.95, "answered_by": 0.95}
REFUSAL = "The passages do not contain this information."


def answered(
    draft: str = "RAG adds latency.",
    beliefs: dict[str, Any] = SURE,
    question: str = QUESTION,
    passages: Sequence[Passage] = PASSAGES,
    probabilities: bool = True,
    window: int = 4096,
    **settings: Any,
) -> Answer:
    one_token = ONE_TOKEN if probabilities else None
    model = Believer(draft=draft, beliefs=beliefs)
    who = chosen(model, window=window, one_token=one_token)
    bot = Bot(Settings(**settings), cast("Retriever", Shelf(passages)), who)
    *_, last = path.answer(bot, question)
    assert isinstance(last, Answer)
    return last


def stop(answer: Answer) -> tuple[str, str]:
    """Return the title and the sentence of the one step that led to an abstention."""
    assert answer.abstained
    (found,) = [step for step in explain(answer) if step.summary.startswith(STOPPED)]
    assert found.summary.endswith(".")
    assert "\n" not in found.summary
    return found.title, found.summary.removeprefix(f"{STOPPED} ")


def titles(answer: Answer) -> str:
    return " ".join(step.title for step in explain(answer))


def test_stopped_by_the_score() -> None:
    answer = answered(passages=[replace(PASSAGES[0], score=0.04)])
    said = "the best passage scores 0.040, and 0.15 is needed, so the model was not asked."
    assert stop(answer) == ("Gate", said)
    assert titles(answer) == "Question Search Passages Gate Time"


def test_stopped_because_nothing_was_found() -> None:
    answer = answered(passages=[])
    assert stop(answer)[0] == "Gate"
    assert titles(answer) == "Question Search Gate Time"
    assert step(answer, "Search").summary == "No passage was found."


def test_stopped_because_no_passage_fits() -> None:
    answer = answered(passages=[passage(1, "RAG adds latency. " + "word " * 2000)], window=1024)
    assert stop(answer) == ("Gate", "no passage fits the window.")
    (row,) = step(answer, "Passages").facts
    assert "left out: the prompt had" in row[1]


def test_stopped_by_the_probability() -> None:
    answer = answered(beliefs={"answerable": 0.02})
    assert answer.gate.answerable is not None
    said = (
        f"the passages hold the answer with a probability of {answer.gate.answerable:.1%}, "
        f"and {DOUBT:.0%} is needed to write a draft."
    )
    assert stop(answer) == ("Gate", said)
    assert titles(answer) == "Question Search Passages Gate Prompt Time"
    sent = step(answer, "Prompt")
    assert "was not sent" in sent.summary
    assert f"{answer.tokens.prompt} of 4096" in sent.summary
    assert not sent.alert


@pytest.mark.parametrize("grounding", ["strict", "show"])
def test_stopped_by_a_doubtful_draft(grounding: str) -> None:
    alone = {"RAG adds latency": 0.6, "": 0.02}
    beliefs = {**DOUBTFUL, "answered_by": alone, "answers": 0.02}
    answer = answered(beliefs=beliefs, grounding=grounding)
    title, said = stop(answer)
    assert title == "Second look"
    assert said.startswith("the draft had to convince, and did not: ")
    assert "60.0%" in said
    assert "2.0%" in said
    second = step(answer, "Second look")
    assert fact(second, "It answers the question") == f"2.0%; {DRAFT_THRESHOLD:.0%} is needed"
    assert fact(second, "A sentence it rests on answers") == (
        f"60.0%; {RESTS_THRESHOLD:.0%} is needed below a probability of {LIKELY:.0%}"
    )
    assert step(answer, "Gate").summary.startswith("In doubt: ")
    assert step(answer, "Check").summary.startswith("Not one of 1 counts")
    assert titles(answer) == "Question Search Passages Gate Prompt Draft Second look Check Time"


def test_a_doubtful_draft_that_convinces() -> None:
    answer = answered(beliefs={**DOUBTFUL, **CONVINCING})
    assert not answer.abstained
    assert step(answer, "Second look").summary.startswith("The draft had to convince, and did: ")
    assert "Second look" not in titles(answered())


def test_in_little_doubt_the_second_look_is_at_the_draft_alone() -> None:
    answer = answered(beliefs={**DOUBTFUL, **CONVINCING})
    assert answer.gate.signals is not None
    signals = replace(answer.gate.signals, draft=0.9, rests=None, alone=None, mismatch="RAG")
    second = step(replace(answer, gate=replace(answer.gate, signals=signals)), "Second look")
    assert second.summary.endswith(": that it answers the question has 90.0%.")
    assert dict(second.facts) == {
        "It answers the question": f"90.0%; {DRAFT_THRESHOLD:.0%} is needed",
        "No passage it rests on has": "'RAG'",
    }


def test_stopped_for_want_of_a_number() -> None:
    answer = answered(question="How many seconds does RAG add?")
    said = "the question asks for a number or a date, and the draft has none."
    assert stop(answer) == ("Second look", said)
    assert step(answer, "Gate").summary.startswith("Passed: ")


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (" \n", "wrote nothing"),
        (REFUSAL, "the model itself wrote"),
        ("[1]", "no sentence"),
    ],
)
def test_stopped_by_the_model_itself(draft: str, words: str) -> None:
    title, said = stop(answered(draft, {**SURE, **NOTHING_ALONE}))
    assert title == "Draft"
    assert words in said


def test_stopped_because_nothing_is_supported() -> None:
    draft = "Zeppelins are slow. It was invented in 1974."
    answer = answered(draft, {**SURE, **NOTHING_ALONE})
    assert stop(answer) == ("Check", "of 2 sentences the passages state none.")


def test_a_quote_in_place_of_a_failed_draft_is_told_as_one() -> None:
    answer = answered("RAG adds no latency.", {**SURE, **LATENCY_ALONE})
    assert step(answer, "Draft").summary.startswith("fake wrote 1 sentence")
    check = step(answer, "Check")
    assert check.summary == (
        "The passages state 0 of 1 sentence, 1 withheld; 1 sentence of theirs quoted instead."
    )
    assert fact(check, "Quoted").startswith("Cons: RAG adds latency.")
    assert fact(check, "Withheld").startswith("RAG adds no latency.")


def test_a_quote_after_all_is_no_stop() -> None:
    answer = answered(REFUSAL, {**SURE, **LATENCY_ALONE})
    assert step(answer, "Draft").summary.startswith("The model itself wrote")
    assert "1 sentence of theirs quoted" in step(answer, "Check").summary
    beliefs = {**DOUBTFUL, **LATENCY_ALONE, "answers": 0.02}
    doubted = answered("RAG is all right.", beliefs)
    assert step(doubted, "Second look").summary.startswith("The draft had to convince, and did not")
    assert "1 sentence of theirs quoted instead" in step(doubted, "Check").summary
    assert not [one for one in explain(doubted) if one.summary.startswith(STOPPED)]


def test_a_model_without_probabilities_is_not_doubted() -> None:
    answer = answered(probabilities=False)
    gate = step(answer, "Gate")
    assert gate.summary == "Passed: the best passage scores 0.800, and 0.15 is needed."
    assert "no probabilities" in fact(gate, "Found out")
    assert "Probability" not in dict(gate.facts)


# --- as text


def test_text_is_aligned_and_no_wider_than_asked() -> None:
    wide = replace(FIRST, document="a/" + "long name " * 20)
    answer = replace(ANSWER, passages=[wide, SECOND], prompt=[], draft="")
    lines = explanation(explain(answer), 60).splitlines()
    told = [line for line in lines if "ms from" not in line]
    assert max(len(line) for line in told) <= 60
    assert "  Typed      and the cons?" in lines
    assert "  Looked up  What are the cons of RAG?" in lines
    assert "      rank 2: down 1 from 1 in dense search, not in BM25's" in lines


def test_text_quotes_line_by_line() -> None:
    long = "word " * 60
    sent = [{"role": "human", "content": f"one\n\n{long}"}]
    text = explanation(explain(replace(ANSWER, prompt=sent)), 60)
    assert f"  human:\n  | one\n  | \n  | {long}\n" in text


def test_the_texts_thresholds_lie_where_their_stages_do() -> None:
    lines = explanation([step(ANSWER, "Time")], 100).splitlines()[2:]
    rows = [line for line in lines if "ms from" in line]
    assert len(rows) == 8
    ends = [(row.index("█"), row.rindex("█") + 1) for row in rows if "█" in row]
    assert [end for _, end in ends[:-1]] == [start for start, _ in ends[1:]]
    assert sum(row.count("▏") for row in rows) == 3  # too short for a bar of their own
    assert len({row.index(" ms from") for row in rows}) == 1
    assert rows[-1].endswith("300.0 ms from 2,600.0")


def test_an_alert_is_seen_in_the_text() -> None:
    answer = replace(ANSWER, tokens=Tokens(300, 23, 4096, 412))
    assert "\nPrompt (!): The model read 300" in explanation(explain(answer), 100)


def test_text_cannot_steer_the_terminal() -> None:
    evil = "\x1b[2J\x9b2J\x07\r\x7f"
    answer = replace(
        ANSWER,
        question=evil,
        draft=evil,
        passages=[replace(FIRST, document=evil, text=evil)],
        prompt=[{"role": evil, "content": f"{prompts.SYSTEM}{evil}"}],
        sentences=[replace(SHOWN, text=evil, reason=evil, evidence=replace(EVIDENCE, text=evil))],
    )
    text = explanation(explain(answer), 100)
    assert not {*text} & {*evil} - {*"[2J"}
    assert text.count("␛[2J") >= 6
