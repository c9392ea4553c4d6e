"""Exchanges and passages to HTML. Pure functions.

Everything that comes from a document, a question or a model is text and stays text: it can make
no element and load no image, and it leads nowhere but to the documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bot.records.turn import Exchange
from bot.trace import Dropped, Passage
from bot.web import prose
from bot.web.chat.why import why
from bot.web.parts import link, meta, withheld
from bot.web.tab import Conversation

# --- the conversation


def messages(talk: Conversation) -> list[dict[str, str]]:
    """Return the conversation as the messages of a chatbot: always question, answer, question..."""
    found = []
    for exchange in talk.exchanges:
        found.append({"role": "user", "content": question(exchange.question)})
        found.append({"role": "assistant", "content": reply(exchange)})
    return found


def question(text: str) -> str:
    """Return a question as HTML in one line."""
    return _line(f'<div class="question">{escape(text)}</div>')


def reply(exchange: Exchange) -> str:
    """Return an answer, whole or not, as HTML in one line."""
    parts = []
    if exchange.rewritten and exchange.rewritten != exchange.question:
        parts.append(f'<p class="resolved">understood as: {escape(exchange.rewritten)}</p>')
    done = exchange.answer
    text = exchange.text
    if done and done.abstained:
        parts.append(f'<p class="notice">{prose.abstention(done)}</p>')
    elif text:
        if done:
            parts.append(prose.checked(done.sentences, done.passages))
        else:
            parts.append(f'<div class="draft">{prose.draft(text, exchange.passages)}</div>')
    elif exchange.outcome == "running":
        parts.append('<p class="pending">…</p>')
    if exchange.outcome == "stopped":
        parts.append('<p class="note">stopped</p>')
    if exchange.outcome == "failed":
        parts.append(f'<p class="error">{escape(exchange.error)}</p>')
    if done:
        if done.withheld:
            parts.append(withheld(done.withheld))
        parts.append(f'<p class="meta">{escape(meta(done))}</p>')
        parts += [f'<p class="meta">{escape(note)}</p>' for note in done.notes]
        parts.append(why(done, exchange.taught))
    return _line(f'<div class="answer">{"".join(parts)}</div>')


def _line(html: str) -> str:
    """Put HTML into one line: the chatbot would read Markdown after an empty one."""
    return html.replace("\n", "&#10;")


# --- sources


def source_id(number: int, n: int) -> str:
    """Return the id of a source's element: exchange and passage."""
    return f"source-{number}-{n}"


def sources(talk: Conversation) -> str:
    """Return the sources of the exchange that is shown."""
    exchange = talk.current
    if exchange is None:
        return '<p class="empty">The passages an answer rests on are shown here.</p>'
    number = talk.shown % len(talk.exchanges)
    parts = [f'<p class="about">for “{escape(exchange.question)}”</p>']
    if not exchange.passages:
        wait = exchange.outcome == "running"
        parts.append(f'<p class="empty">{"looking …" if wait else "No passages."}</p>')
    parts += [source(passage, number, passage.n in exchange.cited) for passage in exchange.passages]
    if exchange.dropped:
        parts.append(dropped(exchange.dropped))
    return "".join(parts)


def source(passage: Passage, number: int, cited: bool) -> str:
    """Return one passage, with where it stands and why it was found."""
    where = " · ".join(escape(part) for part in (passage.heading, passage.where) if part)
    return (
        f'<details class="source{" cited" if cited else ""}" id="{source_id(number, passage.n)}"'
        f'{" open" if cited else ""}><summary><b class="n">[{passage.n}]</b> '
        f'<span class="document">{escape(passage.document)}</span>'
        f"{'<em>cited</em>' if cited else ''}"
        f'<span class="where">{where}</span>{_score(passage)}</summary>'
        f'<div class="passage">{escape(passage.shown)}</div>'
        f'<p class="place">{link(prose.address(passage), "Open in the document")}</p></details>'
    )


def dropped(passages: Sequence[Dropped]) -> str:
    """Return the passages that were found and not shown to the model, with the reasons."""
    rows = "".join(
        f"<li>{link(prose.address(one.passage), one.passage.source)} · "
        f"{one.passage.score:.2f} · {escape(one.reason)}</li>"
        for one in passages
    )
    return (
        f'<details class="dropped"><summary>{len(passages)} more found, not shown to the model'
        f"</summary><ul>{rows}</ul></details>"
    )


def _score(passage: Passage) -> str:
    return (
        f'<span class="score">score {passage.score:.2f} '
        f"(dense {passage.dense:.2f}, BM25 {passage.bm25:.2f})</span>"
    )
