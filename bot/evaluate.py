"""`whybot eval QUESTIONS.jsonl`: a question set through the product, and what came of it.

Every question goes down the answer path of `bot.answer`. Each answer is stored with its whole
trace, one JSON line as soon as it is there, so that a run can be stopped and goes on, and can be
scored again without a model. Runs, stores and prints; `evalsets` reads the questions, `report`
and `metrics` compute, `baseline` is what the product is compared with.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot import baseline, models, record, report
from bot.about import About
from bot.answer import Bot, answer
from bot.evalsets import Question, over, read_questions
from bot.exits import ANSWERED, FAILED, INTERRUPTED
from bot.retrieval import Retriever
from bot.trace import Answer, Turn
from ingest import weights
from ingest.embedder import Embedder
from ingest.errors import SettingError, WhybotError
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

WHYBOT, BASELINE = "whybot", "baseline"
# Modules of this folder that change no answer: a new version of them keeps the stored ones.
ASIDE = frozenset(
    "ask cli commands compare compare_text comparison doctor evaluate exits explain history"
    " history_page lessons metrics projection ranking receipt receipt_page replay report stages"
    " teaches whatif".split()
)

BEGINNING = b'{"run"'  # of every stored line
Lines = dict[tuple[str, str], dict[str, Any]]  # stored lines by system and question id


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
    key = run_key(settings, questions, embedder)
    out = options.out or settings.cache / "eval" / f"{path.stem}-{key}.jsonl"
    if options.fresh and read_lines(out):  # it is a file of answers, and no other
        out.unlink()
    stored = read_lines(out, key)
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
            for line in run(settings, embedder, missing, failed, held):
                stored[line["system"], line["id"]] = line
                _append(out, {"run": key, **line})
    except KeyboardInterrupt:
        interrupted = True
        say("interrupted: this is what is there so far; the same command goes on from here")
    lines = [stored[s, q.id] for s, q in work if (s, q.id) in stored]
    about = {"questions": str(path), "asked": len(asked), "answers": str(out)}
    show(lines, {**about, "failed": failed, "interrupted": interrupted}, options.as_json)
    if not (failed or interrupted):
        remember(settings, path, [line for line in lines if line["system"] == WHYBOT])
    return INTERRUPTED if interrupted else FAILED if failed else ANSWERED


def rescore(path: Path, as_json: bool) -> int:
    """Print the metrics of stored answers; no model is asked."""
    if not path.is_file():
        raise SettingError(f"There is no file {path}.")
    show([*read_lines(path).values()], {"answers": str(path)}, as_json)
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
    """Keep what was measured of a set for the bot to tell of itself."""
    names = ", ".join(dict.fromkeys(line["result"]["model"] for line in lines))
    values = report.answers(lines)[WHYBOT]["all"]
    record.keep(settings, "answers", path.stem, names, len(lines), report.ANSWERS, values)


def say(line: str) -> None:
    """Tell the person what is no result."""
    print(line, file=sys.stderr, flush=True)


# --- answering


def run(
    settings: Settings,
    embedder: Embedder,
    work: Sequence[tuple[str, Question]],
    failed: list[str],
    held: int = 0,
) -> Iterator[dict[str, Any]]:
    """Answer each question by its system and yield the line to store; failures are noted.

    held: how many answers there are already, for the bar.
    """
    from tqdm import tqdm

    with contextlib.ExitStack() as stack:
        embedder.load()  # its seconds are no question's
        whole = None
        if not all(question.contexts for _, question in work):
            index = stack.enter_context(Index.read(settings, fingerprint(embedder)))
            whole = Retriever(index, embedder)
        with weights.progress_bar() as progress:
            chosen = stack.enter_context(models.open_model(settings, progress, say))
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
        "model": models.decide(settings.model)[0],
        "embedder": fingerprint(embedder),
        "index": chunks,
        "code": _code(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _code() -> str:
    """Hash the source files that make answers."""
    digest = hashlib.sha256()
    for module in (__file__, weights.__file__):
        for path in sorted(Path(module).parent.glob("*.py")):
            if path.stem not in ASIDE:
                digest.update(path.read_bytes())
    return digest.hexdigest()


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


def _append(path: Path, line: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
