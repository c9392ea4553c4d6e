"""The answer path, top to bottom: question -> passages -> prompt -> tokens -> sentences -> Answer.

A generator of typed events (see `trace`). The page and the shell only render them. The rooms
`path`, `verify`, `about` and `llm` each serve some of the numbered steps.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Generator, Sequence
from dataclasses import replace

from langchain_core.messages import BaseMessage
from langchain_core.messages.ai import UsageMetadata

from bot.about import search as about
from bot.llm import providers
from bot.llm.providers import Chosen
from bot.path import citations, prompts
from bot.path.evidence import Sources
from bot.path.retrieval import DENSE_WEIGHT
from bot.path.rewrite import rewrite
from bot.session import Bot
from bot.trace import (
    Answer,
    Dropped,
    Event,
    Parameters,
    Passage,
    Retrieved,
    Rewritten,
    Sentence,
    Token,
    Tokens,
    Turn,
)
from bot.verify import answerability, grounding
from ingest.settings import Settings

UNFIT = "no passage fits the window"
SPARE = 4  # passages retrieved beyond top-k, to show what was left out and to fill for duplicates


def answer(
    bot: Bot,
    question: str,
    history: Sequence[Turn] = (),
    id: str | None = None,
    parameters: Parameters | None = None,
) -> Generator[Event, None, None]:
    """Answer a question; the last event is the Answer. Closing the generator stops the model.

    parameters: those of this one answer; None: those in force.
    """
    settings, chosen = bot.settings, bot.chosen
    turned = parameters or in_force(settings)
    clock = _Clock()
    chosen.begin()  # the same question gets the same answer, whatever was asked before

    # 1) A follow-up is rewritten to stand alone.
    rewritten = yield from rewrite(question, history, chosen)
    clock.lap("resolve")
    yield Rewritten(rewritten)

    # 2) Passages are retrieved, the bot's own too if it is asked about itself; repeats and what
    #    lies beyond top-k are dropped.
    earlier = history[-1].question if rewritten != question else ""
    found = about.retrieve(bot, rewritten, depth(turned), turned.dense_weight, earlier, turned.only)
    passages, dropped = select(found, turned.top_k, turned.without)
    clock.lap("retrieve")

    # 3) If nothing found comes near the question, the model is not asked; if something does, the
    #    model is first asked whether it holds the answer.
    gate = answerability.gate(passages, turned.threshold)
    messages: list[BaseMessage] = []
    if gate.passed:
        messages, passages, unfit = prompts.build(rewritten, passages, budget(bot), chosen.count)
        dropped = unfit + dropped
        if not passages:  # not one fits the window
            gate = replace(gate, passed=False, reason=UNFIT)
    clock.lap("prompt")
    yield Retrieved(passages, dropped, gate)
    if gate.passed:
        gate = yield from answerability.pre_check(gate, rewritten, passages, chosen)
    clock.lap("answerable")  # the passages are read here, once for all that is asked of them

    # 4) The model writes a draft.
    draft = ""
    usage: UsageMetadata | None = None
    for chunk in providers.stream(chosen, messages) if gate.passed else ():
        usage = chunk.usage_metadata or usage
        event = providers.event(chunk)
        if isinstance(event, Token):
            if not draft:
                clock.lap("read")
            draft += event.text
        if event:
            yield event
    clock.lap("write")

    # 5) Is that the answer to this question, or only something that the passages say?
    pieces = [] if grounding.refuses(draft) else citations.split(draft)
    sources = Sources(passages, bot.retriever.embedder.documents)
    judged: list[answerability.Judged] = []
    if pieces:
        gate, judged = yield from answerability.post_check(gate, rewritten, sources, draft, chosen)
    amiss = "" if gate.passed else gate.reason
    clock.lap("doubt")

    # 6) Each sentence of the draft gets its passages, and is checked against them; one that they
    #    do not state is withheld, or only marked.
    sentences: list[Sentence] = []
    withheld: list[Sentence] = []
    invalid: list[int] = []
    for lead, raw in pieces:
        sentence, wrong = citations.cite(lead, raw, passages)
        invalid += wrong
        sentence = yield from grounding.check(sentence, rewritten, sources, chosen, draft, amiss)
        if sentence.supported or settings.grounding == "show":
            sentences.append(sentence)
            yield sentence
        else:
            withheld.append(sentence)

    # 7) A list that the draft gave in part is completed with items that surely belong to it.
    for one in (yield from answerability.completing(rewritten, sources, sentences, chosen)):
        sentences.append(grounding.completion(one.near, one.yes, sentences[-1].lead or " "))
        yield sentences[-1]

    # 8) Where the draft failed and a sentence of the passages answers directly, it is quoted.
    if draft and not sentences:
        if not judged:
            judged = yield from answerability.judge(
                rewritten, sources, draft if pieces else "", chosen
            )
        for one in answerability.quotable(judged):
            sentences.append(grounding.quote(one.near, one.yes, "\n" * bool(sentences)))
            yield sentences[-1]
    abstained = not any(sentence.supported and sentence.evidence for sentence in sentences)
    clock.lap("check")

    yield Answer(
        id=id or uuid.uuid4().hex[:12],
        question=question,
        resolved_question=rewritten,
        answer=citations.text(sentences) or _abstention(withheld),
        abstained=abstained,
        sentences=sentences,
        withheld=withheld,
        passages=passages,
        model=chosen.name,
        tokens=_tokens(usage, chosen, messages),
        timings_ms=clock.timings(),
        gate=gate,
        dropped=dropped,
        prompt=[{"role": message.type, "content": str(message.content)} for message in messages],
        draft=draft,
        invalid_citations=invalid,
        notes=list(chosen.notes),
        parameters=parameters,
    )


def in_force(settings: Settings) -> Parameters:
    """Return the parameters as they are as long as nobody changes them."""
    return Parameters(settings.top_k, DENSE_WEIGHT, answerability.THRESHOLD)


def depth(parameters: Parameters) -> int:
    """Return how many passages are retrieved: those switched off take nobody's place."""
    return parameters.top_k + SPARE + len(parameters.without)


def budget(bot: Bot) -> int:
    """Return how many tokens the prompt may have."""
    return bot.chosen.window - bot.settings.max_tokens - prompts.MARGIN


def select(
    found: Sequence[Passage], top_k: int, without: Collection[str] = ()
) -> tuple[list[Passage], list[Dropped]]:
    """Keep the best top_k passages with different texts; numbers are given anew.

    without: ids of passages that are not kept at all.
    """
    kept: list[Passage] = []
    dropped: list[Dropped] = []
    for passage in found:
        twin = next((k for k in kept if k.text == passage.text), None)
        if passage.id in without:
            dropped.append(Dropped(passage, "it was switched off"))
        elif twin:
            dropped.append(Dropped(passage, f"it repeats passage {twin.n}"))
        elif len(kept) == top_k:
            dropped.append(Dropped(passage, f"top-k is {top_k}"))
        else:
            kept.append(replace(passage, n=len(kept) + 1))
    return kept, dropped


def _abstention(withheld: Sequence[Sentence]) -> str:
    """Say that the documents do not say; after a withheld draft, quote what came nearest to it."""
    evidence = next((s.evidence for s in withheld if s.evidence), None)
    if evidence is None:
        return prompts.ABSTENTION
    return f"{prompts.ABSTENTION} The nearest they come: “{evidence.words}” [{evidence.n}]"


def _tokens(usage: UsageMetadata | None, chosen: Chosen, messages: Sequence[BaseMessage]) -> Tokens:
    """Return what the model counted; where it wrote nothing, what its prompt would have been.

    Beside it what we count of the prompt, if exactly: a server that cuts it off reports less.
    """
    counted = chosen.count(messages) if messages else 0
    sent = counted if chosen.exact else None
    if usage is None:
        return Tokens(counted, 0, chosen.window, sent)
    return Tokens(usage["input_tokens"], usage["output_tokens"], chosen.window, sent)


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
