"""A follow-up question ("and the pros?") to one that stands alone.

A cheap rule decides whether a question leans on an earlier one. Only then is the model asked to
rewrite it, because rewriting what needs none costs seconds and can do harm.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from bot.llm.providers import REWRITING, Chosen, stream
from bot.path.words import stems
from bot.trace import Reading, Turn

LEANING = re.compile(
    r"^\W*(and|or|but|so|then|also|what about|how about|why|why not|which one|anything else)\b"
    r"|\b(it|its|they|them|their|theirs|this|that|these|those|he|she|his|her|former|latter"
    r"|both|ones?|other|others|another|same|instead|else)\b",
    re.IGNORECASE,
)
FEW_STEMS = 2  # a question with fewer distinct stems than this says too little by itself
TURNS = 3  # earlier turns the model is shown
ANSWER_CHARS = 300  # of the last answer
MAX_TOKENS = 60

SYSTEM = """\
Rewrite the follow-up as a full question that can be understood alone: take what it leaves out, \
or calls "it" or "that", from the earlier questions. Reply with the full question only."""
# So many: with three, the 1.5B model repeated the earlier question for five of nine follow-ups.
EXAMPLES = [
    ("Earlier: Who built the harbor?\nAnswer: Anna Holm built it in 1931.\n"
     "Follow-up: Where was she born?",
     "Where was Anna Holm born?"),
    ("Earlier: What are the advantages of solar power?\nFollow-up: and the drawbacks?",
     "What are the drawbacks of solar power?"),
    ("Earlier: What is a heat pump?\nFollow-up: Does it need electricity?",
     "Does a heat pump need electricity?"),
    ("Earlier: When should I choose a tent?\nFollow-up: What about a caravan?",
     "When should I choose a caravan?"),
    ("Earlier: Are diesel cars cheaper than electric cars?\nFollow-up: Why are they so loud?",
     "Why are diesel cars so loud?"),
    ("Earlier: What does the red lamp mean?\nFollow-up: What about the green one?",
     "What does the green lamp mean?"),
    ("Earlier: Can an old roof leak?\nFollow-up: How does that harm the attic?",
     "How does a leak in an old roof harm the attic?"),
    ("Earlier: How does a fridge work?\nEarlier: How much does a fridge cost?\n"
     "Follow-up: And who repairs one?",
     "Who repairs a fridge?"),
]  # fmt: skip


def leans(question: str, history: Sequence[Turn]) -> bool:
    """Tell whether a question seems to need the conversation to be understood."""
    if not history:
        return False
    return bool(LEANING.search(question)) or len(set(stems(question))) < FEW_STEMS


def rewrite(
    question: str, history: Sequence[Turn], chosen: Chosen
) -> Generator[Reading, None, str]:
    """Rewrite a question that leans on earlier ones; return any other as it is.

    Yields how far the model has read, so that it can be stopped there. A rewritten question that
    brings in words from nowhere, loses some of the follow-up's own, or gains none, is not trusted:
    the earlier question is put before the follow-up instead, which is enough for retrieval.
    """
    if not leans(question, history):
        return question
    rewritten = ""
    for chunk in stream(chosen, _messages(question, history), REWRITING, **_limit(chosen)):
        if progress := chunk.response_metadata.get("prompt_progress"):
            yield Reading(progress["processed"], progress["total"])
        rewritten += str(chunk.content)
    rewritten = rewritten.strip().split("\n")[0].strip()
    known = set(stems(" ".join([question, *(f"{t.question} {t.answer}" for t in history)])))
    words = set(stems(rewritten))
    own = set(stems(LEANING.sub(" ", question)))
    if own < words <= known:
        return rewritten
    return f"{history[-1].question} {question}"


def _messages(question: str, history: Sequence[Turn]) -> list[BaseMessage]:
    messages: list[BaseMessage] = [SystemMessage(SYSTEM)]
    for asked, rewritten in EXAMPLES:
        messages += [HumanMessage(asked), AIMessage(rewritten)]
    lines = [f"Earlier: {turn.question}" for turn in history[-TURNS:]]
    if history[-1].answer:
        lines.append(f"Answer: {history[-1].answer[:ANSWER_CHARS]}")
    return [*messages, HumanMessage("\n".join([*lines, f"Follow-up: {question}"]))]


def _limit(chosen: Chosen) -> dict[str, object]:
    """Limit the length of the rewritten question, in the provider's own words."""
    if chosen.name.startswith("ollama:"):
        return {}
    return {"max_tokens": MAX_TOKENS}
