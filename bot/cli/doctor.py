"""Check everything a question needs, each check with the command that mends it.

Nothing is changed or downloaded.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from bot.llm.providers import EMBEDDED, ollama_models
from ingest import weights
from ingest.embedder import Embedder
from ingest.errors import WhybotError
from ingest.settings import Settings

MEMORY = 3 * 10**9  # bytes: the most `whybot ask` took with the default model: 2.9 GB
DISK = 10**8  # bytes left for the index to grow
SQLITE = (3, 35, 0)  # Chroma's least


@dataclass(frozen=True)
class Check:
    """One finding; ok is None for a note that is no failure."""

    what: str
    ok: bool | None
    found: str
    mend: str | None = None


def examine(settings: Settings) -> Iterator[Check]:
    """Run every check, the cheap ones first."""
    yield _memory()
    yield _disk(settings)
    yield Check(
        "sqlite",
        sqlite3.sqlite_version_info >= SQLITE,
        sqlite3.sqlite_version,
        "install a Python with sqlite 3.35 or newer",
    )
    yield from _weights(settings)
    yield _guard("Ollama", _ollama, settings, failure=None)
    yield _guard("chat model", _chat_model, settings)
    yield _guard("index", _index, settings)


def _guard(
    what: str, check: Callable[[Settings], Check], settings: Settings, failure: bool | None = False
) -> Check:
    """Turn what a check raises into a finding."""
    try:
        return check(settings)
    except WhybotError as error:
        return Check(what, failure, error.message, error.mend)


def _memory() -> Check:
    free = psutil.virtual_memory().available
    return Check(
        "memory",
        free >= MEMORY,
        f"{free / 1e9:.1f} GB available, {MEMORY / 1e9:.0f} GB wanted",
        "close other programs, or WHYBOT_MODEL=embedded:small",
    )


def _disk(settings: Settings) -> Check:
    place = settings.index.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    return Check("disk", free >= DISK, f"{free / 1e9:.1f} GB free at {place}", "free some space")


def _weights(settings: Settings) -> Iterator[Check]:
    """Hash what the settings use in full; the rest may be absent."""
    used = {settings.embedder, EMBEDDED.get(settings.model, "")}
    if settings.model == "auto":
        used.add(EMBEDDED["embedded"])
    for row in weights.listing(settings):
        what = f"weights {row.name}"
        fetch = f"whybot models fetch {row.name}"
        if not row.held:
            needed = False if row.name in used else None
            yield Check(what, needed, "not here", fetch)
            continue
        try:
            weights.verify(settings, row.name)
            yield Check(what, True, f"intact in {row.path}")
        except WhybotError as error:
            yield Check(what, row.name not in used and None, error.message, error.mend or fetch)


def _ollama(settings: Settings) -> Check:
    held = ollama_models()
    return Check("Ollama", True, f"answers and holds {', '.join(held) or 'no model'}")


def _chat_model(settings: Settings) -> Check:
    from bot.llm.providers import decide, open_model

    if name := EMBEDDED.get(decide(settings.model)[0]):
        weights.have(settings, name)  # a check must not begin to download
    with open_model(settings) as chosen:
        bad = chosen.notes[0] if chosen.notes else ""
        return Check(
            "chat model",
            None if bad else True,
            f"{chosen.name}, window {chosen.window} tokens ({chosen.why}). {bad}".strip(),
        )


def _index(settings: Settings) -> Check:
    from ingest.index import Index
    from ingest.library import entries
    from ingest.sync import fingerprint

    if settings.embedder in weights.MODELS:
        weights.have(settings, settings.embedder)
    embedder = Embedder.open(settings)
    with Index.read(settings, fingerprint(embedder)) as index:
        chunks = index.chunks()
    if not chunks:
        return Check("index", False, "it holds no documents", "whybot add FILE")
    return Check(
        "index",
        True,
        f"{len(entries(chunks))} documents, {len(chunks)} chunks, made by {embedder.name}",
    )
