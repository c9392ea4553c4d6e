"""A retrieval set in the BEIR layout, ranked with the product's own retriever.

The set gets an index of its own in the cache folder, named by its passages and the embedder, so
it is embedded once, and an interrupted run goes on. Each question is retrieved once; the ranks
that every passage carries give dense search and BM25 alone, beside their fusion.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.evaluation import metrics, report
from bot.evaluation.baseline import by_cosine
from bot.evaluation.datasets import Ranking, row
from bot.path.retrieval import CANDIDATES, Retriever
from bot.trace import Passage
from ingest.embedder import Embedder
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import FLUSH, fingerprint

DEPTH = 10  # of a ranking, looked at
SYSTEMS = ("fused", "dense", "bm25")


def place(settings: Settings, folder: Path, ranking: Ranking, embedder: Embedder) -> Path:
    """Return the folder of the index that holds just these passages, embedded by this model."""
    of = json.dumps([ranking.passages, fingerprint(embedder)], sort_keys=True)
    digest = hashlib.sha256(of.encode()).hexdigest()[:12]
    return settings.cache / "eval" / f"{folder.resolve().name}-{digest}"


def fill(settings: Settings, ranking: Ranking, embedder: Embedder, fresh: bool) -> None:
    """Embed and write the passages that the index lacks."""
    from tqdm import tqdm

    total = len(ranking.passages)
    with Index.write(settings, fingerprint(embedder), rebuild=fresh) as index:
        held = {chunk.id for chunk in index.chunks()}
        missing = [row(*passage) for passage in ranking.passages if passage[0] not in held]
        bar = tqdm(
            desc="embedding", total=total, initial=total - len(missing), unit="passage",
            file=sys.stderr, leave=False, delay=0.5,
        )  # fmt: skip
        with bar:
            for start in range(0, len(missing), FLUSH):
                part = missing[start : start + FLUSH]
                vectors = embedder.documents([words for _, words in part])
                index.upsert([chunk for chunk, _ in part], vectors)
                bar.update(len(part))


def rank(
    settings: Settings,
    ranking: Ranking,
    embedder: Embedder,
    limit: int | None,
    found: list[dict[str, Any]],
) -> None:
    """Retrieve for each question and note its metrics: {"seconds", system: {metric: value}}."""
    from tqdm import tqdm

    embedder.load()  # its seconds are no question's
    questions = ranking.questions[:limit]
    with Index.read(settings, fingerprint(embedder)) as index:
        retriever = Retriever(index, embedder)
        for id, text in tqdm(
            questions, desc="ranking", unit="question", file=sys.stderr, leave=False
        ):
            began = time.perf_counter()
            passages = retriever.retrieve(text, 2 * CANDIDATES)
            seconds = time.perf_counter() - began
            ranks = {"fused": passages, "dense": by_cosine(passages), "bm25": by_words(passages)}
            relevant = ranking.relevant[id]
            values = {system: _values(ranks[system], relevant) for system in SYSTEMS}
            found.append({"seconds": seconds, **values})


def by_words(found: Sequence[Passage]) -> list[Passage]:
    """Return what BM25 alone would have found, best first."""
    near = [passage for passage in found if passage.bm25_rank is not None]
    return sorted(near, key=lambda passage: passage.bm25_rank or 0)


def _values(passages: Sequence[Passage], relevant: dict[str, int]) -> dict[str, float]:
    ids = [passage.id for passage in passages]
    return {
        "recall@5": metrics.recall(ids, relevant, 5),
        "recall@10": metrics.recall(ids, relevant, DEPTH),
        "ndcg@10": metrics.ndcg(ids, relevant, DEPTH),
        "mrr@10": metrics.reciprocal_rank(ids, relevant, DEPTH),
    }


def estimates(found: Sequence[dict[str, Any]], system: str) -> report.Estimates:
    """Estimate the mean of each metric."""
    columns = {name: [line[system][name] for line in found] for name, _, _ in report.RANKING}
    return {name: metrics.mean(values) for name, values in columns.items()}
