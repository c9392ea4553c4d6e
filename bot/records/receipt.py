"""A receipt: one turn, with all that is needed to run it again and to say what is not as it was.

It is made of the trace and of what the answer depended on: model, settings, index, corpus.
`receipt_file` writes and reads it, and `replay` compares two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bot.trace import CODE_NAMES, Answer, Turn, plain, renamed
from ingest.errors import WhybotError
from ingest.index import IndexedChunk
from ingest.sync import fingerprint

if TYPE_CHECKING:
    from bot.session import Bot

FORMAT = 1  # of the file; counts up when an older whybot could not read it any more
MEND = "whybot ask --receipt FILE.html QUESTION"


class NotAReceipt(WhybotError):
    """A file that should be a receipt is none, or one that this version cannot read."""


@dataclass(frozen=True)
class InForce:
    """The settings that change answers."""

    model: str  # what opens the model again: never `auto`, but what it came to
    embedder: str
    top_k: int  # as it was for this answer
    window: int  # tokens
    max_tokens: int
    grounding: str


@dataclass(frozen=True)
class Model:
    """The chat model that answered."""

    name: str
    digest: str | None  # of its weights or, with Ollama, its manifest; hex; None: not known


@dataclass(frozen=True)
class Corpus:
    """The documents in the index when the question was asked."""

    sha256: str  # of what `sha256sum` prints of them, sorted by name
    documents: int
    chunks: int


@dataclass(frozen=True)
class Receipt:
    """One turn, and all that its answer depends on."""

    format: int
    whybot: str  # its version
    date: str  # ISO 8601, UTC
    settings: InForce
    model: Model
    embedder: dict[str, str | int]  # with the chunker: what made the index
    corpus: Corpus
    history: list[Turn]  # the turns before, as the answer path was given them
    answer: Answer

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as plain data."""
        return plain(self)

    @classmethod
    def from_json(cls, data: object) -> Receipt:
        """Check plain data and make a receipt of it. Raises NotAReceipt."""
        from pydantic import TypeAdapter, ValidationError

        form = data.get("format") if isinstance(data, dict) else None
        if isinstance(form, int) and form > FORMAT:
            raise NotAReceipt(
                f"It is a receipt of form {form}, of a newer whybot: this one reads {FORMAT}.", MEND
            )
        try:
            receipt = TypeAdapter(cls).validate_python(renamed(data, CODE_NAMES))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise NotAReceipt(f"It is no receipt: {first['msg']} ({where!r}).", MEND) from error
        if "total" not in receipt.answer.timings_ms:
            raise NotAReceipt("It is no receipt: it does not say how long it took.", MEND)
        return receipt


def of(bot: Bot, answer: Answer, history: Sequence[Turn] = ()) -> Receipt:
    """Make the receipt of the bot's last answer, before it is asked anything else."""
    settings, chosen = bot.settings, bot.chosen
    top_k = answer.parameters.top_k if answer.parameters else settings.top_k
    return Receipt(
        format=FORMAT,
        whybot=version("whybot"),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        settings=InForce(
            model=chosen.setting or settings.model,
            embedder=settings.embedder,
            top_k=top_k,
            window=settings.window,
            max_tokens=settings.max_tokens,
            grounding=settings.grounding,
        ),
        model=Model(chosen.name, chosen.digest),
        embedder=fingerprint(bot.retriever.embedder),
        corpus=corpus(bot.retriever.chunks()),
        history=[*history],
        answer=answer,
    )


def corpus(chunks: Iterable[IndexedChunk]) -> Corpus:
    """Say which documents chunks come from, in a hash that anybody can make of the files."""
    rows = [(chunk.document, chunk.sha256) for chunk in chunks]
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(set(rows)))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return Corpus(digest, len({name for name, _ in rows}), len(rows))
