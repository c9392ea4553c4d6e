"""Citations that lead into the documents, in a real browser: `pytest tests/test_browser_reader.py`.

Skipped without Chromium. The chat model and the embedder are fakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import ready, served
from fake_models import FakeChat, chosen
from fakes import FakeEmbedder, settings_in, write_files
from playwright.sync_api import FrameLocator, Page, expect
from samples import pdf_bytes

from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.web.room import Room
from ingest.index import Index
from ingest.sync import fingerprint

FILLING = "".join(f"## Part {n}\n\nThe gull number {n} eats fish.\n\n" for n in range(80))
OWLS = f"# Birds\n\n{FILLING}## Owls\n\nOwls hunt mice at night. They hear well.\n\n{FILLING}"
LIONS = [["Stripes", "Zebras have stripes."], ["Lions", "Lions sleep twenty hours.", "They hunt."]]
OUTLINE = [("Stripes", 0), ("Lions", 1)]  # a section each, so a chunk each

# Gradio and its dependencies warn of each other; that is not this project's to mend.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    settings = settings_in(tmp_path_factory.mktemp("reader"))
    write_files(settings.corpus, {"owls.md": OWLS})
    (settings.corpus / "lions.pdf").write_bytes(pdf_bytes(LIONS, outline=OUTLINE))
    embedder = FakeEmbedder().real

    @contextmanager
    def open_bot(*_: Any) -> Iterator[Bot]:
        drafts = ["Owls hunt mice at night."] * 2 + ["Lions sleep twenty hours."]
        replies = [[draft] for draft in drafts]
        with Index.read(settings, fingerprint(embedder)) as index:
            yield Bot(settings, Retriever(index, embedder), chosen(FakeChat(replies=replies)))

    room = Room(settings, open_bot, lambda *_: embedder)
    yield ready(room)
    room.close()


@pytest.fixture(scope="module")
def address(room: Room) -> Iterator[str]:
    with served(room) as url:
        yield url


def reader(page: Page) -> FrameLocator:
    return page.frame_locator("#reader iframe")


def ask(page: Page, question: str, answers: int = 1) -> Any:
    """Ask, and return the citations once there are so many answers."""
    page.get_by_role("textbox", name="Question").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator("#chat .answer > .why")).to_have_count(answers)
    return page.locator("#chat .answer > p > a.cite")


def test_a_citation_opens_the_document_at_its_passage(page: Page) -> None:
    cite = ask(page, "When do owls hunt mice at night?")
    cite.click()
    passage = reader(page).locator("#passage")
    expect(passage).to_be_in_viewport()
    expect(passage).to_have_text("Owls hunt mice at night. They hear well.")
    expect(passage.locator("strong")).to_have_text("Owls hunt mice at night.")
    assert page.evaluate("scrollY") == 0, "the page itself stays where it is"
    expect(reader(page).locator("nav")).to_contain_text("owls.md · Owls · passage 81 of 161")
    background = passage.evaluate("one => getComputedStyle(one).backgroundColor")
    assert background == "rgb(254, 240, 179)", "its policy lets its own style through"

    reader(page).get_by_role("link", name="Next passage").click()
    expect(passage).to_have_text("The gull number 0 eats fish.")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open in a new tab").click()
    expect(opened.value.locator("#passage")).to_have_text("The gull number 0 eats fish.")
    opened.value.close()

    reader(page).get_by_role("link", name="Chunk by chunk").click()
    expect(reader(page).locator("#chunk-81")).to_be_in_viewport()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#reader")).to_have_count(0)
    expect(cite).to_be_focused()

    with page.context.expect_page() as opened:
        cite.click(button="middle")
    expect(opened.value.locator("#passage")).to_be_in_viewport()
    opened.value.close()

    # By keyboard, with Escape from the dialog and from the document in it.
    cite.focus()
    page.keyboard.press("Enter")
    expect(passage).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator("#reader")).to_have_count(0)
    expect(cite).to_be_focused()
    page.keyboard.press("Enter")
    expect(passage).to_be_in_viewport()
    reader(page).get_by_role("link", name="Next passage").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#reader")).to_have_count(0)
    expect(cite).to_be_focused()

    page.set_viewport_size({"width": 390, "height": 844})
    cite.click()
    expect(passage).to_be_in_viewport()
    assert passage.evaluate("one => document.documentElement.scrollWidth") <= 390
    page.keyboard.press("Escape")
    cites = ask(page, "When do owls hunt mice at night?", answers=2)  # the chat goes on
    expect(cites).to_have_count(2)


def test_a_page_of_a_pdf_is_beside_its_text(page: Page) -> None:
    ask(page, "Do lions sleep twenty hours?")
    page.locator("details.source.cited").get_by_role("link", name="Open in the document").click()
    passage, picture = reader(page).locator("#passage"), reader(page).locator(".sheet img")
    expect(passage).to_be_in_viewport()
    expect(picture).to_be_in_viewport()
    assert picture.evaluate("one => one.complete && one.naturalWidth") == 1100
    text, beside = passage.bounding_box(), picture.bounding_box()
    assert text and beside and beside["x"] >= text["x"] + text["width"]
    mark = reader(page).locator(".sheet rect").first.bounding_box()
    assert mark and beside["y"] < mark["y"] < beside["y"] + beside["height"] / 4
    assert 0 < mark["width"] < beside["width"] / 2


def test_the_library_leads_to_every_document(page: Page) -> None:
    page.get_by_role("tab", name="Library").click()
    page.get_by_role("link", name="owls.md").click()
    expect(reader(page).locator(".text")).to_contain_text("## Part 79")
    page.keyboard.press("Escape")
    page.locator("#documents tr", has_text="lions.pdf").get_by_role("link", name="chunks").click()
    expect(reader(page).locator("article")).to_have_count(2)
    expect(reader(page).locator("article").first).to_contain_text("page 1")
