"""The answer path, top to bottom: question -> passages -> prompt -> tokens -> sentences -> Answer.

A generator of typed events (see `trace`); the page and the shell only render them. Everything
else on this floor serves one of the numbered steps.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessageChunk, BaseMessage

from bot import citations, grounding, prompt
from bot.models import Chosen, stream
from bot.resolve import resolve
from bot.retrieval import Retriever
from bot.trace import (
    Answer,
    Dropped,
    Event,
    Passage,
    Reading,
    Resolved,
    Retrieved,
    Sentence,
    Token,
    Tokens,
    Turn,
)
from ingest.settings import Settings

SPARE = 4  # passages retrieved beyond top-k, to show what was left out and to fill for duplicates


@dataclass(frozen=True)
class Bot:
    """What an answer needs, opened once and used for many questions."""

    settings: Settings
    retriever: Retriever
    chosen: Chosen


def answer(
    bot: Bot, question: str, history: Sequence[Turn] = (), id: str | None = None
) -> Generator[Event, None, None]:
    """Answer a question; the last event is the Answer. Closing the generator stops the model."""
    settings, chosen = bot.settings, bot.chosen
    clock = _Clock()

    # 1) A follow-up is put into words that stand alone.
    resolved = yield from resolve(question, history, chosen)
    clock.lap("resolve")
    yield Resolved(resolved)

    # 2) Passages are retrieved; repeats and what lies beyond top-k are dropped.
    found = bot.retriever.retrieve(resolved, settings.top_k + SPARE)
    passages, dropped = select(found, settings.top_k)
    clock.lap("retrieve")

    # 3) If nothing found comes near the question, the model is not asked.
    gate = grounding.gate(passages)
    messages: list[BaseMessage] = []
    if gate.passed:
        budget = chosen.window - settings.max_tokens - prompt.MARGIN
        messages, passages, unfit = prompt.build(resolved, passages, budget, chosen.count)
        dropped = unfit + dropped
    clock.lap("prompt")
    yield Retrieved(passages, dropped, gate)

    # 4) The model reads the prompt and writes. A sentence is done when the next one begins:
    #    then its citations are checked, or found in code when it has none.
    draft, done = "", 0  # what the model wrote, and how many characters of it are in sentences
    sentences: list[Sentence] = []
    invalid: list[int] = []
    last: AIMessageChunk | None = None
    for chunk in stream(chosen, messages) if gate.passed else ():
        last = chunk
        if progress := chunk.response_metadata.get("prompt_progress"):
            yield Reading(progress["processed"], progress["total"])
        elif text := str(chunk.content):
            if not draft:
                clock.lap("read")
            draft += text
            yield Token(text)
            for lead, raw in citations.split(draft[done:])[:-1]:
                done += len(lead) + len(raw)
                yield _cited(lead, raw, passages, sentences, invalid)
    for lead, raw in citations.split(draft[done:]):
        yield _cited(lead, raw, passages, sentences, invalid)
    abstained = not sentences or grounding.refuses(sentences[0].text)
    if abstained:
        sentences = []
    clock.lap("write")

    yield Answer(
        id=id or uuid.uuid4().hex[:12],
        question=question,
        resolved_question=resolved,
        answer=prompt.ABSTENTION if abstained else citations.text(sentences),
        abstained=abstained,
        sentences=sentences,
        passages=passages,
        model=chosen.name,
        tokens=_tokens(last, chosen, messages),
        timings_ms=clock.timings(),
        gate=gate,
        dropped=dropped,
        prompt=[{"role": message.type, "content": str(message.content)} for message in messages],
        draft=draft,
        invalid_citations=invalid,
        notes=list(chosen.notes),
    )


def select(found: Sequence[Passage], top_k: int) -> tuple[list[Passage], list[Dropped]]:
    """Keep the best top_k passages with different texts; numbers are given anew."""
    kept: list[Passage] = []
    dropped: list[Dropped] = []
    for passage in found:
        twin = next((k for k in kept if k.text == passage.text), None)
        if twin:
            dropped.append(Dropped(passage, f"it repeats passage {twin.n}"))
        elif len(kept) == top_k:
            dropped.append(Dropped(passage, f"top-k is {top_k}"))
        else:
            kept.append(replace(passage, n=len(kept) + 1))
    return kept, dropped


def _cited(
    lead: str,
    raw: str,
    passages: Sequence[Passage],
    sentences: list[Sentence],
    invalid: list[int],
) -> Sentence:
    """Check a sentence's citations, and keep it with the others."""
    sentence, wrong = citations.cite(lead, raw, passages)
    sentences.append(sentence)
    invalid += wrong
    return sentence


def _tokens(last: AIMessageChunk | None, chosen: Chosen, messages: Sequence[BaseMessage]) -> Tokens:
    usage = last.usage_metadata if last else None
    if not messages:
        return Tokens(0, 0, chosen.window)
    if usage is None:
        return Tokens(chosen.count(messages), 0, chosen.window)
    return Tokens(usage["input_tokens"], usage["output_tokens"], chosen.window)


class _Clock:
    """Measure the stages one after the other, in milliseconds."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps[stage] = round((now - self._last) * 1000, 1)
        self._last = now

    def timings(self) -> dict[str, float]:
        return {**self._laps, "total": round((time.perf_counter() - self._began) * 1000, 1)}
