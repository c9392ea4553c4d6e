"""The front door of the page: whom its server answers, and who has to log in first.

Any site can have a name of its own point at this machine (DNS rebinding), or have the browser
send requests here. So a request is answered only if two things hold. Its Host is a loopback name,
one that the server was started for, or one that was allowed. And no other site's page asks. Beyond
this machine a password is asked for.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    Headers = Iterable[tuple[bytes, bytes]]
    Refusal = tuple[int, str]  # the status, and a line that says why

AUTHORITY = re.compile(r"(\[[0-9a-f.]*:[0-9a-f:.]*\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)
ALLOW = "If it is yours, allow it: whybot chat --allow-host NAME"
ONE_HOST = (400, "A request names one Host.")
FOREIGN_HOST = (403, f"Whybot does not answer to this Host: any site can point it here. {ALLOW}")
FOREIGN_PAGE = (403, f"Whybot does not answer to pages of this Origin. {ALLOW}")
FOREIGN_FRAME = (403, "Whybot is not shown inside other sites' pages: open it in a tab of its own.")
STRANGER = (401, "Log in first, at the front address of this page.")

# What the login page is made of, and what Gradio asks its own server at the start.
OPEN = {
    *("/", "/login", "/login/", "/logout", "/theme.css", "/favicon.ico", "/manifest.json"),
    "/gradio_api/startup-events",
}
OPEN_FOLDERS = ("/assets/", "/static/", "/svelte/")


@dataclass(frozen=True)
class Rule:
    """Say who may come in."""

    hosts: frozenset[str]  # answered to, beside the loopback names
    pages: frozenset[str]  # names of other origins whose pages may ask
    addresses: bool  # whether any address is answered to: only names can be rebound
    password: str | None = field(default=None, repr=False)  # asked for, if there is one

    def admits(self, user: str, password: str) -> bool:
        """Tell whether a password is the right one; the user may have any name."""
        given, right = (
            text.encode("utf-8", "surrogateescape") for text in (password, self.password or "")
        )
        return self.password is not None and hmac.compare_digest(given, right)


def rule(host: str, allowed: Iterable[str] = (), password: str | None = None) -> Rule:
    """Return the rule of a server on a host; beyond loopback it has a password, made if need be."""
    name, pages = named(host), frozenset(allowed)
    address = _address(name or "")
    if not (password or (name and loopback(name))):
        password = secrets.token_urlsafe(16)
    hosts = pages | {name} if name else pages
    return Rule(hosts, pages, bool(address and address.is_unspecified), password or None)


def named(text: str) -> str | None:
    """Return a host's name or address in the spelling that is compared; of anything else None."""
    if address := _address(text):
        return str(address)
    try:
        name, port = place(text.encode("idna").decode()) or ("", "")
    except UnicodeError:
        return None
    return name if name and not port else None


def place(text: str) -> tuple[str, str] | None:
    """Return the name or address, and the port or "", of a Host header."""
    if not (match := AUTHORITY.fullmatch(text.lower())):
        return None
    name = match[1].removesuffix(".")
    if name.startswith("["):
        if not (address := _address(name[1:-1])):
            return None
        name = str(address)
    return (name, match[2] or "") if name else None


def loopback(name: str) -> bool:
    """Tell whether a name or address always leads to this machine.

    A name under localhost (x.localhost) does not everywhere: some resolvers ask the network.
    """
    address = _address(name)
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_loopback
    return name == "localhost" or str(address) == "::1"


def host_allowed(host: str, rule: Rule) -> bool:
    """Tell whether a Host header may be answered to; its port may be that of a tunnel."""
    name, _ = place(host) or ("", "")
    return loopback(name) or name in rule.hosts or (rule.addresses and _address(name) is not None)


def origin_allowed(origin: str, host: str, rule: Rule) -> bool:
    """Tell whether a page of an origin may ask: the page itself, or one of an allowed name.

    localhost:3000 is another's page to localhost:7860; "null" is a file, a sandbox or a redirect.
    """
    scheme, _, rest = origin.lower().partition("://")
    found = place(rest)
    if scheme not in ("http", "https") or found is None:
        return False
    return found == place(host) or found[0] in rule.pages


def refused(method: str, headers: Headers, rule: Rule) -> Refusal | None:
    """Return why a request is refused, or None."""
    fields: dict[bytes, list[str]] = {}
    for key, value in headers:
        fields.setdefault(key.lower(), []).append(value.decode("latin-1").strip())
    hosts, origins = fields.get(b"host", []), fields.get(b"origin", [])
    if len(hosts) != 1 or len(origins) > 1:
        return ONE_HOST
    if not host_allowed(hosts[0], rule):
        return FOREIGN_HOST
    if origins:
        return None if origin_allowed(origins[0], hosts[0], rule) else FOREIGN_PAGE
    # A browser sends no Origin for what a page only shows, but says whether the page is another's.
    site, mode, dest = (
        fields.get(b"sec-fetch-" + name, [""])[-1].lower() for name in (b"site", b"mode", b"dest")
    )
    link = method in ("GET", "HEAD") and (mode, dest) == ("navigate", "document")
    return FOREIGN_FRAME if site in ("cross-site", "same-site") and not link else None


def open_to_all(path: str) -> bool:
    """Tell whether a path is answered without a login."""
    return path in OPEN or path.startswith(OPEN_FOLDERS)


def logged_in(scope: Scope) -> bool:
    """Tell whether a request carries the session that Gradio gave at a login."""
    from starlette.requests import HTTPConnection

    app, cookies = scope["app"], HTTPConnection(scope).cookies
    names = (f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}")
    return any(app.tokens.get(cookies.get(name)) is not None for name in names)


class Door:
    """Stand around a whole ASGI application, and let in whom the rule lets in."""

    def __init__(self, app: ASGIApp, rule: Rule) -> None:
        self.app, self.rule = app, rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it in one line."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        why = refused(scope.get("method", "GET"), scope["headers"], self.rule)
        if not why and self.rule.password and not open_to_all(scope["path"]):
            # Gradio asks for a login at most of its own routes, and at none that were added.
            why = None if logged_in(scope) else STRANGER
        if not why:
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        status, line = why
        body = f"{line}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def around(rule: Rule) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """Return what puts the door around an application before it answers anything: its lifespan.

    Given as a middleware, it would stand inside Gradio's own, which answer some requests alone.
    """

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        app.middleware_stack = Door(app.middleware_stack, rule)
        yield

    return lifespan


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return None if "%" in name else ipaddress.ip_address(name)
    except ValueError:
        return None
