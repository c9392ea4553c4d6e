"""The front door of the page, and real attacks on a running one: `pytest tests/test_door.py`.

No weights, no network: the room's model never opens.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from conftest import free_port
from fakes import FakeEmbedder, settings_in, write_files

from bot.cli import commands
from bot.cli.main import build_parser
from bot.web import app, door
from bot.web.door import Rule, host_allowed, origin_allowed, refused, rule
from bot.web.reader import page as reader
from bot.web.room import Room
from ingest import library
from ingest.embedder import Embedder
from ingest.settings import Settings

HOME, EVIL = "127.0.0.1:7860", "evil.example:7860"
PASSWORD = "pässword"
SECRET = "our-merger-plan.md"
LINES = {line + "\n" for _, line in (door.ONE_HOST, door.FOREIGN_HOST, door.FOREIGN_PAGE)} | {
    line + "\n" for _, line in (door.FOREIGN_FRAME, door.STRANGER)
}

# Gradio and its dependencies warn of each other; that is not this project's to mend.
pytestmark = pytest.mark.filterwarnings("default")


# --- hosts


@pytest.mark.parametrize(
    ("host", "loopback", "wildcard"),
    [
        ("127.0.0.1", True, True),
        ("127.0.0.1:7860", True, True),
        ("127.9.8.7:1", True, True),
        ("localhost", True, True),
        ("LocalHost:7860", True, True),
        ("localhost.", True, True),
        ("localhost.:7860", True, True),
        ("[::1]", True, True),
        ("[::1]:7860", True, True),
        ("[0:0:0:0:0:0:0:1]:7860", True, True),
        ("192.168.1.5:7860", False, True),
        ("0.0.0.0:7860", False, True),
        ("[2001:DB8::1]:7860", False, True),
        ("[::ffff:127.0.0.1]", False, True),
        ("evil.example", False, False),
        ("evil.example:7860", False, False),
        ("app.localhost", False, False),
        ("localhost.evil.example", False, False),
        ("127.0.0.1.evil.example", False, False),
        ("localhost..", False, False),
        (".localhost", False, False),
        ("127.1", False, False),
        ("2130706433", False, False),
        ("0x7f.0.0.1", False, False),
        ("127.0.0.01", False, False),
        ("127.0.0.1:", False, False),
        ("127.0.0.1:7860:7860", False, False),
        ("127.0.0.1:port", False, False),
        ("127.0.0.1:٧٨", False, False),
        ("::1", False, False),
        ("[::1", False, False),
        ("[localhost]", False, False),
        ("[127.0.0.1]", False, False),
        ("[::1%25lo]", False, False),
        ("[:::]", False, False),
        ("localhost@evil.example", False, False),
        ("evil.example@localhost", False, False),
        ("localhost#evil.example", False, False),
        ("localhost/evil.example", False, False),
        ("localhost, evil.example", False, False),
        ("http://localhost", False, False),
        ("locaｌhost", False, False),
        ("\N{KELVIN SIGN}", False, False),
        ("localhost\n", False, False),
        (".", False, False),
        ("*", False, False),
        ("", False, False),
    ],
)
def test_hosts(host: str, loopback: bool, wildcard: bool) -> None:
    assert host_allowed(host, rule("127.0.0.1")) is loopback
    assert host_allowed(host, rule("0.0.0.0")) is wildcard
    assert host_allowed(host, rule("::")) is wildcard


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("192.168.1.5", "192.168.1.5:7860"),
        ("[2001:db8::1]", "[2001:db8:0::1]:7860"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("box.lan", "box.lan:7860"),
    ],
)
def test_the_name_that_the_server_was_given_is_its_own(given: str, host: str) -> None:
    assert host_allowed(host, rule(given)) and host_allowed(HOME, rule(given))
    assert not host_allowed("192.168.1.6", rule(given)) and not host_allowed(EVIL, rule(given))
    other = host.removesuffix(":7860") + ":3000"  # another server on that machine
    assert not origin_allowed(f"http://{other}", host, rule(given))


def test_allowed_names() -> None:
    ours = rule("127.0.0.1", ["bot.example", "box"])
    for host in ("bot.example", "Bot.Example.:443", "box:7860"):
        assert host_allowed(host, ours)
    assert not host_allowed("evil.bot.example", ours)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Bot.Example.", "bot.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("::1", "::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("bot.example:80", None),
        ("http://bot.example", None),
        ("bot.example/", None),
        ("*", None),
        ("*.example", None),
        ("", None),
        (".", None),
        ("a" * 64, None),
    ],
)
def test_names_as_options_give_them(text: str, name: str | None) -> None:
    assert door.named(text) == name


# --- origins


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://127.0.0.1:7860", "127.0.0.1:7860", True),
        ("http://LOCALHOST:7860", "localhost.:7860", True),
        ("http://[::1]:7860", "[::1]:7860", True),
        ("http://localhost", "localhost", True),
        ("https://bot.example", "bot.example", True),
        ("https://bot.example", "127.0.0.1:7860", True),  # a proxy that names its own
        ("https://bot.example:8443", "bot.example", True),
        ("http://localhost:3000", "localhost:7860", False),
        ("http://localhost", "localhost:7860", False),
        ("http://localhost:7860", "127.0.0.1:7860", False),
        ("http://evil.example:7860", "127.0.0.1:7860", False),
        ("http://evil.bot.example", "bot.example", False),
        ("http://evil@localhost:7860", "localhost:7860", False),
        ("http://localhost:7860/", "localhost:7860", False),
        ("null", "localhost:7860", False),
        ("", "localhost:7860", False),
        ("file://", "localhost:7860", False),
        ("ftp://localhost:7860", "localhost:7860", False),
        ("chrome-extension://localhost:7860", "localhost:7860", False),
        ("localhost:7860", "localhost:7860", False),
        ("//localhost:7860", "localhost:7860", False),
    ],
)
def test_origins(origin: str, host: str, allowed: bool) -> None:
    assert origin_allowed(origin, host, rule("127.0.0.1", ["bot.example"])) is allowed


# --- requests


def why(method: str = "GET", *others: tuple[str, str], **headers: str) -> int:
    """Return the status that a request is refused with, or 0."""
    given = [*((key.replace("_", "-"), value) for key, value in headers.items()), *others]
    raw = [(key.encode(), value.encode()) for key, value in given]
    found = refused(method, raw, rule("127.0.0.1"))
    return found[0] if found else 0


def test_one_host_and_one_origin_at_most() -> None:
    assert why(host=HOME) == 0
    assert why() == 400
    assert why("GET", ("host", HOME), ("host", HOME)) == 400
    assert why("GET", ("host", HOME), ("Host", EVIL)) == 400
    mine = ("origin", f"http://{HOME}")
    assert why("POST", ("host", HOME), mine) == 0
    assert why("POST", ("host", HOME), mine, ("origin", f"http://{EVIL}")) == 400
    assert why("POST", ("host", HOME), ("origin", "")) == 403


def test_another_sites_page_may_link_here_and_no_more() -> None:
    for site in ("same-origin", "none"):
        assert why(host=HOME, sec_fetch_site=site, sec_fetch_mode="cors") == 0
    for site in ("cross-site", "same-site", "Cross-Site"):

        def from_page(method: str, mode: str, dest: str, site: str = site) -> int:
            return why(
                method,
                host=HOME,
                sec_fetch_site=site,
                sec_fetch_mode=mode,
                sec_fetch_dest=dest,
            )

        assert from_page("GET", "navigate", "document") == 0
        assert from_page("POST", "navigate", "document") == 403
        assert from_page("GET", "navigate", "iframe") == 403
        assert from_page("GET", "no-cors", "image") == 403
        assert from_page("GET", "no-cors", "script") == 403
    assert why(host=HOME, sec_fetch_site="cross-site") == 403


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_whatever_is_refused_does_not_reach_the_application(kind: str) -> None:
    reached: list[str] = []
    sent: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    async def send(message: Any) -> None:
        sent.append(message)

    def call(kind: str, host: str) -> None:
        scope = {"type": kind, "path": "/", "headers": [(b"host", host.encode())]}
        asyncio.run(door.Door(inner, rule("127.0.0.1"))(scope, None, send))  # type: ignore[arg-type]

    call(kind, EVIL)
    assert reached == [] and len(sent) == (2 if kind == "http" else 1)
    assert sent[0].get("status", sent[0].get("code")) in (403, 1008)
    call(kind, HOME)
    call("lifespan", EVIL)
    assert reached == [kind, "lifespan"]


# --- passwords


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("127.0.0.1", False),
        ("127.0.0.2", False),
        ("localhost", False),
        ("::1", False),
        ("[::1]", False),
        ("0.0.0.0", True),
        ("0", True),
        ("::", True),
        ("", True),
        ("192.168.1.5", True),
        ("box.lan", True),
    ],
)
def test_beyond_this_machine_a_password_is_asked_for(host: str, asked: bool) -> None:
    assert bool(rule(host).password) is asked
    assert rule(host, password=PASSWORD).password == PASSWORD
    if asked:
        assert rule(host).password != rule(host).password
        assert len(rule(host).password or "") >= 20
        assert rule(host, password="").password


def test_any_user_has_the_one_password() -> None:
    ours = rule("0.0.0.0", password=PASSWORD)
    assert ours.admits("anybody", PASSWORD)
    assert not any(ours.admits("anybody", wrong) for wrong in ("", "p", PASSWORD + "x"))
    assert not rule("127.0.0.1").admits("anybody", "")
    assert PASSWORD not in repr(ours)


def test_the_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def parse(*options: str) -> Any:
        return build_parser().parse_args(["chat", *options])

    assert (parse().allow_host, parse().password) == ([], None)
    both = parse("--allow-host", "Box.lan", "--allow-host", "bot.example")
    assert both.allow_host == ["box.lan", "bot.example"]
    monkeypatch.setenv("WHYBOT_PASSWORD", PASSWORD)
    assert parse().password == PASSWORD
    assert parse("--password", "other").password == "other"
    monkeypatch.setenv("WHYBOT_PASSWORD", "")
    assert parse().password is None
    for wrong in (["--allow-host", "http://x"], ["--allow-host", "*"], ["--password", ""]):
        with pytest.raises(SystemExit):
            parse(*wrong)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("options", "made"),
    [([], False), (["--host", "0.0.0.0"], True), (["--host", "0.0.0.0", "--password", "x"], False)],
)
def test_a_password_that_was_made_is_said_once(
    options: list[str],
    made: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given: list[Rule] = []
    monkeypatch.setattr(app, "serve", lambda *args: given.append(args[-1]))
    commands.chat(Settings(), build_parser().parse_args(["chat", *options]))
    (ours,) = given
    out, err = capsys.readouterr()
    assert out == "" and err.count(ours.password or "-") == made


# --- a running page


class Opened(Room):
    """A room whose index is there, and whose chat model never opens."""

    def __init__(self, settings: Settings, embedder: Embedder) -> None:
        super().__init__(settings)
        self._embedder, self.changes = embedder, 1


class Served(NamedTuple):
    """A page that runs: where, and the application behind it."""

    port: int
    app: Any
    client: httpx.Client

    def ask(
        self, method: str, path: str, headers: dict[str, str], content: str = ""
    ) -> tuple[int, str]:
        """Send a request to it over a socket: (status, body, but of an answer that goes on)."""
        url = f"http://127.0.0.1:{self.port}{path}"
        with self.client.stream(method, url, headers=headers, content=content) as answer:
            return answer.status_code, answer.read().decode() if answer.is_error else ""


def client() -> httpx.Client:
    """Return a client that asks no proxy."""
    return httpx.Client(trust_env=False, timeout=20)


@contextmanager
def served(folder: Path, host: str, rule: Rule) -> Iterator[Served]:
    settings = settings_in(folder)
    write_files(settings.corpus, {SECRET: "# Plan\n\nWe buy them in May.\n"})
    library.ingest(settings, FakeEmbedder().real)
    room = Opened(settings, FakeEmbedder().real)
    app.keep_local()
    blocks, port = app.build(room), free_port()
    try:
        app.launch(blocks, host, port, False, [reader.route(room)], rule)
        with client() as one:
            yield Served(port, blocks.app, one)
    finally:
        blocks.close(verbose=False)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("page"), "127.0.0.1", rule("127.0.0.1")) as page:
        yield page


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    ours = rule("0.0.0.0", password=PASSWORD)
    with served(tmp_path_factory.mktemp("locked"), "0.0.0.0", ours) as page:
        yield page


def routes(page: Served) -> list[tuple[str, str]]:
    """Return the method and an address of every route that the page serves."""
    return [*_routes(page.app.routes)]


def _routes(found: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for route in found:
        if inner := getattr(route, "original_router", None):  # FastAPI's
            yield from _routes(inner.routes)
            continue
        path = "/".join("x" if "{" in part else part for part in route.path.split("/"))
        yield from ((method, path) for method in sorted(route.methods))


def foreign(port: int) -> dict[str, dict[str, str]]:
    """Return the headers that pages of others come with."""
    mine = f"127.0.0.1:{port}"
    evil = f"evil.example:{port}"
    return {
        "rebound": {"Host": evil, "Origin": f"http://{evil}"},
        "rebound, by link": {"Host": evil},
        "cross-site": {"Host": mine, "Origin": "https://evil.example"},
        "another port": {"Host": mine, "Origin": "http://127.0.0.1:3000"},
        "another name": {"Host": mine, "Origin": f"http://localhost:{port}"},
        "a file": {"Host": mine, "Origin": "null"},
        "preflight": {
            "Host": evil,
            "Origin": f"http://{evil}",
            "Access-Control-Request-Method": "POST",
        },
        "an image": {"Host": mine, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        "proxied": {"Host": evil, "X-Forwarded-Host": mine, "X-Gradio-Server": f"http://{mine}"},
    }


def test_there_are_routes_to_attack(page: Served) -> None:
    found = {path for _, path in routes(page)}
    assert len(found) > 50
    assert {
        "/",
        "/reader",
        "/config",
        "/gradio_api/queue/join",
        "/gradio_api/queue/data",
        "/gradio_api/upload",
        "/gradio_api/cancel",
        "/gradio_api/heartbeat/x",
    } <= found


@pytest.mark.parametrize("attack", foreign(0))
def test_no_route_answers_a_foreign_page(page: Served, attack: str) -> None:
    headers = foreign(page.port)[attack]
    for method, path in [*routes(page), ("GET", "/nowhere"), ("OPTIONS", "/config")]:
        status, body = page.ask(method, path, headers)
        assert status == 403, (method, path)
        assert body in (LINES if method != "HEAD" else {""}), (method, path)


def test_every_route_answers_the_page_itself(page: Served) -> None:
    mine = f"127.0.0.1:{page.port}"
    for headers in ({"Host": mine}, {"Host": mine, "Origin": f"http://{mine}"}):
        for method, path in routes(page):
            status, body = page.ask(method, path, headers)
            assert body not in LINES and status != 401, (method, path, status)


def joined(page: Served, fn_index: int, headers: dict[str, str]) -> tuple[int, str]:
    """Call a private handler as the page does, by its index, and read what it gave."""
    call = {"data": [None], "fn_index": fn_index, "session_hash": "a1", "event_data": None}
    kind = {"Content-Type": "application/json"}
    status, body = page.ask("POST", "/gradio_api/queue/join", headers | kind, json.dumps(call))
    if status != 200:
        return status, body
    url = f"http://127.0.0.1:{page.port}/gradio_api/queue/data?session_hash=a1"
    return 200, page.client.get(url, headers=headers).text


def test_a_rebound_page_cannot_read_the_documents(page: Served) -> None:
    (index,) = [
        each["id"]
        for each in page.app.blocks.config["dependencies"]
        if any(event == "load" for _, event in each["targets"])
    ]
    assert joined(page, index, foreign(page.port)["rebound"]) == (403, door.FOREIGN_HOST[1] + "\n")
    status, told = joined(page, index, {"Host": f"127.0.0.1:{page.port}"})
    assert status == 200 and SECRET in told
    address = f"/reader?document={SECRET}"
    status, told = page.ask("GET", address, foreign(page.port)["rebound"])
    assert status == 403 and "--allow-host NAME" in told and told.count("\n") == 1
    assert page.ask("GET", address, {"Host": f"localhost:{page.port}"})[0] == 200


@pytest.mark.parametrize("hosts", [[], ["127.0.0.1", "127.0.0.1"], ["127.0.0.1", "evil.example"]])
def test_a_request_without_one_host_is_refused(page: Served, hosts: list[str]) -> None:
    line = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    line.putrequest("GET", "/config", skip_host=True)
    for host in hosts:
        line.putheader("Host", host)
    line.endheaders()
    assert line.getresponse().status == 400
    line.close()


# --- a running page with a password


def test_nothing_but_the_login_page_answers_strangers(locked: Served) -> None:
    mine = f"127.0.0.1:{locked.port}"
    for headers in ({"Host": mine}, {"Host": mine, "Cookie": "access-token-x=y"}):
        for method, path in [*routes(locked), ("GET", f"/reader?document={SECRET}")]:
            status, body = locked.ask(method, path, headers)
            if not door.open_to_all(urlsplit(path).path):
                assert status == 401 and body in {*LINES, ""}, (method, path)


def test_on_all_addresses_names_have_to_be_allowed(locked: Served) -> None:
    for host, status in (("192.168.1.5", 401), ("localhost", 401), ("box.lan", 403)):
        assert locked.ask("GET", "/reader", {"Host": host})[0] == status


def test_a_login_opens_everything(locked: Served) -> None:
    url = f"http://127.0.0.1:{locked.port}"
    with client() as visitor:
        front = visitor.get(url).text
        assert '"auth_required":true' in front and SECRET not in front
        for word, status in (("wrong", 400), ("", 422), (PASSWORD, 200)):
            assert visitor.get(f"{url}/reader").status_code == 401
            form = {"username": "anybody", "password": word}
            assert visitor.post(f"{url}/login", data=form).status_code == status, word
        assert visitor.get(f"{url}/reader?document={SECRET}").status_code == 200
        assert visitor.get(f"{url}/config").json()["username"] == "anybody"
        cookie = "; ".join(f"{one.name}={one.value}" for one in visitor.cookies.jar)
        for method, path in routes(locked):
            if path != "/logout":
                headers = {"Host": f"127.0.0.1:{locked.port}", "Cookie": cookie}
                status, body = locked.ask(method, path, headers)
                assert body not in LINES and status != 401, (method, path)
        assert visitor.get(f"{url}/logout").status_code == 302
        assert locked.ask("GET", "/reader", {"Host": "127.0.0.1", "Cookie": cookie})[0] == 401


def test_a_host_alone_is_served_with_a_password_that_nobody_knows(tmp_path: Path) -> None:
    app.keep_local()
    blocks, port = app.build(Room(settings_in(tmp_path))), free_port()
    try:
        app.launch(blocks, "0.0.0.0", port, False)
        assert httpx.get(f"http://127.0.0.1:{port}/config", trust_env=False).status_code == 401
    finally:
        blocks.close(verbose=False)
