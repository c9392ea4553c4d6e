"""Keep a conversation on disk after each of its questions, however it ended."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

from bot.records import conversations
from bot.records.conversations import NotKept
from bot.web.tab import Conversation

Picture = TypeVar("Picture")


def keeping(
    home: Path | None, talk: Conversation, work: Generator[Picture, None, None]
) -> Generator[Picture, None, None]:
    """Go through the pictures of a question, then save the conversation that it belongs to.

    Also when the tab was closed, or went on to another conversation meanwhile. home: None keeps
    nothing. An error ends in the conversation: it must not cost the answer.
    """
    if home is None:
        yield from work
        return
    exchanges, talk.kept = talk.exchanges, conversations.current(home, talk.kept)
    place, error = talk.kept, ""
    try:
        yield from work
    finally:
        try:
            place = conversations.save(home, place, exchanges)
        except NotKept as failed:
            print(failed, file=sys.stderr)
            error = str(failed)
        if talk.exchanges is exchanges:
            talk.kept, talk.unkept = place, error
