"""May we answer at all? Decided from what retrieval found, before the model is asked.

Knows scores and refusals; knows nothing of how passages are found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.trace import Gate, Passage

# The fused score below which the documents are taken not to speak of the question. Calibrated on
# public questions, 400 each: of those asked of their own corpus none scored lower (least .265);
# of those asked of a foreign corpus of ten passages 95 % and 78 % did, of 240 and 11,000
# passages 33 % and 10 %. So it stops what is far off, and never what is near.
BAR = 0.15

# How models say in their own words that the passages lack the answer.
REFUSAL = re.compile(
    r"\b(?:passages?|documents?|texts?|context|information|sources?)\b[^.]{0,40}?"
    r"\b(?:do(?:es)? not|do(?:es)?n't|did not|didn't|is not|isn't|are not|aren't|no)\b[^.]{0,20}?"
    r"\b(?:contain|provide|mention|say|state|specify|include|give|address|discuss|cover|list"
    r"|information|answer|enough|sufficient)",
    re.IGNORECASE,
)


def gate(passages: Sequence[Passage]) -> Gate:
    """Compare the best passage's score with the bar."""
    best = max((passage.score for passage in passages), default=0.0)
    return Gate(best, BAR, best >= BAR)


def refuses(sentence: str) -> bool:
    """Tell whether a sentence says that the passages do not hold the answer."""
    return bool(REFUSAL.search(sentence))
