"""Addresses within the page's own server: how a place in a document is named in one."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

READER = "reader"  # the route that shows a document
PASSAGE = "passage"  # the id of the passage on its page


def reader(
    document: str, start: int, end: int, text: str, sentence: tuple[int, int] | None = None
) -> str:
    """Return the address of a document opened at a passage, relative to the page's.

    start, end: characters of the document's text; sentence: those of the passage's sentence that
    matters. The text's digest goes with them, so that the reader can tell when the document is
    no longer the one that was quoted.
    """
    return _passage("", document, start, end, digest(text), sentence)


def whole(
    document: str, start: int, end: int, digest: str, sentence: tuple[int, int] | None = None
) -> str:
    """Return the address of the whole text of a document, opened at a passage of that digest."""
    return _passage("whole", document, start, end, digest, sentence)


def document(name: str) -> str:
    """Return the address of the whole text of a document."""
    return f"{READER}?{urlencode({'document': name})}"


def chunks(name: str, number: int = 0) -> str:
    """Return the address of a document's chunks, opened at one of them, counted from 0."""
    place = {"document": name, "view": "chunks", **({"chunk": number} if number else {})}
    return f"{READER}?{urlencode(place)}" + (f"#chunk-{number}" if number else "")


def digest(text: str) -> str:
    """Return what tells a passage's text from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _passage(
    view: str, name: str, start: int, end: int, digest: str, sentence: tuple[int, int] | None
) -> str:
    place: dict[str, str | int] = {"document": name, "start": start, "end": end, "digest": digest}
    if sentence:
        place["sentence"] = "{}-{}".format(*sentence)
    if view:
        place["view"] = view
    return f"{READER}?{urlencode(place)}#{PASSAGE}"
