"""Whether a question is about the bot: the words that speak to one, and known questions.

All of it is English. How near a question comes to the known ones is measured in `search`.
"""

from __future__ import annotations

import re
from pathlib import Path

# Who is spoken to, or of.
BOT = re.compile(
    r"\b(?:you|your|yours|yourself|whybot|(?:this|the) (?:chat ?)?bot|this (?:chat|assistant))\b",
    re.IGNORECASE,
)
# Where "you" is anybody, or belongs to a polite request or an order. It takes out the phrase
# alone: another "you" of the question still counts.
ANYBODY = re.compile(
    r"\b(?:can|could|would|will) you (?:please |kindly |also |just |briefly )*(?:tell|explain"
    r"|describe|compare|contrast|give|show|list|name|define|summari[sz]e|translate|write|help"
    r"|elaborate|clarify|provide|suggest|recommend|advise|outline|repeat|rephrase|remind|say"
    r"|mind)\b"
    r"|\bdo you (?:know|think|mean|understand|suppose) (?:what|who|which|how|if|whether|when|where"
    r"|why|by|of|about|that|is|are)\b"
    r"|\bdo you (?:mean|mind|think|make of)\b"
    r"|\b(?:should|would|might|may|shall) you\b|\byou (?:should|would|must|may|might|have to)\b"
    r"|\b(?:if|unless|once|whenever|as|than) you\b"
    r"|\b(?:tell|tells|gives|shows|helps|lets|allows|gets|costs|thank) you\b"
    r"|\b(?:in|from|by|according to) your (?:\w+ )?(?:documents?|sources?|files?|passages?)\b"
    r"|\b(?:do|does|did) your (?:\w+ )?(?:documents?|sources?|files?|passages?)"
    r" (?:say|tell|state|mention|contain|describe|claim)\b"
    r"|\bin your (?:own words|opinion|view)\b|\bexplain your answer\b|\byou are now\b",
    re.IGNORECASE,
)
# An order is no question: what it is after is not to be found anywhere.
ORDER = re.compile(
    r"^\W*(?:please )?(?:print|ignore|forget|disregard|pretend|act|output|reveal|say)\b",
    re.IGNORECASE,
)
# Here "you" may be the bot as well as anybody.
EITHER = re.compile(r"\b(?:how|why|when|where) (?:do|can) you\b", re.IGNORECASE)

# How people ask about a bot: a question has to come near to one of these, or of the document's
# headings. In none of them is a value that the bot has.
ASKED = (Path(__file__).parent / "sample_questions.txt").read_text("utf-8").splitlines()


def speaks_to_bot(question: str) -> bool:
    """Tell whether a question speaks to or of the bot, and not to anybody."""
    return not ORDER.search(question) and bool(BOT.search(ANYBODY.sub(" ", question)))


def surely(question: str) -> bool:
    """Tell whether there is more to that than "how do you", which may be anybody's."""
    return speaks_to_bot(EITHER.sub(" ", question))
