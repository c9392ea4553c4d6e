"""What one browser tab tries out on an answer: other parameters, another answer, one passage less.

What asks the model runs in the room, one after the other, as the chat's questions do.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

from bot.experiments import whatif
from bot.experiments.whatif import Case, LeftOut
from bot.records.turn import Exchange
from bot.session import Bot
from bot.trace import Answer, Parameters
from bot.web.room import Room
from bot.web.tab import Conversation, ask, guarded, lent


@dataclass
class Trial:
    """An answer, and what it is without each of its passages, as far as that is known."""

    base: Answer
    outs: list[LeftOut] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Tell whether every passage was left out once."""
        return len(self.outs) == len(self.base.passages)


@dataclass
class Bench:
    """The case on the bench, its parameters as they are set, and what was run with them."""

    case: Case | None = None
    changes: int = -1  # of the room, when the case was opened
    parameters: Parameters | None = None
    again: Exchange | None = None
    trial: Trial | None = None
    error: str = ""
    known: int = 0  # answers of the conversation when it was last looked at
    busy: bool = False
    stopping: bool = False
    talk: Conversation = field(default_factory=Conversation)  # of the run that goes on

    def put(self, case: Case, changes: int) -> None:
        """Take another case; nothing of the one before stays."""
        self.case, self.changes, self.parameters = case, changes, case.base
        self.again = self.trial = None

    def clear(self) -> None:
        """Take the case away, and stop what is run on it."""
        self.stop()
        self.case = self.parameters = self.again = self.trial = None

    def turn(self, top_k: int, dense_weight: float, threshold: float) -> None:
        """Change the parameters; what is switched off stays so."""
        if self.parameters:
            parameters = replace(
                self.parameters, top_k=top_k, dense_weight=dense_weight, threshold=threshold
            )
            self.parameters = parameters

    def flip(self, id: str) -> None:
        """Switch a passage off, or on again; ids that are no candidate's are passed over."""
        if (
            self.case
            and self.parameters
            and any(id == one.chunk.id for one in self.case.candidates)
        ):
            without = {*self.parameters.without} ^ {id}
            self.parameters = replace(self.parameters, without=tuple(sorted(without)))

    def reset(self) -> None:
        """Turn everything back to where it stood for the answer."""
        if self.case:
            self.parameters = self.case.base

    def stop(self) -> None:
        """End what is run; what there is of it stays."""
        self.stopping = self.talk.stopping = True

    def fits(self, answer: Answer, room: Room) -> bool:
        """Tell whether this answer is on the bench, and the documents are still the same."""
        return (
            self.case is not None
            and self.case.answer is answer
            and self.changes == room.changes
        )  # fmt: skip

    def answer_for(self, parameters: Parameters) -> Answer | None:
        """Return the answer that these parameters gave, if there is one."""
        if self.case is None:
            return None
        again = self.again.answer if self.again else None
        given = [one for one in (again, self.case.answer) if one]
        return next(
            (one for one in given if (one.parameters or self.case.base) == parameters), None
        )


Work = Generator[str, None, None]


def prepare(room: Room, bench: Bench, answer: Answer) -> Work:
    """Put an answer on the bench; yield what it waits for. One embedding, and no model."""
    use = partial(_opened, bench, answer, room.changes)
    yield from _work(bench, lent(room, lambda: bench.stopping, use))


def again(room: Room, bench: Bench) -> Work:
    """Answer with the parameters as they are set; yield what the bot is doing."""
    if bench.case and bench.parameters:
        yield from _work(bench, _again(room, bench, bench.case, bench.parameters))


def leave_out(room: Room, bench: Bench) -> Work:
    """Answer once without each passage of the answer that the parameters give."""
    if bench.case and bench.parameters:
        yield from _work(bench, _each(room, bench, bench.case, bench.parameters))


def _work(bench: Bench, work: Work) -> Work:
    """Do one thing at a time on a bench; errors end in it."""
    if bench.busy:
        return
    bench.busy, bench.stopping, bench.error = True, False, ""
    try:
        error = yield from guarded(work)
        bench.error = error or bench.error
    finally:
        bench.busy = False
    yield ""


def _opened(bench: Bench, answer: Answer, changes: int, bot: Bot) -> Work:
    yield "looking up the question"
    bench.put(whatif.opened(bot, answer), changes)


def _asked(room: Room, bench: Bench, case: Case, parameters: Parameters) -> Work:
    """Ask the question of a case, in a conversation of its own."""
    bench.talk = talk = Conversation()
    with closing(ask(room, talk, case.question, parameters)) as events:
        for doing in events:
            talk.stopping = bench.stopping  # it may have come before the run began
            if doing:
                yield doing


def _again(room: Room, bench: Bench, case: Case, parameters: Parameters) -> Work:
    for doing in _asked(room, bench, case, parameters):
        bench.again = bench.talk.current
        yield doing
    bench.again = bench.talk.current


def _each(room: Room, bench: Bench, case: Case, parameters: Parameters) -> Work:
    base = bench.answer_for(parameters)
    if base is None:
        for doing in _again(room, bench, case, parameters):
            yield f"first with all of them: {doing}"
        base = bench.again.answer if bench.again else None
    if base is None:
        return
    bench.trial = trial = Trial(base)
    for count, passage in enumerate(base.passages, 1):
        where = f"{count} of {len(base.passages)}, without [{passage.n}]"
        yield where
        left = whatif.leaving_out(case, base, passage)
        answer = None
        if left:
            for doing in _asked(room, bench, case, left):
                yield f"{where}: {doing}"
            done = bench.talk.exchanges[0]
            bench.error, answer = done.error, done.answer
            if answer is None:
                return
        trial.outs.append(whatif.left_out(base, passage, answer))
