"""One comparison on the page: how its steps change it.

What waits, fails and stops does so as for an answer of the chat.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from bot.experiments.compare import compare
from bot.experiments.comparison import Column, Compared, Step, Way
from bot.records.turn import Exchange, Outcome
from bot.session import Bot
from bot.web.room import Room
from bot.web.tab import lent, settled

WAITING = "waiting"
UNCHECKED = "written; it is checked when retrieval has found the passages"


@dataclass
class Trial:
    """A question, and as much of its three columns as there is."""

    question: str
    outcome: Outcome = "running"
    error: str = ""
    stopping: bool = False
    exchanges: dict[Way, Exchange] = field(default_factory=dict)  # what is being written
    columns: dict[Way, Column] = field(default_factory=dict)  # what is done
    states: dict[Way, str] = field(default_factory=dict)  # what each is doing, for people
    result: Compared | None = None

    def __post_init__(self) -> None:
        self.exchanges = {way: Exchange(self.question) for way in Way}
        self.states = dict.fromkeys(Way, WAITING)

    def take(self, step: Step | Compared) -> str:
        """Take in a step; return what the bot is doing now, for people."""
        if isinstance(step, Compared):
            self.result, self.columns, self.outcome = step, dict(step.columns), "answered"
            return ""
        way, event = step.way, step.event
        if way is Way.FOUND and Way.BARE not in self.columns:
            self.states[Way.BARE] = UNCHECKED
        if isinstance(event, Column):
            self.columns[way], self.states[way] = event, "done"
            return f"{way.value}: done"
        doing = self.states[way] = self.exchanges[way].take(event)
        return f"{way.value}: {doing}"


@dataclass
class Bench:
    """What one browser tab compares: the last question asked there."""

    trial: Trial | None = None


def run(room: Room, bench: Bench, question: str) -> Generator[str, None, None]:
    """Compare; yield what the bot is doing, whenever it changed.

    A comparison of the same tab that still runs is stopped. Closing the generator stops the model.
    """
    if bench.trial:
        bench.trial.stopping = True
    trial = bench.trial = Trial(question)
    use = partial(_compared, room, trial)
    yield from settled(trial, lent(room, lambda: trial.stopping, use))


def _compared(room: Room, trial: Trial, bot: Bot) -> Generator[str, None, None]:
    yield "reading the question"
    with closing(compare(bot, trial.question)) as steps:
        for step in steps:
            if trial.stopping or room.closing:
                return
            yield trial.take(step)
