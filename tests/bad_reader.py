"""A reader that does what a document's text says: what `test_isolated.py` has read elsewhere."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import sys
import time
import warnings

from ingest.documents import Document
from ingest.errors import DocumentUnreadable
from ingest.readers.content import Heading

KEPT: list[bytes] = []


def read_document(name: str, data: bytes) -> Document:
    """Obey the first word of the text, or read it."""
    text = data.decode()
    word, _, rest = text.partition(" ")
    headings: tuple[Heading, ...] = ()
    if word == "refuse":
        raise DocumentUnreadable(rest)
    if word == "raise":
        raise ValueError(rest)
    if word == "recurse":
        return read_document(name, data)
    if word == "crash":
        ctypes.string_at(0)
    if word == "abort":
        os.abort()
    if word == "exit":
        sys.exit(int(rest))
    if word == "vanish":
        os._exit(int(rest))
    if word == "work":
        while True:
            pass
    if word == "hold":  # the lock that other threads of the process wait for
        re.match(r"(a+)+b", "a" * 64)
    if word == "sleep":
        time.sleep(float(rest))
    if word == "stamp":  # when it began, and when it ended
        began = time.time()
        time.sleep(float(rest))
        text = f"{began} {time.time()}"
    if word == "eat":  # by pieces, as a loop does
        pieces = [b"x" * 1_000_000 for _ in range(int(rest))]
        text = f"{len(pieces)} pieces"
    if word == "burst":  # as a library does that gets no more
        KEPT.append(b"x" * int(rest))
        time.sleep(0.5)
        os.abort()
    if word == "keep":
        KEPT.append(b"x" * int(rest))
    if word == "swallow":  # all at once
        text = f"{len(bytearray(int(rest)))} bytes"
    if word == "repeat":
        text = "x" * int(rest)
    if word == "outside":
        headings = (Heading(0, len(text) + 1, 1, "Outside"),)
    if word == "half":
        text = "\ud800"
    if word == "print":
        print("printed")
        os.write(1, b"written")
        warnings.warn("warned", stacklevel=1)
        text = repr(sys.stdin.read())
    if word == "pid":
        text = str(os.getpid())
    if word == "forge":
        os.write(int(rest) if rest else _answers(), (9).to_bytes(8, "big") + b'{"a": 1} ')
    if word == "flood":
        os.write(_answers(), (1 << 60).to_bytes(8, "big"))
        time.sleep(60)
    if word == "modules":
        text = " ".join(sys.modules)
    return Document(name, text, "Title", headings, (), hashlib.sha256(data).hexdigest())


def _answers() -> int:
    """Return the file that the process answers on, as code that took it over would find it."""
    for number in range(3, 20):
        try:
            os.set_inheritable(number, False)
            os.write(number, b"")
        except OSError:
            continue
        if os.fstat(number).st_mode & 0o010000 and not _reads(number):
            return number
    raise LookupError("it has no pipe")


def _reads(number: int) -> bool:
    import fcntl

    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
