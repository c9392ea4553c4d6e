"""How an answer came about, in plain words: its trace, told step by step.

Every figure is the trace's own, or a threshold that it was held against. Nothing is measured here,
and a step that did not happen is not told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.explain.stages import Span, spans
from bot.path.retrieval import DENSE_WEIGHT
from bot.trace import Answer, Passage, Sentence
from bot.verify.answerability import (
    DOUBT,
    DRAFT_THRESHOLD,
    LIKELY,
    QUOTE_THRESHOLD,
    RESTS_THRESHOLD,
)
from bot.verify.grounding import FRAGMENT_THRESHOLD, SUPPORT_THRESHOLD, refuses
from ingest.counts import many
from ingest.index import IndexedChunk

STOPPED = "Stopped here:"  # how the one step that led to an abstention begins


@dataclass(frozen=True)
class Step:
    """One step of the way to an answer; all of it is plain text."""

    title: str
    summary: str  # one sentence
    facts: list[tuple[str, str]] = field(default_factory=list)  # label, value of one or more lines
    quotes: list[tuple[str, str]] = field(default_factory=list)  # whose, and what, to the letter
    spans: list[Span] = field(default_factory=list)
    alert: bool = False  # something went wrong that the answer does not show
    taught: IndexedChunk | None = None  # the passage of the documents that teaches such a step


def explain(answer: Answer, taught: Mapping[str, IndexedChunk] | None = None) -> list[Step]:
    """Tell how an answer came about, in the order in which it did.

    taught: passages that teach steps, by title; see `learn_more.passages`.
    """
    steps = [_question(answer), _search(answer)]
    if _found(answer):
        steps.append(_passages(answer))
    steps.append(_gate(answer))
    if answer.prompt:
        steps.append(_prompt(answer))
    if _written(answer):
        steps.append(_draft(answer))
    if _judged(answer):
        steps.append(_second_look(answer))
    if answer.sentences or answer.withheld:
        steps.append(_check(answer))
    steps.append(_time(answer))
    return [replace(step, taught=(taught or {}).get(step.title)) for step in steps]


def _written(answer: Answer) -> bool:
    """Tell whether the model was asked for a draft."""
    return answer.gate.passed or bool(answer.draft)


def _judged(answer: Answer) -> bool:
    """Tell whether the draft itself decided something about the gate."""
    gate = answer.gate
    weighed = gate.signals is not None and gate.signals.draft is not None
    return weighed or (not gate.passed and bool(answer.draft))


# --- finding


def _question(answer: Answer) -> Step:
    typed, looked_up = answer.question, answer.resolved_question
    turned = [("Turned for it", answer.parameters.told)] if answer.parameters else []
    if typed == looked_up:
        return Step("Question", "It was looked up as it was typed.", [("Typed", typed), *turned])
    summary = "It leans on the conversation, and was looked up in words that stand alone."
    return Step("Question", summary, [("Typed", typed), ("Looked up", looked_up), *turned])


def _found(answer: Answer) -> list[tuple[Passage, str]]:
    """Return all passages found, best first as retrieval sorts them, and why each was left out."""
    found = [(passage, "") for passage in answer.passages]
    found += [(drop.passage, drop.reason) for drop in answer.dropped]
    return sorted(found, key=lambda pair: (-pair[0].score, pair[0].document, pair[0].start))


def _name(passage: Passage, left_out: str) -> str:
    return f"{passage.source} (left out)" if left_out else f"[{passage.n}] {passage.source}"


def _search(answer: Answer) -> Step:
    found = _found(answer)
    if not found:
        return Step("Search", "No passage was found.")
    dense = sorted((p.dense_rank, _name(p, out), p.dense) for p, out in found if p.dense_rank)
    words = sorted((p.bm25_rank, _name(p, out), p.bm25) for p, out in found if p.bm25_rank)
    summary = (
        f"{many(len(found), 'passage was', 'passages were')} found: dense search ranked "
        f"{len(dense)} by meaning, BM25 {len(words)} by words."
    )
    scores = "dense search: cosine, -1 to 1; BM25: share of the most it could be, 0 to 1"
    facts = [("Scores", scores)]
    facts += [(f"Dense search, {rank}", f"{score:.3f} {name}") for rank, name, score in dense]
    facts += [(f"BM25, {rank}", f"{score:.3f} {name}") for rank, name, score in words]
    return Step("Search", summary, facts)


def _passages(answer: Answer) -> Step:
    found = _found(answer)
    kept, left_out = len(answer.passages), len(answer.dropped)
    weight = answer.parameters.dense_weight if answer.parameters else DENSE_WEIGHT
    facts = []
    for fused, (passage, reason) in enumerate(found, 1):
        lines = [
            f"rank {fused}: {_moved(fused, passage.dense_rank, 'dense search')}, "
            f"{_moved(fused, passage.bm25_rank, 'BM25')}",
            f"score {weight:g} × {max(passage.dense, 0.0):.3f} + "
            f"{1 - weight:g} × {passage.bm25:.3f} = {passage.score:.3f}",
        ]
        if reason:
            lines.append(f"left out: {reason}")
        facts.append((_name(passage, reason), "\n".join(lines)))
    summary = (
        f"The two rankings became one score, {found[0][0].score:.3f} at best: "
        f"{many(kept, 'passage was', 'passages were')} kept, {left_out} left out."
    )
    return Step("Passages", summary, facts)


def _moved(fused: int, rank: int | None, ranking: str) -> str:
    """Say how fusion moved a passage against one of the rankings."""
    if rank is None:
        return f"not in {ranking}'s list"
    if rank == fused:
        return f"as in {ranking}"
    return f"{'up' if rank > fused else 'down'} {abs(rank - fused)} from {rank} in {ranking}"


# --- deciding


def _gate(answer: Answer) -> Step:
    gate, signals = answer.gate, answer.gate.signals
    facts = [("Best score", f"{gate.best:.3f}; the threshold is {gate.threshold:g}")]
    if signals:
        name = f"{signals.unknown!r}" if signals.unknown else "no name or number of the question"
        facts += [
            ("The model's Yes", f"{signals.yes:.1%}"),
            ("Best cosine", f"{signals.cosine:.3f}"),
            ("In no passage", name),
        ]
    if gate.answerable is not None and gate.answerable_threshold is not None:
        needed = f"{DOUBT:.0%} to write a draft, {gate.answerable_threshold:.0%} to believe it"
        facts.append(("Probability", f"{gate.answerable:.1%}; the thresholds are {needed}"))
    if gate.reason and not signals:  # else it says in words what the rows above say
        facts.append(("Found out", gate.reason))
    return Step("Gate", _gate_summary(answer), facts)


def _gate_summary(answer: Answer) -> str:
    gate = answer.gate
    stopped = not _written(answer)
    if stopped and gate.best < gate.threshold:
        return (
            f"{STOPPED} the best passage scores {gate.best:.3f}, and {gate.threshold:g} is needed, "
            "so the model was not asked."
        )
    if stopped and gate.answerable is None:
        return f"{STOPPED} {gate.reason}."
    if gate.answerable is None:
        return f"Passed: the best passage scores {gate.best:.3f}, and {gate.threshold:g} is needed."
    held = f"the passages hold the answer with a probability of {gate.answerable:.1%}"
    if stopped:
        return f"{STOPPED} {held}, and {DOUBT:.0%} is needed to write a draft."
    if gate.answerable_threshold is not None and gate.answerable < gate.answerable_threshold:
        return f"In doubt: {held}, so that the draft has to convince."
    return f"Passed: {held}."


def _second_look(answer: Answer) -> Step:
    gate, signals = answer.gate, answer.gate.signals
    facts, told = [], []
    summary = _stop(answer, f"{gate.reason}.")
    if signals and signals.mismatch:
        facts.append(("No passage it rests on has", f"{signals.mismatch!r}"))
    if signals and signals.rests is not None and signals.alone is not None:
        needed = f"{RESTS_THRESHOLD:.0%} is needed below a probability of {LIKELY:.0%}"
        preferred = f"from {QUOTE_THRESHOLD:.0%} on it is preferred"
        facts.append(("A sentence it rests on answers", f"{signals.rests:.1%}; {needed}"))
        facts.append(("Any sentence does", f"{signals.alone:.1%}; {preferred}"))
        told.append(f"that a sentence it rests on answers alone has {signals.rests:.1%}")
    if signals and signals.draft is not None:
        facts.append(
            ("It answers the question", f"{signals.draft:.1%}; {DRAFT_THRESHOLD:.0%} is needed")
        )
        told.append(f"that it answers the question has {signals.draft:.1%}")
    if told:
        verdict = "The draft had to convince, and did"
        if not gate.passed:
            verdict = _stop(answer, "the draft had to convince, and did not")
        summary = f"{verdict}: {', '.join(told)}."
    return Step("Second look", summary, facts)


# --- writing


def _prompt(answer: Answer) -> Step:
    tokens = answer.tokens
    bound = "at most " if tokens.sent is None else ""  # what we count without a tokenizer
    lost = _written(answer) and tokens.sent is not None and tokens.prompt < tokens.sent
    if not _written(answer):
        summary = (
            f"It would have had {bound}{tokens.prompt} of {tokens.window} tokens, "
            "and was not sent: the gate stopped it."
        )
    elif lost:
        summary = (
            f"The model read {tokens.prompt} of {tokens.window} tokens, but {tokens.sent} were "
            "sent: part of the prompt was lost."
        )
    elif bound and answer.draft and not tokens.completion:
        summary = (
            f"The prompt had at most {tokens.prompt} of {tokens.window} tokens; "
            "the model does not report what it read."
        )
    else:
        summary = f"The model read {tokens.prompt} of {tokens.window} tokens."
    sent = "unknown: this model's tokenizer is not here"
    facts = [
        ("Counted here", sent if tokens.sent is None else f"{tokens.sent} tokens"),
        ("Passages in it", str(len(answer.passages))),
    ]
    quotes = [(message["role"], message["content"]) for message in answer.prompt]
    return Step("Prompt", summary, facts, quotes, alert=lost)


def _draft(answer: Answer) -> Step:
    sentences = len(_drafted(answer))
    if not answer.draft.strip():
        summary = _stop(answer, "the model wrote nothing.")
    elif refuses(answer.draft):
        summary = _stop(answer, "the model itself wrote that the passages do not say.")
    elif not sentences:
        summary = _stop(answer, "the model wrote no sentence.")
    else:
        size = f" in {answer.tokens.completion} tokens" if answer.tokens.completion else ""
        summary = f"{answer.model} wrote {many(sentences, 'sentence')}{size}."
    facts = (
        [("Citations of no passage", _marks(wrong))] if (wrong := answer.invalid_citations) else []
    )
    quotes = [("as written", answer.draft)] if answer.draft else []
    return Step("Draft", summary, facts, quotes)


def _check(answer: Answer) -> Step:
    facts = [_sentence(one) for one in answer.sentences]
    facts += [_sentence(one, "Withheld") for one in answer.withheld]
    facts.append(
        ("The threshold", f"{SUPPORT_THRESHOLD:.0%}; for a fragment {FRAGMENT_THRESHOLD:.0%}")
    )
    return Step("Check", _check_summary(answer), facts)


def _check_summary(answer: Answer) -> str:
    total, quoted = len(_drafted(answer)), sum(one.quoted for one in answer.sentences)
    stated = sum(bool(one.supported and one.evidence) for one in answer.sentences) - quoted
    whole = any(one.supported and not one.quoted for one in answer.sentences)
    why = "to complete a list" if whole else "instead"
    instead = f"{many(quoted, 'sentence')} of theirs quoted {why}"
    if not total:
        return f"There is no draft to check; {instead}."
    if not answer.gate.passed:
        also = f"; {instead}" if quoted else ""
        return f"Not one of {total} counts: the draft as a whole was not believed{also}."
    if answer.abstained:
        return f"{STOPPED} of {many(total, 'sentence')} the passages state none."
    rest = {
        "withheld": len(answer.withheld),
        "marked": sum(not one.supported for one in answer.sentences),
        "without a claim": sum(one.supported and not one.evidence for one in answer.sentences),
    }
    others = "".join(f", {count} {what}" for what, count in rest.items() if count)
    if quoted:
        others += f"; {instead}"
    return f"The passages state {stated} of {many(total, 'sentence')}{others}."


def _drafted(answer: Answer) -> list[Sentence]:
    return [one for one in [*answer.sentences, *answer.withheld] if not one.quoted]


def _sentence(one: Sentence, fate: str = "") -> tuple[str, str]:
    fate = fate or ("Quoted" if one.quoted else "Shown" if one.supported else "Marked")
    lines = [one.text, f"support {one.support:.0%}: {one.reason}"]
    if one.citations:
        by = "the check" if one.attributed else "the model"
        lines.append(f"cites {_marks(one.citations)}, named by {by}")
    if one.evidence:
        lines.append(f"passage {one.evidence.n} says: “{one.evidence.words}”")
    return fate, "\n".join(lines)


# --- the time


def _time(answer: Answer) -> Step:
    total, stages = answer.timings_ms["total"], spans(answer.timings_ms)
    summary = f"{total / 1000:.1f} s in all"
    if stages:
        longest = max(stages, key=lambda span: span.length)
        summary += f"; the longest was to {longest.stage}, {longest.length / 1000:.1f} s"
    return Step("Time", f"{summary}.", spans=stages)


def _stop(answer: Answer, said: str) -> str:
    """Say what ended the answer; where a passage was quoted after all, it only ended the draft."""
    return f"{STOPPED} {said}" if answer.abstained else said[:1].upper() + said[1:]


def _marks(numbers: Sequence[int]) -> str:
    return " ".join(f"[{n}]" for n in numbers)
