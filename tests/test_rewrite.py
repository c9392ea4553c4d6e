"""Which questions lean on the conversation, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fake_models import FakeChat, chosen
from fakes import finished
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from bot.path import rewrite as module
from bot.path.rewrite import EXAMPLES, MAX_TOKENS, TURNS, leans, rewrite
from bot.trace import Reading, Turn

CONS = [Turn("What are the cons of RAG?", "Higher latency and more components.")]


def rewritten(
    question: str, history: list[Turn], *replies: Any, name: str = "fake"
) -> tuple[str, list[Reading], FakeChat]:
    """Run to the end: the question, what was read meanwhile, and the model."""
    model = FakeChat(replies=list(replies))
    return *finished(rewrite(question, history, chosen(model, name))), model


@pytest.mark.parametrize(
    "question",
    [
        "and the pros?",
        "What about fine-tuning?",
        "How does it work?",
        "Why?",
        "Which one is cheaper?",
        "Is that a problem in practice?",
        "  ... and latency?",
        "Tell me more about them",
        "More?",
    ],
)
def test_a_follow_up_leans(question: str) -> None:
    assert leans(question, CONS)
    assert not leans(question, [])


@pytest.mark.parametrize(
    "question",
    [
        "What are the pros of fine-tuning?",
        "When should I choose RAG over fine-tuning?",
        "How much does training cost?",
        "Which sandy soils suit carrots?",  # "and" inside a word
    ],
)
def test_a_question_that_stands_alone_does_not(question: str) -> None:
    assert not leans(question, CONS)


def test_what_stands_alone_is_not_shown_to_the_model() -> None:
    question, _, model = rewritten("How much does fine-tuning cost?", CONS)
    assert question == "How much does fine-tuning cost?"
    assert model.calls == []


def test_a_first_question_is_left_alone_whatever_it_says() -> None:
    assert rewritten("And why is it so?", [])[0] == "And why is it so?"


def test_a_follow_up_is_rewritten() -> None:
    reply = [(10, 80), (80, 80), "What are the ", "pros of RAG?"]
    question, readings, model = rewritten("and the pros?", CONS, reply)
    assert question == "What are the pros of RAG?"
    assert readings == [Reading(10, 80), Reading(80, 80)]
    assert model.options == [{"max_tokens": MAX_TOKENS}]


def test_only_the_first_line_of_the_reply_counts() -> None:
    reply = ["  What are the pros of RAG?  \nThe pros are speed and zeppelins."]
    assert rewritten("and the pros?", CONS, reply)[0] == "What are the pros of RAG?"


@pytest.mark.parametrize(
    "reply", ["What are the pros of zeppelins?", "", "\n", "???", "The pros are low cost."]
)
def test_words_from_nowhere_are_not_trusted(reply: str) -> None:
    question, _, _ = rewritten("and the pros?", CONS, [reply])
    assert question == "What are the cons of RAG? and the pros?"


def test_words_of_the_answer_may_be_used() -> None:
    reply = "Why more components?"
    assert rewritten("Why more of those?", CONS, [reply])[0] == reply


def test_the_model_is_shown_examples_and_the_last_turns() -> None:
    history = [Turn(f"Question {n}?", f"Answer {n}. " + "x" * 1000) for n in range(6)]
    _, _, model = rewritten("and then?", history, ["Question 5?"])
    (messages,) = model.calls
    assert isinstance(messages[0], SystemMessage)
    for n, (asked, wanted) in enumerate(EXAMPLES):
        assert messages[1 + 2 * n : 3 + 2 * n] == [HumanMessage(asked), AIMessage(wanted)]
    text = str(messages[-1].content)
    assert len(messages) == 2 + 2 * len(EXAMPLES)
    shown = [f"Question {n}?" in text for n in range(6)]
    assert shown == [False] * (6 - TURNS) + [True] * TURNS
    assert text.endswith("Follow-up: and then?")
    assert "Answer 5." in text
    assert "Answer 4." not in text
    assert len(text) < module.ANSWER_CHARS + 200


def test_the_examples_are_such_as_the_rule_sends_to_the_model() -> None:
    for asked, wanted in EXAMPLES:
        lines = asked.split("\n")
        history: list[Turn] = []
        for line in lines[:-1]:
            label, text = line.split(": ")
            if label == "Earlier":
                history.append(Turn(text))
            else:
                history[-1] = replace(history[-1], answer=text)
        question = lines[-1].removeprefix("Follow-up: ")
        assert leans(question, history)
        assert rewritten(question, history, [wanted])[0] == wanted
