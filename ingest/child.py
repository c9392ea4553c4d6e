"""The process that reads and draws documents for another: requests on stdin, answers on stdout.

`isolated` starts it. A message is its length in 8 bytes, and JSON; the bytes of a document may
follow a request. Only what reading needs is imported, so that a start takes a tenth of a second.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import importlib
import json
import math
import os
import queue
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ingest.documents import Document
from ingest.errors import DocumentUnreadable
from ingest.pages import Picture, picture

HEAD = 8  # bytes that tell a message's length


@dataclass(frozen=True)
class Answer:
    """What became of one document; one field is set."""

    document: Document | None = None
    picture: Picture | None = None
    refused: str = ""  # the reason that the reader gives
    unopened: str = ""  # what the system said when the file was opened
    fault: str = ""  # what went wrong in the reader: it is not to be trusted with another


def send(stream: BinaryIO, message: bytes, data: bytes = b"") -> None:
    """Write a message, and what follows it."""
    stream.write(len(message).to_bytes(HEAD, "big") + message)
    stream.write(data)
    stream.flush()


def serve(module: str, memory: int) -> None:
    """Answer requests until stdin ends.

    module: has the function `read_document`. memory: bytes that the process may take.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)  # what a library prints is no answer
    _bound(memory)
    read = importlib.import_module(module).read_document
    waiting: queue.SimpleQueue[tuple[dict[str, Any], bytes]] = queue.SimpleQueue()
    # A thread listens meanwhile: when the parent is gone, no reading goes on.
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    send(answers, json.dumps(os.getpid()).encode())
    while True:
        request, data = waiting.get()
        _bound_time(request["seconds"])
        send(answers, _answer(read, request, data))


def _listen(requests: BinaryIO, waiting: queue.SimpleQueue[tuple[dict[str, Any], bytes]]) -> None:
    while head := requests.read(HEAD):
        request = json.loads(requests.read(int.from_bytes(head, "big")))
        waiting.put((request, requests.read(request["bytes"])))
    os._exit(0)


def _bound(memory: int) -> None:
    """Limit the memory of this process where the system can: Linux does, macOS and Windows do not.

    What counts is data: libraries reserve far more addresses than they use.
    """
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        kind = resource.RLIMIT_DATA
        resource.setrlimit(kind, (memory, resource.getrlimit(kind)[1]))


def _bound_time(seconds: float) -> None:
    """Let the system end this process should the parent not be there to do it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        kind = resource.RLIMIT_CPU
        most = math.ceil(time.process_time() + 2 * seconds)
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))


def _answer(read: Any, request: dict[str, Any], data: bytes) -> bytes:
    try:
        if request["path"]:
            data = Path(request["path"]).read_bytes()
    except OSError as error:
        return _encoded(Answer(unopened=error.strerror or str(error)))
    try:
        if drawing := request["drawing"]:
            return _encoded(Answer(picture=_drawn(data, **drawing)))
        document = read(request["name"], data)
        if len(document.text) > request["longest"]:
            return _encoded(Answer(refused="its text is too long: split it"))
        return _encoded(Answer(document))
    except DocumentUnreadable as error:
        return _encoded(Answer(refused=error.message))
    except MemoryError:
        fault = "memory"
    except RecursionError:
        fault = "its parts are nested too deep"
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the others
        fault = f"a fault in the reader ({type(error).__name__}: {error}; {_place(error)})"
    return _encoded(Answer(fault=fault))


def _place(error: Exception) -> str:
    """Return the innermost of our own lines that an error passed through, or of any."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(__file__).parent in Path(frame.filename).parents]
    where = (ours[1:] or frames)[-1]  # the first is the call of the reader, in this module
    return f"{Path(where.filename).name}:{where.lineno}"


def _drawn(data: bytes, text: str, page: int, spans: list[list[int]]) -> Picture:
    """Draw a page, of whose document only its own text is known."""
    document = Document("", text, "", (), (0,) * page, "")
    return picture(data, document, page, [(start, end) for start, end in spans])


def _encoded(answer: Answer) -> bytes:
    message = json.dumps(dataclasses.asdict(answer), ensure_ascii=False, default=_base64)
    return message.encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
