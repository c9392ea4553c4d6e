"""A Document to chunks: spans of its text that follow its structure and fit the embedder.

Pure functions; the caller says where the embedder's tokens begin.

A section whose body fits is one chunk. A larger body is cut into about equal parts, each cut at
the best boundary near: a paragraph's end, else a line's, a sentence's, a word's, else a token's.
A part that begins inside a table takes the table's head along: without it a cell says nothing.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.sentences import sentence_ends
from ingest.tables import ROW, tables

if TYPE_CHECKING:
    from ingest.documents import Document
    from ingest.readers.content import Heading, Place

VERSION = 3  # changes when the same document would be cut differently

# A token counts once for each 16 characters begun: a tokenizer may make one unknown token of a
# line of base64, and a chunk must fit the chat model's window as well.
_TOKEN_CHARACTERS = 16
# Characters of the headings above a chunk that are embedded with it; a path without bound would
# fill the embedder's window, and the vector would not change with the text. The lowest stay.
_PATH = 200

# How good a place to cut is.
_WORD, _WRAP, _SENTENCE, _LINE, _PARAGRAPH = range(1, 6)

_GAP = re.compile(r"\s+")
_VISIBLE = re.compile(r"\S")
_MARKUP = re.compile(r"\*\*|__|^[ \t]*(?:[-*+>]|#{1,6})[ \t]+", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*\|?[ \t|:-]*-[ \t|:-]*$", re.MULTILINE)  # under a table's head
_NEWLINE = re.compile(r"\r\n?|\n")
_FENCE = re.compile(r"[ \t>]*(`{3,}(?=[^`]*\Z)|~{3,})")
_ITEM = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s")


@dataclass(frozen=True)
class Chunk:
    """Hold one span of a document: text == document.text[start:end]."""

    start: int
    end: int
    heading: tuple[str, ...]  # the headings above it, outermost first, without the title's
    page: int | None  # that it begins on, counted from 1; None when the format has no pages
    text: str
    last_page: int | None = None  # that it ends on
    place: str = ""  # the part of the file that it begins in: "slide 3"
    head: str = ""  # of the table that it begins in the middle of, in the document's own lines


@dataclass(frozen=True)
class _Section:
    """A heading's body; the heading's own line where it has neither body nor sub-headings."""

    start: int
    end: int
    heading: tuple[str, ...]


@dataclass(frozen=True)
class _Measure:
    """The text, and where its tokens, and what is better not cut, begin."""

    text: str
    tokens: list[int]
    blocks: list[tuple[int, int]]  # code fences and tables, sorted

    def first(self, start: int) -> int:
        """Return the index of the token that holds, or is the first after, an offset."""
        index = bisect_left(self.tokens, start)
        inside = index > 0 and (index == len(self.tokens) or self.tokens[index] > start)
        return index - inside

    def count(self, start: int, end: int) -> int:
        """Count the tokens of text[start:end], those cut in two included."""
        return bisect_left(self.tokens, end) - self.first(start)


def where(page: int | None, last_page: int | None, place: str) -> str:
    """Return where in a file a chunk stands: its pages, else the part that it begins in."""
    if not page:
        return place
    return f"pages {page} to {last_page}" if (last_page or page) > page else f"page {page}"


def embedded_text(title: str, chunk: Chunk) -> str:
    """Return what is embedded: the chunk's headings, else the document's title, and its text.

    As running text without markup: emphasis, list markers and line breaks move a MiniLM vector
    away from the questions the text answers.
    """
    text = _MARKUP.sub("", f"{chunk.head}\n{chunk.text}")
    text = _RULE.sub("", text)
    return " ".join(f"{_path(title, chunk.heading)}. {text}".split())


def split(document: Document, token_starts: Sequence[int], max_tokens: int = 200) -> list[Chunk]:
    """Cut a document into chunks of at most max_tokens (at least 1) tokens, headings not counted.

    token_starts: the sorted offsets at which the tokens of document.text begin. What the heading
    path and the head of a table cost is taken off the budget, down to its half. A chunk may go on
    over a page's end, as sentences do; it knows both pages.
    """
    if max_tokens < 1:
        raise ValueError("max_tokens must be 1 at least")
    text = document.text
    tokens = _evened(token_starts, len(text))
    measure = _Measure(text, tokens, _blocks(text))
    heads = [
        (table.start, table.body, table.end) for table in tables(text) if table.body > table.start
    ]
    chunks = []
    for section in _sections(document):
        words = len(_path(document.title, section.heading).split())
        budget = max(max_tokens - math.ceil(words * 1.5), max_tokens // 2, 1)
        for start, end, head in _cut(measure, section.start, section.end, budget, heads):
            chunks.append(
                Chunk(
                    start,
                    end,
                    section.heading,
                    _page(document, start),
                    text[start:end],
                    _page(document, end - 1),
                    _place(document.places, start),
                    head,
                )
            )
    return chunks


def _path(title: str, heading: tuple[str, ...]) -> str:
    """Return the headings above a chunk, else the title; of a long path its end."""
    path = ": ".join(heading) or title
    return path if len(path) <= _PATH else path[-_PATH:].partition(" ")[2] or path[-_PATH:]


def _page(document: Document, offset: int) -> int | None:
    return bisect_right(document.pages, offset) if document.pages else None


def _place(places: Sequence[Place], offset: int) -> str:
    """Return the name of the part that an offset is in."""
    number = bisect_right(places, offset, key=lambda place: place.start)
    return places[number - 1].name if number else ""


def _evened(token_starts: Sequence[int], length: int) -> list[int]:
    """Add a start wherever a token would run on for more than _TOKEN_CHARACTERS."""
    starts: list[int] = []
    position = 0
    for start in (*token_starts, length):
        starts.extend(range(position + _TOKEN_CHARACTERS, start, _TOKEN_CHARACTERS))
        if start < length:
            starts.append(start)
        position = start
    return starts


def _sections(document: Document) -> Iterator[_Section]:
    """Yield every stretch between headings that holds something, with its heading path."""
    headings = document.headings
    first = headings[0].start if headings else len(document.text)
    if _trimmed(document.text, 0, first):
        yield _Section(0, first, ())
    titled = _begins_with_title(document)
    path: list[Heading] = []
    for index, heading in enumerate(headings):
        following = headings[index + 1] if index + 1 < len(headings) else None
        while path and path[-1].level >= heading.level:
            path.pop()
        if index or not titled:
            path.append(heading)
        titles = tuple(above.title for above in path)
        end = following.start if following else len(document.text)
        if _trimmed(document.text, heading.end, end):
            yield _Section(heading.end, end, titles)
        elif not following or following.level <= heading.level:
            yield _Section(heading.start, heading.end, titles)


def _begins_with_title(document: Document) -> bool:
    if not document.headings:
        return False
    first, *others = document.headings
    alone = all(other.level > first.level for other in others)
    return first.level <= 1 and first.title == document.title and alone


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the span without white space at its ends; None when nothing is left."""
    visible = _VISIBLE.search(text, start, end)
    if not visible:
        return None
    return visible.start(), visible.start() + len(text[visible.start() : end].rstrip())


def _blocks(text: str) -> list[tuple[int, int]]:
    """Find the code fences and tables: runs of whole lines, in order."""
    blocks: list[tuple[int, int]] = []
    fence: tuple[int, str] | None = None  # where it opens, and with what
    table: tuple[int, int] | None = None
    start = 0
    for line_end in (*_NEWLINE.finditer(text), None):
        end = line_end.start() if line_end else len(text)
        mark = _FENCE.match(text, start, end)
        if fence:
            if mark and mark[1].startswith(fence[1]) and not text[mark.end() : end].strip():
                blocks.append((fence[0], end))
                fence = None
        elif mark:
            fence = (start, mark[1])
        if not fence and not mark and ROW.match(text, start, end):
            table = (table[0] if table else start, end)
        elif table:
            blocks.append(table)
            table = None
        start = line_end.end() if line_end else end
    if table:
        blocks.append(table)
    return sorted(blocks)


def _cut(
    measure: _Measure, start: int, end: int, budget: int, heads: Sequence[tuple[int, int, int]]
) -> Iterator[tuple[int, int, str]]:
    """Yield trimmed spans of at most budget tokens that cover text[start:end], with table heads.

    heads: where each table with a head starts, where its body does, and where it ends.
    """
    whole = _trimmed(measure.text, start, end)
    if not whole:
        return
    start, end = whole
    head, room = _head(measure, start, budget, heads)
    while (size := measure.count(start, end)) > room:
        stop = _best_stop(measure, start, size, room)
        yield start, start + len(measure.text[start:stop].rstrip()), head
        following = _VISIBLE.search(measure.text, stop, end)
        if not following:
            return
        start = following.start()
        head, room = _head(measure, start, budget, heads)
    yield start, end, head


def _head(
    measure: _Measure, start: int, budget: int, heads: Sequence[tuple[int, int, int]]
) -> tuple[str, int]:
    """Return the head that a chunk from here lacks, and the tokens that are left for its text."""
    number = bisect_right(heads, (start, start, len(measure.text))) - 1
    if number < 0:
        return "", budget
    opening, body, end = heads[number]
    cost = measure.count(opening, body)
    if not body <= start < end or cost > budget // 2:
        return "", budget
    return measure.text[opening:body].rstrip(), budget - cost


def _best_stop(measure: _Measure, start: int, size: int, budget: int) -> int:
    """Choose where a chunk ends that starts at `start`, with `size` tokens to go."""
    tokens = measure.tokens
    first = measure.first(start)
    least = max(budget // 4, 1)  # neither the chunk nor what is left after it should be smaller
    ideal = tokens[first + math.ceil(size / math.ceil(size / budget))]
    # Tokens of one character may begin at one offset, hence at least a character.
    most = max(tokens[first + budget], start + 1)
    stops = _stops(measure, start, most, budget)

    def best(low: int, high: int) -> int | None:
        fitting = [stop for stop in stops if low < stop <= high]
        return max(fitting, key=lambda stop: (stops[stop], -abs(stop - ideal)), default=None)

    low, high = tokens[first + least - 1], tokens[first + size - least]
    return best(low, min(most, high)) or best(start, most) or max(min(ideal, most), start + 1)


def _stops(measure: _Measure, start: int, most: int, budget: int) -> dict[int, int]:
    """Map each place to cut in text[start:most] to how good it is; none lies in a whole block."""
    text = measure.text
    index = max(bisect_right(measure.blocks, (start, len(text))) - 1, 0)
    near = []
    while index < len(measure.blocks) and measure.blocks[index][0] < most:
        near.append(measure.blocks[index])
        index += 1
    kept = [block for block in near if measure.count(*block) <= budget]
    # Some text beyond the limit is looked at, to tell what follows the last gap.
    stops = dict.fromkeys(sentence_ends(text, start, min(most + 2, len(text))), _SENTENCE)
    for gap in _GAP.finditer(text, start, min(most + 64, len(text))):
        stop = gap.start()
        in_block = any(low < stop < high for low, high in near)
        stops[stop] = _quality(measure, gap, stop in stops, in_block)
    return {
        stop: quality
        for stop, quality in stops.items()
        if stop <= most and not any(low < stop < high for low, high in kept)
    }


def _quality(measure: _Measure, gap: re.Match[str], ends_sentence: bool, in_block: bool) -> int:
    before = measure.text[gap.start() - 1]
    newlines = len(_NEWLINE.findall(gap[0]))
    if before in ":：":  # what a colon announces should stay with it
        return _WORD
    if newlines > 1:
        return _PARAGRAPH
    if not newlines:
        return _SENTENCE if ends_sentence and not in_block else _WORD
    item = _ITEM.match(measure.text, gap.end()) is not None
    return _LINE if ends_sentence or item else _WRAP
