"""The document about this very bot: what it is made of, in the words that people ask with.

Every figure is given, or read where it is in force; none is written down here. Its sentences must
not sound like a refusal: an answer that repeats one would be taken for the model's saying that the
documents lack the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from bot.about.last_evaluation import Measured
from bot.llm import providers
from bot.llm.providers import EMBEDDED, Chosen
from bot.path import retrieval, rewrite
from bot.verify import answerability, grounding
from ingest import documents
from ingest.counts import many
from ingest.pins import MODELS
from ingest.settings import Settings

Section = tuple[str, str]  # a question as people put it to the bot, and its answer

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
        *_search(facts.settings),
        *_refusal(facts.chosen),
        *_check(facts.settings, facts.chosen),
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
    if providers.remote(chosen.setting):
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
    kinds = documents.KINDS
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


# --- how it works: what the code itself decides


def _search(settings: Settings) -> list[Section]:
    top_k, share = settings.top_k, retrieval.DENSE_WEIGHT
    return [
        (
            "How many passages do you read?",
            f"I read at most {many(top_k, 'passage')} for an answer: my top-k is {top_k}.",
        ),
        (
            "How do you search?",
            "My retrieval is hybrid: I search by meaning, with the cosine similarity of "
            "embeddings, and by words, with BM25.",
        ),
        (
            "Do you use a reranker?",
            "No, I do without a reranker: my passages stay in the order of their score.",
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
        (
            "Do you remember my earlier questions?",
            f"Yes, I look at the last {many(rewrite.TURNS, 'turn')} of our conversation to "
            "understand a follow-up question. I do not learn from what you ask or add.",
        ),
    ]


def _refusal(chosen: Chosen) -> list[Section]:
    score = f"the best passage has a score below {answerability.THRESHOLD:g}"
    support = "I can support no sentence of my draft"
    if chosen.one_token is None:
        decided = (
            f"I decide that I don't know, and refuse to answer, in two cases: {score}, or "
            f"{support}. My chat model gives no probabilities, so I cannot ask it whether I know."
        )
    else:
        decided = (
            f"I decide that I don't know, and refuse to answer, in three cases: {score}, the "
            f"probability that I can answer is below {answerability.DOUBT:.0%}, or {support}. My "
            "chat model's Yes, the best cosine, and names missing from the passages make that "
            f"probability. If it is below {answerability.SURE:.0%}, my draft has to convince: my "
            "chat model has to say with a probability of "
            f"{answerability.DRAFT_THRESHOLD:.0%} that it answers the question. If it is below "
            f"{answerability.LIKELY:.0%}, a sentence that my "
            f"draft rests on has to do so alone, with {answerability.RESTS_THRESHOLD:.0%}."
        )
    return [
        ("How do you decide that you don't know?", decided),
        (
            "When do you refuse to answer?",
            "I refuse to answer in four cases: the question is off the topics of the documents, "
            "its answer is probably missing there, it asks for a number or a date and my draft "
            "has none, or I can support no sentence of my draft.",
        ),
    ]


def _check(settings: Settings, chosen: Chosen) -> list[Section]:
    fate = "withheld" if settings.grounding == "strict" else "shown and marked as such"
    asked = (
        f"I look whether {grounding.SHARED:.0%} of its words stand in one sentence of a passage"
        if chosen.one_token is None
        else "I ask my chat model whether the passages state it, and a probability of "
        f"{grounding.SUPPORT_THRESHOLD:.0%} is needed "
        f"({grounding.FRAGMENT_THRESHOLD:.0%} for a fragment)"
    )
    again = [
        (
            "Which sentences of your draft do you check twice?",
            "I check a sentence of my draft twice where my chat model gives it a probability below "
            f"{grounding.SURE:.0%}: the nearest sentence of the passages, after the two before it, "
            f"has to state it with {grounding.CONTEXT_THRESHOLD:.0%}. The answer to a question for "
            f"Yes or No needs {grounding.ALONE_THRESHOLD:.0%} from the nearest sentence alone. "
            "Comparisons are spared both. My Yes or No has to be that of the sentence nearest to "
            "the question.",
        )
    ]
    return [
        (
            "How do you check your answers? Do you hallucinate?",
            "My chat model may hallucinate, so I check every sentence of its draft against the "
            "passages. A number or a name that the nearest passage lacks makes a sentence "
            "unsupported (in a comparison: that all lack), and so does a cosine to all of their "
            f"sentences that is below {grounding.LIKE:g}. For any other, {asked}.",
        ),
        *(again if chosen.one_token else ()),
        (
            "What do you do with sentences that you cannot support?",
            f"My grounding is {settings.grounding}: unsupported sentences are {fate}. "
            "Where my whole draft fails, I quote a sentence of the passages that answers the "
            f"question alone, with a probability of {answerability.QUOTE_THRESHOLD:.0%} or more.",
        ),
        (
            "How do you cite your sources?",
            "I cite the passage that comes nearest to a sentence. My citations are found in code "
            "instead of by my chat model, so that each names a passage that I read.",
        ),
    ]
