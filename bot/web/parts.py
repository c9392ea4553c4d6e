"""Pieces of HTML that the pages share: what is waited for, news, errors, links. Pure functions.

Everything that comes from a document, a question or a model is text and stays text.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bot.trace import Answer, Sentence
from ingest.counts import many
from ingest.errors import WhybotError


def status(doing: str) -> str:
    """Return what the bot is doing, or nothing."""
    return f'<span class="dot"></span>{escape(doing)}' if doing else ""


def opening(doing: str, error: WhybotError | None) -> str:
    """Return what opens, or what kept it from opening; nothing once all is open."""
    if error:
        return failure(error)
    return f'<p class="opening"><span class="dot"></span>{escape(doing)}</p>' if doing else ""


def failure(error: WhybotError) -> str:
    """Return an error's line and the command that mends it."""
    mend = f" Mend it with <code>{escape(error.mend)}</code>" if error.mend else ""
    return alert(error.message, mend)


def alert(line: str, more: str = "") -> str:
    """Return a line that says what went wrong; more: HTML after it."""
    return f'<p class="error" role="alert">{escape(line)}{more}</p>'


def hint(line: str) -> str:
    """Return a line of advice."""
    return f'<p class="hint">{escape(line)}</p>'


def said(line: str) -> str:
    """Return a line of news."""
    return f'<p class="said">{escape(line)}</p>'


def reasons(rows: Sequence[tuple[str, str]]) -> str:
    """Return names with what is wrong with each."""
    items = "".join(f"<li><b>{escape(name)}</b>: {escape(why)}</li>" for name, why in rows)
    return f'<ul class="reasons">{items}</ul>'


def link(address: str, text: str) -> str:
    """Return a link into a document: the page opens it at its side, or the browser in a new tab."""
    return f'<a class="lead" href="{escape(address)}" target="_blank">{escape(text)}</a>'


def meta(done: Answer) -> str:
    """Say which model answered, what it read and wrote, and how long all of it took."""
    seconds = f"{done.timings_ms['total'] / 1000:.1f} s"
    if not done.gate.passed and done.abstained:
        return f"{done.model} · {done.gate.reason} · {seconds}"
    tokens = done.tokens
    return (
        f"{done.model} · {tokens.prompt} of {tokens.window} tokens read, "
        f"{tokens.completion} written · {seconds}"
    )


def withheld(sentences: Sequence[Sentence]) -> str:
    """Return the sentences of the draft that were taken out, with the reasons, folded."""
    rows = "".join(
        f"<li>{escape(one.text)} <em>support {one.support:.0%}: {escape(one.reason)}</em></li>"
        for one in sentences
    )
    told = many(len(sentences), "sentence was", "sentences were")
    return (
        f'<details class="withheld"><summary>{told} withheld: the passages do not state it'
        f"</summary><ul>{rows}</ul></details>"
    )
