"""Stand-ins for the parts that need weights or a server, and small makers of test data.

Every stand-in does real work on a small scale: the embedder's cosines follow shared words, the
chat model streams, the Ollama server speaks HTTP, and the GGUF file is one llama.cpp loads.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from numpy.typing import NDArray
from pydantic import PrivateAttr

from bot.models import Chosen
from bot.retrieval import stems
from bot.trace import Passage
from ingest.embedder import Embedder
from ingest.index import IndexedChunk
from ingest.settings import Settings

ROOT = Path(__file__).parent.parent
WIDTH = 256  # of the fake vectors: few stems of a test share a place


class FakeEmbedder:
    """Embed a text as the bag of its stems, and note every document text it embedded."""

    def __init__(
        self, name: str = "fake", revision: str = "1", chunk_tokens: int = 40, stop_at: int = 0
    ) -> None:
        self.name, self.revision, self.chunk_tokens = name, revision, chunk_tokens
        self.stop_at = stop_at  # raise KeyboardInterrupt at this text, counted from 1; 0: never
        self.texts: list[str] = []

    @property
    def real(self) -> Embedder:
        """Return this as the type the code under test asks for."""
        return cast("Embedder", self)

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    def token_starts(self, text: str) -> list[int]:
        """Begin a token at every word and every sign."""
        return [match.start() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def documents(
        self, texts: Sequence[str], done: Callable[[int], None] = lambda count: None
    ) -> NDArray[np.float32]:
        """Embed texts; each counts once it is embedded."""
        vectors = []
        for text in texts:
            if self.stop_at and len(self.texts) + 1 == self.stop_at:
                raise KeyboardInterrupt
            vectors.append(vector(text))
            self.texts.append(text)
            done(1)
        return np.stack(vectors)

    def query(self, text: str) -> NDArray[np.float32]:
        """Embed a question as any text."""
        return vector(text)


def vector(text: str) -> NDArray[np.float32]:
    """Return the unit vector of a text's stems; of a text without any, the first axis."""
    counts = np.zeros(WIDTH, dtype=np.float32)
    for stem in stems(text):
        counts[zlib.crc32(stem.encode()) % WIDTH] += 1
    if not counts.any():
        counts[0] = 1
    return np.asarray(counts / np.linalg.norm(counts), dtype=np.float32)


class FakeChat(BaseChatModel):
    """Stream scripted replies: a list of pieces for each call, in order.

    A piece is text, (tokens read, of how many), or an exception to raise. After the last piece
    comes the usage, if wanted. A call too many fails.
    """

    replies: list[Any]
    usage: bool = True

    _calls: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _options: list[dict[str, Any]] = PrivateAttr(default_factory=list)
    _given: list[int] = PrivateAttr(default_factory=list)
    _cut_short: list[bool] = PrivateAttr(default_factory=list)

    @property
    def calls(self) -> list[list[BaseMessage]]:
        """Return the messages of each call."""
        return self._calls

    @property
    def options(self) -> list[dict[str, Any]]:
        """Return the options of each call."""
        return self._options

    @property
    def given(self) -> list[int]:
        """Return how many pieces were taken in each call that has ended."""
        return self._given

    @property
    def cut_short(self) -> list[bool]:
        """Return, for each call that has ended, whether its stream was closed before its end."""
        return self._cut_short

    @property
    def _llm_type(self) -> str:
        return "fake"

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Any = None
    ) -> int:
        """Count words, and four tokens for the frame of each message."""
        return sum(len(str(message.content).split()) + 4 for message in messages)

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise AssertionError("the product streams")

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        assert len(self._calls) < len(self.replies), "the model was asked once too often"
        pieces = self.replies[len(self._calls)]
        self._calls.append(messages)
        self._options.append(kwargs)
        taken, cut = 0, True
        try:
            for piece in pieces:
                taken += 1
                yield _piece(piece)
            if self.usage:
                count = self.get_num_tokens_from_messages(messages)
                yield _chunk("", usage_metadata=UsageMetadata(
                    input_tokens=count, output_tokens=taken, total_tokens=count + taken
                ))  # fmt: skip
            cut = False
        finally:
            self._given.append(taken)
            self._cut_short.append(cut)


def _piece(piece: str | tuple[int, int] | Exception) -> ChatGenerationChunk:
    if isinstance(piece, Exception):
        raise piece
    if isinstance(piece, str):
        return _chunk(piece)
    progress = {"processed": piece[0], "total": piece[1], "cache": 0}
    return _chunk("", response_metadata={"prompt_progress": progress})


def _chunk(text: str, **fields: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text, **fields))


def chosen(model: BaseChatModel, name: str = "fake", window: int = 4096, **fields: Any) -> Chosen:
    """Make a Chosen of a fake model."""
    return Chosen(model, name, "a test", window, exact=True, **fields)


# --- data


def settings_in(folder: Path, **values: Any) -> Settings:
    """Make settings whose folders all lie in one, and the corpus folder itself."""
    (folder / "corpus").mkdir(exist_ok=True)
    paths = {name: folder / name for name in ("corpus", "index", "cache")}
    return Settings(**{**paths, **values})


def write_files(folder: Path, files: dict[str, str]) -> None:
    """Write text files by their path under a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def passage(n: int, text: str, **values: Any) -> Passage:
    """Make a passage with a text; all other values have defaults."""
    defaults: dict[str, Any] = {
        "document": "doc.md",
        "title": "Doc",
        "heading": "",
        "page": None,
        "start": 0,
        "end": len(text),
        "score": 0.9,
        "id": f"id{n}",
        "dense": 0.9,
        "bm25": 0.9,
        "dense_rank": n,
        "bm25_rank": n,
    }
    return Passage(n=n, text=text, **{**defaults, **values})


def indexed(id: str, text: str, document: str = "doc.md", **values: Any) -> IndexedChunk:
    """Make a chunk as it lies in the index; all but id, text and document have defaults."""
    defaults: dict[str, Any] = {
        "title": "Doc",
        "heading": "",
        "page": 0,
        "start": 0,
        "end": len(text),
        "number": 0,
        "of": 1,
        "sha256": "0" * 64,
        "embedded_sha256": id,
    }
    return IndexedChunk(id=id, document=document, text=text, **{**defaults, **values})


def vectors(chunks: Sequence[IndexedChunk]) -> NDArray[np.float32]:
    """Embed the texts of chunks."""
    return np.stack([vector(chunk.text) for chunk in chunks])


# --- processes


def start_python(code: str, *args: str) -> subprocess.Popen[str]:
    """Start another Python that can import the product and these fakes."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )


def run_python(code: str, *args: str) -> str:
    """Run another Python to its end, and return its stdout; it must succeed."""
    with start_python(code, *args) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


# --- an Ollama server


@dataclass
class Ollama:
    """What the server holds and how it answers a chat."""

    models: dict[str, dict[str, Any]] = field(default_factory=dict)  # name: what `show` says of it
    lines: list[dict[str, Any]] = field(default_factory=list)  # of a streamed chat
    cut: bool = False  # drop the connection after the lines
    failure: tuple[int, str] | None = None  # answer everything with this status and body
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    url: str = ""


@contextmanager
def ollama_server(ollama: Ollama) -> Iterator[Ollama]:
    """Serve on a free loopback port as Ollama does."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({"models": [{"model": name, "name": name} for name in ollama.models]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            ollama.requests.append((self.path, body))
            if self.path == "/api/chat" and not ollama.failure:
                self._stream()
            elif self.path == "/api/chat" or body["model"] in ollama.models:
                self._answer(ollama.models.get(body["model"], {}))
            else:
                self._send(404, json.dumps({"error": "model not found"}))

        def _answer(self, body: dict[str, Any]) -> None:
            self._send(*(ollama.failure or (200, json.dumps(body))))

        def _send(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in ollama.lines:
                data = json.dumps(line).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            if not ollama.cut:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = True

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        ollama.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield ollama
        finally:
            server.shutdown()
            thread.join()
