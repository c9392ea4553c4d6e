"""The sets of the whole evaluation: what each needs, its answers, and its figures.

Every set is answered with the default settings and the embedded model, from an index of its own in
the cache folder; of the environment only WHYBOT_CACHE and WHYBOT_THREADS count.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from figures import ROOT, Measured

from bot.cli import evaluate
from bot.cli.shell import FAILED, INTERRUPTED, say
from bot.evaluation import answer_path, answers, metrics, report, retrieval
from bot.evaluation.answers import WHYBOT
from bot.evaluation.datasets import Question, read_questions, read_ranking
from bot.evaluation.metrics import Estimate
from bot.llm.providers import EMBEDDED
from ingest import library, weights
from ingest.embedder import Embedder
from ingest.errors import IndexMismatch, SettingError
from ingest.settings import Settings

MODEL = "embedded"
KEPT = ("WHYBOT_CACHE", "WHYBOT_THREADS")  # of the environment: they change no answer
ALWAYS = (
    "unanswerable_refused", "answerable_refused", "answerability_f1", "invalid_citations", "added",
)  # fmt: skip


class Missing(Exception):
    """Files or answers of a set are not there: no failure, but nothing to measure."""


@dataclass(frozen=True)
class Set:
    """Where a set lies, and which figures say something of it."""

    place: Path  # the file of questions; or a folder in the BEIR layout: retrieval alone
    figures: tuple[str, ...] = ()
    documents: Path | None = None  # a file or a folder to index; None: questions bring passages
    scorer: Path | None = None  # the set's own script, with `lines` and `score`

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.place, self.documents, self.scorer) if path]


def known(folder: Path) -> dict[str, Set]:
    """Return the sets by name; folder: where those lie that are not ours."""
    own = folder / "own_docs_a"
    return {
        "seed": Set(
            ROOT / "tests" / "gold" / "seed.jsonl",
            ("right", *ALWAYS),  # its answers are key words: no text to compare with
            ROOT / "corpus" / "fine-tuning-vs-rag.md",
        ),
        "own_docs_a": Set(
            own / "questions.jsonl",
            ("right", "wrong_shown", *ALWAYS),
            own / "docs",
            folder / "score_own_docs.py",
        ),
        "squad2_dev60": Set(
            folder / "answers" / "squad2_dev60.jsonl", ("right", "rouge_l", *ALWAYS)
        ),
        # Its answers are whole paragraphs, which no answer repeats word by word.
        "clapnq_dev60": Set(folder / "answers" / "clapnq_dev60.jsonl", ("rouge_l", *ALWAYS)),
        "xquad_en": Set(folder / "beir" / "xquad_en"),
    }


def measure(name: str, chosen: Set, stored: Path | None, no_model: bool) -> Measured:
    """Measure one set. stored: the folder of answers; no_model: ask for none that is not there.

    Raises Missing, WhybotError, or KeyboardInterrupt when it was interrupted.
    """
    if absent := [str(path) for path in chosen.files if not path.exists()]:
        raise Missing(f"there is no {', '.join(absent)}")
    settings = _settings(name)
    with weights.progress_bar() as progress:
        embedder = Embedder.open(settings, progress)
    if chosen.place.is_dir():
        return _ranked(settings, chosen, embedder)
    if chosen.documents:
        _index(settings, chosen.documents, embedder)
    path, lines = _answered(name, settings, chosen, embedder, stored, no_model)
    model = EMBEDDED[MODEL]
    if others := {line["result"]["model"] for line in lines} - {model}:
        raise SettingError(f"{path} has answers of {', '.join(sorted(others))}, not of {model}.")
    values = {**_values(lines), **(_by_script(chosen, lines) if chosen.scorer else {})}
    return Measured(
        n=len(lines),
        figures={one: found for one in chosen.figures if (found := values[one])},
        model=model,
        digest=weights.MODELS[model].files[0].sha256,
        date=_day(path.stat().st_mtime),
        answer_path=answer_path.digest(),
    )


def _settings(name: str) -> Settings:
    settings = Settings.read({key: os.environ[key] for key in KEPT if key in os.environ})
    home = settings.cache / "eval" / name
    return replace(settings, corpus=home / "corpus", index=home / "index", model=MODEL)


def _index(settings: Settings, documents: Path, embedder: Embedder) -> None:
    """Index just these documents; what is indexed already is not embedded again."""
    shutil.rmtree(settings.corpus, ignore_errors=True)
    if documents.is_dir():
        shutil.copytree(documents, settings.corpus)
    else:
        settings.corpus.mkdir(parents=True)
        shutil.copy(documents, settings.corpus)
    try:
        report = library.ingest(settings, embedder)
    except IndexMismatch:  # it was made by an older reader or chunker
        report = library.ingest(settings, embedder, rebuild=True)
    say(str(report))


def _day(stamp: float) -> str:
    return datetime.fromtimestamp(stamp, timezone.utc).date().isoformat()


# --- answers


def _answered(
    name: str,
    settings: Settings,
    chosen: Set,
    embedder: Embedder,
    stored: Path | None,
    no_model: bool,
) -> tuple[Path, list[dict[str, Any]]]:
    """Return the file of the answers and its lines, all of them, in the order of the questions."""
    questions = read_questions(chosen.place)
    key = answers.run_key(settings, questions, embedder)
    path = stored / f"{name}.jsonl" if stored else settings.cache / "eval" / f"{name}-{key}.jsonl"
    lines = _lines(path, key, questions)
    if lines is None and not no_model:
        options = evaluate.Options(out=path)
        with contextlib.redirect_stdout(io.StringIO()):  # its tables: ours is README's
            code = evaluate.evaluate(settings, chosen.place, options)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        if code == FAILED:
            raise SettingError("Not every question was answered; the same command tries again.")
        lines = _lines(path, key, questions)
    if lines is None:
        raise Missing(f"{path} does not have all {len(questions)} answers")
    return path, lines


def _lines(path: Path, key: str, questions: Sequence[Question]) -> list[dict[str, Any]] | None:
    """Return the stored line of every question; None if one is missing.

    Raises SettingError for answers of another run.
    """
    head = path.read_bytes()[: len(answers.BEGINNING)] if path.exists() else b""
    if head and head != answers.BEGINNING and path.stem == "own_docs_a":
        found = _asked(path, questions)
    else:
        found = answers.read_lines(path, key)
    ids = [(WHYBOT, question.id) for question in questions]
    return [found[id] for id in ids] if all(id in found for id in ids) else None


def _asked(path: Path, questions: Sequence[Question]) -> answers.Lines:
    """Read the output of `whybot ask --jsonl` as stored lines."""
    known = {question.id: question for question in questions}
    lines: answers.Lines = {}
    for text in path.read_text("utf-8").split("\n"):
        with contextlib.suppress(json.JSONDecodeError):  # the line being written, or a blank one
            row = json.loads(text)
            question = known.get(row["id"])
            if question is None or question.question != row["question"]:
                raise SettingError(f"{path} answers another question under {row['id']}.")
            if "error" not in row:
                gold = {k: v for k, v in asdict(question).items() if k != "contexts"}
                lines[WHYBOT, question.id] = {"system": WHYBOT, **gold, "result": row}
    return lines


# --- figures


def _values(lines: Sequence[Mapping[str, Any]]) -> dict[str, Estimate | None]:
    """Return all figures of stored lines, by the names of the report."""
    found = report.answers(lines)[WHYBOT]["all"]
    valid = found["citation_validity"]
    return {
        "right": found["accuracy"],
        "rouge_l": found["rouge_l"],
        "unanswerable_refused": found["refusal"],
        "answerable_refused": found["over_refusal"],
        "answerability_f1": found["answerability_f1"],
        "invalid_citations": valid
        and Estimate(1 - valid.value, 1 - valid.high, 1 - valid.low, valid.n),
        "added": report.added(lines),
    }


def _by_script(chosen: Set, lines: Sequence[Mapping[str, Any]]) -> dict[str, Estimate | None]:
    """Return the figures that the set's own script counts."""
    script = runpy.run_path(str(chosen.scorer))
    results = {line["id"]: line["result"] for line in lines}
    tally, _, _ = script["score"](script["lines"](chosen.place), results)
    return {
        "right": _share(tally["right"], tally["answerable"]),
        "answerable_refused": _share(tally["refused"], tally["answerable"]),
        "unanswerable_refused": _share(tally["unanswerable refused"], tally["unanswerable"]),
        "wrong_shown": _share(tally["wrong shown"], len(lines)),
    }


def _share(hits: int, n: int) -> Estimate | None:
    return metrics.share([True] * hits + [False] * (n - hits))


def _ranked(settings: Settings, chosen: Set, embedder: Embedder) -> Measured:
    ranking = read_ranking(chosen.place)
    place = retrieval.place(settings, chosen.place, ranking, embedder)
    settings = replace(settings, index=place)
    retrieval.fill(settings, ranking, embedder, fresh=False)
    found: list[dict[str, Any]] = []
    retrieval.rank(settings, ranking, embedder, None, found)
    ndcg = retrieval.estimates(found, "fused")["ndcg@10"]
    assert ndcg
    return Measured(
        n=len(found),
        figures={"ndcg": ndcg},
        model=embedder.name,
        digest=embedder.revision,
        date=_day(datetime.now(timezone.utc).timestamp()),
        answer_path=answer_path.digest(),
    )
