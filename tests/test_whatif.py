"""What if: the ranking under other parameters, answers compared, and what an answer hangs on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_models import Quoting, chosen
from fakes import FakeEmbedder, passage, settings_in
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from bot.about import search as about
from bot.about.search import About
from bot.answer import SPARE, UNFIT, answer, depth, in_force
from bot.evaluation.datasets import over
from bot.experiments import whatif
from bot.experiments.whatif import Case, compare, hanging, leaving_out, left_out, opened, preview
from bot.explain.steps import explain
from bot.path import prompts
from bot.records import receipt, receipt_file, receipt_html
from bot.records.receipt import NotAReceipt, Receipt
from bot.records.replay import differences as replayed
from bot.session import Bot
from bot.trace import Answer, Evidence, Parameters, Retrieved, Sentence
from bot.verify import answerability
from ingest.settings import Settings

TEXTS = [
    "RAG adds latency. The cons are many.",
    "RAG needs a vector store.",
    "The cons of tuning are its costs.",
    "The moon orbits the earth.",
    "A store of tuning data: the cons.",
    "Rain falls on the moon.",
    "RAG RAG RAG latency latency.",
    "RAG needs a vector store.",  # repeats the second
    "Cons of latency.",
    "RAG and latency, latency, latency and more latency: cons.",
]
QUESTION = "What are the cons of RAG?"
RETRIEVER = over(TEXTS, FakeEmbedder().real)


def bot_of(word: str = "RAG", **settings: Any) -> Bot:
    return Bot(Settings(**settings), RETRIEVER, chosen(Quoting(word=word)))


def asked(bot: Bot, parameters: Parameters | None = None) -> Answer:
    *_, last = answer(bot, QUESTION, parameters=parameters)
    assert isinstance(last, Answer)
    return last


def case_of(bot: Bot) -> Case:
    return opened(bot, asked(bot))


BASE = Parameters(3, 0.6, 0.15)
CASE = case_of(bot_of(top_k=3))
IDS = [candidate.chunk.id for candidate in CASE.candidates]


# --- the ranking


@how(deadline=None)
@given(weight=st.floats(0, 1))
def test_the_ranking_is_what_the_retriever_gives_at_that_weight(weight: float) -> None:
    expected = RETRIEVER.retrieve(QUESTION, 100, weight)
    seen = preview(CASE, replace(BASE, dense_weight=weight))
    assert [row.passage for row in seen.rows] == expected
    for found in expected:
        parts = weight * max(found.dense, 0) + (1 - weight) * found.bm25
        assert found.score == pytest.approx(parts, abs=2e-4)


def test_the_weight_decides_the_order() -> None:
    dense, words = (RETRIEVER.retrieve(QUESTION, 100, weight) for weight in (1.0, 0.0))
    assert [p.dense for p in dense] == sorted((p.dense for p in dense), reverse=True)
    assert [p.bm25 for p in words] == sorted((p.bm25 for p in words), reverse=True)
    assert [p.id for p in dense] != [p.id for p in words]


@how(deadline=None, max_examples=50)
@given(
    top_k=st.integers(1, 10),
    weight=st.floats(0, 1),
    threshold=st.floats(0, 1),
    without=st.sets(st.sampled_from(IDS), max_size=5),
)
def test_a_preview_is_what_the_answer_path_does(
    top_k: int, weight: float, threshold: float, without: set[str]
) -> None:
    parameters = Parameters(top_k, weight, threshold, tuple(sorted(without)))
    seen = preview(CASE, parameters)
    run = answer(bot_of(top_k=3), QUESTION, parameters=parameters)
    retrieved = next(event for event in run if isinstance(event, Retrieved))
    run.close()
    assert [row.passage.id for row in seen.shown] == [p.id for p in retrieved.passages]
    assert [row.n for row in seen.shown] == [p.n for p in retrieved.passages]
    assert [row.passage.score for row in seen.shown] == [p.score for p in retrieved.passages]
    assert seen.gate == retrieved.gate
    fates = {row.passage.id: row.fate for row in seen.rows}
    for drop in retrieved.dropped:
        expected = whatif.OFF if drop.passage.id in without else drop.reason
        assert fates[drop.passage.id] == expected
    assert not {row.passage.id for row in seen.shown} & without


@pytest.mark.parametrize("weight", [0.0, 0.6, 1.0])
def test_a_question_about_the_bot_is_ranked_with_what_it_says_of_itself(
    tmp_path: Path, weight: float
) -> None:
    retriever = over(TEXTS, FakeEmbedder(chunk_tokens=200).real)
    who = chosen(Quoting(word="passages"), setting="embedded")
    bot = Bot(settings_in(tmp_path), retriever, who, About())
    question = "How many passages do you read?"
    *_, given = answer(bot, question)
    assert isinstance(given, Answer) and about.NAME in {p.document for p in given.passages}
    case = opened(bot, given)
    assert not case.stale
    parameters = replace(case.base, dense_weight=weight)
    retrieved = next(
        e for e in answer(bot, question, parameters=parameters) if isinstance(e, Retrieved)
    )
    seen = preview(case, parameters)
    assert [row.passage.id for row in seen.shown] == [p.id for p in retrieved.passages]
    documents = {row.passage.document for row in seen.rows}
    assert about.NAME in documents and len(documents) > 1


def test_rows_tell_where_a_passage_stood_before() -> None:
    first = preview(CASE, CASE.base).shown[0].passage.id
    seen = preview(CASE, replace(CASE.base, without=(first,)))
    rows = {row.passage.id: row for row in seen.rows}
    assert (rows[first].n, rows[first].n_before, rows[first].fate) == (None, 1, whatif.OFF)
    moved = seen.shown[0]
    assert (moved.n, moved.n_before) == (1, 2)
    assert moved.passage.n == moved.rank_before == 2, "ranks are those of all candidates"


def test_one_that_is_switched_off_takes_nobodys_place() -> None:
    everything = Parameters(3, 0.6, 0.15, tuple(IDS[:4]))
    assert depth(everything) == 3 + SPARE + 4
    assert len(preview(CASE, everything).shown) == 3


def test_the_threshold_alone_decides_whether_the_model_would_be_asked() -> None:
    best = preview(CASE, BASE).gate.best
    for threshold, passed in ((best, True), (best + 0.001, False)):
        seen = preview(CASE, replace(BASE, threshold=threshold))
        assert (seen.gate.passed, seen.gate.threshold) == (passed, threshold)
        given = asked(bot_of(top_k=3), seen.parameters)
        assert (given.gate.passed, bool(given.prompt)) == (passed, passed)


def test_what_does_not_fit_the_window_is_left_out_as_in_the_prompt() -> None:
    bot = bot_of(top_k=9)
    tight = replace(bot, chosen=replace(bot.chosen, window=bot.settings.max_tokens + 115))
    case = opened(tight, asked(tight))
    seen = preview(case, case.base)
    given = case.answer
    assert 0 < len(given.passages) < 8, "some fit, and some do not"
    assert [row.passage.id for row in seen.shown] == [p.id for p in given.passages]
    assert sum("fit" in row.fate for row in seen.rows) == sum(
        "fit" in d.reason for d in given.dropped
    )
    none = preview(replace(case, budget=0), case.base)
    assert (none.shown, none.gate.passed, none.gate.reason) == ([], False, UNFIT)


def test_a_case_asks_no_model_and_embeds_once() -> None:
    class Counting(FakeEmbedder):
        queries = 0

        def query(self, text: str) -> Any:
            self.queries += 1
            return super().query(text)

    embedder, model = Counting(), Quoting(word="RAG")
    bot = Bot(Settings(), over(TEXTS, embedder.real), chosen(model))
    given = asked(bot)
    before, embedder.queries = len(model.prompts), 0
    case = opened(bot, given)
    for weight in (0.1, 0.5, 0.9):
        preview(case, replace(BASE, dense_weight=weight))
    assert (embedder.queries, len(model.prompts)) == (1, before)


def test_a_case_tells_whether_the_index_gives_others_now() -> None:
    bot = bot_of(top_k=3)
    given = asked(bot)
    assert not opened(bot, given).stale
    other = replace(bot, retriever=over(["Of RAG and its cons.", *TEXTS], FakeEmbedder().real))
    assert opened(other, given).stale


# --- an answer with other parameters


def test_the_trace_says_what_was_turned() -> None:
    bot = bot_of(top_k=3)
    usual = asked(bot)
    assert usual.parameters is None
    assert in_force(bot.settings) == BASE
    off = usual.passages[0].id
    parameters = Parameters(2, 0.25, 0.05, (off,))
    given = asked(bot, parameters)
    assert given.parameters == parameters
    assert len(given.passages) == 2 and off not in {p.id for p in given.passages}
    assert "it was switched off" in {drop.reason for drop in given.dropped}
    told = dict(explain(given)[0].facts)
    assert told["Turned for it"] == "top-k 2, dense weight 0.25, threshold 0.05, 1 switched off"
    rows = "\n".join(value for step in explain(given) for _, value in step.facts)
    assert "score 0.25 × " in rows and "score 0.6 × " not in rows
    assert "Turned for it" not in dict(explain(usual)[0].facts)


def test_parameters_that_stand_where_they_stood_change_nothing() -> None:
    bot = bot_of(top_k=3)
    usual, turned = asked(bot), asked(bot, in_force(bot.settings))
    for part in ("answer", "passages", "dropped", "gate", "prompt"):
        assert getattr(usual, part) == getattr(turned, part)


def test_a_receipt_keeps_the_parameters_and_replays_with_them(tmp_path: Any) -> None:
    bot = bot_of(top_k=3)
    parameters = Parameters(2, 0.25, 0.05, (IDS[0],))
    kept = receipt.of(bot, asked(bot, parameters))
    assert kept.settings.top_k == 2
    assert "top-k 2, dense weight 0.25, threshold 0.05, 1 switched off" in receipt_html.page(kept)
    path = tmp_path / "r.html"
    receipt_file.write(kept, path)
    again = receipt_file.read(path)
    assert again == kept
    now = receipt.of(bot, asked(bot, again.answer.parameters))
    assert [*replayed(kept, now)] == []
    without = receipt.of(bot, asked(bot))
    assert "turned" in {change.what for change in replayed(kept, without)}


@pytest.mark.parametrize(
    "values",
    [{"top_k": 0}, {"dense_weight": 1.5}, {"dense_weight": float("nan")}, {"threshold": -1.0}],
)
def test_parameters_out_of_range_are_none(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        replace(BASE, **values)
    bot = bot_of()
    data = receipt.of(bot, asked(bot, BASE)).to_json()
    data["answer"]["knobs"].update(values)
    with pytest.raises(NotAReceipt):
        Receipt.from_json(data)


def test_a_receipt_from_before_there_were_parameters_is_read() -> None:
    data = receipt.of(bot_of(), asked(bot_of())).to_json()
    del data["answer"]["knobs"]
    assert Receipt.from_json(data).answer.parameters is None


# --- two answers


def said(*sentences: tuple[str, int], abstained: bool = False, document: str = "d") -> Answer:
    """Make an answer of sentences, each with the place of the evidence it rests on."""
    made = [
        Sentence(text, [1], supported=True, evidence=Evidence(1, place, place + 9, text))
        for text, place in sentences
    ]
    base = asked(bot_of(top_k=3))
    first = replace(base.passages[0], document=document)
    passages = [first, *base.passages[1:]]
    return replace(base, sentences=made, passages=passages, abstained=abstained)


def texts(sentences: list[Sentence]) -> list[str]:
    return [one.text for one in sentences]


def test_sentences_stay_go_and_come() -> None:
    before = said(("RAG adds latency.", 0), ("It costs.", 50), ("It needs a vector store.", 90))
    after = said(("It is new.", 200), ("rag adds  latency", 300), ("A vector store matters.", 90))
    found = compare(before, after)
    assert texts(found.stayed) == ["RAG adds latency."]
    assert texts(found.reworded) == ["It needs a vector store."]
    assert texts(found.gone) == ["It costs."]
    assert texts(found.new) == ["It is new."]


def test_sentences_that_became_one_stay() -> None:
    before = said(("RAG adds latency.", 0), ("RAG needs a store.", 30), ("RAG is dear.", 60))
    merged = said(("RAG adds latency and needs a store.", 30))
    found = compare(before, merged)
    assert texts(found.reworded) == ["RAG adds latency.", "RAG needs a store."]
    assert (texts(found.gone), found.new) == (["RAG is dear."], [])
    assert compare(merged, before).gone == [], "and what was split stays as well"
    parts = said(("It adds latency and costs.", 0), ("It needs a store of vectors.", 30))
    merged = said(("It adds latency and costs, and needs a store of vectors.", 90))
    assert (compare(parts, merged).gone, compare(parts, merged).new) == ([], [])
    assert (compare(merged, parts).gone, compare(merged, parts).new) == ([], [])
    more = said(("It adds latency and costs, and the moon orbits the earth.", 90))
    assert texts(compare(parts, more).new) == texts(more.sentences)


def test_a_negation_is_another_sentence() -> None:
    found = compare(said(("It costs money.", 0)), said(("It costs no money.", 0)))
    assert (texts(found.gone), texts(found.new)) == (["It costs money."], ["It costs no money."])


def test_other_words_count_where_both_rest_on_the_same_place_of_the_same_document() -> None:
    before, words = said(("Latency comes with RAG.", 0)), "Latency arises."
    assert not compare(before, said(("Latency and RAG.", 0))).gone
    assert compare(before, said((words, 50))).gone, "another place"
    assert compare(before, said(("Latency and stores.", 0), document="other")).gone
    assert compare(before, said(("Stores are dear.", 0))).gone, "too few of its words"


def test_unsupported_sentences_do_not_count() -> None:
    before, after = said(("Yes.", 0)), said(("Yes.", 0))
    doubtful = replace(after, sentences=[replace(after.sentences[0], supported=False)])
    assert (compare(before, after).gone, texts(compare(before, doubtful).gone)) == ([], ["Yes."])
    assert compare(doubtful, before).stayed == []


# --- leave one out


def test_leaving_out_shows_the_others_and_no_other() -> None:
    bot = bot_of(top_k=3)
    base = asked(bot)
    case = opened(bot, base)
    for left in base.passages:
        given = asked(bot, leaving_out(case, base, left))
        rest = [p.text for p in base.passages if p is not left]
        assert [p.text for p in given.passages] == rest, "also where another repeats it"


def test_leaving_out_keeps_what_was_turned_and_switched_off() -> None:
    bot = bot_of(top_k=3)
    base = asked(bot, Parameters(2, 0.25, 0.05, (IDS[0],)))
    parameters = leaving_out(opened(bot, base), base, base.passages[0])
    assert parameters is not None
    assert (parameters.top_k, parameters.dense_weight, parameters.threshold) == (1, 0.25, 0.05)
    assert {IDS[0], base.passages[0].id} <= {*parameters.without}


def test_an_only_passage_leaves_nothing_to_ask_about() -> None:
    bot = bot_of(top_k=1)
    base = asked(bot)
    (only,) = base.passages
    assert leaving_out(opened(bot, base), base, only) is None
    out = left_out(base, only, None)
    assert out.abstains and len(out.difference.gone) == len(base.sentences)


def test_the_answer_hangs_on_the_passage_without_which_there_is_none() -> None:
    bot = bot_of(word="many", top_k=3)
    base = asked(bot)
    case = opened(bot, base)
    assert not base.abstained
    outs = [
        left_out(base, left, asked(bot, leaving_out(case, base, left))) for left in base.passages
    ]
    (vital,) = [out for out in outs if out.abstains]
    assert vital.passage.text == TEXTS[0]
    assert texts(vital.difference.gone) == ["The cons are many."]
    assert all(not out.difference.gone for out in outs if out is not vital)
    name = f"[{vital.passage.n}] {vital.passage.source}"
    assert hanging(base, outs) == f"The answer hangs on {name}: without it nothing is left of it."


def test_verdicts_in_words() -> None:
    base = said(("One.", 0), ("Two.", 20))
    gone = said(("One.", 0))
    none = said(abstained=True)
    a, b, c = (passage(n, "x", document=f"{n}.md") for n in (1, 2, 3))

    def verdict(*answers: Answer, of: Answer = base) -> str:
        return hanging(
            of, [left_out(of, p, one) for p, one in zip((a, b, c), answers, strict=False)]
        )

    assert verdict(base, base) == (
        "It hangs on no single passage: without any one of them all 2 sentences stay."
    )
    assert verdict(base, gone) == (
        "No single passage carries all of it; most hangs on [2] 2.md: "
        "without it 1 of 2 sentences is gone."
    )
    assert verdict(none, gone, none) == (
        "The answer hangs on [1] 1.md and [3] 3.md: without any one of them nothing is left of it."
    )
    assert verdict(said(("Three.", 40)), base).startswith("The answer hangs on [1]")
    assert verdict(none, none, of=none).startswith("There was no answer, and leaving out")
    assert verdict(none, base, of=none) == "There was no answer; without [2] 2.md there is one."


def test_the_default_threshold_is_the_one_in_force() -> None:
    assert in_force(Settings()).threshold == answerability.THRESHOLD
    assert prompts.ABSTENTION not in asked(bot_of()).answer
