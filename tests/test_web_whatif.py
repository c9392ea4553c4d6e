"""What one tab tries out, and its HTML, without Gradio: `pytest tests/test_web_whatif.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from fake_believer import Believer
from fake_models import Quoting, chosen
from fakes import FakeEmbedder

from bot.answer import answer
from bot.evaluation.datasets import over
from bot.session import Bot
from bot.trace import Answer
from bot.web.room import BROKEN, Room
from bot.web.whatif import html as whatif_page
from bot.web.whatif import state as bench
from bot.web.whatif.state import Bench
from ingest.errors import WhybotError
from ingest.settings import Settings

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">'
TEXTS = [
    "RAG adds latency. The cons are many.",
    "RAG needs a vector store.",
    f"The cons of tuning are its costs. {EVIL}",
    "The moon orbits the earth.",
]
QUESTION = "What are the cons of RAG?"


class OneBot:
    """Stand in for a Room: lend one bot, and count who has it."""

    closing, waiting_for, changes = False, "waiting", 0

    def __init__(self, bot: Bot) -> None:
        self.bot, self.lent, self.times, self.taken = bot, 0, 0, False

    def borrow(self, seconds: float) -> Bot | None:
        if self.taken or self.lent:
            return None
        self.lent, self.times = 1, self.times + 1
        return self.bot

    def give_back(self) -> None:
        self.lent = 0

    @property
    def real(self) -> Room:
        return cast("Room", self)


@pytest.fixture
def model() -> Quoting:
    return Quoting(word="RAG")


@pytest.fixture
def room(model: Quoting) -> Iterator[OneBot]:
    room = OneBot(Bot(Settings(top_k=2), over(TEXTS, FakeEmbedder().real), chosen(model)))
    yield room
    assert not room.lent, "the bot was given back"


@pytest.fixture
def tried(room: OneBot) -> Bench:
    *_, last = answer(room.bot, QUESTION)
    assert isinstance(last, Answer)
    tried = Bench()
    list(bench.prepare(room.real, tried, last))
    return tried


def test_a_case_is_opened_without_the_model(room: OneBot, tried: Bench, model: Quoting) -> None:
    assert tried.case and tried.parameters == tried.case.base
    asked = len(model.prompts)
    tried.turn(1, 0.2, 0.3)
    tried.flip(tried.case.answer.passages[0].id)
    whatif_page.ranking(tried)
    assert len(model.prompts) == asked
    assert tried.fits(tried.case.answer, room.real)
    room.changes += 1
    assert not tried.fits(tried.case.answer, room.real)


def test_switches_flip_and_strangers_do_nothing(tried: Bench) -> None:
    assert tried.case and tried.parameters
    id = tried.case.answer.passages[0].id
    tried.flip(id)
    assert tried.parameters.without == (id,)
    tried.turn(1, 0.5, 0.1)
    tried.flip("no such passage")
    assert (tried.parameters.without, tried.parameters.top_k) == ((id,), 1)
    tried.flip(id)
    assert not tried.parameters.without
    tried.reset()
    assert tried.parameters == tried.case.base


def test_again_runs_with_the_parameters_as_turned(room: OneBot, tried: Bench) -> None:
    assert tried.case
    tried.flip(tried.case.answer.passages[0].id)
    seen = list(bench.again(room.real, tried))
    assert seen[0] == "looking up the question" and seen[-1] == ""
    assert tried.again and tried.again.answer and tried.again.receipt
    assert tried.again.answer.parameters == tried.parameters
    assert tried.again.receipt.answer is tried.again.answer
    assert tried.parameters and tried.answer_for(tried.parameters) is tried.again.answer
    assert tried.answer_for(tried.case.base) is tried.case.answer
    html = whatif_page.results(tried)
    assert "Of 2 sentences: 1 stayed, 1 gone." in html
    assert html.count("<em>gone</em>") == 1 and "<em>new</em>" not in html


def test_leaving_out_runs_once_for_each_passage(room: OneBot, tried: Bench) -> None:
    seen = list(bench.leave_out(room.real, tried))
    assert "1 of 2, without [1]: looking up the question" in seen
    assert "2 of 2, without [2]" in seen
    assert tried.trial and tried.trial.whole and tried.case
    assert [out.passage.n for out in tried.trial.outs] == [1, 2]
    assert all(out.answer for out in tried.trial.outs)
    assert tried.trial.base is tried.case.answer, "what was answered is not asked again"
    assert "hangs on" in whatif_page.results(tried)


def test_leaving_out_first_answers_with_what_was_turned(room: OneBot, tried: Bench) -> None:
    tried.turn(1, 0.6, 0.15)
    list(bench.leave_out(room.real, tried))
    assert tried.trial and tried.again and tried.trial.base is tried.again.answer
    (out,) = tried.trial.outs
    assert out.answer is None and out.vital
    assert "the only passage" in whatif_page.results(tried)


def test_stop_ends_all_of_it_and_keeps_what_is_there(room: OneBot, tried: Bench) -> None:
    for doing in bench.leave_out(room.real, tried):
        if doing == "2 of 2, without [2]: reading":
            tried.stop()
    assert tried.trial and len(tried.trial.outs) == 1 and not tried.trial.whole
    assert not tried.busy
    assert "1 of 2 passages were left out: it was stopped." in whatif_page.results(tried)


def test_stop_between_two_runs_and_while_waiting(room: OneBot, tried: Bench) -> None:
    for doing in bench.leave_out(room.real, tried):
        if doing == "1 of 2, without [1]":
            tried.stop()  # the first run has not begun
    assert tried.trial and tried.trial.outs == []
    room.taken = True
    for doing in bench.again(room.real, tried):
        if doing == "waiting":
            tried.stop()
    assert tried.again and tried.again.outcome == "stopped"
    assert "stopped" in whatif_page.results(tried)


def test_a_closed_tab_frees_the_bot(room: OneBot, tried: Bench) -> None:
    work = bench.leave_out(room.real, tried)
    while "reading" not in next(work):
        pass
    assert room.lent
    work.close()
    assert not room.lent and not tried.busy


def test_one_thing_at_a_time(room: OneBot, tried: Bench) -> None:
    work = bench.again(room.real, tried)
    next(work)
    assert list(bench.leave_out(room.real, tried)) == []
    list(work)
    assert tried.trial is None


def test_errors_end_on_the_bench(room: OneBot, tried: Bench, capsys: Any) -> None:
    broken = Believer(draft=[WhybotError("The model broke.", "whybot doctor")])
    room.bot = replace(room.bot, chosen=chosen(broken))
    list(bench.leave_out(room.real, tried))
    assert tried.error == "The model broke. Mend it with: whybot doctor"
    list(bench.again(room.real, tried))
    assert tried.error == "" and "The model broke." in whatif_page.results(tried)
    room.bot = replace(room.bot, retriever=cast("Any", None))
    assert tried.case
    list(bench.prepare(room.real, tried, tried.case.answer))
    assert tried.error == BROKEN and "AttributeError" in capsys.readouterr().err
    assert BROKEN in whatif_page.results(tried)


def test_clearing_takes_everything_away(room: OneBot, tried: Bench) -> None:
    list(bench.again(room.real, tried))
    tried.clear()
    assert whatif_page.ranking(tried) == whatif_page.results(tried) == ""
    assert list(bench.again(room.real, tried)) == []


def test_nothing_of_a_document_becomes_markup(room: OneBot) -> None:
    passages = [text.replace("RAG", f"RAG {EVIL}") for text in TEXTS]
    retriever = over(passages, FakeEmbedder().real)
    bot = replace(room.bot, retriever=retriever, settings=Settings(grounding="show"))
    *_, last = answer(bot, f"What are the cons of RAG {EVIL}?")
    assert isinstance(last, Answer)
    room.bot = bot
    tried = Bench()
    list(bench.prepare(room.real, tried, last))
    list(bench.again(room.real, tried))
    list(bench.leave_out(room.real, tried))
    html = whatif_page.ranking(tried) + whatif_page.results(tried)
    assert "<script" not in html and "<img" not in html
    assert "&lt;script&gt;" in html


def test_the_page_says_when_the_documents_changed(room: OneBot, tried: Bench) -> None:
    assert tried.case and "finds other passages now" not in whatif_page.ranking(tried)
    room.bot = replace(room.bot, retriever=over(["Cons of RAG!", *TEXTS], FakeEmbedder().real))
    list(bench.prepare(room.real, tried, tried.case.answer))
    assert "finds other passages now" in whatif_page.ranking(tried)
