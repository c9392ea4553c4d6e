"""The embedded engine: llama.cpp (xllamacpp) in this process, as a LangChain chat model.

It loads a GGUF file, counts tokens, streams text, and can be stopped. What the engine needs that
its API does not say:

- Ctrl-C is lost inside its callbacks. So generation runs in a worker thread, which hands chunks
  over in a queue.
- Between two batches is the only place where prefill can be watched and stopped. So batches are
  small.
- What it keeps of earlier prompts shows in its probabilities: see `prefix_cache`.
- It opens a loopback HTTP port by itself, which is locked with a random key. That port is also the
  only way to its tokenizer.
"""

from __future__ import annotations

import queue
import secrets
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx
import psutil
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, PrivateAttr

from bot.llm.prefix_cache import BATCH, Slot
from ingest.errors import ModelFailed, ModelUnavailable

if TYPE_CHECKING:
    from langchain_core.callbacks import CallbackManagerForLLMRun


class EmbeddedChat(BaseChatModel):
    """Chat with a GGUF file; a context manager that holds the model loaded.

    `stream` yields, besides the text, chunks without text whose
    `response_metadata["prompt_progress"]` is {"total", "cache", "processed"} in tokens. The last
    chunk has `usage_metadata` and `response_metadata["timings"]` (milliseconds). Options of a
    call: `max_tokens`, `temperature`, `logprobs`, `top_logprobs`, `response_format` (OpenAI's),
    and `id_slot`, below `slots`: each keeps its last prompt, and reads of the next what is new.
    Raises ModelUnavailable when the file cannot be loaded, ModelFailed when a call fails.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: Path
    name: str
    window: int = 4096
    max_tokens: int = 400
    threads: int = 0
    slots: int = 1

    _server: Any = PrivateAttr(default=None)
    _http: Any = PrivateAttr(default=None)
    _slots: dict[int, Slot] = PrivateAttr(default_factory=lambda: defaultdict(Slot))
    _running: dict[threading.Thread, threading.Event] = PrivateAttr(default_factory=dict)

    # --- lifetime

    def __enter__(self) -> EmbeddedChat:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(self.path)
        params.n_ctx = self.window * self.slots
        params.n_parallel = self.slots
        params.n_batch = params.n_ubatch = BATCH
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = (
            self.threads or psutil.cpu_count(logical=False) or 1
        )
        params.cache_ram_mib = 0
        params.verbosity = 0
        params.warmup = False
        params.ui = False
        key = secrets.token_hex()
        params.api_keys = [key]
        # Grounded answers repeat their passages: guessing the next words from the prompt's own
        # n-grams gives the same text sooner.
        kind = xllamacpp.common_speculative_type
        params.speculative.types = [kind.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
        params.speculative.ngram_simple.size_n = 3
        params.speculative.ngram_simple.size_m = 8
        self._server = self._load(params)
        self._http = httpx.Client(
            base_url=self._server.listening_address,
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=30,
        )
        trained = self._http.get("/v1/models").json()["data"][0]["meta"]["n_ctx_train"]
        self.window = min(self.window, trained)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A worker that outlives the interpreter would abort the process.
        for stopped in self._running.values():
            stopped.set()
        for worker in [*self._running]:
            worker.join()
        if self._http is not None:
            self._http.close()
        self._http = self._server = None
        self._slots.clear()

    def _load(self, params: Any) -> Any:
        """Load the model in a thread of its own, so that Ctrl-C cannot cut the loading in two.

        A server that is dropped before its loop runs never ends: the first request proves that it
        does, and brings the weights into memory.
        """
        import xllamacpp

        loaded: list[Any] = []

        def work() -> None:
            try:
                server = xllamacpp.Server(params)
                server.handle_completions({"prompt": " ", "n_predict": 1})
                loaded.append(server)
            except (RuntimeError, ValueError) as error:
                loaded.append(error)

        thread = threading.Thread(target=work, name="whybot-loading")
        thread.start()
        try:
            thread.join()
        except KeyboardInterrupt:
            thread.join()
            raise
        if isinstance(loaded[0], Exception):
            raise ModelUnavailable(
                f"{self.path} cannot be loaded as a GGUF model ({loaded[0]}).", "whybot doctor"
            ) from loaded[0]
        return loaded[0]

    def begin(self) -> None:
        """Let what is asked from here on not depend on what was asked before, to the last bit."""
        for slot in self._slots.values():
            slot.begun = False

    # --- LangChain's interface

    @property
    def _llm_type(self) -> str:
        return "xllamacpp"

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Any = None
    ) -> int:
        """Count the tokens of the whole prompt, chat template included."""
        return len(self._prompt(convert_to_openai_messages(list(messages))))

    def get_num_tokens(self, text: str) -> int:
        """Count the tokens of a text."""
        return len(self._tokens(text, special=False))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        written = self._stream(messages, stop, run_manager, **kwargs)
        return generate_from_stream(
            chunk for chunk in written if "prompt_progress" not in chunk.message.response_metadata
        )

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        body = {
            "messages": convert_to_openai_messages(messages),
            "max_tokens": self.max_tokens,
            "temperature": 0.0,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "id_slot": 0,
            **({"stop": stop} if stop else {}),
            **kwargs,
        }
        slot = self._slots[body["id_slot"]]
        if afresh := not slot.begun:
            self._cut(slot, body)
        clean, slot.clean = slot.clean, 0  # until the engine tells that it reads
        finish = ""
        for event in self._events(body):
            if "error" in event:
                raise ModelFailed(f"The model refused the prompt: {event['error']['message']}.")
            if progress := event.get("prompt_progress"):
                slot.clean = clean if afresh else min(clean, progress["cache"])
            chunk, finish = _chunk(event, finish)
            if chunk is not None:
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Any:
        """Return a runnable that answers with a dict that fits the JSON schema."""
        from langchain_core.output_parsers import JsonOutputParser

        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        return self.bind(response_format=form, **kwargs) | JsonOutputParser()

    # --- the engine

    def _cut(self, slot: Slot, body: dict[str, Any]) -> None:
        """Keep of what a slot has read only whole batches, which read anew would be the same.

        The API cannot be told what to keep, but forgets what follows the first token that differs.
        """
        tokens = self._prompt(body["messages"])
        if kept := slot.begin(tokens):
            other = int(tokens[kept] == 0)
            forget = {"prompt": [*tokens[:kept], other], "n_predict": 0, "id_slot": body["id_slot"]}
            self._server.handle_completions(forget)
        else:
            body["cache_prompt"] = False

    def _events(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Run one request in a worker thread; closing this generator stops the engine."""
        server = self._server
        if server is None:
            raise ModelFailed("The embedded engine is not loaded.")
        events: queue.SimpleQueue[dict[str, Any] | BaseException | None] = queue.SimpleQueue()
        stopped = threading.Event()

        def receive(event: dict[str, Any]) -> bool:
            events.put(event)
            return stopped.is_set()

        def work() -> None:
            try:
                server.handle_chat_completions(body, receive)
            except (RuntimeError, ValueError) as error:
                events.put(error)
            finally:
                events.put(None)

        worker = threading.Thread(target=work, name="whybot-engine", daemon=True)
        self._running = {w: event for w, event in self._running.items() if w.is_alive()}
        self._running[worker] = stopped
        worker.start()
        try:
            while (event := events.get()) is not None:
                if isinstance(event, BaseException):
                    raise ModelFailed(f"The embedded engine failed: {event}.") from event
                yield event
        finally:
            stopped.set()

    def _prompt(self, messages: Any) -> list[int]:
        """Return the tokens of a whole prompt, chat template included."""
        prompt = self._post("/apply-template", {"messages": messages})["prompt"]
        return self._tokens(prompt, special=True)

    def _tokens(self, text: str, special: bool) -> list[int]:
        body = {"content": text, "parse_special": special, "add_special": special}
        return list(self._post("/tokenize", body)["tokens"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._http is None:
            raise ModelFailed("The embedded engine is not loaded.")
        response = self._http.post(path, json=body)
        if response.status_code != 200:
            raise ModelFailed(f"The embedded engine refused {path}: {response.text[:200]}.")
        return dict(response.json())


def _chunk(event: dict[str, Any], finish: str) -> tuple[ChatGenerationChunk | None, str]:
    """Turn an event of the engine into a chunk; carry the reason it finished to the last one."""
    if progress := event.get("prompt_progress"):
        return _text("", prompt_progress=progress), finish
    if not event["choices"]:  # the last event: usage and timings
        usage = event["usage"]
        message = AIMessageChunk(
            content="",
            usage_metadata=UsageMetadata(
                input_tokens=usage["prompt_tokens"],
                output_tokens=usage["completion_tokens"],
                total_tokens=usage["total_tokens"],
            ),
            response_metadata={"timings": event["timings"], "finish_reason": finish},
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message), finish
    choice = event["choices"][0]
    finish = choice.get("finish_reason") or finish
    text = choice["delta"].get("content")
    if not text:
        return None, finish
    logprobs = choice.get("logprobs")
    return (_text(text, logprobs=logprobs["content"]) if logprobs else _text(text)), finish


def _text(text: str, **metadata: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text, response_metadata=metadata))
