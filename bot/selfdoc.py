"""The document about this very bot: what it is made of, in the words that people ask with.

Every figure is one that it is given, none is written down here; `selfways` adds how it works.
Knows nothing of when the document is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from bot import models, selfways
from bot.models import EMBEDDED, Chosen
from bot.record import Measured
from bot.selfways import Section
from bot.wording import many
from ingest import documents
from ingest.pins import MODELS
from ingest.settings import Settings

TITLE = "About this bot"
DIGITS = 12  # of a revision, for people
NAMED = 12  # documents of the index that are called by name; of more, their number is told
TOLD = 60  # characters of such a name


@dataclass(frozen=True)
class Facts:
    """What the document is made of."""

    settings: Settings
    chosen: Chosen
    embedder: str
    revision: str  # of the embedder
    chunk_tokens: int  # of a chunk, at most
    names: Sequence[str]  # of the documents in the index
    chunks: int  # in the index
    answers: Measured | None  # the last evaluation of each kind
    retrieval: Measured | None


def write(facts: Facts) -> str:
    """Write the document in Markdown: short sections, each of which can be read alone."""
    sections = [
        *_self(facts),
        *_model(facts),
        *_index(facts),
        *selfways.sections(facts.settings, facts.chosen),
        *_quality(facts),
        _settings(facts.settings),
    ]
    parts = [f"# {TITLE}", *(f"## {heading}\n\n{text}" for heading, text in sections)]
    return "\n\n".join(parts) + "\n"


def _self(facts: Facts) -> list[Section]:
    return [
        (
            "Who are you?",
            f"I am Whybot {version('whybot')}, a chatbot that answers questions from your "
            "documents and shows how each answer came about.",
        ),
        *_place(facts),
    ]


def _place(facts: Facts) -> list[Section]:
    settings, chosen = facts.settings, facts.chosen
    index = "My embedding model and my index are on your machine."
    if settings.chroma:
        index = (
            "My embedding model runs on your machine, and my index lies in the Chroma server at "
            f"{_address(settings.chroma)}."
        )
    if models.remote(chosen.setting):
        place = f"Only in part: my chat model {chosen.name} runs at a provider."
        sent = "Yes, your questions and the passages that I read are sent to that provider."
    elif chosen.setting.startswith("ollama:"):
        place = "Yes, unless OLLAMA_HOST names another one: an Ollama server runs my chat model."
        sent = (
            "I send your questions and the passages that I read to an Ollama server. It is on "
            "your machine unless OLLAMA_HOST names another one, or the model is of Ollama's cloud."
        )
    else:
        threads = settings.threads or "one for each physical core"
        place = (
            "Yes, I run on your own machine and offline. My chat model runs on the processor; its "
            f"threads: {threads}."
        )
        sent = "No, I send no question and no document to the internet: I run offline."
    return [
        ("Do you run on my machine?", f"{place} {index}"),
        ("Do you send data to the internet?", sent),
    ]


def _model(facts: Facts) -> list[Section]:
    chosen, settings = facts.chosen, facts.settings
    made = ""
    if pin := MODELS.get(EMBEDDED.get(chosen.setting, "")):
        made = f" It comes from {pin.repository}, under the licence {pin.licence}."
    digest = chosen.digest or "not known, for its provider does not tell it"
    return [
        (
            "Which model are you?",
            f"My chat model, the language model (LLM) that writes my answers, is {chosen.name}."
            f"{made}",
        ),
        (
            "Why do you use this chat model?",
            f"The setting of my chat model is {settings.model}; {chosen.name} answers because: "
            f"{chosen.why.rstrip('.')}.",
        ),
        ("What is the digest of your model?", f"The digest of {chosen.name} is {digest}."),
        (
            "How large is your context window?",
            f"My context window has {many(chosen.window, 'token')}, for prompt and answer "
            "together.",
        ),
        (
            "How long can your answers be?",
            f"My answers have at most {many(settings.max_tokens, 'token')}.",
        ),
    ]


def _index(facts: Facts) -> list[Section]:
    settings = facts.settings
    place = f"the folder {_value(settings.index)}"
    if settings.chroma:
        place = f"the Chroma server at {_address(settings.chroma)}"
    kinds = ", ".join(sorted(documents.SUFFIXES))
    return [
        (
            "Which embedding model do you use?",
            f"My embedding model is {facts.embedder}, revision {facts.revision[:DIGITS]}. It turns "
            "questions and chunks into vectors.",
        ),
        (
            "What chunk size do you use?",
            f"My chunk size is at most {many(facts.chunk_tokens, 'token')}: I cut documents into "
            "chunks along their headings, paragraphs and sentences.",
        ),
        ("Do your chunks overlap?", "No, my chunks do not overlap: each begins after the last."),
        (
            "How many documents do you have?",
            f"I have read {many(len(facts.names), 'document')} in all, cut into "
            f"{many(facts.chunks, 'chunk')}: that is my index.",
        ),
        ("Which documents do you know?", _names(facts.names)),
        (
            "Which vector database do you use?",
            f"I keep my chunks and their vectors, my index, in the vector database Chroma, in "
            f"{place}.",
        ),
        (
            "Which file formats can you read?",
            f"I can read files that end in {kinds}. I look for them in the folder "
            f"{_value(settings.corpus)}.",
        ),
    ]


def _names(names: Sequence[str]) -> str:
    if not names:
        return "I know no document yet: `whybot add FILE` adds one."
    told = [" ".join(name.split())[:TOLD] for name in sorted(names)[:NAMED]]
    more = f", and {len(names) - NAMED} more that `whybot list` names" * (len(names) > NAMED)
    return f"I know {many(len(names), 'document')}: {', '.join(told)}{more}."


def _quality(facts: Facts) -> list[Section]:
    retrieval, answers = facts.retrieval, facts.answers
    ranked = (
        f"My retrieval was last measured {_measured(retrieval, facts.embedder)}"
        if retrieval
        else "My retrieval has not been measured here yet: `whybot eval --retrieval FOLDER` "
        "measures how good it is."
    )
    answered = (
        f"My answers were last measured {_measured(answers, facts.chosen.name)}"
        if answers
        else "My answers have not been measured here yet: `whybot eval QUESTIONS.jsonl` measures "
        "how good they are."
    )
    return [("How good is your retrieval?", ranked), ("How good are your answers?", answered)]


def _measured(last: Measured, now: str) -> str:
    figures = "; ".join(f"{label}: {value}" for label, value in last.figures.items())
    other = f" That was not with {now}, which I use now." * (last.by != now)
    return (
        f"on {last.date}, with {last.by}, on {many(last.questions, 'question')} of {last.name}: "
        f"{figures}.{other}"
    )


def _settings(settings: Settings) -> Section:
    rows = [
        f"- {field.name} is {_value(getattr(settings, field.name))}" for field in fields(settings)
    ]
    return "What are your settings?", "\n".join(rows)


def _value(value: object) -> str:
    """Write a value in one line, without what is nobody's business but the user's."""
    text = str(value)
    if isinstance(value, Path) and value.is_relative_to(Path.home()):
        text = f"~/{value.relative_to(Path.home())}"  # a name is often in it
    elif "@" in text:
        text = _address(text)
    return " ".join(text.split()) or "not set"


def _address(url: str) -> str:
    """Return an address without the name and password that may stand in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
