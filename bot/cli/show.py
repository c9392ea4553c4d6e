"""A document in the shell as the bot sees it: facts, outline, chunks."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.index import IndexedChunk
from ingest.tables import tables


def shown(chunks: Sequence[IndexedChunk]) -> str:
    """Return a document's chunks, at least one, as text for people.

    The outline is the chunks' heading paths, so a heading whose section is empty is not in it.
    """
    first = chunks[0]
    rows = sum(len(table.rows) for chunk in chunks for table in tables(chunk.text, chunk.head))
    facts = {
        "document": first.document,
        "title": first.title,
        "date": first.date,
        "version": first.version,
        "left out or guessed": first.remarks,
        "pages": str(max(chunk.last_page for chunk in chunks) or ""),
        "table rows": str(rows or ""),
        "chunks": str(len(chunks)),
    }
    lines = [f"{name}: {value}" for name, value in facts.items() if value]
    if paths := dict.fromkeys(chunk.heading for chunk in chunks if chunk.heading):
        lines += ["", "outline:"]
        for path in paths:
            *above, last = path.split(" > ")
            lines.append(f"{'  ' * (len(above) + 1)}{last}")
    for chunk in chunks:
        where = ", ".join(part for part in (chunk.heading, chunk.where) if part)
        lines += ["", f"--- chunk {chunk.number + 1} of {chunk.of}{where and f': {where}'}"]
        if chunk.head:
            lines += [chunk.head, "..."]
        lines.append(chunk.text)
    return "\n".join(lines)
