"""What the pages have in common: question boxes, quick events, and how a run is stopped.

Only the pages and `app.build` import it, because it imports Gradio.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from bot.web import parts
from bot.web.room import BROKEN
from ingest.errors import WhybotError

# Options of an event that nobody has to see waiting: what a page waits for, it says itself.
QUICK: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_limit": None,
    "api_visibility": "private",
}
# Questions on the documents that come with Whybot, offered where nothing was asked yet.
EXAMPLES = (Path(__file__).parent / "examples.txt").read_text("utf-8").splitlines()
FRAME = 0.06  # seconds between two pictures while a model writes


def question_box(label: str, placeholder: str, id: str, max_lines: int) -> gr.Textbox:
    """Lay out a box for a question, without a frame; the label is for screen readers."""
    return gr.Textbox(
        label=label,
        show_label=False,
        placeholder=placeholder,
        lines=1,
        max_lines=max_lines,
        container=False,
        scale=1,
        elem_id=id,
    )


def stopping(running: Callable[[], bool]) -> Iterator[str]:
    """Yield the status while what was told to stop still runs."""
    while running():
        yield parts.status("stopping")
        time.sleep(FRAME)
    yield ""


def attempt(work: Any) -> str:
    """Do some work and return what it says, or its error, as HTML."""
    try:
        return str(work())
    except WhybotError as error:
        print(error, file=sys.stderr)
        return parts.failure(error)
    except Exception:  # noqa: BLE001 - the event boundary: a bug goes to the terminal and the page
        traceback.print_exc()
        return parts.failure(WhybotError(BROKEN))
