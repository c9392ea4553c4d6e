"""Bring the index in line with the files: the ingest step.

    files --read--> new and changed Documents --split--> chunks --embed--> Index

A folder is compared with the index, never appended to it:

- Files that did not change are not even parsed.
- A chunk whose embedded text is already in the index keeps its vector. So an edit re-embeds only
  what it touched, and a moved file nothing.
- What has no file any more is deleted.

Every batch is complete in itself, so the work can be interrupted anywhere and goes on at the next
run. A document's name is its path under the corpus folder; a document ingested from elsewhere goes
by its absolute path. `corpus / name` is its file in both cases.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from ingest import chunks, documents
from ingest.embedder import Embedder
from ingest.errors import DocumentUnreadable, SettingError
from ingest.index import Index, IndexedChunk
from ingest.isolated import Readers
from ingest.readers import ocr
from ingest.settings import Settings

Progress = Callable[[str, int, int], None]  # what is being done, how many of how many
FLUSH = 64  # chunks embedded and written at once
HIDDEN = "it is hidden, for its name or its folder's begins with a dot or ~$: rename it"


@dataclass
class Report:
    """Say what a sync did, by document name."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)  # from, to
    removed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # name, reason
    remarks: list[tuple[str, str]] = field(default_factory=list)  # name, what was left out of it
    chunks: int = 0  # in the index afterwards
    embedded: int = 0  # chunks that needed a new vector
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """Return whether the index is another one than before."""
        return bool(self.added or self.updated or self.moved or self.removed)

    def __str__(self) -> str:
        counts = ", ".join(
            f"{len(getattr(self, what))} {what}"
            for what in ("added", "updated", "moved", "removed", "unchanged")
        )
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return (
            f"{counts}{skipped}: {self.chunks} chunks in the index, "
            f"{self.embedded} embedded now, {self.seconds:.1f} s"
        )


def fingerprint(embedder: Embedder) -> dict[str, Any]:
    """Return what must be equal for two runs to make the same index from the same files."""
    return {
        "embedder": embedder.name,
        "revision": embedder.revision,
        "reader": documents.VERSION,
        "chunker": chunks.VERSION,
        "chunk_tokens": embedder.chunk_tokens,
    }


def sync(
    index: Index,
    embedder: Embedder,
    settings: Settings,
    paths: Sequence[Path] = (),
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Bring the documents under the paths (default: the corpus folder) up to date.

    Raises SettingError when a path does not exist, before anything is changed.
    """
    began = time.monotonic()
    roots = [_root(path) for path in (paths or [settings.corpus])]
    report = Report()
    stored: dict[str, list[IndexedChunk]] = {}
    for chunk in index.chunks():
        stored.setdefault(chunk.document, []).append(chunk)
    known = {chunk.embedded_sha256: chunk.id for rows in stored.values() for chunk in rows}

    # 1) Files that are new or whose bytes changed are read and cut.
    fresh: dict[str, list[tuple[IndexedChunk, str]]] = {}
    unread: set[str] = set()
    files = {name: path for root in roots for name, path in _files(root, settings.corpus)}
    done = 0

    def finished() -> None:
        nonlocal done
        done += 1
        progress("reading", done, len(files))

    def changed() -> Iterator[tuple[str, Path]]:
        """Yield what has to be read; take down the rest."""
        for name, path in sorted(files.items()):
            try:
                name.encode()
                if hidden(name):  # one that was asked for by name
                    report.skipped.append((name, HIDDEN))
                elif (
                    name in stored
                    and _complete(stored[name], _digest(path))
                    and not _waits_for_ocr(stored[name])
                ):
                    report.unchanged.append(name)
                else:
                    yield name, path
                    continue
            except UnicodeEncodeError:
                report.skipped.append((name, "its name is no valid Unicode"))
            except OSError as error:
                report.skipped.append((name, _unopened(error)))
                unread.add(name)  # it is still there: what the index knows of it stays
            finished()

    progress("reading", 0, len(files))
    with Readers() as readers:
        for name, read in readers.read(changed()):
            if isinstance(read, documents.Document):
                fresh[name] = cut(read, embedder)
            elif isinstance(read, DocumentUnreadable):
                report.skipped.append((name, read.message))
            else:
                report.skipped.append((name, _unopened(read)))
                unread.add(name)
            finished()
    report.skipped.sort()

    # 2) What is in the index, under the same paths, and in no file any more, goes.
    kept = {*fresh, *report.unchanged, *unread}
    vanished = {
        name: rows
        for name, rows in stored.items()
        if name not in kept and any(_under(settings.corpus / name, root) for root in roots)
    }
    _classify(report, fresh, stored, vanished)
    report.remarks = [
        (name, rows[0][0].remarks) for name, rows in fresh.items() if rows and rows[0][0].remarks
    ]

    # 3) Chunks are embedded and written, some documents at a time; then their old chunks go.
    total = sum(len(rows) for rows in fresh.values())
    written = 0
    for group in _groups(fresh):
        rows = [row for name in group for row in fresh[name]]

        def count(done: int, before: int = written) -> None:
            progress("embedding", before + done, total)

        report.embedded += _write(index, embedder, rows, known, count)
        ids = {chunk.id for chunk, _ in rows}
        index.delete(
            chunk.id for name in group for chunk in stored.get(name, []) if chunk.id not in ids
        )
        written += len(rows)
        progress("embedding", written, total)
    index.delete(chunk.id for rows in vanished.values() for chunk in rows)

    report.chunks = sum(
        len(fresh[name]) if name in fresh else len(stored[name])
        for name in {*stored, *fresh} - set(vanished)
    )
    report.seconds = time.monotonic() - began
    return report


def _root(path: Path) -> Path:
    if not path.exists():
        raise SettingError(f"There is no file or folder {path}.", f"mkdir -p {path}")
    return path.resolve()


def _files(root: Path, corpus: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of every document file under a root; hidden ones are none."""
    home = corpus.resolve()
    for path in [root] if root.is_file() else visible_files(root):
        yield document_name(path, home), path


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield the files under a folder, sorted, without hidden ones and an editor's own."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not hidden(path.relative_to(folder).as_posix()):
            yield path


def hidden(name: str) -> bool:
    """Tell whether a document of that name is passed over in a folder.

    Of an absolute path the folders do not count: whoever gave it wants what lies there.
    """
    parts = PurePath(name).parts
    if PurePath(name).is_absolute():
        parts = parts[-1:]
    return any(part.startswith((".", "~$")) and part not in ("..", ".") for part in parts)


def document_name(path: Path, home: Path) -> str:
    """Return the name a file's document goes by; both paths must be resolved."""
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else path.as_posix()


def _under(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def _unopened(error: OSError) -> str:
    return f"it cannot be read: {error.strerror}"


def _complete(rows: list[IndexedChunk], digest: str) -> bool:
    """Tell whether all chunks of these bytes are there, and none of older ones."""
    return bool(rows) and len(rows) == rows[0].of and all(row.sha256 == digest for row in rows)


def _waits_for_ocr(rows: list[IndexedChunk]) -> bool:
    """Tell whether pages were left out for want of OCR, which has been installed since."""
    return ocr.COMMAND in rows[0].remarks and ocr.available()


def cut(document: documents.Document, embedder: Embedder) -> list[tuple[IndexedChunk, str]]:
    """Return the document's chunks, each with the text to embed."""
    cut = chunks.split(document, embedder.token_starts(document.text), embedder.chunk_tokens)
    rows = []
    for number, chunk in enumerate(cut):
        text = chunks.embedded_text(document.title, chunk)
        key = f"{document.name}\0{number}\0{chunk.start}\0{chunk.end}\0{document.sha256}"
        indexed = IndexedChunk(
            id=hashlib.sha256(key.encode()).hexdigest(),
            document=document.name,
            title=document.title,
            heading=" > ".join(chunk.heading),
            page=chunk.page or 0,
            start=chunk.start,
            end=chunk.end,
            number=number,
            of=len(cut),
            sha256=document.sha256,
            embedded_sha256=hashlib.sha256(text.encode()).hexdigest(),
            text=chunk.text,
            last_page=chunk.last_page or 0,
            place=chunk.place,
            head=chunk.head,
            date=document.date,
            version=document.version,
            remarks="; ".join(document.remarks),
        )
        rows.append((indexed, text))
    return rows


def _classify(
    report: Report,
    fresh: dict[str, list[tuple[IndexedChunk, str]]],
    stored: dict[str, list[IndexedChunk]],
    vanished: dict[str, list[IndexedChunk]],
) -> None:
    """Sort names into added, updated, moved and removed; a move is same bytes, other name."""
    gone: dict[str, list[str]] = {}  # the names that equal bytes had
    for name, rows in sorted(vanished.items(), reverse=True):
        gone.setdefault(rows[0].sha256, []).append(name)
    for name, chunked in fresh.items():
        if name in stored:
            report.updated.append(name)
        elif origins := gone.get(chunked[0][0].sha256):
            report.moved.append((origins.pop(), name))
        else:
            report.added.append(name)
    moved = {origin for origin, _ in report.moved}
    report.removed = sorted(name for name in vanished if name not in moved)


def _groups(fresh: dict[str, list[tuple[IndexedChunk, str]]]) -> Iterator[list[str]]:
    """Yield names in groups of about FLUSH chunks, so that small documents share a batch."""
    group: list[str] = []
    size = 0
    for name, rows in fresh.items():
        group.append(name)
        size += len(rows)
        if size >= FLUSH:
            yield group
            group, size = [], 0
    if group:
        yield group


def _write(
    index: Index,
    embedder: Embedder,
    rows: Sequence[tuple[IndexedChunk, str]],
    known: dict[str, str],
    progress: Callable[[int], None],
) -> int:
    """Write chunks FLUSH at a time, reusing known vectors; return how many were embedded."""
    import numpy as np

    embedded = 0
    for start in range(0, len(rows), FLUSH):
        part = rows[start : start + FLUSH]
        found = index.vectors(
            list({known[c.embedded_sha256] for c, _ in part if c.embedded_sha256 in known})
        )
        vectors = {
            chunk.embedded_sha256: found[known[chunk.embedded_sha256]]
            for chunk, _ in part
            if known.get(chunk.embedded_sha256) in found
        }
        missing = {c.embedded_sha256: text for c, text in part if c.embedded_sha256 not in vectors}
        if missing:
            vectors.update(zip(missing, embedder.documents(list(missing.values())), strict=True))
        embedded += len(missing)
        index.upsert(
            [chunk for chunk, _ in part],
            np.stack([vectors[chunk.embedded_sha256] for chunk, _ in part]),
        )
        known.update((chunk.embedded_sha256, chunk.id) for chunk, _ in part)
        progress(min(start + FLUSH, len(rows)))
    return embedded
