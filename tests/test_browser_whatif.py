"""The what-if page in a real browser, with a model that quotes.

Run: `pytest tests/test_browser_whatif.py`. Skipped without Chromium. Needs no weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import served
from fake_models import Quoting, chosen
from fakes import FakeEmbedder, settings_in, write_files
from playwright.sync_api import Locator, Page, expect

from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.web.room import Room
from ingest.index import Index
from ingest.sync import fingerprint

QUESTION = "What are the cons of RAG?"
FILES = {
    "cons.md": "# RAG\n\n## Cons\n\nRAG adds latency to every answer.\n",
    "store.md": "# Stores\n\nThe cons are that RAG needs a vector store.\n",
    "tuning.md": "# Tuning\n\nThe cons of tuning: training data are dear.\n",
    "moon.md": "# Moon\n\nThe moon orbits the earth.\n",
    "evil.md": "# <img src=x onerror=alert(1)>\n\nThe cons. <script>window.hacked = 1</script>\n",
}

# Gradio and its dependencies warn of each other; that is not this project's to mend.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def model() -> Quoting:
    return Quoting(word="RAG", pace=0.05)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, model: Quoting) -> Iterator[str]:
    settings = settings_in(tmp_path_factory.mktemp("whatif"), top_k=3)
    write_files(settings.corpus, FILES)
    embedder = FakeEmbedder().real

    @contextmanager
    def open_bot(*_: Any) -> Iterator[Bot]:
        with Index.read(settings, fingerprint(embedder)) as index:
            yield Bot(settings, Retriever(index, embedder), chosen(model))

    room = Room(settings, open_bot, lambda *_: embedder)
    with served(room) as address:
        room.open()
        yield address
        room.close()


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """Ask a question, and turn to the what-if page."""
    expect.set_options(timeout=60_000)  # the tests may share the machine
    page.get_by_role("textbox", name="Question").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator("#chat .answer .meta").first).to_be_visible()
    page.get_by_role("tab", name="What if").click()
    expect(rows(page)).to_have_count(len(FILES))
    yield page
    expect.set_options(timeout=5_000)


def rows(page: Page) -> Locator:
    return page.locator("#ranking .row")


def first(page: Page) -> Locator:
    return rows(page).first.locator("a")


def test_a_slider_redraws_the_ranking_without_the_model(page: Page, model: Quoting) -> None:
    asked = len(model.prompts)
    expect(page.locator("#ranking .gate")).to_contain_text("3 passages are shown")
    top_k = page.get_by_label("number input for Passages shown (top-k)")
    expect(top_k).to_have_value("3")
    slider = page.get_by_label("range slider for Passages shown (top-k)")
    slider.focus()
    slider.press("ArrowLeft")
    expect(page.locator("#ranking .gate")).to_contain_text("2 passages are shown")
    expect(rows(page).nth(2)).to_contain_text("left out: top-k is 2 (was [3])")
    threshold = page.get_by_label("number input for Threshold of the gate")
    threshold.fill("1")
    expect(page.locator("#ranking .gate")).to_contain_text("The gate stops it")
    threshold.fill("")
    expect(page.locator("#ranking .gate")).to_contain_text("and 0.00 is needed")
    top_k.fill("99")
    expect(page.locator("#ranking .gate")).to_contain_text("5 passages are shown")
    page.get_by_role("button", name="Turn back").click()
    expect(page.locator("#ranking .gate")).to_contain_text("3 passages are shown")
    expect(top_k).to_have_value("3")
    assert len(model.prompts) == asked


def test_a_passage_is_switched_off_by_keyboard_and_the_focus_stays_on_it(page: Page) -> None:
    switch = page.get_by_role("switch").first
    id = switch.get_attribute("data-id")
    switch.focus()
    page.keyboard.press("Space")
    mine = page.locator(f"#ranking .row:has([data-id='{id}'])")
    expect(mine.get_by_role("switch")).to_have_attribute("aria-checked", "false")
    expect(mine).to_contain_text("switched off (was [1])")
    expect(mine.get_by_role("switch")).to_be_focused()
    expect(rows(page).nth(1)).to_contain_text("shown to the model (was [2])")
    page.keyboard.press("Enter")
    expect(mine).to_contain_text("shown to the model")
    expect(mine.get_by_role("switch")).to_be_focused()


def test_answer_again_stands_beside_the_former_answer(page: Page) -> None:
    page.get_by_role("switch", name="Use cons.md").press("Space")
    expect(page.locator("#ranking .row.off")).to_have_count(1)
    page.get_by_role("button", name="Answer again with these").click()
    before, now = (page.locator("#results .side").nth(n) for n in (0, 1))
    expect(now.locator(".meta")).to_be_visible()
    expect(before).to_contain_text("RAG adds latency to every answer. [1] gone")
    expect(now).to_contain_text("1 switched off")
    expect(now).not_to_contain_text("latency")
    expect(now).to_contain_text("RAG needs a vector store")
    expect(page.locator("#results .verdict")).to_contain_text("Of 2 sentences: 1 stayed, 1 gone.")
    link = before.locator("a").first.get_attribute("href")
    assert link and link.startswith("reader?document=cons.md&")

    # A tab that is left and come back to keeps it; a new question takes its place.
    page.get_by_role("tab", name="Chat").click()
    page.get_by_role("tab", name="What if").click()
    expect(page.locator("#ranking .row.off")).to_have_count(1)
    page.get_by_role("tab", name="Chat").click()
    page.get_by_role("textbox", name="Question").fill("What does the moon orbit?")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .answer .meta")).to_have_count(2)
    page.get_by_role("tab", name="What if").click()
    expect(page.locator("#results .side")).to_have_count(0)
    expect(first(page)).to_contain_text("moon.md")


def test_leave_each_one_out_can_be_stopped_and_finished(page: Page, model: Quoting) -> None:
    model.pace = 0.5
    page.get_by_role("button", name="Leave each one out").click()
    expect(page.locator("#trying")).to_contain_text("1 of 3, without [1]")
    page.get_by_role("button", name="Stop").click()
    # How many were done by then is the machine's speed; not all of them.
    expect(page.locator("#results .verdict")).to_have_text(
        re.compile(r"[012] of 3 passages were left out: it was stopped\.")
    )
    model.pace = 0.0
    page.get_by_role("button", name="Leave each one out").click()
    verdict = page.locator("#results .verdict")
    expect(verdict).to_contain_text("No single passage carries all of it")
    expect(verdict).to_contain_text("without any one of them 1 of 2 sentences is gone")
    expect(page.locator("#results .out")).to_have_count(3)
    out = page.locator("#results .out").first
    out.locator("summary").press("Enter")
    expect(out.locator("details")).to_contain_text("gone")


def test_it_fits_a_narrow_page_and_says_what_is_missing(page: Page) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    page.get_by_role("tab", name="Chat").click()
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("#chat .answer")).to_have_count(0)
    page.get_by_role("tab", name="What if").click()
    expect(page.locator("#ranking")).to_contain_text("Ask a question in the chat first")
    expect(page.locator("#parameters")).to_be_hidden()
