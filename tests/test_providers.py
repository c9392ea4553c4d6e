"""Which model is chosen, and what a provider's failures become."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fake_models import ONE_TOKEN, FakeChat, Ollama, Vote, chosen, ollama_server
from fakes import finished
from langchain_core.messages import HumanMessage, SystemMessage
from tiny_gguf import CONTEXT, write_gguf

from bot.llm.providers import Chosen, decide, open_model, remote, stream
from bot.trace import Reading
from bot.verify.yes_no import yes
from ingest import weights
from ingest.errors import ModelFailed, ModelUnavailable, SettingError
from ingest.settings import Settings

CHAT = {
    "capabilities": ["completion", "tools"],
    "template": "{{ .System }} {{ .Prompt }}",
    "model_info": {"llama.context_length": 2048, "general.architecture": "llama"},
}
EMBEDDING = {**CHAT, "capabilities": ["embedding"]}
MESSAGES = [SystemMessage("Be brief."), HumanMessage("Why?")]
CLOSED = "127.0.0.1:9"  # the discard port, where nobody listens


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ollama]:
    with ollama_server(Ollama()) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


def line(text: str = "", **fields: Any) -> dict[str, Any]:
    """Make a line of a streamed chat."""
    message = {"role": "assistant", "content": text}
    return {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, **fields}


LAST = line(done=True, done_reason="stop", prompt_eval_count=7, eval_count=2)


def said(who: Chosen, **options: Any) -> str:
    return "".join(str(chunk.content) for chunk in stream(who, MESSAGES, **options))


# --- auto


def test_what_was_asked_for_is_taken() -> None:
    assert decide("ollama:x") == ("ollama:x", "asked for")


def test_auto_takes_a_chat_model_of_the_server(ollama: Ollama) -> None:
    ollama.models = {"embed:latest": EMBEDDING, "chat:1b": CHAT, "other": CHAT}
    model, why = decide("auto")
    assert model == "ollama:chat:1b"
    assert "chat:1b" in why


def test_auto_without_a_server_is_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", CLOSED)
    assert decide("auto") == ("embedded", "auto: No Ollama server answers.")


@pytest.mark.parametrize("models", [{}, {"embed:latest": EMBEDDING}])
def test_auto_without_a_chat_model_is_embedded(ollama: Ollama, models: dict[str, Any]) -> None:
    ollama.models = models
    assert decide("auto") == ("embedded", "auto: The Ollama server holds no chat model.")


FAILURES = [
    (404, "page not found"),
    (500, '{"error": "boom"}'),
    (200, "<html>"),
    (200, '{"models": 3}'),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_auto_beside_a_server_that_is_not_ollama_is_embedded(
    ollama: Ollama, failure: tuple[int, str]
) -> None:
    ollama.failure = failure
    model, why = decide("auto")
    assert model == "embedded"
    assert "no Ollama server" in why


def test_an_address_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "localhost:port")
    for model in ("auto", "ollama:x"):
        with pytest.raises(SettingError, match="OLLAMA_HOST"), open_model(Settings(model=model)):
            pass


# --- Ollama by name


Open = Callable[..., Chosen]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open models of the server; they are closed at the end of the test."""
    with ExitStack() as stack:
        yield lambda name, **settings: stack.enter_context(
            open_model(Settings(model=f"ollama:{name}", **settings))
        )


def test_a_model_is_found_with_and_without_its_tag(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"chat:1b": CHAT, "plain:latest": CHAT, "hub/deep:q4": CHAT}
    assert opened("chat:1b").name == "ollama:chat:1b"
    assert opened("plain").name == opened("plain:latest").name == "ollama:plain:latest"
    assert opened("hub/deep:q4").name == "ollama:hub/deep:q4"


def test_a_model_of_the_server_is_known_by_its_digest(ollama: Ollama, opened: Open) -> None:
    ollama.models = {
        "other:latest": {**CHAT, "digest": "cd"},
        "plain:latest": {**CHAT, "digest": "ab"},
    }
    who = opened("plain")
    assert (who.setting, who.digest) == ("ollama:plain:latest", "ab")


def test_another_tag_is_offered(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"chat:1b": CHAT, "chat:3b": CHAT}
    for name in ("chat", "chat:7b"):
        with pytest.raises(ModelUnavailable, match=f"no {name}, but chat:1b, chat:3b") as caught:
            opened(name)
        assert caught.value.mend == "whybot ask --model ollama:chat:1b QUESTION"


def test_a_model_the_server_lacks(ollama: Ollama, opened: Open) -> None:
    with pytest.raises(ModelUnavailable, match="no model ghost") as caught:
        opened("ghost")
    assert caught.value.mend == "ollama pull ghost"


def test_a_model_that_cannot_chat(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"embed:latest": EMBEDDING}
    with pytest.raises(ModelUnavailable, match="cannot chat"):
        opened("embed")


def test_a_server_that_is_gone(monkeypatch: pytest.MonkeyPatch, opened: Open) -> None:
    monkeypatch.setenv("OLLAMA_HOST", CLOSED)
    with pytest.raises(ModelUnavailable) as caught:
        opened("chat")
    assert str(caught.value) == "No Ollama server answers. Mend it with: ollama serve"


def test_the_window_is_the_smaller_and_always_sent(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"chat:latest": CHAT}
    ollama.lines = [line("Hi"), LAST]
    for window, wanted in ((4096, 2048), (1024, 1024)):
        who = opened("chat", window=window, max_tokens=99)
        assert (who.window, who.exact) == (wanted, False)
        said(who)
        path, body = ollama.requests[-1]
        assert path == "/api/chat"
        assert body["options"]["num_ctx"] == wanted
        assert body["options"]["num_predict"] == 99
        assert body["options"]["temperature"] == 0


def test_a_model_without_a_chat_template_is_noted(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"raw:latest": {**CHAT, "template": "{{ .Prompt }}\n"}, "chat:latest": CHAT}
    assert "no chat template for raw:latest" in opened("raw").notes[0]
    assert opened("chat").notes == ()


# --- streams


def test_an_ollama_answer_is_streamed_with_its_usage(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"chat:latest": CHAT}
    ollama.lines = [line("It "), line("is."), LAST]
    chunks = list(stream(opened("chat"), MESSAGES))
    assert [chunk.content for chunk in chunks if chunk.content] == ["It ", "is."]
    usage = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert usage == [{"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}]
    roles = [message["role"] for message in ollama.requests[-1][1]["messages"]]
    assert roles == ["system", "user"]


def test_a_connection_cut_in_the_middle_of_an_answer(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"chat:latest": CHAT}
    ollama.lines, ollama.cut = [line("It "), line("is")], True
    got = []
    with pytest.raises(ModelFailed, match="was lost") as caught:
        for chunk in stream(opened("chat"), MESSAGES):
            got.append(str(chunk.content))
    assert "".join(got) == "It is"  # what came before is not lost
    assert "\n" not in str(caught.value)
    assert caught.value.mend == "whybot doctor"


def test_a_server_that_goes_away_before_the_answer(
    monkeypatch: pytest.MonkeyPatch, opened: Open
) -> None:
    with ollama_server(Ollama(models={"chat:latest": CHAT})) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        who = opened("chat")
    with pytest.raises(ModelFailed, match="was lost"):
        said(who)


def test_an_error_of_the_server_is_passed_on(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"chat:latest": CHAT}
    who = opened("chat")
    ollama.failure = (500, json.dumps({"error": "model runner has unexpectedly stopped"}))
    with pytest.raises(ModelFailed, match="runner has unexpectedly stopped"):
        said(who)


def test_an_error_in_the_middle_of_an_answer_is_passed_on(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"chat:latest": CHAT}
    ollama.lines = [line("It "), {"error": "out of memory"}]
    with pytest.raises(ModelFailed, match="out of memory"):
        said(opened("chat"))


# --- yes or no


def asked(who: Chosen) -> tuple[float | None, list[Reading]]:
    return finished(yes(who, list(MESSAGES)))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_yes_against_no(share: float) -> None:
    model = FakeChat(replies=[[(3, 9), (9, 9), Vote(share)]])
    probability, readings = asked(chosen(model, one_token=ONE_TOKEN))
    assert probability == pytest.approx(share, abs=1e-6)
    assert readings == [Reading(3, 9), Reading(9, 9)]
    assert model.options == [ONE_TOKEN]


def test_a_provider_without_probabilities_is_not_asked() -> None:
    model = FakeChat(replies=[])
    assert asked(chosen(model)) == (None, [])


def test_an_answer_that_is_neither() -> None:
    assert asked(chosen(FakeChat(replies=[["Perhaps"]]), one_token=ONE_TOKEN))[0] is None


def test_ollama_says_yes_with_a_probability(ollama: Ollama, opened: Open) -> None:
    ollama.models = {"chat:latest": CHAT}
    rivals = [("Yes", -0.5), (" yes", -2.0), ("No", -1.5), ("Maybe", -0.1)]
    tops = [{"token": token, "logprob": logprob} for token, logprob in rivals]
    ollama.lines = [line("Yes", logprobs=[{**tops[0], "top_logprobs": tops}]), LAST]
    probability, _ = asked(opened("chat"))
    # e^-0.5 + e^-2 against e^-1.5
    assert probability == pytest.approx(0.7419 / (0.7419 + 0.2231), abs=1e-3)
    body = ollama.requests[-1][1]
    assert body["logprobs"] is True
    assert body["options"]["num_predict"] == 1
    assert body["options"]["num_ctx"] == 2048


# --- tokens


def test_an_exact_count_is_the_models() -> None:
    assert chosen(FakeChat(replies=[])).count([HumanMessage("one two three")]) == 3 + 4


def test_any_other_count_is_a_bound_from_above() -> None:
    who = Chosen(FakeChat(replies=[]), "x", "", 4096, exact=False)
    for text in ("Plain words make a token each, mostly.", "Größe über alles", "日本語のテキスト"):
        assert who.count([HumanMessage(text)]) >= len(text) // 3
    assert who.count([HumanMessage("")]) > 0
    assert who.count(MESSAGES * 2) == 2 * who.count(MESSAGES)


# --- the other providers


def test_a_gguf_file_by_its_path(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny.gguf")
    lines: list[str] = []
    with open_model(Settings(model=f"gguf:{path}", threads=1), say=lines.append) as who:
        assert (who.name, who.why, who.exact) == ("tiny.gguf", "asked for", True)
        assert who.window == CONTEXT
        assert said(who, max_tokens=4)
        probability, readings = asked(who)
        assert probability is None or 0 <= probability <= 1
        assert readings
    assert lines == ["loading tiny.gguf ..."]
    assert (who.setting, who.digest) == (f"gguf:{path}", sha256(path.read_bytes()).hexdigest())


def test_a_pinned_model_is_known_by_its_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf(tmp_path / "tiny.gguf")
    monkeypatch.setattr(weights, "fetch", lambda *args: path)
    monkeypatch.setenv("OLLAMA_HOST", CLOSED)
    with open_model(Settings(model="auto", threads=1)) as who:
        assert who.setting == "embedded"
        assert who.digest == weights.MODELS["qwen2.5-coder-1.5b"].files[0].sha256


@pytest.mark.parametrize(
    ("model", "away"),
    [("openai:gpt", True), ("embedded:small", False), ("gguf:C:/m", False), ("ollama:a:b", False)],
)
def test_a_providers_model_is_not_on_this_machine(model: str, away: bool) -> None:
    assert remote(model) is away


def test_a_gguf_file_that_is_not_there(tmp_path: Path) -> None:
    settings = Settings(model=f"gguf:{tmp_path}/no.gguf")
    with pytest.raises(ModelUnavailable, match=r"no GGUF file .*no\.gguf"), open_model(settings):
        pass


def test_a_word_that_names_no_model() -> None:
    with (
        pytest.raises(SettingError, match="is not known") as caught,
        open_model(Settings(model="x")),
    ):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", ["nonsense:gpt", "openai:gpt-4o"])
def test_a_provider_that_cannot_be_had(model: str) -> None:
    with pytest.raises(ModelUnavailable) as caught, open_model(Settings(model=model)):
        pass
    assert "\n" not in str(caught.value)
    assert model.split(":")[0] in str(caught.value)
