"""Read and draw documents in other processes, where no file can hurt another, or this process.

Whatever a reader does there becomes the reason why one file is skipped: it crashes, never ends,
takes all memory, prints, raises. A few processes read at the same time and are kept for many
documents; one that misbehaved is ended and replaced. They are started as programs, not forked:
this process has threads and large libraries. `child` is the other side.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ingest import documents
from ingest.child import HEAD, Answer, send
from ingest.documents import Document
from ingest.errors import DocumentUnreadable, ReadersUnavailable
from ingest.pages import Picture, Span, page_span
from ingest.readers import ocr

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MOST = 4  # processes: more wait for the disk, and for each other's memory
AHEAD = 4  # documents a process that are read or waited for before their turn comes
TICK = 0.05  # seconds between two looks at a process
START_SECONDS = 60.0  # a tenth of a second is usual; a cold disk takes longer
IDLE_SHARE = 4  # a process that keeps more than a quarter of its memory is not used again
WIDEST = 6  # bytes of JSON a character, at most
SIGXCPU = 24  # how a process ends that the system stopped for its time

Job = tuple[str, "Path | bytes"]  # a document's name, and its file or its bytes
Read = Document | DocumentUnreadable | OSError  # OSError: the file could not be opened

# The child finds modules where this process does, and never in the folder it is started in.
_START = (
    "import sys; sys.path[:] = sys.argv[3:]; from ingest.child import serve; "
    "serve(sys.argv[1], int(sys.argv[2]))"
)


@dataclass(frozen=True)
class Limits:
    """Say how much one document may take."""

    # Seconds of work: a short file that takes longer never ends. Slow readers do a page in 0.05 s,
    # and a megabyte has 300 pages.
    seconds: float = 6.0
    seconds_a_megabyte: float = 20.0
    seconds_at_most: float = 300.0
    # OCR takes 2 to 4 s a page, and scans are 10 KB a page or more. Nobody knows before whether a
    # PDF is a scan: where OCR is installed, every one may take so long.
    seconds_a_scanned_megabyte: float = 400.0
    seconds_of_scans_at_most: float = 3600.0
    waits: float = 4.0  # times as long on the clock, for other programs work too
    memory: int = 10**9  # bytes of the process
    size: int = 200 * 10**6  # bytes of the file
    text: int = 50 * 10**6  # characters: 25,000 pages
    spread: int = 100  # characters a byte of the file; more than a million have only bombs

    def time(self, size: int, scan: bool = False) -> float:
        """Return the seconds of work that a file of so many bytes may take.

        scan: it may have to be read by OCR.
        """
        slope = self.seconds_a_scanned_megabyte if scan else self.seconds_a_megabyte
        most = self.seconds_of_scans_at_most if scan else self.seconds_at_most
        return min(self.seconds + slope * size / 1e6, max(self.seconds, most))

    def longest(self, size: int) -> int:
        """Return the characters that the text of a file of so many bytes may have."""
        return min(self.text, 1_000_000 + self.spread * size)


class Readers:
    """Read documents in processes that are started when they are needed. A context manager.

    count: processes at most. module: where `read_document` is.
    """

    def __init__(
        self, count: int = 0, module: str = "ingest.documents", limits: Limits | None = None
    ) -> None:
        self.count = count or min(_cores(), MOST)
        self.limits = limits or Limits()
        self._module = module
        self._threads = ThreadPoolExecutor(self.count, "readers")
        self._lock = threading.Lock()
        self._children: set[_Child] = set()
        self._idle: list[_Child] = []
        self._closed = False

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes, at once."""
        with self._lock:
            self._closed = True
            for child in self._children:
                child.kill()
        self._threads.shutdown(cancel_futures=True)
        for child in self._children:
            child.close()

    def read(self, jobs: Iterable[Job]) -> Iterator[tuple[str, Read]]:
        """Read documents; yield each with its name, in the order of the jobs.

        Jobs are taken from their iterator a few ahead of what is yielded. Raises
        ReadersUnavailable when no process can be started.
        """
        waiting: deque[tuple[str, Future[Read]]] = deque()
        for name, source in jobs:
            waiting.append((name, self._threads.submit(self._one, name, source)))
            while waiting and (waiting[0][1].done() or len(waiting) >= AHEAD * self.count):
                yield _came(*waiting.popleft())
        while waiting:
            yield _came(*waiting.popleft())

    def picture(self, data: bytes, document: Document, page: int, spans: Sequence[Span]) -> Picture:
        """Draw one page of a PDF as `pages.picture` does. Raises DocumentUnreadable."""
        start, end = page_span(document, page)
        shifted = [(low - start, high - start) for low, high in spans]
        drawing = {"text": document.text[start:end], "page": page, "spans": shifted}
        answer = self._ask({"name": document.name, "drawing": drawing}, data, len(data))
        if answer.picture:
            return answer.picture
        raise _refusal(answer)

    def _one(self, name: str, source: Path | bytes) -> Read:
        try:
            if PurePath(name).suffix.lower() not in documents.SUFFIXES:
                documents.read_document(name, b"")  # it raises before it looks at the bytes
            size = len(source) if isinstance(source, bytes) else source.stat().st_size
        except (DocumentUnreadable, OSError) as error:
            return error
        if size > self.limits.size:
            return DocumentUnreadable(f"it is larger than {_amount(self.limits.size)}: split it")
        answer = self._ask({"name": name, "drawing": None}, source, size)
        if answer.document:
            return replace(answer.document, name=name)
        if answer.unopened:
            return OSError(0, answer.unopened)
        return _refusal(answer)

    def _ask(self, request: dict[str, Any], source: Path | bytes, size: int) -> Answer:
        child = self._take()
        request = {**request, "longest": self.limits.longest(size)}
        scan = PurePath(request["name"]).suffix.lower() == ".pdf" and ocr.available()
        answer = child.ask(request, source, self.limits.time(size, scan))
        if answer.fault or not child.slim():
            with self._lock:
                self._children.discard(child)
            child.close()
        else:
            with self._lock:
                self._idle.append(child)
        return answer

    def _take(self) -> _Child:
        with self._lock:
            if self._closed:
                raise ReadersUnavailable("The readers are closed.")
            while self._idle:
                if (child := self._idle.pop()).process.poll() is None:
                    return child
            child = _Child(self._module, self.limits)
            self._children.add(child)
            return child


def read_document(name: str, data: bytes) -> Document:
    """Read one document in a process of its own.

    Raises DocumentUnreadable with the reason.
    """
    with Readers(1) as readers:
        for _, result in readers.read([(name, data)]):
            if isinstance(result, Document):
                return result
            raise result
    raise AssertionError("each job has a result")


class _Child:
    """One process that reads, and what watches it."""

    def __init__(self, module: str, limits: Limits) -> None:
        self.limits = limits
        command = [sys.executable, "-c", _START, module, str(limits.memory)]
        try:
            self.process = subprocess.Popen(
                [*command, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # the reason is told in a line, not in a traceback
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise ReadersUnavailable(f"No process can be started to read: {error}.") from error
        self._requests = cast("BinaryIO", self.process.stdin)
        self._answers = cast("BinaryIO", self.process.stdout)
        self._pid = 0  # of Python itself, which Windows starts through another program
        self._why = ""  # it was ended
        self._peak = 0  # bytes it was seen to take

    def ask(self, request: dict[str, Any], source: Path | bytes, seconds: float) -> Answer:
        """Have a request about a document answered.

        An answer with a fault means that the child is of no more use.
        """
        if not self._pid:
            self._greet()
        data, path = (source, "") if isinstance(source, bytes) else (b"", str(source.absolute()))
        request = {**request, "path": path, "bytes": len(data), "seconds": seconds}
        self._peak = 0
        with self._watched(seconds):
            try:
                send(self._requests, json.dumps(request).encode(), data)
                message = self._message()
            except OSError:  # a process that ended does not listen
                message = b""
        return self._answer(message) if message else Answer(fault=self._end(seconds))

    def slim(self) -> bool:
        """Tell whether the process has given back what it took."""
        return self._memory() * IDLE_SHARE < self.limits.memory

    def kill(self) -> None:
        """End the process; what it holds is closed by `close`."""
        self.process.kill()

    def close(self) -> None:
        """End the process and wait for it."""
        self.process.kill()
        self.process.wait()
        for stream in (self._requests, self._answers):
            with contextlib.suppress(OSError):  # what was not sent cannot be any more
                stream.close()

    def _greet(self) -> None:
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.daemon = True
        timer.start()
        hello = self._message()
        timer.cancel()
        timer.join()
        if not hello:
            code = self.process.wait()
            raise ReadersUnavailable(
                f"The process that reads documents does not start (exit code {code})."
            )
        self._pid = int(json.loads(hello))

    def _message(self) -> bytes:
        """Return a message; nothing when the process ended before it was whole."""
        length = int.from_bytes(self._answers.read(HEAD), "big")
        if length > WIDEST * self.limits.text:
            self._why = "its text is too long: split it"
            self.process.kill()
            return b""
        message = self._answers.read(length)
        return message if len(message) == length else b""

    def _answer(self, message: bytes) -> Answer:
        """Take nothing on trust: what read a hostile file may be in its hands."""
        from pydantic import ValidationError

        try:
            answer = _adapter().validate_json(message, strict=True)
            if picture := answer.picture:
                answer = Answer(picture=replace(picture, png=base64.b64decode(picture.png)))
        except (ValidationError, binascii.Error):
            return Answer(fault="a fault in the reader (its answer makes no sense)")
        if answer.fault == "memory":
            return Answer(fault=self._too_much())
        if answer.document and not _sound(answer.document):
            return Answer(fault="a fault in the reader (its places lie outside the text)")
        return answer if answer != Answer() else Answer(fault="a fault in the reader (no answer)")

    def _end(self, seconds: float) -> str:
        """Return why the process ended without an answer."""
        try:
            code = self.process.wait(1)
        except subprocess.TimeoutExpired:  # it only stopped talking
            self.process.kill()
            code = self.process.wait()
        if self._why:
            return self._why
        if code == -SIGXCPU:
            return _too_long(seconds)
        # Libraries crash when they get no more, and what they ask for is often twice as much.
        if self._peak > 0.5 * self.limits.memory:
            return self._too_much()
        if code < 0:
            return f"the reader crashed (signal {-code})"
        return f"the reader ended (exit code {code})"

    @contextlib.contextmanager
    def _watched(self, seconds: float) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(over, seconds), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _watch(self, over: threading.Event, seconds: float) -> None:
        """End the process once it takes too much time or memory."""
        end = time.monotonic() + self.limits.waits * seconds
        worked = self._work()
        while not over.wait(TICK):
            self._peak = max(self._peak, memory := self._memory())
            if memory > self.limits.memory:
                self._why = self._too_much()
            elif self._work() - worked > seconds or time.monotonic() > end:
                self._why = _too_long(seconds)
            if self._why:
                self.process.kill()
                return

    def _memory(self) -> int:
        import psutil

        try:
            return int(psutil.Process(self._pid).memory_info().rss)
        except psutil.Error:  # it ended
            return 0

    def _work(self) -> float:
        import psutil

        try:
            times = psutil.Process(self._pid).cpu_times()
        except psutil.Error:
            return 0
        return float(times.user + times.system)

    def _too_much(self) -> str:
        return f"it needs more than {_amount(self.limits.memory)} to read"


@lru_cache
def _adapter() -> TypeAdapter[Answer]:
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)


def _too_long(seconds: float) -> str:
    return f"it took longer than {max(seconds, 1):.0f} s to read"


def _refusal(answer: Answer) -> DocumentUnreadable:
    return DocumentUnreadable(_plain(answer.refused or answer.fault))


def _came(name: str, future: Future[Read]) -> tuple[str, Read]:
    while not future.done():  # Windows sees Ctrl-C only between two waits
        wait([future], timeout=0.5)
    return name, future.result()


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sound(document: Document) -> bool:
    """Tell whether everything that is said of a text lies in it."""
    end = len(document.text)
    starts = (*document.pages, *(place.start for place in document.places))
    return all(0 <= start <= end for start in starts) and all(
        0 <= heading.start <= heading.end <= end for heading in document.headings
    )


def _plain(reason: str) -> str:
    """Return a reason as one line of signs that a terminal shows."""
    line = " ".join(reason.split())
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)[:500]


def _amount(count: int) -> str:
    return f"{count / 1e9:g} GB" if count >= 1e9 else f"{count / 1e6:g} MB"
