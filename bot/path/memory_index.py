"""An index in memory: what a Retriever reads of one, over chunks that no Chroma folder holds.

The document about the bot is ranked with it, and so are passages that a question set brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bot.path.retrieval import Retriever
from ingest.embedder import Embedder
from ingest.index import Index, IndexedChunk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def retriever(
    chunks: Sequence[IndexedChunk], vectors: NDArray[np.float32], embedder: Embedder
) -> Retriever:
    """Return the product's own retriever over some chunks alone; vectors: one a row."""
    return Retriever(cast("Index", _Held(list(chunks), vectors)), embedder)


@dataclass(frozen=True)
class _Held:
    """The part of an Index that a Retriever reads."""

    rows: list[IndexedChunk]
    embedded: NDArray[np.float32]

    def refresh(self) -> bool:
        """Tell that nothing changed."""
        return False

    def chunks(self) -> list[IndexedChunk]:
        """Return all chunks."""
        return self.rows

    def nearest(
        self, vector: NDArray[np.float32], count: int, documents: Sequence[str] | None = None
    ) -> dict[str, float]:
        """Return ids and cosines, best first, of all documents or of some."""
        cosines = (self.embedded @ vector).tolist()
        pairs = [
            (row.id, cosine)
            for row, cosine in zip(self.rows, cosines, strict=True)
            if documents is None or row.document in documents
        ]
        return dict(sorted(pairs, key=lambda pair: -pair[1])[:count])

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the vectors of some chunks."""
        places = {row.id: place for place, row in enumerate(self.rows)}
        return {id: self.embedded[places[id]] for id in ids}
