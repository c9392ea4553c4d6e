"""The library page: what the index holds, adding documents and removing them.

The work is done in `ingest.library`. Only `app.build` imports it, as it does `chat`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from bot.web import parts
from bot.web.library import html
from bot.web.room import Room, State
from bot.web.tab import Conversation
from bot.web.wiring import QUICK, attempt
from ingest import library
from ingest.documents import KINDS as READ
from ingest.documents import SUFFIXES
from ingest.errors import SettingError, WhybotError
from ingest.sync import Report

KINDS = f"Kinds: {READ}; up to 50 MB each."
TAKEN = "the library has another document of this name; tick “Replace” to put this one in its place"


def page(room: Room) -> tuple[gr.HTML, gr.Dropdown]:
    """Lay the page out and wire it; return what shows the documents."""
    table = gr.HTML(elem_id="documents", js_on_load=None)
    said = gr.HTML(elem_id="said", js_on_load=None)
    with gr.Row(elem_id="changes"):
        with gr.Column(min_width=320, elem_classes="card"):
            gr.HTML(f"<h3>Add documents</h3>{parts.hint(KINDS)}", js_on_load=None)
            replace = gr.Checkbox(label="Replace documents of the same name", elem_id="replace")
            upload = gr.UploadButton(
                "Choose files",
                file_count="multiple",
                file_types=sorted(SUFFIXES),
                variant="primary",
                elem_id="upload",
            )
        with gr.Column(min_width=320, elem_classes="card"):
            gr.HTML("<h3>Remove a document</h3>", js_on_load=None)
            choice = gr.Dropdown(label="Document", choices=[], value=None, elem_id="choice")
            ask = gr.Button("Remove …", elem_id="remove")
            with gr.Row(visible=False, elem_id="confirm") as confirm:
                sure = gr.Button("Yes, remove it", variant="stop", elem_id="sure")
                keep = gr.Button("Keep it", elem_id="keep")

    def add(
        files: list[str],
        replace: bool,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> list[Any]:
        return [attempt(lambda: added(room, files, replace, progress)), *listed(room)]

    def drop(name: str | None) -> list[Any]:
        return [attempt(lambda: dropped(room, name)), *listed(room), gr.Row(visible=False)]

    alone: dict[str, Any] = {"concurrency_id": "library", "api_visibility": "private"}
    upload.upload(add, [upload, replace], [said, table, choice], show_progress_on=[said], **alone)
    sure.click(drop, [choice], [said, table, choice, confirm], show_progress_on=[said], **alone)
    ask.click(confirmation, [choice], [said, confirm], **QUICK)
    keep.click(lambda: ["", gr.Row(visible=False)], None, [said, confirm], **QUICK)
    return table, choice


def listed(room: Room) -> list[Any]:
    """Return the table of documents and the choices of what can be removed."""
    entries = room.documents()
    names = [entry.name for entry in entries]
    opening = room.state is State.OPENING
    return [
        html.documents(entries, room.skipped, opening),
        gr.Dropdown(choices=names, value=None),
    ]


def refreshed(room: Room, talk: Conversation) -> list[Any]:
    """Return the documents if they changed since this tab last saw them."""
    if talk.seen == room.changes:
        return [gr.skip(), gr.skip()]
    talk.seen = room.changes
    return listed(room)


def confirmation(name: str | None) -> list[Any]:
    """Ask before a document is removed."""
    if not name:
        return [parts.said("Choose a document first."), gr.Row(visible=False)]
    line = f"Remove {name}? Its chunks leave the index; its file is kept in the index folder."
    return [parts.said(line), gr.Row(visible=True)]


def added(room: Room, files: Sequence[str], replace: bool, progress: Any) -> str:
    """Put uploaded files into the corpus folder and the index; return what became of each."""
    rejected: list[tuple[str, str]] = []
    placed: list[Path] = []
    with room.writing() as embedder:
        for file in map(Path, files):
            try:
                placed.append(library.place(room.settings, file.name, file.read_bytes(), replace))
            except SettingError:
                rejected.append((file.name, TAKEN))
            except WhybotError as error:
                rejected.append((file.name, error.message))
            finally:
                file.unlink(missing_ok=True)  # Gradio keeps uploads otherwise
        report = Report()
        if placed:
            report = library.ingest(
                room.settings,
                embedder,
                placed,
                progress=lambda what, done, total: progress((done, total), desc=what),
            )
            print(report, file=sys.stderr)
            room.note(report)
    return html.report(report if placed else None, rejected)


def dropped(room: Room, name: str | None) -> str:
    """Remove a document; return what became of it."""
    if not name:
        raise SettingError("Choose a document first.")
    with room.writing() as embedder:
        count, kept = library.remove(room.settings, embedder, name)
    where = f" Its file is now {kept}." if kept else ""
    return parts.said(f"Removed {name}: {count} chunks.{where}")
