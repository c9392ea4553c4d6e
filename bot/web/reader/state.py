"""A document as it can be read now, and where a quoted passage stands in it.

Digests tell whether the file is still the one that was ingested. No file is opened that the index
does not name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.web.links import digest
from ingest import library, pages
from ingest.chunks import Chunk, embedded_text
from ingest.documents import Document, read_document
from ingest.embedder import Embedder
from ingest.errors import DocumentUnreadable
from ingest.index import IndexedChunk
from ingest.isolated import Readers
from ingest.pages import Picture, Span
from ingest.settings import Settings
from ingest.sync import cut

AROUND = 15_000  # characters shown before and after a passage of a long text without pages
SHEETS = 3  # pages drawn at most: a passage is on one, save when it was quoted from elsewhere

GONE = (
    "Its file cannot be read: {why}. This is what the index still holds of it: "
    "its chunks, without the headings between them."
)
ITSELF = "This document is about the bot: it is written anew whenever it is looked into."
STALE = (
    "The file has changed since it was ingested; the bot still answers from the older text. "
    "whybot ingest brings the index up to date."
)
MOVED = (
    "The document has changed since this passage was quoted: "
    "the same text stands elsewhere now, and is marked there."
)
LOST = (
    "The document has changed since this passage was quoted: "
    "that text no longer stands at its place, and nothing is marked."
)


@dataclass(frozen=True)
class Quoted:
    """What an address says of a passage."""

    start: int  # characters of the text it was quoted from
    end: int
    digest: str
    sentence: Span | None = None  # within the passage


@dataclass(frozen=True)
class Opened:
    """A document of the index, with the text that can be read now."""

    name: str
    title: str
    text: str
    pages: tuple[int, ...]  # where each begins; empty without pages, or without the file
    chunks: Sequence[IndexedChunk]  # in their order, as the index has them; at least one
    notes: tuple[str, ...]  # what a reader has to know first
    document: Document | None  # None: the text was put together from the chunks
    data: bytes  # of the file


@dataclass(frozen=True)
class Found:
    """A quoted passage in the text of now."""

    span: Span | None  # None: it is not there
    sentence: Span | None
    chunk: IndexedChunk | None  # of the index, that holds what was quoted
    note: str = ""
    lost: str = ""  # the passage's text where it is known and not in the document any more


def opened(settings: Settings, chunks: Sequence[IndexedChunk]) -> Opened:
    """Read the file that chunks of the index come from; or, without it, the chunks themselves."""
    first = chunks[0]
    try:
        data = library.data_of(settings, first.document)
        read = _read(first.document, data)
    except DocumentUnreadable as error:
        note = GONE.format(why=error.message)
        return Opened(first.document, first.title, _joined(chunks), (), chunks, (note,), None, b"")
    notes = () if read.sha256 == first.sha256 else (STALE,)
    return Opened(read.name, first.title, read.text, read.pages, chunks, notes, read, data)


def written(document: Document, embedder: Embedder) -> Opened:
    """Open a document that no file holds: the one about the bot, as it is now."""
    chunks = [chunk for chunk, _ in cut(document, embedder)]
    return Opened(
        document.name, document.title, document.text, (), chunks, (ITSELF,), document, b""
    )


@lru_cache(maxsize=2)  # leafing through a long PDF must not read all of it at each step
def _read(name: str, data: bytes) -> Document:
    return read_document(name, data)


def _joined(chunks: Sequence[IndexedChunk]) -> str:
    """Return a text in which every chunk stands at its own place, with blanks between them."""
    parts: list[str] = []
    at = 0
    for chunk in chunks:
        gap = chunk.start - at
        if gap > 0:
            parts.append(f"\n{' ' * (gap - 2)}\n" if gap > 1 else "\n")
        parts.append(chunk.text[max(-gap, 0) :])
        at = max(at, chunk.end)
    return "".join(parts)


def find(book: Opened, quoted: Quoted) -> Found:
    """Find a quoted passage: at its place, or where its very text stands now, or not at all."""
    start, end = quoted.start, quoted.end
    chunk, known = _holder(book.chunks, quoted)
    if _is(book.text[start:end], quoted):
        return Found((start, end), quoted.sentence, chunk)
    if known and book.text.count(known) == 1:
        at = book.text.index(known)
        low, high = quoted.sentence or (0, 0)
        sentence = (low - start + at, high - start + at) if quoted.sentence else None
        return Found((at, at + len(known)), sentence, chunk, MOVED)
    return Found(None, None, chunk, LOST, known)


def _holder(chunks: Sequence[IndexedChunk], quoted: Quoted) -> tuple[IndexedChunk | None, str]:
    """Return the chunk that holds what was quoted, and that text: at its place, or as a whole."""
    for chunk in chunks:
        low, high = quoted.start - chunk.start, quoted.end - chunk.start
        if 0 <= low < high <= len(chunk.text) and _is(chunk.text[low:high], quoted):
            return chunk, chunk.text[low:high]
    for chunk in chunks:
        if _is(chunk.text, quoted):
            return chunk, chunk.text
    return None, ""


def _is(text: str, quoted: Quoted) -> bool:
    return bool(text) and digest(text) == quoted.digest


def excerpt(book: Opened, place: Span) -> Span:
    """Return the part of the text that is shown around a place: its pages, or some lines."""
    start, end = (min(offset, len(book.text)) for offset in place)
    if book.document and book.pages:
        first, last = _sheets(book.document, (start, end))
        return pages.page_span(book.document, first)[0], pages.page_span(book.document, last)[1]
    low, high = max(start - AROUND, 0), end + AROUND
    low = book.text.rfind("\n", 0, low) + 1 if low else 0
    line_end = book.text.find("\n", high)
    return low, len(book.text) if line_end < 0 else line_end


def pictures(book: Opened, found: Found) -> list[Picture]:
    """Draw the pages that a passage is on, of a PDF; of a quoted sentence its own alone.

    Raises DocumentUnreadable.
    """
    if not book.document or not book.pages or not found.span:
        return []
    first, last = _sheets(book.document, found.sentence or found.span)
    spans = [found.span, *([found.sentence] if found.sentence else [])]
    with Readers(1) as readers:  # what a page is drawn with can crash, as what reads it can
        return [
            readers.picture(book.data, book.document, page, spans)
            for page in range(first, min(last, first + SHEETS - 1) + 1)
        ]


def _sheets(document: Document, span: Span) -> Span:
    """Return the first and the last page of a span."""
    start, end = span
    first = pages.page_at(document.pages, start)
    return first, max(first, pages.page_at(document.pages, end - 1))


@dataclass(frozen=True)
class Inspected:
    """A chunk, and what became of it on its way into the index."""

    chunk: IndexedChunk
    tokens: int  # of its text, as the embedder counts them
    overlap: int  # characters that the chunk before it has too
    embedded: str  # the text whose vector the index holds; "" if that cannot be told any more


def inspected(chunks: Sequence[IndexedChunk], part: range, embedder: Embedder) -> list[Inspected]:
    """Look closer at some of a document's chunks."""
    found = []
    for number in part:
        chunk = chunks[number]
        before = chunks[number - 1].end if number else 0
        tokens = len(embedder.token_starts(chunk.text))
        found.append(Inspected(chunk, tokens, max(before - chunk.start, 0), _embedded(chunk)))
    return found


def _embedded(chunk: IndexedChunk) -> str:
    """Make the embedded text again; its digest in the index says whether it is the same."""
    heading = tuple(chunk.heading.split(" > ")) if chunk.heading else ()
    cut = Chunk(chunk.start, chunk.end, heading, chunk.page or None, chunk.text, head=chunk.head)
    text = embedded_text(chunk.title, cut)
    return text if hashlib.sha256(text.encode()).hexdigest() == chunk.embedded_sha256 else ""
