"""The page that compares: a question box, and three columns that fill one after the other.

What it shows is made in `html`, and what happens in `state`. Only `app.build` imports it, as it
does `chat`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from bot.experiments.comparison import Way
from bot.web import parts
from bot.web.compare import html
from bot.web.compare.state import Bench, run
from bot.web.room import Room
from bot.web.wiring import EXAMPLES, FRAME, QUICK, question_box, stopping


def page(room: Room) -> None:
    """Lay the page out and wire it."""
    bench = gr.State(Bench())
    gr.HTML(html.INTRO, elem_id="compare-intro", js_on_load=None)
    with gr.Row(elem_id="compare-asking"):
        box = question_box(
            "Question to compare",
            "A question on your documents (Enter compares)",
            "compare-question",
            max_lines=4,
        )
        go = gr.Button("Compare", variant="primary", scale=0, min_width=100, elem_id="compare-go")
        stop = gr.Button("Stop", variant="stop", scale=0, min_width=100, elem_id="compare-stop")
    with gr.Row(elem_id="compare-examples"):
        examples = [gr.Button(text, size="sm", scale=0) for text in EXAMPLES[:3]]
    status = gr.HTML(elem_id="compare-status", js_on_load=None)
    with gr.Row(elem_id="compare-ways"):
        ways = [
            gr.HTML(html.column(None, way), elem_classes="way-box", js_on_load=None) for way in Way
        ]

    def compare(question: str, bench: Bench) -> Iterator[list[Any]]:
        yield from pictures(room, bench, question)

    shown = [box, status, *ways]
    gr.on([box.submit, go.click], compare, [box, bench], shown, **QUICK)
    for example in examples:
        example.click(compare, [example, bench], shown, **QUICK)
    stop.click(halt, [bench], [status], **QUICK)


def pictures(room: Room, bench: Bench, question: str) -> Iterator[list[Any]]:
    """Compare; yield what box, status and columns show, again and again.

    A column that did not change is left alone, so that what was opened or selected there stays so.
    """
    if not question.strip():
        yield [gr.skip()] * (2 + len(Way))
        return
    last, drawn = 0.0, [""] * len(Way)
    box: Any = gr.Textbox(value=question.strip())
    with closing(run(room, bench, question.strip())) as work:
        for now in work:
            if now.endswith("writing") and time.monotonic() - last < FRAME:
                continue
            columns = [html.column(bench.trial, way) for way in Way]
            fresh = [
                new if new != old else gr.skip() for new, old in zip(columns, drawn, strict=True)
            ]
            yield [box, parts.status(now) or html.failed(bench.trial), *fresh]
            last, drawn, box = time.monotonic(), columns, gr.skip()


def halt(bench: Bench) -> Iterator[str]:
    """Stop the comparison; what there is of it stays."""
    trial = bench.trial
    if trial:
        trial.stopping = True
    yield from stopping(lambda: trial is not None and trial.outcome == "running")
