"""The page's conversations on disk: one JSON file each, as they were when they were answered.

Passages, trace and receipt are in the file, so that a conversation outlives its documents. Files
are named by ids that are made here. No text from outside ever becomes part of a path.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bot.records.turn import Exchange
from bot.trace import CODE_NAMES, plain, renamed
from ingest.errors import WhybotError
from ingest.library import write_whole
from ingest.settings import Settings

FORMAT = 1  # of the file; counts up when an older whybot could not read it any more
FOLDER = "conversations"  # in the index folder
DELETED = "deleted"  # in the folder of conversations: what was deleted is moved there
OFF = "off"  # as the setting: nothing is kept
ID = re.compile(r"[0-9a-f]{32}")
TITLE = 80  # characters of a question that make a title
TITLE_MOST = 200  # characters of a title that a person gave
PATIENCE = 10.0  # seconds to wait for another process that is writing


class NotKept(WhybotError):
    """A conversation cannot be read or written."""


@dataclass(frozen=True)
class Place:
    """Where a conversation is kept, as the tab that shows it knows."""

    id: str = ""  # empty: nowhere yet
    count: int = 0  # of the exchanges that are kept there


@dataclass(frozen=True)
class Entry:
    """A conversation in the list of them."""

    id: str
    title: str
    changed: str  # ISO 8601, UTC: when its last exchange ended
    count: int  # of its exchanges


@dataclass(frozen=True)
class Kept:
    """A conversation as it lies in its file."""

    format: int
    whybot: str  # the version that wrote it last
    title: str
    began: str  # ISO 8601, UTC
    changed: str
    exchanges: list[Exchange]

    def to_json(self) -> dict[str, Any]:
        """Return the conversation as plain data."""
        return plain(self)


def folder(settings: Settings) -> Path | None:
    """Say where conversations are kept; None: nowhere."""
    if settings.history == OFF:
        return None
    return Path(settings.history).expanduser() if settings.history else settings.index / FOLDER


# --- reading


def entries(home: Path) -> tuple[list[Entry], list[str]]:
    """List the conversations, the last changed first, and say of each other file what is wrong."""
    found: list[Entry] = []
    damaged: list[str] = []
    for path in sorted(home.glob("*.json")):
        try:
            found.append(_entry(path))
        except NotKept as error:
            damaged.append(error.message)
    found.sort(key=lambda entry: entry.changed, reverse=True)
    return found, damaged


def read(home: Path, id: str) -> Kept:
    """Read a conversation. Raises NotKept."""
    from pydantic import TypeAdapter, ValidationError

    path = _path(home, id)
    data = _data(path)
    try:
        kept = TypeAdapter(Kept).validate_python(renamed(data, CODE_NAMES))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise NotKept(f"{path.name} is damaged: {first['msg']} ({where!r}).") from error
    if not (_is_date(kept.began) and _is_date(kept.changed)):
        raise NotKept(f"{path.name} is damaged: it does not say when it was.")
    for exchange in kept.exchanges:
        if exchange.outcome == "running":
            raise NotKept(f"{path.name} is damaged: a question in it never ended.")
        if exchange.answer and "total" not in exchange.answer.timings_ms:
            raise NotKept(f"{path.name} is damaged: an answer does not say how long it took.")
    return kept


def current(home: Path, place: Place) -> Place:
    """Return the place, or none if the conversation was deleted from it."""
    return place if place.id and _path(home, place.id).is_file() else Place()


# --- writing


def save(home: Path, place: Place, exchanges: Sequence[Exchange]) -> Place:
    """Write a conversation, whole or not at all; return where it is now. Raises NotKept.

    place: where this tab left it. If another tab went on with it since, it becomes another
    conversation, so that neither tab loses anything; if it was deleted, it stays deleted.
    """
    done = [exchange for exchange in exchanges if exchange.outcome != "running"]
    if len(done) == place.count:
        return place
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    kept = Kept(FORMAT, version("whybot"), title(done[0].question, TITLE), now, now, done)
    id = place.id
    with _writing(home):
        if id:
            path = _path(home, id)
            if not path.is_file():
                return place
            try:
                before, data = _entry(path), _data(path)
            except NotKept:  # damaged since; it is left as it is
                id = ""
            else:
                kept = replace(kept, title=before.title, began=str(data.get("began", now)))
                id = id if before.count == place.count else ""
        id = id or uuid.uuid4().hex
        _write(_path(home, id), kept.to_json())
    return Place(id, len(done))


def rename(home: Path, id: str, name: str) -> str:
    """Give a conversation another title, and return it as it is kept. Raises NotKept."""
    name = title(name, TITLE_MOST)
    if not name:
        raise NotKept("A title needs at least one character.")
    path = _path(home, id)
    with _writing(home):
        _write(path, {**_data(path), "title": name})
    return name


def delete(home: Path, id: str) -> Path:
    """Move a conversation out of the list, and return where it lies now. Raises NotKept."""
    with _writing(home):
        (home / DELETED).mkdir(mode=0o700, exist_ok=True)
        return _moved(_path(home, id), home / DELETED)


def restore(home: Path, id: str) -> Path:
    """Move a deleted conversation back. Raises NotKept."""
    with _writing(home):
        return _moved(_path(home / DELETED, id), home)


def title(text: str, most: int) -> str:
    """Write a text in one line that is not too long and has no control characters."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


# --- files


def _path(home: Path, id: str) -> Path:
    """Return a conversation's file. Raises NotKept: ids come from the browser."""
    if not ID.fullmatch(id):
        raise NotKept("There is no such conversation.")
    return home / f"{id}.json"


def _entry(path: Path) -> Entry:
    if not ID.fullmatch(path.stem):
        raise NotKept(f"{path.name} is no conversation: whybot gives no such name.")
    try:
        stat = path.stat()
    except OSError as error:
        raise NotKept(f"{path.name} cannot be read: {error.strerror}.") from error
    return _entry_of(path, (stat.st_ino, stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=4096)
def _entry_of(path: Path, as_of: tuple[int, ...]) -> Entry:
    """Read what the list shows of a file; once, as long as the file is the same."""
    data = _data(path)
    name, changed, exchanges = (data.get(key) for key in ("title", "changed", "exchanges"))
    if not (isinstance(name, str) and isinstance(exchanges, list) and _is_date(changed)):
        raise NotKept(f"{path.name} is damaged: it has no title, date or exchanges.")
    return Entry(path.stem, name, str(changed), len(exchanges))


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _data(path: Path) -> dict[str, Any]:
    """Read a file's JSON. Raises NotKept, also for a file of a newer whybot."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotKept("There is no such conversation.") from error
    except OSError as error:
        raise NotKept(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise NotKept(f"{path.name} is damaged: it holds no JSON.") from error
    form = data.get("format") if isinstance(data, dict) else None
    if not isinstance(form, int):
        raise NotKept(f"{path.name} is damaged: it holds no conversation.")
    if form > FORMAT:
        raise NotKept(f"{path.name} is of form {form}, of a newer whybot: this one reads {FORMAT}.")
    return dict(data)


@contextmanager
def _writing(home: Path) -> Iterator[None]:
    """Hold the folder for writing. Raises NotKept for whatever the disk says against it."""
    from filelock import FileLock

    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(home / "lock", timeout=PATIENCE):
            yield
    except OSError as error:
        raise NotKept(
            f"The conversation cannot be saved in {home}: {error.strerror or error}."
        ) from error


def _write(path: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data, ensure_ascii=False)
    write_whole(path, text.encode("utf-8", "replace"), mode=0o600)


def _moved(path: Path, folder: Path) -> Path:
    try:
        return path.replace(folder / path.name)
    except FileNotFoundError as error:
        raise NotKept("There is no such conversation.") from error
