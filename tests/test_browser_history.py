"""The history panel in a real browser, over a fake model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import conftest
import pytest
from conftest import served
from fake_models import FakeChat, chosen
from fakes import FakeEmbedder, settings_in
from playwright.sync_api import Browser, Page, expect

from bot.evaluation.datasets import over
from bot.session import Bot
from bot.web.room import Room, State
from ingest.settings import Settings

TEXTS = ["RAG adds latency. <img src='http://evil.example/x.png'>", "Fine-tuning costs training."]
FIRST = "What does RAG add to <b>latency</b>?"

# Gradio and its dependencies warn of each other; that is not this project's to mend.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """Wait longer than Playwright does: a first page is slow where the machine is shared."""
    expect.set_options(timeout=60_000)
    yield
    expect.set_options(timeout=5_000)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve the page of a room whose model is a script; give its address."""

    @contextmanager
    def open_bot(settings: Settings, progress: Any, say: Any, embedder: Any) -> Iterator[Bot]:
        model = FakeChat(replies=[["RAG adds latency [1]."]] * 9)
        yield Bot(settings, over(TEXTS, embedder), chosen(model))

    room = Room(settings, open_bot, lambda settings, progress: FakeEmbedder().real)
    with served(room) as address:
        room.open()
        try:
            yield address
        finally:
            room.close()
    assert room.state is State.CLOSED


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Open pages; fail when one talked to anyone else, or wrote an error to the console."""
    pages: list[Page] = []
    wrong: list[str] = []

    def open(address: str) -> Page:
        pages.append(conftest.visit(browser, address, wrong))
        return pages[-1]

    yield open
    for page in pages:
        page.close()
    assert wrong == []


def send(page: Page, text: str, count: int) -> None:
    box = page.get_by_role("textbox", name="Question")
    box.fill(text)
    box.press("Enter")
    expect(page.locator("#chat .answer .meta").first).to_be_visible()
    expect(page.locator("#chat .answer")).to_have_count(count)
    expect(page.locator("#send")).to_be_visible()


def rows(page: Page) -> Any:
    return page.locator("#history-rows button")


def toggle(page: Page) -> Any:
    return page.get_by_role("button", name="History of conversations")


def test_a_conversation_outlives_the_server_and_its_document(
    tmp_path: Path, visit: Callable[[str], Page]
) -> None:
    settings = settings_in(tmp_path)
    with serving(settings) as address:
        page = visit(address)
        expect(page.locator("#history")).to_be_hidden()
        send(page, FIRST, 1)
        send(page, "Does it cost latency?", 2)
        answers = page.locator("#chat .answer").all_inner_texts()
        # The last thing that a turn adds to the sources.
        expect(page.get_by_role("link", name="Save the receipt")).to_be_visible()
        sources = page.locator("#sources").inner_text()
        page.close()  # or it would ask for the server that goes
    TEXTS.reverse()  # another corpus than it was answered from

    with serving(settings) as address:
        page = visit(address)
        expect(toggle(page)).to_have_attribute("aria-expanded", "false")
        toggle(page).click()
        expect(toggle(page)).to_have_attribute("aria-expanded", "true")
        expect(rows(page)).to_have_count(1)
        expect(rows(page)).to_contain_text(FIRST)
        expect(rows(page)).to_contain_text("2 questions")
        rows(page).click()
        expect(page.locator("#chat .answer")).to_have_count(2)
        assert page.locator("#chat .answer").all_inner_texts() == answers
        expect(page.locator("#sources .source.cited")).to_contain_text("RAG adds latency.")
        assert page.locator("#sources").inner_text() == sources
        page.locator("#chat details.why summary").first.click()
        expect(page.locator("#chat details.why").first).to_contain_text("Search")
        page.locator("#chat .answer .meta").first.click()  # of the first answer
        expect(page.locator("#sources .about")).to_contain_text(FIRST)
        with page.expect_download() as saved:
            page.get_by_role("link", name="Save the receipt").click()
        assert saved.value.suggested_filename.startswith("receipt-")
        expect(rows(page)).to_have_attribute("aria-current", "true")

        # It goes on where it was; a new chat leaves it alone.
        send(page, "And what does it add?", 3)
        expect(rows(page)).to_contain_text("3 questions")
        page.get_by_role("button", name="New chat").click()
        expect(page.locator("#chat .answer")).to_have_count(0)
        expect(page.locator("#history-acts")).to_be_hidden()
        send(page, "What costs training?", 1)
        expect(rows(page)).to_have_count(2)
        expect(rows(page).first).to_contain_text("What costs training?")


def press_on(page: Page, name: str) -> None:
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")


def test_rename_delete_and_undo_by_keyboard(tmp_path: Path, visit: Callable[[str], Page]) -> None:
    with serving(settings_in(tmp_path)) as address:
        page = visit(address)
        send(page, FIRST, 1)
        toggle(page).focus()
        page.keyboard.press("Enter")
        expect(rows(page)).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#history")).to_be_hidden()
        expect(toggle(page)).to_be_focused()
        page.keyboard.press("Enter")
        expect(rows(page)).to_be_focused()
        press_on(page, "Rename")
        title = page.get_by_role("textbox", name="Title")
        expect(title).to_be_focused()
        expect(title).to_have_value(FIRST)
        page.keyboard.press("Control+a")
        page.keyboard.type("../<i>Mine</i>")
        page.keyboard.press("Enter")
        expect(rows(page).locator(".title")).to_have_text("../<i>Mine</i>")
        expect(title).to_be_hidden()
        expect(page.get_by_role("button", name="Rename")).to_be_focused()

        press_on(page, "Delete …")
        expect(page.get_by_role("button", name="Keep it")).to_be_focused()
        expect(page.locator("#history-said")).to_contain_text("Delete “../<i>Mine</i>”?")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(rows(page)).to_have_count(0)
        expect(page.locator("#chat .answer")).to_have_count(0)
        expect(page.get_by_role("button", name="Undo")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#chat .answer")).to_have_count(1)
        expect(rows(page)).to_be_focused()
        expect(rows(page).locator(".title")).to_have_text("../<i>Mine</i>")


def test_an_id_that_the_page_was_made_to_send_opens_nothing(
    tmp_path: Path, visit: Callable[[str], Page]
) -> None:
    (tmp_path / "secret.json").write_text('{"format": 1, "title": "x", "exchanges": []}')
    with serving(settings_in(tmp_path)) as address:
        page = visit(address)
        send(page, FIRST, 1)
        toggle(page).click()
        expect(rows(page)).to_have_count(1)
        rows(page).evaluate("row => { row.dataset.id = '../../secret'; }")
        rows(page).click()
        expect(page.locator("#history-said .error")).to_contain_text("no such conversation")
        expect(page.locator("#chat .answer")).to_have_count(1)


def test_export_is_a_page_that_opens_alone_and_narrow_fits(
    tmp_path: Path, visit: Callable[[str], Page]
) -> None:
    with serving(settings_in(tmp_path)) as address:
        page = visit(address)
        send(page, FIRST, 1)
        page.set_viewport_size({"width": 380, "height": 800})
        expect(page.locator("#history")).to_be_hidden()
        toggle(page).click()
        press_on(page, "Export")
        saved = []
        for name in ("Save as HTML", "Save as JSON"):
            with page.expect_download() as download:
                page.get_by_role("link", name=name).click()
            saved.append(tmp_path / download.value.suggested_filename)
            download.value.save_as(saved[-1])
        assert page.evaluate("document.documentElement.scrollWidth") <= 380
        rows(page).click()  # what was opened is not hidden by the list
        expect(page.locator("#history")).to_be_hidden()
        expect(toggle(page)).to_be_focused()
        kept = next((tmp_path / "index" / "conversations").glob("*.json"))
        assert json.loads(saved[1].read_text("utf-8")) == json.loads(kept.read_text("utf-8"))
        alone = visit(saved[0].as_uri())
        expect(alone.locator("h1")).to_have_text(FIRST)
        alone.locator(".answer a").first.click()
        expect(alone.locator("article:target")).to_contain_text("RAG adds latency.")


def test_off_shows_no_panel_and_keeps_nothing(tmp_path: Path, visit: Callable[[str], Page]) -> None:
    with serving(settings_in(tmp_path, history="off")) as address:
        page = visit(address)
        send(page, FIRST, 1)
        expect(toggle(page)).to_have_count(0)
    assert not (tmp_path / "index" / "conversations").exists()
