"""What tables have in common whose format does not say which row is the head."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ingest.readers.content import Block


def pairs(texts: Sequence[Sequence[str]]) -> bool:
    """Tell whether a table is one of names and values, whose first row is no head.

    texts: its rows, of which there is at least one.
    """
    first = [text.strip() for text in texts[0]] or [""]
    if first[0].endswith(":"):
        return True
    figure = r"\W{0,2}\d[\d.,:/\s-]{0,20}\s?[^\W\d]{0,8}\W{0,2}"
    year_or_number = r"(?:19|20)\d\d|\d{1,2}"
    return (
        len(first) == 2
        and re.fullmatch(figure, first[1]) is not None
        and not re.fullmatch(year_or_number, first[1])
    )


def numbered(blocks: Iterable[Block], number: int) -> list[Block]:
    """Give the rows of a table a run of their own: a blank line parts it from the next one."""
    return [replace(block, run=f"row {number}") if block.run else block for block in blocks]
