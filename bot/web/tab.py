"""One conversation: its exchanges, and how the events of an answer change them.

question -> the room lends the bot -> events -> exchange, and the page draws it after each event.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from bot.answer import answer
from bot.explain import learn_more
from bot.records import receipt
from bot.records.conversations import Place
from bot.records.turn import Exchange, Outcome
from bot.session import Bot
from bot.trace import (
    Parameters,
    Turn,
)
from bot.web.room import BROKEN, Room
from ingest.errors import WhybotError

PATIENCE = 0.2  # seconds between two looks at whether the bot is free, or Stop was pressed


class Task(Protocol):
    """What the page works on until it has an outcome."""

    outcome: Outcome
    error: str


@dataclass
class Conversation:
    """What one browser tab has asked."""

    exchanges: list[Exchange] = field(default_factory=list)
    shown: int = -1  # whose sources are beside the conversation; -1: the last one's
    stopping: bool = False
    seen: int = -1  # the room's changes that this tab's library page shows
    kept: Place = field(default_factory=Place)
    unkept: str = ""  # why its last exchange could not be kept

    def history(self) -> list[Turn]:
        """Return the answered exchanges as turns, in words that stand alone."""
        return [
            Turn(exchange.rewritten, exchange.answer.answer)
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
    room: Room, talk: Conversation, question: str, parameters: Parameters | None = None
) -> Generator[str, None, None]:
    """Answer a question into the conversation; yield what the bot is doing, whenever it changed.

    Closing the generator stops the model, as `talk.stopping` does. Errors end in the exchange.
    """
    exchange, history = Exchange(question), talk.history()
    talk.exchanges.append(exchange)
    talk.shown, talk.stopping = -1, False
    use = partial(_answered, room, talk, exchange, history, parameters)
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
    parameters: Parameters | None,
    bot: Bot,
) -> Generator[str, None, None]:
    yield "understanding the question" if history else "looking up the question"
    with closing(answer(bot, exchange.question, history, parameters=parameters)) as events:
        for event in events:
            if talk.stopping or room.closing:
                return
            yield exchange.take(event)
    if exchange.answer:
        exchange.receipt = receipt.of(bot, exchange.answer, history)
        exchange.taught = learn_more.passages(bot.retriever.chunks())
