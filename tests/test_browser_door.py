"""The door in a real browser: a login, and pages that attack: `pytest tests/test_browser_door.py`.

Skipped without Chromium. The chat model and the embedder are fakes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import ready, served
from fake_models import FakeChat, chosen
from fakes import FakeEmbedder, settings_in, write_files
from playwright.sync_api import Browser, expect, sync_playwright

from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.web import door
from bot.web.room import Room
from ingest.index import Index
from ingest.sync import fingerprint

PASSWORD = "open sesame"
# Gradio and its dependencies warn of each other; that is not this project's to mend.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    settings = settings_in(tmp_path_factory.mktemp("door"))
    write_files(settings.corpus, {"owls.md": "# Owls\n\nOwls hunt mice at night.\n"})
    embedder = FakeEmbedder().real

    @contextmanager
    def open_bot(*_: Any) -> Iterator[Bot]:
        with Index.read(settings, fingerprint(embedder)) as index:
            model = FakeChat(replies=[["Owls hunt mice at night."]])
            yield Bot(settings, Retriever(index, embedder), chosen(model))

    room = Room(settings, open_bot, lambda *_: embedder)
    yield ready(room)
    room.close()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Open a browser to which every name of evil.example is this machine."""
    rules = "--host-resolver-rules=MAP *.evil.example 127.0.0.1"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", rules])
        yield browser
        browser.close()


def test_after_the_login_the_page_works(room: Room, browser: Browser) -> None:
    wrong: list[str] = []
    with served(room, door.rule("127.0.0.1", password=PASSWORD)) as address:
        page = browser.new_page()
        page.on("response", lambda one: wrong.append(one.url) if one.status >= 400 else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        expect(page.get_by_text("Any user name will do")).to_be_visible(timeout=30_000)
        page.get_by_label("username").fill("anybody")
        page.get_by_label("password").fill(PASSWORD)
        page.get_by_role("button", name="Login").click()
        box = page.get_by_role("textbox", name="Question")
        expect(box).to_be_visible(timeout=30_000)
        box.fill("What do owls hunt?")
        box.press("Enter")
        page.locator("#chat .answer a.cite").first.click()
        mark = page.frame_locator("#reader iframe").locator("mark#passage")
        expect(mark).to_contain_text("Owls hunt mice at night.")
        page.close()
    assert wrong == []


def test_a_name_that_was_rebound_gets_one_line(room: Room, browser: Browser) -> None:
    with served(room) as address:
        page = browser.new_page()
        for path in ("", "reader?document=owls.md", "config"):
            answer = page.goto(f"http://www.evil.example:{urlsplit(address).port}/{path}")
            assert answer and answer.status == 403
            assert page.inner_text("body").strip() == door.FOREIGN_HOST[1]
        page.close()


@pytest.mark.parametrize("site", ["localhost", "127.0.0.1", "www.evil.example"])
def test_a_page_on_another_port_can_link_here_and_no_more(
    room: Room, browser: Browser, tmp_path: Path, site: str
) -> None:
    with served(room) as address, others(tmp_path) as port:
        answers: dict[tuple[str, str], int] = {}
        page = browser.new_page()
        page.on("response", lambda one: answers.update({(one.request.method, one.url): one.status}))
        link, send = f"{address}reader?document=owls.md", f"{address}gradio_api/queue/join"
        (tmp_path / "index.html").write_text(
            f"""<a href="{link}">a link</a><iframe src="{address}"></iframe>
            <form method="post" action="{address}login" target="there"></form>
            <iframe name="there"></iframe>
            <script>fetch("{send}", {{method: "POST", mode: "no-cors", body: "{{}}"}});
            document.forms[0].submit();</script>""",
            "utf-8",
        )
        page.goto(f"http://{site}:{port}/index.html", wait_until="networkidle")
        mine = {asked: status for asked, status in answers.items() if asked[1].startswith(address)}
        assert mine == {
            ("GET", address): 403,
            ("POST", f"{address}login"): 403,
            ("POST", send): 403,
        }
        page.get_by_role("link", name="a link").click()
        expect(page.get_by_text("Owls hunt mice at night.")).to_be_visible()
        page.close()


@contextmanager
def others(folder: Path) -> Iterator[int]:
    """Serve a folder, as somebody else's site, and give its port."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
