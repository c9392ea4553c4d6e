"""The what-if page: change the parameters of an answered question, and see what becomes of it.

What it shows is made in `html`, and what happens in `state`. Only `app.build` imports it, as it
does `chat`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gradio as gr

from bot.records.turn import Exchange
from bot.web import parts
from bot.web.room import Room
from bot.web.tab import Conversation
from bot.web.whatif import html, state
from bot.web.whatif.state import Bench, Work
from bot.web.wiring import QUICK, stopping

FRAME = 0.1  # seconds between two pictures while a model writes
MOST = 20  # passages that can be asked for; what the settings take
# What is typed into a slider's box is sent as it is, also when the box is empty or holds too much.
WITHIN = f"""(tried, ...values) => [tried, ...[[1, {MOST}], [0, 1], [0, 1]].map(
  ([least, most], n) => Math.min(most, Math.max(least, Number(values[n]) || 0)))]"""
HINT = (
    '<p class="hint">Turning a parameter asks no model: the candidates are ranked anew at once. '
    "Only “Answer again” and “Leave each one out” do.</p>"
)


def page(room: Room, talk: gr.State, tab: gr.Tab) -> None:
    """Lay the page out and wire it."""
    tried = gr.State(Bench())
    choice = gr.Dropdown(label="Question", choices=[], value=None, elem_id="tried-question")
    with gr.Row(elem_id="tried"):
        with gr.Column(scale=1, min_width=280, elem_id="parameters"):
            top_k = gr.Slider(1, MOST, step=1, label="Passages shown (top-k)", buttons=[])
            weight = gr.Slider(
                0, 1, step=0.05, buttons=[],
                label="Dense weight (0: words alone, 1: meaning alone)",
            )  # fmt: skip
            threshold = gr.Slider(
                0, 1, step=0.01, label="Threshold of the gate (best score needed)", buttons=[]
            )
            reset = gr.Button("Turn back", size="sm", elem_id="turn-back")
            gr.HTML(HINT, js_on_load=None)
            again = gr.Button("Answer again with these", variant="primary", elem_id="again")
            each = gr.Button("Leave each one out", elem_id="each")
            stop = gr.Button("Stop", variant="stop", elem_id="stop-trying")
            status = gr.HTML(elem_id="trying", js_on_load=None)
        with gr.Column(scale=3, min_width=340):
            script = (Path(__file__).parent / "whatif.js").read_text("utf-8")
            ranking = gr.HTML(html.NOTHING, elem_id="ranking", js_on_load=script)
    results = gr.HTML(elem_id="results", js_on_load=None)

    parameters = [top_k, weight, threshold]
    drawn = [*parameters, ranking, status, results]

    def look(talk: Conversation, tried: Bench) -> Iterator[list[Any]]:
        yield from looked(room, talk, tried)

    def choose(talk: Conversation, tried: Bench, number: int | None) -> Iterator[list[Any]]:
        yield from chosen(room, talk, tried, number)

    def flip(tried: Bench, pressed: gr.EventData) -> str:
        tried.flip(str(pressed.id))
        return html.ranking(tried)

    def run_again(tried: Bench) -> Iterator[list[Any]]:
        yield from pictures(tried, state.again(room, tried))

    def run_each(tried: Bench) -> Iterator[list[Any]]:
        yield from pictures(tried, state.leave_out(room, tried))

    now: dict[str, Any] = {**QUICK, "queue": False, "trigger_mode": "always_last"}
    tab.select(look, [talk, tried], [choice, *drawn], **QUICK)
    choice.input(choose, [talk, tried, choice], drawn, **QUICK)
    gr.on(
        [one.input for one in parameters], turned, [tried, *parameters], ranking, js=WITHIN, **now
    )
    ranking.flip(flip, tried, ranking, **{**now, "trigger_mode": "multiple"})
    reset.click(turned_back, tried, [*parameters, ranking], **now)
    again.click(run_again, tried, [status, results], **QUICK)
    each.click(run_each, tried, [status, results], **QUICK)
    stop.click(halt, tried, status, **QUICK)


def looked(room: Room, talk: Conversation, tried: Bench) -> Iterator[list[Any]]:
    """Show the last answered question, or the one that is on the bench if none came since."""
    answered = _answered(talk)
    choices = [(one.question, number) for number, one in enumerate(answered)]
    held = next((n for n, one in enumerate(answered) if one.answer is _held(tried)), None)
    number = held if held is not None and tried.known == len(answered) else len(answered) - 1
    tried.known = len(answered)
    choice: Any = gr.Dropdown(choices=choices, value=number if answered else None)
    for shown in chosen(room, talk, tried, number):
        yield [choice, *shown]
        choice = gr.skip()


def chosen(room: Room, talk: Conversation, tried: Bench, number: int | None) -> Iterator[list[Any]]:
    """Put an answered question on the bench and show it; what runs on another is stopped."""
    answered = _answered(talk)
    if number is None or not 0 <= number < len(answered):
        tried.clear()
        yield [*_drawn(tried, "")[:3], html.NOTHING, "", ""]
        return
    answer = answered[number].answer
    if answer is None or tried.fits(answer, room):
        yield [*_drawn(tried, "")[:4], gr.skip(), gr.skip()]
        return
    tried.clear()
    while tried.busy:
        time.sleep(FRAME)
    with closing(state.prepare(room, tried, answer)) as work:
        for doing in work:
            yield _drawn(tried, doing)


def turned(tried: Bench, top_k: int, weight: float, threshold: float) -> str:
    """Change the parameters, and rank anew."""
    tried.turn(int(top_k), weight, threshold)
    return html.ranking(tried)


def turned_back(tried: Bench) -> list[Any]:
    """Turn everything back to where it stood for the answer."""
    tried.reset()
    return _drawn(tried, "")[:4]


def pictures(tried: Bench, work: Work) -> Iterator[list[Any]]:
    """Show what is run as it goes on."""
    last, doing = 0.0, ""
    with closing(work):
        for now in work:
            if now and now == doing and time.monotonic() - last < FRAME:
                continue
            yield [parts.status(now), html.results(tried)]
            last, doing = time.monotonic(), now


def halt(tried: Bench) -> Iterator[str]:
    """Stop what is run; what there is of it stays."""
    tried.stop()
    yield from stopping(lambda: tried.busy)


def _answered(talk: Conversation) -> list[Exchange]:
    return [one for one in talk.exchanges if one.answer]


def _held(tried: Bench) -> object:
    return tried.case.answer if tried.case else None


def _drawn(tried: Bench, doing: str) -> list[Any]:
    """Return how the parameters stand, the ranking, the status and the results."""
    at = tried.parameters
    parameters = [at.top_k, at.dense_weight, at.threshold] if at else [gr.skip()] * 3
    return [
        *parameters,
        html.ranking(tried),
        parts.status(doing),
        html.results(tried),
    ]
