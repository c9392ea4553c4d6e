"""Source code, settings and data as the text they are."""

from __future__ import annotations

import json

from ingest.readers.content import Content
from ingest.readers.decode import decoded

_LINE = 500  # characters: JSON with longer lines is written anew, with a line for each value


def read(data: bytes) -> Content:
    """Read source code or settings: every line stays as it is."""
    text, remarks = decoded(data)
    return Content(text.replace("\r\n", "\n").replace("\r", "\n"), remarks=remarks)


def read_json(data: bytes) -> Content:
    """Read JSON, one value a line; what is no JSON, such as JSON with comments, stays as it is."""
    content = read(data)
    if max(map(len, content.text.split("\n"))) <= _LINE and content.text.count("\n") > 1:
        return content
    try:
        values = json.loads(content.text)
    except (ValueError, RecursionError):
        return content
    try:
        return Content(json.dumps(values, ensure_ascii=False, indent=2), remarks=content.remarks)
    except RecursionError:
        return content
