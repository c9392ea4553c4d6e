"""One question, three ways: without passages, with those retrieval finds, with wrong ones.

A generator of steps, as `answer` is of events. Whatever a way writes is checked against the
passages that retrieval found. The middle way is the bot's own path: what it withheld stays
withheld.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from langchain_core.messages import BaseMessage

from bot.answer import answer, budget
from bot.evaluation import baseline
from bot.experiments.comparison import Column, Compared, Said, Step, Way, apart
from bot.experiments.lessons import lessons
from bot.llm import providers
from bot.llm.providers import Chosen
from bot.path import citations, prompts
from bot.path.evidence import Sources
from bot.session import Bot
from bot.trace import Answer, Event, Gate, Passage, Reading, Retrieved, Sentence, Token
from bot.verify import answerability, grounding

T = TypeVar("T")
# What P(Yes) both questions need for a statement that was not made from the passages, the second
# being asked of the sentence that comes nearest alone. Of 36 statements on the seed document, most
# of tests/gold's and seven of runs of this, the second keeps 13 of 17 true ones and lets through 2
# of 19 false ones, which say "It" of the wrong thing. At .65 that was 15 and 4, and two more of
# later runs had .73.
ALONE_THRESHOLD = 0.75
ITSELF = re.compile(r"\b(?:I|sorry|unable|not possible)\b")


def compare(bot: Bot, question: str) -> Generator[Step | Compared, None, None]:
    """Answer a question in three ways, one after the other; the last step is Compared.

    What the bare model wrote is checked second, because its passages are found by then, and are
    what the model has just read. Closing the generator stops the model.
    """
    prompts.build(question, [], budget(bot), bot.chosen.count)  # QuestionTooLong, before all else
    bot.chosen.begin()
    bare = yield from _written(_apart(bot), Way.BARE, prompts.bare(question))
    found = yield from _found(bot, question)
    sources = Sources(found.passages, bot.retriever.embedder.documents)
    amiss = bool(found.gate and not found.gate.passed)
    said = yield from _checked(bot, Way.BARE, bare.draft, question, sources, amiss)
    columns = [_column(Way.BARE, bare, said), found]
    yield Step(Way.BARE, columns[0])
    columns.append((yield from _wrong(bot, question, sources, amiss)))
    yield Step(Way.WRONG, columns[2])
    told = {one.way: one for one in apart(columns, bot.retriever.embedder.documents)}
    yield Compared(question, told, lessons(told, bot.retriever.chunks()))


# --- the three ways


@dataclass
class _Draft:
    """What is measured while a model writes."""

    began: float = field(default_factory=time.perf_counter)
    draft: str = ""
    cached: int | None = None
    search: float = 0.0
    first: float | None = None
    written: float = 0.0
    total: float = 0.0
    prompt_tokens: int = 0

    def now(self) -> float:
        return time.perf_counter() - self.began

    def take(self, event: Event) -> None:
        """Note what an event tells."""
        if isinstance(event, Reading) and self.cached is None:
            self.cached = event.done  # told first: how much of it the engine has read before
        elif isinstance(event, Token):
            self.first = self.now() if self.first is None else self.first
            self.draft += event.text


def _written(
    bot: Bot, way: Way, messages: list[BaseMessage], work: _Draft | None = None
) -> Generator[Step, None, _Draft]:
    """Let the model write, as the answer path does."""
    work = work or _Draft()
    for chunk in providers.stream(bot.chosen, messages):
        if usage := chunk.usage_metadata:
            work.prompt_tokens = usage["input_tokens"]
        if event := providers.event(chunk):
            work.take(event)
            yield Step(way, event)
    work.written = work.total = work.now()
    work.prompt_tokens = work.prompt_tokens or bot.chosen.count(messages)
    return work


def _found(bot: Bot, question: str) -> Generator[Step, None, Column]:
    """Answer as the bot does; its own trace has the times."""
    work, done = _Draft(), None
    for event in answer(bot, question):
        work.take(event)
        if isinstance(event, Answer):
            done = event
        yield Step(Way.FOUND, event)
    assert done is not None  # the last event of every answer
    laps = {stage: lap / 1000 for stage, lap in done.timings_ms.items()}
    column = Column(
        way=Way.FOUND,
        passages=done.passages,
        draft=done.draft,
        said=[Said(sentence) for sentence in done.sentences]
        + [Said(sentence, withheld=True) for sentence in done.withheld],
        refused=done.abstained,
        prompt_tokens=done.tokens.prompt,
        cached=work.cached,
        search=laps["retrieve"],
        first=work.first,
        written=laps["total"] - laps["doubt"] - laps["check"],
        total=laps["total"],
        gate=done.gate,
        reply=done.answer,
    )
    yield Step(Way.FOUND, column)
    return column


def _wrong(bot: Bot, question: str, found: Sources, amiss: bool) -> Generator[Step, None, Column]:
    """Write from the passages farthest from the question, past the gate, and ask the gate too."""
    work = _Draft()
    passages = farthest(bot, question, found.passages)
    messages, passages, unfit = prompts.build(question, passages, budget(bot), bot.chosen.count)
    gate = answerability.gate(passages)
    work.search = work.now()
    yield Step(Way.WRONG, Retrieved(passages, unfit, gate))
    if not passages:  # all there are were found
        return _column(Way.WRONG, work, [], [], gate)
    other = _apart(bot)
    if gate.passed:
        asking = answerability.pre_check(gate, question, passages, other.chosen)
        gate = yield from _steps(Way.WRONG, asking, work)
    yield from _written(other, Way.WRONG, messages, work)
    given = Sources(passages, bot.retriever.embedder.documents)
    if gate.passed and work.draft.strip():
        doubting = answerability.post_check(gate, question, given, work.draft, other.chosen)
        gate, _ = yield from _steps(Way.WRONG, doubting)
    theirs = yield from _checked(other, Way.WRONG, work.draft, question, given)
    ours = yield from _checked(bot, Way.WRONG, work.draft, question, found, amiss)
    said = [replace(one, given=two.sentence) for one, two in zip(ours, theirs, strict=True)]
    return _column(Way.WRONG, work, said, passages, gate)


def _apart(bot: Bot) -> Bot:
    """Let the model read in another slot, so as not to forget the passages that were found."""
    slots = list(bot.chosen.slots)
    slots[providers.PASSAGES] = slots[providers.REWRITING]
    return replace(bot, chosen=replace(bot.chosen, slots=slots))


def farthest(bot: Bot, question: str, found: Sequence[Passage]) -> list[Passage]:
    """Return as many passages as retrieval may find: those least like the question.

    None that was found, and none that says the same.
    """
    texts = {passage.text for passage in found}
    top_k = bot.settings.top_k
    wrong: list[Passage] = []
    for passage in bot.retriever.farthest(question, top_k + len(found)):
        if passage.text not in texts and len(wrong) < top_k:
            texts.add(passage.text)
            wrong.append(replace(passage, n=len(wrong) + 1))
    return wrong


def _column(
    way: Way,
    work: _Draft,
    said: list[Said],
    passages: Sequence[Passage] = (),
    gate: Gate | None = None,
) -> Column:
    return Column(
        way=way,
        passages=list(passages),
        draft=work.draft,
        said=said,
        refused=refuses(work.draft),
        prompt_tokens=work.prompt_tokens,
        cached=work.cached,
        search=work.search,
        first=work.first,
        written=work.written,
        total=work.total,
        gate=gate,
    )


def refuses(draft: str) -> bool:
    """Tell whether a draft refuses: it is empty, or its first sentence says so of the model itself.

    "RAG does not provide speed" is a claim, where "I cannot provide that" is none.
    """
    opening = next((raw for _, raw in citations.split(draft)), "")
    of_itself = grounding.refuses(opening) or ITSELF.search(opening)
    return not opening or bool(of_itself and baseline.refuses(opening))


# --- what they said


def _checked(
    bot: Bot, way: Way, draft: str, question: str, sources: Sources, amiss: bool = False
) -> Generator[Step, None, list[Said]]:
    """Check every sentence of a draft against passages that the model may never have seen.

    So marks that it wrote itself say nothing here: the check finds what a sentence rests on.
    amiss: the passages do not answer the question; then only their own words count.
    """
    said = []
    for lead, raw in citations.split(draft):
        sentence, _ = citations.cite(lead, raw, [])
        checking = grounding.check(sentence, question, sources, bot.chosen, draft)
        sentence = yield from _steps(way, checking)
        sentence = yield from _steps(way, _again(sentence, question, sources, bot.chosen, amiss))
        yield Step(way, sentence)
        said.append(Said(sentence))
    return said


def _again(
    sentence: Sentence, question: str, sources: Sources, chosen: Chosen, amiss: bool
) -> Generator[Reading, None, Sentence]:
    """Ask of the nearest sentence alone what the model believes of all the passages.

    The bot's own threshold was set for drafts made from the passages; what was written without them
    is seldom stated by them.
    """
    near = sources.nearest(sentence.text)
    if not sentence.supported or near is None or near.verbatim:
        return sentence
    believed = f"the model believes it of the passages ({sentence.support:.0%})"
    denied = replace(sentence, supported=False, citations=[], attributed=False)
    if amiss:
        reason = f"{believed}, but they were found not to answer the question"
        return replace(denied, support=0.0, reason=reason)
    (passage,) = [one for one in sources.passages if one.n == near.evidence.n]
    alone = [replace(passage, text=near.evidence.words, head="")]
    yes = yield from grounding.believed(chosen, alone, question, sentence.text, providers.ASIDE)
    if yes is None:
        return sentence
    reason = (
        f"{believed} and of the sentence that comes nearest alone ({yes:.0%}); both have to be "
        f"{ALONE_THRESHOLD:.0%}"
    )
    support = round(min(yes, sentence.support), 4)
    return replace(
        sentence if support >= ALONE_THRESHOLD else denied, support=support, reason=reason
    )


def _steps(
    way: Way, asking: Generator[Reading, None, T], work: _Draft | None = None
) -> Generator[Step, None, T]:
    """Pass on how far the model has read, as steps of a way."""
    while True:
        try:
            event = next(asking)
        except StopIteration as end:
            value: T = end.value
            return value
        if work:
            work.take(event)
        yield Step(way, event)
