"""The page in a real browser, with the real embedder, index and chat model.

Run: `pytest tests/test_web_browser.py`. Skipped without Chromium or without the weights
(`whybot models fetch`).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import conftest
import pytest
from conftest import served
from playwright.sync_api import Page, expect

from bot.web import app
from bot.web.room import Room, State
from ingest.errors import SettingError
from ingest.settings import Settings

SEED = Path(__file__).parent.parent / "corpus" / "fine-tuning-vs-rag.md"
EVIL = """# The platypus

The platypus of Zanzibar lays turquoise eggs. `<script>window.hacked = 1</script>`
`<img src="http://evil.example/a.png" onerror="window.hacked = 2">`
`![beacon](http://evil.example/b.png)` ${window.hacked = 3} {{window.hacked}}
"""

# Gradio and its dependencies warn of each other; that is not this project's to mend.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def room(
    tmp_path_factory: pytest.TempPathFactory, weights_or_skip: Callable[[str], Path]
) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("web")
    settings = Settings.read(
        corpus=folder / "corpus", index=folder / "index", model="embedded", top_k=3
    )
    for name in ("all-MiniLM-L6-v2", "qwen2.5-coder-1.5b"):
        weights_or_skip(name)
    settings.corpus.mkdir()
    shutil.copy(SEED, settings.corpus)
    (settings.corpus / "broken.txt").write_bytes(b"\0\1\2")
    room = Room(settings)
    yield room
    room.close()


@pytest.fixture(scope="module")
def address(room: Room) -> Iterator[str]:
    with served(room) as url:
        yield url


@pytest.fixture
def ready(room: Room) -> Room:
    return conftest.ready(room, 120)


def question(page: Page) -> Any:
    return page.get_by_role("textbox", name="Question")


def send(page: Page, text: str) -> None:
    question(page).fill(text)
    question(page).press("Enter")


def answered(page: Page, count: int) -> Any:
    """Wait until so many answers are there and nothing is being written; return the last."""
    answers = page.locator("#chat .answer")
    expect(answers).to_have_count(count, timeout=60_000)
    expect(page.locator("#send")).to_be_visible(timeout=120_000)
    expect(page.locator("#stop")).to_be_hidden()
    return answers.nth(count - 1)


def wait_for_status(page: Page, text: str) -> None:
    page.wait_for_function(
        "text => new RegExp(text).test(document.querySelector('#status').innerText)", arg=text
    )


def upload(page: Page, *files: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(files)


def test_a_question_before_the_model_is_there_waits(page: Page, room: Room) -> None:
    assert room.state is State.OPENING
    send(page, "What are the cons of RAG?")
    wait_for_status(page, "starting")
    room.open()
    expect(page.locator("#banner p")).to_be_visible()
    last = answered(page, 1)
    expect(page.locator("#banner p")).to_have_count(0)
    expect(last.locator(".meta")).to_contain_text("of 4096 tokens read")
    cons = page.locator("details.source", has_text="Complexity")
    expect(cons).to_contain_text("fine-tuning-vs-rag.md")
    expect(cons).to_contain_text("BM25")

    # A citation opens its document.
    last.locator("a.cite").first.click()
    passage = page.frame_locator("#reader iframe").locator("#passage")
    expect(passage.locator("strong")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.locator("#reader")).to_have_count(0)

    # An older answer brings its sources back, frozen.
    send(page, "When should I use fine-tuning?")
    wait_for_status(page, "writing")
    page.get_by_role("button", name="Stop").click()
    answered(page, 2)
    expect(page.locator("#sources .about")).to_contain_text("When should I use")
    page.locator("#chat .answer").first.locator(".meta").click()
    expect(page.locator("#sources .about")).to_contain_text("cons of RAG")


def test_stop_while_reading_and_while_writing(ready: Room, page: Page) -> None:
    send(page, "Explain everything about overfitting and latency.")
    wait_for_status(page, r"reading [1-9]\d* of")
    page.get_by_role("button", name="Stop").click()
    last = answered(page, 1)
    expect(last).to_contain_text("stopped")
    assert "Complexity" not in last.inner_text()

    began = time.monotonic()
    send(page, "What are the cons of fine-tuning?")
    wait_for_status(page, "tokens")
    assert time.monotonic() - began < 8, "the engine was still at work on the stopped question"
    page.wait_for_function("document.querySelectorAll('.answer')[1]?.innerText.length > 12")
    page.get_by_role("button", name="Stop").click()
    last = answered(page, 2)
    expect(last).to_contain_text("stopped")
    written = last.inner_text()
    assert len(written) > len("stopped") + 3, "what was written stays"
    time.sleep(1)
    assert last.inner_text() == written, "and nothing is written after it"

    send(page, "What does RAG stand for?")
    wait_for_status(page, "writing")
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("#chat .answer")).to_have_count(0)
    expect(page.get_by_role("button", name="What are the cons of RAG?")).to_be_visible()


def test_a_second_tab_waits_and_a_closed_tab_frees_the_model(
    ready: Room, page: Page, browser: Any, address: str
) -> None:
    other = browser.new_page()
    other.goto(address)
    expect(other.get_by_role("button", name="cons of RAG")).to_be_visible()
    send(other, "Explain the pros of RAG at length.")
    wait_for_status(other, "reading|writing")
    send(page, "What are the cons of RAG?")
    wait_for_status(page, "waiting for another question to finish")
    other.close()
    wait_for_status(page, "reading|writing")
    page.get_by_role("button", name="Stop").click()
    expect(answered(page, 1)).to_contain_text("stopped")


def test_library_takes_a_document_and_gives_it_back(
    ready: Room, page: Page, tmp_path: Path
) -> None:
    library = page.get_by_role("tab", name="Library")
    library.click()
    documents = page.locator("#documents")
    expect(documents).to_contain_text("fine-tuning-vs-rag.md")
    expect(documents).to_contain_text("broken.txt: it is a binary file")

    evil, wrong = tmp_path / "platypus.md", tmp_path / "empty.txt"
    evil.write_text(EVIL)
    wrong.write_text(" ")
    upload(page, evil, wrong)
    expect(page.locator("#said")).to_contain_text("1 added")
    expect(page.locator("#said")).to_contain_text("empty.txt: it is empty")
    expect(documents.locator("tbody tr")).to_have_count(2)

    page.get_by_role("tab", name="Chat").click()
    page.get_by_label("Ask only these documents").click()
    page.get_by_role("option", name="platypus.md").click()
    page.keyboard.press("Escape")
    send(page, "What eggs does the platypus of Zanzibar lay?")
    answered(page, 1)
    found = page.locator("#sources .source")
    expect(found.filter(has_text="platypus.md")).to_have_count(found.count())
    source = page.locator("#source-0-1")
    expect(source).to_contain_text("platypus.md")
    source.evaluate("one => one.open = true")
    expect(source.locator(".passage")).to_contain_text("<script>window.hacked = 1</script>")
    expect(source.locator(".passage")).to_contain_text("![beacon](http://evil.example/b.png)")

    library.click()
    evil.write_text("# The platypus\n\nAnother text.\n")
    upload(page, evil)
    expect(page.locator("#said")).to_contain_text("tick “Replace”")
    page.get_by_label("Replace documents of the same name").check()
    upload(page, evil)
    expect(page.locator("#said")).to_contain_text("1 updated")

    page.get_by_label("Document", exact=True).click()
    page.get_by_role("option", name="platypus.md").click()
    page.get_by_role("button", name="Remove …").click()
    expect(page.locator("#said")).to_contain_text("Remove platypus.md?")
    page.get_by_role("button", name="Yes, remove it").click()
    expect(page.locator("#said")).to_contain_text("Removed platypus.md: 1 chunks")
    expect(documents.locator("tbody tr")).to_have_count(1)
    assert not (ready.settings.corpus / "platypus.md").exists()


def test_keyboard_reaches_everything_and_narrow_fits(ready: Room, page: Page) -> None:
    expect(question(page)).to_be_focused()
    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    assert question(page).input_value() == "one\ntwo"
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="New chat")).to_be_focused()
    page.wait_for_timeout(500)
    expect(page.get_by_role("button", name="New chat")).to_be_focused()  # nothing takes it back
    page.set_viewport_size({"width": 390, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, "a narrow page must not scroll sideways"
    left, right = page.locator("#left").bounding_box(), page.locator("#right").bounding_box()
    assert left and right and right["y"] >= left["y"] + left["height"]


def test_a_taken_port_is_said_in_one_line(room: Room, address: str) -> None:
    with pytest.raises(SettingError, match="cannot be served"):
        app.launch(app.build(room), "127.0.0.1", int(address.strip("/").split(":")[-1]), False)
