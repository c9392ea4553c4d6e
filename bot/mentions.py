"""Numbers, names and quotes of a text that stand in no passage.

The cheapest test of a question and of a sentence alike: knows words, and no model.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence

from bot.retrieval import ASKING, stems
from bot.trace import Passage
from ingest.sentences import sentence_spans

NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
NAME = re.compile(r"\b[\w'’-]*[A-Z][\w'’-]*")
QUOTE = re.compile(r'["“]([^"“”]{3,})["”]')
MISSPELT = 0.85  # difflib's ratio from which a name is another's misspelling: Celeron, Céloron


def unknown(text: str, passages: Sequence[Passage], misspelt: bool = False) -> str:
    """Return the first number, name or quoted phrase that stands in no passage, or "".

    misspelt: whether a name may differ from the passages' by a letter, as people's questions do.
    """
    text = folded(text)
    source = folded(" ".join(f"{p.title} {p.heading} {p.text}" for p in passages))
    plain = " ".join(source.lower().split())
    for quoted in QUOTE.findall(text):
        if " ".join(quoted.lower().split()).strip(".,;:!?") not in plain:
            return str(quoted)
    numbers = {number.replace(",", "") for number in NUMBER.findall(source)}
    for number in NUMBER.findall(text):
        if number.replace(",", "") not in numbers:
            return str(number)
    words = set(re.findall(r"\w+", plain))
    stemmed = set(stems(source))
    for name in _names(text):
        for part in re.findall(r"\w+", name.lower()):
            if part in words or part in ASKING or set(stems(part)) <= stemmed:
                continue
            if not (misspelt and difflib.get_close_matches(part, words, 1, MISSPELT)):
                return name
    return ""


def folded(text: str) -> str:
    """Return a text without accents: people type names without."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(character for character in apart if not unicodedata.combining(character))


def _names(text: str) -> list[str]:
    """Find words with a capital letter; not one that may have it only for beginning a sentence."""
    names = []
    for start, end in sentence_spans(text):
        sentence = text[start:end]
        first = re.search(r"\w", sentence)
        for match in NAME.finditer(sentence):
            opens = first is not None and match.start() == first.start()
            if not (opens and match[0][1:].islower()):
                names.append(match[0])
    return names
