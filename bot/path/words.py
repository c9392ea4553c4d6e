"""The words of questions and sentences: stems, stop words, negations, kinds of questions, counts.

All of it is English.
"""

from __future__ import annotations

import re
from functools import cache

ASKING = frozenset(["when", "where", "who", "why", "how"])
NEGATIONS = frozenset("not no never without cannot neither nor none nothing hardly".split())

# A question that sets two things side by side. Said of any other, that each is to be named makes
# the small model mix the pros of one thing with those of another.
COMPARES = re.compile(
    r"\b(?:compare[ds]?|comparison|versus|vs|differ\w*|better|worse|than|or|which of)\b",
    re.IGNORECASE,
)
# A question for Yes or No, which a small model answers with Yes when in doubt.
YES_OR_NO = re.compile(
    r"\W*(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|may|might|must)\b",
    re.IGNORECASE,
)
NUMBER_ASKED = re.compile(
    r"\bhow many\b|\b(?:what|which) (?:year|century|decade|date|percentage|percent)\b"
    r"|\bwhen (?:did|was|were)\b",
    re.IGNORECASE,
)
NUMBER_GIVEN = re.compile(
    r"\d|\bMa(?:y|rch)\b|(?i:\b(?:no|none|zero|one|two|three|four|five|six|seven|eight|nine|ten"
    r"|eleven|twelve|dozen|hundred|thousand|million|billion|half|first|second|third|once|twice"
    r"|both|before|after|during|january|february|april|june|july|august|september|october"
    r"|november|december|(?:mon|tues|wednes|thurs|fri|satur|sun)day|spring|summer|autumn|winter"
    r"|century)\b)"
)


def stems(text: str) -> list[str]:
    """Return the stems of a text's words, lower case, without English stop words.

    Question words stay: "When to use X" answers a question that begins with "When".
    """
    import Stemmer

    stop = _stop_words()
    words = [word for word in re.findall(r"\w+", text.lower()) if word not in stop]
    stemmed: list[str] = Stemmer.Stemmer("english").stemWords(words)
    return stemmed


@cache
def _stop_words() -> frozenset[str]:
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    return frozenset(STOPWORDS_EN_PLUS) - ASKING


def negates(sentence: str) -> bool:
    """Tell whether a sentence negates an odd number of times."""
    words: list[str] = re.findall(r"\w+n['’]t\b|\w+", sentence.lower())
    return sum(word in NEGATIONS or word.endswith(("n't", "n’t")) for word in words) % 2 == 1


def number_missing(question: str, draft: str) -> bool:
    """Tell whether a question asks for a number or a date, and the draft has none."""
    return bool(NUMBER_ASKED.search(question)) and not NUMBER_GIVEN.search(draft)
