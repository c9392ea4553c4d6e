"""Names, numbers and quotes of a text that stand in no passage, and subjects that are mismatched.

The cheapest test of a question and of a sentence alike: words are compared, and no model is asked.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Sequence

from bot.path.evidence import Nearest
from bot.path.words import ASKING, YES_OR_NO, stems
from bot.trace import Passage
from ingest.sentences import sentence_spans

NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
NAME = re.compile(r"\b[\w'’-]*[A-Z][\w'’-]*")
QUOTE = re.compile(r'["“]([^"“”]{3,})["”]')
MISSPELT = 0.85  # difflib's ratio from which a name is another's misspelling: Celeron, Céloron


def unknown(text: str, passages: Sequence[Passage], misspelt: bool = False) -> str:
    """Return the first quoted phrase, name or number that stands in no passage, or "".

    misspelt: whether a name may differ from the passages' by a letter, as people's questions do.
    """
    text = folded(text)
    source = folded(" ".join(f"{p.title} {p.heading} {p.text}" for p in passages))
    plain = " ".join(source.lower().split())
    for quoted in QUOTE.findall(text):
        if " ".join(quoted.lower().split()).strip(".,;:!?") not in plain:
            return str(quoted)
    if missing := _missing(_names(text), source, misspelt):
        return missing[0]
    numbers = {number.replace(",", "") for number in NUMBER.findall(source)}
    return next((n for n in NUMBER.findall(text) if n.replace(",", "") not in numbers), "")


def name_mismatch(question: str, passages: Sequence[Passage], used: Collection[int]) -> str:
    """Return the first name in a question that is the subject of other passages than those used.

    It stands in a heading of theirs, and in none used but for the title of the whole document.
    What a question for Yes or No asks about counts as a name. used: numbers of passages.
    """
    rested = [f"{p.heading} {p.text}" for p in passages if p.n in used]
    others = folded(" ".join(p.heading for p in passages if p.n not in used))
    question = folded(question)
    names = [*_asked_about(question), *_names(question)]
    missing = _missing(names, folded(" ".join(rested)), misspelt=True)
    return next((name for name in missing if not _missing([name], others, misspelt=True)), "")


def word_mismatch(text: str, passages: Sequence[Passage], used: Collection[int]) -> str:
    """Return the first word of a text that heads other passages and stands in none used, or "".

    used: numbers of passages.
    """
    own = {stem for p in passages if p.n in used for stem in stems(f"{p.heading} {p.text}")}
    others = {stem for p in passages if p.n not in used for stem in stems(p.heading)}
    foreign = others - own
    words: list[str] = re.findall(r"\w+", text)
    return next((word for word in words if not foreign.isdisjoint(stems(word))), "")


def subject_mismatch(text: str, said: str, near: Nearest, passage: str) -> str:
    """Return the name that a passage's sentence begins with, if a text says it of something else.

    That is: `said`, question and draft, lacks the name, and neither the sentence nor its context
    has the word that the text begins with. "" if there is no such name.
    """
    sentence = near.evidence.words
    name = _first(sentence)
    if name not in _names(passage) or not set(stems(name)).isdisjoint(stems(said)):
        return ""
    subject = stems(text)[:1]
    return "" if set(subject) <= set(stems(near.context)) else name


def _missing(names: Sequence[str], source: str, misspelt: bool) -> list[str]:
    """Return the names that do not stand in a text, both without accents."""
    words = set(re.findall(r"\w+", source.lower()))
    stemmed = set(stems(source))

    def stands(part: str) -> bool:
        if part in words or part in ASKING or set(stems(part)) <= stemmed:
            return True
        return misspelt and bool(difflib.get_close_matches(part, words, 1, MISSPELT))

    return [name for name in names if not all(map(stands, re.findall(r"\w+", name.lower())))]


def folded(text: str) -> str:
    """Return a text without accents: people type names without."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(character for character in apart if not unicodedata.combining(character))


def _asked_about(question: str) -> list[str]:
    """Find the first word after the verb of a question for Yes or No that is not only grammar."""
    verb = YES_OR_NO.match(question)
    word = _first(question[verb.end() :]) if verb else ""
    return [word] if word else []


def _first(text: str) -> str:
    """Find the first word that is not only grammar, or ""."""
    words: list[str] = re.findall(r"[\w'’-]+", text)
    return next((word for word in words if stems(word)), "")


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
