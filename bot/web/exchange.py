"""One conversation: its exchanges, and how the events of an answer change them.

Knows the room and the events; knows nothing of HTML or Gradio.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

from bot import receipt, teaches
from bot.answer import Bot, answer
from bot.receipt import Receipt
from bot.trace import (
    Answer,
    Dropped,
    Event,
    Gate,
    Knobs,
    Passage,
    Reading,
    Resolved,
    Retrieved,
    Sentence,
    Token,
    Turn,
)
from bot.web.room import BROKEN, Room
from ingest.errors import WhybotError
from ingest.index import IndexedChunk

PATIENCE = 0.2  # seconds between two looks at whether the bot is free, or Stop was pressed

Outcome = Literal["running", "answered", "stopped", "failed"]


class Task(Protocol):
    """What the page works on until it has an outcome."""

    outcome: Outcome
    error: str


@dataclass
class Exchange:
    """A question and as much of its answer as there is."""

    question: str
    outcome: Outcome = "running"
    resolved: str = ""
    passages: list[Passage] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    draft: str = ""
    gate: Gate | None = None
    answer: Answer | None = None
    receipt: Receipt | None = None
    taught: Mapping[str, IndexedChunk] = field(default_factory=dict)  # see `explain`
    error: str = ""

    @property
    def text(self) -> str:
        """Return the answer, or the draft while it is written and checked."""
        return self.answer.answer if self.answer else self.draft

    @property
    def cited(self) -> frozenset[int]:
        """Return the numbers of the passages that the answer cites."""
        return self.answer.cited if self.answer else frozenset()

    def take(self, event: Event) -> str:
        """Take in an event; return what the bot is doing now, for people."""
        match event:
            case Resolved(question):
                self.resolved = question
                return f"looking up “{question}”"
            case Retrieved():
                self.passages, self.dropped = event.passages, event.dropped
                self.gate = event.gate
                return "reading"
            case Reading(done, total):
                doing = "checking the draft: read" if self.draft else "reading"
                return f"{doing} {done} of {total} tokens"
            case Token(text):
                self.draft += text
                return "writing"
            case Sentence():
                return "checking the draft"
            case Answer():
                self.answer, self.outcome = event, "answered"
                return ""


@dataclass(frozen=True)
class Place:
    """Where a conversation is kept, as the tab that shows it knows."""

    id: str = ""  # empty: nowhere yet
    count: int = 0  # of the exchanges that are kept there


@dataclass
class Conversation:
    """What one browser tab has asked."""

    exchanges: list[Exchange] = field(default_factory=list)
    shown: int = -1  # whose sources are beside the conversation; -1: the last one's
    stopping: bool = False
    seen: int = -1  # the room's changes that this tab's library page shows
    kept: Place = Place()
    unkept: str = ""  # why its last exchange could not be kept

    def history(self) -> list[Turn]:
        """Return the answered exchanges as turns, in words that stand alone."""
        return [
            Turn(exchange.resolved, exchange.answer.answer)
            for exchange in self.exchanges
            if exchange.answer
        ]

    def clear(self) -> None:
        """Forget everything, and stop what is being answered."""
        self.resume([], Place())

    def resume(self, exchanges: list[Exchange], kept: Place) -> None:
        """Show other exchanges, and stop what is being answered."""
        self.exchanges, self.shown, self.stopping = exchanges, -1, True
        self.kept, self.unkept = kept, ""

    @property
    def current(self) -> Exchange | None:
        """Return the exchange whose sources are shown."""
        return self.exchanges[self.shown] if self.exchanges else None


def ask(
    room: Room, talk: Conversation, question: str, knobs: Knobs | None = None
) -> Generator[str, None, None]:
    """Answer a question into the conversation; yield what the bot is doing, whenever it changed.

    Closing the generator stops the model, as `talk.stopping` does. Errors end in the exchange.
    """
    exchange, history = Exchange(question), talk.history()
    talk.exchanges.append(exchange)
    talk.shown, talk.stopping = -1, False
    use = partial(_answered, room, talk, exchange, history, knobs)
    yield from settled(exchange, lent(room, lambda: talk.stopping, use))


def settled(task: Task, work: Generator[str, None, None]) -> Generator[str, None, None]:
    """Do some work; how it ended, with an error or before its time, ends in the task."""
    try:
        if error := (yield from guarded(work)):
            task.error, task.outcome = error, "failed"
    finally:
        if task.outcome == "running":
            task.outcome = "stopped"
    yield ""


def guarded(work: Generator[str, None, None]) -> Generator[str, None, str]:
    """Pass on what some work yields; return the error that ended it, or nothing."""
    try:
        yield from work
    except WhybotError as error:
        return str(error)
    except Exception:  # noqa: BLE001 - the event boundary: a bug goes to the terminal and the page
        traceback.print_exc()
        return BROKEN
    return ""


def lent(
    room: Room, stopping: Callable[[], bool], use: Callable[[Bot], Generator[str, None, None]]
) -> Generator[str, None, None]:
    """Wait for the bot, use it, and give it back; nothing is done if it is to stop before."""
    while (bot := room.borrow(PATIENCE)) is None:
        if stopping():
            return
        yield room.waiting_for
    try:
        yield from use(bot)
    finally:
        room.give_back()


def _answered(
    room: Room,
    talk: Conversation,
    exchange: Exchange,
    history: list[Turn],
    knobs: Knobs | None,
    bot: Bot,
) -> Generator[str, None, None]:
    yield "understanding the question" if history else "looking up the question"
    with closing(answer(bot, exchange.question, history, knobs=knobs)) as events:
        for event in events:
            if talk.stopping or room.closing:
                return
            yield exchange.take(event)
    if exchange.answer:
        exchange.receipt = receipt.of(bot, exchange.answer, history)
        exchange.taught = teaches.passages(bot.retriever.chunks())
