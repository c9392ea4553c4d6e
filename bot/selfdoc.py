"""The document about this very bot: what it is made of, and the figures that it goes by.

Knows the facts and how to say them in the words that people ask with; every figure is read where
it is in force, none is written down here. Knows nothing of when the document is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from urllib.parse import urlsplit

from bot import answerability, grounding, models, resolve, retrieval
from bot.models import EMBEDDED, Chosen
from bot.record import Measured
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
        *_search(facts),
        *_refusal(facts),
        *_check(facts),
        *_quality(facts),
        _settings(facts.settings),
    ]
    parts = [f"# {TITLE}", *(f"## {heading}\n\n{text}" for heading, text in sections)]
    return "\n\n".join(parts) + "\n"


Section = tuple[str, str]  # a question as people put it to the bot, and its answer


def _self(facts: Facts) -> list[Section]:
    return [
        (
            "Who are you?",
            f"I am Whybot {version('whybot')}, a chatbot that answers questions from your "
            "documents and shows how each answer came about.",
        ),
        ("Do you run on my machine?", _place(facts)),
        (
            "Do you remember my earlier questions?",
            f"I look at the last {_many(resolve.TURNS, 'turn')} of our conversation to understand "
            "a follow-up question. I do not learn from what you ask or add.",
        ),
    ]


def _place(facts: Facts) -> str:
    settings, chosen = facts.settings, facts.chosen
    index = "My embedding model and my index are on your machine."
    if settings.chroma:
        index = (
            "My embedding model runs on your machine, and my index lies in the Chroma server at "
            f"{_address(settings.chroma)}."
        )
    if models.remote(chosen.setting):
        return (
            f"My chat model {chosen.name} runs at a provider: your questions and the passages "
            f"that I read are sent there. {index}"
        )
    if chosen.setting.startswith("ollama:"):
        return (
            "An Ollama server runs my chat model, on your machine unless OLLAMA_HOST names "
            f"another one. {index}"
        )
    threads = settings.threads or "one for each physical core"
    return (
        "Yes, I run on your own machine and offline: no question and no document is sent "
        f"anywhere. {index} My chat model runs on the processor; its threads: {threads}."
    )


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
            f"My context window has {_many(chosen.window, 'token')}, for prompt and answer "
            "together.",
        ),
        (
            "How long can your answers be?",
            f"My answers have at most {_many(settings.max_tokens, 'token')}.",
        ),
    ]


def _index(facts: Facts) -> list[Section]:
    settings = facts.settings
    place = f"the folder {settings.index}"
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
            f"My chunk size is at most {_many(facts.chunk_tokens, 'token')}: I cut documents into "
            "chunks along their headings, paragraphs and sentences. My chunks do not overlap.",
        ),
        (
            "How many documents do you have?",
            f"My index holds {_many(len(facts.names), 'document')}, cut into "
            f"{_many(facts.chunks, 'chunk')}.",
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
            f"{settings.corpus}.",
        ),
    ]


def _names(names: Sequence[str]) -> str:
    if not names:
        return "I know no document yet: `whybot add FILE` adds one."
    told = [" ".join(name.split())[:TOLD] for name in sorted(names)[:NAMED]]
    more = f", and {len(names) - NAMED} more that `whybot list` names" * (len(names) > NAMED)
    return f"I know {_many(len(names), 'document')}: {', '.join(told)}{more}."


def _search(facts: Facts) -> list[Section]:
    top_k, share = facts.settings.top_k, retrieval.DENSE_WEIGHT
    return [
        (
            "How many passages do you read?",
            f"I read at most {_many(top_k, 'passage')} for an answer: my top-k is {top_k}.",
        ),
        (
            "How do you search?",
            "My retrieval is hybrid: I search by meaning, with the cosine similarity of "
            "embeddings, and by words, with BM25. I use no reranker.",
        ),
        (
            "How do you score a passage?",
            f"The score of a passage is {share:g} times its cosine plus {1 - share:g} times its "
            "BM25 over its upper bound.",
        ),
        (
            "How do you answer a question?",
            "I put a follow-up into words that stand alone, search for passages, and ask my chat "
            "model whether they can answer the question. Then my chat model writes a draft, I "
            "check every sentence of it against the passages, and I show what they state, with "
            "citations.",
        ),
    ]


def _refusal(facts: Facts) -> list[Section]:
    if facts.chosen.one_token is None:
        asked = "My chat model gives no probabilities, so that I cannot ask it whether I know."
    else:
        asked = (
            "Else my chat model's Yes, the best cosine, and names that stand in no passage make "
            f"the probability that I know: below {answerability.DOUBT:.0%} I refuse, and from "
            f"{answerability.SURE:.0%} on I believe my draft. In between my draft has to "
            "convince: I refuse unless my chat model says with a probability of "
            f"{answerability.DRAFT_BAR:.0%} that it answers the question, and of "
            f"{answerability.RESTS_BAR:.0%} that a sentence it rests on does so alone."
        )
    return [
        (
            "How do you decide that you don't know?",
            "I say that I don't know when no passage of your documents has a score of "
            f"{answerability.BAR:g} or more: then I refuse without asking my chat model. {asked}",
        ),
        (
            "When do you refuse to answer?",
            "I refuse to answer when your documents do not say: when no passage comes near the "
            "question, when the passages probably do not hold the answer, when the question asks "
            "for a number or a date and my draft has none, and when the passages support no "
            "sentence of my draft.",
        ),
    ]


def _check(facts: Facts) -> list[Section]:
    fate = "withheld" if facts.settings.grounding == "strict" else "shown and marked as such"
    asked = (
        f"I look whether {grounding.SHARED:.0%} of its words stand in one sentence of a passage"
        if facts.chosen.one_token is None
        else "I ask my chat model whether the passages state it, and a probability of "
        f"{grounding.SUPPORT_BAR:.0%} is needed ({grounding.FRAGMENT_BAR:.0%} for a fragment)"
    )
    return [
        (
            "How do you check your answers? Do you hallucinate?",
            "My chat model may hallucinate, so I check every sentence of its draft against the "
            "passages. A sentence with a number or a name that stands in no passage is "
            "unsupported, and so is one whose cosine to every sentence of the passages is below "
            f"{grounding.LIKE:g}. For any other, {asked}.",
        ),
        (
            "What do you do with sentences that you cannot support?",
            f"My grounding is {facts.settings.grounding}: unsupported sentences are {fate}. "
            "Where my whole draft fails, I quote a sentence of the passages that answers the "
            f"question alone, with a probability of {answerability.QUOTE_BAR:.0%} or more.",
        ),
        (
            "How do you cite your sources?",
            "I cite the passage that comes nearest to a sentence. My citations are found in code, "
            "not by my chat model, so that each names a passage that I read.",
        ),
    ]


def _quality(facts: Facts) -> list[Section]:
    ranked = _last(
        "My retrieval has", facts.retrieval, facts.embedder, "whybot eval --retrieval FOLDER"
    )
    answered = _last(
        "My answers have", facts.answers, facts.chosen.name, "whybot eval QUESTIONS.jsonl"
    )
    return [("How good is your retrieval?", ranked), ("How good are your answers?", answered)]


def _last(what: str, measured: Measured | None, now: str, command: str) -> str:
    if measured is None:
        return f"{what} not been measured here yet: `{command}` measures how good they are."
    figures = "; ".join(f"{label}: {value}" for label, value in measured.figures.items())
    other = f" That was not with {now}, which I use now." * (measured.by != now)
    return (
        f"{what} last been measured on {measured.date}, with {measured.by}, on "
        f"{_many(measured.questions, 'question')} of {measured.name}: {figures}.{other}"
    )


def _settings(settings: Settings) -> Section:
    rows = [
        f"- {field.name} is {_value(getattr(settings, field.name))}" for field in fields(settings)
    ]
    return "What are your settings?", "\n".join(rows)


def _value(value: object) -> str:
    text = _address(value) if isinstance(value, str) and "@" in value else str(value)
    return " ".join(text.split()) or "not set"


def _address(url: str) -> str:
    """Return an address without the name and password that may stand in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
