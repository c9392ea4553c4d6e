"""May we answer? What retrieval found, and what the model says of it, weighed before and after.

There are three looks, each dearer than the one before. `gate` looks at the scores, which costs
nothing. `before`, the pre-check, asks of the passages, which the model reads anyway. `after`, the
post-check, asks of the draft, and only in doubt.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from bot.llm.providers import Chosen
from bot.path import citations
from bot.path.evidence import Nearest, Sources
from bot.path.words import COMPARES, YES_OR_NO, number_missing
from bot.trace import Gate, Passage, Reading, Sentence, Signals
from bot.verify import yes_no
from bot.verify.mentions import name_mismatch, unknown, word_mismatch

# The fused score below which the documents are taken not to speak of the question. Calibrated on
# public questions, 400 each: of those asked of their own corpus none scored lower (least .265);
# of those asked of a foreign corpus of ten passages 96 % and 81 % did, of 240 and 11,000
# passages 28 % and 10 %. So it stops what is far off, and never what is near.
THRESHOLD = 0.15

# Logistic regression on 143 public questions, with the embedded 1.5B model; on which, and what
# else was tried: tests/gold/README.md. Weights of the log-odds of Yes, of the cosine similarity,
# and of a name or number in the question that no passage has.
YES, COSINE, UNKNOWN, CONSTANT = 1.51, 4.17, -2.69, -4.25
SURE = 0.50  # from here on the draft is written and believed
DOUBT = 0.05  # below it nothing is written; between the two the draft has to convince
# What P(Yes) a doubtful draft needs, asked whether it answers just this question, and, below
# LIKELY, whether one of the sentences that it rests on does so alone.
LIKELY = 0.40
DRAFT_THRESHOLD, RESTS_THRESHOLD = 0.66, 0.555
# The latter, from which a sentence is quoted where the draft failed, or rests on none as good: of
# the unanswerable questions that are refused none has one above .77 (public) and .834 (gold).
QUOTE_THRESHOLD = 0.84
MISSING = 5  # items of a list that an answer may lack to be completed
NEAR, LOOKED_AT = 2, 3  # sentences asked about that come near the question, and for the draft


@dataclass(frozen=True)
class Judged:
    """A sentence of the passages, and whether it alone answers the question."""

    near: Nearest
    yes: float  # P(Yes)
    drafts: bool  # the draft rests on it


def gate(passages: Sequence[Passage], threshold: float = THRESHOLD) -> Gate:
    """Compare the best passage's score with the threshold."""
    best = max((passage.score for passage in passages), default=0.0)
    passed = best >= threshold
    scores = f"the best scores {best:.2f}, and {threshold:g} is needed"
    reason = "" if passed else f"no passage comes near ({scores}): the model was not asked"
    return Gate(best, threshold, passed, reason)


def pre_check(
    gate: Gate, question: str, passages: Sequence[Passage], chosen: Chosen
) -> Generator[Reading, None, Gate]:
    """Pre-check: weigh whether the passages hold the answer.

    A model that gives no probabilities lets every question pass.
    """
    yes = yield from yes_no.answerable(chosen, passages, question)
    if yes is None:
        return replace(gate, reason="this model gives no probabilities: it was not asked")
    cosine = max(passage.dense for passage in passages)
    foreign = unknown(question, passages, misspelt=True)
    signals = Signals(round(yes, 4), round(cosine, 4), foreign)
    answerable = round(probability(signals), 4)
    named = f"; {foreign!r} stands in none" if foreign else ""
    return replace(
        gate,
        passed=answerable >= DOUBT,
        reason=f"the passages hold the answer with a probability of {answerable:.0%}{named}",
        answerable=answerable,
        answerable_threshold=SURE,
        signals=signals,
    )


def post_check(
    gate: Gate, question: str, sources: Sources, draft: str, chosen: Chosen
) -> Generator[Reading, None, tuple[Gate, list[Judged]]]:
    """Post-check: in doubt, ask whether the draft answers the question, and what it rests on does.

    A subject mismatch puts a draft in doubt too: the passages it rests on are about another subject
    than the question names. A sentence that surely answers alone is preferred to a draft that rests
    on none such. Returns what was asked about the sentences too: it need not be asked again.
    """
    if number_missing(question, draft):
        reason = "the question asks for a number or a date, and the draft has none"
        return replace(gate, passed=False, reason=reason), []
    if gate.signals is None:
        return gate, []
    name, word = _mismatches(question, draft, sources)
    signals = replace(gate.signals, mismatch=name or word)
    answerable = probability(signals)
    if answerable >= SURE:
        return gate, []
    said: float | None = None
    if answerable >= LIKELY:
        said = yield from _convinces(question, sources, draft, chosen)
        if said >= DRAFT_THRESHOLD:
            reason = f"{gate.reason}; that the draft answers it, {said:.0%}"
            return replace(gate, reason=reason, signals=replace(signals, draft=said)), []
    judged = yield from judge(question, sources, draft, chosen)
    rests = max((one.yes for one in judged if one.drafts), default=0.0)
    alone = max((one.yes for one in judged), default=0.0)
    better = rests < QUOTE_THRESHOLD <= alone
    mixed = name and YES_OR_NO.match(question)  # Yes of one is none of another
    open_yet = rests >= RESTS_THRESHOLD and not (better or mixed)
    if open_yet and said is None:  # else the answer would change nothing
        said = yield from _convinces(question, sources, draft, chosen)
    told = "" if said is None else f"that the draft answers it, {said:.0%}; "
    weighed = replace(
        gate,
        passed=open_yet and said is not None and said >= DRAFT_THRESHOLD,
        reason=f"{gate.reason}; {told}that a sentence alone does, {alone:.0%}, "
        f"and of those that the draft rests on, {rests:.0%}",
        signals=replace(signals, draft=said, rests=rests, alone=alone),
    )
    return weighed, judged


def _convinces(
    question: str, sources: Sources, draft: str, chosen: Chosen
) -> Generator[Reading, None, float]:
    """Ask whether the draft answers just this question: P(Yes)."""
    said = yield from yes_no.answers(chosen, sources.passages, question, draft)
    return round(said or 0.0, 4)


def probability(signals: Signals) -> float:
    """Return the probability that the passages hold the answer, 0..1.

    A subject mismatch counts as a name that stands in no passage.
    """
    odds = CONSTANT + YES * log_odds(signals.yes) + COSINE * signals.cosine
    return 1 / (1 + math.exp(-odds - UNKNOWN * bool(signals.unknown or signals.mismatch)))


def _mismatches(question: str, draft: str, sources: Sources) -> tuple[str, str]:
    """Return a name, and a word, of the question that heads other passages than the draft rests on.

    Each is "" if there is none.
    """
    if COMPARES.search(question):  # one side may be told where the other is spoken of
        return "", ""
    rested = [sources.nearest(raw) for _, raw in citations.split(draft)]
    used = {near.evidence.n for near in rested if near}
    read = sources.passages
    return name_mismatch(question, read, used), word_mismatch(question, read, used)


def quotable(judged: Sequence[Judged]) -> list[Judged]:
    """Return the sentences that surely answer the question by themselves, the surest first."""
    sure = [one for one in judged if one.yes >= QUOTE_THRESHOLD]
    return sorted(sure, key=lambda one: -one.yes)[:LOOKED_AT]


def judge(
    question: str, sources: Sources, draft: str, chosen: Chosen
) -> Generator[Reading, None, list[Judged]]:
    """Ask of each sentence near the draft or the question whether it alone answers the question.

    Where one that the draft rests on surely does, those near the question are not asked about.
    Nothing is asked of a model that gives no probabilities.
    """
    found = candidates(question, draft, sources)
    judged = yield from _asked(question, [pair for pair in found if pair[1]], chosen)
    if any(one.yes >= QUOTE_THRESHOLD for one in judged):
        return judged
    others = yield from _asked(question, [pair for pair in found if not pair[1]], chosen)
    return judged + others


def completing(
    question: str, sources: Sources, sentences: Sequence[Sentence], chosen: Chosen
) -> Generator[Reading, None, list[Judged]]:
    """Return the items that an answer left out of a list, if each surely answers the question.

    A list is one that two or more of its sentences rest on items of; if the question has all words
    of its heading, one is enough.
    """
    used = [one.evidence for one in sentences if one.supported and one.evidence]
    told = " ".join(one.text for one in sentences)
    items = [(near, False) for near in sources.left_out(used, question, told)]
    if len(items) > MISSING:
        return []
    judged = yield from _asked(question, items, chosen)
    return [one for one in judged if one.yes >= QUOTE_THRESHOLD]


def _asked(
    question: str, found: Sequence[tuple[Nearest, bool]], chosen: Chosen
) -> Generator[Reading, None, list[Judged]]:
    judged: list[Judged] = []
    for near, drafts in found if chosen.one_token else ():
        yes = yield from yes_no.answered_by(chosen, near.text, question)
        judged.append(Judged(near, round(yes or 0.0, 4), drafts))
    return judged


def candidates(question: str, draft: str, sources: Sources) -> list[tuple[Nearest, bool]]:
    """Return the passages' sentences nearest to draft and question, each once.

    With each, whether the draft rests on it. For a question for a number, only those with one.
    """
    drafted = [sources.nearest(raw) for _, raw in citations.split(draft)[:LOOKED_AT]]
    found = {near.text: (near, True) for near in drafted if near}
    for near in sources.near(question, NEAR):
        found.setdefault(near.text, (near, False))
    return [pair for pair in found.values() if not number_missing(question, pair[0].evidence.words)]


def log_odds(share: float) -> float:
    """Return the log-odds of a probability, which is kept off 0 and 1."""
    kept = min(max(share, 1e-4), 1 - 1e-4)
    return math.log(kept / (1 - kept))
