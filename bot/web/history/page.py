"""The panel of kept conversations beside the chat: open, rename, delete, export.

The files are written in `bot.records.conversations`. Only the chat's page imports it. The panel is
opened and closed in the browser alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from bot.records import conversations as store
from bot.records.conversations import NotKept, Place
from bot.web import parts
from bot.web.history import html
from bot.web.tab import Conversation
from bot.web.wiring import QUICK

Mode = Literal["", "naming", "sure", "undo"]  # which of the panel's questions is asked

TOGGLE = (
    '<button type="button" aria-expanded="false" aria-controls="history">'
    'History<span class="sr"> of conversations</span></button>'
)
TOGGLED = """
const button = element.querySelector("button");
button.addEventListener("click", () => {
  const open = document.body.toggleAttribute("data-history");
  button.setAttribute("aria-expanded", open);
  if (!open) return;
  document.getElementById("history").scrollIntoView({ block: "nearest" });
  trigger("click");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.closest("#history")) return;
  button.click();
  button.focus();
});
"""
# The list is drawn anew when another conversation is the current one: the focus stays with it.
CHOSEN = """
let chosen = false;
element.addEventListener("click", (event) => {
  const row = event.target.closest("button[data-id]");
  if (row) { chosen = true; trigger("click", { id: row.dataset.id }); }
});
watch("value", () => {
  if (chosen && !element.contains(document.activeElement))
    element.querySelector("[aria-current]")?.focus({ preventScroll: true });
  chosen = false;
});
"""
# Where the panel lies above the chat it would hide what was just opened.
AWAY = """() => {
  if (!matchMedia("(max-width: 1100px)").matches) return;
  document.body.removeAttribute("data-history");
  const button = document.querySelector("#history-toggle button");
  button.setAttribute("aria-expanded", false);
  button.focus({ preventScroll: true });
}"""
# What an event shows is there a little later.
FOCUS = """() => {
  let left = 40;
  const look = () => {
    const found = document.querySelector("%s");
    if (found?.offsetParent) { found.focus(); found.select?.(); }
    else if (left--) setTimeout(look, 25);
  };
  look();
}"""


@dataclass(frozen=True)
class Panel:
    """The parts of the panel."""

    rows: gr.HTML
    acts: gr.Row  # what can be done with the conversation that is open
    rename: gr.Button
    export: gr.Button
    delete: gr.Button
    naming: gr.Column
    title: gr.Textbox
    save: gr.Button
    cancel: gr.Button
    said: gr.HTML
    confirm: gr.Row
    sure: gr.Button
    keep: gr.Button
    undo: gr.Button

    @property
    def shown(self) -> list[Any]:
        """Return what `view` fills."""
        return [
            self.rows, self.acts, self.naming, self.title, self.said, self.confirm, self.undo
        ]  # fmt: skip


def button() -> gr.HTML:
    """Lay out the button that opens and closes the panel."""
    return gr.HTML(TOGGLE, elem_id="history-toggle", js_on_load=TOGGLED)


def lay_out() -> Panel:
    """Lay out the panel, empty."""
    with gr.Column(scale=0, min_width=260, elem_id="history"):
        gr.HTML("<h2>History</h2>", elem_id="history-head", js_on_load=None)
        rows = gr.HTML(elem_id="history-rows", js_on_load=CHOSEN)
        with gr.Row(visible=False, elem_id="history-acts") as acts:
            rename = gr.Button("Rename", size="sm", min_width=70)
            export = gr.Button("Export", size="sm", min_width=70)
            delete = gr.Button("Delete …", size="sm", min_width=70)
        with gr.Column(visible=False, elem_id="history-naming", min_width=0) as naming:
            title = gr.Textbox(label="Title", max_lines=1, max_length=store.TITLE_MOST)
            with gr.Row():
                save = gr.Button("Save title", size="sm", variant="primary", min_width=80)
                cancel = gr.Button("Cancel", size="sm", min_width=80)
        said = gr.HTML(html.news(""), elem_id="history-said", js_on_load=None)
        with gr.Row(visible=False, elem_id="history-sure") as confirm:
            sure = gr.Button("Yes, delete it", size="sm", variant="stop", min_width=100)
            keep = gr.Button("Keep it", size="sm", min_width=80)
        undo = gr.Button("Undo", visible=False, size="sm", elem_id="history-undo")
    return Panel(
        rows, acts, rename, export, delete, naming, title, save, cancel, said, confirm, sure, keep,
        undo,
    )  # fmt: skip


def wire(
    home: Path,
    panel: Panel,
    toggle: gr.HTML,
    talk: gr.State,
    shown: Sequence[Any],
    whole: Callable[[Conversation], list[Any]],
    asked: Sequence[Any],
    begun: Any,
) -> None:
    """Wire the panel to the chat.

    shown, whole: the chat's components, and what fills them; its second one is the status. asked,
    begun: the events after which a conversation may have changed, and a new one began.
    """
    gone = gr.State("")  # the id of the conversation that this tab deleted last

    def choose(talk: Conversation, event: gr.EventData) -> list[Any]:
        opened, *panel = resumed(home, talk, str(getattr(event, "id", "")))
        return [*(whole(talk) if opened else [gr.skip()] * len(shown)), *panel]

    def drop(talk: Conversation) -> list[Any]:
        id, *panel = dropped(home, talk)
        return [*(whole(talk) if id else [gr.skip()] * len(shown)), *panel, id]

    def back(talk: Conversation, id: str) -> list[Any]:
        opened, *panel = restored(home, talk, id)
        return [*(whole(talk) if opened else [gr.skip()] * len(shown)), *panel]

    def on(event: Any, work: Callable[..., list[Any]], *more: Any, focus: str = "") -> None:
        done = event(lambda *given: work(home, *given), [talk, *more], panel.shown, **QUICK)
        if focus:
            done.then(None, js=FOCUS % focus)

    # The list alone: what was pressed meanwhile, on a panel seen sooner, has its own answer.
    toggle.click(lambda talk: _rows(home, talk), [talk], [panel.rows], **QUICK).then(
        None, js=FOCUS % "#history-rows button"
    )
    on(panel.rename.click, naming, focus="#history-naming textarea, #history-naming input")
    on(panel.title.submit, renamed, panel.title, focus="#history-acts button")
    on(panel.save.click, renamed, panel.title, focus="#history-acts button")
    on(panel.cancel.click, view, focus="#history-acts button")
    on(panel.export.click, exported, focus="#history-said a")
    on(panel.delete.click, doubted, focus="#history-sure button:last-child")
    on(panel.keep.click, view, focus="#history-acts button:last-child")
    everything = [*shown, *panel.shown]
    panel.rows.click(choose, [talk], everything, **QUICK).then(None, js=AWAY)
    panel.sure.click(drop, [talk], [*everything, gone], **QUICK).then(
        None, js=FOCUS % "#history-undo"
    )
    panel.undo.click(back, [talk, gone], everything, **QUICK).then(
        None, js=FOCUS % "#history-rows [aria-current]"
    )
    for event in asked:
        event.then(
            lambda talk: after(home, talk), [talk], [panel.rows, panel.acts, shown[1]], **QUICK
        )
    begun.then(lambda talk: view(home, talk), [talk], panel.shown, **QUICK)


# --- what the panel shows


def after(home: Path, talk: Conversation) -> list[Any]:
    """Return what list, actions and status show when an answer is over."""
    status = parts.failure(NotKept(talk.unkept)) if talk.unkept else gr.skip()
    return [_rows(home, talk), gr.Row(visible=bool(talk.kept.id)), status]


def view(home: Path, talk: Conversation, mode: Mode = "", said: str = "") -> list[Any]:
    """Return what the whole panel shows; said: HTML."""
    open = bool(talk.kept.id)
    return [
        _rows(home, talk),
        gr.Row(visible=open and mode not in ("naming", "sure")),
        gr.Column(visible=mode == "naming"),
        gr.skip(),
        said or html.news(""),
        gr.Row(visible=mode == "sure"),
        gr.Button(visible=mode == "undo"),
    ]


def _rows(home: Path, talk: Conversation) -> str:
    return html.listed(*store.entries(home), talk.kept.id)


def _title(home: Path, talk: Conversation) -> str:
    found, _ = store.entries(home)
    return next((entry.title for entry in found if entry.id == talk.kept.id), "")


def _failed(home: Path, talk: Conversation, error: NotKept) -> list[Any]:
    return view(home, talk, said=parts.failure(error))


def resumed(home: Path, talk: Conversation, id: str) -> list[Any]:
    """Open a conversation as it was; return whether it did, and what the panel shows."""
    try:
        kept = store.read(home, id)
    except NotKept as error:
        return [False, *_failed(home, talk, error)]
    talk.resume(kept.exchanges, Place(id, len(kept.exchanges)))
    return [True, *view(home, talk)]


def naming(home: Path, talk: Conversation) -> list[Any]:
    """Ask for another title."""
    parts = view(home, talk, "naming")
    parts[3] = gr.Textbox(value=_title(home, talk))
    return parts


def renamed(home: Path, talk: Conversation, title: str) -> list[Any]:
    """Give the conversation that is open another title."""
    try:
        title = store.rename(home, talk.kept.id, title)
    except NotKept as error:
        return view(home, talk, "naming", parts.failure(error))
    return view(home, talk, said=html.news(f"It is now called “{title}”."))


def exported(home: Path, talk: Conversation) -> list[Any]:
    """Offer the conversation that is open as files."""
    try:
        kept = store.read(home, talk.kept.id)
    except NotKept as error:
        return _failed(home, talk, error)
    return view(home, talk, said=html.links(kept, talk.kept.id))


def doubted(home: Path, talk: Conversation) -> list[Any]:
    """Ask before the conversation that is open is deleted."""
    question = html.sure(_title(home, talk), home / store.DELETED)
    return view(home, talk, "sure", question)


def dropped(home: Path, talk: Conversation) -> list[Any]:
    """Delete the conversation that is open; return its id, and what the panel shows."""
    id = talk.kept.id
    try:
        store.delete(home, id)
    except NotKept as error:
        return ["", *_failed(home, talk, error)]
    talk.clear()
    return [id, *view(home, talk, "undo", html.news("Deleted."))]


def restored(home: Path, talk: Conversation, id: str) -> list[Any]:
    """Bring a deleted conversation back and open it; as `resumed`."""
    try:
        store.restore(home, id)
    except NotKept as error:
        return [False, *_failed(home, talk, error)]
    return resumed(home, talk, id)
