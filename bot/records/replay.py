"""What changed between two receipts of the same question. Pure functions."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.path import citations
from bot.records.receipt import Corpus, Model, Receipt
from bot.trace import Answer, Passage

NEAR = 0.001  # scores that differ by no more are the same
DIGITS = 12  # of a hash, for people


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was; None: it was not there, or is not any more."""

    what: str
    then: Any
    now: Any
    lines: tuple[str, ...]  # for people


def one_line(text: object) -> str:
    """Write a value in one line that moves no cursor: a receipt may be a stranger's."""
    line = " ".join(str(text).split())
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)


def differences(then: Receipt, now: Receipt) -> Iterator[Change]:
    """Yield what is not as it was: first what an answer depends on, then how it came about."""
    yield from _differ("whybot", then.whybot, now.whybot)
    yield from _differ("model", then.model, now.model, _model)
    for name in {**then.embedder, **now.embedder}:
        yield from _differ(f"index {name}", then.embedder.get(name), now.embedder.get(name))
    yield from _differ("corpus", then.corpus, now.corpus, _corpus)
    settings = asdict(now.settings)
    for name, value in asdict(then.settings).items():
        yield from _differ(f"setting {name}", value, settings[name])
    was, is_ = then.answer, now.answer
    yield from _differ(
        "turned", was.parameters, is_.parameters, lambda parameters: parameters and parameters.told
    )
    yield from _differ("window of the model", was.tokens.window, is_.tokens.window)
    yield from _differ("understood as", was.resolved_question, is_.resolved_question)
    yield from _passages(was.passages, is_.passages)
    if was.prompt != is_.prompt:
        yield Change("prompt", was.prompt, is_.prompt, ("prompt: not the same",))
    yield from _differ("abstained", was.abstained, is_.abstained, lambda no: "yes" if no else "no")
    if was.abstained != is_.abstained:
        yield from _differ("why", was.gate.reason, is_.gate.reason)
    if was.answer != is_.answer:
        diff = difflib.unified_diff(_sentences(was), _sentences(is_), "then", "now", lineterm="")
        yield Change("answer", was.answer, is_.answer, ("answer:", *diff))
    elif was.draft != is_.draft:
        yield Change("draft", was.draft, is_.draft, ("draft: not the same, but the answer is",))


def _differ(
    what: str, then: Any, now: Any, show: Callable[[Any], object] = lambda value: value
) -> Iterator[Change]:
    if then != now:
        line = f"{what}: {one_line(show(then))} then, {one_line(show(now))} now"
        yield Change(what, then, now, (line,))


def _model(model: Model) -> str:
    return f"{model.name} ({model.digest[:DIGITS] if model.digest else 'digest not known'})"


def _corpus(corpus: Corpus) -> str:
    return f"{corpus.sha256[:DIGITS]} ({corpus.documents} documents, {corpus.chunks} chunks)"


def _passages(then: Sequence[Passage], now: Sequence[Passage]) -> Iterator[Change]:
    """Compare passages that are the same text of the same document, wherever it stands there."""
    old = {(passage.document, passage.text): passage for passage in then}
    new = {(passage.document, passage.text): passage for passage in now}
    for key, passage in old.items():
        if key not in new:
            yield Change("passage went", passage, None, (f"passage went: {_passage(passage)}",))
    for key, passage in new.items():
        if key not in old:
            yield Change("passage came", None, passage, (f"passage came: {_passage(passage)}",))
            continue
        was = old[key]
        source = one_line(passage.source)
        yield from _differ(f"rank of {source}", was.n, passage.n)
        if round(abs(was.score - passage.score), 6) > NEAR:
            yield from _differ(f"score of {source}", was.score, passage.score)


def _passage(passage: Passage) -> str:
    return f"[{passage.n}] {one_line(passage.source)} (score {passage.score:.4f})"


def _sentences(answer: Answer) -> list[str]:
    written = [citations.marked(sentence) for sentence in answer.sentences]
    return [one_line(sentence) for sentence in written or [answer.answer]]
