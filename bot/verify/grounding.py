"""Whether the passages state what was written, sentence by sentence.

Cheap tests of words and vectors come first. The model decides what they leave open.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from bot.llm.providers import PASSAGES, Chosen
from bot.path.evidence import Nearest, Sources
from bot.path.words import COMPARES, YES_OR_NO, negates, stems
from bot.trace import Passage, Reading, Sentence
from bot.verify import yes_no
from bot.verify.mentions import name_mismatch, subject_mismatch, unknown, word_mismatch
from bot.verify.yes_no import Asked

# The probability of Yes from which a sentence counts as stated by the passages: of the 47 whole
# statements of tests/gold, false ones got .05 to .91, true ones .40 to .99. With
# CONTEXT_THRESHOLD this keeps 17 of 22 true ones and 4 of 25 false ones.
SUPPORT_THRESHOLD = 0.6
# The cosine to the nearest sentence below which a statement is taken to be the model's own: of 42
# paraphrases on three question sets the least had .52, an invented definition .34.
LIKE = 0.45
SHARED = 0.6  # of its stems in one sentence of a passage, where no model can be asked
# A fragment ("RAG", "1804") states nothing by itself: it is asked about as the answer to the
# question. All twelve right ones of the public development sets got at least .67.
FRAGMENT, FRAGMENT_THRESHOLD = 3, 0.66  # fewer distinct stems than this; P(Yes)

# P(Yes), asked of the nearest sentence alone, below which the answer to a question for Yes or No is
# not supported: of 24 on the seed document, six drafts that said of one subject what holds for the
# other had .56 at most, thirteen right ones .65 at least.
ALONE_THRESHOLD = 0.6
# P(Yes) or P(No), as the sentence begins, asked of the passage sentence nearest to the question:
# below it Yes is said to the contrary. Of 52 such questions of my own on corpus/, right drafts had
# .52 at least, and seven of the wrong ones .47 at most.
VERDICT_THRESHOLD = 0.5
VERDICT = re.compile(r"\W*(yes|no)\s*(?:[,.;:!–—-]|$)", re.IGNORECASE)  # not "No size is best"

# Believed less than SURE, a sentence is asked about again with what it rests on alone, in its
# context: of the 47, ten false ones had .60 to .85 of all passages, and of these six .46 at most of
# the context; of twelve true ones ten had .55 at least.
SURE, CONTEXT_THRESHOLD = 0.85, 0.5

ORDERED = re.compile(r"\b(?:than|compared)\b", re.IGNORECASE)  # the same words may say the contrary

# Who is cheaper than whom: the clause before, the word compared by, the clause after.
THAN = re.compile(
    r"(?P<who>[^,.;:]*?)\b(?P<by>(?!rather|other)\w+er|(?:more|less) \w+|worse|more|less) "
    r"(?:than|compared (?:to|with))\b(?P<whom>[^,.;:]*)",
    re.IGNORECASE,
)

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
    sentence: Sentence,
    question: str,
    sources: Sources,
    chosen: Chosen,
    draft: str,
    amiss: str = "",
) -> Generator[Reading, None, Sentence]:
    """Find the passage sentence that comes nearest, and how surely the passages state this one.

    draft: all that was written; it may name what this sentence calls "it".
    amiss: why the whole draft is not to be trusted, if it is not; then no sentence of it is.
    """
    if not stems(sentence.text):
        return replace(sentence, support=1.0, supported=True, reason="it claims nothing")
    if foreign := unknown(sentence.text, sources.passages):
        return replace(sentence, reason=f"{foreign!r} stands in no passage")
    near = sources.nearest(sentence.text)
    if near is None:
        return replace(sentence, reason="the passages hold no sentence")
    found = replace(sentence, evidence=near.evidence)
    if amiss:
        return replace(found, reason=amiss)
    fragment = _fragment(sentence.text)
    read, n = sources.passages, near.evidence.n
    verdict = VERDICT.match(sentence.text)
    compares = COMPARES.search(question)  # then the other side has its own passage
    if not compares:
        rested = [passage for passage in read if passage.n == n]
        if foreign := unknown(sentence.text, rested) or name_mismatch(sentence.text, read, {n}):
            lacks = f"{foreign!r} does not stand in the passage it comes nearest to"
            return replace(found, reason=lacks)
        stated = sentence.text[verdict.end() :] if verdict else sentence.text
        named = f"{question} {draft}"
        if not fragment and (who := subject_mismatch(stated, named, near, rested[0].text)):
            return replace(found, reason=f"the passage says it of {who!r}, and this of another")
        # What is said of one subject is taken for another's if the other's passage lies beside it.
        if not fragment and word_mismatch(sentence.text, read, {n}):
            read = rested
    closest = sources.nearest(question) if YES_OR_NO.match(question) else None
    if closest and verdict:
        said = verdict[1].capitalize()
        asked = yes_no.verdict(chosen, closest.text, question)
        what = f"the sentence nearest to the question says {said}"
        if failed := (yield from _again(found, asked, VERDICT_THRESHOLD, what, said == "No")):
            return failed
    if any(contrary(sentence.text, one) for one in sources.sentences):
        return replace(found, reason="a passage says it the other way round")
    turned = _turned(sentence.text, near.evidence.words)
    if near.verbatim and not ((fragment or turned) and chosen.one_token):
        share = round(near.share, 4)
        return _cited(replace(found, support=share, supported=True, reason="a passage says it so"))
    if not fragment and near.cosine < LIKE:
        return replace(found, reason=f"no passage says anything like it (cosine {near.cosine:.2f})")
    return (yield from _believed(found, near, question, read, chosen))


def _believed(
    found: Sentence,
    near: Nearest,
    question: str,
    read: Sequence[Passage],
    chosen: Chosen,
) -> Generator[Reading, None, Sentence]:
    """Ask whether the passages that are read state a sentence, and whether the nearest one does.

    A fragment states nothing alone, and the sides of a comparison stand apart.
    """
    text = found.text
    fragment = _fragment(text)
    by_one = not (fragment or COMPARES.search(question))
    if by_one and YES_OR_NO.match(question):
        asked = yes_no.stated_by(chosen, near.text, text)
        what = "the nearest sentence alone states it"
        if failed := (yield from _again(found, asked, ALONE_THRESHOLD, what)):
            return failed
    probability = yield from believed(chosen, read, question, text)
    if probability is None:
        support, threshold = near.share if near.same_polarity else 0.0, SHARED
        reason = "words shared with the passage; this model gives no probabilities"
    else:
        support, threshold = probability, FRAGMENT_THRESHOLD if fragment else SUPPORT_THRESHOLD
        stated = "the passages state it"
        if len(read) == 1:
            stated = f"passage {near.evidence.n} alone states it"
        what = "the passages answer the question so" if fragment else stated
        reason = f"the model, asked whether {what}"
    found = replace(found, support=round(support, 4), supported=support >= threshold, reason=reason)
    if found.supported and by_one and support < SURE:
        asked = yes_no.stated_by(chosen, near.context, text)
        what = "the nearest sentence in its context states it"
        if failed := (yield from _again(found, asked, CONTEXT_THRESHOLD, what)):
            return failed
    return _cited(found) if found.supported else found


def believed(
    chosen: Chosen, passages: Sequence[Passage], question: str, text: str, slot: int = PASSAGES
) -> Asked:
    """Ask whether the passages state a sentence, or answer the question with a fragment."""
    if _fragment(text):
        return yes_no.answers(chosen, passages, question, text, slot)
    return yes_no.supported(chosen, passages, text, slot)


def _fragment(text: str) -> bool:
    return len(set(stems(text))) < FRAGMENT


def _again(
    found: Sentence,
    asked: Asked,
    threshold: float,
    what: str,
    no: bool = False,
) -> Generator[Reading, None, Sentence | None]:
    """Ask about a sentence of less text; return it as unsupported if the threshold is not reached.

    no: whether the answer No speaks for the sentence.
    """
    yes = yield from asked
    share = None if yes is None else 1 - yes if no else yes
    if share is None or share >= threshold:
        return None
    reason = f"the model, asked whether {what}; {threshold:.0%} is needed"
    return replace(found, support=round(share, 4), supported=False, reason=reason)


def quote(near: Nearest, yes: float, lead: str) -> Sentence:
    """Make a passage's own sentence, under its heading, a sentence of the answer, after `lead`.

    yes: how surely it answers the question by itself, 0..1.
    """
    evidence = near.evidence
    return Sentence(
        text=near.text,
        citations=[evidence.n],
        attributed=True,
        lead=lead,
        support=1.0,
        supported=True,
        reason=f"quoted, because the draft failed: alone it answers the question, {yes:.0%}",
        evidence=evidence,
        quoted=True,
    )


def completion(near: Nearest, yes: float, lead: str) -> Sentence:
    """Make an item that a draft left out of a list a sentence of the answer, as it stands there."""
    reason = f"quoted, to complete a list: alone it answers the question, {yes:.0%}"
    return replace(quote(near, yes, lead), text=near.evidence.words, reason=reason)


def _cited(sentence: Sentence) -> Sentence:
    """Let a supported sentence without citations cite the passage that comes nearest."""
    if sentence.citations or sentence.evidence is None:
        return sentence
    return replace(sentence, citations=[sentence.evidence.n], attributed=True)


def _turned(text: str, source: str) -> bool:
    """Tell whether a text with a "than" may turn round what a sentence says in the same words."""
    whole, part = (" ".join(re.findall(r"\w+", one.lower())) for one in (source, text))
    return bool(ORDERED.search(text)) and part not in whole


def contrary(text: str, source: str) -> bool:
    """Tell whether a text has cheaper, by the same word, what others are cheaper than in a source.

    Both have to negate, or neither; of two clauses that share words, only the others count.
    """
    said = THAN.search(text)
    stated = said and THAN.search(source)  # most texts compare nothing: then no source is read
    if not (said and stated) or negates(text) != negates(source):
        return False
    who, whom = set(stems(said["who"])), set(stems(said["whom"]))
    better, worse = set(stems(stated["who"])), set(stems(stated["whom"]))
    subject = who - whom
    same = said["by"].lower() == stated["by"].lower()
    return same and bool(subject & (worse - better)) and not subject & (better - worse)
