"""Replies of the real models, written down once and read back: the answer path without weights.

`python tests/record.py` asks the models and writes the files under `tests/recorded/`; a test reads
them back through the same two stand-ins, which then have no model behind them.

    seed.json       for each question of tests/gold/seed.jsonl: the model's replies by a hash of
                    the prompt, how many tokens a prompt has, and the answer that came of it
    embedded.json   the vectors of all texts that were embedded, and where their tokens begin
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from conftest import SEED
from fake_models import Streaming
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk
from numpy.typing import NDArray
from pydantic import ConfigDict

from bot.llm.providers import TOP, Chosen
from bot.trace import Answer
from ingest.embedder import Embedder
from ingest.settings import Settings

GOLD = Path(__file__).parent / "gold" / "seed.jsonl"
FOLDER = Path(__file__).parent / "recorded"
REPLIES, EMBEDDED = FOLDER / "seed.json", FOLDER / "embedded.json"
DIGITS = 12  # of a hash: of some thousand texts no two share them
UNSEEN = ("id_slot",)  # options of a call that do not show in its reply
ONE_TOKEN = {"max_tokens": 1, "logprobs": True, "top_logprobs": TOP}


class NotRecorded(Exception):
    """Say that the answer path asks the models for something that was not recorded."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"There is no recorded reply to this: {what[-600:]!r}\n"
            "If the answer path was meant to change, record anew: .venv/bin/python tests/record.py"
        )


# --- the chat model


@dataclass
class Tape:
    """What was said on the way to the answer to one question, and the answer."""

    counts: dict[str, int] = field(default_factory=dict)  # tokens of a prompt, by its hash
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)  # see `outcome`


class TapedChat(Streaming):
    """Reply as the tape does; what it lacks is asked of the model behind, and written down.

    Raises NotRecorded where there is none. A reply is {"text", "read", "wrote"} (tokens), or, to a
    question for one token, {"logprobs"} of those that `verify.yes_no` reads: yes and no.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    tape: Tape
    behind: BaseChatModel | None = None

    @property
    def _llm_type(self) -> str:
        return "taped"

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Any = None
    ) -> int:
        """Count the prompt's tokens as the model does."""
        key = _hash(_plain(messages))
        if key not in self.tape.counts:
            if self.behind is None:
                raise NotRecorded(str(messages[-1].content))
            self.tape.counts[key] = self.behind.get_num_tokens_from_messages([*messages])
        return self.tape.counts[key]

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **options: Any,
    ) -> Iterator[ChatGenerationChunk]:
        shown = {name: value for name, value in options.items() if name not in UNSEEN}
        key = _hash([_plain(messages), stop, shown])
        if key not in self.tape.replies:
            if self.behind is None:
                raise NotRecorded(str(messages[-1].content))
            said = [*self.behind.stream(messages, stop=stop, **options)]
            self.tape.replies[key] = _reply(said, "logprobs" in options)
        yield from map(_chunk, _pieces(self.tape.replies[key]))


def _plain(messages: Sequence[BaseMessage]) -> list[list[str]]:
    return [[message.type, str(message.content)] for message in messages]


def _reply(said: Sequence[AIMessageChunk], one_token: bool) -> dict[str, Any]:
    """Keep of a reply what the answer path reads."""
    if one_token:
        return {
            "logprobs": {
                rival["token"]: rival["logprob"]
                for piece in said
                for token in piece.response_metadata.get("logprobs") or ()
                for rival in token["top_logprobs"]
                if rival["token"].strip().lower() in ("yes", "no")
            }
        }
    (usage,) = [piece.usage_metadata for piece in said if piece.usage_metadata]
    text = "".join(str(piece.content) for piece in said)
    return {"text": text, "read": usage["input_tokens"], "wrote": usage["output_tokens"]}


def _pieces(reply: dict[str, Any]) -> Iterator[AIMessageChunk]:
    """Say a reply word by word, as a model would."""
    if "logprobs" in reply:
        rivals = [{"token": name, "logprob": share} for name, share in reply["logprobs"].items()]
        logprobs = [{"token": "", "top_logprobs": rivals}]
        yield AIMessageChunk(content="", response_metadata={"logprobs": logprobs})
        return
    for word in re.findall(r"\s*\S+|\s+$", reply["text"]):
        yield AIMessageChunk(content=word)
    read, wrote = reply["read"], reply["wrote"]
    usage = UsageMetadata(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote)
    yield AIMessageChunk(content="", usage_metadata=usage)


def _chunk(message: AIMessageChunk) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=message)


# --- the embedder


@dataclass
class TapedEmbedder:
    """Embed from the tape; what it lacks is asked of the embedder behind, and written down.

    Vectors are kept, and given, in half precision: cosines are right to four digits. Raises
    NotRecorded where there is no embedder.
    """

    name: str
    revision: str
    chunk_tokens: int
    vectors: dict[str, str] = field(default_factory=dict)  # base64, by a hash of the text
    starts: dict[str, list[int]] = field(default_factory=dict)  # lengths of the tokens
    behind: Embedder | None = field(default=None, repr=False)

    @property
    def real(self) -> Embedder:
        """Return this as the type the code under test asks for."""
        return cast("Embedder", self)

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    def token_starts(self, text: str) -> list[int]:
        """Return where each token of the text begins."""
        key = _hash(["tokens", text])
        if key not in self.starts:
            starts = self._asked(text).token_starts(text)
            self.starts[key] = [b - a for a, b in zip([0, *starts], starts, strict=False)]
        return [*itertools.accumulate(self.starts[key])]

    def documents(
        self, texts: Sequence[str], done: Callable[[int], None] = lambda count: None
    ) -> NDArray[np.float32]:
        """Embed texts as documents."""
        rows = [
            self._vector("document", text, lambda one: self._asked(one).documents([one])[0])
            for text in texts
        ]
        done(len(rows))
        return np.stack(rows)

    def query(self, text: str) -> NDArray[np.float32]:
        """Embed a question."""
        return self._vector("query", text, lambda one: self._asked(one).query(one))

    def _vector(
        self, kind: str, text: str, embed: Callable[[str], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        key = _hash([kind, text])
        if key not in self.vectors:
            self.vectors[key] = base64.b64encode(embed(text).astype("<f2").tobytes()).decode()
        return np.frombuffer(base64.b64decode(self.vectors[key]), "<f2").astype(np.float32)

    def _asked(self, text: str) -> Embedder:
        if self.behind is None:
            raise NotRecorded(text)
        return self.behind


# --- both, and the answers that come of them


@dataclass
class Recording:
    """The tapes of all questions by their id, of one chat model and one embedder."""

    model: str
    digest: str
    window: int
    embedder: TapedEmbedder
    tapes: dict[str, Tape] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Recording:
        replies, embedded = json.loads(REPLIES.read_text()), json.loads(EMBEDDED.read_text())
        tapes = {id: Tape(**tape) for id, tape in replies.pop("questions").items()}
        return cls(**replies, embedder=TapedEmbedder(**embedded), tapes=tapes)

    def write(self) -> None:
        """Write both files: a line for each question and each text, so that changes show."""
        FOLDER.mkdir(exist_ok=True)
        replies = {"model": self.model, "digest": self.digest, "window": self.window}
        replies["questions"] = {id: asdict(tape) for id, tape in self.tapes.items()}
        names = ("name", "revision", "chunk_tokens", "vectors", "starts")
        _write(REPLIES, replies)
        _write(EMBEDDED, {name: getattr(self.embedder, name) for name in names})

    def chosen(self, id: str) -> Chosen:
        """Return the model as it answered one question."""
        model = TapedChat(tape=self.tapes.get(id, Tape()))
        return Chosen(
            model, self.model, "recorded", self.window, exact=True, one_token=ONE_TOKEN,
            setting="embedded", listed=self.digest,
        )  # fmt: skip


def outcome(found: Answer) -> dict[str, Any]:
    """Return what of an answer is recorded."""
    return {
        "resolved_question": found.resolved_question,
        "answer": found.answer,
        "abstained": found.abstained,
        "cited": [p.heading for p in found.passages if p.n in found.cited],
        "withheld": [sentence.text for sentence in found.withheld],
    }


def seed_settings(folder: Path) -> Settings:
    """Make a corpus of the seed document alone, and the settings that find it."""
    corpus = folder / "corpus"
    corpus.mkdir()
    shutil.copy(SEED, corpus)
    return Settings(corpus=corpus, index=folder / ".whybot", model="embedded")


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:DIGITS]


def _write(path: Path, data: dict[str, Any]) -> None:
    """Write JSON with a line for each entry of the dictionaries on the second level."""
    lines = []
    for name, value in data.items():
        if isinstance(value, dict):
            rows = [f" {json.dumps(key)}: {json.dumps(row)}" for key, row in value.items()]
            lines.append(f"{json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n}")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(value)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
