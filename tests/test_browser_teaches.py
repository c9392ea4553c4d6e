"""The links from the steps of an answer to the passages that teach them, in a real browser.

Run: `pytest tests/test_browser_teaches.py`. Skipped without Chromium; the models are stand-ins.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import ready, served
from fake_models import ONE_TOKEN, FakeChat, Vote, chosen
from fakes import ROOT, FakeEmbedder
from playwright.sync_api import Page, expect

from bot.explain import learn_more
from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.web.room import Room
from ingest.documents import read_document
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

CORPUS = ROOT / "corpus"
REPLY = "Hybrid retrieval then merges the two result lists into one list of passages."

# Gradio and its dependencies warn of each other; that is not this project's to mend.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Open a room whose index holds the whole corpus, and whose model says one sentence."""

    @contextmanager
    def open_bot(settings: Settings, progress: Any, say: Any, embedder: Any) -> Iterator[Bot]:
        with Index.read(settings, fingerprint(embedder)) as index:
            model = FakeChat(replies=[[Vote(0.95)], [REPLY]])
            yield Bot(settings, Retriever(index, embedder), chosen(model, one_token=ONE_TOKEN))

    embedder = FakeEmbedder(chunk_tokens=200).real
    settings = Settings(corpus=CORPUS, index=tmp_path / "index", cache=tmp_path)
    room = Room(settings, open_bot, lambda settings, progress: embedder)
    yield ready(room)
    room.close()


@pytest.fixture
def address(room: Room) -> Iterator[str]:
    with served(room) as url:
        yield url


def test_each_step_leads_to_its_passage_by_keyboard_and_on_a_small_screen(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    box = page.get_by_role("textbox", name="Question")
    box.fill("What does hybrid retrieval merge?")
    box.press("Enter")
    panel = page.locator("#chat .why")
    panel.locator("> summary").press("Enter")
    steps = panel.locator("details.step")
    titles = [title.split(" ")[0] for title in steps.locator("summary").all_inner_texts()]
    assert titles == "Question Search Passages Gate Prompt Draft Check Time".split()
    for title, step in zip(titles, steps.all(), strict=True):
        link = step.locator(".more a")
        expect(link).to_be_hidden()  # the panel stays calm
        step.locator("summary").press("Enter")
        document, heading = learn_more.places()[title]
        expect(link).to_have_text(f"learn more: {document}, {heading}")
        link.focus()
        expect(link).to_be_focused()
        place = parse_qs(urlsplit(link.get_attribute("href") or "").query)
        assert place["document"] == [document]
        text = read_document(document, (CORPUS / document).read_bytes()).text
        passage = text[int(place["start"][0]) : int(place["end"][0])]
        assert text[: int(place["start"][0])].rstrip().endswith(heading)
        assert "Source: " in passage, "the passage is the whole section"
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
