"""Which passage of the corpus teaches a step of the way to an answer.

`learn_more.json` says where the documents that come with Whybot teach each step. They are the
user's to change or to take out: what is not in the index is not pointed to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ingest.index import IndexedChunk


@cache
def places() -> dict[str, tuple[str, str]]:
    """Return where a step is taught, by the title of the step: document, heading path."""
    taught = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return {title: (place["document"], place["heading"]) for title, place in taught.items()}


def passages(chunks: Iterable[IndexedChunk]) -> dict[str, IndexedChunk]:
    """Return the passages that teach steps, by the step's title; what the chunks lack is left out.

    Of a section that is several chunks, the first is returned.
    """
    found: dict[tuple[str, str], IndexedChunk] = {}
    wanted = {*places().values()}
    for chunk in chunks:
        place = chunk.document, chunk.heading
        if place in wanted and (place not in found or chunk.start < found[place].start):
            found[place] = chunk
    return {title: found[place] for title, place in places().items() if place in found}


def more(chunk: IndexedChunk) -> str:
    """Say in one line where there is more to learn."""
    return f"learn more: {chunk.document}, {chunk.heading}"
