"""The index: chunks, their metadata and vectors in one Chroma collection.

No other module imports Chroma. What Chroma 1.5 needs, found by running it:

- Two processes that write one folder lose data without an error. So writers hold a file lock from
  open to close.
- A client that stays open does not see in `query` what another process wrote. So writers count up a
  generation in the collection's metadata, and readers reopen when it moved.
- `embedding_function=None` must always be passed, or a default one is stored that downloads a
  model.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ingest.chunks import where
from ingest.errors import IndexBusy, IndexMismatch, IndexMissing, IndexUnreachable, SettingError
from ingest.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection
    from numpy.typing import NDArray

COLLECTION = "whybot"
REBUILD = "whybot ingest --rebuild"
LOCK_SECONDS = 5.0  # a writer waits so long for another one before it gives up

_CONNECTING = threading.Lock()


@dataclass(frozen=True)
class IndexedChunk:
    """One chunk as it lies in the index; offsets are characters of the document's text."""

    id: str
    document: str
    title: str
    heading: str  # "Fine-Tuning > Cons", or "" before the first heading
    page: int  # 1-based; 0 where the format has no pages
    start: int
    end: int
    number: int  # 0-based, within the document
    of: int  # chunks of the document
    sha256: str  # of the file's bytes
    embedded_sha256: str  # of the text that was embedded
    text: str
    last_page: int = 0  # that it ends on
    place: str = ""  # "slide 3": the part of the file that it begins in
    head: str = ""  # of the table that it begins in the middle of
    date: str = ""  # of the document, as the file states it
    version: str = ""
    remarks: str = ""  # what the reader left out of the document, or guessed

    @property
    def shown(self) -> str:
        """Return the text under the table head that it lacks."""
        return f"{self.head}\n{self.text}" if self.head else self.text

    @property
    def where(self) -> str:
        """Return the pages or the part of the file that it stands on, for people."""
        return where(self.page, self.last_page, self.place)

    @property
    def metadata(self) -> dict[str, str | int]:
        """Return what goes into Chroma's metadata: every field but the id and the text."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("id", "text")
        }


@contextmanager
def _reaching() -> Iterator[None]:
    """Say in one line that the Chroma server was lost."""
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        url = error.request.url
        raise IndexUnreachable(
            f"The Chroma server at {url.scheme}://{url.netloc.decode()} was lost ({error})."
        ) from error


class Index:
    """An open index; a context manager. `Index.read` and `Index.write` open it."""

    def __init__(self, client: Client, collection: Collection, settings: Settings) -> None:
        self._client, self._collection, self._settings = client, collection, settings
        self._seen = _generation(collection)

    # --- lifetime

    @classmethod
    def read(cls, settings: Settings, fingerprint: Mapping[str, Any]) -> Index:
        """Open for reading. Raises IndexMissing, IndexMismatch or IndexUnreachable."""
        if not settings.chroma and not (settings.index / "chroma.sqlite3").is_file():
            raise IndexMissing(f"There is no index in {settings.index} yet.", "whybot ingest")
        client = _connect(settings)
        collection = _existing(client)
        if collection is None:
            client.close()
            raise IndexMissing("There is no index yet.", "whybot ingest")
        try:
            _check(collection, fingerprint)
        except IndexMismatch:
            client.close()
            raise
        return cls(client, collection, settings)

    @classmethod
    @contextmanager
    def write(
        cls, settings: Settings, fingerprint: Mapping[str, Any], rebuild: bool = False
    ) -> Iterator[Index]:
        """Open for writing, alone; `rebuild` drops what another embedder or chunker made."""
        from filelock import FileLock, Timeout

        try:
            settings.index.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IndexUnreachable(f"{settings.index} cannot be made: {error}.") from error
        lock = FileLock(settings.index / "lock")
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise IndexBusy(
                f"Another whybot process is writing the index {settings.index}; wait for it to end."
            ) from None
        try:
            client = _connect(settings)
            with cls(client, _prepared(client, fingerprint, rebuild), settings) as index:
                yield index
        finally:
            lock.release()

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    # --- reading

    @_reaching()
    def refresh(self) -> bool:
        """See what other processes wrote; return whether anything changed since last time."""
        current = _existing(self._client)
        if current is None:
            raise IndexMissing("The index was removed.", "whybot ingest")
        if _generation(current) == self._seen and current.id == self._collection.id:
            return False
        fingerprint = self._collection.metadata["fingerprint"]
        self._client.close()
        self._client = _connect(self._settings)
        collection = _existing(self._client)
        assert collection is not None
        if collection.metadata["fingerprint"] != fingerprint:
            raise IndexMismatch("The index was rebuilt with other settings; start again.")
        self._collection, self._seen = collection, _generation(collection)
        return True

    @_reaching()
    def chunks(self, document: str | None = None) -> list[IndexedChunk]:
        """Return all chunks (of one document) in the order of documents and text."""
        where: Any = {"document": document} if document is not None else None
        ids = self._collection.get(where=where, include=[])["ids"]
        found = self._rows(ids, "metadatas", "documents")
        chunks = (IndexedChunk(id=id, text=text, **meta) for id, meta, text in found)
        return sorted(chunks, key=lambda chunk: (chunk.document, chunk.number))

    @_reaching()
    def nearest(
        self, vector: NDArray[np.float32], count: int, documents: Sequence[str] | None = None
    ) -> dict[str, float]:
        """Return the ids of the nearest chunks and their cosine similarity, best first.

        documents: look in these alone; None: in all.
        """
        within: Any = None if documents is None else {"document": {"$in": list(documents)}}
        found = self._collection.query(
            query_embeddings=[vector.tolist()],
            n_results=min(count, self._collection.count()),
            where=within,
            include=["distances"],
        )
        distances = (found["distances"] or [[]])[0]
        return {id: 1.0 - distance for id, distance in zip(found["ids"][0], distances, strict=True)}

    @_reaching()
    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the vectors of some chunks; unknown ids are left out."""
        import numpy as np

        found = self._rows(ids, "embeddings")
        return {id: np.asarray(row, dtype=np.float32) for id, row in found}

    def _rows(self, ids: Sequence[str], *include: Any) -> Iterator[tuple[Any, ...]]:
        """Get chunks a batch at a time: 40,000 at once are too many for Chroma's SQLite."""
        for start, stop in self._batches(len(ids)):
            found: Any = self._collection.get(list(ids[start:stop]), include=list(include))
            yield from zip(found["ids"], *(found[name] for name in include), strict=True)

    # --- writing

    @_reaching()
    def upsert(self, chunks: Sequence[IndexedChunk], vectors: NDArray[np.float32]) -> None:
        """Write chunks with their vectors, replacing those of the same id."""
        for start, stop in self._batches(len(chunks)):
            part = chunks[start:stop]
            self._collection.upsert(
                ids=[chunk.id for chunk in part],
                embeddings=vectors[start:stop],
                metadatas=[chunk.metadata for chunk in part],
                documents=[chunk.text for chunk in part],
            )
            self._changed()

    @_reaching()
    def delete(self, ids: Iterable[str]) -> None:
        """Delete chunks."""
        doomed = list(ids)
        for start, stop in self._batches(len(doomed)):
            self._collection.delete(ids=doomed[start:stop])
            self._changed()

    def _changed(self) -> None:
        """Tell readers in other processes, after every batch: a killed writer tells nobody."""
        self._seen += 1
        self._collection.modify(metadata={**self._collection.metadata, "generation": self._seen})

    def _batches(self, count: int) -> Iterator[tuple[int, int]]:
        size = self._client.get_max_batch_size()
        for start in range(0, count, size):
            yield start, min(start + size, count)


def _connect(settings: Settings) -> Client:
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    quiet = ChromaSettings(anonymized_telemetry=False)
    if not settings.chroma:
        try:
            with _CONNECTING:
                path = _own_spelling(settings.index)
                return cast("Client", chromadb.PersistentClient(path, settings=quiet))
        except (chromadb.errors.ChromaError, OSError) as error:
            raise IndexUnreachable(
                f"{settings.index} cannot be opened as a Chroma folder ({error}).",
                f"mv {settings.index} {settings.index}.broken && whybot ingest",
            ) from error
    url = urlsplit(settings.chroma)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise SettingError(f"WHYBOT_CHROMA is {settings.chroma!r}; write http://host:port.")
    try:
        secure = url.scheme == "https"
        return cast(
            "Client",
            chromadb.HttpClient(url.hostname, url.port or 8000, ssl=secure, settings=quiet),
        )
    except ValueError as error:
        raise IndexUnreachable(
            f"No Chroma server answers at {settings.chroma}.",
            f"chroma run --host {url.hostname} --port {url.port or 8000} --path {Path('chroma')}",
        ) from error


def _own_spelling(folder: Path) -> str:
    """Spell a folder as no open client of this process does.

    Clients of one spelling share one state, which goes stale as soon as another process writes: a
    writer that got a reader's state would lose vectors, and a reader could not reopen.
    """
    from chromadb.api.shared_system_client import SharedSystemClient

    path = str(folder)
    while path in SharedSystemClient._identifier_to_system:
        path += "/."
    return path


def _existing(client: Client) -> Collection | None:
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(COLLECTION, embedding_function=None)
    except NotFoundError:
        return None


def _prepared(client: Client, fingerprint: Mapping[str, Any], rebuild: bool) -> Collection:
    collection = _existing(client)
    generation = _generation(collection) if collection else 0
    if collection and rebuild:
        client.delete_collection(COLLECTION)
        collection = None
    if collection:
        _check(collection, fingerprint)
        return collection
    return client.create_collection(
        COLLECTION,
        embedding_function=None,
        configuration={"hnsw": {"space": "cosine"}},
        metadata={
            "fingerprint": json.dumps(dict(fingerprint), sort_keys=True),
            "generation": generation + 1,
        },
    )


def _check(collection: Collection, fingerprint: Mapping[str, Any]) -> None:
    stored = json.loads(collection.metadata["fingerprint"])
    changed = [
        f"{key} {stored.get(key)!r} there, {value!r} here"
        for key, value in fingerprint.items()
        if stored.get(key) != value
    ]
    if changed:
        raise IndexMismatch(
            f"The index was made with other settings ({'; '.join(changed)}).", REBUILD
        )


def _generation(collection: Collection) -> int:
    return int(collection.metadata["generation"])
