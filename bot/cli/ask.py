"""Answers in the shell: the events of the answer path, printed.

stdout gets the answer and its sources. stderr gets what is going on meanwhile.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bot.cli.shell import ABSTAINED, ANSWERED, FAILED
from bot.explain import learn_more, stages
from bot.path import citations
from bot.trace import (
    Answer,
    Event,
    Parameters,
    Reading,
    Retrieved,
    Rewritten,
    Sentence,
    Turn,
)
from ingest import weights
from ingest.errors import SettingError, WhybotError
from ingest.settings import Settings

if TYPE_CHECKING:
    from bot.explain.stages import Span
    from bot.explain.steps import Step

NARROW, WIDTH = 40, 100  # columns of an explanation, at least and at most
LABEL = 24  # columns of the widest label that stands beside its value
BAR = 32  # columns of the time's bars
# Control characters, which could steer the terminal, to their pictures; line breaks stay.
VISIBLE = {code: 0x2400 + code for code in range(32) if code not in (9, 10)} | {0x7F: 0x2421}
VISIBLE |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)


def answer_one(
    settings: Settings,
    question: str,
    as_json: bool,
    explained: bool = False,
    receipt: Path | None = None,
    only: Sequence[str] = (),
) -> int:
    """Answer one question on stdout, streamed, or as one JSON object; write its receipt.

    explained: print after it how it came about. only: ask these documents, or folders, alone.
    """
    from bot.answer import answer
    from bot.explain.steps import explain
    from bot.records import receipt as receipts
    from bot.records import receipt_file
    from bot.session import open_bot

    status = Status(sys.stderr)
    with weights.progress_bar() as progress, open_bot(settings, progress, status.say) as bot:
        status.say(f"{bot.chosen.name} ({bot.chosen.why})")
        for note in bot.chosen.notes:
            status.say(f"note: {note}")
        for event in answer(bot, question, parameters=scoped(settings, only)):
            if isinstance(event, Answer):
                last = event
            if as_json:
                status.show(event)
            else:
                _print_event(event, status)
        kept = receipts.of(bot, last) if receipt else None
        taught = learn_more.passages(bot.retriever.chunks()) if explained else None
    status.clear()
    if as_json:
        print(json.dumps(last.to_json(), ensure_ascii=False, indent=2))
    elif explained:
        width = min(max(shutil.get_terminal_size().columns, NARROW), WIDTH)
        print(f"\nWhy this answer:\n{explanation(explain(last, taught), width)}")
    if receipt and kept:
        receipt_file.write(kept, receipt)
        status.say(f"receipt: {receipt}")
    return ABSTAINED if last.abstained else ANSWERED


def scoped(settings: Settings, only: Sequence[str]) -> Parameters | None:
    """Return the parameters that ask some documents alone; None: all are asked."""
    from bot.answer import in_force

    return replace(in_force(settings), only=tuple(only)) if only else None


def _print_event(event: Event, status: Status) -> None:
    if isinstance(event, Sentence):
        status.clear()
        print(citations.marked(event), end="", flush=True)
    elif isinstance(event, Answer):
        status.clear()
        _print_end(event)
    else:
        status.show(event)


def _print_end(answer: Answer) -> None:
    """Print what follows the sentences: sources on stdout, the model's work on stderr."""
    if not answer.sentences:
        print(answer.answer, end="")
    for sentence in answer.withheld:
        print(
            f"withheld ({sentence.support:.0%} support, {sentence.reason}): {sentence.text}",
            file=sys.stderr,
        )
    print("\n\nNearest passages:" if answer.abstained else "\n\nSources:")
    for passage in answer.passages:
        if answer.abstained or passage.n in answer.cited:
            print(f"  [{passage.n}] {passage.source} (score {passage.score:.2f})")
    seconds = answer.timings_ms["total"] / 1000
    tokens = answer.tokens
    print(
        f"{answer.model}: read {tokens.prompt} of {tokens.window} tokens, "
        f"wrote {tokens.completion}, {seconds:.1f} s",
        file=sys.stderr,
    )


def explanation(steps: Sequence[Step], width: int) -> str:
    """Write the steps as text, so many columns wide; what is quoted keeps its own lines."""
    lines = []
    for step in steps:
        head = f"{step.title}{' (!)' if step.alert else ''}: {step.summary}"
        lines += ["", *textwrap.wrap(head, width, subsequent_indent="  ")]
        widest = max((len(label) for label, _ in step.facts), default=0)
        for label, value in step.facts:
            lines += _fact(label, value, widest, width)
        for whose, text in step.quotes:
            lines += [f"  {whose}:", *(f"  | {line}" for line in text.split("\n"))]
        lines += _waterfall(step.spans)
        if step.taught:
            lines += textwrap.wrap(
                learn_more.more(step.taught), width, initial_indent="  ", subsequent_indent="    "
            )
    return "\n".join(lines).translate(VISIBLE)


def _fact(label: str, value: str, widest: int, width: int) -> list[str]:
    """Put a value beside its label, or under it where labels are too long for a column."""
    beside = widest <= LABEL
    margin = " " * (widest + 4 if beside else 6)
    lines = [
        line
        for part in value.split("\n")
        for line in textwrap.wrap(
            part, width, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
        )
    ]
    if beside and lines:
        return [f"  {label}".ljust(len(margin)) + lines[0].removeprefix(margin), *lines[1:]]
    return [*textwrap.wrap(label, width, initial_indent="  ", subsequent_indent="    "), *lines]


def _waterfall(spans: Sequence[Span]) -> list[str]:
    """Draw each stage where it lies in the time of all, and as long as it took."""
    if not spans:
        return []
    column = max(len(span.stage) for span in spans)
    end = stages.end(spans)
    lines = []
    for span in spans:
        before = min(round(span.start / end * BAR), BAR - 1)
        drawn = "█" * min(round(span.length / end * BAR), BAR - before) or "▏"
        lines.append(
            f"  {span.stage:{column}}  {' ' * before + drawn:{BAR}}  "
            f"{span.length:>9,.1f} ms from {span.start:,.1f}"
        )
    return lines


def answer_file(settings: Settings, name: str, only: Sequence[str] = ()) -> int:
    """Answer a file of questions with the model loaded once; one JSON line each on stdout."""
    from bot.answer import answer
    from bot.session import open_bot

    with _open(name) as file:
        try:
            questions = [*_questions(file, name)]
        except UnicodeDecodeError as error:
            raise SettingError(f"{name} is not UTF-8 ({error.reason}).") from error
    status = Status(sys.stderr)
    failed = False
    with weights.progress_bar() as progress, open_bot(settings, progress, status.say) as bot:
        for number, question in enumerate(questions, 1):
            status.line(f"question {number} of {len(questions)}")
            history = [Turn(earlier) for earlier in question["history"]]
            line: dict[str, Any] = {}
            try:
                for event in answer(
                    bot, question["question"], history, question["id"], scoped(settings, only)
                ):
                    if isinstance(event, Answer):
                        line = event.to_json()
            except WhybotError as error:
                line = {"id": question["id"], "question": question["question"]}
                line["error"] = str(error)
                failed = True
            print(json.dumps(line, ensure_ascii=False), flush=True)
    status.clear()
    return FAILED if failed else ANSWERED


def _open(name: str) -> IO[str]:
    if name == "-":
        return sys.stdin
    try:
        return open(name, encoding="utf-8")  # noqa: PTH123 - the caller closes it
    except OSError as error:
        raise SettingError(f"{name} cannot be read: {error.strerror}.") from error


def _questions(file: IO[str], name: str) -> Iterator[dict[str, Any]]:
    """Check every line before the first is answered."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise SettingError(f"{name}, line {number}, is no JSON: {error.msg}.") from error
        if not isinstance(row, dict) or not str(row.get("question", "")).strip():
            raise SettingError(f'{name}, line {number}, has no "question".')
        history = row.get("history") or []
        if not isinstance(history, list) or not all(isinstance(q, str) for q in history):
            raise SettingError(f'{name}, line {number}: "history" is a list of questions.')
        yield {
            "id": str(row.get("id", number)),
            "question": str(row["question"]),
            "history": history,
        }


class Status:
    """One line on a terminal's stderr that says what is happening; silent in a file or pipe."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._shown = stream, False

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self.clear()
        print(text, file=self._stream, flush=True)

    def line(self, text: str) -> None:
        """Show a line that the next one replaces."""
        if self._stream.isatty():
            self._stream.write(f"\r\033[K{text}")
            self._stream.flush()
            self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._shown = False

    def show(self, event: Event) -> None:
        """Show what an event says of the work in progress."""
        if isinstance(event, Rewritten):
            self.say(f"looking up: {event.question}")
        elif isinstance(event, Retrieved):
            for passage in event.passages:
                self.say(f"  [{passage.n}] {passage.source} (score {passage.score:.2f})")
        elif isinstance(event, Reading):
            self.line(f"reading {event.done} of {event.total} tokens")
