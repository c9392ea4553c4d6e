"""Texts to unit vectors, with sentence-transformers; and the tokenizer that counts for it.

The model itself loads at the first text, so that a run with nothing to embed does not pay for
torch. Its fingerprint is kept in the index, so that no other model's vectors are mixed with it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ingest import weights
from ingest.errors import SettingError
from ingest.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

BATCH = 32  # texts a forward pass
HEADING_TOKENS = 56  # of the model's length, kept free for the heading path and special tokens
CHUNK_TOKENS = 200  # of text in a chunk, at most: shorter chunks rank more precisely


class Embedder:
    """Embed chunks and questions with one local sentence-transformers model."""

    def __init__(self, folder: Path, name: str, revision: str) -> None:
        self.folder, self.name, self.revision = folder, name, revision
        self._loading = threading.Lock()

    @classmethod
    def open(cls, settings: Settings, progress: weights.Progress | None = None) -> Embedder:
        """Find the model of the settings, fetching pinned weights if need be."""
        name = settings.embedder
        if name in weights.MODELS:
            folder = weights.fetch(settings, name, progress)
            return cls(folder, name, weights.MODELS[name].revision)
        folder = Path(name).expanduser()
        if not (folder / "modules.json").is_file():
            raise SettingError(
                f"The embedder {name!r} is neither a pinned model nor a folder of a "
                "sentence-transformers model.",
                "unset WHYBOT_EMBEDDER",
            )
        return cls(folder, folder.name, _digest(folder))

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        path = next(self.folder.rglob("tokenizer.json"), None)
        if path is None:
            raise SettingError(
                f"The embedder in {self.folder} has no tokenizer.json.", "unset WHYBOT_EMBEDDER"
            )
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def chunk_tokens(self) -> int:
        """Return how many tokens of text a chunk may have so that none is cut off unseen."""
        config = self.folder / "sentence_bert_config.json"
        stated = json.loads(config.read_text())["max_seq_length"] if config.is_file() else None
        longest: int = stated or 256
        return min(CHUNK_TOKENS, max(longest - HEADING_TOKENS, longest // 2))

    def token_starts(self, text: str) -> list[int]:
        """Return the character offset at which each token of the text begins."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return [start for start, _ in encoding.offsets]

    @cached_property
    def _model(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        return SentenceTransformer(str(self.folder), device="cpu", local_files_only=True)

    def load(self) -> SentenceTransformer:
        """Load the model now (some seconds), from whichever thread comes first."""
        with self._loading:
            return self._model

    def documents(
        self, texts: Sequence[str], done: Callable[[int], None] = lambda count: None
    ) -> NDArray[np.float32]:
        """Embed texts as documents: (n, width) float32, unit length; `done` counts along."""
        import numpy as np

        model = self.load()
        parts = []
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            parts.append(
                model.encode_document(batch, normalize_embeddings=True, show_progress_bar=False)
            )
            done(len(batch))
        return np.concatenate(parts).astype(np.float32)

    def query(self, text: str) -> NDArray[np.float32]:
        """Embed a question: (width,) float32, unit length, with the model's query prompt."""
        import numpy as np

        vector = self.load().encode_query(text, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vector, dtype=np.float32)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
