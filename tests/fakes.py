"""A stand-in for the embedder, small makers of test data, and other processes.

Its cosines follow shared words, so that retrieval works on it as on a real one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zlib
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bot.path.retrieval import DENSE_WEIGHT
from bot.path.words import stems
from bot.trace import Passage
from ingest.embedder import Embedder
from ingest.index import IndexedChunk
from ingest.settings import Settings

ROOT = Path(__file__).parent.parent
WIDTH = 256  # of the fake vectors: few stems of a test share a place


class FakeEmbedder:
    """Embed a text as the bag of its stems, and note every document text it embedded."""

    def __init__(
        self, name: str = "fake", revision: str = "1", chunk_tokens: int = 40, stop_at: int = 0
    ) -> None:
        self.name, self.revision, self.chunk_tokens = name, revision, chunk_tokens
        self.stop_at = stop_at  # raise KeyboardInterrupt at this text, counted from 1; 0: never
        self.texts: list[str] = []

    @property
    def real(self) -> Embedder:
        """Return this as the type the code under test asks for."""
        return cast("Embedder", self)

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    def token_starts(self, text: str) -> list[int]:
        """Begin a token at every word and every sign."""
        return [match.start() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def documents(
        self, texts: Sequence[str], done: Callable[[int], None] = lambda count: None
    ) -> NDArray[np.float32]:
        """Embed texts; each counts once it is embedded."""
        vectors = []
        for text in texts:
            if self.stop_at and len(self.texts) + 1 == self.stop_at:
                raise KeyboardInterrupt
            vectors.append(vector(text))
            self.texts.append(text)
            done(1)
        return np.stack(vectors)

    def query(self, text: str) -> NDArray[np.float32]:
        """Embed a question as any text."""
        return vector(text)


def vector(text: str) -> NDArray[np.float32]:
    """Return the unit vector of a text's stems; of a text without any, the first axis."""
    counts = np.zeros(WIDTH, dtype=np.float32)
    for stem in stems(text):
        counts[zlib.crc32(stem.encode()) % WIDTH] += 1
    if not counts.any():
        counts[0] = 1
    return np.asarray(counts / np.linalg.norm(counts), dtype=np.float32)


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed texts, one a row."""
    return np.stack([vector(text) for text in texts])


def alike(texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed all texts as the same, so that words alone tell them apart."""
    return np.ones((len(texts), 1), dtype=np.float32)


class Shelf:
    """Stand in for a Retriever: find the same passages for every question, and note those.

    Its embedder tells no text from another, unless one is given.
    """

    def __init__(self, passages: Sequence[Passage], embedder: Any = None) -> None:
        self.passages, self.asked = list(passages), list[tuple[str, int]]()
        self.embedder = embedder or SimpleNamespace(documents=alike)

    def retrieve(
        self,
        question: str,
        count: int,
        dense_weight: float = DENSE_WEIGHT,
        only: Sequence[str] = (),
    ) -> list[Passage]:
        """Return the first passages, whatever they weigh, and of whatever document."""
        self.asked.append((question, count))
        return self.passages[:count]

    def chunks(self) -> list[IndexedChunk]:
        """Return nothing: there is no index."""
        return []


def finished(run: Generator[Any, None, Any]) -> tuple[Any, list[Any]]:
    """Run a generator to its end: (what it returns, what it yielded)."""
    events = []
    while True:
        try:
            events.append(next(run))
        except StopIteration as end:
            return end.value, events


# --- data


def settings_in(folder: Path, **values: Any) -> Settings:
    """Make settings whose folders all lie in one, and the corpus folder itself."""
    (folder / "corpus").mkdir(exist_ok=True)
    paths = {name: folder / name for name in ("corpus", "index", "cache")}
    return Settings(**{**paths, **values})


def write_files(folder: Path, files: dict[str, str]) -> None:
    """Write text files by their path under a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def passage(n: int, text: str, **values: Any) -> Passage:
    """Make a passage with a text; all other values have defaults."""
    defaults: dict[str, Any] = {
        "document": "doc.md",
        "title": "Doc",
        "heading": "",
        "page": None,
        "start": 0,
        "end": len(text),
        "score": 0.9,
        "id": f"id{n}",
        "dense": 0.9,
        "bm25": 0.9,
        "dense_rank": n,
        "bm25_rank": n,
    }
    return Passage(n=n, text=text, **{**defaults, **values})


def indexed(id: str, text: str, document: str = "doc.md", **values: Any) -> IndexedChunk:
    """Make a chunk as it lies in the index; all but id, text and document have defaults."""
    defaults: dict[str, Any] = {
        "title": "Doc",
        "heading": "",
        "page": 0,
        "start": 0,
        "end": len(text),
        "number": 0,
        "of": 1,
        "sha256": "0" * 64,
        "embedded_sha256": id,
    }
    return IndexedChunk(id=id, document=document, text=text, **{**defaults, **values})


def vectors(chunks: Sequence[IndexedChunk]) -> NDArray[np.float32]:
    """Embed the texts of chunks."""
    return np.stack([vector(chunk.text) for chunk in chunks])


# --- processes


def start_python(code: str, *args: str) -> subprocess.Popen[str]:
    """Start another Python that can import the product and these fakes."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )


def run_python(code: str, *args: str) -> str:
    """Run another Python to its end, and return its stdout; it must succeed."""
    with start_python(code, *args) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out
