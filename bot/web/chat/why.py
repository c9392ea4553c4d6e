"""How an answer came about, as HTML: folded under it, and every step of it folded again.

Everything in the steps is text and stays text. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from bot.explain import learn_more, stages
from bot.explain.stages import Span
from bot.explain.steps import Step, explain
from bot.trace import Answer
from bot.web import links
from ingest.index import IndexedChunk


def why(answer: Answer, taught: Mapping[str, IndexedChunk] | None = None) -> str:
    """Return how an answer came about, folded; taught: see `steps.explain`."""
    steps = "".join(step(one) for one in explain(answer, taught))
    return f'<details class="why"><summary>Why this answer</summary>{steps}</details>'


def step(one: Step) -> str:
    """Return one step: its sentence, and behind it the facts."""
    kind, sign = ("step alert", "Warning: ") if one.alert else ("step", "")
    parts = [facts(one.facts)] if one.facts else []
    parts += [
        f'<p class="whose">{escape(whose)}</p><pre>\n{escape(text)}</pre>'
        for whose, text in one.quotes
    ]
    if one.spans:
        parts.append(waterfall(one.spans))
    if one.taught:
        parts.append(more(one.taught))
    return (
        f'<details class="{kind}"><summary><b>{escape(one.title)}</b> '
        f"{sign}{escape(one.summary)}</summary>{''.join(parts)}</details>"
    )


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Return labels and values; a value may have lines."""
    found = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in rows
    )
    return f'<dl class="facts">{found}</dl>'


def more(taught: IndexedChunk) -> str:
    """Return the link to a passage that teaches."""
    place = links.reader(taught.document, taught.start, taught.end, taught.text)
    return (
        f'<p class="more"><a href="{escape(place)}" target="_blank">'
        f"{escape(learn_more.more(taught))}</a></p>"
    )


def waterfall(spans: Sequence[Span]) -> str:
    """Return each stage where it lies in the time of all, and as long as it took."""
    end = stages.end(spans)
    rows = "".join(
        f'<li><span class="stage">{escape(span.stage)}</span>'
        f'<span class="track"><span class="bar" style="margin-left:{span.start / end:.2%};'
        f'width:{span.length / end:.2%}"></span></span>'
        f'<span class="time">{span.length:,.1f} ms from {span.start:,.1f}</span></li>'
        for span in spans
    )
    return f'<ul class="waterfall">{rows}</ul>'
