"""A receipt as one HTML page: no script runs, nothing is loaded, light or dark as the reader is.

Pure functions. All that comes from a question, a document or a model is escaped text; the JSON
travels along as data that no browser runs and no text can end.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from bot.path.citations import MARK
from bot.records.receipt import Receipt
from bot.trace import Answer, Dropped, Passage, Sentence

ID = "receipt"  # of the element that carries the JSON

PAPER = """\
:root { color-scheme: light dark; --ink: #1e293b; --soft: #56647a; --line: #d5dce6; --paper: #fff;
  --tint: #f4f7fa; --accent: #0f766e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e2e8f0; --soft: #a3b1c5; --line: #3a475a;
  --paper: #131a24; --tint: #1c2633; --accent: #5eead4; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
"""  # what every page that stands alone looks like
STYLE = (
    PAPER
    + """\
main { max-width: 50rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; overflow-wrap: anywhere; }
h1 { margin: .25rem 0 1rem; font-size: 1.6rem; line-height: 1.25; white-space: pre-wrap; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.1rem; border-bottom: 1px solid var(--line); }
h3 { margin: 0; font-size: 1rem; }
p { margin: .25rem 0; }
.soft, dt, th, figcaption { color: var(--soft); font-size: .875rem; font-weight: normal; }
.answer { padding: 1rem 1.25rem; border-left: 3px solid var(--accent); background: var(--tint);
  white-space: pre-wrap; }
.answer.abstained { border-color: var(--soft); }
.answer a { color: var(--accent); font-weight: 600; text-decoration: none; }
article { margin: 0 0 1rem; padding: .75rem 1rem; border: 1px solid var(--line);
  border-radius: 8px; }
article.cited, article:target { border-color: var(--accent); }
article b { color: var(--accent); }
pre { margin: .5rem 0 0; white-space: pre-wrap; font: inherit; }
.prompt pre, code { font: .85rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
dl { display: grid; grid-template-columns: minmax(8rem, auto) 1fr; gap: .2rem 1rem; margin: 0; }
dd { margin: 0; }
table { border-collapse: collapse; }
th, td { padding: .2rem 1rem .2rem 0; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
details { margin: .75rem 0; }
summary { cursor: pointer; }
"""
)


def page(receipt: Receipt) -> str:
    """Return the page; it needs nothing else, and carries the receipt's JSON."""
    answer = receipt.answer
    body = "".join(
        [
            _head(receipt),
            _section("Answer", answered(answer)),
            _section("Passages", passages(answer.passages, answer.dropped, answer.cited)),
            details(receipt),
        ]
    )
    data = json.dumps(receipt.to_json(), ensure_ascii=False)
    return document(answer.question, body, ID, data)


def document(title: str, body: str, id: str, data: str) -> str:
    """Return a whole page around its body; data: JSON, carried in an element of that id."""
    carried = data.replace("<", "\\u003c")  # `</script>` would end the element, `<!--` hide its end
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Whybot</title><style>\n{STYLE}</style></head>\n"
        f"<body><main>{body}</main>\n"
        f'<script type="application/json" id="{id}">{carried}</script></body></html>\n'
    )


def link(receipt: Receipt) -> str:
    """Return a link that saves the page; it carries all of it, so no server has to keep it."""
    name = f"receipt-{receipt.answer.id}.html"
    return f'<p class="receipt">{saving("Save the receipt", name, page(receipt))}</p>'


def saving(label: str, name: str, text: str, kind: str = "text/html") -> str:
    """Return a link that saves a text as a file."""
    data = base64.b64encode(text.encode("utf-8", "replace")).decode()
    return f'<a download="{escape(name)}" href="data:{kind};base64,{data}">{escape(label)}</a>'


def details(receipt: Receipt, level: int = 2) -> str:
    """Return what led to the answer and what made it; level: of the headings."""
    answer = receipt.answer
    parts = [
        ("Gate", _rows(_gate(answer))),
        ("Time", _times(answer.timings_ms)),
        ("Made with", _rows(_made_with(receipt))),
        ("Prompt", _prompt(answer)),
    ]
    return "".join(_section(title, html, level) for title, html in parts)


def _section(title: str, html: str, level: int = 2) -> str:
    return f"<section><h{level}>{title}</h{level}>{html}</section>\n"


def _rows(rows: Mapping[str, object]) -> str:
    found = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in rows.items()
    )
    return f"<dl>{found}</dl>"


def _table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table; numbers stand to the right."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    number = ' class="number"' if isinstance(value, int | float) else ""
    return f"<td{number}>{escape(str(value))}</td>"


def folded(title: str, html: str) -> str:
    """Return HTML behind a title that opens it."""
    return f"<details><summary>{title}</summary>{html}</details>"


def _head(receipt: Receipt) -> str:
    answer = receipt.answer
    parts = [
        f'<p class="soft">Receipt of an answer by whybot {escape(receipt.whybot)} ·'
        f" {escape(receipt.date)} · {escape(receipt.model.name)}</p>"
        f"<h1>{escape(answer.question)}</h1>"
    ]
    if answer.resolved_question != answer.question:
        parts.append(f'<p class="soft">understood as: {escape(answer.resolved_question)}</p>')
    if receipt.history:
        rows = [(turn.question, turn.answer) for turn in receipt.history]
        parts.append(folded("Asked before", _table(("question", "answer"), rows)))
    parts.append(
        '<p class="soft">Run it again, and see what changed: <code>whybot replay FILE</code></p>'
    )
    return f"<header>{''.join(parts)}</header>\n"


def answered(answer: Answer, anchor: str = "p") -> str:
    """Return an answer and its sentences; anchor: what the ids of its passages begin with."""
    known = {str(passage.n) for passage in answer.passages}

    def link(n: str) -> str:
        return f'<a href="#{anchor}{n}">[{n}]</a>' if n in known else f"[{n}]"

    # An escaped text has no bracket that it did not have before.
    text = MARK.sub(
        lambda mark: " " + "".join(link(n.strip()) for n in mark[1].split(",")),
        escape(answer.answer),
    )
    state = " abstained" if answer.abstained else ""
    parts = [f'<div class="answer{state}">{text}</div>']
    if answer.abstained:
        parts.append('<p class="soft">abstained</p>')
    parts += [f'<p class="soft">note: {escape(note)}</p>' for note in answer.notes]
    if answer.sentences:
        parts.append(folded("Sentence by sentence", _sentences(answer.sentences)))
    if answer.withheld:
        parts.append(folded("Withheld: no passage states it", _sentences(answer.withheld)))
    if answer.draft:
        parts.append(folded("Draft", f"<pre>{escape(answer.draft)}</pre>"))
    return "".join(parts)


def _sentences(sentences: Iterable[Sentence]) -> str:
    heads = ("sentence", "passages", "support", "found by", "nearest sentence")
    rows = (
        (
            one.text,
            ", ".join(map(str, one.citations)),
            f"{one.support:.0%}",
            one.reason,
            one.evidence.words if one.evidence else "",
        )
        for one in sentences
    )
    return _table(heads, rows)


def passages(
    shown: Iterable[Passage], dropped: Sequence[Dropped], cited: Collection[int], anchor: str = "p"
) -> str:
    """Return the passages, and those that the model was not shown."""
    parts = [_passage(passage, passage.n in cited, anchor) for passage in shown]
    if dropped:
        parts.append(folded("Found, and not shown to the model", _dropped(dropped)))
    return "".join(parts) or "<p>None was found.</p>"


def _passage(passage: Passage, cited: bool, anchor: str) -> str:
    dense = f"dense {passage.dense:.4f} ({_rank(passage.dense_rank)})"
    words = f"BM25 {passage.bm25:.4f} ({_rank(passage.bm25_rank)})"
    return (
        f'<article id="{anchor}{passage.n}"{" class=cited" if cited else ""}>'
        f"<h3><b>[{passage.n}]</b> {escape(passage.source)}</h3>"
        f'<p class="soft">score {passage.score:.4f}: {dense}, {words}'
        f" · characters {passage.start} to {passage.end}{' · cited' if cited else ''}</p>"
        f'<pre>{escape(passage.shown)}</pre><p class="soft"><code>{escape(passage.id)}</code></p>'
        "</article>"
    )


def _rank(rank: int | None) -> str:
    return f"rank {rank}" if rank else "not ranked"


def _dropped(dropped: Iterable[Dropped]) -> str:
    rows = ((one.passage.source, f"{one.passage.score:.4f}", one.reason) for one in dropped)
    return _table(("passage", "score", "why not"), rows)


def _gate(answer: Answer) -> dict[str, object]:
    gate = answer.gate
    rows: dict[str, object] = {
        "passed": "yes" if gate.passed else "no",
        "reason": gate.reason or "-",
        "best passage": f"{gate.best:.4f} (asked from {gate.threshold} on)",
    }
    if gate.answerable is not None:
        rows["answerable"] = (
            f"{gate.answerable:.4f} (not doubted from {gate.answerable_threshold} on)"
        )
    if gate.signals:
        signals = asdict(gate.signals).items()
        rows |= {f"signal {name}": value for name, value in signals if value not in (None, "")}
    return rows


def _times(timings: Mapping[str, float]) -> str:
    return _table(("stage", "ms"), timings.items())


def _made_with(receipt: Receipt) -> dict[str, object]:
    tokens, corpus, known = receipt.answer.tokens, receipt.corpus, receipt.model.digest
    rows: dict[str, Any] = {
        "whybot": receipt.whybot,
        "model": receipt.model.name,
        "model digest": known or "not known",
        "tokens": f"{tokens.prompt} read of {tokens.window}, {tokens.completion} written",
        "corpus": f"{corpus.documents} documents, {corpus.chunks} chunks in the index",
        "corpus SHA-256": f"{corpus.sha256}, of what sha256sum prints of the documents",
        "form of receipt": receipt.format,
    }
    rows |= {f"index: {name}": value for name, value in receipt.embedder.items()}
    rows |= {f"setting {name}": value for name, value in asdict(receipt.settings).items()}
    if receipt.answer.parameters:
        rows["turned for this answer"] = receipt.answer.parameters.told
    return rows


def _prompt(answer: Answer) -> str:
    blocks = "".join(
        f"<figure><figcaption>{escape(message['role'])}</figcaption>"
        f"<pre>{escape(message['content'])}</pre></figure>"
        for message in answer.prompt
    )
    if not blocks:
        return "<p>The model was not asked.</p>"
    return f'<div class="prompt">{folded("The messages, as they were sent", blocks)}</div>'
