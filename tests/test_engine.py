"""The embedded engine on a random model of one layer: all of it is real but the sense."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from tiny_gguf import CONTEXT, write_gguf

from bot.llm.engine import EmbeddedChat
from bot.llm.prefix_cache import BATCH
from ingest.errors import ModelFailed, ModelUnavailable

SHORT = [SystemMessage("Be brief."), HumanMessage("Why?")]
LONG = [HumanMessage("word " * 300)]  # a token a letter: 24 batches


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("model") / "tiny.gguf")


@pytest.fixture(scope="module")
def chat(gguf: Path) -> Iterator[EmbeddedChat]:
    with EmbeddedChat(path=gguf, name="tiny", max_tokens=24, threads=1) as model:
        yield model


def chunks(chat: EmbeddedChat, messages: Any = SHORT, **options: Any) -> list[AIMessageChunk]:
    return list(chat.stream(messages, **options))


def text(found: list[AIMessageChunk]) -> str:
    return "".join(str(chunk.content) for chunk in found)


# --- what it says


def test_an_answer_is_streamed_with_progress_usage_and_timings(chat: EmbeddedChat) -> None:
    found = chunks(chat, LONG)
    progress = [
        chunk.response_metadata["prompt_progress"]
        for chunk in found
        if "prompt_progress" in chunk.response_metadata
    ]
    assert len(progress) > 10
    done = [step["processed"] for step in progress]
    assert done == sorted(done)
    assert max(after - before for before, after in itertools.pairwise(done)) <= BATCH
    assert done[-1] == progress[-1]["total"]
    last = found[-1]
    assert last.usage_metadata
    assert last.usage_metadata["input_tokens"] == progress[-1]["total"]
    assert last.usage_metadata["output_tokens"] == 24
    assert last.response_metadata["finish_reason"] == "length"
    assert last.response_metadata["timings"]["predicted_n"] == 24
    assert sum(bool(chunk.content) for chunk in found) > 3  # in pieces, not at once


def test_the_same_prompt_gives_the_same_text(chat: EmbeddedChat) -> None:
    first = text(chunks(chat))
    assert first
    assert text(chunks(chat)) == first
    assert chat.invoke(SHORT).content == first
    assert text(chunks(chat, [HumanMessage("Another prompt.")])) != first


def test_invoke_gives_the_whole_with_its_usage(chat: EmbeddedChat) -> None:
    message = chat.invoke(SHORT, max_tokens=5)
    assert message.usage_metadata
    assert message.usage_metadata["output_tokens"] == 5
    assert message.usage_metadata["input_tokens"] == chat.get_num_tokens_from_messages(SHORT)
    assert message.response_metadata["finish_reason"] == "length"


def test_log_probabilities_of_one_token(chat: EmbeddedChat) -> None:
    found = chunks(chat, max_tokens=1, logprobs=True, top_logprobs=20)
    tokens = [t for chunk in found for t in chunk.response_metadata.get("logprobs") or ()]
    assert len(tokens) == 1
    rivals = [rival["logprob"] for rival in tokens[0]["top_logprobs"]]
    assert len(rivals) == 20
    assert rivals == sorted(rivals, reverse=True)
    assert all(logprob <= 0 for logprob in rivals)


def test_a_stop_word_ends_the_answer(chat: EmbeddedChat) -> None:
    whole = text(chunks(chat))
    sign = next(sign for sign in whole[1:] if sign.isascii() and sign.isprintable())
    found = chunks(chat, stop=[sign])
    assert text(found) == whole[: whole.index(sign)]
    assert found[-1].response_metadata["finish_reason"] == "stop"


def test_an_answer_that_fits_a_schema(chat: EmbeddedChat) -> None:
    schema = {
        "type": "object",
        "properties": {"yes": {"type": "boolean"}, "kind": {"enum": ["a", "b"]}},
        "required": ["yes", "kind"],
        "additionalProperties": False,
    }
    found = chat.with_structured_output(schema, max_tokens=200).invoke("Is it?")
    assert found.keys() == {"yes", "kind"}
    assert isinstance(found["yes"], bool)
    assert found["kind"] in ("a", "b")


# --- what it has read before


def first(chat: EmbeddedChat, words: str, **options: Any) -> tuple[int, tuple[float, ...]]:
    """Return how many tokens had been read before, and log-probabilities of the first new ones."""
    asked = {"max_tokens": 8, "logprobs": True, "top_logprobs": 1, **options}
    found = chunks(chat, [HumanMessage(words)], **asked)
    cached = found[0].response_metadata["prompt_progress"]["cache"]
    tokens = [t for chunk in found for t in chunk.response_metadata.get("logprobs") or ()]
    assert tokens
    return cached, tuple(token["logprob"] for token in tokens)


def test_after_begin_only_whole_batches_of_earlier_prompts_are_used(chat: EmbeddedChat) -> None:
    words = "word " * 60  # a token a letter: 300
    chat.begin()
    first(chat, f"{words}first")
    within, _ = first(chat, f"{words}second")
    assert within > 300  # one answer's prompts share all that they can
    assert within % BATCH
    chat.begin()
    later, _ = first(chat, f"{words}third")
    assert later == within - within % BATCH
    again, _ = first(chat, f"{words}third", id_slot=0)
    assert again > later


def test_what_was_asked_before_begin_does_not_show(chat: EmbeddedChat) -> None:
    words = "Is water wet? " * 30
    found = set()
    for earlier in ("", words, words[:100], f"{words} Is it?"):
        if earlier:
            first(chat, earlier)
            first(chat, f"{earlier} Or not?")
        chat.begin()
        first(chat, f"{words} Yes?")
        found.add(first(chat, f"{words} No?"))
    assert len(found) == 1


def test_a_prompt_that_failed_or_was_stopped_leaves_nothing_that_shows(chat: EmbeddedChat) -> None:
    words = "Is water wet? " * 30
    chat.begin()
    fresh = first(chat, words)[1]
    with pytest.raises(ModelFailed):
        first(chat, words + "word " * CONTEXT)
    for _ in chat.stream([HumanMessage(f"{words}But why?")]):
        break  # stopped after the first batch
    chat.begin()
    assert first(chat, words)[1] == fresh


def test_slots_hold_a_prompt_each(gguf: Path) -> None:
    with EmbeddedChat(path=gguf, name="tiny", threads=1, slots=2) as two:
        words = "word " * 60
        first(two, words)
        first(two, "Something else.", id_slot=1)
        assert first(two, words)[0] > 300
        assert two.window == min(4096, CONTEXT)


# --- how much goes in


def test_tokens_are_counted_with_the_template(chat: EmbeddedChat) -> None:
    plain = chat.get_num_tokens("hello")
    whole = chat.get_num_tokens_from_messages([HumanMessage("hello")])
    assert plain == 6  # a space and five letters
    assert whole > plain
    assert chunks(chat, [HumanMessage("hello")])[-1].usage_metadata["input_tokens"] == whole  # type: ignore[index]


def test_a_prompt_beyond_the_window_fails_in_one_line(chat: EmbeddedChat) -> None:
    with pytest.raises(ModelFailed, match="context size") as caught:
        chunks(chat, [HumanMessage("word " * CONTEXT)])
    assert "\n" not in str(caught.value)
    assert text(chunks(chat))  # and the engine goes on


def test_the_window_is_no_larger_than_the_model_was_trained_for(gguf: Path) -> None:
    with EmbeddedChat(path=gguf, name="tiny", window=4 * CONTEXT, threads=1) as large:
        assert large.window == CONTEXT
    with EmbeddedChat(path=gguf, name="tiny", window=256, threads=1) as small:
        assert small.window == 256
        with pytest.raises(ModelFailed):
            chunks(small, LONG)


# --- stopping


class Slowed:
    """Put between chat and engine: let events through slowly, and count them."""

    def __init__(self, server: Any, pause: float) -> None:
        self.server, self.pause = server, pause
        self.events = 0
        self.ended = threading.Event()

    def handle_chat_completions(self, body: Any, receive: Callable[[Any], bool]) -> None:
        def slowly(event: Any) -> bool:
            time.sleep(self.pause)
            self.events += 1
            return receive(event)

        self.server.handle_chat_completions(body, slowly)
        self.ended.set()

    def stream(self, chat: EmbeddedChat, messages: Any) -> Iterator[AIMessageChunk]:
        """Begin to stream through this, and take the first chunk."""
        chat._server = self
        try:
            run = chat.stream(messages, max_tokens=1000)
            assert "prompt_progress" in next(run).response_metadata
        finally:
            chat._server = self.server
        return run


@pytest.mark.parametrize("phase", ["reads", "writes"])
def test_stopping_frees_the_engine_at_once(chat: EmbeddedChat, phase: str) -> None:
    chunks(chat, [HumanMessage("other " * 20)])  # nothing of the long prompt is in the cache
    messages = [HumanMessage("stop " * 350)] if phase == "reads" else SHORT  # 28 batches, or one
    slowed = Slowed(chat._server, pause=0.02)
    run = slowed.stream(chat, messages)
    if phase == "writes":
        next(chunk for chunk in run if chunk.content)
    run.close()  # type: ignore[attr-defined]
    found = chunks(chat, max_tokens=3)  # while the other winds up
    assert found[-1].usage_metadata
    assert found[-1].usage_metadata["output_tokens"] == 3
    assert slowed.ended.wait(5)
    assert slowed.events < 15


# --- lifetime


def test_its_port_is_locked(chat: EmbeddedChat) -> None:
    address = chat._server.listening_address
    assert "127.0.0.1" in address
    body = {"messages": [{"role": "user", "content": "Why?"}], "max_tokens": 1}
    with httpx.Client(base_url=address, trust_env=False) as stranger:
        assert stranger.post("/v1/chat/completions", json=body).status_code == 401
        assert stranger.post("/tokenize", json={"content": "a"}).status_code == 401
        wrong = {"Authorization": "Bearer 0000"}
        assert stranger.post("/tokenize", json={}, headers=wrong).status_code == 401


def test_a_closed_engine_says_so_and_leaves_no_port(gguf: Path) -> None:
    with EmbeddedChat(path=gguf, name="tiny", threads=1) as model:
        address = model._server.listening_address
    with pytest.raises(ModelFailed, match="not loaded"):
        chunks(model)
    with pytest.raises(ModelFailed, match="not loaded"):
        model.get_num_tokens("a")
    with httpx.Client(trust_env=False) as stranger, pytest.raises(httpx.ConnectError):
        stranger.get(address)


def test_closing_waits_for_what_is_still_running(gguf: Path) -> None:
    """As after Ctrl-C: a thread in the engine when Python exits would abort the process."""
    with EmbeddedChat(path=gguf, name="tiny", threads=1) as model:
        slowed = Slowed(model._server, pause=0.02)
        run = slowed.stream(model, LONG)
    assert slowed.ended.is_set()
    assert slowed.events < 15  # it was stopped, not waited for to the end
    assert not any(thread.name == "whybot-engine" for thread in threading.enumerate())
    del run


@pytest.mark.parametrize("data", [b"", b"GGUF", b"no model " * 1000])
def test_a_file_that_is_no_model(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelUnavailable, match=r"bad\.gguf") as caught:
        EmbeddedChat(path=path, name="bad").__enter__()
    assert "\n" not in str(caught.value)


def test_a_file_that_was_cut_short(tmp_path: Path, gguf: Path) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(gguf.read_bytes()[:-5000])
    with pytest.raises(ModelUnavailable):
        EmbeddedChat(path=path, name="half").__enter__()
