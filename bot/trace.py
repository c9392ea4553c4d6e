"""The data that travels on the answer path, and its JSON.

The stages make it as they run. It is never reconstructed for display: the page, the shell and
`--json` render these and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ingest.chunks import where

# The names that the JSON interface and the files on disk began with, and keep, by those of today.
JSON_NAMES = {
    "parameters": "knobs",
    "threshold": "bar",
    "answerable_threshold": "answerable_bar",
    "mismatch": "strayed",
    "rewritten": "resolved",
}
CODE_NAMES = {theirs: ours for ours, theirs in JSON_NAMES.items()}


def plain(record: Any) -> dict[str, Any]:
    """Return a dataclass and all within it as plain data, by the names of the JSON interface."""
    data: dict[str, Any] = renamed(asdict(record), JSON_NAMES)
    return data


def renamed(data: Any, names: Mapping[str, str]) -> Any:
    """Return plain data with other keys; CODE_NAMES undoes what `plain` did."""
    if isinstance(data, dict):
        return {names.get(key, key): renamed(value, names) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [renamed(value, names) for value in data]
    return data


@dataclass(frozen=True)
class Turn:
    """One earlier exchange of the conversation."""

    question: str
    answer: str = ""


@dataclass(frozen=True)
class Parameters:
    """What decides which passages the model is shown, and whether it is asked at all.

    Raises ValueError for values out of range.
    """

    top_k: int  # passages shown to the model, at most
    dense_weight: float  # of the cosine in the fused score, 0..1; BM25 has the rest
    threshold: float  # 0..1: where the best passage scores less, the model is not asked
    without: tuple[str, ...] = ()  # ids of the chunks that are switched off
    only: tuple[str, ...] = ()  # the documents, or folders of them, that are asked; empty: all

    def __post_init__(self) -> None:
        if self.top_k < 1 or not (0 <= self.dense_weight <= 1 and 0 <= self.threshold <= 1):
            raise ValueError(f"out of range: {self.told}")

    @property
    def told(self) -> str:
        """Return them in one line, for people."""
        off = f", {len(self.without)} switched off" if self.without else ""
        weights = f"dense weight {self.dense_weight:g}, threshold {self.threshold:g}"
        scope = f", only {', '.join(self.only)}" if self.only else ""
        return f"top-k {self.top_k}, {weights}{off}{scope}"


@dataclass(frozen=True)
class Passage:
    """A retrieved chunk with every part of its score."""

    n: int  # its number for this question: 1 is the best; [n] in the answer cites it
    document: str
    title: str
    heading: str
    page: int | None
    start: int  # characters of the document's text
    end: int
    score: float  # the fused score, 0..1
    text: str
    id: str
    dense: float  # cosine similarity of question and chunk, -1..1
    bm25: float  # BM25 as a share of what a chunk made of the question's words would have, 0..1
    dense_rank: int | None  # 1-based; None: not among the nearest of dense search
    bm25_rank: int | None  # None: no word in common with the question
    last_page: int | None = None  # that it ends on
    place: str = ""  # the part of the file that it begins in: "slide 3"
    head: str = ""  # of the table that it begins in the middle of

    @property
    def shown(self) -> str:
        """Return the text under the table head that it lacks."""
        return f"{self.head}\n{self.text}" if self.head else self.text

    @property
    def where(self) -> str:
        """Return the pages or the part of the file that it stands on, for people."""
        return where(self.page, self.last_page, self.place)

    @property
    def source(self) -> str:
        """Return where it stands, for people: document, heading path and page."""
        return ", ".join(part for part in (self.document, self.heading, self.where) if part)


@dataclass(frozen=True)
class Signals:
    """What speaks for and against the passages' holding the answer."""

    yes: float  # the model's probability of Yes, asked whether they do
    cosine: float  # the best cosine similarity of the question and a passage
    unknown: str = ""  # the first name or number of the question that stands in no passage
    # Its first name or word that heads only passages which the draft does not rest on.
    mismatch: str = ""
    draft: float | None = None  # P(Yes), asked whether its draft answers it; None: not asked
    # The same of a sentence, asked if it alone does: the best it rests on, and the best looked at.
    rests: float | None = None
    alone: float | None = None


@dataclass(frozen=True)
class Gate:
    """Whether the passages can answer the question, before the model writes and after."""

    best: float  # the best passage's score
    threshold: float  # below it the model is not asked at all
    passed: bool
    reason: str = ""  # what was found out last, in plain words
    answerable: float | None = None  # the probability that the passages hold the answer
    answerable_threshold: float | None = None  # from here on it is not doubted; None: not asked
    signals: Signals | None = None  # what that probability is made of


@dataclass(frozen=True)
class Dropped:
    """A passage that was retrieved and not shown to the model, and why."""

    passage: Passage
    reason: str


@dataclass(frozen=True)
class Evidence:
    """A sentence of a passage, or a row of a table in one."""

    n: int  # the passage
    start: int  # characters of the document's text
    end: int
    text: str
    row: str = ""  # a row of a table in words that name its columns

    @property
    def words(self) -> str:
        """Return what it says, in words."""
        return self.row or self.text


@dataclass(frozen=True)
class Sentence:
    """A sentence of the answer and the passages it rests on; as an event: it may be shown."""

    text: str  # without marks
    citations: list[int]
    attributed: bool = False  # the citations were found by code, not written by the model
    lead: str = ""  # what stands between it and the one before: blanks, line breaks, "- "
    support: float = 0.0  # 0..1: how surely the cited passage states it
    supported: bool = False
    reason: str = ""  # how the support was found, in plain words
    evidence: Evidence | None = None  # the passage's own sentence that comes nearest
    quoted: bool = False  # it is that sentence, under its heading, in place of a draft that failed


@dataclass(frozen=True)
class Tokens:
    """Tokens as the model counted them."""

    prompt: int
    completion: int
    window: int
    sent: int | None = None  # the prompt as counted here; None: its tokenizer is not here


# --- events, in the order in which they may occur


@dataclass(frozen=True)
class Rewritten:
    """The question as it is looked up; differs from what was typed for a follow-up."""

    question: str


@dataclass(frozen=True)
class Retrieved:
    """The passages for the model, those left out, and whether the model will be asked at all."""

    passages: list[Passage]
    dropped: list[Dropped]
    gate: Gate


@dataclass(frozen=True)
class Reading:
    """The model has read so many tokens of the prompt."""

    done: int
    total: int


@dataclass(frozen=True)
class Token:
    """A piece of the draft, as the model writes it: not checked yet."""

    text: str


@dataclass(frozen=True)
class Answer:
    """The last event: the answer with its whole trace."""

    id: str
    question: str
    resolved_question: str
    answer: str
    abstained: bool
    sentences: list[Sentence]
    passages: list[Passage]
    model: str
    tokens: Tokens
    timings_ms: dict[str, float]
    gate: Gate
    withheld: list[Sentence] = field(default_factory=list)  # written, and not supported
    dropped: list[Dropped] = field(default_factory=list)
    prompt: list[dict[str, str]] = field(default_factory=list)  # the messages, as sent
    draft: str = ""  # what the model wrote, before anything was taken out
    invalid_citations: list[int] = field(default_factory=list)  # [n] that named no passage
    notes: list[str] = field(default_factory=list)
    parameters: Parameters | None = None  # changed for this answer; None: those in force

    @property
    def cited(self) -> frozenset[int]:
        """Return the numbers of the passages that its sentences cite."""
        return frozenset(n for sentence in self.sentences for n in sentence.citations)

    def to_json(self) -> dict[str, Any]:
        """Return the answer as plain data; these names are the product's interface."""
        return plain(self)


Event = Rewritten | Retrieved | Reading | Token | Sentence | Answer
