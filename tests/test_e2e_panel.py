"""Is "Why this answer" true? The panel of ten answers against an instrumented run.

Run: `pytest tests/test_e2e_panel.py`. Some minutes; skipped without the weights. What the engine
was sent and said, and what Chroma returned, is written down on the way; BM25 is computed here
once more, by its formula. Nothing of the panel's own source is asked.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from bot.answer import answer
from bot.path.retrieval import DENSE_WEIGHT, K1, B
from bot.path.words import stems
from bot.session import Bot
from bot.trace import Answer
from bot.web.chat.why import why

QUESTIONS = (
    "What are the cons of RAG?",
    "What are the pros of fine-tuning?",
    "What is RAG?",
    "When should I use RAG?",
    "Does RAG or fine-tuning risk overfitting?",
    "Which option handles many kinds of work without training again each time?",
    "Compare the response speed of fine-tuning and RAG.",
    "How many GPUs does fine-tuning need?",
    "Which vector database should I use for RAG?",
    "Who is the president of France?",
)


@dataclass
class Recorder:
    """Stand before the engine's server and Chroma's collection, and write down what passes."""

    server: Any
    collection: Any
    asked: list[tuple[dict[str, Any], list[dict[str, Any]]]] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)

    def handle_chat_completions(self, body: dict[str, Any], receive: Callable[..., bool]) -> None:
        events: list[dict[str, Any]] = []
        self.asked.append((body, events))

        def keep(event: dict[str, Any]) -> bool:
            events.append(event)
            return receive(event)

        self.server.handle_chat_completions(body, keep)

    def handle_completions(self, body: dict[str, Any]) -> Any:  # no prompt: it makes it forget
        return self.server.handle_completions(body)

    def query(self, **wanted: Any) -> Any:
        self.found.append(self.collection.query(**wanted))
        return self.found[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.collection, name)

    # --- what was written down

    def votes(self) -> dict[str, float]:
        """Return P(Yes) of each question put for one token, by its last message."""
        return {
            str(body["messages"][-1]["content"]): share
            for body, events in self.asked
            if body["max_tokens"] == 1 and (share := yes(events)) is not None
        }

    def writing(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the request for the draft and its usage; None if none was made."""
        for body, events in self.asked:
            if body["max_tokens"] > 1 and "Answer from the passages" in str(body["messages"]):
                return body, next(event["usage"] for event in events if event.get("usage"))
        return None


def yes(events: list[dict[str, Any]]) -> float | None:
    """Return Yes over Yes and No among the likeliest tokens of the engine's own events."""
    mass: defaultdict[str, float] = defaultdict(float)
    for event in events:
        for choice in event.get("choices") or ():
            for token in (choice.get("logprobs") or {}).get("content") or ():
                for rival in token["top_logprobs"]:
                    mass[rival["token"].strip().lower()] += math.exp(rival["logprob"])
    both = mass["yes"] + mass["no"]
    return mass["yes"] / both if both else None


@pytest.fixture(scope="module")
def recorder(qwen: Bot) -> Iterator[Recorder]:
    engine: Any = qwen.chosen.model
    index: Any = qwen.retriever._index
    kept = Recorder(engine._server, index._collection)
    engine._server = index._collection = kept
    yield kept
    engine._server, index._collection = kept.server, kept.collection


def text(element: Tag, selector: str) -> str:
    """Return the text of the first element within that the selector finds."""
    found = element.select_one(selector)
    assert found, selector
    return found.get_text()


@dataclass(frozen=True)
class Panel:
    """The panel as a reader sees it."""

    summaries: dict[str, str]
    rows: dict[str, list[tuple[str, str]]]
    quotes: dict[str, list[str]]

    @classmethod
    def read(cls, html: str) -> Panel:
        soup = BeautifulSoup(html, "html.parser")
        panel = cls({}, {}, {})
        for step in soup.select("details.step"):
            title = text(step, "b")
            panel.summaries[title] = text(step, "summary").removeprefix(title).strip()
            panel.rows[title] = [
                (text(row, "dt"), text(row, "dd")) for row in step.select("dl.facts div")
            ] + [(text(row, ".stage"), text(row, ".time")) for row in step.select(".waterfall li")]
            # A browser drops the line break that a pre begins with.
            quotes = [pre.get_text().removeprefix("\n") for pre in step.select("pre")]
            panel.quotes[title] = quotes
        return panel

    def number(self, title: str, label: str) -> float:
        """Return the first number of a row; a percentage as a share."""
        (value,) = [value for name, value in self.rows[title] if name == label]
        return number(value)


def number(text: str) -> float:
    found = re.search(r"-?[\d,]*\.?\d+%?", text)
    assert found, text
    plain = found[0].replace(",", "")
    return float(plain.rstrip("%")) / (100 if plain.endswith("%") else 1)


@pytest.fixture(scope="module")
def lexical(qwen: Bot) -> Callable[[str], dict[str, float]]:
    """Give BM25 over its bound, by the formula (Robertson's, idf as Lucene has it)."""
    chunks = {chunk.id: chunk for chunk in qwen.retriever.chunks()}
    bags = {
        id: Counter(stems(f"{2 * ((one.heading or one.title) + ' ')}{one.text}"))
        for id, one in chunks.items()
    }
    mean = sum(bag.total() for bag in bags.values()) / len(bags)

    def idf(word: str) -> float:
        holding = sum(word in bag for bag in bags.values())
        return math.log(1 + (len(bags) - holding + 0.5) / (holding + 0.5))

    def scores(question: str) -> dict[str, float]:
        words = stems(question)
        bound = sum(idf(word) for word in words)
        return {
            id: sum(
                idf(word) * bag[word] / (bag[word] + K1 * (1 - B + B * bag.total() / mean))
                for word in words
            ) / bound
            for id, bag in bags.items()
        }  # fmt: skip

    return scores


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_figure_of_the_panel_is_what_the_parts_really_had(
    question: str,
    brief: Bot,
    recorder: Recorder,
    lexical: Callable[[str], dict[str, float]],
) -> None:
    recorder.asked.clear()
    recorder.found.clear()
    began = time.perf_counter()
    *_, last = answer(brief, question)
    wall = (time.perf_counter() - began) * 1000
    assert isinstance(last, Answer)
    panel = Panel.read(why(last))
    _search_is_true(panel, recorder, brief, lexical(question), last)
    _writing_is_true(panel, recorder, brief)
    _judging_is_true(panel, recorder, last)
    stages = [number(value) for name, value in panel.rows["Time"]]
    total = number(panel.summaries["Time"]) * 1000
    assert total == pytest.approx(wall, abs=100)
    assert sum(stages) == pytest.approx(total, abs=100)


def _search_is_true(
    panel: Panel, recorder: Recorder, bot: Bot, lexical: dict[str, float], last: Answer
) -> None:
    """Cosines are Chroma's, BM25 is the formula's, the score is their sum, and so is the order."""
    (found,) = recorder.found
    cosines = {id: 1 - d for id, d in zip(found["ids"][0], found["distances"][0], strict=True)}
    ranks = {id: rank for rank, id in enumerate(found["ids"][0], 1)}
    fused = {
        id: DENSE_WEIGHT * max(cosine, 0) + (1 - DENSE_WEIGHT) * lexical[id]
        for id, cosine in cosines.items()
    }
    best = sorted(fused, key=lambda id: -fused[id])
    all_found = [*last.passages, *(drop.passage for drop in last.dropped)]
    name = {p.id: p.source for p in all_found}
    assert {p.id for p in all_found} == set(best[: len(all_found)])
    rows = panel.rows["Search"]
    for id, source in name.items():
        ends = (source, f"{source} (left out)")
        (dense,) = [value for label, value in rows if label == f"Dense search, {ranks[id]}"]
        assert dense.endswith(ends)
        assert number(dense) == pytest.approx(cosines[id], abs=6e-4)
        words = [number(value) for label, value in rows
                 if label.startswith("BM25") and value.endswith(ends)]  # fmt: skip
        wanted = pytest.approx(lexical[id], abs=6e-4)
        assert any(share == wanted for share in words) if lexical[id] else not words
    if "Passages" in panel.rows:
        told = [number(value.split("=")[-1]) for _, value in panel.rows["Passages"]]
        assert told == pytest.approx([fused[id] for id in best[: len(told)]], abs=1e-3)
    assert panel.number("Gate", "Best score") == pytest.approx(fused[best[0]], abs=1e-3)


def _writing_is_true(panel: Panel, recorder: Recorder, bot: Bot) -> None:
    """The prompt is the one that was sent, to the letter; its tokens are the engine's count."""
    written = recorder.writing()
    assert (written is not None) == ("Draft" in panel.summaries)
    if written is None:
        return
    body, usage = written
    assert panel.quotes["Prompt"] == [message["content"] for message in body["messages"]]
    read = f"The model read {usage['prompt_tokens']} of {bot.chosen.window} tokens."
    assert panel.summaries["Prompt"] == read
    shown = panel.number("Prompt", "Passages in it")
    assert shown == body["messages"][-1]["content"].count("</passage>")
    if "tokens" in panel.summaries["Draft"]:
        assert f"in {usage['completion_tokens']} tokens" in panel.summaries["Draft"]


def _judging_is_true(panel: Panel, recorder: Recorder, last: Answer) -> None:
    """Every probability is the one the engine's own events give for just that request."""
    votes = recorder.votes()

    def voted(words: str) -> list[float]:
        return [share for asked, share in votes.items() if words in asked]

    if not votes:
        assert "Prompt" not in panel.rows
        return
    (held,) = voted("Can this question be answered using only the passages")
    assert panel.number("Gate", "The model's Yes") == pytest.approx(held, abs=6e-4)
    if "It answers the question" in dict(panel.rows.get("Second look", [])):
        answers = [share for asked, share in votes.items()
                   if f"Proposed answer: {last.draft}\n" in asked]  # fmt: skip
        looked = panel.number("Second look", "It answers the question")
        assert looked == pytest.approx(answers[0], abs=6e-4)
    if "Any sentence does" in dict(panel.rows.get("Second look", [])):  # asked where that fails
        alone = max(voted("with the following text alone"), default=0.0)
        assert panel.number("Second look", "Any sentence does") == pytest.approx(alone, abs=6e-4)
    for fate, told in panel.rows.get("Check", []):
        sentence, _, rest = told.partition("\n")
        if "the model, asked" in rest:
            heard = voted(sentence)
            assert any(number(rest) == pytest.approx(share, abs=6e-3) for share in heard), told
        elif fate == "Quoted":
            (alone,) = [share for asked, share in votes.items()  # an item is quoted without heading
                        if "with the following text alone" in asked
                        and f"{sentence}\n" in asked]  # fmt: skip
            assert number(rest.split("alone it answers")[1]) == pytest.approx(alone, abs=6e-3)
