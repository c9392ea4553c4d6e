"""The route that shows a document of the index: at a passage, whole, or chunk by chunk.

Addresses come in, statuses, headers and pages go out. Only what the index names is read: a name
from an address is compared with the index's, and opens nothing by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.about import search as about
from bot.web.links import READER
from bot.web.reader import html, state
from bot.web.reader.state import Opened, Quoted
from ingest.errors import DocumentUnreadable, WhybotError

if TYPE_CHECKING:
    from starlette.routing import Route

    from bot.web.room import Room

HEADERS = {
    "Content-Security-Policy": html.POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
NUMBER = re.compile(r"[0-9]{1,9}")
RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


class AddressWrong(WhybotError):
    """An address names no place in a document."""


def route(room: Room) -> Route:
    """Return the route; it works in a thread, for it reads files and the index."""
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, Response
    from starlette.routing import Route

    def respond(request: Request) -> Response:
        status, html = answer(room, request.query_params)
        return HTMLResponse(html, status, HEADERS)

    return Route(f"/{READER}", respond)


def answer(room: Room, asked: Mapping[str, str]) -> tuple[int, str]:
    """Return the status and the page of an address's parameters."""
    try:
        if (embedder := room.embedder) is None:
            why = str(room.error or f"The documents are not open yet: {room.doing}.")
            return 503, html.line(why)
        name = asked.get("document", "")
        if name == about.NAME:
            if (document := room.itself()) is None:
                return 503, html.line("The bot is not open yet.")
            book = state.written(document, embedder)
        elif chunks := room.chunks(name) if name else []:
            book = state.opened(room.settings, chunks)
        else:
            return 404, html.line(f"The index holds no document {name!r}.")
        if asked.get("view") == "chunks":
            count = len(book.chunks)
            first = min(_number(asked.get("chunk", "0")), count - 1)
            first -= first % html.PART
            part = range(first, min(first + html.PART, count))
            rows = state.inspected(book.chunks, part, embedder)
            page = html.chunks(book, rows, embedder.chunk_tokens, embedder.name, first)
            return 200, page
        return 200, _read(book, asked)
    except AddressWrong as error:
        return 400, html.line(str(error))
    except WhybotError as error:
        return 503, html.line(str(error))


def _read(book: Opened, asked: Mapping[str, str]) -> str:
    """Return the page of a document's text, at a passage if the address names one."""
    everything = (0, len(book.text))
    if "start" not in asked:
        return html.reading(book, None, None, everything, [])
    quoted = _quoted(asked)
    found = state.find(book, quoted)
    if asked.get("view") == "whole":
        return html.reading(book, quoted, found, everything, [])
    shown = state.excerpt(book, found.span or (quoted.start, quoted.start))
    try:
        pictures, problem = state.pictures(book, found), ""
    except DocumentUnreadable as error:
        pictures, problem = [], f"There is no picture: {error.message}."
    return html.reading(book, quoted, found, shown, pictures, problem)


def _quoted(asked: Mapping[str, str]) -> Quoted:
    start, end = _number(asked["start"]), _number(asked.get("end", ""))
    if start >= end:
        raise AddressWrong("A passage ends after it starts.")
    sentence = RANGE.fullmatch(asked.get("sentence", ""))
    within = (int(sentence[1]), int(sentence[2])) if sentence else None
    return Quoted(start, end, asked.get("digest", ""), within)


def _number(text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise AddressWrong(f"{text!r} is no place in a document.")
    return int(text)
