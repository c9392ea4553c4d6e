"""Retrieval over all documents of the corpus, with the real embedder and no chat model.

Run: `pytest tests/test_e2e_corpus.py`. Skipped without the weights. What the chat model makes of
the passages: `whybot eval tests/gold/corpus.jsonl`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SEED
from fakes import ROOT

from bot.evaluation import metrics
from bot.evaluation.datasets import Question, read_questions
from bot.path.retrieval import Retriever
from bot.trace import Passage
from ingest import library
from ingest.embedder import Embedder
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

GOLD = ROOT / "tests" / "gold"
# Two short of what was measured on 2026-11-23 (33 and 36 of 37): another machine
# rounds otherwise. A follow-up is looked up in the chat model's words, and is not in here.
SEED_FIRST, SEED_AMONG_THREE = 31, 34


@pytest.fixture(scope="module")
def retriever(
    real_embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Retriever]:
    index = tmp_path_factory.mktemp("corpus")
    settings = replace(Settings.read(), corpus=SEED.parent, index=index)
    library.ingest(settings, real_embedder)
    with Index.read(settings, fingerprint(real_embedder)) as opened:
        yield Retriever(opened, real_embedder)


def standalone(path: Path) -> list[Question]:
    """Return the answerable questions that need no conversation."""
    return [one for one in read_questions(path) if one.answerable and not one.history]


def hold(passages: list[Passage], question: Question) -> bool:
    """Tell whether one of the passages holds what a right answer does."""
    return any(metrics.occurs(question.answers, passage.text) for passage in passages)


def test_every_section_that_teaches_is_one_passage(retriever: Retriever) -> None:
    places = Counter(
        (chunk.document, chunk.heading)
        for chunk in retriever.chunks()
        if chunk.document != SEED.name
    )
    assert len(places) >= 45
    assert [place for place, count in places.items() if count > 1] == []


def test_the_passage_that_answers_is_found(retriever: Retriever) -> None:
    questions = standalone(GOLD / "corpus.jsonl")
    found = {one: retriever.retrieve(one.question, 5) for one in questions}
    missed = [one.question for one in questions if not hold(found[one], one)]
    assert len(missed) <= 1, missed
    first = sum(hold(found[one][:1], one) for one in questions)
    assert first >= 0.85 * len(questions)


def test_the_users_document_is_still_found_for_its_own_questions(retriever: Retriever) -> None:
    questions = standalone(GOLD / "seed.jsonl")
    first, among_three = [], []
    for one in questions:
        documents = [passage.document for passage in retriever.retrieve(one.question, 3)]
        first.append(documents[0] == SEED.name)
        among_three.append(SEED.name in documents)
    assert sum(first) >= SEED_FIRST
    assert sum(among_three) >= SEED_AMONG_THREE
