"""`whybot eval`: run a set of questions or of rankings, print what came of it, remember it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.about import last_evaluation
from bot.cli.shell import ANSWERED, FAILED, INTERRUPTED, say
from bot.evaluation import answers, metrics, report, retrieval
from bot.evaluation.answers import BASELINE, WHYBOT
from bot.evaluation.datasets import read_questions, read_ranking
from ingest import weights
from ingest.embedder import Embedder
from ingest.errors import SettingError
from ingest.settings import Settings


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    out: Path | None = None  # the file of answers; None: one in the cache folder
    baseline: bool = False
    fresh: bool = False
    limit: int | None = None
    as_json: bool = False


def evaluate(settings: Settings, path: Path, options: Options) -> int:
    """Answer what is not answered yet of a question file, and print the metrics."""
    questions = read_questions(path)
    with weights.progress_bar() as progress:
        embedder = Embedder.open(settings, progress)
    key = answers.run_key(settings, questions, embedder)
    out = options.out or settings.cache / "eval" / f"{path.stem}-{key}.jsonl"
    if options.fresh and answers.read_lines(out):  # it is a file of answers, and no other
        out.unlink()
    stored = answers.read_lines(out, key)
    systems = [WHYBOT, BASELINE] if options.baseline else [WHYBOT]
    asked = questions[: options.limit]
    work = [(s, q) for s in systems for q in asked]
    missing = [(s, q) for s, q in work if (s, q.id) not in stored]
    if held := len(work) - len(missing):
        say(f"{held} of {len(work)} answers are in {out} already")

    failed: list[str] = []
    interrupted = False
    try:
        if missing:
            for line in answers.run(settings, embedder, missing, failed, held, say):
                stored[line["system"], line["id"]] = line
                answers.append(out, {"run": key, **line})
    except KeyboardInterrupt:
        interrupted = True
        say("interrupted: this is what is there so far; the same command goes on from here")
    lines = [stored[s, q.id] for s, q in work if (s, q.id) in stored]
    about = {"questions": str(path), "asked": len(asked), "answers": str(out)}
    show(lines, {**about, "failed": failed, "interrupted": interrupted}, options.as_json)
    if not (failed or interrupted) and len(asked) == len(questions):
        remember(settings, path, [line for line in lines if line["system"] == WHYBOT])
    return INTERRUPTED if interrupted else FAILED if failed else ANSWERED


def rescore(path: Path, as_json: bool) -> int:
    """Print the metrics of stored answers; no model is asked."""
    if not path.is_file():
        raise SettingError(f"There is no file {path}.")
    show([*answers.read_lines(path).values()], {"answers": str(path)}, as_json)
    return ANSWERED


def show(lines: Sequence[Mapping[str, Any]], about: Mapping[str, Any], as_json: bool) -> None:
    """Print the metrics of stored lines on stdout, as tables or as one JSON object."""
    systems = report.answers(lines)
    names = [*dict.fromkeys(line["result"]["model"] for line in lines)]
    for problem in about.get("failed", ()):
        say(f"failed: {problem}")
    if as_json:
        result = report.plain({**about, "models": names, "systems": systems})
        print(json.dumps(result, ensure_ascii=False, indent=2))
    elif lines:
        print(f"{', '.join(names)}; answers in {about['answers']}\n\n{report.tables(systems)}")
    else:
        say("there is no answer to measure")


def remember(settings: Settings, path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Keep what was measured of a whole set for the bot to tell of itself."""
    names = ", ".join(dict.fromkeys(line["result"]["model"] for line in lines))
    values = report.answers(lines)[WHYBOT]["all"]
    last_evaluation.keep(
        settings, "answers", path.stem, names, len(lines), report.figures(report.ANSWERS, values)
    )


# --- retrieval


def rank(
    settings: Settings,
    folder: Path,
    fresh: bool = False,
    limit: int | None = None,
    as_json: bool = False,
) -> int:
    """Rank the questions of a set, and print recall, nDCG and MRR."""
    ranking = read_ranking(folder)
    with weights.progress_bar() as progress:
        embedder = Embedder.open(settings, progress)
    home = settings
    settings = replace(
        settings, index=retrieval.place(settings, folder, ranking, embedder), chroma=""
    )
    found: list[dict[str, Any]] = []
    interrupted = False
    try:
        retrieval.fill(settings, ranking, embedder, fresh)
        retrieval.rank(settings, ranking, embedder, limit, found)
    except KeyboardInterrupt:
        interrupted = True
        print("interrupted: this is what is there so far", file=sys.stderr)
    systems = {system: retrieval.estimates(found, system) for system in retrieval.SYSTEMS}
    seconds = metrics.mean([line["seconds"] for line in found])
    if as_json:
        about = {
            "set": str(folder),
            "passages": len(ranking.passages),
            "questions": len(found),
            "interrupted": interrupted,
        }
        print(json.dumps(report.plain({**about, "systems": systems, "seconds": seconds})))
    elif found:
        print(f"{folder}: {len(found)} questions, {len(ranking.passages)} passages\n")
        print(report.table(report.RANKING, systems))
        print(f"\nseconds a question: {report.cell(seconds, 's')}")
    if interrupted:
        return INTERRUPTED
    if len(found) < len(ranking.questions):  # a part is not remembered as if it were the set
        return ANSWERED
    name = folder.resolve().name
    fused = systems["fused"]
    figures = report.figures(report.RANKING, fused)
    last_evaluation.keep(home, "retrieval", name, embedder.name, len(found), figures)
    return ANSWERED
