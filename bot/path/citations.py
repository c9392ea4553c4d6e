"""The sentences of an answer and the [n] in them. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bot.trace import Passage, Sentence
from ingest.sentences import sentence_spans

MARK = re.compile(r"\s*\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]")


def split(draft: str) -> list[tuple[str, str]]:
    """Split what the model wrote into (what stands before it, sentence with its marks)."""
    pieces: list[tuple[str, str]] = []
    at = 0
    for start, end in sentence_spans(draft):
        if MARK.sub("", draft[start:end]).strip():
            pieces.append((draft[at:start], draft[start:end]))
        elif pieces:  # marks alone belong to the sentence before them
            lead, sentence = pieces[-1]
            pieces[-1] = (lead, sentence + draft[start:end])
        at = end
    return pieces


def cite(lead: str, raw: str, passages: Sequence[Passage]) -> tuple[Sentence, list[int]]:
    """Check the marks of one sentence; what it rests on otherwise, `grounding` finds out.

    Returns the sentence without marks, and the numbers that named no passage.
    """
    numbers = {passage.n for passage in passages}
    written = [int(n) for group in MARK.findall(raw) for n in group.split(",")]
    cited = sorted({n for n in written if n in numbers})
    invalid = [n for n in written if n not in numbers]
    return Sentence(MARK.sub("", raw).strip(), cited, lead=lead), invalid


def text(sentences: Sequence[Sentence]) -> str:
    """Write an answer's sentences as one text with marks."""
    return "".join(marked(sentence) for sentence in sentences).strip()


def marked(sentence: Sentence, mark: Callable[[int], str] = "[{}]".format) -> str:
    """Write a sentence with what stands before it and its marks after it."""
    marks = "".join(mark(n) for n in sentence.citations)
    if not sentence.supported:
        marks = "[unsupported]"
    return f"{sentence.lead}{sentence.text}{' ' if marks else ''}{marks}"
