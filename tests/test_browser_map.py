"""The map in a real browser, on a small index of fake vectors: `pytest tests/test_browser_map.py`.

Skipped without Chromium.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import served
from fake_models import FakeChat, chosen
from fakes import FakeEmbedder, settings_in, write_files
from playwright.sync_api import Page, expect

from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.web.room import Room
from ingest.index import Index
from ingest.sync import fingerprint

EVIL = '<img src=x onerror="window.hacked=1"> <script>window.hacked=2</script> ${window.hacked=3}'
FILES = {
    "rag.md": "# RAG\n\n## Pros\n\nFresh knowledge.\n\n## Cons\n\nRAG adds latency.\n",
    "moon.md": f"# Moon\n\nThe moon orbits the earth.\n\n## `{EVIL}`\n\nApollo landed. `{EVIL}`\n",
}
LONG = 60_000  # milliseconds, for what waits for the server

# Gradio and its dependencies warn of each other; that is not this project's to mend.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    settings = settings_in(tmp_path_factory.mktemp("map"))
    write_files(settings.corpus, FILES)

    @contextmanager
    def open_bot(settings: Any, progress: Any, say: Any, embedder: Any) -> Iterator[Bot]:
        model = FakeChat(replies=[["RAG adds latency."]])
        with Index.read(settings, fingerprint(embedder)) as index:
            yield Bot(settings, Retriever(index, embedder), chosen(model))

    room = Room(settings, open_bot, lambda settings, progress: FakeEmbedder().real)
    yield room
    room.close()


@pytest.fixture(scope="module")
def address(room: Room) -> Iterator[str]:
    with served(room) as url:
        yield url


def test_the_map_of_an_index_and_of_a_question(room: Room, page: Page) -> None:
    tab, picture = page.get_by_role("tab", name="Map"), page.locator("#map")
    points = picture.locator("a.point")

    # It waits for the bot, and is there as soon as that is.
    tab.click()
    expect(page.locator("#map-status")).to_contain_text("starting", timeout=LONG)
    room.open()
    expect(points).to_have_count(5, timeout=LONG)
    expect(page.locator("#map-status p")).to_have_count(0)
    expect(picture).to_contain_text("of the variance: near on the map is a hint, not a proof")

    # The question of the chat, its passages and those cited.
    page.get_by_role("tab", name="Chat").click()
    page.get_by_role("textbox", name="Question").fill("What does RAG add to latency?")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .answer .meta")).not_to_have_count(0, timeout=LONG)
    tab.click()
    asked = picture.locator(".legend", has_text="“What does RAG add to latency?”")
    expect(asked).to_be_visible(timeout=LONG)
    cited = picture.get_by_role("link", name="[1] cited, rag.md")
    expect(cited).to_have_count(1)
    expect(picture.locator("line.join.cited")).to_have_count(1)
    expect(picture.locator("tbody tr", has_text="[1] cited")).to_contain_text("RAG adds latency.")

    # Pointing at a passage, and stepping to one, say what it is; it opens beside the chat.
    tip = picture.locator(".map-tip")
    points.filter(has_text="orbits").hover()
    expect(tip).to_contain_text("moon.md: The moon orbits the earth.")
    cited.focus()
    expect(tip).to_contain_text("RAG adds latency.")
    page.keyboard.press("Enter")
    opened = page.locator("dialog#reader iframe")
    expect(opened).to_have_attribute("src", re.compile(r"/reader\?document=rag\.md&start="))
    marked = opened.content_frame.locator("mark#passage")
    expect(marked).to_contain_text("RAG adds latency.")
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)

    # Another question, typed here.
    page.locator("#map-question input, #map-question textarea").fill("Who orbits the earth?")
    page.keyboard.press("Enter")
    expect(picture.get_by_role("link", name="[1] moon.md")).to_have_count(1, timeout=LONG)
    expect(picture.locator("line.join.cited")).to_have_count(0)
    expect(picture.locator("line.join").first).to_be_attached()

    # A narrow page does not scroll sideways, and the keyboard can step over the points.
    page.set_viewport_size({"width": 380, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    skip = picture.get_by_role("link", name="Skip the points")
    skip.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('table') !== null")
