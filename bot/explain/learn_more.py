"""Which passage of the corpus teaches a step of the way to an answer.

Knows the steps by their titles, and where the documents that come with Whybot teach them; knows
nothing of answers or pages. The documents are the user's to change or to take out: what is not in
the index is not pointed to.
"""

from __future__ import annotations

from collections.abc import Iterable

from ingest.index import IndexedChunk

PLACES = {  # by the title of the step: document, heading path
    "Question": (
        "context-windows-and-prompts.md",
        "Query rewriting: a follow-up question made to stand alone",
    ),
    "Search": ("bm25-and-fusion.md", "Hybrid retrieval: two searches for one question"),
    "Passages": ("bm25-and-fusion.md", "Score fusion: a weighted sum of two scores"),
    "Gate": (
        "grounding-and-hallucination.md",
        "Abstention: no answer when the evidence is missing",
    ),
    "Prompt": ("context-windows-and-prompts.md", "Prompt: instructions, passages and question"),
    "Draft": ("how-a-model-writes.md", "Next-token prediction: a draft written token by token"),
    "Second look": (
        "how-a-model-writes.md",
        "Self-evaluation: a model's second look at its own draft",
    ),
    "Check": (
        "grounding-and-hallucination.md",
        "Support check: each sentence compared with the passages",
    ),
    "Time": ("how-a-model-writes.md", "Prefill and decoding: where the seconds of a reply go"),
}


def passages(chunks: Iterable[IndexedChunk]) -> dict[str, IndexedChunk]:
    """Return the passages that teach steps, by the step's title; what the chunks lack is left out.

    Of a section that is several chunks, the first is returned.
    """
    found: dict[tuple[str, str], IndexedChunk] = {}
    wanted = {*PLACES.values()}
    for chunk in chunks:
        place = chunk.document, chunk.heading
        if place in wanted and (place not in found or chunk.start < found[place].start):
            found[place] = chunk
    return {title: found[place] for title, place in PLACES.items() if place in found}


def more(chunk: IndexedChunk) -> str:
    """Say in one line where there is more to learn."""
    return f"learn more: {chunk.document}, {chunk.heading}"
