"""The map page: the chunks of the index on a plane, and a question among them.

What it shows is made in `html`. Only `app.build` imports it, as it does `chat`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from bot.answer import depth, in_force, select
from bot.experiments.projection import Projection, project
from bot.path.retrieval import Snapshot
from bot.session import Bot
from bot.web import parts
from bot.web.map import html
from bot.web.map.html import Asked
from bot.web.room import Room
from bot.web.tab import PATIENCE, Conversation
from bot.web.wiring import QUICK, attempt, question_box

# What a point says is also shown under the map, at once, for the keyboard too, and selectable.
TELL = """
const tell = (event) => {
  const title = event.target.closest?.("a.point")?.querySelector("title");
  const tip = element.querySelector(".map-tip");
  if (title && tip) tip.textContent = title.textContent;
};
element.addEventListener("pointerover", tell);
element.addEventListener("focusin", tell);
"""


class Plane:
    """The plane of one index, found again only when the index changed."""

    def __init__(self) -> None:
        self._last: tuple[Snapshot, Projection] | None = None

    def of(self, index: Snapshot) -> Projection:
        """Return the plane; for the snapshot of last time, that of last time."""
        if self._last is None or self._last[0] is not index:
            self._last = index, project(index.vectors)
        return self._last[1]


def page(room: Room, talk: gr.State, tab: gr.Tab) -> None:
    """Lay the page out and wire it; it is drawn whenever its tab is selected."""
    with gr.Row(elem_id="map-asking"):
        box = question_box(
            "A question to place on the map",
            "Question (empty: the chat's)",
            "map-question",
            max_lines=1,
        )
        go = gr.Button("Show", scale=0, min_width=84, elem_id="map-show")
    doing = gr.HTML(elem_id="map-status", js_on_load=None)
    picture = gr.HTML(elem_id="map", js_on_load=TELL)
    plane = Plane()

    def draw(typed: str, talk: Conversation) -> Iterator[list[Any]]:
        yield from pictures(room, plane, talk, typed)

    gr.on([tab.select, box.submit, go.click], draw, [box, talk], [doing, picture], **QUICK)


def pictures(room: Room, plane: Plane, talk: Conversation, typed: str) -> Iterator[list[Any]]:
    """Yield what the map waits for, while it waits, then the map or what went wrong."""
    while not (shown := attempt(lambda: picture(room, plane, talk, typed.strip()))):
        yield [parts.opening(room.waiting_for, None), gr.skip()]
    yield ["", shown]


def picture(room: Room, plane: Plane, talk: Conversation, typed: str) -> str:
    """Return the map, or nothing while the bot is not free."""
    bot = room.borrow(PATIENCE)
    if bot is None:
        return ""
    try:
        index = bot.retriever.snapshot()
        question = asked(bot, talk, typed) if index.chunks else None
        return html.page(index, plane.of(index), question)
    finally:
        room.give_back()


def asked(bot: Bot, talk: Conversation, typed: str) -> Asked | None:
    """Return the question that was typed, else the one whose sources the chat shows."""
    if typed:
        parameters = in_force(bot.settings)
        passages, dropped = select(
            bot.retriever.retrieve(typed, depth(parameters)), parameters.top_k
        )
        return Asked(typed, bot.retriever.embedder.query(typed), passages, dropped)
    shown = talk.current
    if shown is None:
        return None
    question = shown.rewritten or shown.question
    vector = bot.retriever.embedder.query(question)
    return Asked(question, vector, shown.passages, shown.dropped, shown.cited)
