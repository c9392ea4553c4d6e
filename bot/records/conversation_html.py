"""A whole conversation as one HTML page, built of the parts of a receipt's.

Pure functions. As in a receipt, all that is shown is text, no script runs, and the JSON travels
along.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from html import escape

from bot.records import receipt_html
from bot.records.conversations import Kept
from bot.records.turn import Exchange
from ingest.counts import many

ID = "conversation"  # of the element that carries the JSON


def page(kept: Kept) -> str:
    """Return the page; it needs nothing else, and carries the conversation's JSON."""
    count = len(kept.exchanges)
    head = (
        f'<header><p class="soft">Conversation with whybot {escape(kept.whybot)} ·'
        f" {_when(kept.began)} to {_when(kept.changed)} ·"
        f" {many(count, 'question')}</p>"
        f"<h1>{escape(kept.title)}</h1></header>\n"
    )
    turns = "".join(_turn(exchange, n) for n, exchange in enumerate(kept.exchanges, 1))
    return receipt_html.document(kept.title, head + turns, ID, to_json(kept))


def _when(date: str) -> str:
    return f"{datetime.fromisoformat(date).astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"


def to_json(kept: Kept) -> str:
    """Return the JSON of a conversation, as its file has it."""
    return json.dumps(kept.to_json(), ensure_ascii=False)


def _turn(exchange: Exchange, n: int) -> str:
    """Return one exchange; n: its number, which keeps its anchors apart from the others'."""
    parts = [f'<h2 class="question">{escape(exchange.question)}</h2>']
    if exchange.rewritten and exchange.rewritten != exchange.question:
        parts.append(f'<p class="soft">understood as: {escape(exchange.rewritten)}</p>')
    if exchange.outcome != "answered":
        parts.append(f'<p class="soft">{escape(exchange.outcome)} {escape(exchange.error)}</p>')
    anchor = f"t{n}p"
    if exchange.answer:
        parts.append(receipt_html.answered(exchange.answer, anchor))
    elif exchange.draft:
        draft = f"<pre>{escape(exchange.draft)}</pre>"
        parts.append(receipt_html.folded("What was written till then, not checked", draft))
    if exchange.answer or exchange.passages:
        found = receipt_html.passages(exchange.passages, exchange.dropped, exchange.cited, anchor)
        parts += ["<h3>Passages</h3>", found]
    if exchange.receipt:
        how = receipt_html.details(exchange.receipt, level=3)
        parts.append(receipt_html.folded("How it came about", how))
    return f'<section id="t{n}">{"".join(parts)}</section>\n'
