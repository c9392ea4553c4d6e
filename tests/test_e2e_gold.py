"""The gold set of the seed document, with the default model on an index of that document alone.

Run: `pytest tests/test_e2e_gold.py`. About twelve minutes; skipped without the weights. The same
by hand: `whybot eval tests/gold/seed.jsonl`, with WHYBOT_CORPUS a folder that holds the seed only.
What was tried to get there, and with what result: tests/gold/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.evaluation import report
from bot.evaluation.answers import ask
from bot.evaluation.datasets import Question, read_questions
from bot.session import Bot

GOLD = Path(__file__).parent / "gold" / "seed.jsonl"

# Of 44 and 23 questions. Two short of what was measured (42, 2, 23 on 2026-11-23), and one for the
# last: another machine rounds otherwise, and a question on the edge falls off it.
RIGHT, OVER_REFUSED, REFUSED = 40, 4, 22


@pytest.fixture(scope="module")
def lines(qwen: Bot) -> list[dict[str, Any]]:
    """Answer every question of the set once."""
    return [line(qwen, question) for question in read_questions(GOLD)]


def line(bot: Bot, question: Question) -> dict[str, Any]:
    result = json.loads(json.dumps(ask(bot, question).to_json()))
    return {
        "system": "whybot",
        "id": question.id,
        "kind": question.kind,
        "answers": [list(group) for group in question.answers],
        "answerable": question.answerable,
        "result": result,
    }


def shown(lines: list[dict[str, Any]], wrong: Any) -> str:
    """Write the lines for which `wrong` holds, for the message of a failed assertion."""
    rows: list[Mapping[str, Any]] = [line["result"] for line in lines if wrong(line)]
    return "\n".join(
        f"{row['question']} -> {row['answer']} ({row['gate']['reason']})" for row in rows
    )


def test_the_set_is_large_and_mixed() -> None:
    questions = read_questions(GOLD)
    assert len(questions) >= 60
    kinds = {question.kind for question in questions}
    assert kinds == {
        "direct", "paraphrase", "comparison", "follow-up", "on-topic", "off-topic", "instruction",
    }  # fmt: skip


def test_answerable_questions_are_answered_right(lines: list[dict[str, Any]]) -> None:
    answerable = [line for line in lines if line["answerable"]]
    wrong = shown(answerable, lambda line: not report.scored(line).right)
    assert sum(bool(report.scored(line).right) for line in answerable) >= RIGHT, wrong


def test_few_answerable_questions_are_refused(lines: list[dict[str, Any]]) -> None:
    answerable = [line for line in lines if line["answerable"]]
    refused = shown(answerable, lambda line: line["result"]["abstained"])
    assert sum(line["result"]["abstained"] for line in answerable) <= OVER_REFUSED, refused


def test_what_the_document_does_not_say_is_refused(lines: list[dict[str, Any]]) -> None:
    unanswerable = [line for line in lines if not line["answerable"]]
    answered = shown(unanswerable, lambda line: not line["result"]["abstained"])
    assert sum(line["result"]["abstained"] for line in unanswerable) >= REFUSED, answered


def test_off_topic_questions_and_orders_never_reach_the_model(lines: list[dict[str, Any]]) -> None:
    far = [line for line in lines if line["kind"] in ("off-topic", "instruction")]
    assert far
    assert all(line["result"]["prompt"] == [] for line in far)


def test_every_citation_names_a_passage(lines: list[dict[str, Any]]) -> None:
    assert report.answers(lines)["whybot"]["invalid_citations"] == 0


def test_every_sentence_shown_has_its_support(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        for sentence in line["result"]["sentences"]:
            assert sentence["supported"], line["result"]["question"]
            assert 0 < sentence["support"] <= 1


def test_gate_and_check_add_little_time(lines: list[dict[str, Any]]) -> None:
    """The issue's bound: 40 % of the time it takes to read and write."""
    assert report.answers(lines)["whybot"]["added"] <= 0.4
    far = [line["result"]["timings_ms"] for line in lines if line["kind"] == "off-topic"]
    assert max(sum(row[name] for name in ("prompt", "answerable")) for row in far) < 50
