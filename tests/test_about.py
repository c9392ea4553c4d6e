"""When the bot's own document takes part in a search, and that it never is a user's document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_believer import Believer, believing
from fakes import FakeEmbedder, indexed, passage, settings_in, vectors

from bot.about import last_evaluation
from bot.about import search as about
from bot.about.search import About, about_bot, document, joined, retrieve
from bot.answer import answer
from bot.path.retrieval import Retriever
from bot.records import receipt, receipt_html, replay
from bot.session import Bot
from bot.trace import Answer, Passage, Turn
from ingest import library
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

CHUNKS = [
    indexed("ft", "Lower latency. Costly training.", "a.md", heading="Fine-Tuning", end=31),
    indexed("moon", "The moon orbits the earth.", "space.pdf", title="Space", page=7),
]
ASKED = "How many passages do you read?"


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder(chunk_tokens=200)


@pytest.fixture
def settings(tmp_path: Path, embedder: FakeEmbedder) -> Settings:
    settings = settings_in(tmp_path)
    write(settings, embedder, CHUNKS)
    return settings


@pytest.fixture
def bot(settings: Settings, embedder: FakeEmbedder) -> Iterator[Bot]:
    model = believing(Believer(), name="model-a", setting="embedded")
    with Index.read(settings, fingerprint(embedder.real)) as index:
        yield Bot(settings, Retriever(index, embedder.real), model, About())


def write(settings: Settings, embedder: FakeEmbedder, chunks: list[Any]) -> None:
    with Index.write(settings, fingerprint(embedder.real)) as index:
        index.upsert(chunks, vectors(chunks))


def own(found: list[Passage]) -> list[Passage]:
    return [passage for passage in found if passage.document == about.NAME]


# --- when


def test_a_question_about_the_bot_finds_what_it_says_of_itself(bot: Bot) -> None:
    found = retrieve(bot, ASKED, 4)
    assert [passage.n for passage in found] == [1, 2, 3, 4]
    assert found[0].document == about.NAME
    assert found[0].heading == ASKED
    assert "my top-k is 5" in found[0].text
    assert found[0].source == f"{about.NAME}, {ASKED}"
    assert len(own(found)) == about.JOINING


def test_others_still_take_part(bot: Bot) -> None:
    found = retrieve(bot, ASKED, 9)
    assert {"ft", "moon"} <= {passage.id for passage in found}


@pytest.mark.parametrize(
    "question",
    ["How many passages are read?", "Who orbits the moon?", "Can you tell me what the moon is?"],
)
def test_any_other_question_finds_what_it_always_did(bot: Bot, question: str) -> None:
    assert retrieve(bot, question, 4) == bot.retriever.retrieve(question, 4)


def test_a_question_nearer_to_a_document_finds_that_alone(bot: Bot) -> None:
    question = "How do you orbit the earth and the moon?"
    assert own(retrieve(bot, question, 9)) == []


def test_a_bot_without_itself_finds_what_it_always_did(bot: Bot) -> None:
    assert own(retrieve(replace(bot, itself=None), ASKED, 9)) == []


def test_a_follow_up_may_lean_on_who_was_spoken_to(bot: Bot) -> None:
    assert own(retrieve(bot, "How many passages are read?", 9)) == []
    assert own(
        retrieve(bot, "How many passages are read?", 9, earlier="How do you answer a question?")
    )


@pytest.mark.parametrize(
    ("question", "likeness", "score", "other", "it_is"),
    [
        ("Which model are you?", 0.36, 0.36, 0.1, True),
        ("Which model are you?", 0.34, 0.34, 0.1, False),
        ("Which model are you?", 0.30, 0.40, 0.1, True),  # both halves count
        ("Which model are you?", 0.30, 0.38, 0.1, False),
        ("Which model are you?", 0.89, 0.36, 0.37, False),  # a document is nearer
        ("Which model are you?", 0.90, 0.36, 0.37, True),  # but the question is known
        ("How do you find it?", 0.44, 0.44, 0.1, False),  # it may be anybody
        ("How do you find it?", 0.46, 0.46, 0.1, True),
    ],
)
def test_it_has_to_come_near_enough(
    question: str, likeness: float, score: float, other: float, it_is: bool
) -> None:
    mine, others = [passage(1, "x", score=score)], [passage(1, "y", score=other)]
    assert about_bot(question, likeness, mine, others) is it_is


def test_ranks_are_those_among_all() -> None:
    found = [
        passage(1, "a", id="a", score=0.5, dense=0.5, dense_rank=1, bm25=0.2, bm25_rank=2),
        passage(2, "b", id="b", score=0.3, dense=0.1, dense_rank=None, bm25=0.9, bm25_rank=1),
    ]
    mine = [passage(1, "c", id="c", score=0.4, dense=0.7, dense_rank=1, bm25=0, bm25_rank=None)]
    both = {one.id: (one.n, one.dense_rank, one.bm25_rank) for one in joined(found, mine)}
    assert both == {"a": (1, 2, 2), "c": (2, 1, None), "b": (3, None, 1)}


# --- never stale


def text(bot: Bot, question: str) -> str:
    """Return all that the bot finds of itself for a question."""
    return "\n".join(passage.text for passage in own(retrieve(bot, question, 9)))


def test_the_next_question_meets_the_settings_and_model_of_then(bot: Bot) -> None:
    assert "top-k is 5" in text(bot, ASKED)
    changed = replace(bot, settings=replace(bot.settings, top_k=9))
    assert "top-k is 9" in text(changed, ASKED) and "top-k is 5" not in text(changed, ASKED)
    assert "is model-a." in text(bot, "Which model are you?")
    other = replace(bot, chosen=replace(bot.chosen, name="model-b"))
    assert "is model-b." in text(other, "Which model are you?")
    assert "model-a" not in text(other, "Which model are you?")


def test_the_next_question_meets_the_index_of_then(
    bot: Bot, settings: Settings, embedder: FakeEmbedder
) -> None:
    question = "How many documents do you have?"
    assert "2 documents in all, cut into 2 chunks" in text(bot, question)
    write(settings, embedder, [indexed("new", "Zeppelins fly.", "new.md")])
    assert "3 documents in all, cut into 3 chunks" in text(bot, question)
    assert "2 documents" not in text(bot, question)


def test_the_next_question_meets_the_evaluation_of_then(bot: Bot, settings: Settings) -> None:
    question = "How good is your retrieval?"
    assert "not been measured here yet" in text(bot, question)
    last_evaluation.keep(settings, "retrieval", "xquad", "fake", 240, {"nDCG@10": "0.983"})
    assert "nDCG@10: 0.983" in text(bot, question)
    assert "My retrieval has not been measured" not in text(bot, question)


def test_only_what_changed_is_embedded_again(bot: Bot, embedder: FakeEmbedder) -> None:
    retrieve(bot, ASKED, 4)
    assert len(embedder.texts) == len(set(embedder.texts)) > 100
    before = len(embedder.texts)
    retrieve(bot, ASKED, 4)
    assert len(embedder.texts) == before
    retrieve(replace(bot, settings=replace(bot.settings, top_k=9)), ASKED, 4)
    assert 1 <= len(embedder.texts) - before <= 4


# --- not a user's document


def test_index_and_library_never_hold_it(bot: Bot, settings: Settings) -> None:
    retrieve(bot, ASKED, 9)
    assert {chunk.document for chunk in bot.retriever.chunks()} == {"a.md", "space.pdf"}
    with Index.read(settings, fingerprint(bot.retriever.embedder)) as index:
        assert [row.name for row in library.entries(index.chunks())] == ["a.md", "space.pdf"]
    assert list(settings.corpus.iterdir()) == []


def test_its_passages_stand_in_its_text(bot: Bot) -> None:
    whole = document(bot)
    assert whole.name == about.NAME
    found = own(retrieve(bot, ASKED, 9))
    assert found
    assert all(whole.text[one.start : one.end] == one.text for one in found)


def test_no_file_can_have_its_name() -> None:
    assert str(Path(about.NAME)) != about.NAME


# --- an answer from it, and its receipt


def answered(bot: Bot, draft: str, **beliefs: float) -> tuple[Bot, Answer]:
    model = Believer(draft=draft, beliefs={"answerable": 0.99, **beliefs})
    bot = replace(bot, chosen=believing(model, name="model-a", setting="embedded"))
    *_, last = answer(bot, ASKED)
    assert isinstance(last, Answer)
    return bot, last


def test_an_answer_cites_it_and_its_receipt_can_be_compared(bot: Bot) -> None:
    asked, said = answered(bot, "My top-k is 5.")
    assert said.answer == "My top-k is 5. [1]"
    assert said.passages[0].document == about.NAME
    then = receipt.of(asked, said)
    assert (then.corpus.documents, then.corpus.chunks) == (2, 2)
    assert receipt.Receipt.from_json(then.to_json()) == then
    assert about.NAME in receipt_html.page(then)

    again = receipt.of(*answered(bot, "My top-k is 5."))
    assert [change.what for change in replay.differences(then, again)] == []
    other = replace(bot, settings=replace(bot.settings, top_k=4))
    changed = receipt.of(*answered(other, "My top-k is 4."))
    found = {change.what for change in replay.differences(then, changed)}
    assert {"setting top_k", "passage went", "passage came", "answer"} <= found


def test_a_stale_figure_is_not_let_through(bot: Bot) -> None:
    other = replace(bot, settings=replace(bot.settings, top_k=9))
    _, said = answered(other, "My top-k is 5.", supported=0.99, answers=0.99)
    assert "My top-k is 5" not in said.answer


def test_a_follow_up_is_answered_from_it(bot: Bot) -> None:
    rewritten = "How many passages are read?"
    model = Believer(draft="My top-k is 5.", rewritten=rewritten, beliefs={"answerable": 0.99})
    bot = replace(bot, chosen=believing(model))
    *_, last = answer(bot, "and passages?", [Turn("How many passages are read by you?")])
    assert isinstance(last, Answer)
    assert last.resolved_question == rewritten
    assert last.passages[0].document == about.NAME
