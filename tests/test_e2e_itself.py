"""Questions about the bot itself, with the real embedder and, at the end, the default model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_models import FakeChat, chosen

from bot.about import search as about
from bot.about.search import About
from bot.evaluation.answers import ask
from bot.evaluation.datasets import Question, read_questions
from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.trace import Answer
from ingest.embedder import Embedder
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

GOLD = Path(__file__).parent / "gold" / "seed.jsonl"
PARAPHRASES = {  # none of them is among the questions that the bot knows; the section that answers
    "How long is one of your chunks?": "What chunk size do you use?",
    "Do you overlap the pieces of a document?": "What chunk size do you use?",
    "How many results do you feed to your model?": "How many passages do you read?",
    "What do you use to embed text?": "Which embedding model do you use?",
    "Is there a server somewhere that sees what I ask you?": "Do you run on my machine?",
    "In which cases do you give no answer?": "When do you refuse to answer?",
    "What is your refusal threshold?": "How do you decide that you don't know?",
    "How well does your retrieval perform?": "How good is your retrieval?",
    "How many pages have you got?": "How many documents do you have?",
    "Which formats may I upload to you?": "Which file formats can you read?",
    "Do you remember what I said earlier?": "Do you remember my earlier questions?",
    "How do you combine BM25 with the embeddings?": "How do you search?",
}
OTHERS = [
    "When should you use fine-tuning?",
    "Can you compare RAG and fine-tuning?",
    "Could you tell me what RAG is?",
    "How do you fine-tune a model?",
    "How do you evaluate a RAG system?",
    "What chunk size should you use for RAG?",
    "What do you need to build a RAG system?",
    "How do you bake sourdough bread?",
    "How do you find the median of a sample?",
    "Where do you store your password?",
]


@pytest.fixture(scope="module")
def mute(seed_index: Settings, real_embedder: Embedder) -> Iterator[Bot]:
    """Open all but a model."""
    with Index.read(seed_index, fingerprint(real_embedder)) as index:
        yield Bot(
            seed_index, Retriever(index, real_embedder), chosen(FakeChat(replies=[])), About()
        )


def own(bot: Bot, question: str, earlier: str = "") -> list[str]:
    """Return which sections of the document about the bot are found."""
    found = about.retrieve(bot, question, bot.settings.top_k, earlier=earlier)
    return [passage.heading for passage in found if passage.document == about.NAME]


@pytest.mark.parametrize(("question", "section"), PARAPHRASES.items())
def test_a_paraphrase_finds_its_section(mute: Bot, question: str, section: str) -> None:
    assert section in own(mute, question)


def test_no_question_of_the_gold_set_finds_any(mute: Bot) -> None:
    questions = read_questions(GOLD)
    assert len(questions) == 67
    found = {one.id: own(mute, one.question, *one.history[-1:]) for one in questions}
    assert {id: sections for id, sections in found.items() if sections} == {}


@pytest.mark.parametrize("question", OTHERS)
def test_anybodys_question_finds_none(mute: Bot, question: str) -> None:
    assert own(mute, question) == []


# --- with the model


def said(bot: Bot, question: str) -> Answer:
    return ask(bot, Question("x", question, (), (), True, (), ""))


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("What chunk size do you use?", ["200"]),
        ("Which model are you?", ["qwen2.5-coder-1.5b"]),
    ],
)
def test_the_bot_answers_about_itself(brief: Bot, question: str, values: list[str]) -> None:
    answer = said(brief, question)
    assert not answer.abstained, answer.gate.reason
    assert all(value in answer.answer for value in values), answer.answer
    cited = {n for sentence in answer.sentences for n in sentence.citations}
    assert about.NAME in {one.document for one in answer.passages if one.n in cited}
