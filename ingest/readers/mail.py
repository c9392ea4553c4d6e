"""EML and MBOX: mails, each with its subject as heading."""

from __future__ import annotations

import email
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from typing import Any

from ingest.counts import many
from ingest.errors import DocumentUnreadable
from ingest.readers import html
from ingest.readers.content import Block, Content, assembled
from ingest.readers.decode import decoded

_FROM = re.compile(rb"^From [^\r\n]*\r?\n", re.MULTILINE)
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEADER = re.compile(rb"\s*[!-9;-~]{1,100}[ \t]*:")
_SPACED = re.compile(rb"^([!-9;-~]{1,100})[ \t]+:", re.MULTILINE)  # as old programs wrote
_DEEPEST = 20  # mails forwarded within each other
_REPEATED = 5  # quoted lines in one run, that an earlier mail has, are left out
_BLANK = re.compile(r"\n\s*\n")
_PREFIX = re.compile(r"[> \t]*>[> \t]*")


def read(data: bytes) -> Content:
    """Read a mail. Raises DocumentUnreadable where it is none."""
    data = data.lstrip(b"\r\n\t \xef\xbb\xbf")
    if opening := re.match(rb"From [^\r\n]*\r?\n", data):
        data = data[opening.end() :]
    if not _HEADER.match(data):
        raise DocumentUnreadable("it is no mail: its first line is no header")
    mails = _Mails()
    message = _parsed(data)
    blocks = list(mails.blocks(message, 1))
    title = _header(message, "subject")
    date = _date(message)
    return replace(assembled(blocks), title=title, date=date, remarks=mails.remarks())


def read_mbox(data: bytes) -> Content:
    """Read a mailbox: each mail is a section. Raises DocumentUnreadable where it holds none."""
    starts = [
        found
        for found in _FROM.finditer(data)
        if _follows_blank(data, found.start()) and _HEADER.match(data, found.end())
    ]
    if not starts:
        raise DocumentUnreadable("it is no mailbox: no line begins a mail with 'From '")
    mails = _Mails(several=True)
    blocks: list[Block] = []
    dates: list[str] = []
    ends = [*(found.start() for found in starts[1:]), len(data)]
    for number, (found, end) in enumerate(zip(starts, ends, strict=True), 1):
        message = _parsed(_QUOTED_FROM.sub(rb"\1", data[found.end() : end]))
        section = list(mails.blocks(message, 1))
        if section:
            section[0] = replace(section[0], place=f"message {number}")
        blocks.extend(section)
        dates.append(_date(message))
    return replace(assembled(blocks), date=max(dates), remarks=mails.remarks())


def _follows_blank(data: bytes, start: int) -> bool:
    before = data[max(start - 4, 0) : start]
    return not before or before.endswith((b"\n\n", b"\n\r\n")) or not before.strip()


def _parsed(data: bytes) -> EmailMessage:
    head = re.match(rb"(?:[^\r\n]+\r?\n)*", data)
    end = head.end() if head else 0
    data = _SPACED.sub(rb"\1:", data[:end]) + data[end:]
    try:
        message = email.message_from_bytes(data, policy=policy.default)
    except RecursionError:  # thousands of parts within each other
        message = EmailMessage()
        message["Subject"] = "A mail whose parts nest too deep to be read"
    assert isinstance(message, EmailMessage)
    return message


def _header(message: EmailMessage, name: str) -> str:
    """Return a header on one line, however broken."""
    try:
        value = str(message.get(name) or "")
    except (ValueError, TypeError, IndexError, AttributeError, LookupError, RecursionError):
        # The standard library stumbles over some headers that are no addresses or dates.
        raw = next((v for k, v in message.raw_items() if k.lower() == name), "")
        value = str(raw)
    if any("\udc80" <= sign <= "\udcff" for sign in value):  # bytes that were never encoded
        raw_bytes = value.encode("utf-8", "surrogateescape")
        try:
            value, _ = decoded(raw_bytes, str(message.get_content_charset() or ""))
        except DocumentUnreadable:
            value = raw_bytes.decode("utf-8", "replace")
    return _sound(" ".join(value.split()))


def _sound(text: str) -> str:
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return re.sub("[\x00-\x08\x0e-\x1f\x7f]", "", text)


def _date(message: EmailMessage) -> str:
    return html.iso_date(_header(message, "date"))


class _Mails:
    """Make blocks of mails, and count what is left out of them."""

    def __init__(self, several: bool = False) -> None:
        self._several = several
        self._attached: list[str] = []
        self._left: Counter[str] = Counter()
        self._repeated = 0
        self._seen: set[str] = set()  # lines of earlier mails
        self._odd: dict[str, None] = {}

    def remarks(self) -> tuple[str, ...]:
        """Return what was left out."""
        found = [*self._odd]
        if count := len(self._attached):
            names = ", ".join(dict.fromkeys(self._attached[:10])) + ", ..." * (count > 10)
            found.append(f"{many(count, 'attachment')} not read: {names}")
        if count := self._repeated:
            found.append(f"{count} quoted lines left out that an earlier mail has")
        return (*found, *html.said(self._left))

    def blocks(self, message: EmailMessage, level: int, depth: int = 0) -> Iterator[Block]:
        """Make blocks of a mail and of those that it forwards."""
        subject = _header(message, "subject")
        sender = _header(message, "from")
        yield Block(subject or (f"Mail from {sender}" if sender else "Mail"), level=min(level, 6))
        lines = [
            f"{name}: {value}"
            for name in ("From", "To", "Cc", "Date")
            if (value := _header(message, name.lower()))
        ]
        if lines:
            yield Block("\n".join(lines))
        seen: list[str] = []
        forwarded: list[EmailMessage] = []
        for part in self._bodies(message, forwarded):
            kind = part.get_content_type()
            text = self._text(part)
            if kind == "text/html":
                page = html.page(text)
                self._left.update(page.left)
                for block in page.blocks:
                    deeper = min((block.level or 0) + level, 6) if block.level else None
                    yield replace(block, level=deeper)
                    seen.extend(block.text.split("\n"))
                continue
            text = self._once(text) if self._several else text
            seen.extend(text.split("\n"))
            yield from (Block(found) for found in _paragraphs(text))
        self._seen.update(filter(None, map(_bare, seen)))
        for inner in forwarded:
            if depth < _DEEPEST:
                yield from self.blocks(inner, level + 1, depth + 1)
            else:
                self._left["forwarded mail"] += 1

    def _bodies(
        self, message: EmailMessage, forwarded: list[EmailMessage]
    ) -> Iterator[EmailMessage]:
        """Find the parts that hold a mail's text; note its attachments, gather forwarded mails."""
        stack: list[Any] = [message]
        while stack:
            part = stack.pop()
            kind = part.get_content_type()
            if kind == "message/rfc822":
                inner = part.get_payload()
                if isinstance(inner, list) and inner and isinstance(inner[0], EmailMessage):
                    forwarded.append(inner[0])
                continue
            if part.is_multipart():
                parts = [p for p in part.get_payload() if isinstance(p, EmailMessage)]
                stack.extend(reversed(_best(parts) if kind == "multipart/alternative" else parts))
                continue
            if part is message and kind.startswith("multipart/"):  # its boundary is not found
                yield part
                continue
            name = _file_name(part)
            if (
                part.get_content_disposition() == "attachment"
                or name
                or (not kind.startswith("text/"))
            ):
                if kind.startswith("image/") and part.get("content-id"):
                    self._left["picture"] += 1
                elif kind not in ("application/pgp-signature", "application/pkcs7-signature"):
                    self._attached.append(name or kind)
                continue
            if kind in ("text/plain", "text/html"):
                yield part
            elif kind != "text/calendar":
                self._attached.append(name or kind)
            else:
                self._attached.append("an invitation")

    def _text(self, part: EmailMessage) -> str:
        """Return a part's text; the charset that it names may be wrong or none."""
        try:
            payload = part.get_payload(decode=True)
            charset = str(part.get_content_charset() or "")
        except (LookupError, ValueError, TypeError, AttributeError, AssertionError):
            payload, charset = str(part.get_payload()).encode("utf-8", "surrogateescape"), ""
        data = payload if isinstance(payload, bytes) else b""
        if not data.strip():
            return ""
        if part.get_content_type() == "text/html" and not charset:
            charset = html.declared(data)
        try:
            text, odd = decoded(data, charset)
        except DocumentUnreadable:
            self._left["unreadable part"] += 1
            return ""
        self._odd.update(dict.fromkeys(odd))
        text = _sound(text.replace("\r\n", "\n").replace("\r", "\n"))
        try:
            parameters = part["content-type"].params
        except (ValueError, TypeError, AttributeError, KeyError, IndexError):
            parameters = {}
        if str(parameters.get("format", "")).lower() == "flowed":
            text = _unflowed(text, str(parameters.get("delsp", "")).lower() == "yes")
        return text

    def _once(self, text: str) -> str:
        """Leave out runs of quoted lines that an earlier mail of the mailbox has."""
        kept: list[str] = []
        run: list[str] = []

        def end_run() -> None:
            bare = [line for line in map(_bare, run) if line]
            if len(bare) >= _REPEATED and self._seen.issuperset(bare):
                self._repeated += len(run)
            else:
                kept.extend(run)
            run.clear()

        for line in text.split("\n"):
            if line.startswith(">"):
                run.append(line)
            else:
                end_run()
                kept.append(line)
        end_run()
        return "\n".join(kept)


def _bare(line: str) -> str:
    """Return a line without the signs of quotation and without spaces."""
    found = _PREFIX.match(line)
    return "".join(line[found.end() :].split() if found else line.split())


def _best(parts: list[EmailMessage]) -> list[EmailMessage]:
    """Choose among the forms of one text: plain text, else HTML, else the last."""
    for wanted in ("text/plain", "text/html"):
        for part in parts:
            if part.get_content_type() == wanted and str(part.get_payload() or "").strip():
                return [part, *(p for p in parts if p.get_content_type() == "text/calendar")]
    related = [part for part in parts if part.get_content_maintype() == "multipart"]
    return related[-1:] or parts[-1:]


def _file_name(part: EmailMessage) -> str:
    try:
        return _sound(" ".join((part.get_filename() or "").split()))
    except (ValueError, TypeError, AttributeError, LookupError):
        return ""


def _unflowed(text: str, delete_space: bool) -> str:
    """Join lines that a mail program broke softly: they end in a space (RFC 3676)."""
    lines: list[list[str]] = []
    flows = False
    depth = 0
    for line in text.split("\n"):
        quotes = len(line) - len(line.lstrip(">"))
        body = line[quotes:].removeprefix(" ")
        soft = body.endswith(" ") and body != "-- "
        if soft and delete_space:
            body = body[:-1]
        if flows and quotes == depth and body != "-- ":
            lines[-1].append(body)
        else:
            lines.append([">" * quotes + " " * bool(quotes), body])
        flows, depth = soft, quotes
    return "\n".join("".join(line).rstrip() for line in lines)


def _paragraphs(text: str) -> Iterator[str]:
    for found in _BLANK.split(text):
        if paragraph := "\n".join(line.rstrip() for line in found.split("\n")).strip("\n"):
            yield paragraph
