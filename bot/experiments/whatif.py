"""What if? The ranking of a question under other parameters, and what that made of its answer.

The ranking, the selection and the threshold are the answer path's own. No model is asked. All
functions are pure, but for `opened`, which retrieves once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bot.about import search as about
from bot.about.search import Found
from bot.answer import UNFIT, budget, depth, in_force, select
from bot.path import prompts
from bot.path.evidence import VERBATIM
from bot.path.retrieval import Candidate, rank
from bot.path.words import negates, stems
from bot.session import Bot
from bot.trace import Answer, Dropped, Gate, Parameters, Passage, Sentence
from bot.verify import answerability

OFF = "it is switched off"
# Of a sentence's stems in one that rests on the same sentence of a document: it says the same in
# other words. What rests on another place has to have them all, or nearly: `VERBATIM`.
NEAR = 0.5


@dataclass(frozen=True)
class Case:
    """An answer, and all that can be ranked for its question."""

    answer: Answer
    base: Parameters  # as they stood for it
    found: Found
    frame: int  # tokens of the prompt without any passage
    sizes: Mapping[str, int]  # about how many each passage adds, by its id
    budget: int  # tokens that the prompt may have

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Return all that may be ranked."""
        return (*self.found.others, *self.found.own)

    @property
    def question(self) -> str:
        """Return the question in words that stand alone: it is looked up as it was."""
        return self.answer.resolved_question

    @property
    def stale(self) -> bool:
        """Tell whether the question finds other passages now than when it was answered."""
        found = [*self.answer.passages, *(drop.passage for drop in self.answer.dropped)]
        now = self.found.ranked(self.base.dense_weight)[: depth(self.base)]
        return {passage.id for passage in found} != {passage.id for passage in now}


@dataclass(frozen=True)
class Row:
    """What becomes of one candidate."""

    passage: Passage  # scored at the weight as it is set; `n` is its rank there
    rank_before: int | None  # None: the bot's own passages did not take part then
    n: int | None  # its number for the model; None: it is left out
    n_before: int | None
    fate: str  # why it is left out


@dataclass(frozen=True)
class Preview:
    """What retrieval would make of the question; no model was asked."""

    parameters: Parameters
    rows: list[Row]  # best first
    gate: Gate  # the look at the scores; what the model says of the passages is not known yet

    @property
    def shown(self) -> list[Row]:
        """Return the rows of the passages in the prompt, in its order."""
        return [row for row in self.rows if row.n is not None]


def opened(bot: Bot, answer: Answer) -> Case:
    """Retrieve all candidates of an answered question, with one embedding."""
    found = about.candidates(bot, answer.resolved_question)
    last = prompts.answer_to(answer.resolved_question)
    frame = bot.chosen.count(prompts.ask([], last))
    sizes = {
        passage.id: bot.chosen.count(prompts.ask([passage], last)) - frame
        for passage in rank((*found.others, *found.own))
    }
    base = answer.parameters or in_force(bot.settings)
    return Case(answer, base, found, frame, sizes, budget(bot))


def preview(case: Case, parameters: Parameters) -> Preview:
    """Rank, select and hold against the threshold, as the answer path does it."""
    ranking = case.found.ranked(parameters.dense_weight)
    numbers, fates, gate = _selected(case, parameters, ranking)
    before = case.found.ranked(case.base.dense_weight)
    ranks = {passage.id: passage.n for passage in before}
    numbers_before, *_ = _selected(case, case.base, before)
    rows = [
        Row(
            passage,
            ranks.get(passage.id),
            numbers.get(passage.id),
            numbers_before.get(passage.id),
            "" if passage.id in numbers else fates[passage.id],
        )
        for passage in ranking
    ]
    return Preview(parameters, rows, gate)


def _selected(
    case: Case, parameters: Parameters, ranking: Sequence[Passage]
) -> tuple[dict[str, int], dict[str, str], Gate]:
    """Return the numbers of the passages shown, why each other is not, and the gate."""
    looked_at = depth(parameters)
    chosen, dropped = select(ranking[:looked_at], parameters.top_k, parameters.without)
    gate = answerability.gate(chosen, parameters.threshold)
    if gate.passed:
        chosen, unfit = _fitting(case, chosen)
        dropped = unfit + dropped
        if not chosen:
            gate = replace(gate, passed=False, reason=UNFIT)
    fates = dict.fromkeys(
        (passage.id for passage in ranking), f"only the best {looked_at} are looked at"
    )
    fates |= {drop.passage.id: drop.reason for drop in dropped}
    fates |= dict.fromkeys(parameters.without, OFF)
    return {passage.id: passage.n for passage in chosen}, fates, gate


def _fitting(case: Case, chosen: Sequence[Passage]) -> tuple[list[Passage], list[Dropped]]:
    """Drop the worst until the prompt fits, as `prompts.build` does with exact counts."""
    shown, unfit = list(chosen), list[Dropped]()
    while shown:
        size = case.frame + sum(case.sizes[passage.id] for passage in shown)
        if size <= case.budget:
            break
        reason = f"the prompt would have about {size} tokens, and {case.budget} fit"
        unfit.insert(0, Dropped(shown.pop(), reason))
    return shown, unfit


# --- two answers


@dataclass(frozen=True)
class Difference:
    """What became of the supported sentences of an answer, and where those of another come from."""

    stayed: list[Sentence]  # of the former: the other has the same words
    reworded: list[Sentence]  # of the former: the other says it in other words
    gone: list[Sentence]
    new: list[Sentence]  # of the other: the former says nothing like it

    @property
    def lost(self) -> bool:
        """Tell whether nothing is left of the former answer."""
        return not self.stayed and not self.reworded


def compare(before: Answer, after: Answer) -> Difference:
    """Find out what an answer has of the sentences of another. Many may have become one."""
    fates = [(one, kept(before, one, after)) for one in supported(before)]
    return Difference(
        stayed=[one for one, how in fates if how == "same"],
        reworded=[one for one, how in fates if how == "reworded"],
        gone=[one for one, how in fates if how == "not"],
        new=[one for one in supported(after) if kept(after, one, before) == "not"],
    )


def kept(answer: Answer, sentence: Sentence, other: Answer) -> Literal["same", "reworded", "not"]:
    """Tell whether another answer says what a sentence of an answer says."""
    others = supported(other)
    if any(_words(one) == _words(sentence) for one in others):
        return "same"
    mine, place = set(stems(sentence.text)), _place(answer, sentence)
    parts: set[str] = set()  # of what it says, in sentences that say little else
    for one in others:
        if negates(one.text) != negates(sentence.text):
            continue
        theirs = set(stems(one.text))
        if _share(mine, theirs) >= (NEAR if place == _place(other, one) else VERBATIM):
            return "reworded"
        if _share(theirs, mine) >= NEAR:
            parts |= theirs
    return "reworded" if _share(mine, parts) >= VERBATIM else "not"


def _share(words: set[str], others: set[str]) -> float:
    return len(words & others) / max(len(words), 1)


def supported(answer: Answer) -> list[Sentence]:
    """Return the sentences of an answer that its passages state."""
    return [one for one in answer.sentences if one.supported and one.evidence]


def _words(sentence: Sentence) -> list[str]:
    return re.findall(r"\w+", sentence.text.casefold())


def _place(answer: Answer, sentence: Sentence) -> tuple[str, int, int] | None:
    """Return where in which document the sentence stands that it rests on."""
    found = sentence.evidence
    return (answer.passages[found.n - 1].document, found.start, found.end) if found else None


# --- leave one out


@dataclass(frozen=True)
class LeftOut:
    """An answer's passage, and what the answer is without it."""

    passage: Passage
    answer: Answer | None  # None: it was the only passage, so that nobody was asked
    difference: Difference
    abstains: bool  # though with the passage there was an answer

    @property
    def vital(self) -> bool:
        """Tell whether without the passage nothing is left of the answer."""
        return self.abstains or bool(self.difference.gone and self.difference.lost)


def leaving_out(case: Case, base: Answer, passage: Passage) -> Parameters | None:
    """Return parameters that show the model all of an answer's passages but one, and no other.

    None: there is no other. What repeats the passage word for word would take its place, and goes
    with it.
    """
    others = len(base.passages) - 1
    if not others:
        return None
    same = {one.chunk.id for one in case.candidates if one.chunk.text == passage.text}
    parameters = base.parameters or case.base
    without = sorted({*parameters.without, passage.id, *same})
    return replace(parameters, top_k=others, without=tuple(without))


def left_out(base: Answer, passage: Passage, answer: Answer | None) -> LeftOut:
    """Measure what an answer lost when one of its passages was left out."""
    if answer is None:
        lost = Difference([], [], supported(base), [])
        return LeftOut(passage, None, lost, not base.abstained)
    abstains = answer.abstained and not base.abstained
    return LeftOut(passage, answer, compare(base, answer), abstains)


def hanging(base: Answer, outs: Sequence[LeftOut]) -> str:
    """Say in one sentence what an answer hangs on, after all its passages were left out once."""
    if base.abstained:
        found = [out for out in outs if out.answer and not out.answer.abstained]
        if found:
            return f"There was no answer; without {_names(found)} there is one."
        return "There was no answer, and leaving out any one passage gives none."
    if vital := [out for out in outs if out.vital]:
        return f"The answer hangs on {_names(vital)}: without {_any(vital)} nothing is left of it."
    total = len(supported(base))
    lost = max((len(out.difference.gone) for out in outs), default=0)
    if not lost:
        sentences = "its one sentence stays" if total == 1 else f"all {total} sentences stay"
        return f"It hangs on no single passage: without any one of them {sentences}."
    worst = [out for out in outs if len(out.difference.gone) == lost]
    return (
        f"No single passage carries all of it; most hangs on {_names(worst)}: "
        f"without {_any(worst)} {lost} of {total} sentences {'is' if lost == 1 else 'are'} gone."
    )


def _names(outs: Sequence[LeftOut]) -> str:
    return " and ".join(f"[{out.passage.n}] {out.passage.source}" for out in outs)


def _any(outs: Sequence[LeftOut]) -> str:
    return "it" if len(outs) == 1 else "any one of them"
