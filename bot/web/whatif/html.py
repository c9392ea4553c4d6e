"""What-if to HTML: the ranking under other parameters, two answers side by side, one passage less.

Everything that comes from a document, a question or a model is text and stays text. Pure
functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import shorten

from bot.answer import UNFIT, depth
from bot.experiments import whatif
from bot.experiments.whatif import OFF, Case, Difference, LeftOut, Preview, Row
from bot.records import receipt_html
from bot.records.turn import Exchange
from bot.trace import Answer, Passage, Sentence
from bot.web import prose
from bot.web.parts import alert, meta, withheld
from bot.web.whatif.state import Bench, Trial
from ingest.counts import many

OPENING = 110  # characters of a passage, to know it by
NOTHING = (
    '<p class="empty nothing">Ask a question in the chat first: what its answer rests on can be '
    "turned and tried out here.</p>"
)


# --- the ranking


def ranking(bench: Bench) -> str:
    """Return the candidates as the parameters rank them, and what the gate makes of them."""
    case, parameters = bench.case, bench.parameters
    if case is None or parameters is None:
        return ""
    seen = whatif.preview(case, parameters)
    rows = [one for one in seen.rows if _near(one, seen)]
    parts = [_gate(seen)]
    if case.stale:
        parts.append(
            '<p class="note">The question finds other passages now than when it was answered: '
            "“was” is how it is ranked today.</p>"
        )
    parts.append(f'<ol class="ranking">{"".join(_row(one, seen) for one in rows)}</ol>')
    if more := len(seen.rows) - len(rows):
        lower = many(more, "more candidate ranks", "more candidates rank")
        parts.append(f'<p class="more">{lower} lower.</p>')
    return "".join(parts)


def _near(row: Row, seen: Preview) -> bool:
    """Tell whether a candidate is shown, was, could soon be, or was switched off here."""
    near = row.passage.n <= depth(seen.parameters)
    return near or row.n_before is not None or row.passage.id in seen.parameters.without


def _gate(seen: Preview) -> str:
    gate, shown = seen.gate, len(seen.shown)
    scores = f"the best passage scores {gate.best:.2f}, and {gate.threshold:.2f} is needed"
    if not gate.passed:
        why = UNFIT if gate.reason == UNFIT else scores
        return f'<p class="gate stops"><b>The gate stops it:</b> {why}. No model is asked.</p>'
    those = many(shown, "passage is", "passages are")
    return (
        f'<p class="gate"><b>The gate passes:</b> {scores}. {those} shown to the model, which then '
        "judges whether they hold the answer.</p>"
    )


def _row(row: Row, seen: Preview) -> str:
    passage, weight = row.passage, seen.parameters.dense_weight
    off = passage.id in seen.parameters.without
    kind = "off" if off else "left" if row.n is None else "shown"
    number = f"[{row.n}]" if row.n else "–"
    place = escape(passage.source, quote=True)
    opening = shorten(passage.text, OPENING, placeholder=" …")
    return (
        f'<li class="row {kind}"><button type="button" class="switch" role="switch" '
        f'aria-checked="{"false" if off else "true"}" data-id="{escape(passage.id)}" '
        f'aria-label="Use {place}"></button>'
        f'<div class="what"><p><b class="n">{number}</b> {_link(passage, passage.source)}</p>'
        f'<p class="opening-words">{escape(opening)}</p>'
        f'<p class="fate">{_fate(row, seen)}</p></div>'
        f'<div class="figures"><p class="rank">{_rank(row)}</p>'
        f"{_bar(passage, seen)}"
        f'<p class="sum">{weight:g} × {max(passage.dense, 0.0):.3f} dense + '
        f"{1 - weight:g} × {passage.bm25:.3f} BM25 = <b>{passage.score:.3f}</b></p>"
        "</div></li>"
    )


def _rank(row: Row) -> str:
    now, before = row.passage.n, row.rank_before
    if before is None:
        return f"rank {now}, was not there"
    if now == before:
        return f"rank {now}, as before"
    way = "up" if now < before else "down"
    sign = f'<span aria-hidden="true">{"▲" if now < before else "▼"}</span>'
    return f'rank {now}, <span class="{way}">{sign} was {before}</span>'


def _fate(row: Row, seen: Preview) -> str:
    was = "was left out" if row.n_before is None else f"was [{row.n_before}]"
    if row.n is None:
        end = "" if row.n_before is None else f" ({was})"
        return f"{'switched off' if row.fate == OFF else f'left out: {escape(row.fate)}'}{end}"
    now = "shown to the model" if seen.gate.passed else "would be shown, if the model were asked"
    return now if row.n == row.n_before else f"{now} ({was})"


def _bar(passage: Passage, seen: Preview) -> str:
    """Draw both parts of a score in one bar, 0 to 1, and where the threshold of the gate lies."""
    weight = seen.parameters.dense_weight
    dense, words = weight * max(passage.dense, 0.0), (1 - weight) * passage.bm25
    return (
        f'<span class="track" aria-hidden="true"><span class="dense" style="width:{dense:.1%}">'
        f'</span><span class="words" style="width:{words:.1%}"></span>'
        f'<span class="mark" style="left:{seen.parameters.threshold:.1%}"></span></span>'
    )


def _link(passage: Passage, name: str) -> str:
    """Return a link to where a passage stands in its document."""
    place = prose.address(passage)
    return f'<a href="{escape(place)}" target="_blank" rel="noopener">{escape(name)}</a>'


# --- what was run


def results(bench: Bench) -> str:
    """Return what was run with the parameters: the other answer, and the answers with one less."""
    parts = []
    if bench.error:
        parts.append(alert(bench.error))
    if bench.case and bench.again:
        parts.append(side_by_side(bench.case, bench.again))
    if bench.trial:
        parts.append(trial(bench.trial, bench.busy))
    return "".join(parts)


def side_by_side(case: Case, again: Exchange) -> str:
    """Return the former answer beside the new one, and what changed."""
    before, after = case.answer, again.answer
    told = after.parameters.told if after and after.parameters else ""
    left = _answer(before, after, "gone")
    right = _answer(after, before, "new") if after else _unfinished(again)
    head = f'<p class="verdict">{escape(_changed(before, after))}</p>' if after else ""
    return (
        f'<section class="again"><h3>Answered again</h3>{head}<div class="pair">'
        f'<div class="side"><h4>Before</h4><p class="told">{escape(case.base.told)}</p>{left}</div>'
        f'<div class="side"><h4>Now</h4><p class="told">{escape(told)}</p>{right}'
        f"{receipt_html.link(again.receipt) if again.receipt else ''}</div></div></section>"
    )


def _unfinished(again: Exchange) -> str:
    parts = [f'<div class="draft">{escape(again.draft)}</div>' if again.draft else "<p>…</p>"]
    if again.outcome == "failed":
        parts = [alert(again.error)]
    elif again.outcome == "stopped":
        parts.append('<p class="note">stopped</p>')
    return "".join(parts)


def _changed(before: Answer, after: Answer) -> str:
    changed = whatif.compare(before, after)
    if before.abstained and after.abstained:
        return "No answer before, and none now."
    if after.abstained:
        return "There is no answer any more."
    if before.abstained:
        return "There was no answer before, and now there is one."
    return f"{counted(changed)}."


def counted(changed: Difference) -> str:
    """Say in one line what became of the supported sentences."""
    parts = [
        (len(changed.stayed), "stayed"),
        (len(changed.reworded), "stayed in other words"),
        (len(changed.gone), "gone"),
    ]
    total = sum(count for count, _ in parts)
    told = ", ".join(f"{count} {what}" for count, what in parts if count)
    new = f"; {len(changed.new)} new" if changed.new else ""
    return f"Of {many(total, 'sentence')}: {told or 'none'}{new}"


def _answer(answer: Answer, other: Answer | None, alone: str) -> str:
    """Return an answer; alone: what its sentences are that the other has not."""
    parts = []
    if answer.abstained:
        parts.append(f'<p class="notice">{escape(answer.answer)}</p>')
    else:
        tags = {"same": "", "reworded": "in other words", "not": alone}
        rows = [
            (one, tags[whatif.kept(answer, one, other)] if other else "")
            for one in answer.sentences
        ]
        parts.append(_list(answer, rows))
    if answer.withheld:
        parts.append(withheld(answer.withheld))
    parts.append(f'<p class="meta">{escape(meta(answer))}</p>')
    return "".join(parts)


def _list(answer: Answer, tagged: Sequence[tuple[Sentence, str]]) -> str:
    rows = ""
    for one, tag in tagged:
        tag = tag if one.supported else "not supported"
        kind = f' class="{tag.replace(" ", "-")}"' if tag else ""
        said = f" <em>{tag}</em>" if tag else ""
        rows += f"<li{kind}>{escape(one.text)} {_cited(answer, one)}{said}</li>"
    return f'<ul class="sentences">{rows}</ul>'


def _cited(answer: Answer, sentence: Sentence) -> str:
    return "".join(_link(answer.passages[n - 1], f"[{n}]") for n in sentence.citations)


# --- one passage less


def trial(trial: Trial, busy: bool) -> str:
    """Return what the answer is without each of its passages."""
    base, outs = trial.base, trial.outs
    total = len(base.passages)
    done = f"{len(outs)} of {total} passages were left out"
    end = " so far." if busy else ": it was stopped."
    head = whatif.hanging(base, outs) if trial.whole else f"{done}{end}"
    told = f"with {base.parameters.told}" if base.parameters else "as in the chat"
    rows = "".join(_out(base, out) for out in outs)
    return (
        f'<section class="trial"><h3>Without each passage</h3><p class="verdict">{escape(head)}</p>'
        f'<p class="told">The answer {escape(told)}, once without each of its passages: the others '
        "stay, and none takes its place. What a single run shows is no more than that: a model may "
        f'also word a thing differently by chance.</p><ul class="outs">{rows}</ul></section>'
    )


def _out(base: Answer, out: LeftOut) -> str:
    gone = out.difference.gone
    kind = "vital" if out.vital else "some" if gone else "none"
    parts = [_list(base, [(one, "gone") for one in gone])] if gone else []
    if out.answer:
        parts.append(f"<h4>Without it</h4>{_answer(out.answer, base, 'new')}")
    return (
        f'<li class="out {kind}"><p><b>Without [{out.passage.n}]</b> '
        f"{_link(out.passage, out.passage.source)}</p>"
        f"<details><summary>{escape(_outcome(base, out))}</summary>{''.join(parts)}</details></li>"
    )


def _outcome(base: Answer, out: LeftOut) -> str:
    """Say what a passage was worth."""
    if out.answer is None:
        return "It is the only passage: without it the model is shown nothing."
    if out.abstains:
        return f"No answer any more. {counted(out.difference)}"
    if base.abstained:
        return "No answer, as before" if out.answer.abstained else "Now there is an answer"
    return counted(out.difference)
