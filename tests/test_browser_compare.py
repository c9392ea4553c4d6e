"""The compare page in a real browser, on a scripted model: no weights, a real index.

Run: `pytest tests/test_browser_compare.py`. Skipped without Chromium.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import ready, served
from fake_models import ONE_TOKEN, FakeChat, Vote, chosen
from fakes import FakeEmbedder, settings_in
from playwright.sync_api import Page, expect

from bot.experiments.lessons import Finding, sentences
from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.web.room import Room
from ingest.embedder import Embedder
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

# Gradio and its dependencies warn of each other; that is not this project's to mend.
pytestmark = pytest.mark.filterwarnings("default")

SEED = Path(__file__).parent.parent / "corpus" / "fine-tuning-vs-rag.md"
QUESTION = "What are the cons of RAG?"
LATENCY, DEPENDENCE = (sentences()[one][0] for one in (Finding.LATER, Finding.DEPENDENT))
EVIL = "<img src=x onerror='window.hacked=1'>RAG was invented on Mars <b>yesterday</b>."
COMPLEX = (
    "Implementing and maintaining a retrieval system adds complexity to the model architecture."
)


class Parrot(FakeChat):
    """Repeat the first sentence of the first passage; without passages, invent one and know one."""

    pace: float = 0.0  # seconds before each word

    def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        asked = str(messages[-1].content)
        first = re.search(r"<passage 1.*\n(?:- )?(?:\*\*.*?\*\* *)?(.*?\.)(?:\s|$)", asked)
        said = first[1] if first else f"1. {EVIL}\n2. {COMPLEX}"
        vote = Vote(0.95 if LATENCY in asked else 0.02)
        self.replies.append([vote] if "logprobs" in kwargs else re.findall(r"\S+\s*", said))
        for chunk in super()._stream(messages, *args, **kwargs):
            time.sleep(self.pace)
            yield chunk


@pytest.fixture(scope="module")
def model() -> Parrot:
    return Parrot(replies=[])


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, model: Parrot) -> Iterator[Room]:
    settings = settings_in(tmp_path_factory.mktemp("compare"), top_k=2)
    (settings.corpus / SEED.name).write_bytes(SEED.read_bytes())

    @contextmanager
    def open_bot(settings: Settings, progress: Any, say: Any, embedder: Embedder) -> Iterator[Bot]:
        with Index.read(settings, fingerprint(embedder)) as index:
            yield Bot(settings, Retriever(index, embedder), chosen(model, one_token=ONE_TOKEN))

    room = Room(settings, open_bot, lambda settings, progress: FakeEmbedder(chunk_tokens=200).real)
    yield room
    room.close()


@pytest.fixture(scope="module")
def address(room: Room) -> Iterator[str]:
    with served(room) as url:
        yield url


@pytest.fixture
def page(page: Page, room: Room) -> Page:
    """Turn to the compare page, once the bot is there."""
    ready(room)
    page.get_by_role("tab", name="Compare").click()
    return page


def compare(page: Page, question: str) -> None:
    box = page.get_by_role("textbox", name="Question to compare")
    box.fill(question)
    box.press("Enter")


def test_one_question_three_columns(page: Page, model: Parrot) -> None:
    model.pace = 0.0
    compare(page, QUESTION)
    ways = page.locator("section.way")
    expect(ways).to_have_count(3)
    for number in range(3):
        expect(ways.nth(number).locator(".lesson")).to_be_visible()
        expect(ways.nth(number).locator(".state")).to_have_text("done")
    bare, found, wrong = ways.all()
    invented, true = bare.locator(".said > li").all()
    expect(invented).to_contain_text("<img src=x")
    expect(invented).to_contain_text("not in the passages found")
    expect(invented).to_contain_text("nothing like it in column 2")
    expect(true).to_contain_text("in the passages found [1] support 100%")
    expect(true).not_to_contain_text("nothing like it")
    drafted, completing = found.locator(".said > li").all()
    expect(drafted).to_contain_text(COMPLEX)
    expect(completing).to_contain_text(LATENCY)  # the list's other item that is believed
    expect(wrong.locator(".said > li")).to_contain_text("in the wrong passages, support 100%")
    expect(wrong.locator(".said > li")).to_contain_text("not in the passages found")
    expect(wrong).to_contain_text(DEPENDENCE)
    expect(wrong).to_contain_text("The bot itself would have refused")
    link = true.get_by_role("link", name="[1]")
    assert (link.get_attribute("href") or "").startswith(f"reader?document={SEED.name}&start=")
    bare.get_by_text("how that was found").first.press("Enter")
    expect(bare).to_contain_text("stands in no passage")
    page.set_viewport_size({"width": 380, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    tops = [way.bounding_box() for way in ways.all()]
    assert tops[0] and tops[1] and tops[1]["y"] >= tops[0]["y"] + tops[0]["height"]


def test_stop_leaves_what_there_is_and_frees_the_bot(page: Page, model: Parrot) -> None:
    model.pace = 0.3
    compare(page, QUESTION)
    first = page.locator("section.way").first
    expect(first.locator(".unchecked")).to_contain_text("RAG was")
    expect(first.locator(".state")).to_have_text("writing")
    expect(page.locator("section.way").nth(1).locator(".state")).to_have_text("waiting")
    page.get_by_role("button", name="Stop").click()
    expect(first.locator(".state")).to_have_text("stopped")
    expect(first).to_contain_text("not checked")
    expect(page.locator("section.way").nth(2).locator(".state")).to_have_text("not begun")
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_visible()
    model.pace = 0.0
    page.get_by_role("button", name=QUESTION).last.click()
    expect(page.locator("section.way .lesson")).to_have_count(3)
