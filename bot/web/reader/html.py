"""A document as one HTML page: its text with a passage marked, and its chunks one by one.

Pure functions. All that comes from a document, a file name or an address is escaped text. No
script runs and nothing is loaded: the pictures of pages travel along.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from bot.records.receipt_html import PAPER
from bot.web import links
from bot.web.reader.state import Found, Inspected, Opened, Quoted
from ingest.counts import many
from ingest.index import IndexedChunk
from ingest.pages import Box, Picture, Span

STYLE = (
    PAPER
    + """\
:root { --mark: #fef0b3; --strong: #ffc53d; --on-mark: #1e293b; }
@media (prefers-color-scheme: dark) { :root { --mark: #4a3c10; --strong: #8a5a00;
  --on-mark: #fff7de; } }
body { overflow-wrap: anywhere; }
header, main { max-width: 50rem; margin: 0 auto; padding: 0 1.25rem; }
main { padding-bottom: 4rem; }
h1 { margin: 1rem 0 .25rem; font-size: 1.25rem; line-height: 1.3; }
h2 { margin: 0; font-size: .95rem; }
p { margin: .25rem 0; }
.soft, figcaption, h2 small { color: var(--soft); font-size: .875rem; font-weight: normal; }
nav { position: sticky; top: 0; z-index: 1; background: var(--paper);
  border-bottom: 1px solid var(--line); font-size: .875rem; }
nav > div { max-width: 50rem; margin: 0 auto; padding: .5rem 1.25rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; margin: 0; padding: 0;
  list-style: none; }
.wide, nav > .wide { max-width: 90rem; }
nav [aria-disabled] { color: var(--soft); }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.note, blockquote { margin: .75rem 0; padding: .5rem .75rem; border-left: 3px solid #c2410c;
  background: var(--tint); }
blockquote { border-color: var(--soft); white-space: pre-wrap; }
.text { margin-top: 1rem; white-space: pre-wrap; }
.page { display: block; margin: 1.5rem 0 .5rem; padding-top: .25rem; color: var(--soft);
  border-top: 1px solid var(--line); font-size: .875rem; }
mark { background: var(--mark); color: var(--on-mark); scroll-margin-top: 25vh; }
mark strong { background: var(--strong); font-weight: 600; }
figure { margin: 1rem 0 0; }
.sheet { position: relative; width: fit-content; border: 1px solid var(--line);
  background: #fff; line-height: 0; }
.sheet img { max-width: 100%; height: auto; }
.sheet svg { position: absolute; inset: 0; width: 100%; height: 100%; mix-blend-mode: multiply; }
.sheet rect { fill: #fde68a; }
.sheet rect.strong { fill: #ffb020; }
article { margin: 1rem 0 0; padding: .75rem 1rem; border: 1px solid var(--line);
  border-radius: 8px; scroll-margin-top: 4rem; }
article:target { border-color: var(--accent); }
article .text { margin: .5rem 0; }
.overlap { background: var(--mark); color: var(--on-mark); }
details { font-size: .875rem; }
summary { cursor: pointer; color: var(--soft); }
@media (min-width: 700px) {
  .beside { display: grid; grid-template-columns: 1fr 1fr; gap: 2rem; align-items: start; }
  .beside > :last-child { position: sticky; top: 4rem; }
  .sheet img { width: auto; max-height: calc(100vh - 8rem); }
}
"""
)

_DIGEST = base64.b64encode(hashlib.sha256(f"\n{STYLE}".encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
WIDE = ' class="wide"'
CUT = '<span class="page">…</span>'  # more of the text was left out
PART = 100  # chunks shown at once


def line(text: str) -> str:
    """Return a page that says one thing."""
    return _page("Whybot", "", f'<p class="note">{escape(text)}</p>')


# --- the text


def reading(
    book: Opened,
    quoted: Quoted | None,
    found: Found | None,
    shown: Span,
    pictures: Sequence[Picture],
    problem: str = "",
) -> str:
    """Return a part of a document's text with a passage marked, and its pages beside it.

    problem: why there are no pictures, of a document that has pages.
    """
    notes = [*book.notes, *([found.note] if found and found.note else []), problem]
    parts = [f'<p class="note">{escape(note)}</p>' for note in notes if note]
    if found and found.lost:
        parts.append(f"<p>As it was quoted:</p><blockquote>{escape(found.lost)}</blockquote>")
    text = f'<div class="text" dir="auto">{_text(book, found, shown)}</div>'
    drawn = "".join(_figure(book, picture, found) for picture in pictures)
    parts.append(f'<div class="beside">{text}<div>{drawn}</div></div>' if drawn else text)
    ways = _ways(book, quoted, found.chunk if found else None, shown)
    where = _where(book, found.chunk if found else None)
    return _page(book.title, _nav(where, ways, bool(drawn)), "".join(parts), bool(drawn))


def _where(book: Opened, chunk: IndexedChunk | None) -> str:
    """Return what is read here: the document, and where in it a passage stands."""
    parts = [book.name]
    if chunk:
        parts += [
            chunk.heading,
            chunk.where,
            f"passage {chunk.number + 1} of {chunk.of}",
        ]
    return " · ".join(part for part in parts if part)


def _ways(
    book: Opened, quoted: Quoted | None, chunk: IndexedChunk | None, shown: Span
) -> list[str]:
    """Return the ways from here: the passages before and after, the whole text, the chunks."""
    ways = []
    if chunk:
        ways.append(_way("← Previous passage", _address(book.chunks, chunk.number - 1)))
        ways.append(_way("Next passage →", _address(book.chunks, chunk.number + 1)))
    if shown != (0, len(book.text)):
        here = (quoted.start, quoted.end, quoted.digest, quoted.sentence) if quoted else None
        whole = links.whole(book.name, *here) if here else links.document(book.name)
        ways.append(_way("Whole document", whole))
    number = chunk.number if chunk else 0
    ways.append(_way("Chunk by chunk", links.chunks(book.name, number)))
    return ways


def _address(chunks: Sequence[IndexedChunk], number: int) -> str:
    """Return the address of a passage; "" if there is no such one."""
    if not 0 <= number < len(chunks):
        return ""
    chunk = chunks[number]
    return links.reader(chunk.document, chunk.start, chunk.end, chunk.text)


def _text(book: Opened, found: Found | None, shown: Span) -> str:
    """Return a part of the text, with the passage marked and the sentence in it marked more."""
    low, high = shown
    before = after = ""
    if low in book.pages:
        before = _page_line(book.pages.index(low) + 1)
    elif low:
        before = CUT
    if high < len(book.text) and not book.pages:
        after = CUT
    if not found or not found.span:
        return before + _paged(book, low, high) + after
    start, end = found.span
    first, last = found.sentence or (end, end)
    if not start <= first < last <= end:  # an address may say anything
        first = last = end
    strong = f"<strong>{_paged(book, first, last)}</strong>" if first < last else ""
    passage = f"{_paged(book, start, first)}{strong}{_paged(book, last, end)}"
    mark = f'<mark id="{links.PASSAGE}">{passage}</mark>'
    return f"{before}{_paged(book, low, start)}{mark}{_paged(book, end, high)}{after}"


def _paged(book: Opened, low: int, high: int) -> str:
    """Return a stretch of text with a line where each page after its start begins."""
    parts = []
    for number, page in enumerate(book.pages, 1):
        if low < page <= high:
            parts.append(escape(book.text[low:page]) + _page_line(number))
            low = page
    return "".join([*parts, escape(book.text[low:high])])


def _page_line(number: int) -> str:
    return f'<span class="page">page {number}</span>'


def _figure(book: Opened, picture: Picture, found: Found | None) -> str:
    """Return a page as a picture, with the passage marked on it if it was found there."""
    size = f'width="{picture.width}" height="{picture.height}"'
    marks = "".join(
        _rect(box, kind)
        for kind, boxes in zip(("", "strong"), picture.boxes, strict=False)
        for box in boxes
    )
    says = "the passage is marked" if marks else "the passage could not be found on the picture"
    alt = f"Page {picture.page} of {book.name} as the file has it; {says}."
    source = base64.b64encode(picture.png).decode()
    return (
        f'<figure><div class="sheet"><img {size} alt="{escape(alt)}" '
        f'src="data:image/png;base64,{source}">'
        f'<svg viewBox="0 0 {picture.width} {picture.height}" aria-hidden="true">{marks}</svg>'
        f"</div><figcaption>Page {picture.page} as the file has it; {says}.</figcaption></figure>"
    )


def _rect(box: Box, kind: str) -> str:
    x, y, width, height = box
    return (
        f'<rect class="{kind}" x="{x - 2}" y="{y - 2}" width="{width + 4}" height="{height + 4}"/>'
    )


# --- the chunks


def chunks(book: Opened, rows: Sequence[Inspected], limit: int, embedder: str, first: int) -> str:
    """Return a document chunk by chunk; first: the number of the first row, limit: in tokens."""
    told = many(len(book.chunks), "chunk")
    apart = all(one.end <= two.start for one, two in pairwise(book.chunks))
    says = (
        f"The bot sees this document as {told} of at most {limit} tokens, as {embedder} counts "
        "them. Each is embedded and found by itself, under its headings. "
        f"{'No two overlap.' if apart else 'What a chunk has of the one before it is marked.'}"
    )
    parts = [f'<p class="soft">{escape(says)}</p>']
    parts += [f'<p class="note">{escape(note)}</p>' for note in book.notes]
    parts += [_chunk(row, limit) for row in rows]
    ways = []
    if len(rows) < len(book.chunks):
        back, on = first - PART, first + PART
        ways.append(_way(f"← {PART} before", links.chunks(book.name, back) if first else ""))
        more = links.chunks(book.name, on) if on < len(book.chunks) else ""
        ways.append(_way(f"{PART} more →", more))
    ways.append(_way("Whole document", links.document(book.name)))
    return _page(book.title, _nav(f"{book.name} · {told}", ways), "".join(parts))


def _chunk(row: Inspected, limit: int) -> str:
    chunk = row.chunk
    facts = [
        chunk.where,
        f"characters {chunk.start:,} to {chunk.end:,} ({chunk.end - chunk.start:,})",
        f"{row.tokens} of {limit} tokens",
        f"its first {row.overlap:,} characters are also in the chunk before it"
        if row.overlap
        else "",
    ]
    shared, own = chunk.text[: row.overlap], chunk.text[row.overlap :]
    text = f'<span class="overlap">{escape(shared)}</span>' if shared else ""
    heading = f"<p>{escape(chunk.heading)}</p>" if chunk.heading else ""
    embedded = (
        f'<details><summary>What is embedded</summary><div class="text">{escape(row.embedded)}'
        "</div></details>"
        if row.embedded
        else ""
    )
    here = escape(links.reader(chunk.document, chunk.start, chunk.end, chunk.text))
    return (
        f'<article id="chunk-{chunk.number}"><h2>Chunk {chunk.number + 1} of {chunk.of} '
        f'<small><a href="{here}">in the document</a></small></h2>{heading}'
        f'<p class="soft">{" · ".join(fact for fact in facts if fact)}</p>'
        f'<div class="text" dir="auto">{text}{escape(own)}</div>{embedded}</article>'
    )


# --- all pages


def _nav(where: str, ways: Sequence[str], wide: bool = False) -> str:
    items = "".join(f"<li>{way}</li>" for way in ways)
    return (
        f'<nav aria-label="In the document"><div{WIDE if wide else ""}>'
        f'<p class="soft">{escape(where)}</p><ul>{items}</ul></div></nav>'
    )


def _way(label: str, address: str) -> str:
    if not address:
        return f'<span aria-disabled="true">{label}</span>'
    return f'<a href="{escape(address)}">{label}</a>'


def _page(title: str, nav: str, body: str, wide: bool = False) -> str:
    kind = WIDE if wide else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Whybot</title><style>\n{STYLE}</style></head>\n"
        f"<body><header{kind}><h1>{escape(title)}</h1></header>{nav}<main{kind}>{body}</main>"
        "</body></html>\n"
    )
