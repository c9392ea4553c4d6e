"""A comparison on the page: what its steps change, and the HTML it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from fake_believer import Believer, Query
from fake_models import chosen
from fakes import FakeEmbedder, passage, settings_in

from bot.evaluation.datasets import over
from bot.experiments.comparison import Column, Compared, Lesson, Quote, Said, Way
from bot.session import Bot
from bot.trace import Evidence, Sentence
from bot.web.compare import html as compare_page
from bot.web.compare.state import UNCHECKED, Bench, Trial, run
from bot.web.room import BUSY, Room
from ingest.errors import WhybotError

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)"> [x](http://evil.example) "\''
TREES, PHONES = "Apples grow on trees.", "Telephones ring loudly."
QUESTION = "Where do apples grow?"


class FakeRoom:
    """Lend a bot, once it has been asked a few times."""

    closing, waiting_for = False, BUSY

    def __init__(self, bot: Bot, busy: int = 0) -> None:
        self.bot, self.busy, self.lent = bot, busy, 0

    def borrow(self, seconds: float) -> Bot | None:
        """Lend the bot, or nothing while it is busy."""
        if self.busy:
            self.busy -= 1
            return None
        self.lent += 1
        return self.bot

    def give_back(self) -> None:
        """Take the bot back."""
        self.lent -= 1


@pytest.fixture
def rooms(tmp_path: Path) -> Any:
    def make(bare: Any = "On Mars.", busy: int = 0) -> FakeRoom:
        def draft(query: Query) -> Any:
            return bare if query.kind == "bare" else TREES if TREES in query.read else PHONES

        settings = settings_in(tmp_path, top_k=1, max_tokens=20)
        retriever = over([TREES, PHONES], FakeEmbedder().real)
        return FakeRoom(Bot(settings, retriever, chosen(Believer(draft=draft))), busy)

    return make


def running(room: FakeRoom, bench: Bench, question: str = QUESTION) -> Iterator[str]:
    return run(cast("Room", room), bench, question)


# --- what the steps change


def test_columns_wait_write_and_are_done(rooms: Any) -> None:
    bench, states = Bench(), list[tuple[str, ...]]()
    room = rooms(["On ", "Mars."])
    said = []
    for now in running(room, bench):
        assert bench.trial
        said.append(now)
        states.append(tuple(bench.trial.states.values()))
    assert said[0] == "reading the question" and said[-1] == ""
    assert "without documents: writing" in said and "with wrong passages: done" in said
    assert states[0] == ("waiting", "waiting", "waiting")
    assert ("writing", "waiting", "waiting") in states
    assert (UNCHECKED, "writing", "waiting") in states
    assert ("done", "done", "writing") in states
    assert states[-1] == ("done", "done", "done")
    trial = bench.trial
    assert trial and trial.outcome == "answered" and trial.result
    assert trial.columns == trial.result.columns
    assert room.lent == 0


def test_it_waits_for_its_turn_and_stop_reaches_it_there(rooms: Any) -> None:
    bench, room = Bench(), rooms(busy=3)
    work = running(room, bench)
    assert [next(work), next(work)] == [BUSY, BUSY]
    assert bench.trial
    bench.trial.stopping = True
    assert list(work) == [""] and bench.trial.outcome == "stopped"
    assert room.lent == 0


def test_stop_keeps_what_is_there_and_gives_the_bot_back(rooms: Any) -> None:
    bench, room = Bench(), rooms(["one ", "two ", "three."])
    for now in running(room, bench):
        if now.endswith("writing") and bench.trial:
            bench.trial.stopping = True
    trial = bench.trial
    assert trial and (trial.outcome, trial.exchanges[Way.BARE].draft) == ("stopped", "one ")
    assert room.lent == 0
    first, second = (compare_page.column(trial, way) for way in (Way.BARE, Way.FOUND))
    assert "stopped" in first and "not checked" in first and "one" in first
    assert "not begun" in second


def test_a_new_question_stops_the_one_before_it(rooms: Any) -> None:
    bench, room = Bench(), rooms(["one ", "two."])
    old = running(room, bench)
    while not next(old).endswith("writing"):
        pass
    first = bench.trial
    assert list(running(room, bench))[-1] == ""
    list(old)
    assert first and first.outcome == "stopped"
    assert bench.trial and bench.trial.outcome == "answered"


def test_a_failure_is_said_and_gives_the_bot_back(rooms: Any) -> None:
    bench, room = Bench(), rooms(["part ", WhybotError("The model broke.", "whybot doctor")])
    list(running(room, bench))
    assert bench.trial and bench.trial.outcome == "failed" and room.lent == 0
    assert "The model broke. Mend it with: whybot doctor" in compare_page.failed(bench.trial)
    assert compare_page.failed(Trial("x")) == compare_page.failed(None) == ""


# --- HTML


def done(way: Way, *said: Said, **fields: Any) -> Column:
    values: dict[str, Any] = {
        "passages": [passage(2, TREES, document="a b.md", heading="Fruit")],
        "draft": "", "refused": False, "prompt_tokens": 100, "cached": None,
        "search": 0.1, "first": 2.0, "written": 3.0, "total": 4.0, **fields,
    }  # fmt: skip
    return Column(way=way, said=list(said), **values)


def trial_of(*columns: Column, lesson: Lesson | None = None) -> Trial:
    trial = Trial(QUESTION)
    for column in columns:
        trial.columns[column.way] = column
    if lesson:
        trial.result = Compared(QUESTION, trial.columns, dict.fromkeys(Way, lesson))
        trial.outcome = "answered"
    return trial


def sentence(text: str = TREES, **fields: Any) -> Sentence:
    return Sentence(text, fields.pop("citations", []), **fields)


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


NEAR = Evidence(2, 0, 21, TREES)
TRUE = Said(sentence(citations=[2], support=0.96, supported=True, evidence=NEAR, reason="asked"))
FALSE = Said(sentence("On Mars.", reason="'Mars' stands in no passage"))


def test_what_a_mark_means_is_said_in_words() -> None:
    found = done(Way.FOUND, TRUE, replace(FALSE, withheld=True))
    bare = done(Way.BARE, replace(FALSE, alone=True), TRUE)
    wrong = done(
        Way.WRONG, replace(FALSE, given=TRUE.sentence), replace(TRUE, given=FALSE.sentence)
    )
    trial = trial_of(bare, found, wrong)
    first, second, third = (text_of(compare_page.column(trial, way)) for way in Way)
    assert "On Mars. not in the passages found nothing like it in column 2" in first
    assert "'Mars' stands in no passage".replace("'", "&#x27;") in first
    assert "in the passages found [2] support 96%" in first
    assert "in the passages found 1 of 2 sentences" in first
    assert "On Mars. not in the passages found, withheld" in second
    assert "On Mars. not in the passages found in the wrong passages, support 96%" in third
    assert "[2] support 96% not in the wrong passages" in third


def test_a_citation_leads_to_the_sentence_and_a_passage_to_its_place() -> None:
    html = compare_page.column(trial_of(done(Way.FOUND, TRUE)), Way.FOUND)
    places = re.findall(r'href="([^"]+)"', html)
    assert len(places) == 2
    assert all(
        place.startswith("reader?document=a+b.md&amp;start=0&amp;end=21") for place in places
    )


def test_a_refusal_claims_nothing() -> None:
    refusal = Said(sentence("The passages do not provide that information."))
    column = done(Way.WRONG, refusal, Said(sentence("The of.", supported=True)))
    text = text_of(compare_page.column(trial_of(column), Way.WRONG))
    assert "read as saying that the answer is not there" in text and "claims nothing" in text
    assert "in the passages found no sentence" in text and column.claims == []


def test_nothing_becomes_markup() -> None:
    evil = Said(
        sentence(
            EVIL, citations=[2], supported=True, reason=EVIL, evidence=replace(NEAR, text=EVIL)
        ),
        given=sentence(EVIL, reason=EVIL, supported=True),
        alone=True,
    )
    places = [passage(2, EVIL, document=EVIL, heading=EVIL)]
    columns = [done(way, evil, passages=places, refused=True, reply=EVIL) for way in Way]
    trial = trial_of(*columns, lesson=Lesson(EVIL, [Quote(EVIL, 0, 3, EVIL)], EVIL))
    trial.error, trial.outcome = EVIL, "failed"
    draft = Trial(EVIL)
    draft.exchanges[Way.BARE].draft = draft.states[Way.BARE] = EVIL
    pages = [compare_page.column(trial, way) for way in Way]
    for html in [*pages, compare_page.column(draft, Way.BARE), compare_page.failed(trial)]:
        assert "<script" not in html and "<img" not in html
        assert not re.findall(r"""(?:href|src)=["'](?!reader\?)""", html)
        assert all(" on" not in tag.split('title="')[0] for tag in re.findall(r"<[^>]*>", html))


def test_a_page_without_a_question_explains_the_columns() -> None:
    texts = [text_of(compare_page.column(None, way)) for way in Way]
    assert "not fine-tuned" in texts[0] and "gate is passed by on purpose" in texts[2]
