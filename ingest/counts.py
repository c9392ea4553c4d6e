"""Counts in words, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def many(count: int, one: str, more: str = "") -> str:
    """Write a count before what is counted; more: the plural, if it is not `one` and an s."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def left_out(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a remark on each thing that a reader counted: pictures lack text, others go."""
    for what, count in counts.items():
        if count:
            yield f"{many(count, what)} {'without text' if what == 'picture' else 'left out'}"
