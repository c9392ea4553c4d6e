"""The documents that teach: what they must be, and how the steps of an answer lead to them."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, cast

import pytest
from fake_believer import Believer, believing
from fakes import ROOT, FakeEmbedder, Shelf, indexed, passage

from bot.cli.ask import explanation
from bot.evaluation import metrics
from bot.evaluation.datasets import Question, read_questions
from bot.explain import learn_more, steps
from bot.path.retrieval import Retriever
from bot.records.turn import Exchange
from bot.session import Bot
from bot.verify.grounding import refuses
from bot.web import links, tab
from bot.web.chat import html as render
from bot.web.chat import why
from bot.web.room import Room
from bot.web.tab import Conversation
from bot.web.wiring import EXAMPLES
from ingest import library
from ingest.documents import Document, read_document
from ingest.index import Index, IndexedChunk
from ingest.sentences import sentence_spans
from ingest.settings import Settings
from ingest.sync import fingerprint

CORPUS = ROOT / "corpus"
SEED = "fine-tuning-vs-rag.md"
SEED_SHA256 = "c47e68e0612efc7d1020f81cfe5ab64233f67a966c476ff92f32abb99cf850b4"
TEACHING = sorted(path for path in CORPUS.glob("*.md") if path.name != SEED)
GOLD = read_questions(ROOT / "tests" / "gold" / "corpus.jsonl")
SEED_GOLD = read_questions(ROOT / "tests" / "gold" / "seed.jsonl")
EVIL = '<img src=x onerror="alert(1)">'
LESSON = indexed("l", "Fusion adds scores.", "f.md", heading="Fusion", start=7, end=26)
STEP = steps.Step("Passages", "Two were kept.")


def sections(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the heading and the body of every section."""
    ends = [heading.start for heading in document.headings[1:]] + [len(document.text)]
    for heading, end in zip(document.headings, ends, strict=True):
        yield heading.title, document.text[heading.end : end].strip()


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


# --- the documents


def test_the_users_document_is_as_it_was_given() -> None:
    assert hashlib.sha256((CORPUS / SEED).read_bytes()).hexdigest() == SEED_SHA256


def test_there_are_documents_that_teach() -> None:
    assert len(TEACHING) >= 8


@pytest.mark.parametrize("path", TEACHING, ids=lambda path: path.name)
def test_a_document_is_short_and_every_section_of_it_says_its_source(path: Path) -> None:
    document = read_document(path.name, path.read_bytes())
    assert 400 <= len(document.text.split()) <= 900
    (title, nothing), *rest = sections(document)
    assert (title, nothing) == (document.title, ""), "only sections hold text"
    for heading, body in rest:
        told, _, source = body.rpartition("\n\n")
        assert re.fullmatch(r"Source: .+, \d{4}\.", source), heading
        assert len(sentences(told)) >= 3, f"{heading}: a bare list of sources"
        assert "Source:" not in told, heading
        assert not re.match(r"(?i)sources|references|bibliography|literature", heading)


@pytest.mark.parametrize("path", TEACHING, ids=lambda path: path.name)
def test_a_sentence_stands_by_itself_and_reads_like_no_refusal(path: Path) -> None:
    for _, body in sections(read_document(path.name, path.read_bytes())):
        for one in sentences(body):
            assert not re.match(r"(It|They|This|These|That|Those|He|She|Such|Its|Their)\b", one)
            assert not refuses(one), one


def test_no_sentence_is_told_twice() -> None:
    told = [
        one
        for path in CORPUS.glob("*.md")
        for one in sentences(path.read_text("utf-8"))
        if not one.startswith("Source:")
    ]
    assert sorted(one for one in told if told.count(one) > 1) == []


# --- the questions on all documents


def test_the_gold_set_is_large_and_mixed() -> None:
    assert len(GOLD) >= 60
    assert {question.kind for question in GOLD} == {
        "direct", "paraphrase", "comparison", "follow-up", "across",
        "on-topic", "off-topic", "instruction",
    }  # fmt: skip
    asked = [(question.question, question.history) for question in GOLD]
    assert len({*asked}) == len(asked)


@pytest.mark.parametrize("question", GOLD, ids=lambda question: question.id)
def test_what_a_right_answer_holds_stands_in_the_documents(question: Question) -> None:
    assert bool(question.answers) == question.answerable
    texts = " ".join(path.read_text("utf-8") for path in CORPUS.glob("*.md"))
    assert metrics.occurs(question.answers, texts)


def test_there_are_examples_for_the_empty_chat() -> None:
    assert len(EXAMPLES) >= 3
    assert all(one and one == one.strip() for one in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_has_a_known_answer_in_the_documents(example: str) -> None:
    asked = [one for one in [*GOLD, *SEED_GOLD] if (one.question, one.history) == (example, ())]
    texts = " ".join(path.read_text("utf-8") for path in CORPUS.glob("*.md"))
    assert [one.answerable and metrics.occurs(one.answers, texts) for one in asked] == [True]


# --- from a step to its passage


def told_titles() -> set[str]:
    """Return the title of every step that can be told: the first argument of each Step()."""
    tree = ast.parse(Path(steps.__file__).read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if getattr(call.func, "id", "") == "Step"]
    return {str(cast("ast.Constant", call.args[0]).value) for call in named}


def test_every_step_is_taught() -> None:
    assert {*learn_more.places()} == told_titles()
    assert len(learn_more.places()) >= 9


def test_every_passage_that_teaches_is_in_the_corpus(tmp_path: Path) -> None:
    settings = Settings(corpus=CORPUS, index=tmp_path / "index")
    embedder = FakeEmbedder(chunk_tokens=200).real
    library.ingest(settings, embedder)
    with Index.read(settings, fingerprint(embedder)) as index:
        found = learn_more.passages(index.chunks())
    assert [*found] == [*learn_more.places()]
    for title, chunk in found.items():
        assert (chunk.document, chunk.heading) == learn_more.places()[title]
        text = read_document(chunk.document, (CORPUS / chunk.document).read_bytes()).text
        assert text[chunk.start : chunk.end] == chunk.text


def chunk(title: str, **values: Any) -> IndexedChunk:
    document, heading = learn_more.places()[title]
    return indexed(title, "text", **{"document": document, "heading": heading, **values})


def test_of_a_cut_section_the_first_passage_teaches() -> None:
    first, second = chunk("Gate", start=5, end=9), chunk("Gate", start=9, end=13)
    assert learn_more.passages([second, first]) == {"Gate": first}


def test_what_the_index_lacks_teaches_nothing() -> None:
    near = [chunk("Gate", document="mine.md"), chunk("Gate", heading="Abstention")]
    assert learn_more.passages(near) == {}
    assert learn_more.passages([]) == {}


# --- shown


def test_the_page_links_to_the_passage() -> None:
    html = why.step(replace(STEP, taught=LESSON))
    place = escape(links.reader("f.md", 7, 26, "Fusion adds scores."))
    assert f'<a href="{place}" target="_blank">learn more: f.md, Fusion</a>' in html
    assert html.index("</summary>") < html.index("<a "), "behind the step's sentence"
    assert "<a " not in why.step(STEP)


def test_a_hostile_name_stays_text() -> None:
    html = why.step(replace(STEP, taught=replace(LESSON, document=EVIL, heading=EVIL)))
    assert "<img" not in html
    assert html.count('"') == 2 * len(["step", "more", "href", "target"])


def test_the_shell_names_the_passage() -> None:
    text = explanation([replace(STEP, taught=LESSON), STEP], 60)
    assert text.split("\n") == [
        "",
        "Passages: Two were kept.",
        "  learn more: f.md, Fusion",
        "",
        "Passages: Two were kept.",
    ]
    long = explanation([replace(STEP, taught=replace(LESSON, heading="Fusion " * 20))], 60)
    assert max(map(len, long.split("\n"))) <= 60
    evil = replace(LESSON, heading="\x1b[2J")
    assert "\x1b" not in explanation([replace(STEP, taught=evil)], 60)


class Lending:
    """Stand in for a room whose bot is free."""

    closing = False
    waiting_for = ""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot

    def borrow(self, seconds: float) -> Bot:
        return self.bot

    def give_back(self) -> None:
        pass


class Taught(Shelf):
    """A shelf whose index holds the passage that teaches a gate."""

    def chunks(self) -> list[IndexedChunk]:
        return [chunk("Gate")]


def test_an_answer_on_the_page_leads_to_what_its_index_teaches() -> None:
    found = [passage(1, "RAG adds latency.")]
    model = believing(Believer(draft="RAG adds latency."))
    bot = Bot(Settings(), cast("Retriever", Taught(found, FakeEmbedder())), model)
    talk = Conversation()
    list(tab.ask(cast("Room", Lending(bot)), talk, "What does RAG add?"))
    html = render.reply(talk.exchanges[0])
    assert re.findall(r"learn more: ([^<]*)<", html) == [
        escape(", ".join(learn_more.places()["Gate"]))
    ]
    assert html.index("<b>Gate</b>") < html.index("learn more") < html.index("<b>Prompt</b>")
    assert "learn more" not in render.reply(Exchange("q", draft="half"))
