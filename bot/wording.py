"""Counts in words, as the panel, the pages and the bot's own document write them."""

from __future__ import annotations


def many(count: int, one: str, more: str = "") -> str:
    """Write a count before what is counted; more: the plural, if it is not `one` and an s."""
    return f"{count} {one if count == 1 else more or one + 's'}"
