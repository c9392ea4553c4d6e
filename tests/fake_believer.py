"""A stand-in for a chat model that answers by what it is asked, not by when.

What a prompt of the product looks like is learnt from the product itself: each is made of marked
words, and the marks become the groups of a pattern. So a prompt can be reworded, and asked once
more or once less, without a change to the tests.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

from fake_models import ONE_TOKEN, FakeChat, Streaming, Vote, chosen, count_words, piece, usage
from fakes import finished, passage
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field, PrivateAttr

from bot.evaluation import baseline
from bot.llm.providers import Chosen
from bot.path import prompts
from bot.path.rewrite import rewrite
from bot.path.words import negates, stems
from bot.trace import Passage, Turn
from bot.verify import yes_no

WRITTEN = ("draft", "bare", "baseline", "rewrite")  # the kinds whose reply is prose


@dataclass(frozen=True)
class Query:
    """What a model was asked: the kind of prompt, and the words that it was made of.

    kind: of a question for Yes or No the name of its function in `bot.verify.yes_no`
    ("supported"), else one of WRITTEN: "bare" is a draft without passages, "baseline" one of the
    tutorials' prompt. words: by parameter, in the order of the signature.
    """

    kind: str
    words: dict[str, str]
    messages: list[BaseMessage]

    @property
    def read(self) -> str:
        """Return the text that the question is asked of."""
        return next(iter(self.words.values()))

    @property
    def claim(self) -> str:
        """Return what is asked about: a statement, a draft or a question."""
        return [*self.words.values()][-1]

    @property
    def said(self) -> str:
        """Return all words but those of the passages, which many queries share."""
        return "\n".join(text for name, text in self.words.items() if name != "passages")


class Believer(Streaming):
    """Write a draft, believe what stands in the text, and note what it was asked.

    draft: text, or pieces as of a FakeChat; either by words of the question, or by a function of
    the Query. rewritten: the same, for a follow-up.
    beliefs: P(Yes) for a kind of question: a number, or by words that stand in what is asked
    (passages apart), or a function of the Query. What they leave open is believed as far as it
    stands in what was read (see `standing`).
    """

    draft: Any = ""
    rewritten: Any = ""
    beliefs: dict[str, Any] = Field(default_factory=dict)
    reads: list[tuple[int, int]] = Field(default_factory=list)  # told before every reply

    _queries: list[Query] = PrivateAttr(default_factory=list)
    _cut_short: list[Query] = PrivateAttr(default_factory=list)

    def model_post_init(self, context: Any) -> None:
        """Refuse a belief about what is never asked."""
        super().model_post_init(context)
        strange = self.beliefs.keys() - {kind.name for kind in kinds()}
        assert not strange, f"there is no question called {', '.join(strange)}"

    def asked(self, *kinds: str) -> list[Query]:
        """Return all that was asked, or what was of these kinds."""
        return [query for query in self._queries if query.kind in kinds or not kinds]

    @property
    def cut_short(self) -> list[Query]:
        """Return what it was replying to when it was stopped."""
        return self._cut_short

    @property
    def _llm_type(self) -> str:
        return "believer"

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **options: Any
    ) -> Iterator[ChatGenerationChunk]:
        query = recognised(messages)
        self._queries.append(query)
        if query.kind in WRITTEN:
            reply = self._written(query)
        else:  # whoever does not ask for probabilities gets none
            yes = self._believed(query)
            reply = [Vote(yes) if options.get("logprobs") else "Yes" if yes > 0.5 else "No"]
        try:
            for one in [*self.reads, *reply]:
                yield piece(one)
            yield usage(count_words(messages), len(reply))
        except GeneratorExit:
            self._cut_short.append(query)
            raise

    def _written(self, query: Query) -> Sequence[Any]:
        given = self.rewritten if query.kind == "rewrite" else self.draft
        if callable(given):
            given = given(query)
        if isinstance(given, Mapping):
            given = _by_words(given, query.words["question"])
        assert given is not None, f"there is no draft for {query.words['question']!r}"
        return [given] if isinstance(given, str) else list(given)

    def _believed(self, query: Query) -> float:
        belief = self.beliefs.get(query.kind)
        if callable(belief):
            belief = belief(query)
        if isinstance(belief, Mapping):
            belief = _by_words(belief, query.said)
        return standing(query.claim, query.read) if belief is None else float(belief)


def believing(model: Believer, **fields: Any) -> Chosen:
    """Make a Chosen of a model that tells its probabilities."""
    return chosen(model, one_token=ONE_TOKEN, **fields)


def standing(claim: str, text: str) -> float:
    """Return how far a claim stands in a text, 0..1: its worst sentence in the best one there.

    That is the share of its stems; one that negates stands in none that does not, nor the reverse.
    """
    lines = [(set(stems(line)), negates(line)) for line in _sentences(text)]
    shares = []
    for sentence in _sentences(claim):
        words = set(stems(sentence))
        alike = [own for own, negated in lines if negated == negates(sentence)]
        shares.append(max((len(words & own) / len(words) for own in alike), default=0.0))
    return min(shares, default=0.0)


def _sentences(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.!?])\s+|\n+", text) if stems(one)]


def _by_words(choices: Mapping[str, Any], text: str) -> Any:
    """Return the first choice whose words stand in a text, or None."""
    return next((choice for words, choice in choices.items() if words in text), None)


# --- which prompt is it?

MARK = re.compile("\ue000(\\w+)(?: \\w+)?\ue001")
SAMPLE = passage(1, "Sample.")

Ask = Callable[[list[Passage]], Sequence[BaseMessage]]


class Kind(NamedTuple):
    """A kind of prompt, what it looks like, and the words that it is made of, in their order."""

    name: str
    pattern: re.Pattern[str]
    words: Sequence[str]


def recognised(messages: Sequence[BaseMessage]) -> Query:
    """Tell which prompt of the product this is; one that is none, or two at once, is an error."""
    text = _flat(messages)
    found = [
        Query(kind.name, {word: match[word] for word in kind.words}, list(messages))
        for kind in kinds()
        if (match := kind.pattern.fullmatch(text))
    ]
    assert found, f"this is no prompt of the product:\n{text}"
    assert len(found) == 1, f"this may be any of {[query.kind for query in found]}:\n{text}"
    return found[0]


@cache
def kinds() -> list[Kind]:
    """Return all kinds of prompts; one that is worded in two ways comes twice."""
    found = [
        _kind("rewrite", _rewriting, ["earlier", "question"]),
        _kind("baseline", lambda passages: [HumanMessage(BASELINE)], ["context", "question"]),
    ]
    for question in (_marked("question"), _marked("question", "versus")):  # the latter compares
        found.append(_kind("draft", partial(_drafting, question), ["passages", "question"]))
        found.append(_kind("bare", partial(_bare, question), ["question"]))
    for name, function in inspect.getmembers(yes_no, inspect.isfunction):
        parameters = inspect.signature(function).parameters
        asks = inspect.signature(function).return_annotation == "Asked"
        if asks and "messages" not in parameters and not name.startswith("_"):
            words = [each for each in parameters if each not in ("chosen", "slot")]
            found.append(_kind(name, partial(_asking, function, words), words))
    return found


def _kind(name: str, ask: Ask, words: Sequence[str]) -> Kind:
    """Make a pattern of a prompt: its marked words, and its passages if it has any, are groups."""
    without, having = _flat(ask([])), _flat(ask([SAMPLE]))
    pairs = enumerate(zip(without, having, strict=False))
    at = next((n for n, (one, other) in pairs if one != other), len(without))
    text = f"{without[:at]}{_marked('passages') * (without != having)}{without[at:]}"
    pattern, ended, seen = "", 0, set[str]()
    for mark in MARK.finditer(text):
        word = mark[1]
        group = f"(?P={word})" if word in seen else f"(?P<{word}>.*)"
        pattern += re.escape(text[ended : mark.start()]) + group
        ended = mark.end()
        seen.add(word)
    assert seen == {*words}, f"the prompt {name} is made of {words}, and shows {seen}"
    return Kind(name, re.compile(pattern + re.escape(text[ended:]), re.DOTALL), words)


def _marked(word: str, also: str = "") -> str:
    """Mark the place of a word; also: what makes the product take it for something special."""
    return f"\ue000{word}{also and ' '}{also}\ue001"


def _flat(messages: Sequence[BaseMessage]) -> str:
    return "\n".join(f"<{message.type}> {message.content}" for message in messages)


BASELINE = baseline.PROMPT.format(context=_marked("context"), question=_marked("question"))


def _drafting(question: str, passages: list[Passage]) -> list[BaseMessage]:
    return prompts.build(question, passages, 0, lambda messages: 0)[0]


def _bare(question: str, passages: list[Passage]) -> list[BaseMessage]:
    return prompts.bare(question)


def _rewriting(passages: list[Passage]) -> list[BaseMessage]:
    model = FakeChat(replies=[[""]])
    finished(rewrite(_marked("question", "it"), [Turn(_marked("earlier"))], chosen(model)))
    return model.calls[0]


def _asking(
    function: Callable[..., Generator[Any, None, Any]], words: list[str], passages: list[Passage]
) -> list[BaseMessage]:
    model = FakeChat(replies=[[Vote(0.5)]])
    given = {word: passages if word == "passages" else _marked(word) for word in words}
    finished(function(chosen(model, one_token=ONE_TOKEN), **given))
    return model.calls[0]
