"""A comparison in the shell: three texts on stdout, every sentence with its mark.

Progress goes to stderr.
"""

from __future__ import annotations

import sys

from bot.cli.ask import VISIBLE, Status
from bot.cli.shell import ANSWERED
from bot.experiments.comparison import ALONE, Column, Compared, Lesson, Said, Way
from ingest import weights
from ingest.settings import Settings


def compare_one(settings: Settings, question: str) -> int:
    """Answer one question three ways, and print them once all are checked."""
    from bot.experiments.compare import compare
    from bot.session import open_bot

    status = Status(sys.stderr)
    with weights.progress_bar() as progress, open_bot(settings, progress, status.say) as bot:
        status.say(f"{bot.chosen.name} ({bot.chosen.why})")
        for step in compare(bot, question):
            if isinstance(step, Compared):
                compared = step
            else:
                event = "done" if isinstance(step.event, Column) else type(step.event).__name__
                status.line(f"{step.way.value}: {event.lower()}")
    status.clear()
    print(text(compared))
    return ANSWERED


def text(compared: Compared) -> str:
    """Write all three columns under each other."""
    parts = [
        _column(number, compared.columns[way], compared.lessons[way])
        for number, way in enumerate(Way, 1)
    ]
    return "\n\n".join(parts).translate(VISIBLE)


def _column(number: int, column: Column, lesson: Lesson) -> str:
    first = "no word" if column.first is None else f"first word {column.first:.1f} s"
    lines = [
        f"{number}. {column.way.value.capitalize()} ({first}, all {column.total:.1f} s, "
        f"{column.prompt_tokens} tokens read)"
    ]
    if column.refused and column.reply:
        lines.append(f"  {column.reply}")
    lines += [f"  {_mark(one, column.way)}: {one.sentence.text}" for one in column.said]
    which = "found" if column.way is Way.FOUND else "least like the question"
    lines += [f"  passage {which}: [{one.n}] {one.source}" for one in column.passages]
    lines.append(f"  What this shows: {lesson.text}")
    lines += [f"  {lesson.bot}"] * bool(lesson.bot)
    lines += [f"  {quote.document} says: “{quote.text}”" for quote in lesson.quotes]
    return "\n".join(lines)


def _mark(one: Said, way: Way) -> str:
    """Say in words what became of a sentence."""
    sentence = one.sentence
    if not one.claim:
        return "says that the answer is not there" if one.refusal else "claims nothing"
    if sentence.supported:
        cited = "".join(f"[{n}]" for n in sentence.citations)
        mark = f"in the passages found {cited} {sentence.support:.0%}"
    else:
        mark = "not in the passages found" + ", withheld" * one.withheld
    if one.given:
        mark += f", {'' if one.given.supported else 'not '}in the wrong passages"
    return f"{mark}, {ALONE[way]}" if one.alone else mark
