"""Which passages each sentence of an answer rests on. Pure functions.

Knows sentences, stems and passages; knows nothing of models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.retrieval import stems
from bot.trace import Passage, Sentence
from ingest.sentences import sentence_spans

MARK = re.compile(r"\s*\[\s*(\d+(?:\s*,\s*\d+)*)\s*\]")
ENOUGH = 0.5  # of a sentence's distinct stems must occur in a passage for code to cite it


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
    """Check the marks of one sentence, or attribute it in code when it has none that is valid.

    Returns the sentence without marks, and the numbers that named no passage.
    """
    numbers = {passage.n for passage in passages}
    written = [int(n) for group in MARK.findall(raw) for n in group.split(",")]
    cited = sorted({n for n in written if n in numbers})
    text = MARK.sub("", raw).strip()
    attributed = not cited
    if attributed:
        cited = attribute(text, passages)
    invalid = [n for n in written if n not in numbers]
    return Sentence(text, cited, attributed and bool(cited), lead), invalid


def attribute(sentence: str, passages: Sequence[Passage]) -> list[int]:
    """Return the number of the passage that shares most of a sentence's stems, if enough do."""
    words = set(stems(sentence))
    if not words:
        return []
    shares = [
        (len(words & set(stems(f"{p.heading} {p.text}"))) / len(words), -p.n) for p in passages
    ]
    share, n = max(shares, default=(0.0, 0))
    return [-n] if share >= ENOUGH else []


def text(sentences: Sequence[Sentence]) -> str:
    """Write an answer's sentences as one text with marks."""
    return "".join(marked(sentence) for sentence in sentences).strip()


def marked(sentence: Sentence) -> str:
    """Write a sentence with what stands before it and its marks after it."""
    marks = "".join(f"[{n}]" for n in sentence.citations)
    return f"{sentence.lead}{sentence.text}{' ' if marks else ''}{marks}"
