"""The bot behind the page: opened in the background, lent to one question at a time.

It tells how far the opening is, so that the page is there before the model is.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from enum import Enum

from bot import session
from bot.about import search as about
from bot.session import Bot
from ingest import library, weights
from ingest.documents import Document
from ingest.embedder import Embedder
from ingest.errors import IndexBusy, IndexMissing, WhybotError
from ingest.index import Index, IndexedChunk
from ingest.settings import Settings
from ingest.sync import Report, fingerprint

BUSY = "waiting for another question to finish"
BROKEN = "An internal error; the terminal that runs whybot shows its traceback."

OpenBot = Callable[
    [Settings, weights.Progress, Callable[[str], None], Embedder], AbstractContextManager[Bot]
]
OpenEmbedder = Callable[[Settings, weights.Progress], Embedder]


PAUSE = 2.0  # seconds until an index that another process writes is tried again
NEWS_SECONDS = 15.0  # that the page shows what changed in the corpus folder
NAMED = 3  # documents that are named in it


class State(Enum):
    """How far the room is."""

    OPENING = "opening"
    READY = "ready"
    FAILED = "failed"
    CLOSED = "closed"


class Closed(WhybotError):
    """The page is being closed."""


class Room:
    """Hold the bot of one page; `open` starts a thread that owns it until `close`."""

    def __init__(
        self,
        settings: Settings,
        open_bot: OpenBot = session.open_bot,
        open_embedder: OpenEmbedder = Embedder.open,
    ) -> None:
        self.settings = settings
        self.state = State.OPENING
        self.doing = "starting"  # what the page waits for while it opens
        self.error: WhybotError | None = None
        self.skipped: dict[str, str] = {}  # document name to reason
        self.changes = 0  # counts up when the documents of the index may be others
        self.news = (
            ""  # what changed in the corpus folder while the page was open, or is being read
        )
        self._told = 0.0  # when that was said
        self._open_bot, self._open_embedder = open_bot, open_embedder
        self._draw: weights.Progress = lambda what, done, total: None  # in the terminal
        self._bot: Bot | None = None
        self._embedder: Embedder | None = None
        self._turn = threading.Lock()  # held while a question is answered
        self._writing = threading.Lock()  # held while the index is written
        self._listing = threading.Lock()  # held while it is open to list what it holds
        self._leave = threading.Event()
        self._thread: threading.Thread | None = None

    # --- lifetime

    def open(self) -> None:
        """Open everything in the background; again after a failure."""
        if self._thread and self._thread.is_alive():
            return
        self.state, self.error, self.doing = State.OPENING, None, "starting"
        self._thread = threading.Thread(target=self._live, name="whybot-room", daemon=True)
        self._thread.start()

    def close(self, seconds: float = 10.0) -> None:
        """Stop the question at work, then close engine and index; waits so long at most."""
        self._leave.set()
        if self._thread:
            self._thread.join(seconds)

    @property
    def closing(self) -> bool:
        """Tell whether the page is being closed: whoever holds the bot gives it back."""
        return self._leave.is_set()

    def _live(self) -> None:
        drawing = ExitStack()
        self._draw = drawing.enter_context(weights.progress_bar())
        try:
            with self._writing:
                embedder = self._ingest()
            with self._open_bot(self.settings, self._fetching, self._say, embedder) as bot:
                drawing.close()
                self._bot, self.state = bot, State.READY
                print(f"Ready: {bot.chosen.name} answers ({bot.chosen.why}).", file=sys.stderr)
                self._keep_in_step()
                with self._turn:  # the question at work stops first
                    self._bot, self.state = None, State.CLOSED
        except Closed:
            self.state = State.CLOSED
        except WhybotError as error:
            print(error, file=sys.stderr)
            self.error, self.state = error, State.FAILED
        except Exception:  # noqa: BLE001 - a thread's end: without this the page would wait forever
            traceback.print_exc()
            self.error, self.state = WhybotError(BROKEN), State.FAILED
        finally:
            drawing.close()

    def _ingest(self) -> Embedder:
        settings = self.settings
        if settings.corpus == Settings().corpus:
            settings.corpus.mkdir(parents=True, exist_ok=True)
        embedder = self._embedder = self._open_embedder(settings, self._fetching)
        self._say("reading the documents")
        report = library.ingest(settings, embedder, progress=self._ingesting)
        print(report, file=sys.stderr)
        self.skipped = dict(report.skipped)
        self.changes += 1
        return embedder

    def _keep_in_step(self) -> None:
        """Ingest what changes in the corpus folder, until the page is closed."""
        from watchfiles import watch

        if not self.settings.corpus.is_dir():
            self._leave.wait()
            return
        for _ in watch(self.settings.corpus, stop_event=self._leave, raise_interrupt=False):
            while not self.closing:
                try:
                    self._take_in()
                except IndexBusy:  # `whybot add` in a shell put the file there, and takes it in
                    self._leave.wait(PAUSE)
                    continue
                except Closed:
                    return
                except WhybotError as error:
                    print(error, file=sys.stderr)
                    self._tell(str(error))
                break

    def _take_in(self) -> None:
        def progress(what: str, done: int, total: int) -> None:
            self._ingesting(what, done, total)
            self.news = f"The folder of documents changed: {self.doing}"

        with self.writing() as embedder:
            before = dict(self.skipped)
            report = library.ingest(self.settings, embedder, progress=progress)
            self.note(report)
        self.news = ""
        if report.changed or self.skipped != before:
            print(report, file=sys.stderr)
            self._tell(f"The folder of documents changed: {told(report)}.")

    def _tell(self, news: str) -> None:
        self.news, self._told = news, time.monotonic()

    @property
    def fresh_news(self) -> str:
        """Return what changed in the corpus folder a short while ago, or is being read now."""
        old = self._told and time.monotonic() - self._told > NEWS_SECONDS
        if old:
            self.news, self._told = "", 0.0
        return self.news

    def _fetching(self, what: str, done: int, total: int) -> None:
        self._draw(what, done, total)
        share = f", {done / total:.0%} of {total / 1e6:.0f} MB" if total else ""
        verb = "" if what.startswith("checking") else "fetching "
        self._now(f"{verb}{what}{share}")

    def _ingesting(self, what: str, done: int, total: int) -> None:
        noun = "documents" if what == "reading" else "chunks"
        self._now(f"{what} {done} of {total} {noun}")

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr)
        self._now(line.rstrip(" ."))

    def _now(self, doing: str) -> None:
        if self.closing:
            raise Closed("The page was closed.")
        self.doing = doing

    # --- questions

    def borrow(self, seconds: float) -> Bot | None:
        """Lend the bot for one question, or None when it is not free within some seconds.

        Whoever got it gives it back. Raises the WhybotError that kept it from opening.
        """
        if self.error:
            raise self.error
        if self.closing:
            raise Closed("The page was closed.")
        if self._bot is None:
            self._leave.wait(seconds)
            return None
        if not self._turn.acquire(timeout=seconds):
            return None
        if self._bot is None:
            self._turn.release()
        return self._bot

    def give_back(self) -> None:
        """Let the next question have the bot."""
        self._turn.release()

    @property
    def waiting_for(self) -> str:
        """Say what a question waits for."""
        return self.doing if self._bot is None else BUSY

    # --- documents

    @property
    def embedder(self) -> Embedder | None:
        """Return the embedder of the index; None before the first ingest."""
        return self._embedder if self.changes else None

    def documents(self) -> list[library.Entry]:
        """List the documents of the index; none before the first ingest."""
        return library.entries(self.chunks())

    def chunks(self, document: str | None = None) -> list[IndexedChunk]:
        """Return all chunks (of one document) in order; none of one that is not in the index."""
        if (embedder := self.embedder) is None:
            return []
        try:
            with self._listing, Index.read(self.settings, fingerprint(embedder)) as index:
                return index.chunks(document)
        except IndexMissing:
            return []

    def itself(self) -> Document | None:
        """Return the document about the bot, as it is now; None before the bot is open."""
        bot = self._bot
        return about.document(bot) if bot else None

    @contextmanager
    def writing(self) -> Iterator[Embedder]:
        """Hold the index for writing, after whoever holds it now. Raises what kept it from opening.

        A failed chat model does not keep documents from being added.
        """
        with self._writing:
            if (embedder := self.embedder) is None:
                raise self.error or WhybotError("The index is not open yet; try again in a moment.")
            try:
                yield embedder
            finally:
                self.changes += 1

    def note(self, report: Report) -> None:
        """Keep what a report says of skipped documents; those it read are no longer skipped."""
        read = {*report.added, *report.updated, *report.unchanged, *(to for _, to in report.moved)}
        self.skipped = {n: why for n, why in self.skipped.items() if n not in read}
        self.skipped.update(report.skipped)


def told(report: Report) -> str:
    """Return what a sync changed in one line for the page: names where they are few."""
    moved = [f"{origin} to {name}" for origin, name in report.moved]
    kinds = {
        "added": report.added,
        "updated": report.updated,
        "moved": moved,
        "removed": report.removed,
        "skipped": [f"{name} ({reason})" for name, reason in report.skipped],
    }
    return "; ".join(
        f"{kind}: {', '.join(names[:NAMED])}"
        + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        for kind, names in kinds.items()
        if names
    )
