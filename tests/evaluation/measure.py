"""Run the whole evaluation, store its report, and write the table of figures in README.

Run: `python tests/evaluation/measure.py`, hours of it with the default model on two cores. It can
be stopped and goes on where it was. `--write` writes the table again from the stored report, in an
instant: after a change of the answer path, whose figures are older from then on.

A set whose files or answers are missing is named, and keeps the figures it had.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import figures

from bot.cli.shell import ANSWERED, FAILED, INTERRUPTED, say
from bot.evaluation import answer_path
from ingest.errors import WhybotError

SHARED = figures.ROOT.parent / "shared" / "eval"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for, write report and table, and return the exit code."""
    args = parser().parse_args(argv)
    try:
        return ANSWERED if args.write else measure(args)
    except KeyboardInterrupt:
        say("interrupted: the same command goes on from here")
        return INTERRUPTED
    finally:
        found = figures.read(figures.REPORT)
        figures.write(found, answer_path.digest(), figures.README)


def measure(args: argparse.Namespace) -> int:
    """Measure set by set; each is in the report as soon as it is measured."""
    import sets  # loads the models' libraries

    known, wanted = sets.known(args.sets), args.only or [*figures.SETS]
    failed = False
    for number, name in enumerate(wanted, 1):
        say(f"{name}: set {number} of {len(wanted)}")
        try:
            measured = sets.measure(name, known[name], args.answers, args.stored)
        except sets.Missing as missing:
            say(f"{name} keeps the figures it had: {missing}")
        except WhybotError as error:
            say(f"{name} keeps the figures it had: {error}")
            failed = True
        else:
            if args.untimed:
                kept = {key: one for key, one in measured.figures.items() if key != "added"}
                measured = replace(measured, figures=kept)
            found = {**figures.read(figures.REPORT), name: measured}
            figures.store(found, figures.REPORT)
    return FAILED if failed else ANSWERED


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    found = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    found.add_argument(
        "--write", action="store_true", help="only write the table of the stored report"
    )
    found.add_argument(
        "--sets", type=Path, default=SHARED, metavar="FOLDER",
        help="where the sets lie that are not ours (../shared/eval)",
    )  # fmt: skip
    found.add_argument(
        "--only", nargs="+", choices=[*figures.SETS], metavar="NAME",
        help=f"only these sets, of {', '.join(figures.SETS)}",
    )  # fmt: skip
    found.add_argument(
        "--answers", type=Path, metavar="FOLDER",
        help="where answers are stored, NAME.jsonl as `whybot eval --out` writes it (the cache "
        "folder). own_docs_a.jsonl may be the output of `whybot ask --jsonl` too, which does not "
        "say on which answer path it was answered: it is taken to be this one",
    )  # fmt: skip
    found.add_argument(
        "--stored", action="store_true",
        help="ask no chat model: measure the sets whose answers are all stored",
    )  # fmt: skip
    found.add_argument(
        "--untimed", action="store_true",
        help="leave out what comes from the clock: the machine had other work while it answered",
    )  # fmt: skip
    return found


if __name__ == "__main__":
    sys.exit(main())
