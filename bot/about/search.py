"""The document about this very bot, found like any other, for questions about the bot alone.

It is written from what is in force, at every question that may be about the bot. It is held in
memory: so it cannot be stale, the index never holds it, and no list of documents shows it. Its
passages are ranked like the others' and put among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from bot.about import intent, last_evaluation
from bot.about.document import Facts, write
from bot.path import memory_index
from bot.path.retrieval import DENSE_WEIGHT, Candidate, Retriever, rank
from bot.trace import Passage
from ingest import library
from ingest.documents import Document, read_document
from ingest.sync import cut

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bot.llm.providers import Chosen
    from ingest.embedder import Embedder
    from ingest.settings import Settings

# What stands in the sources where others have the name of their file. No file has this one: names
# are paths in their shortest spelling.
NAME = "whybot://about-this-bot"
JOINING = 3  # of its passages, at most: the user's documents keep a part of the usual five

# A question is about the bot if it speaks to it (see `intent`), if half its cosine to the nearest
# known question about a bot and half the best score of the bot's passages come to a threshold, and
# if that passage is the best of all, or the question is a known one but for its wording. Measured,
# as questions that get a passage of it among five: on the seed document 18 of 20 about the bot
# (seen before the last of these rules was chosen), 0 of the 67 of the gold set, and 7 of
# MLQuestions' 261 real ones that say "you" ("How do you calculate similarity"). Before that rule:
# on the passages that answer those, 0 of the 261 and 11 of the 20; on a shop's FAQ in the you-form
# 6 of 22.
THRESHOLD = 0.35
EITHER_THRESHOLD = 0.45  # where "you" may be anybody
KNOWN = 0.9  # cosine to a known question


class About:
    """The vectors of a bot's own document and of the questions about bots, each made once."""

    def __init__(self) -> None:
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def embedded(self, texts: Sequence[str], embedder: Embedder) -> NDArray[np.float32]:
        """Return the vectors of texts, one a row."""
        import numpy as np

        if new := [text for text in dict.fromkeys(texts) if text not in self._vectors]:
            self._vectors.update(zip(new, embedder.documents(new), strict=True))
        return np.stack([self._vectors[text] for text in texts])


class Speaker(Protocol):
    """What is looked into of a bot; `session.Bot` is one."""

    @property
    def settings(self) -> Settings: ...
    @property
    def retriever(self) -> Retriever: ...
    @property
    def chosen(self) -> Chosen: ...
    @property
    def itself(self) -> About | None: ...


@dataclass(frozen=True)
class Found:
    """All that can be ranked for a question."""

    question: str
    others: tuple[Candidate, ...]  # of the user's documents
    own: tuple[Candidate, ...] = ()  # of the bot's; none where the question does not speak to it
    likeness: float = 0.0  # of the question to a known one about a bot: a cosine

    def ranked(self, dense_weight: float) -> list[Passage]:
        """Return the passages, best first, with the bot's own if the question is about it."""
        found, own = rank(self.others, dense_weight), rank(self.own, dense_weight)
        if own and about_bot(self.question, self.likeness, own, found):
            return joined(found, own[:JOINING])
        return found


def retrieve(
    bot: Speaker,
    question: str,
    count: int,
    dense_weight: float = DENSE_WEIGHT,
    earlier: str = "",
    only: Sequence[str] = (),
) -> list[Passage]:
    """Return the best passages for a question, the bot's own among them if it is about the bot.

    earlier: the question that a follow-up was asked after. only: the documents, or folders of
    them, that are asked; the bot's own is none of them. Raises IndexMissing.
    """
    if bot.itself is None or only or not _spoken(question, earlier):
        return bot.retriever.retrieve(question, count, dense_weight, only)
    return candidates(bot, question, earlier).ranked(dense_weight)[:count]


def candidates(bot: Speaker, question: str, earlier: str = "") -> Found:
    """Return all that can be ranked for a question; `earlier` and errors as for `retrieve`."""
    others = tuple(bot.retriever.candidates(question))  # first: it looks whether the index changed
    if bot.itself is None or not _spoken(question, earlier):
        return Found(question, others)
    embedder = bot.retriever.embedder
    rows = cut(document(bot), embedder)
    vectors = bot.itself.embedded([text for _, text in rows], embedder)
    own = memory_index.retriever([chunk for chunk, _ in rows], vectors, embedder)
    known = sorted({*intent.ASKED, *(chunk.heading for chunk, _ in rows)})
    likeness = float(max(bot.itself.embedded(known, embedder) @ embedder.query(question)))
    return Found(question, others, tuple(own.candidates(question)), likeness)


def _spoken(question: str, earlier: str) -> bool:
    return any(map(intent.speaks_to_bot, (question, earlier)))


def about_bot(
    question: str, likeness: float, own: Sequence[Passage], others: Sequence[Passage]
) -> bool:
    """Decide whether a question that may speak to the bot is about it.

    likeness: its cosine to the nearest known question about a bot.
    """
    score = own[0].score
    threshold = THRESHOLD if intent.surely(question) else EITHER_THRESHOLD
    best = score >= max(passage.score for passage in others)
    return (likeness + score) / 2 >= threshold and (best or likeness >= KNOWN)


def joined(found: Sequence[Passage], own: Sequence[Passage]) -> list[Passage]:
    """Put two lists into one, best first, with numbers and ranks given anew."""
    both = sorted([*found, *own], key=lambda one: (-one.score, one.document, one.start))
    dense = _ranks((one.id, one.dense) for one in both if one.dense_rank)
    words = _ranks((one.id, one.bm25) for one in both if one.bm25_rank)
    return [
        replace(one, n=n, dense_rank=dense.get(one.id), bm25_rank=words.get(one.id))
        for n, one in enumerate(both, 1)
    ]


def _ranks(scores: Iterable[tuple[str, float]]) -> dict[str, int]:
    best = sorted(scores, key=lambda pair: -pair[1])
    return {id: rank for rank, (id, _) in enumerate(best, 1)}


def document(bot: Speaker) -> Document:
    """Make the document about a bot as it is now, in the index that was last looked into."""
    embedder, chunks = bot.retriever.embedder, bot.retriever.chunks()
    last = last_evaluation.read(bot.settings)
    facts = Facts(
        settings=bot.settings,
        chosen=bot.chosen,
        embedder=embedder.name,
        revision=embedder.revision,
        chunk_tokens=embedder.chunk_tokens,
        names=[entry.name for entry in library.entries(chunks)],
        chunks=len(chunks),
        answers=last.get("answers"),
        retrieval=last.get("retrieval"),
    )
    return replace(read_document("about.md", write(facts).encode()), name=NAME)
