"""A comparison to HTML: three columns of sentences, each with what became of it.

Pure functions. Everything that comes from a document, a question or a model is text and stays
text. What a mark means is said in words, never by a colour alone.
"""

from __future__ import annotations

from html import escape

from bot.experiments.comparison import ALONE, Column, Lesson, Said, Way
from bot.trace import Passage, Sentence
from bot.web import links, parts, prose
from bot.web.compare.state import Trial
from ingest.counts import many

TITLES = {
    Way.BARE: "Without documents",
    Way.FOUND: "With retrieval",
    Way.WRONG: "With wrong passages",
}
HOW = {
    Way.BARE: "The model alone, not fine-tuned on your documents. Its instructions are the same, "
    "less what they say of passages.",
    Way.FOUND: "The bot as it answers in the chat: search, gate, draft, and a check of every "
    "sentence.",
    Way.WRONG: "The same prompt over the passages least like the question, none of those found; in "
    "a small index they may still bear on it. The bot's gate is passed by on purpose.",
}
INTRO = (
    "<p>One question, answered three times by the same model, one after the other: that takes a "
    "minute or more, and the chat waits meanwhile. Every sentence is checked against the passages "
    "that retrieval found. “Not in the passages found” says that a strict check did not find it "
    "there; it may still be true.</p>"
)
REFUSAL = (
    "<strong>not in the passages found</strong>; read as saying that the answer is not there, and "
    "not counted"
)


def column(trial: Trial | None, way: Way) -> str:
    """Return one column, as far as it is."""
    title = f"{[*Way].index(way) + 1}. {TITLES[way]}"
    parts = [f'<h3>{title}</h3><p class="how">{HOW[way]}</p>']
    if trial:
        parts.append(state(trial, way))
        if done := trial.columns.get(way):
            parts.append(finished(trial, done))
        elif draft := trial.exchanges[way].draft:
            parts.append(
                f'<div class="unchecked"><p class="mark">not checked</p>{_shaped(draft)}</div>'
            )
    return f'<section class="way" aria-label="{title}">{"".join(parts)}</section>'


def state(trial: Trial, way: Way) -> str:
    """Say how far a column is."""
    doing = trial.states[way]
    if trial.outcome in ("stopped", "failed") and way not in trial.columns:
        doing = "stopped" if trial.exchanges[way].draft else "not begun"
    return f'<p class="state">{escape(doing)}</p>'


def finished(trial: Trial, done: Column) -> str:
    """Return what one way came to: its sentences, its numbers, and what they show."""
    found = trial.columns.get(Way.FOUND)
    places = {passage.n: passage for passage in (found.passages if found else [])}
    parts = [f'<p class="reply">{escape(done.reply)}</p>'] if done.refused and done.reply else []
    if done.said:
        rows = "".join(said(one, done, places) for one in done.said)
        parts.append(f'<ol class="said">{rows}</ol>')
    elif not done.reply:
        parts.append('<p class="reply">Nothing was written.</p>')
    parts.append(numbers(done))
    if done.passages:
        parts.append(given(done))
    if trial.result:
        parts.append(lesson(trial.result.lessons[done.way]))
    return "".join(parts)


# --- sentences


def said(one: Said, column: Column, places: dict[int, Passage]) -> str:
    """Return a sentence with its marks, and behind them why they are there."""
    sentence = one.sentence
    marks = [verdict(one, places)]
    if one.given and one.claim:
        marks.append(led(one.given))
    if one.alone:
        marks.append(f'<span class="tag">{ALONE[column.way]}</span>')
    rows = "".join(f"<span>{mark}</span>" for mark in marks)
    kind = "yes" if sentence.supported and not one.withheld else "no"
    return (
        f'<li class="{kind}"><div class="text">{_shaped(sentence.text)}</div>'
        f'<div class="marks">{rows}</div>{because(one, places)}</li>'
    )


def verdict(one: Said, places: dict[int, Passage]) -> str:
    """Say in words whether the passages found state a sentence."""
    sentence = one.sentence
    if not one.claim:
        return "claims nothing" if not one.refusal else REFUSAL
    if sentence.supported:
        cited = " ".join(_cite(sentence, n, places) for n in sentence.citations)
        return f"in the passages found {cited} support {sentence.support:.0%}"
    kept = ", withheld" if one.withheld else ""
    return f"<strong>not in the passages found{kept}</strong>"


def led(given: Sentence) -> str:
    """Say whether the wrong passages state a sentence."""
    if given.supported:
        return f"in the wrong passages, support {given.support:.0%}"
    return "not in the wrong passages"


def because(one: Said, places: dict[int, Passage]) -> str:
    """Return how the check came to its verdict, and the sentence it compared with, folded."""
    sentence = one.sentence
    if not one.claim:
        return ""
    share = f"support {sentence.support:.0%}: " if sentence.support else ""
    parts = [f"<p>{share}{escape(sentence.reason)}</p>"]
    if sentence.evidence:
        near = sentence.evidence
        parts.append(f"<p>The nearest in [{near.n}]: “{escape(near.text)}”</p>")
    if one.given and one.given.reason:
        parts.append(f"<p>Of the wrong passages: {escape(one.given.reason)}</p>")
    return f"<details><summary>how that was found</summary>{''.join(parts)}</details>"


def _cite(sentence: Sentence, n: int, places: dict[int, Passage]) -> str:
    """Return a link to the sentence that a citation rests on, or to its whole passage."""
    passage = places.get(n)
    if passage is None:
        return f"[{n}]"
    return _link(prose.address(passage, sentence.evidence), f"[{n}]", passage.source)


def _link(where: str, text: str, title: str) -> str:
    return (
        f'<a class="cite" href="{escape(where)}" target="_blank" rel="noopener" '
        f'title="{escape(f"Open {title}")}">{escape(text)}</a>'
    )


def _shaped(text: str) -> str:
    """Return a model's text with its shape, without links."""
    return prose.draft(text, [])


# --- numbers, passages, lessons


def numbers(done: Column) -> str:
    """Return what was measured of one way."""
    known = f", {done.cached} of them known from before" if done.cached else ""
    share = f"{done.supported} of {len(done.claims)} sentences" if done.claims else "no sentence"
    rows = [
        ("first word", "none" if done.first is None else f"{done.first:.1f} s"),
        ("last word" if done.way is not Way.FOUND else "checked", f"{done.total:.1f} s"),
        ("read", f"{done.prompt_tokens} tokens{known}"),
        ("in the passages found", share),
    ]
    facts = "".join(f"<div><dt>{label}</dt><dd>{escape(value)}</dd></div>" for label, value in rows)
    return f'<dl class="numbers">{facts}</dl>'


def given(done: Column) -> str:
    """Return the passages that the model was given, folded."""
    which = "found" if done.way is Way.FOUND else "least like the question"
    rows = "".join(
        f"<li>{_link(prose.address(one), f'[{one.n}]', one.source)} {escape(one.source)} "
        f"<span>score {one.score:.2f}, cosine {one.dense:.2f}</span></li>"
        for one in done.passages
    )
    told = many(len(done.passages), "passage")
    return f'<details class="given"><summary>{told} {which}</summary><ul>{rows}</ul></details>'


def lesson(learnt: Lesson) -> str:
    """Return what a column shows, and what a document says of the same."""
    parts = [f"<h4>What this shows</h4><p>{escape(learnt.text)}</p>"]
    if learnt.bot:
        parts.append(f"<p>{escape(learnt.bot)}</p>")
    for one in learnt.quotes:
        where = links.reader(one.document, one.start, one.end, one.text)
        parts.append(
            f"<blockquote>“{escape(one.text)}” "
            f"{_link(where, one.document, one.document)}</blockquote>"
        )
    return f'<div class="lesson">{"".join(parts)}</div>'


def failed(trial: Trial | None) -> str:
    """Return what went wrong, if something did."""
    if trial is None or trial.outcome != "failed":
        return ""
    return parts.alert(trial.error)
