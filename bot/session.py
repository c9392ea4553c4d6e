"""What an answer needs, opened in one place, and closed again.

settings -> embedder -> index -> chat model -> Bot, which `answer` is given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bot.about.search import About
from bot.llm.providers import Chosen, open_model
from bot.path.retrieval import Retriever
from ingest import weights
from ingest.embedder import Embedder
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint


@dataclass(frozen=True)
class Bot:
    """What an answer needs, opened once and used for many questions."""

    settings: Settings
    retriever: Retriever
    chosen: Chosen
    itself: About | None = None  # None: it knows nothing of itself


@contextmanager
def open_bot(
    settings: Settings,
    progress: weights.Progress | None = None,
    say: Callable[[str], None] = lambda line: None,
    embedder: Embedder | None = None,
) -> Iterator[Bot]:
    """Open embedder (unless one is given), index and chat model.

    Any WhybotError says what is missing.
    """
    embedder = embedder or Embedder.open(settings, progress)
    with ExitStack() as stack:
        index = stack.enter_context(Index.read(settings, fingerprint(embedder)))
        # torch takes seconds to import: that time is the chat model's to load in.
        loading = threading.Thread(target=embedder.load, name="whybot-embedder", daemon=True)
        loading.start()
        chosen = stack.enter_context(open_model(settings, progress, say))
        loading.join()
        yield Bot(settings, Retriever(index, embedder), chosen, About())
