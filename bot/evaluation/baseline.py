"""The pipeline of the tutorials, to compare with: passages by cosine, and one prompt.

It has the product's model, index and number of passages. It has no gate, no check and no citations,
and takes follow-ups as typed. It has refused when the first sentence it wrote matches REFUSAL or
`grounding.REFUSAL`: it has no other way to say so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.llm.providers import stream
from bot.path import citations
from bot.path.retrieval import CANDIDATES
from bot.session import Bot
from bot.trace import Answer, Gate, Passage, Tokens
from bot.verify import grounding

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

PROMPT = """\
Use the following pieces of context to answer the question at the end. If you don't know the \
answer, just say that you don't know, don't try to make up an answer.

{context}

Question: {question}
Helpful Answer:"""
REFUSAL = re.compile(
    r"\b(?:do not|don['’]t|does not|doesn['’]t|cannot|can['’]t|could not|couldn['’]t|unable to"
    r"|not possible to)\s+(?:\w+ )?"
    r"(?:know|say|tell|answer|determine|find|provide|mention|specify|state|contain)\b"
    r"|\bnot (?:\w+ )?(?:mentioned|provided|stated|specified|given|included|enough|sufficient)\b"
    r"|\bno (?:\w+ )?(?:information|mention|answer|indication)\b",
    re.IGNORECASE,
)


def answer(bot: Bot, question: str, id: str) -> Answer:
    """Answer a question; what the pipeline has no notion of stays empty in the trace."""
    began = time.perf_counter()
    bot.chosen.begin()
    found = bot.retriever.retrieve(question, 2 * CANDIDATES)
    passages = by_cosine(found)[: bot.settings.top_k]
    messages = _fitted(bot, question, passages)
    chunks = [*stream(bot.chosen, messages)]
    draft = "".join(str(chunk.content) for chunk in chunks).strip()
    usage = next((chunk.usage_metadata for chunk in chunks[::-1] if chunk.usage_metadata), None)
    return Answer(
        id=id,
        question=question,
        resolved_question=question,
        answer=draft,
        abstained=refuses(draft),
        sentences=[],
        passages=[replace(passage, n=n) for n, passage in enumerate(passages, 1)],
        model=bot.chosen.name,
        tokens=Tokens(
            bot.chosen.count(messages), usage["output_tokens"] if usage else 0, bot.chosen.window
        ),
        timings_ms={"total": round((time.perf_counter() - began) * 1000, 1)},
        gate=Gate(max((passage.score for passage in passages), default=0.0), 0.0, True),
        prompt=[{"role": message.type, "content": str(message.content)} for message in messages],
        draft=draft,
    )


def by_cosine(found: Sequence[Passage]) -> list[Passage]:
    """Return what dense search alone would have found, best first."""
    near = [passage for passage in found if passage.dense_rank is not None]
    return sorted(near, key=lambda passage: passage.dense_rank or 0)


def refuses(draft: str) -> bool:
    """Tell whether a model refused in its own words; having written nothing counts as well."""
    opening = next((sentence for _, sentence in citations.split(draft)), "")
    return not opening or bool(REFUSAL.search(opening)) or grounding.refuses(opening)


def _fitted(bot: Bot, question: str, passages: list[Passage]) -> list[BaseMessage]:
    """Write the prompt; passages that do not fit the window are taken off the end of the list."""
    from langchain_core.messages import HumanMessage

    budget = bot.chosen.window - bot.settings.max_tokens
    while True:
        context = "\n\n".join(passage.text for passage in passages)
        messages: list[BaseMessage] = [
            HumanMessage(PROMPT.format(context=context, question=question))
        ]
        if not passages or bot.chosen.count(messages) <= budget:
            return messages
        passages.pop()
