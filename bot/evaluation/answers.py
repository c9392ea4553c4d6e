"""A question set through the product: every question goes down the answer path of `bot.answer`.

Each answer is stored with its whole trace, one JSON line as soon as it is there, so that a run can
be stopped and goes on, and can be scored again without a model.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.about.search import About
from bot.answer import answer
from bot.evaluation import answer_path, baseline
from bot.evaluation.datasets import Question, over
from bot.llm import providers
from bot.path.retrieval import Retriever
from bot.session import Bot
from bot.trace import Answer, Turn
from ingest import weights
from ingest.embedder import Embedder
from ingest.errors import SettingError, WhybotError
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

WHYBOT, BASELINE = "whybot", "baseline"
BEGINNING = b'{"run"'  # of every stored line
Lines = dict[tuple[str, str], dict[str, Any]]  # stored lines by system and question id


# --- answering


def run(
    settings: Settings,
    embedder: Embedder,
    work: Sequence[tuple[str, Question]],
    failed: list[str],
    held: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[dict[str, Any]]:
    """Answer each question by its system and yield the line to store; failures are noted.

    held: how many answers there are already, for the bar. say: tells what is being opened.
    """
    from tqdm import tqdm

    with contextlib.ExitStack() as stack:
        embedder.load()  # its seconds are no question's
        whole = None
        if not all(question.contexts for _, question in work):
            index = stack.enter_context(Index.read(settings, fingerprint(embedder)))
            whole = Retriever(index, embedder)
        with weights.progress_bar() as progress:
            chosen = stack.enter_context(providers.open_model(settings, progress, say))
        bar = tqdm(
            desc="answering", total=held + len(work), initial=held, unit="question",
            file=sys.stderr, leave=False,
        )  # fmt: skip
        stack.enter_context(bar)
        itself = About()
        for system, question in work:
            retriever = over(question.contexts, embedder) if question.contexts else whole
            assert retriever is not None
            # Passages that a question brings are all that there is.
            bot = Bot(settings, retriever, chosen, None if question.contexts else itself)
            try:
                result = ask(bot, question) if system == WHYBOT else baseline.answer(
                    bot, question.question, question.id
                )  # fmt: skip
            except WhybotError as error:
                failed.append(f"{system}, {question.id}: {error}")
            else:
                gold = {k: v for k, v in asdict(question).items() if k != "contexts"}
                yield {"system": system, **gold, "result": result.to_json()}
            bar.update()


def ask(bot: Bot, question: Question) -> Answer:
    """Answer as the product does."""
    history = [Turn(earlier) for earlier in question.history]
    with contextlib.closing(answer(bot, question.question, history, question.id)) as events:
        *_, last = events
    assert isinstance(last, Answer)
    return last


# --- stored answers


def run_key(settings: Settings, questions: Sequence[Question], embedder: Embedder) -> str:
    """Name a run by all that its answers depend on: questions, settings, models, index, code."""
    chunks: list[str] = []
    if not all(question.contexts for question in questions):
        with Index.read(settings, fingerprint(embedder)) as index:
            chunks = [chunk.id for chunk in index.chunks()]
    names = ("top_k", "window", "max_tokens", "grounding")
    parts = {
        "questions": [asdict(question) for question in questions],
        "settings": {name: getattr(settings, name) for name in names},
        "model": providers.decide(settings.model)[0],
        "embedder": fingerprint(embedder),
        "index": chunks,
        "code": answer_path.digest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def read_lines(path: Path, key: str | None = None) -> Lines:
    """Read stored answers, of one run if its key is given; a killed run's half line is cut off.

    Raises SettingError for the lines of another run, and for what is no file of answers.
    """
    if not path.exists():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    half = data[len(whole) :]
    lines: Lines = {}
    try:
        rows = [json.loads(row) for row in whole.decode().split("\n")[:-1]]
        lines = {(row["system"], row["id"]): row for row in rows}
        runs = {row["run"] for row in rows}
        if not half.startswith(BEGINNING[: len(half)]):
            raise ValueError(half)
    except (ValueError, KeyError, TypeError) as error:
        raise SettingError(f"{path} is no file of stored answers.") from error
    if key and runs - {key}:
        raise SettingError(
            f"{path} holds answers to other questions, or of other settings, models or code.",
            f"whybot eval --fresh --out {path} QUESTIONS.jsonl",
        )
    if key and half:
        path.write_bytes(whole)
    return lines


def append(path: Path, line: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
