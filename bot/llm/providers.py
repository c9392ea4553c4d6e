"""Which chat model answers, and why; every one is a LangChain BaseChatModel.

setting `model` -> Ollama, the embedded engine or a provider of LangChain -> Chosen. What goes wrong
with any of them becomes one error in one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.trace import Reading, Token
from ingest import weights
from ingest.errors import ModelFailed, ModelUnavailable, SettingError
from ingest.settings import Settings

if TYPE_CHECKING:
    import ollama
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk, BaseMessage

EMBEDDED = {"embedded": "qwen2.5-coder-1.5b", "embedded:small": "smollm2-135m"}
OLLAMA_SECONDS = 2.0  # a local server answers in milliseconds; a dead address must not hang
KEEP_ALIVE = "10m"
# Kinds of prompts, each with a slot of the embedded engine: one that is read for a moment must not
# push out the passages, nor the examples that a follow-up is rewritten with.
PASSAGES, ASIDE, REWRITING = KINDS = range(3)
TOP = 20  # likeliest tokens looked at for Yes and No; Ollama gives no more


@dataclass(frozen=True)
class Chosen:
    """A chat model that is ready, its name, and why it was chosen."""

    model: BaseChatModel
    name: str
    why: str
    window: int  # tokens
    exact: bool  # whether `count` is the model's own tokenizer, or an upper bound
    one_token: Mapping[str, Any] | None = None  # options of a call for one token's probabilities
    begin: Callable[[], None] = lambda: None  # what it read before must not show from here on
    slots: Sequence[Mapping[str, Any]] = ({},) * len(KINDS)  # options of a call, for each kind
    notes: tuple[str, ...] = ()
    setting: str = ""  # the setting that opens it again: `auto` may come to another one then
    listed: str | None = None  # the digest it is pinned by, or that its server lists
    file: Path | None = None  # its GGUF file

    @property
    def digest(self) -> str | None:
        """Return what tells its weights from any others, in hex; None: there is no telling.

        Reads a GGUF file that is not pinned from end to end, once as long as it is not touched.
        """
        if self.listed or not self.file:
            return self.listed
        try:
            status = self.file.stat()
            return _sha256(self.file, status.st_size, status.st_mtime_ns)
        except OSError:  # it was taken away: what answers now are the bytes in memory
            return None

    def count(self, messages: Sequence[BaseMessage]) -> int:
        """Count the prompt's tokens, or bound them from above.

        Ollama and remote providers have no tokenizer to ask. Half the bytes of UTF-8, and eight
        for the frame of each message, is more than any common tokenizer makes of prose.
        """
        if self.exact:
            return self.model.get_num_tokens_from_messages(list(messages))
        return sum(len(str(message.content).encode()) // 2 + 8 for message in messages)


@contextmanager
def open_model(
    settings: Settings,
    progress: weights.Progress | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Chosen]:
    """Open the model of the settings; it is loaded when this returns.

    Raises ModelUnavailable, WeightsUnavailable, WeightsCorrupt or SettingError.
    """
    wanted, why = decide(settings.model)
    if wanted in EMBEDDED or wanted.startswith("gguf:"):
        if wanted in EMBEDDED:
            name = EMBEDDED[wanted]
            path = weights.fetch(settings, name, progress)
            pin = weights.MODELS[name].files[0].sha256
        else:
            path = Path(wanted.removeprefix("gguf:")).expanduser()
            name, pin = path.name, None
            if not path.is_file():
                raise ModelUnavailable(f"There is no GGUF file {path}.", "whybot models")
        say(f"loading {name} ...")
        from bot.llm.engine import EmbeddedChat

        with EmbeddedChat(
            path=path,
            name=name,
            window=settings.window,
            max_tokens=settings.max_tokens,
            threads=settings.threads,
            slots=len(KINDS),
        ) as model:
            one_token = {"max_tokens": 1, "logprobs": True, "top_logprobs": TOP}
            yield Chosen(
                model, name, why, model.window, exact=True, one_token=one_token,
                begin=model.begin, slots=[{"id_slot": kind} for kind in KINDS],
                setting=wanted, listed=pin, file=path,
            )  # fmt: skip
    elif wanted.startswith("ollama:"):
        with _ollama(wanted.removeprefix("ollama:"), why, settings) as chosen:
            yield chosen
    elif remote(wanted):
        yield _provider(wanted, why, settings)
    else:
        raise SettingError(
            f"The model {wanted!r} is not known; use auto, embedded, embedded:small, "
            "ollama:NAME, gguf:PATH or provider:model.",
            "whybot ask --model auto QUESTION",
        )


def stream(
    chosen: Chosen, messages: list[BaseMessage], kind: int = PASSAGES, **options: Any
) -> Iterator[AIMessageChunk]:
    """Stream the model's answer; a provider that breaks off raises ModelFailed, in one line."""
    import httpx
    import ollama

    try:
        yield from chosen.model.stream(messages, **chosen.slots[kind], **options)
    except ollama.ResponseError as error:
        raise ModelFailed(f"Ollama answered: {error.error}.", "whybot doctor") from error
    except (httpx.HTTPError, ConnectionError) as error:
        raise ModelFailed(
            f"The connection to {chosen.name} was lost ({error}).", "whybot doctor"
        ) from error


def event(chunk: AIMessageChunk) -> Reading | Token | None:
    """Return what a piece of a model's answer tells: how far it has read, or what it wrote."""
    if progress := chunk.response_metadata.get("prompt_progress"):
        return Reading(progress["processed"], progress["total"])
    text = str(chunk.content)
    return Token(text) if text else None


def decide(wanted: str) -> tuple[str, str]:
    """Return the model to use and the reason, resolving `auto`."""
    if wanted != "auto":
        return wanted, "asked for"
    try:
        name = _chat_model()
    except ModelUnavailable as error:
        return "embedded", f"auto: {error.message}"
    return f"ollama:{name}", f"auto: an Ollama server answers and holds {name}"


def remote(wanted: str) -> bool:
    """Tell whether a model is a provider's: what it is asked may leave this machine."""
    return ":" in wanted and wanted not in EMBEDDED and not wanted.startswith(("gguf:", "ollama:"))


@cache
def _sha256(path: Path, size: int, changed: int) -> str:
    return weights.sha256(path)


# --- Ollama


@contextmanager
def _server() -> Iterator[ollama.Client]:
    """Open a client of the Ollama server; what goes wrong between us and it becomes one error."""
    import httpx
    import ollama

    try:
        client = ollama.Client(timeout=OLLAMA_SECONDS)
    except ValueError as error:
        raise SettingError(f"OLLAMA_HOST is no address ({error}).", "unset OLLAMA_HOST") from error
    with client:
        try:
            yield client
        except (ConnectionError, httpx.HTTPError) as error:
            raise ModelUnavailable("No Ollama server answers.", "ollama serve") from error
        except (ollama.ResponseError, ValueError) as error:  # ValueError: it sent no JSON
            raise ModelUnavailable("What answers at OLLAMA_HOST is no Ollama server.") from error


def ollama_models() -> list[str]:
    """Return the names of the models the server holds, last changed first."""
    with _server() as client:
        return [*_held(client)]


def _held(client: ollama.Client) -> dict[str, str | None]:
    """Return the digest of each model by its name."""
    return {str(entry.model): entry.digest for entry in client.list().models}


def _chat_model() -> str:
    with _server() as client:
        for name in _held(client):
            if "completion" in (client.show(name).capabilities or []):
                return name
    raise ModelUnavailable("The Ollama server holds no chat model.", "ollama pull qwen2.5:1.5b")


@contextmanager
def _ollama(wanted: str, why: str, settings: Settings) -> Iterator[Chosen]:
    from langchain_ollama import ChatOllama

    with _server() as client:
        held = _held(client)
        name = _match(wanted, [*held])
        shown = client.show(name)
    if "completion" not in (shown.capabilities or []):
        raise ModelUnavailable(f"Ollama's {name} cannot chat.", "whybot ask --model auto QUESTION")
    lengths = [
        int(value)
        for key, value in (shown.modelinfo or {}).items()
        if key.endswith(".context_length") and value
    ]
    window = min([settings.window, *lengths])
    notes = []
    if (shown.template or "").strip() == "{{ .Prompt }}":
        notes.append(
            f"Ollama has no chat template for {name}: roles are lost and answers poor. "
            "Give it a TEMPLATE in its Modelfile."
        )
    model = ChatOllama(
        model=name,
        num_ctx=window,
        num_predict=settings.max_tokens,
        temperature=0,
        keep_alive=KEEP_ALIVE,
        reasoning=False if "thinking" in (shown.capabilities or []) else None,
    )
    one_token = {
        "logprobs": True,
        "top_logprobs": TOP,
        "options": {"num_ctx": window, "num_predict": 1, "temperature": 0},
    }
    try:
        yield Chosen(
            model, f"ollama:{name}", why, window, False, one_token=one_token, notes=tuple(notes),
            setting=f"ollama:{name}", listed=held[name],
        )  # fmt: skip
    finally:
        model._client.close()  # type: ignore[no-untyped-call]


def _match(wanted: str, held: list[str]) -> str:
    """Find a model by its name, with or without its tag."""
    for name in (wanted, f"{wanted}:latest"):
        if name in held:
            return name
    base = wanted.split(":")[0]
    if near := [name for name in held if name.split(":")[0] == base]:
        raise ModelUnavailable(
            f"Ollama has no {wanted}, but {', '.join(near)}.",
            f"whybot ask --model ollama:{near[0]} QUESTION",
        )
    raise ModelUnavailable(f"Ollama has no model {wanted}.", f"ollama pull {wanted}")


# --- every other provider


def _provider(wanted: str, why: str, settings: Settings) -> Chosen:
    from langchain.chat_models import init_chat_model

    try:
        model = init_chat_model(wanted, temperature=0, max_tokens=settings.max_tokens)
    except ImportError as error:
        provider = wanted.split(":")[0]
        raise ModelUnavailable(
            f"The provider {provider} needs a package of its own ({error}).",
            f"uv pip install -p .venv langchain-{provider.replace('_', '-')}",
        ) from error
    except ValueError as error:
        reason = str(error).splitlines()[0].rstrip(".")  # a list of all providers follows
        raise ModelUnavailable(f"The model {wanted!r} cannot be used: {reason}.") from error
    return Chosen(model, wanted, why, settings.window, exact=False, setting=wanted)
