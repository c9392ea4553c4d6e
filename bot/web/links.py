"""Addresses within the page's own server.

Knows how a place in a document is named in an address; knows nothing of what is served there.
"""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

READER = "reader"  # the route that shows a document


def reader(document: str, start: int, end: int, text: str) -> str:
    """Return the address of a document opened at a passage, relative to the page's.

    start, end: characters of the document's text. The text's digest goes with them, so that the
    reader can tell when the document is no longer the one that was quoted.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    place = {"document": document, "start": start, "end": end, "digest": digest}
    return f"{READER}?{urlencode(place)}#passage"
