"""Exchanges, passages and documents to HTML. Pure functions.

Everything that comes from a document, a question or a model is text and stays text: it can make
no element and load no image, and it leads nowhere but to the documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from bot.trace import Answer, Dropped, Passage, Sentence
from bot.web import links, prose
from bot.web.exchange import Conversation, Exchange
from bot.web.why import why
from bot.wording import many
from ingest.errors import WhybotError
from ingest.library import Entry
from ingest.sync import Report

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
    if exchange.resolved and exchange.resolved != exchange.question:
        parts.append(f'<p class="resolved">understood as: {escape(exchange.resolved)}</p>')
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
    where = " · ".join(
        escape(part)
        for part in (passage.heading, f"page {passage.page}" if passage.page else "")
        if part
    )
    return (
        f'<details class="source{" cited" if cited else ""}" id="{source_id(number, passage.n)}"'
        f'{" open" if cited else ""}><summary><b class="n">[{passage.n}]</b> '
        f'<span class="document">{escape(passage.document)}</span>'
        f"{'<em>cited</em>' if cited else ''}"
        f'<span class="where">{where}</span>{_score(passage)}</summary>'
        f'<div class="passage">{escape(passage.text)}</div>'
        f'<p class="place">{_link(prose.address(passage), "Open in the document")}</p></details>'
    )


def dropped(passages: Sequence[Dropped]) -> str:
    """Return the passages that were found and not shown to the model, with the reasons."""
    rows = "".join(
        f"<li>{_link(prose.address(one.passage), one.passage.source)} · "
        f"{one.passage.score:.2f} · {escape(one.reason)}</li>"
        for one in passages
    )
    return (
        f'<details class="dropped"><summary>{len(passages)} more found, not shown to the model'
        f"</summary><ul>{rows}</ul></details>"
    )


def _link(address: str, text: str) -> str:
    """Return a link into a document: the page opens it at its side, or the browser in a new tab."""
    return f'<a class="lead" href="{escape(address)}" target="_blank">{escape(text)}</a>'


def _score(passage: Passage) -> str:
    return (
        f'<span class="score">score {passage.score:.2f} '
        f"(dense {passage.dense:.2f}, BM25 {passage.bm25:.2f})</span>"
    )


# --- what the page waits for


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


# --- the library


def documents(entries: Sequence[Entry], skipped: Mapping[str, str], opening: bool) -> str:
    """Return the table of documents, and those that were skipped."""
    parts = []
    if entries:
        rows = "".join(
            f'<tr><th scope="row">{_link(links.document(entry.name), entry.name)}</th>'
            f"<td>{escape(entry.title)}</td>"
            f'<td class="number">{entry.chunks} {_link(links.chunks(entry.name), "chunks")}</td>'
            f'<td class="number">{entry.pages or "–"}</td></tr>'
            for entry in entries
        )
        parts.append(
            '<div class="scroll"><table class="documents"><thead><tr><th scope="col">Document</th>'
            '<th scope="col">Title</th><th scope="col" class="number">Passages</th>'
            f'<th scope="col" class="number">Pages</th></tr></thead><tbody>{rows}</tbody></table>'
            "</div>"
        )
    else:
        text = "The documents are still being read." if opening else "No documents yet: add one."
        parts.append(f'<p class="empty">{text}</p>')
    if skipped:
        parts.append(f"<h3>Skipped</h3>{reasons(sorted(skipped.items()))}")
    return "".join(parts)


def reasons(rows: Sequence[tuple[str, str]]) -> str:
    """Return names with what is wrong with each."""
    items = "".join(f"<li><b>{escape(name)}</b>: {escape(why)}</li>" for name, why in rows)
    return f'<ul class="reasons">{items}</ul>'


def hint(line: str) -> str:
    """Return a line of advice."""
    return f'<p class="hint">{escape(line)}</p>'


def said(line: str) -> str:
    """Return a line of news."""
    return f'<p class="said">{escape(line)}</p>'


def report(done: Report | None, rejected: Sequence[tuple[str, str]]) -> str:
    """Return what became of uploaded files: the report, and those that were not taken."""
    parts = [said(f"{done}.")] if done else []
    refused = [*rejected, *(done.skipped if done else [])]
    if refused:
        parts.append(f'<div class="error"><p>Not added:</p>{reasons(refused)}</div>')
    return "".join(parts)
