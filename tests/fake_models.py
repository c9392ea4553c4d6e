"""Stand-ins for chat models: one that streams a script, and an Ollama server on loopback.

A script is for streaming, stopping and failing, where pieces in their order are the point. What an
answer comes to is tested with the model of `fake_believer`, which answers by what it is asked.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from bot.llm.providers import Chosen

ONE_TOKEN = {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}


@dataclass(frozen=True)
class Vote:
    """Say Yes with a probability, in the one token that is asked for."""

    yes: float


class Streaming(BaseChatModel):
    """What the fakes have in common: they stream, and count words for tokens."""

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Any = None
    ) -> int:
        """Count words, and four tokens for the frame of each message."""
        return count_words(messages)

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise AssertionError("the product streams")


class FakeChat(Streaming):
    """Stream scripted replies: a list of pieces for each call, in order.

    A piece is text, (tokens read, of how many), a Vote, or an exception to raise. After the last
    piece comes the usage, if wanted. A call too many fails.
    """

    replies: list[Any]
    usage: bool = True
    lost: int = 0  # tokens of each prompt that the usage leaves out, as if they had been cut off

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
            for one in pieces:
                taken += 1
                yield piece(one)
            if self.usage:
                yield usage(count_words(messages) - self.lost, taken)
            cut = False
        finally:
            self._given.append(taken)
            self._cut_short.append(cut)


class Quoting(Streaming):
    """Answer with the sentences of the passages that have a word, as they stand there.

    Without any it says that the passages hold none.
    """

    word: str
    pace: float = 0.0  # seconds before each sentence

    _prompts: list[str] = PrivateAttr(default_factory=list)

    @property
    def prompts(self) -> list[str]:
        """Return the last message of each call."""
        return self._prompts

    @property
    def _llm_type(self) -> str:
        return "quoting"

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Any = None
    ) -> int:
        """Count words."""
        return sum(len(str(message.content).split()) for message in messages)

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        text = str(messages[-1].content)
        self._prompts.append(text)
        passages = re.sub(r"<[^>]*>", "\n", text.rpartition("Question:")[0])
        sentences = re.findall(rf"[^.\n]*\b{self.word}\b[^.\n]*\.", passages)
        for sentence in sentences or ["The passages do not say."]:
            time.sleep(self.pace)
            yield _chunk(f"{sentence.strip()} ")


def count_words(messages: Sequence[BaseMessage]) -> int:
    """Count words, and four tokens for the frame of each message."""
    return sum(len(str(message.content).split()) + 4 for message in messages)


def piece(said: str | tuple[int, int] | Vote | Exception) -> ChatGenerationChunk:
    """Stream text, how much was read, or a Vote; raise an exception."""
    if isinstance(said, Exception):
        raise said
    if isinstance(said, str):
        return _chunk(said)
    if isinstance(said, Vote):
        rivals = [
            {"token": word, "logprob": math.log(max(share, 1e-9))}
            for word, share in (("Yes", said.yes), (" no", 1 - said.yes))
        ]
        return _chunk(
            "Yes", response_metadata={"logprobs": [{**rivals[0], "top_logprobs": rivals}]}
        )
    progress = {"processed": said[0], "total": said[1], "cache": 0}
    return _chunk("", response_metadata={"prompt_progress": progress})


def usage(read: int, written: int) -> ChatGenerationChunk:
    """End a stream with the tokens that were read and written."""
    told = UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
    return _chunk("", usage_metadata=told)


def _chunk(text: str, **fields: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text, **fields))


def chosen(model: BaseChatModel, name: str = "fake", window: int = 4096, **fields: Any) -> Chosen:
    """Make a Chosen of a fake model."""
    return Chosen(model, name, "a test", window, exact=True, **fields)


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
            rows = [
                {"model": name, "name": name, "digest": shown.get("digest")}
                for name, shown in ollama.models.items()
            ]
            self._answer({"models": rows})

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
