"""One question, three ways: what each is asked, checked against and found to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_believer import Believer, Query
from fake_models import ONE_TOKEN, FakeChat, chosen
from fakes import ROOT, FakeEmbedder, embed, indexed, passage, settings_in
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from bot.cli import compare as compare_text
from bot.evaluation.datasets import over
from bot.experiments import lessons
from bot.experiments.compare import compare, refuses
from bot.experiments.comparison import Column, Compared, Said, Step, Way, apart, unlike
from bot.experiments.lessons import Finding
from bot.path import prompts
from bot.path.prompts import QuestionTooLong
from bot.session import Bot
from bot.trace import Evidence, Gate, Retrieved, Sentence, Token

QUESTION = "Where do apples grow?"
TREES, SOIL = "Apples grow on trees.", "Apples grow in deep soil."
PHONES, MOON = "Telephones ring loudly.", "The moon orbits planets."
TEXTS = [TREES, SOIL, PHONES, MOON]
YES, NO = {"answerable": 0.95}, {"answerable": 0.02}
LIKE = "Orchards let apples grow."


def bot_of(folder: Path, model: BaseChatModel, texts: Sequence[str] = TEXTS, **fields: Any) -> Bot:
    settings = settings_in(folder, top_k=2, max_tokens=20)
    return Bot(settings, over(texts, FakeEmbedder().real), chosen(model, **fields))


def way_of(query: Query) -> Way:
    """Tell which way a draft is asked for."""
    if query.kind == "bare":
        return Way.BARE
    return Way.FOUND if TREES in query.read else Way.WRONG


def run(
    folder: Path,
    bare: Any = "On Mars.",
    found: Any = TREES,
    wrong: Any = PHONES,
    beliefs: dict[str, Any] | None = None,
    texts: Sequence[str] = TEXTS,
) -> tuple[Compared, list[Step], Believer]:
    """Compare with a model that writes these drafts; without beliefs it gives no probabilities."""
    drafts = {Way.BARE: bare, Way.FOUND: found, Way.WRONG: wrong}
    model = Believer(draft=lambda query: drafts[way_of(query)], beliefs=beliefs or {})
    one_token = None if beliefs is None else ONE_TOKEN
    *steps, last = compare(bot_of(folder, model, texts, one_token=one_token), QUESTION)
    assert isinstance(last, Compared)
    assert all(isinstance(step, Step) for step in steps)
    return last, [step for step in steps if isinstance(step, Step)], model


# --- the three ways


def test_the_ways_are_asked_one_after_the_other(tmp_path: Path) -> None:
    last, steps, model = run(tmp_path)
    asked = {way_of(query): query for query in model.asked("bare", "draft")}
    assert asked[Way.BARE].said == QUESTION and [*asked[Way.BARE].words] == ["question"]
    found, wrong = asked[Way.FOUND], asked[Way.WRONG]
    assert TREES in found.read and SOIL in found.read
    assert PHONES not in found.read and MOON not in found.read
    assert PHONES in wrong.read and MOON in wrong.read
    assert TREES not in wrong.read and SOIL not in wrong.read
    assert found.messages[0] == wrong.messages[0], "wrong passages have the same instructions"
    tokens = [(step.way, step.event.text) for step in steps if isinstance(step.event, Token)]
    assert tokens == [(Way.BARE, "On Mars."), (Way.FOUND, TREES), (Way.WRONG, PHONES)]
    columns = [step.way for step in steps if isinstance(step.event, Column)]
    assert columns == [Way.FOUND, Way.BARE, Way.WRONG], "the bare draft waits for passages"
    assert [*last.columns] == [*Way] and [*last.lessons] == [*Way]


def test_the_bare_model_has_the_same_instructions_less_those_on_passages() -> None:
    system, asked = prompts.bare("Is RAG better than fine-tuning?")
    assert "passage" not in str(system.content) and "passage" not in str(asked.content)
    assert str(system.content).endswith(prompts.BRIEF) and prompts.SYSTEM.endswith(prompts.BRIEF)
    each = " If two things are compared, say what holds for each."
    assert str(asked.content).endswith(each)


def test_every_sentence_is_checked_against_the_passages_found(tmp_path: Path) -> None:
    last, _, _ = run(tmp_path, f"{TREES} They grow on Mars.", TREES, f"{PHONES} {SOIL}")
    true, false = last.columns[Way.BARE].said
    assert true.sentence.supported and true.sentence.citations == [1]
    assert not false.sentence.supported and "Mars" in false.sentence.reason
    told, known = last.columns[Way.WRONG].said
    assert not told.sentence.supported and told.given and told.given.supported
    assert known.sentence.supported and known.given and not known.given.supported
    assert last.columns[Way.BARE].supported == 1 and last.columns[Way.FOUND].supported == 1
    assert [said.given for said in last.columns[Way.FOUND].said] == [None]


def test_marks_that_the_model_wrote_itself_prove_nothing(tmp_path: Path) -> None:
    last, _, _ = run(tmp_path, "They grow on Mars [1].", TREES, f"{SOIL} [1]")
    (bare,), (wrong,) = last.columns[Way.BARE].said, last.columns[Way.WRONG].said
    assert bare.sentence.citations == [] and bare.sentence.text == "They grow on Mars."
    assert wrong.sentence.citations == [2], "not the wrong passage that the model meant"


def test_what_the_model_believes_is_asked_again_of_the_nearest_sentence(tmp_path: Path) -> None:
    def believed(alone: float) -> dict[str, Any]:
        """Believe it of all the passages, and as much as is given of the nearest sentence alone."""
        many = {"supported": lambda query: 0.9 if query.read.count("<passage") > 1 else alone}
        return {**YES, **many}

    last, _, _ = run(tmp_path, LIKE, beliefs=believed(0.02))
    (one,) = last.columns[Way.BARE].said
    assert not one.sentence.supported and one.sentence.citations == []
    assert one.sentence.support == 0.02 and "90%" in one.sentence.reason
    last, _, _ = run(tmp_path, LIKE, beliefs=believed(0.8))
    (one,) = last.columns[Way.BARE].said
    assert one.sentence.supported and one.sentence.support == 0.8


def test_passages_that_do_not_answer_state_only_their_own_words(tmp_path: Path) -> None:
    last, _, _ = run(tmp_path, f"{TREES} {LIKE}", beliefs={**NO, "supported": 0.95})
    own, like = last.columns[Way.BARE].said
    assert own.sentence.supported
    assert not like.sentence.supported and "not to answer the question" in like.sentence.reason


def test_the_gate_is_asked_and_passed_by(tmp_path: Path) -> None:
    last, steps, _ = run(tmp_path, TREES, beliefs=YES)
    wrong = last.columns[Way.WRONG]
    assert wrong.draft == PHONES and wrong.gate and not wrong.gate.passed
    assert "no passage comes near" in wrong.gate.reason
    assert last.lessons[Way.WRONG].bot.startswith(
        "The bot itself would have refused: the best of these passages scores 0.00, and 0.15"
    )
    (gate,) = [s.event.gate for s in steps if isinstance(s.event, Retrieved) and s.way is Way.WRONG]
    assert not gate.passed
    near = [TREES, SOIL, "Apples ring.", "Apples orbit planets."]
    bend = "Bananas always bend strangely."
    answerable = {"answerable": lambda query: 0.95 if TREES in query.read else 0.02}
    last, _, _ = run(tmp_path, TREES, TREES, bend, answerable, near)
    assert "probability of" in last.lessons[Way.WRONG].bot


def test_there_may_be_no_wrong_passage(tmp_path: Path) -> None:
    last, _, _ = run(tmp_path, TREES, texts=[TREES, SOIL])
    assert last.columns[Way.WRONG].passages == [] and last.columns[Way.WRONG].said == []
    assert "no passage that was not found" in last.lessons[Way.WRONG].text
    assert last.lessons[Way.WRONG].bot == ""


def test_a_bot_that_refuses_leaves_nothing_to_tell_apart(tmp_path: Path) -> None:
    last, _, _ = run(tmp_path, TREES, wrong=MOON, beliefs=NO)
    found = last.columns[Way.FOUND]
    assert found.refused and found.first is None and found.reply == prompts.ABSTENTION
    assert last.columns[Way.BARE].said[0].sentence.supported
    assert not any(said.alone for column in last.columns.values() for said in column.said)
    assert last.lessons[Way.FOUND].text.startswith("The bot did not answer: the passages hold")
    assert last.lessons[Way.FOUND].quotes == []


def test_times_and_what_was_known_before_are_measured(tmp_path: Path) -> None:
    reading = [(0, 9), (9, 9), "On ", "Mars."]
    last, _, _ = run(tmp_path, reading, [(6, 12), TREES])
    bare, found = last.columns[Way.BARE], last.columns[Way.FOUND]
    assert bare.first is not None and 0 < bare.first <= bare.written == bare.total
    assert found.first is not None and 0 < found.first <= found.written <= found.total
    assert (bare.cached, found.cached, last.columns[Way.WRONG].cached) == (0, 6, None)
    assert bare.prompt_tokens > 0 and found.prompt_tokens > 0


@pytest.mark.parametrize(
    ("draft", "refused"),
    [
        ("", True),
        ("I'm sorry, but I cannot provide that.", True),
        ("The passages do not mention apples.", True),
        ("RAG does not provide speed.", False),
        ("I would use RAG.", False),
        ("Apples grow. I do not know more.", False),
    ],
)
def test_a_refusal_is_the_model_s_own(draft: str, refused: bool) -> None:
    assert refuses(draft) is refused


def test_closing_it_stops_the_model(tmp_path: Path) -> None:
    model = FakeChat(replies=[["one ", "two ", "three."]])
    steps = compare(bot_of(tmp_path, model), QUESTION)
    next(steps)
    steps.close()
    assert model.cut_short == [True] and model.given == [1]


def test_a_question_that_fits_no_window_is_not_begun(tmp_path: Path) -> None:
    model = Believer()
    with pytest.raises(QuestionTooLong):
        next(compare(bot_of(tmp_path, model, window=40), QUESTION))
    assert model.asked() == []


# --- what each says alone


def said(text: str, evidence: Evidence | None = None, **fields: Any) -> Said:
    sentence = Sentence(text, [], supported=evidence is not None, evidence=evidence)
    return Said(sentence, **fields)


def column(way: Way, *rows: Said, **fields: Any) -> Column:
    defaults: dict[str, Any] = {
        "passages": [passage(1, TREES)],
        "draft": "",
        "refused": False,
        "prompt_tokens": 100,
        "cached": 0,
        "search": 0.05,
        "first": 2.0,
        "written": 4.0,
        "total": 4.0,
    }
    return Column(way=way, said=list(rows), **{**defaults, **fields})


def apart_by(cosine: float) -> Any:
    """Embed so that a text's first letter tells: all of two letters have this cosine."""

    def letters(texts: Sequence[str]) -> NDArray[np.float32]:
        other = [cosine, (1 - cosine**2) ** 0.5]
        rows = [[1.0, 0.0] if text[0] == "A" else other for text in texts]
        return np.asarray(rows, dtype=np.float32)

    return letters


NEAR, OTHER = Evidence(1, 0, 21, TREES), Evidence(1, 22, 40, SOIL)


@pytest.mark.parametrize(
    ("claim", "rival", "cosine", "alone"),
    [
        (said("A pear."), said("Planes fly."), 0.3, True),
        (said("A pear."), said("Planes fly."), 0.7, False),
        (said("A pear."), said("Planes do not fly."), 0.7, True),
        (said("Apples grow well."), said("Well, apples grow."), 0.1, False),
        (said("Apples grow well on trees."), said("Grow apples"), 0.1, False),
        (said("A pear.", NEAR), said("Planes fly.", NEAR), 0.1, False),
        (said("A pear.", NEAR), said("Planes fly.", OTHER), 0.1, True),
        (said("A pear.", NEAR), said("Apples grow well on tall trees.", OTHER), 0.1, False),
    ],
)
def test_a_counterpart_says_the_same_or_rests_on_the_same(
    claim: Said, rival: Said, cosine: float, alone: bool
) -> None:
    assert unlike([claim], [rival], apart_by(cosine)) == [alone]


def test_the_bot_is_told_apart_from_both_others_and_they_from_the_bot() -> None:
    bare = column(Way.BARE, said("Apples grow."), said("Boats sail."))
    found = column(Way.FOUND, said("Apples grow."), said("Cows eat."), said("X", withheld=True))
    wrong = column(Way.WRONG, said("Cows eat."), said("Boats sail."), said("The of."))
    told = apart([bare, found, wrong], embed)
    alone = [[one.alone for one in column.said] for column in told]
    assert alone == [[False, True], [False, False, False], [False, True, False]]


# --- what it shows


SENTENCES = lessons.sentences()
SPEED, KNOWLEDGE, LATENCY, SLOWER, DEPENDENCE = (SENTENCES[finding][0] for finding in Finding)
CHUNK = indexed("c", f"**Latency:** {SLOWER}", "d.md", start=100)
GOOD, BAD = said(TREES, NEAR), said("On Mars.")
HELD = replace(BAD, withheld=True)
REFUSED = Gate(0.3, 0.15, False, "the passages hold the answer with a probability of 3%")


def learnt(bare: Column, found: Column, wrong: Column) -> list[str]:
    told = lessons.lessons(dict(zip(Way, (bare, found, wrong), strict=True)), [])
    return [told[way].text for way in Way]


def test_lessons_are_made_of_the_numbers() -> None:
    bare = column(Way.BARE, GOOD, BAD, BAD, first=1.0)
    found = column(Way.FOUND, GOOD, HELD, first=9.0)
    wrong = column(Way.WRONG, replace(BAD, given=GOOD.sentence), BAD, GOOD, gate=REFUSED)
    assert learnt(bare, found, wrong) == [
        "2 of its 3 sentences stand in no passage found; its first word came after 1.0 s, 8.0 s "
        "sooner than with retrieval, its last after 4.0 s.",
        "Its one sentence stands in the passages found; 1 more was withheld; its first word came "
        "after 9.0 s, 0.05 s of it to search and the rest to read 100 tokens and to judge whether "
        "they answer.",
        "1 of its 3 sentences stands in the wrong passages and not in those found; 1 of its 3 "
        "sentences stands neither in the wrong passages nor in those found; with the passages "
        "found, 1 of 1 stand there.",
    ]


def test_a_model_that_was_not_misled_is_not_said_to_be() -> None:
    found = column(Way.FOUND, GOOD)
    right = column(Way.WRONG, GOOD, GOOD)
    text = lessons.lessons({Way.BARE: found, Way.FOUND: found, Way.WRONG: right}, [])
    assert text[Way.WRONG].text == (
        "Both of its sentences stand in the passages found as well: the wrong ones did not "
        "mislead it."
    )
    assert not lessons.depends(right, found)
    silent = replace(right, refused=True)
    assert "it was not misled" in learnt(found, found, silent)[2] and not lessons.depends(
        silent, found
    )
    assert lessons.depends(column(Way.WRONG, BAD), found)


def test_a_document_is_quoted_only_if_it_is_there_and_the_numbers_bear_it_out() -> None:
    bare = column(Way.BARE, BAD, first=1.0)
    slow = column(Way.FOUND, GOOD, first=9.0, total=12.0)
    wrong = column(Way.WRONG, BAD)

    def quoted(found: Column, *chunks: Any) -> list[str]:
        told = lessons.lessons({Way.BARE: bare, Way.FOUND: found, Way.WRONG: wrong}, chunks)
        return [quote.text for way in Way for quote in told[way].quotes]

    assert quoted(slow) == []
    assert quoted(slow, CHUNK) == [SLOWER]
    assert quoted(replace(slow, total=3.0), CHUNK) == [LATENCY], "its last word was sooner"
    assert quoted(replace(slow, first=0.5), CHUNK) == [], "it was not slower"
    assert quoted(replace(slow, cached=90), CHUNK) == [], "it had read nearly all of it before"
    whole = indexed("w", " ".join([SPEED, KNOWLEDGE, DEPENDENCE]))
    assert quoted(slow, whole) == [SPEED, KNOWLEDGE, DEPENDENCE]
    assert quoted(replace(slow, total=3.0), whole) == [KNOWLEDGE, DEPENDENCE]
    found = lessons.quote(SLOWER, [CHUNK])
    assert found and CHUNK.text[found.start - 100 : found.end - 100] == SLOWER


@pytest.mark.parametrize("finding", Finding)
def test_what_is_quoted_stands_once_in_the_documents(finding: Finding) -> None:
    texts = "\n".join(path.read_text("utf-8") for path in (ROOT / "corpus").glob("*.md"))
    assert SENTENCES[finding]
    assert [texts.count(text) for text in SENTENCES[finding]] == [1] * len(SENTENCES[finding])


def test_a_prompt_known_from_before_proves_no_speed() -> None:
    bare, found = column(Way.BARE, BAD, first=3.0), column(Way.FOUND, GOOD, first=2.0, cached=90)
    texts = learnt(bare, found, column(Way.WRONG, BAD))
    assert "later" not in texts[0] and "sooner" not in texts[0]
    assert "but 90 of those were still known" in texts[1]


# --- in the shell


def test_the_shell_prints_all_three_with_their_marks(tmp_path: Path) -> None:
    compared, _, _ = run(tmp_path, "On Mars.\x1b[2J")
    lines = compare_text.text(compared).splitlines()
    assert [line for line in lines if line[:1].isdigit()] == [
        line for line in lines if " s, all " in line and " tokens read)" in line
    ]
    assert "  not in the passages found, nothing like it in column 2: On Mars.␛[2J" in lines
    assert f"  in the passages found [1] 100%, nothing like it in columns 1 and 3: {TREES}" in lines
    assert (
        "  not in the passages found, in the wrong passages, nothing like it in column 2: " + PHONES
    ) in lines
    assert any(line.startswith("  passage least like the question: [1]") for line in lines)
    assert sum(line.startswith("  What this shows: ") for line in lines) == 3
