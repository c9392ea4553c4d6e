"""What the end-to-end tests share: real weights, real bots, a real Ollama server; and the marks.

A test is marked by what it asks for: `browser` for Chromium, `ollama` for its server, `slow` for
real weights or a Chroma server. What a machine lacks is skipped with the reason, unless the
environment variable WHYBOT_TEST_REQUIRE lists it ("weights,chromium,ollama"): then the test fails.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from bot.session import Bot, open_bot
from ingest import library, weights
from ingest.embedder import Embedder
from ingest.errors import WeightsUnavailable
from ingest.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from bot.web.door import Rule
    from bot.web.room import Room

SEED = Path(__file__).parent.parent / "corpus" / "fine-tuning-vs-rag.md"
KEPT = ("WHYBOT_CACHE",)  # of the settings in the environment; the tests set the others
QWEN, SMALL, EMBEDDER = "qwen2.5-coder-1.5b", "smollm2-135m", "all-MiniLM-L6-v2"
MARKS = {  # of the tests that ask for a fixture, themselves or through another
    "chromium": "browser",
    "ollama_binary": "ollama",
    "weights_or_skip": "slow",
    "chroma_server": "slow",
}
READY_SECONDS = 60  # a server that does not answer by then has failed

# Ollama knows SmolLM2's template from the file, and not that of this Qwen. One thread, as for the
# models of this process: those that wait for each other's cores crawl.
MODELFILES = {
    "whybot-test": "FROM {small}\nPARAMETER num_thread 1\n",
    "whybot-raw": 'FROM {small}\nTEMPLATE "{{{{ .Prompt }}}}"\n',
    "whybot-qwen": (
        'FROM {qwen}\nTEMPLATE """{{{{- range .Messages }}}}<|im_start|>{{{{ .Role }}}}\n'
        "{{{{ .Content }}}}<|im_end|>\n{{{{ end }}}}<|im_start|>assistant\n"
        '"""\nPARAMETER stop <|im_end|>\nPARAMETER num_thread 1\n'
    ),
}


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in MARKS.keys() & getattr(item, "fixturenames", ()):
            item.add_marker(MARKS[fixture])
        # A file's tests share a model or a server; the ten of the panel only what all workers have.
        if item.path.name != "test_e2e_panel.py":
            item.add_marker(pytest.mark.xdist_group(item.path.name))


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[frozenset[str]]:
    """Hide the user's own settings from every test; give what the tests must not skip."""
    required = frozenset(os.environ.get("WHYBOT_TEST_REQUIRE", "").split(","))
    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name == "OLLAMA_HOST" or (name.startswith("WHYBOT_") and name not in KEPT):
                patch.delenv(name)
        if "PYTEST_XDIST_WORKER" in os.environ:  # models that wait for each other's cores crawl
            patch.setenv("WHYBOT_THREADS", "1")
        yield required


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C reach what the tests start: the background jobs of a shell ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# --- what a machine may lack


@pytest.fixture(scope="session")
def lacking(clean_environment: frozenset[str]) -> Callable[[str, str], NoReturn]:
    """Skip for want of something, or fail where it is required."""

    def lack(what: str, reason: str) -> NoReturn:
        if what in clean_environment:
            pytest.fail(f"{reason} (WHYBOT_TEST_REQUIRE lists {what!r})", pytrace=False)
        pytest.skip(reason)

    return lack


@pytest.fixture(scope="session")
def weights_or_skip(lacking: Callable[[str, str], NoReturn]) -> Callable[[str], Path]:
    """Give a pinned model's file or folder, fetched into the user's own cache once."""

    def give(name: str) -> Path:
        try:
            return weights.fetch(Settings.read(), name)
        except WeightsUnavailable as error:
            lacking("weights", str(error))

    return give


@pytest.fixture(scope="session")
def chromium(lacking: Callable[[str, str], NoReturn]) -> str:
    """Give the path of an installed Chromium or Chrome."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next((path for name in names if (path := shutil.which(name))), None)
    return found or lacking("chromium", "there is no Chromium on this machine")


@pytest.fixture(scope="session")
def ollama_binary(lacking: Callable[[str, str], NoReturn]) -> str:
    """Give the path of an installed Ollama."""
    return shutil.which("ollama") or lacking("ollama", "there is no ollama on PATH")


# --- the shell


@pytest.fixture(scope="session")
def whybot() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in another process: whybot("ingest", cwd=folder, NAME=value)."""

    def run(
        *args: str, cwd: Path, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bot", *args]
        return subprocess.run(
            command,
            cwd=cwd,
            input=stdin,
            env={**os.environ, **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=300,
        )

    return run


# --- embedder, index, bots


@pytest.fixture(scope="session")
def real_embedder(weights_or_skip: Callable[[str], Path]) -> Embedder:
    weights_or_skip(EMBEDDER)
    return Embedder.open(Settings.read())


@pytest.fixture(scope="session")
def seed_index(tmp_path_factory: pytest.TempPathFactory, real_embedder: Embedder) -> Settings:
    """Give settings whose index holds the seed document alone; nobody writes to it."""
    folder = tmp_path_factory.mktemp("seed")
    settings = replace(Settings.read(), corpus=folder / "corpus", index=folder / ".whybot")
    settings.corpus.mkdir()
    shutil.copy(SEED, settings.corpus)
    library.ingest(settings, real_embedder)
    return settings


@pytest.fixture(scope="session")
def qwen(seed_index: Settings, weights_or_skip: Callable[[str], Path]) -> Iterator[Bot]:
    """Open the default model on the seed document, once for all tests."""
    weights_or_skip(QWEN)
    with open_bot(replace(seed_index, model="embedded")) as bot:
        yield bot


@pytest.fixture(scope="session")
def brief(qwen: Bot) -> Bot:
    """Give the default model with fewer passages to read and less to write: a third of the time."""
    return replace(qwen, settings=replace(qwen.settings, top_k=2, max_tokens=100))


@pytest.fixture(scope="session")
def small(seed_index: Settings, weights_or_skip: Callable[[str], Path]) -> Iterator[Bot]:
    """Open the small model on the seed document: quick, and of little wit."""
    weights_or_skip(SMALL)
    with open_bot(replace(seed_index, model="embedded:small", max_tokens=64)) as bot:
        yield bot


# --- the page


@contextmanager
def served(room: Room, rule: Rule | None = None) -> Iterator[str]:
    """Serve the page of a room and give its address."""
    from bot.web import app
    from bot.web.reader import page as reader

    app.keep_local()
    blocks = app.build(room)
    try:
        yield app.launch(blocks, "127.0.0.1", free_port(), False, [reader.route(room)], rule)
    finally:
        blocks.close(verbose=False)


def ready(room: Room, seconds: float = READY_SECONDS) -> Room:
    """Open a room, if it is not, and wait until it is."""
    from bot.web.room import State

    room.open()
    end = time.monotonic() + seconds
    while room.state is State.OPENING and time.monotonic() < end:
        time.sleep(0.05)
    assert room.state is State.READY, room.error
    return room


def visit(browser: Browser, address: str, wrong: list[str]) -> Page:
    """Open a page; errors in its console, and whatever it asks of others, are noted as wrong."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(90_000)
    own = (address, "data:", "blob:")
    page.on("request", lambda one: None if one.url.startswith(own) else wrong.append(one.url))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    return page


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"], headless=True
        )
        yield browser
        browser.close()


@pytest.fixture
def page(address: str, browser: Browser) -> Iterator[Page]:
    """Open the page; fail when it talked to anyone else, or wrote an error to the console."""
    from playwright.sync_api import expect

    wrong: list[str] = []
    page = visit(browser, address, wrong)
    expect(page.get_by_role("button", name="cons of RAG")).to_be_visible(timeout=30_000)
    yield page
    assert page.evaluate("window.hacked") is None
    page.close()
    assert wrong == []


# --- servers


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(
    command: list[str], port: int, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it answers on the port when the block begins."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,  # so that a test can kill it with all its children
        )
    try:
        end = time.monotonic() + READY_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"{command[0]} does not answer:\n{log.read_text()[-2000:]}")
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class OllamaServer:
    """A server of our own, with its models in a folder of their own."""

    binary: str
    folder: Path  # home folder, models and logs
    host: str  # as OLLAMA_HOST wants it

    def create(self, name: str, modelfile: str) -> None:
        """Make a model; the server copies the file it is made FROM."""
        path = self.folder / f"{name}.Modelfile"
        path.write_text(modelfile, encoding="utf-8")
        subprocess.run(
            [self.binary, "create", name, "-f", str(path)],
            env={**os.environ, "OLLAMA_HOST": self.host, "HOME": str(self.folder)},
            check=True,
            capture_output=True,
            timeout=300,
        )


@contextmanager
def serving_ollama(
    binary: str, folder: Path
) -> Iterator[tuple[OllamaServer, subprocess.Popen[bytes]]]:
    """Run an Ollama server on the models that lie in a folder."""
    port = free_port()
    host = f"127.0.0.1:{port}"
    with serving(
        [binary, "serve"],
        port,
        folder / f"{port}.log",
        OLLAMA_HOST=host,
        OLLAMA_MODELS=str(folder / "models"),
        HOME=str(folder),
    ) as process:
        yield OllamaServer(binary, folder, host), process


@pytest.fixture(scope="session")
def ollama_server(
    ollama_binary: str,
    weights_or_skip: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OllamaServer]:
    """Start a server that holds whybot-raw, whybot-qwen, and, changed last, whybot-test."""
    files = {"small": weights_or_skip(SMALL), "qwen": weights_or_skip(QWEN)}
    folder = tmp_path_factory.mktemp("ollama")
    with serving_ollama(ollama_binary, folder) as (server, _):
        for name in ("whybot-raw", "whybot-qwen", "whybot-test"):
            server.create(name, MODELFILES[name].format(**files))
        yield server
    shutil.rmtree(folder / "models")  # a gigabyte


@pytest.fixture
def ollama_host(ollama_server: OllamaServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Point this process, and those it starts, at the test's server."""
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.host)
    return ollama_server.host


@contextmanager
def serving_chroma(folder: Path) -> Iterator[str]:
    """Run a Chroma server on a store in a folder and give its address."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    chroma = str(Path(sys.executable).with_name("chroma"))
    command = [chroma, "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(folder)]
    with serving(command, port, folder / "log"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Chroma server with an empty store and give its address."""
    with serving_chroma(tmp_path_factory.mktemp("chroma")) as address:
        yield address
