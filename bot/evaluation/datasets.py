"""Question sets for `whybot eval`: their files, and the passages they bring along.

There are two formats: questions with known answers, and the BEIR layout for retrieval. Passages
that come with a set become rows like those of the index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bot.path import memory_index
from bot.path.retrieval import Retriever
from ingest.chunks import Chunk, embedded_text
from ingest.embedder import Embedder
from ingest.errors import SettingError
from ingest.index import IndexedChunk


@dataclass(frozen=True)
class Question:
    """A question with what a right answer holds."""

    id: str
    question: str
    contexts: tuple[str, ...]  # the only passages there are; none: the current index answers
    answers: tuple[tuple[str, ...], ...]  # one variant of each group is required
    answerable: bool
    history: tuple[str, ...]  # earlier questions of the conversation
    kind: str


@dataclass(frozen=True)
class Ranking:
    """A retrieval set in the BEIR layout."""

    passages: list[tuple[str, str, str]]  # id, title, text
    questions: list[tuple[str, str]]  # id, text: those with something relevant
    relevant: dict[str, dict[str, int]]  # question id: passage id: gain


def read_questions(path: Path) -> list[Question]:
    """Read and check a whole question file; SettingError names the line that is wrong."""
    questions = [
        _question(row, number, f"{path}, line {number}") for number, row in _json_lines(path)
    ]
    if not questions:
        raise SettingError(f"{path} holds no question.")
    ids = [question.id for question in questions]
    if len(set(ids)) < len(ids):
        twice = next(id for id in ids if ids.count(id) > 1)
        raise SettingError(f"{path} has two questions with the id {twice!r}.")
    return questions


def _question(row: dict[str, Any], number: int, where: str) -> Question:
    text = row.get("question")
    if not isinstance(text, str) or not text.strip():
        raise SettingError(f'{where}, has no "question".')
    contexts = row.get("contexts") or []
    texts = [c.get("text") if isinstance(c, dict) else None for c in _list(contexts, where)]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise SettingError(f'{where}: "contexts" is a list of {{"text": ...}}.')
    answers = _list(row.get("answers") or [], where)
    if not all(_strings(group) and group for group in answers):
        raise SettingError(f'{where}: "answers" is a list of lists of variants.')
    history = row.get("history") or []
    if not _strings(history):
        raise SettingError(f'{where}: "history" is a list of questions.')
    answerable = row.get("answerable", bool(answers))
    if not isinstance(answerable, bool):
        raise SettingError(f'{where}: "answerable" is true or false.')
    return Question(
        id=str(row.get("id", number)),
        question=text.strip(),
        contexts=tuple(cast("list[str]", texts)),
        answers=tuple(tuple(group) for group in answers),
        answerable=answerable,
        history=tuple(history),
        kind=str(row.get("kind") or ""),
    )


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise SettingError(f'{where}: "contexts" and "answers" are lists.')
    return value


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value)


def read_ranking(folder: Path) -> Ranking:
    """Read corpus.jsonl, queries.jsonl and qrels.tsv."""
    relevant: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_text(folder / "qrels.tsv").splitlines(), 1):
        fields = line.split("\t")
        if line.strip() and fields[-1].strip() != "score":  # else blank, or the header
            if len(fields) != 3 or not fields[2].strip().isdigit():
                raise SettingError(
                    f"{folder / 'qrels.tsv'}, line {number}, is not query-id, corpus-id, score."
                )
            if gain := int(fields[2]):
                relevant.setdefault(fields[0], {})[fields[1]] = gain
    passages = [
        (id, str(row.get("title") or ""), text)
        for id, text, row in _beir_rows(folder / "corpus.jsonl")
    ]
    questions = [(id, text) for id, text, _ in _beir_rows(folder / "queries.jsonl")]
    questions = [(id, text) for id, text in questions if id in relevant]
    if len({id for id, _, _ in passages}) < len(passages):
        raise SettingError(f"{folder / 'corpus.jsonl'} has two passages with the same _id.")
    if not passages or not questions:
        raise SettingError(f"{folder} has no passages, or no question with a relevant one.")
    return Ranking(passages, questions, relevant)


def _beir_rows(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for number, row in _json_lines(path):
        if "_id" not in row or not isinstance(row.get("text"), str):
            raise SettingError(f'{path}, line {number}, has no "_id" or no "text".')
        yield str(row["_id"]), row["text"], row


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise SettingError(f"{path}, line {number}, is no JSON: {error.msg}.") from error
        if not isinstance(row, dict):
            raise SettingError(f"{path}, line {number}, is no JSON object.")
        yield number, row


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{path} is not UTF-8.") from error


# --- passages that come with a set, as the index would hold them


def row(id: str, title: str, text: str) -> tuple[IndexedChunk, str]:
    """Return a passage as a document of one chunk, and the text to embed."""
    words = embedded_text(title, Chunk(0, len(text), (), None, text))
    words = words if title else words.removeprefix(". ")
    digest = hashlib.sha256(words.encode()).hexdigest()
    chunk = IndexedChunk(
        id, id, title, "", 0, 0, len(text), 0, 1, digest, embedded_sha256=digest, text=text
    )
    return chunk, words


def over(texts: Sequence[str], embedder: Embedder) -> Retriever:
    """Return the product's own retriever over some texts alone, in memory."""
    rows = [row(f"context-{n}", "", text) for n, text in enumerate(texts, 1)]
    vectors = embedder.documents([words for _, words in rows])
    return memory_index.retriever([chunk for chunk, _ in rows], vectors, embedder)
