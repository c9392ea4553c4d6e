"""Runs of text with marks: powers keep a caret, marks of notes brackets, struck text tildes."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.readers.raised import raised


def joined(pieces: Sequence[tuple[str, str]], *, heading: bool = False) -> str:
    """Join runs of text, each with its mark; neighbours with the same mark are one.

    A mark is "raised", "struck", "note" (left out of a heading), or any other for none.
    """
    merged: list[tuple[list[str], str]] = []
    for text, mark in pieces:
        if merged and merged[-1][1] == mark:
            merged[-1][0].append(text)
        elif text:
            merged.append(([text], mark))
    written: list[str] = []
    before = ""
    for number, (texts, mark) in enumerate(merged):
        text = "".join(texts)
        if mark == "raised":
            after = "".join(merged[number + 1][0])[:40] if number + 1 < len(merged) else ""
            bare = text.strip()
            text = f"{raised(before, bare, after)}{text[len(text.rstrip()) :]}" if bare else text
        elif mark == "struck" and text.strip():
            lead = text[: len(text) - len(text.lstrip())]
            text = f"{lead}~~{text.strip()}~~{text[len(text.rstrip()) :]}"
        elif mark == "note":
            gap = "" if not before or before[-1].isspace() else " "
            text = "" if heading else gap + text
        written.append(text)
        before = (before + text)[-60:]
    return "".join(written)
