"""Do the passages state what was written? Sentence by sentence.

Knows passages, sentences and how to ask the model Yes or No; knows nothing of how passages are
found or of how answers are shown. Cheap tests come first, the model decides what they leave open.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from bot import models, prompt
from bot.mentions import unknown
from bot.retrieval import stems
from bot.trace import Evidence, Passage, Reading, Sentence
from ingest.sentences import sentence_spans

# The probability of Yes from which a sentence counts as stated by the passages: of fifteen
# statements on the seed document, false ones got .19 to .90, true ones .38 to .95.
SUPPORT_BAR = 0.65
VERBATIM = 0.9  # of a sentence's stems in one sentence of a passage: it repeats it
SHARED = 0.6  # the same, where no model can be asked: it is taken to rest on it

NEGATIONS = frozenset("not no never without cannot neither nor none nothing hardly".split())

# How models say in their own words that the passages lack the answer.
REFUSAL = re.compile(
    r"\b(?:passages?|documents?|texts?|context|information|sources?)\b[^.]{0,40}?"
    r"\b(?:do(?:es)? not|do(?:es)?n't|did not|didn't|is not|isn't|are not|aren't|no)\b[^.]{0,20}?"
    r"\b(?:contain|provide|mention|say|state|specify|include|give|address|discuss|cover|list"
    r"|information|answer|enough|sufficient)",
    re.IGNORECASE,
)


def refuses(sentence: str) -> bool:
    """Tell whether a sentence says that the passages do not hold the answer."""
    return bool(REFUSAL.search(sentence))


def check(
    sentence: Sentence, passages: Sequence[Passage], chosen: models.Chosen, amiss: str = ""
) -> Generator[Reading, None, Sentence]:
    """Find the passage sentence that comes nearest, and how surely the passages state this one.

    amiss: why the whole draft is not to be trusted, if it is not; then no sentence of it is.
    """
    words = set(stems(sentence.text))
    if not words:
        return replace(sentence, support=1.0, supported=True, reason="it claims nothing")
    if foreign := unknown(sentence.text, passages):
        return replace(sentence, reason=f"{foreign!r} stands in no passage")
    near = nearest(sentence.text, passages)
    if near is None:
        return replace(sentence, reason="the passages hold no sentence")
    found = replace(
        sentence,
        evidence=near.evidence,
        citations=sentence.citations or [near.evidence.n],
        attributed=not sentence.citations,
    )
    if amiss:
        return replace(sentence, evidence=near.evidence, reason=amiss)
    if near.share >= VERBATIM and near.same_polarity:
        share = round(near.share, 4)
        return replace(found, support=share, supported=True, reason="a passage says it so")
    question = prompt.ask(passages, prompt.supported(sentence.text))
    probability = yield from models.yes(chosen, question)
    if probability is not None:
        support, bar = probability, SUPPORT_BAR
        reason = "the model, asked whether the passages state it"
    else:
        support, bar = near.share if near.same_polarity else 0.0, SHARED
        reason = "words shared with the passage; this model gives no probabilities"
    supported = support >= bar
    if not supported and found.attributed:
        found = replace(found, citations=[], attributed=False)
    return replace(found, support=round(support, 4), supported=supported, reason=reason)


@dataclass(frozen=True)
class Nearest:
    """The passage sentence that shares most with a sentence of the answer."""

    evidence: Evidence
    share: float  # of the sentence's stems, 0..1; the passage's headings count with it
    same_polarity: bool  # both negate, or neither does


def nearest(sentence: str, passages: Sequence[Passage]) -> Nearest | None:
    """Find the passage sentence that shares most stems; on a tie the passage that does."""
    words = set(stems(sentence))
    best: tuple[float, float, int] = (-1.0, 0.0, 0)
    found: Nearest | None = None
    for passage in passages:
        around = set(stems(passage.heading))
        whole = len(words & (around | set(stems(passage.text)))) / max(len(words), 1)
        for start, end in sentence_spans(passage.text):
            text = passage.text[start:end]
            share = len(words & (around | set(stems(text)))) / max(len(words), 1)
            if (rank := (share, whole, -passage.n)) > best:
                evidence = Evidence(passage.n, passage.start + start, passage.start + end, text)
                best, found = rank, Nearest(evidence, share, negates(text) == negates(sentence))
    return found


def negates(sentence: str) -> bool:
    """Tell whether a sentence negates an odd number of times."""
    words: list[str] = re.findall(r"\w+n['’]t\b|\w+", sentence.lower())
    return sum(word in NEGATIONS or word.endswith(("n't", "n’t")) for word in words) % 2 == 1
