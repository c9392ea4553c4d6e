"""Open everything an answer needs, in one place, and close it again.

Knows the order: embedder, index, chat model. Knows nothing of how answers are made or shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bot.about import About
from bot.answer import Bot
from bot.models import open_model
from bot.retrieval import Retriever
from ingest import weights
from ingest.embedder import Embedder
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint


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
