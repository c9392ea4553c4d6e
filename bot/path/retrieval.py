"""Question to passages: dense search and BM25, fused into one score.

Fusion is the convex sum w * cosine + (1 - w) * BM25 / its upper bound, both absolute: Bruch et al.
2023, "An Analysis of Fusion Functions for Hybrid Retrieval" (theoretical normalisation). The parts
stay visible in every passage.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.path.words import stems
from bot.trace import Passage
from ingest.embedder import Embedder
from ingest.errors import IndexMissing
from ingest.index import Index, IndexedChunk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Chosen on two public sets, MLQuestions' and XQuAD's (11,000 and 240 passages; `whybot eval
# --retrieval`), nDCG@10: dense alone .556 / .944, BM25 alone .414 / .970, fused .587 / .983.
DENSE_WEIGHT = 0.6  # w above
K1, B = 0.6, 0.75  # BM25's saturation and length normalisation
CANDIDATES = 50  # taken from each of the two rankings


@dataclass(frozen=True)
class Snapshot:
    """All chunks of an index at one moment, by document and text, and the vector of each."""

    chunks: list[IndexedChunk]
    vectors: NDArray[np.float32]  # (n, width), unit length


@dataclass(frozen=True)
class Candidate:
    """A chunk that one of the two rankings found, with both parts of its score, not rounded."""

    chunk: IndexedChunk
    dense: float
    bm25: float
    dense_rank: int | None
    bm25_rank: int | None


class Retriever:
    """Rank the chunks of an index for a question.

    BM25 is rebuilt from the chunks in the index whenever the index changed; it is no second truth.
    """

    def __init__(self, index: Index, embedder: Embedder) -> None:
        self._index, self.embedder = index, embedder
        self._lock = threading.Lock()
        self._load()

    def _load(self) -> None:
        self._chunks = {chunk.id: chunk for chunk in self._index.chunks()}
        self._bm25 = Bm25(list(self._chunks.values()))
        self._snapshot: Snapshot | None = None

    def _refresh(self) -> None:
        if self._index.refresh():
            self._load()

    def snapshot(self) -> Snapshot:
        """Return the index as it is now; the same object for as long as nothing changed."""
        import numpy as np

        with self._lock:
            self._refresh()
            if self._snapshot is None:
                vectors = self._index.vectors([*self._chunks])
                known = [chunk for id, chunk in self._chunks.items() if id in vectors]
                rows = [vectors[chunk.id] for chunk in known]
                self._snapshot = Snapshot(known, np.stack(rows) if rows else np.zeros((0, 0), "f4"))
            return self._snapshot

    def chunks(self) -> list[IndexedChunk]:
        """Return all that the last question was ranked against."""
        with self._lock:
            return [*self._chunks.values()]

    def retrieve(
        self,
        question: str,
        count: int,
        dense_weight: float = DENSE_WEIGHT,
        only: Sequence[str] = (),
    ) -> list[Passage]:
        """Return the best passages, best first, numbered from 1; errors as for `candidates`."""
        return rank(self.candidates(question, only), dense_weight)[:count]

    def candidates(self, question: str, only: Sequence[str] = ()) -> list[Candidate]:
        """Return all that can be ranked for a question.

        only: the documents, or folders of them, that are looked in; empty: all. Raises
        IndexMissing if there is nothing.
        """
        vector = self.embedder.query(question)
        with self._lock:
            self._reload()
            scope = self._scope(only) if only else None
            nearest = self._index.nearest(vector, CANDIDATES, scope)
            lexical = self._bm25.scores(question)
            if scope is not None:
                within = {id for id, chunk in self._chunks.items() if chunk.document in scope}
                lexical = {id: score for id, score in lexical.items() if id in within}
            words = dict(sorted(lexical.items(), key=lambda item: -item[1])[:CANDIDATES])
            far = [id for id in words if id not in nearest]
            vectors = self._index.vectors(far)
        cosines = {**nearest, **{id: float(vector @ vectors[id]) for id in far if id in vectors}}
        dense_rank = {id: rank for rank, id in enumerate(nearest, 1)}
        word_rank = {id: rank for rank, id in enumerate(words, 1)}
        return [
            Candidate(
                self._chunks[id],
                cosine,
                lexical.get(id, 0.0),
                dense_rank.get(id),
                word_rank.get(id),
            )
            for id, cosine in cosines.items()
            if id in self._chunks
        ]

    def farthest(self, question: str, count: int) -> list[Passage]:
        """Return the passages least like the question, the least first, numbered from 1.

        They are the nearest of the opposite vector, which the index finds as fast as any; of
        those, the lowest fused scores come first.
        """
        vector = self.embedder.query(question)
        with self._lock:
            self._reload()
            opposite = self._index.nearest(-vector, max(count, CANDIDATES))
            lexical = self._bm25.scores(question)
            found = [
                Candidate(self._chunks[id], -cosine, lexical.get(id, 0.0), None, None)
                for id, cosine in opposite.items()
                if id in self._chunks
            ]
        passages = [_passage(candidate, DENSE_WEIGHT) for candidate in found]
        passages.sort(key=lambda found: (found.score, found.dense, found.document, found.start))
        return [replace(passage, n=n) for n, passage in enumerate(passages[:count], 1)]

    def _scope(self, only: Sequence[str]) -> list[str]:
        names = {chunk.document for chunk in self._chunks.values()}
        if found := sorted(name for name in names if in_scope(name, only)):
            return found
        raise IndexMissing(f"The index holds no document {', '.join(only)}.", "whybot list")

    def _reload(self) -> None:
        """Take in what changed in the index; IndexMissing if it holds nothing."""
        self._refresh()
        if not self._chunks:
            raise IndexMissing("The index holds no documents.", "whybot add FILE")


def in_scope(document: str, only: Sequence[str]) -> bool:
    """Tell whether a document is one of those named, or lies in a folder that is."""
    return any(document == one or document.startswith(f"{one.rstrip('/')}/") for one in only)


def rank(candidates: Sequence[Candidate], dense_weight: float = DENSE_WEIGHT) -> list[Passage]:
    """Fuse both parts of each score and return the passages, best first, numbered from 1."""
    passages = [_passage(candidate, dense_weight) for candidate in candidates]
    passages.sort(key=lambda passage: (-passage.score, passage.document, passage.start))
    return [replace(passage, n=n) for n, passage in enumerate(passages, 1)]


class Bm25:
    """Score chunks by the question's words, stemmed, in the heading path and the text."""

    def __init__(self, chunks: list[IndexedChunk]) -> None:
        import bm25s

        self._ids = [chunk.id for chunk in chunks]
        self._model = bm25s.BM25(k1=K1, b=B, method="lucene")
        headings = [chunk.heading or chunk.title for chunk in chunks]
        words = [  # a heading says what all of its text is about: it counts twice
            stems(f"{heading} {heading} {chunk.shown}")
            for heading, chunk in zip(headings, chunks, strict=True)
        ]
        self._holding = Counter(word for chunk in words for word in set(chunk))
        if self._holding:  # bm25s cannot index a corpus without a single word
            self._model.index(words, show_progress=False)

    def scores(self, question: str) -> dict[str, float]:
        """Return, for every chunk that shares a word with the question, BM25 over its bound.

        The bound is the sum of the inverse document frequencies of all the question's words, also
        of those that no chunk has: 1 would be a chunk that is made of all of them. So a score
        says how much of the question is covered, and compares between questions.
        """
        words = stems(question)
        known = [word for word in words if self._holding[word]]
        if not known:
            return {}
        scores: NDArray[np.float32] = self._model.get_scores(known)
        bound = sum(self._idf(word) for word in words)
        return {
            id: float(score) / bound
            for id, score in zip(self._ids, scores, strict=True)
            if score > 0
        }

    def _idf(self, word: str) -> float:
        """Weigh a word as bm25s's "lucene" method does."""
        count, held = len(self._ids), self._holding[word]
        return math.log(1 + (count - held + 0.5) / (held + 0.5))


def _passage(candidate: Candidate, dense_weight: float) -> Passage:
    chunk = candidate.chunk
    score = dense_weight * max(candidate.dense, 0.0) + (1 - dense_weight) * candidate.bm25
    return Passage(
        n=0,
        document=chunk.document,
        title=chunk.title,
        heading=chunk.heading,
        page=chunk.page or None,
        start=chunk.start,
        end=chunk.end,
        score=round(score, 4),
        text=chunk.text,
        id=chunk.id,
        dense=round(candidate.dense, 4),
        bm25=round(candidate.bm25, 4),
        dense_rank=candidate.dense_rank,
        bm25_rank=candidate.bm25_rank,
        last_page=chunk.last_page or None,
        place=chunk.place,
        head=chunk.head,
    )
