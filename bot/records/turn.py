"""One exchange: a question and as much of its answer as there is, fed by the answer's events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.records.receipt import Receipt
from bot.trace import (
    Answer,
    Dropped,
    Event,
    Gate,
    Passage,
    Reading,
    Retrieved,
    Rewritten,
    Sentence,
    Token,
)
from ingest.index import IndexedChunk

Outcome = Literal["running", "answered", "stopped", "failed"]


@dataclass
class Exchange:
    """A question and as much of its answer as there is."""

    question: str
    outcome: Outcome = "running"
    rewritten: str = ""
    passages: list[Passage] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    draft: str = ""
    gate: Gate | None = None
    answer: Answer | None = None
    receipt: Receipt | None = None
    taught: Mapping[str, IndexedChunk] = field(default_factory=dict)  # see `steps.explain`
    error: str = ""

    @property
    def text(self) -> str:
        """Return the answer, or the draft while it is written and checked."""
        return self.answer.answer if self.answer else self.draft

    @property
    def cited(self) -> frozenset[int]:
        """Return the numbers of the passages that the answer cites."""
        return self.answer.cited if self.answer else frozenset()

    def take(self, event: Event) -> str:
        """Take in an event; return what the bot is doing now, for people."""
        match event:
            case Rewritten(question):
                self.rewritten = question
                return f"looking up “{question}”"
            case Retrieved():
                self.passages, self.dropped = event.passages, event.dropped
                self.gate = event.gate
                return "reading"
            case Reading(done, total):
                doing = "checking the draft: read" if self.draft else "reading"
                return f"{doing} {done} of {total} tokens"
            case Token(text):
                self.draft += text
                return "writing"
            case Sentence():
                return "checking the draft"
            case Answer():
                self.answer, self.outcome = event, "answered"
                return ""
