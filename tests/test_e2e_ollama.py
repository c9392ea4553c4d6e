"""Chat models of a real Ollama server, started and stopped here, on a free loopback port.

Run: `pytest tests/test_e2e_ollama.py`. Skipped without `ollama` on PATH (see .ci/build-ollama)
or without the weights, of which the server's models are made.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ollama
import pytest
from conftest import OllamaServer, free_port, serving_ollama
from fakes import finished
from langchain_core.messages import HumanMessage

from bot.answer import answer
from bot.llm import providers
from bot.session import open_bot
from bot.trace import Answer
from bot.verify import yes_no
from ingest.errors import ModelFailed, ModelUnavailable
from ingest.settings import Settings

Shell = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.usefixtures("ollama_host")


def window_in_use(name: str) -> int | None:
    """Ask the server how large a window it loaded a model with."""
    running = {model.model: model.context_length for model in ollama.Client().ps().models}
    return running[name]


def test_auto_takes_the_server_when_it_holds_a_chat_model(
    ollama_server: OllamaServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, why = providers.decide("auto")
    assert name.startswith("ollama:whybot-")
    assert name.removeprefix("ollama:") in why

    with serving_ollama(ollama_server.binary, tmp_path) as (empty, _):
        monkeypatch.setenv("OLLAMA_HOST", empty.host)
        name, why = providers.decide("auto")
        assert (name, "holds no chat model" in why) == ("embedded", True)

    name, why = providers.decide("auto")  # it is gone now
    assert (name, "No Ollama server answers" in why) == ("embedded", True)


def test_a_question_on_the_command_line_goes_to_the_server(
    seed_index: Settings, whybot: Shell, tmp_path: Path
) -> None:
    result = whybot(
        "ask",
        "What are the cons of RAG?",
        cwd=tmp_path,
        WHYBOT_MODEL="ollama:whybot-test",
        WHYBOT_INDEX=str(seed_index.index),
        WHYBOT_WINDOW="1536",
        WHYBOT_MAX_TOKENS="32",
    )
    assert result.returncode in (0, 3), result.stderr
    assert "\nollama:whybot-test:latest: read " in result.stderr
    assert "of 1536 tokens" in result.stderr
    assert re.search(r"\n\n(Sources|Nearest passages):\n", result.stdout)
    assert window_in_use("whybot-test:latest") == 1536


def test_a_model_that_is_able_answers_through_the_server(seed_index: Settings) -> None:
    with open_bot(replace(seed_index, model="ollama:whybot-qwen")) as bot:
        *_, last = answer(bot, "What are the cons of RAG?")
        assert isinstance(last, Answer)
        assert bot.chosen.notes == ()
        assert bot.chosen.window == 4096 == window_in_use("whybot-qwen:latest")
        written = [HumanMessage(message["content"]) for message in last.prompt]
        bound = bot.chosen.count(written)
    assert not last.abstained, last.draft
    assert re.search(r"complexity", last.answer, re.IGNORECASE)
    assert re.search(r"latency", last.answer, re.IGNORECASE)
    assert last.passages[0].n in {n for s in last.sentences for n in s.citations}
    # The counts are the server's own, and the bound that the prompt was fitted with holds.
    assert 100 < last.tokens.prompt <= bound
    assert 0 < last.tokens.completion <= bot.settings.max_tokens
    assert last.gate.signals is not None  # the server gives log-probabilities
    assert last.gate.answerable is not None
    assert 0.4 <= last.gate.answerable <= 1


def test_yes_or_no_has_a_probability(seed_index: Settings) -> None:
    settings = replace(seed_index, model="ollama:whybot-qwen")
    with providers.open_model(settings) as chosen:
        asked = "Statement: {}\nIs this statement true? Reply Yes or No."
        true, _ = finished(yes_no.yes(chosen, [HumanMessage(asked.format("Snow is cold."))]))
        false, _ = finished(yes_no.yes(chosen, [HumanMessage(asked.format("Snow is hot."))]))
    assert true is not None
    assert false is not None
    assert 0 <= false < 0.5 < true <= 1

    from langchain_ollama import ChatOllama

    model = ChatOllama(model="whybot-qwen", logprobs=True, top_logprobs=5, num_predict=1)
    reply = model.invoke("Is snow cold? Reply Yes or No.")
    (token,) = reply.response_metadata["logprobs"]
    assert len(token["top_logprobs"]) == 5
    assert {"Yes", "No"} & {rival["token"].strip() for rival in token["top_logprobs"]}


def test_a_model_without_a_template_is_warned_of(seed_index: Settings) -> None:
    with providers.open_model(replace(seed_index, model="ollama:whybot-raw")) as chosen:
        (note,) = chosen.notes
    assert "no chat template for whybot-raw" in note
    with providers.open_model(replace(seed_index, model="ollama:whybot-test")) as chosen:
        assert chosen.notes == ()


def test_a_window_is_never_larger_than_the_model_was_trained_for(seed_index: Settings) -> None:
    settings = replace(seed_index, model="ollama:whybot-test", window=1 << 20)
    facts = ollama.Client().show("whybot-test").modelinfo or {}
    trained = facts["llama.context_length"]
    with providers.open_model(settings) as chosen:
        assert chosen.window == trained == chosen.model.num_ctx  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wanted", "message", "mend"),
    [
        (
            "whybot-test:135m",
            "Ollama has no whybot-test:135m, but whybot-test:latest.",
            "ollama:whybot-test:latest",
        ),
        ("absent", "Ollama has no model absent.", "ollama pull absent"),
    ],
)
def test_a_model_that_is_not_there_is_said_in_one_line(
    seed_index: Settings, whybot: Shell, tmp_path: Path, wanted: str, message: str, mend: str
) -> None:
    with (
        pytest.raises(ModelUnavailable) as raised,
        providers.open_model(replace(seed_index, model=f"ollama:{wanted}")),
    ):
        pytest.fail("it opened")
    assert raised.value.message == message
    assert mend in str(raised.value.mend)

    index = str(seed_index.index)
    result = whybot("ask", "Why?", "--model", f"ollama:{wanted}", "--index", index, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"whybot: {raised.value}\n"


def test_a_server_that_is_not_there_is_said_in_one_line(
    seed_index: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{free_port()}")
    with (
        pytest.raises(ModelUnavailable, match=r"^No Ollama server answers\. .*: ollama serve$"),
        providers.open_model(replace(seed_index, model="ollama:whybot-test")),
    ):
        pytest.fail("it opened")


def test_a_server_that_dies_in_mid_answer_is_said_in_one_line(
    ollama_server: OllamaServer, seed_index: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(seed_index, model="ollama:whybot-test", max_tokens=2000)
    with serving_ollama(ollama_server.binary, ollama_server.folder) as (server, process):
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        with providers.open_model(settings) as chosen:
            answering = providers.stream(chosen, [HumanMessage("Count from one to a thousand.")])
            assert next(chunk for chunk in answering if chunk.content)
            os.killpg(process.pid, signal.SIGKILL)
            with pytest.raises(ModelFailed) as raised:
                for _ in answering:
                    pass
            assert re.fullmatch(r"The connection to ollama:.* was lost .*", raised.value.message)
            assert "\n" not in str(raised.value)
            with pytest.raises(ModelFailed):
                next(providers.stream(chosen, [HumanMessage("Are you there?")]))


def test_doctor_names_the_server_and_its_models(
    seed_index: Settings, whybot: Shell, tmp_path: Path
) -> None:
    index = str(seed_index.index)
    result = whybot("doctor", "--model", "ollama:whybot-test", "--index", index, cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    (line,) = [line for line in result.stdout.splitlines() if "Ollama:" in line]
    assert "whybot-qwen:latest" in line
    assert "FAIL" not in result.stdout
