"""Every question for Yes or No that is put to the chat model: its words, its sending, its reading.

Each generator yields how far the model has read. It returns the probability of Yes against No,
0..1, or None where the provider gives no log-probabilities or neither word is among the likeliest.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from bot.llm.providers import ASIDE, PASSAGES, Chosen, event, stream
from bot.path.prompts import ask
from bot.trace import Passage, Reading

Asked = Generator[Reading, None, float | None]

# --- of the passages, after which the model's prefix cache holds them


def answerable(chosen: Chosen, passages: Sequence[Passage], question: str) -> Asked:
    """Ask whether the passages hold the answer."""
    words = (
        f"Question: {question}\n"
        "Can this question be answered using only the passages above? Reply with Yes or No only."
    )
    return yes(chosen, ask(passages, words))


def answers(
    chosen: Chosen, passages: Sequence[Passage], question: str, draft: str, slot: int = PASSAGES
) -> Asked:
    """Ask whether a draft is the passages' answer to the question, and not to another."""
    words = (
        f"Question: {question}\nProposed answer: {draft}\n"
        "Do the passages state that this is the answer to exactly this question? Reply Yes or No."
    )
    return yes(chosen, ask(passages, words), slot)


def supported(
    chosen: Chosen, passages: Sequence[Passage], statement: str, slot: int = PASSAGES
) -> Asked:
    """Ask whether the passages state a sentence."""
    words = (
        f"Statement: {statement}\n\n"
        "Is this statement fully supported by the passages? Reply Yes or No."
    )
    return yes(chosen, ask(passages, words), slot)


# --- of a few sentences alone, in a prompt of its own


def answered_by(chosen: Chosen, text: str, question: str) -> Asked:
    """Ask whether some sentences alone answer a question."""
    words = (
        f"Question: {question}\n\n"
        f"Can it be answered with the following text alone? Text: {text}\n\n"
        "Reply with Yes or No only."
    )
    role = SystemMessage("You judge whether a text answers a question.")
    return yes(chosen, [role, HumanMessage(words)], ASIDE)


def stated_by(chosen: Chosen, text: str, statement: str) -> Asked:
    """Ask whether some sentences alone state a sentence."""
    asked = f"Statement: {statement}\n\nIs this statement fully supported by the text alone?"
    return _of_text(chosen, "You judge whether a text supports a statement.", text, asked)


def verdict(chosen: Chosen, text: str, question: str) -> Asked:
    """Ask a question for Yes or No of some sentences alone."""
    asked = f"Question: {question}\n\nGoing by the text alone, is the answer Yes or No?"
    return _of_text(chosen, "You answer questions from a text.", text, asked)


def _of_text(chosen: Chosen, role: str, text: str, asked: str) -> Asked:
    words = f"Text: {text}\n\n{asked} Reply with Yes or No only."
    return yes(chosen, [SystemMessage(role), HumanMessage(words)], ASIDE)


# --- sending and reading


def yes(chosen: Chosen, messages: list[BaseMessage], slot: int = PASSAGES) -> Asked:
    """Send a question for Yes or No, and read the likeliest first tokens of the reply.

    slot: which of the engine's prompts it goes on from (see `providers`).
    """
    if chosen.one_token is None:
        return None
    mass = {"yes": 0.0, "no": 0.0}
    for chunk in stream(chosen, messages, slot, **chosen.one_token):
        if isinstance(told := event(chunk), Reading):
            yield told
        for token in chunk.response_metadata.get("logprobs") or ():
            for rival in token["top_logprobs"] or ():
                word = rival["token"].strip().lower()
                if word in mass:
                    mass[word] += math.exp(rival["logprob"])
    total = sum(mass.values())
    return mass["yes"] / total if total else None
