"""Plain text."""

from __future__ import annotations

from ingest.readers.content import Content
from ingest.readers.decode import decoded


def read(data: bytes) -> Content:
    """Read plain text."""
    text, remarks = decoded(data)
    return Content(text, remarks=remarks)
