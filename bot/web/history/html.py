"""The list of kept conversations and what is said of them, as HTML. Pure functions.

Titles are text and stay text. Of an id the list makes a `data-id`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from bot.records import conversation_html, receipt_html
from bot.records.conversations import Entry, Kept
from bot.web import parts
from ingest.counts import many


def listed(entries: Sequence[Entry], damaged: Sequence[str], current: str) -> str:
    """Return the conversations as buttons; current: the id of the one that is open."""
    rows = "".join(_row(entry, entry.id == current) for entry in entries)
    parts = [f'<nav aria-label="Conversations"><ul>{rows}</ul></nav>'] if rows else []
    if not rows:
        parts.append('<p class="hint">None yet. They are kept on this machine.</p>')
    parts += [f'<p class="damaged">{escape(line)}</p>' for line in damaged]
    return "".join(parts)


def _row(entry: Entry, current: bool) -> str:
    mark = ' aria-current="true"' if current else ""
    told = many(entry.count, "question")
    return (
        f'<li><button type="button" data-id="{escape(entry.id)}"{mark}>'
        f'<bdi class="title">{escape(entry.title)}</bdi><span class="when">'
        f'<time datetime="{escape(entry.changed)}">{escape(when(entry.changed))}</time>'
        f" · {told}</span></button></li>"
    )


def when(date: str) -> str:
    """Write an ISO date for people, in the time of this machine; the year if it is another."""
    then, now = datetime.fromisoformat(date).astimezone(), datetime.now().astimezone()
    return f"{then:%d %b, %H:%M}" if then.year == now.year else f"{then:%d %b %Y}"


def news(line: str) -> str:
    """Return a line of news, or nothing."""
    return f'<div role="status">{parts.said(line) if line else ""}</div>'


def sure(title: str, home: Path) -> str:
    """Ask before a conversation is deleted."""
    return news(f"Delete “{title}”? Its file is moved to {home}.")


def links(kept: Kept, id: str) -> str:
    """Return links that save a conversation as one file, to read or for machines."""
    name = f"conversation-{kept.began[:10]}-{id[:8]}"
    page = receipt_html.saving("Save as HTML", f"{name}.html", conversation_html.page(kept))
    data = receipt_html.saving(
        "Save as JSON", f"{name}.json", conversation_html.to_json(kept), "application/json"
    )
    hint = "With its passages: send it to whom you would send those."
    return f'<p class="saving">{page} {data}</p>{parts.hint(hint)}'
