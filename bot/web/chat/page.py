"""The chat page: conversation, question box, and the sources beside them.

What it shows is made in `html`, and what happens in `bot.web.conversation`. Only `app.build`
imports it, because Gradio takes seconds to import and must be told before to keep to itself.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import gradio as gr

from bot.answer import in_force
from bot.records import receipt_html
from bot.records.conversations import folder
from bot.web import parts
from bot.web.chat import html
from bot.web.history import page as history
from bot.web.history.state import keeping
from bot.web.room import Room
from bot.web.tab import Conversation, ask
from bot.web.wiring import EXAMPLES, FRAME, QUICK, question_box, stopping

PLACEHOLDER = (
    '<div class="hello"><h2>Ask your documents</h2><p>Answers come from the passages shown '
    "beside them, and are made on this machine.</p></div>"
)


def page(room: Room, talk: gr.State) -> None:
    """Lay the page out and wire it."""
    home = folder(room.settings)
    with gr.Row(elem_id="desk"):
        panel = history.lay_out() if home else None
        with gr.Column(scale=3, min_width=360, elem_id="left"):
            chat = gr.Chatbot(
                label="Conversation",
                show_label=False,
                elem_id="chat",
                layout="bubble",
                height=None,
                buttons=[],
                feedback_options=None,
                line_breaks=False,
                latex_delimiters=[],
                placeholder=PLACEHOLDER,
                examples=[{"text": text} for text in EXAMPLES],
            )
            status = gr.HTML(elem_id="status", js_on_load=None)
            with gr.Row(elem_id="asking"):
                box = question_box(
                    "Question",
                    "Ask a question (Enter sends, Shift+Enter starts a new line)",
                    "question",
                    max_lines=6,
                )
                send = gr.Button("Send", variant="primary", scale=0, min_width=84, elem_id="send")
                stop = gr.Button("Stop", variant="stop", scale=0, min_width=84, elem_id="stop")
                new = gr.Button("New chat", scale=0, min_width=100, elem_id="new")
                toggle = history.button() if home else None
        with gr.Column(scale=2, min_width=320, elem_id="right"):
            scope = gr.Dropdown(
                label="Ask only these documents (none: all)",
                choices=names(room),
                multiselect=True,
                elem_id="scope",
            )
            gr.HTML("<h2>Sources</h2>", elem_id="sources-title", js_on_load=None)
            sources = gr.HTML(beside(Conversation()), elem_id="sources", js_on_load=None)

    shown = [chat, status, sources, box]

    def answer(question: str, talk: Conversation, only: list[str]) -> Iterator[list[Any]]:
        yield from keeping(home, talk, pictures(room, talk, question, only))

    def example(talk: Conversation, only: list[str], chosen: gr.SelectData) -> Iterator[list[Any]]:
        yield from keeping(home, talk, pictures(room, talk, chosen.value["text"], only))

    def select(talk: Conversation, chosen: gr.SelectData) -> Any:
        index = chosen.index[0] if isinstance(chosen.index, list | tuple) else chosen.index
        before, talk.shown = talk.current, index // 2
        return gr.skip() if talk.current is before else beside(talk)

    asked = [
        gr.on([box.submit, send.click], answer, [box, talk, scope], shown, **QUICK),
        chat.example_select(example, [talk, scope], shown, **QUICK),
    ]
    scope.focus(lambda: gr.Dropdown(choices=names(room)), None, [scope], **QUICK)
    chat.select(select, [talk], [sources], **QUICK)
    stop.click(halt, [talk], [status], **QUICK)
    begun = new.click(clear, [talk], shown, **QUICK)
    if home and panel and toggle:
        history.wire(home, panel, toggle, talk, shown, whole, asked, begun)


def names(room: Room) -> list[str]:
    """Return the documents that can be asked alone, and their folders."""
    documents = [entry.name for entry in room.documents()]
    folders = {f"{above}/" for name in documents for above in PurePath(name).parents}
    return sorted({*documents, *folders} - {"./", "//"})


def pictures(
    room: Room, talk: Conversation, question: str, only: Sequence[str] = ()
) -> Generator[list[Any], None, None]:
    """Ask a question; yield what conversation, status, sources and box show, again and again.

    only: the documents, or folders of them, that are asked; empty: all.

    Questions wait for each other in the room and not in Gradio's queue, so that the page can say
    what they wait for, and Stop reaches those that wait. Whether Send or Stop is shown follows
    from the status, in the style sheet: two buttons that come and go lag behind.
    """
    if not question.strip():
        yield [gr.skip()] * 4
        return
    last, doing, passages = 0.0, "", None
    box: Any = gr.Textbox(value="")
    scoped = replace(in_force(room.settings), only=tuple(only)) if only else None
    with closing(ask(room, talk, question.strip(), scoped)) as work:
        for now in work:
            if now == doing == "writing" and time.monotonic() - last < FRAME:
                continue
            shown = talk.current.passages if talk.current else None
            yield [
                html.messages(talk),
                parts.status(now),
                gr.skip() if now and shown is passages is not None else beside(talk),
                box,
            ]
            last, doing, passages, box = time.monotonic(), now, shown, gr.skip()


def halt(talk: Conversation) -> Iterator[str]:
    """Stop the answer that is being written; what there is of it stays."""
    talk.stopping = True
    yield from stopping(lambda: any(one.outcome == "running" for one in talk.exchanges))


def clear(talk: Conversation) -> list[Any]:
    """Begin a new conversation."""
    talk.clear()
    return whole(talk)


def whole(talk: Conversation) -> list[Any]:
    """Return what conversation, status, sources and box show when another one is opened."""
    return [html.messages(talk), "", beside(talk), gr.Textbox(value="")]


def beside(talk: Conversation) -> str:
    """Return what stands beside the conversation: the sources of an answer, and its receipt."""
    kept = talk.current.receipt if talk.current else None
    return html.sources(talk) + (receipt_html.link(kept) if kept else "")
