"""The stored report of the whole evaluation, and the table that README shows of it.

Nothing here loads a model, so the table is written again in an instant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.evaluation import report
from bot.evaluation.metrics import Estimate

ROOT = Path(__file__).parent.parent.parent
REPORT, README = Path(__file__).with_name("report.json"), ROOT / "README.md"
COMMAND = "python tests/evaluation/measure.py"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
DIGITS = 4  # of a stored figure
OLDER = "measured on an older answer path"

# Each set, and what the table calls it; in the table's order.
SETS = {
    "seed": "one document of our own, with traps",
    "own_docs_a": "ten documents as people keep them",
    "squad2_dev60": "SQuAD 2.0, half of them traps",
    "clapnq_dev60": "CLAPNQ, long answers",
    "xquad_en": "XQuAD, retrieval alone",
}
# Each figure, what the table calls it, and its unit as `report.cell` writes it.
FIGURES = (
    ("right", "right", "%"),
    ("rouge_l", "RougeL", "x100"),
    ("unanswerable_refused", "unanswerable refused", "%"),
    ("answerable_refused", "answerable refused", "%"),
    ("answerability_f1", "answerability F1", "x100"),
    ("wrong_shown", "wrong shown", "%"),
    ("invalid_citations", "invalid citations", "%"),
    ("added", "gate and check add", "%"),
    ("ndcg", "nDCG@10", ""),
)


@dataclass(frozen=True)
class Measured:
    """What was measured on one set, with what, when, and on which answer path."""

    n: int  # questions
    figures: dict[str, Estimate]  # by the names of FIGURES: those that say something of this set
    model: str  # that answered, or that ranked
    digest: str  # SHA-256 of its weights, or the revision of their repository, in hex
    date: str  # of the newest answer; ISO 8601, UTC
    answer_path: str  # its SHA-256, in hex


Report = dict[str, Measured]  # by the names of SETS


def read(path: Path) -> Report:
    """Read the stored report; none was stored: nothing is measured yet."""
    if not path.exists():
        return {}
    rows = json.loads(path.read_text("utf-8"))
    return {name: _measured(**row) for name, row in rows.items()}


def _measured(figures: Mapping[str, Mapping[str, float]], **values: object) -> Measured:
    estimates = {name: Estimate(**figure) for name, figure in figures.items()}  # type: ignore[arg-type]
    return Measured(figures=estimates, **values)  # type: ignore[arg-type]


def store(found: Report, path: Path) -> None:
    """Write the report, in the order of SETS and FIGURES."""
    rows = {name: asdict(found[name]) for name in SETS if name in found}
    for row in rows.values():
        for figure in row["figures"].values():
            figure.update({key: round(value, DIGITS) for key, value in figure.items()})
    path.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


def write(found: Report, digest: str, path: Path) -> None:
    """Put the table of a report in its place in README."""
    text = path.read_text("utf-8")
    if (new := spliced(text, render(found, digest))) != text:
        path.write_text(new, "utf-8")


def spliced(text: str, table: str) -> str:
    """Return a text with the table between its two marks. Raises ValueError if it has no marks."""
    place = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    new, count = place.subn(lambda _: f"{BEGIN}\n{table}\n{END}", text)
    if count != 1:
        raise ValueError(f"the text has {count} places between {BEGIN} and {END}, and must have 1")
    return new


# --- the table


def render(found: Mapping[str, Measured], digest: str) -> str:
    """Return the table in Markdown; digest: of the answer path as it is now."""
    rows = [
        ["set", *(label for _, label, _ in FIGURES)],
        ["---"] * (len(FIGURES) + 1),
        *(_row(name, found.get(name), digest) for name in SETS),
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", _origin(found)])


def _row(name: str, measured: Measured | None, digest: str) -> list[str]:
    if measured is None:
        return [f"{SETS[name]} (not measured yet)", *["-"] * len(FIGURES)]
    older = f" ({OLDER})" if measured.answer_path != digest else ""
    cells = [report.cell(measured.figures.get(figure), unit) for figure, _, unit in FIGURES]
    return [f"{SETS[name]}, {measured.n:,} questions{older}", *cells]


def _origin(found: Mapping[str, Measured]) -> str:
    models = dict.fromkeys(f"{one.model} ({one.digest[:12]})" for one in found.values())
    dates = sorted({one.date for one in found.values()})
    when = " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else ""
    by = f"with {' and '.join(models)}, {when}" if found else "not run yet"
    return f"In brackets the 95 % interval; n: the cases behind a figure. By `{COMMAND}`, {by}."
