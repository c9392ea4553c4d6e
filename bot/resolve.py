"""A follow-up question ("and the pros?") to one that stands alone.

Knows the conversation and the model; knows nothing of passages. A cheap rule decides whether a
question leans on an earlier one, because rewriting what needs none costs seconds and can do harm.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from bot.models import Chosen, stream
from bot.retrieval import stems
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
Rewrite the last question of a conversation so that it can be understood without the \
conversation. Keep its meaning and use the conversation's own words. Do not answer it. Reply with \
the rewritten question only."""
EXAMPLES = [
    ("Q: What are the advantages of solar power?\nA: It is clean, and cheap to run.\n"
     "Last question: and the drawbacks?",
     "What are the drawbacks of solar power?"),
    ("Q: How does a heat pump work?\nQ: How much does a heat pump cost?\n"
     "Last question: How long does it last?",
     "How long does a heat pump last?"),
    ("Q: When should I choose a tent?\nLast question: What about a caravan?",
     "When should I choose a caravan?"),
]  # fmt: skip


def leans(question: str, history: Sequence[Turn]) -> bool:
    """Tell whether a question seems to need the conversation to be understood."""
    if not history:
        return False
    return bool(LEANING.search(question)) or len(set(stems(question))) < FEW_STEMS


def resolve(
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
    for chunk in stream(chosen, _messages(question, history), **_limit(chosen)):
        if progress := chunk.response_metadata.get("prompt_progress"):
            yield Reading(progress["processed"], progress["total"])
        rewritten += str(chunk.content)
    rewritten = rewritten.strip().split("\n")[0].strip()
    known = set(stems(" ".join([question, *(f"{t.question} {t.answer}" for t in history)])))
    words = set(stems(rewritten))
    own = set(stems(question))
    if own < words <= known:
        return rewritten
    return f"{history[-1].question} {question}"


def _messages(question: str, history: Sequence[Turn]) -> list[BaseMessage]:
    messages: list[BaseMessage] = [SystemMessage(SYSTEM)]
    for asked, rewritten in EXAMPLES:
        messages += [HumanMessage(asked), AIMessage(rewritten)]
    lines = [f"Q: {turn.question}" for turn in history[-TURNS:]]
    if history[-1].answer:
        lines.append(f"A: {history[-1].answer[:ANSWER_CHARS]}")
    return [*messages, HumanMessage("\n".join([*lines, f"Last question: {question}"]))]


def _limit(chosen: Chosen) -> dict[str, object]:
    """Limit the length of the rewritten question, in the provider's own words."""
    if chosen.name.startswith("ollama:"):
        return {}
    return {"max_tokens": MAX_TOKENS}
