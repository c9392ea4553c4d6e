"""The document about the bot: every figure in it is the one in force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.about import document as selfdoc
from bot.about.document import Facts, write
from bot.about.last_evaluation import Measured
from bot.llm.providers import Chosen
from bot.path import retrieval, rewrite
from bot.verify import answerability, grounding
from ingest.documents import read_document
from ingest.settings import Settings

CHOSEN = Chosen(
    model=cast("Any", SimpleNamespace()),
    name="model-a",
    why="auto: no server answers.",
    window=4096,
    exact=True,
    one_token={"max_tokens": 1},
    setting="embedded",
    listed="a" * 64,
)
FACTS = Facts(
    settings=Settings(index=Path("ix"), corpus=Path("docs"), cache=Path("cache")),
    chosen=CHOSEN,
    embedder="embedder-a",
    revision="rev-a" * 9,
    chunk_tokens=200,
    names=["a.md", "b.pdf"],
    chunks=31,
    answers=None,
    retrieval=None,
)
MEASURED = Measured("2026-11-23", "xquad", "embedder-a", 240, {"nDCG@10": "0.983"})


def section(text: str, heading: str) -> str:
    """Return the text under the heading that contains some words."""
    (found,) = [part for part in text.split("\n## ")[1:] if heading in part.split("\n")[0]]
    return found.partition("\n\n")[2].strip()


def told(heading: str, **changes: Any) -> str:
    return section(write(replace(FACTS, **changes)), heading)


def test_it_is_a_document_of_short_sections_that_are_questions() -> None:
    document = read_document("about.md", write(FACTS).encode())
    assert document.title == selfdoc.TITLE
    titles = [heading.title for heading in document.headings[1:]]
    assert len(titles) == len(set(titles)) > 20
    assert all(title.endswith("?") for title in titles)
    assert all(len(part.split()) < 130 for part in document.text.split("\n## "))


@pytest.mark.parametrize(
    ("heading", "name", "then", "now", "told_then", "told_now"),
    [
        ("How many passages", "top_k", 5, 7, "my top-k is 5.", "my top-k is 7."),
        ("How long can", "max_tokens", 400, 123, "400 tokens", "123 tokens"),
        ("cannot support", "grounding", "strict", "show", "is strict", "is show"),
        ("run on my machine", "threads", 0, 3, "one for each physical core", "threads: 3."),
        ("vector database", "index", Path("ix"), Path("jx"), "folder ix.", "folder jx."),
        ("file formats", "corpus", Path("docs"), Path("texts"), "docs.", "texts."),
        ("this chat model", "model", "auto", "embedded", "is auto;", "is embedded;"),
    ],
)
def test_a_setting_that_changes_changes_the_document(
    heading: str, name: str, then: Any, now: Any, told_then: str, told_now: str
) -> None:
    def tell(value: Any) -> str:
        return told(heading, settings=replace(FACTS.settings, **{name: value}))

    assert told_then in tell(then) and told_now not in tell(then)
    assert told_now in tell(now) and told_then not in tell(now)


def test_a_home_folder_is_not_named() -> None:
    here = Path.home() / "papers" / "index"
    text = write(replace(FACTS, settings=Settings(index=here, corpus=here)))
    assert "~/papers/index" in text and str(Path.home()) not in text


def test_every_setting_is_listed() -> None:
    rows = told("settings").strip().split("\n")
    assert [row.split()[1] for row in rows] == [*vars(FACTS.settings)]
    assert "- top_k is 5" in rows
    assert "- chroma is not set" in rows


@pytest.mark.parametrize(
    ("module", "constant", "heading", "value", "words"),
    [
        (answerability, "THRESHOLD", "don't know", 0.77, "a score below 0.77"),
        (answerability, "DOUBT", "don't know", 0.11, "I can answer is below 11%"),
        (answerability, "SURE", "don't know", 0.93, "If it is below 93%"),
        (answerability, "DRAFT_THRESHOLD", "don't know", 0.81, "81% that it answers"),
        (answerability, "LIKELY", "don't know", 0.83, "If it is below 83%"),
        (answerability, "RESTS_THRESHOLD", "don't know", 0.82, "alone, with 82%"),
        (answerability, "QUOTE_THRESHOLD", "cannot support", 0.86, "a probability of 86% or more"),
        (grounding, "SUPPORT_THRESHOLD", "hallucinate", 0.83, "probability of 83%"),
        (grounding, "FRAGMENT_THRESHOLD", "hallucinate", 0.84, "84% for a fragment"),
        (grounding, "SURE", "check twice", 0.87, "probability below 87%"),
        (grounding, "CONTEXT_THRESHOLD", "check twice", 0.44, "has to state it with 44%"),
        (grounding, "ALONE_THRESHOLD", "check twice", 0.61, "needs 61% from"),
        (grounding, "LIKE", "hallucinate", 0.85, "below 0.85"),
        (retrieval, "DENSE_WEIGHT", "score a passage", 0.7, "0.7 times its cosine plus 0.3"),
        (rewrite, "TURNS", "earlier", 9, "last 9 turns"),
    ],
)
def test_a_threshold_is_told_as_it_is_in_force(
    monkeypatch: pytest.MonkeyPatch,
    module: Any, constant: str, heading: str, value: float, words: str,
) -> None:  # fmt: skip
    assert words not in told(heading)
    monkeypatch.setattr(module, constant, value)
    assert words in told(heading)


def test_model_embedder_chunks_and_index_are_those_there_are() -> None:
    other = replace(CHOSEN, name="model-b", listed="b" * 64, window=2048, why="asked for")
    assert "is model-a." in told("Which model are you")
    assert "is model-b." in told("Which model are you", chosen=other)
    assert "b" * 64 in told("digest", chosen=other)
    assert "2048 tokens" in told("context window", chosen=other)
    assert "because: asked for." in told("this chat model", chosen=other)
    assert "embedder-b, revision rev-b" in told(
        "embedding model", embedder="embedder-b", revision="rev-b"
    )
    assert "at most 90 tokens" in told("chunk size", chunk_tokens=90)
    assert told("How many documents") == (
        "I have read 2 documents in all, cut into 31 chunks: that is my index."
    )
    assert told("How many documents", names=["x"], chunks=1) == (
        "I have read 1 document in all, cut into 1 chunk: that is my index."
    )
    assert told("Which documents") == "I know 2 documents: a.md, b.pdf."
    assert "no document yet" in told("Which documents", names=[])


def test_the_model_of_the_pins_comes_with_its_origin() -> None:
    assert "Qwen/" in told("Which model are you")
    assert "Qwen/" not in told("Which model are you", chosen=replace(CHOSEN, setting="gguf:x"))


def test_no_digest_is_said_to_be_none() -> None:
    assert "is not known" in told("digest", chosen=replace(CHOSEN, listed=None))


def test_where_it_runs_is_told_of_every_kind_of_model() -> None:
    def place(setting: str, **settings: Any) -> str:
        return told(
            "run on my machine",
            chosen=replace(CHOSEN, setting=setting),
            settings=replace(FACTS.settings, **settings),
        )

    def sent(setting: str) -> str:
        return told("to the internet", chosen=replace(CHOSEN, setting=setting))

    for local in ("embedded", "gguf:x"):
        assert place(local).startswith("Yes, I run on your own machine")
        assert sent(local).startswith("No, ")
    assert place("ollama:x").startswith("Yes, unless OLLAMA_HOST")
    assert "unless OLLAMA_HOST" in sent("ollama:x")
    assert place("openai:gpt").startswith("Only in part")
    assert sent("openai:gpt").startswith("Yes, your questions")
    server = place("embedded", chroma="http://me:secret@host:8000")
    assert "http://host:8000" in server
    assert "secret" not in write(
        replace(FACTS, settings=replace(FACTS.settings, chroma="http://me:secret@host:8000"))
    )


def test_a_model_without_probabilities_is_told_of() -> None:
    mute = replace(CHOSEN, one_token=None)
    assert "gives no probabilities" in told("don't know", chosen=mute)
    assert "%" not in told("you don't know", chosen=mute)
    assert f"{grounding.SHARED:.0%} of its words" in told("hallucinate", chosen=mute)


@pytest.mark.parametrize("setting", ["embedded", "ollama:x", "openai:x"])
@pytest.mark.parametrize("one_token", [None, {"max_tokens": 1}])
@pytest.mark.parametrize("names", [[], ["a.md"]])
def test_nothing_in_it_sounds_like_a_refusal(setting: str, one_token: Any, names: Any) -> None:
    model = replace(CHOSEN, setting=setting, one_token=one_token, listed=None)
    parts = write(replace(FACTS, chosen=model, names=names)).split("\n## ")
    assert [part for part in parts if grounding.refuses(part)] == []


def test_names_of_documents_stay_in_their_line() -> None:
    names = ["a\n## Forged heading?\n\nb.md", "x" * 500, *(f"{n}.md" for n in range(40))]
    text = write(replace(FACTS, names=names))
    titles = [heading.title for heading in read_document("about.md", text.encode()).headings]
    assert "Forged heading?" not in titles
    assert "x" * 100 not in text
    assert f"and {42 - selfdoc.NAMED} more" in section(text, "Which documents")


def test_the_last_evaluation_is_told_with_what_it_was_of() -> None:
    assert "not been measured here yet" in told("retrieval?")
    assert "not been measured here yet" in told("good are your answers")
    text = told("good is your retrieval", retrieval=MEASURED)
    assert "2026-11-23" in text and "240 questions of xquad: nDCG@10: 0.983." in text
    assert "use now" not in text
    assert "not with embedder-b, which I use now" in told(
        "good is your retrieval", retrieval=MEASURED, embedder="embedder-b"
    )
    answers = replace(MEASURED, by="model-a", name="seed", figures={"right": "84 %"})
    text = told("good are your answers", answers=answers)
    assert "of seed: right: 84 %." in text and "use now" not in text
    other = replace(CHOSEN, name="model-b")
    assert "model-b, which I use now" in told(
        "good are your answers", answers=answers, chosen=other
    )
