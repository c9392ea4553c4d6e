"""Add documents to the corpus folder and remove them, keeping the index in step.

The shell and the web page both work through it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from ingest.documents import SUFFIXES
from ingest.embedder import Embedder
from ingest.errors import DocumentUnreadable, IndexMissing, SettingError, WhybotError
from ingest.index import Index, IndexedChunk
from ingest.isolated import Readers, read_document
from ingest.settings import Settings
from ingest.sync import (
    HIDDEN,
    Progress,
    Report,
    document_name,
    fingerprint,
    hidden,
    sync,
    visible_files,
)

REMOVED = "removed"  # folder in the index folder where removed files are kept
SAVED_AS = {  # what a program can save such files as, where that is read; .pdf and .txt always
    ".doc .docm .dot .dotx .fodt .odt .ott .pages .rtf .wpd .wps": ".docx",
    ".fods .numbers .ods .ots .xls .xlsb .xlsm .xlsx": ".xlsx .csv",
    ".fodp .key .odp .otp .pps .ppsx .ppt .pptm .pptx": ".pptx",
    ".azw .azw3 .epub .mobi": ".epub",
    ".eml .mht .msg": ".eml .html",
}
OTHERWISE = {
    ".bmp .gif .heic .jpeg .jpg .png .tif .tiff .webp": "read them with OCR, and save the text",
    ".avi .flac .m4a .mkv .mov .mp3 .mp4 .ogg .wav .webm": "add transcripts of them",
    ".7z .bz2 .gz .rar .tar .tgz .xz .zip": "unpack them",
}


@dataclass(frozen=True)
class Entry:
    """One document of the index."""

    name: str
    title: str
    chunks: int
    pages: int  # the last page a chunk begins on; 0 without pages
    characters: int
    remarks: str = ""  # what the reader left out or guessed


def ingest(
    settings: Settings,
    embedder: Embedder,
    paths: Sequence[Path] = (),
    rebuild: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Bring the index in line with the files; see `sync.sync`."""
    with Index.write(settings, fingerprint(embedder), rebuild) as index:
        return sync(index, embedder, settings, paths, progress)


def place(settings: Settings, name: str, data: bytes, replace: bool = False) -> Path:
    """Write a document into the corpus folder, whole or not at all, once it proved readable.

    Raises DocumentUnreadable, or SettingError when another document has the name.
    """
    target = _target(settings, name)
    read_document(name, data)
    return _written(target, name, data, replace)


def place_all(
    settings: Settings, files: Sequence[tuple[str, Path]], replace: bool = False
) -> Iterator[tuple[str, Path | WhybotError | OSError]]:
    """Write files into the corpus folder as `place` does, some of them read at the same time.

    files: (name in the corpus, file). Yields each name with where the document was written, or
    with what kept it from that.
    """
    with Readers() as readers:
        for (name, path), (_, read) in zip(files, readers.read(files), strict=True):
            try:
                target = _target(settings, name)
                if isinstance(read, Exception):
                    raise read
                placed = _written(target, name, path.read_bytes(), replace)
            except (WhybotError, OSError) as error:
                yield name, error
            else:
                yield name, placed


def _target(settings: Settings, name: str) -> Path:
    """Return where a document of that name lies, if it may."""
    target = settings.corpus / name
    if not target.resolve().is_relative_to(settings.corpus.resolve()):
        raise SettingError(f"{name!r} would lie outside the corpus folder.")
    if hidden(name):
        raise DocumentUnreadable(HIDDEN)
    return target


def _written(target: Path, name: str, data: bytes, replace: bool) -> Path:
    if target.exists() and not replace and target.read_bytes() != data:
        raise SettingError(
            f"The corpus has another document called {name}.", f"whybot add --replace {name}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, data)
    return target


def write_whole(target: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all, in the place of any of its name. Raises OSError."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove(settings: Settings, embedder: Embedder, name: str) -> tuple[int, Path | None]:
    """Remove a document: its chunks from the index, its file from the corpus folder.

    Returns how many chunks went, and where the file is kept now: it is moved, not deleted. A
    document ingested from outside the corpus folder keeps its file (None).
    """
    home = settings.corpus.resolve()
    with Index.write(settings, fingerprint(embedder)) as index:
        known = sorted({chunk.document for chunk in index.chunks()})
        path = settings.corpus / name
        if name not in known and path.exists():
            name = document_name(path.resolve(), home)
        if name not in known:
            raise IndexMissing(f"The index holds no document {name!r}.", "whybot list")
        path = settings.corpus / name
        kept = None
        if path.is_file() and path.resolve().is_relative_to(home):
            kept = _free(settings.index / REMOVED / name)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, kept)
        ids = [chunk.id for chunk in index.chunks(name)]
        index.delete(ids)
    return len(ids), kept


def data_of(settings: Settings, name: str) -> bytes:
    """Return the bytes of the file of a document that the index names; of no other name.

    Raises DocumentUnreadable when it is gone.
    """
    path = settings.corpus / name
    if not path.is_file():
        raise DocumentUnreadable("its file is no longer there")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DocumentUnreadable(f"its file cannot be read: {error.strerror}") from error


def entries(chunks: Sequence[IndexedChunk]) -> list[Entry]:
    """List the documents that chunks come from, by name."""
    by_name: dict[str, list[IndexedChunk]] = {}
    for chunk in chunks:
        by_name.setdefault(chunk.document, []).append(chunk)
    return [
        Entry(
            name,
            rows[0].title,
            len(rows),
            max(chunk.page for chunk in rows),
            sum(len(chunk.text) for chunk in rows),
            rows[0].remarks,
        )
        for name, rows in sorted(by_name.items())
    ]


def candidates(path: Path) -> list[tuple[str, Path]]:
    """Return (name in the corpus, file) for a file, or for every file of a folder."""
    if path.is_file():
        return [(path.name, path)]
    if not path.is_dir():
        raise SettingError(f"There is no file or folder {path}.")
    home = Path(path.resolve().name)
    return [((home / file.relative_to(path)).as_posix(), file) for file in visible_files(path)]


def hints(names: Iterable[str]) -> list[str]:
    """Return a line for each kind among the names that is not read: what to do with it."""
    kinds = {PurePath(name).suffix.lower() for name in names} - {*SUFFIXES, ""}
    return [f"{kind} files are not read: {_remedy(kind)}" for kind in sorted(kinds)]


def _remedy(kind: str) -> str:
    for kinds, remedy in OTHERWISE.items():
        if kind in kinds.split():
            return remedy
    forms = next((forms for kinds, forms in SAVED_AS.items() if kind in kinds.split()), "")
    read = [form for form in f"{forms} .pdf .txt".split() if form in SUFFIXES]
    return f"save them as {', '.join(read[:-1])} or {read[-1]}"


def _free(path: Path) -> Path:
    """Return the path, or the first numbered one beside it that is not taken."""
    number, free = 1, path
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return free
