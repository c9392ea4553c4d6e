"""Answered questions to numbers, and numbers to a table, from stored lines alone (see `answers`).

What counts:

- refused: the answer says `abstained` (of the baseline: its first sentence is a refusal);
- right: answerable, not refused, and a variant of every required group occurs;
- RougeL: of the answer without marks, against the best of the references. With one group each
  variant is a reference, with more groups the first variants joined are. A refusal scores 0;
- citations: every [n] in the answer as shown, abstentions' quotes included;
- support: of the shown sentences of answers, how many the check found supported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot.evaluation.metrics import (
    Estimate,
    mean,
    occurs,
    p90,
    ratio,
    rouge_l,
    share,
    weighted_f1,
)
from bot.path.citations import MARK

Estimates = dict[str, Estimate | None]

# name, what the table calls it, unit
ANSWERS = (
    ("accuracy", "right, of the answerable", "%"),
    ("rouge_l", "RougeL, of the answerable", "x100"),
    ("refusal", "refused, of the unanswerable", "%"),
    ("over_refusal", "refused, of the answerable", "%"),
    ("answerability_f1", "answerability, weighted F1", "x100"),
    ("citation_validity", "citations that name a passage", "%"),
    ("support", "shown sentences supported", "%"),
    ("withheld", "written sentences withheld", "%"),
    ("seconds", "seconds a question, mean", "s"),
    ("seconds_p90", "seconds a question, p90", "s"),
)
KINDS = tuple(row for row in ANSWERS if row[0] in ("accuracy", "refusal", "over_refusal"))
ADDED, NEEDED = ("read", "doubt", "check"), ("answerable", "write")  # stages of an answer
RANKING = (
    ("recall@5", "recall@5", "%"),
    ("recall@10", "recall@10", "%"),
    ("ndcg@10", "nDCG@10", ""),
    ("mrr@10", "MRR@10", ""),
)


@dataclass(frozen=True)
class Scored:
    """What the metrics need of one answer."""

    kind: str
    answerable: bool
    refused: bool
    right: bool | None  # None: unanswerable, or no answer is known
    rouge: float | None
    marks: tuple[bool, ...]  # of each [n] shown: whether it names a passage
    taken_out: int  # [n] in the draft that named none
    supported: tuple[bool, ...]  # of each sentence shown
    withheld: int
    seconds: float


def scored(line: Mapping[str, Any]) -> Scored:
    """Score one stored line."""
    result, groups = line["result"], line["answers"]
    text = MARK.sub("", result["answer"])
    known = {passage["n"] for passage in result["passages"]}
    marks = [int(n) for group in MARK.findall(result["answer"]) for n in group.split(",")]
    refused, gold = result["abstained"], line["answerable"] and bool(groups)
    references = groups[0] if len(groups) == 1 else [" ".join(group[0] for group in groups)]
    return Scored(
        kind=line["kind"],
        answerable=line["answerable"],
        refused=refused,
        right=(not refused and occurs(groups, text)) if gold else None,
        rouge=(0.0 if refused else rouge_l(text, references)) if gold else None,
        marks=tuple(mark in known for mark in marks),
        taken_out=len(result["invalid_citations"]),
        supported=tuple(sentence["supported"] for sentence in result["sentences"]),
        withheld=len(result["withheld"]),
        seconds=result["timings_ms"]["total"] / 1000,
    )


def estimates(rows: Sequence[Scored]) -> Estimates:
    """Estimate every metric; None where nothing was there to measure."""
    shown, withheld = sum(len(row.supported) for row in rows), sum(row.withheld for row in rows)
    return {
        "accuracy": share(row.right for row in rows if row.right is not None),
        "rouge_l": mean([row.rouge for row in rows if row.rouge is not None]),
        "refusal": share(row.refused for row in rows if not row.answerable),
        "over_refusal": share(row.refused for row in rows if row.answerable),
        "answerability_f1": weighted_f1((row.answerable, not row.refused) for row in rows),
        "citation_validity": share(valid for row in rows for valid in row.marks),
        "support": share(flag for row in rows if not row.refused for flag in row.supported),
        "withheld": share([False] * shown + [True] * withheld),
        "seconds": mean([row.seconds for row in rows]),
        "seconds_p90": p90([row.seconds for row in rows]),
    }


def answers(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return, for each system, its estimates over all questions and over each kind, and counts."""
    systems: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        systems.setdefault(line["system"], []).append(line)
    return {system: _system(lines) for system, lines in systems.items()}


def _system(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows, share_added = [scored(line) for line in lines], added(lines)
    return {
        "questions": len(rows),
        "all": estimates(rows),
        "kinds": {
            kind: estimates([row for row in rows if row.kind == kind])
            for kind in dict.fromkeys(row.kind for row in rows)
            if kind
        },
        "stages": _stages(lines),
        "added": share_added.value if share_added else 0.0,
        "invalid_citations": sum(not valid for row in rows for valid in row.marks),
        "invalid_citations_taken_out": sum(row.taken_out for row in rows),
    }


def _stages(lines: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean seconds of each stage of the answer path."""
    timings = [line["result"]["timings_ms"] for line in lines]
    names = dict.fromkeys(name for timing in timings for name in timing if name != "total")
    return {
        name: round(sum(timing.get(name, 0.0) for timing in timings) / len(timings) / 1000, 4)
        for name in names
    }


def added(lines: Sequence[Mapping[str, Any]]) -> Estimate | None:
    """Estimate what gate and check add to reading the passages and writing, 0 and up.

    The passages are read when the gate asks about them; what is read again after that, to write,
    is what the gate's own question costs.
    """
    timings = [line["result"]["timings_ms"] for line in lines]

    def spent(timing: Mapping[str, float], stages: Sequence[str]) -> float:
        return sum(timing.get(stage, 0.0) for stage in stages)

    return ratio([(spent(timing, ADDED), spent(timing, NEEDED)) for timing in timings])


# --- for people, and for machines


def tables(systems: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the tables: all questions with one column a system, then one line a kind."""
    parts = [table(ANSWERS, {name: system["all"] for name, system in systems.items()})]
    parts.append("\n".join(
        f"{name}: {system['invalid_citations']} invalid citations shown, "
        f"{system['invalid_citations_taken_out']} taken out of drafts"
        for name, system in systems.items()
    ))  # fmt: skip
    for name, system in systems.items():
        if system["stages"]:
            parts.append(f"{name}, mean seconds: " + ", ".join(
                f"{stage} {seconds:.2f}" for stage, seconds in system["stages"].items()
            ))  # fmt: skip
        if "answerable" in system["stages"]:
            parts.append(f"{name}: gate and check add {system['added']:.0%} to reading and writing")
        if system["kinds"]:
            head = [f"{name}, by kind", *(label for _, label, _ in KINDS)]
            rows = [
                [kind, *(cell(found[metric], unit) for metric, _, unit in KINDS)]
                for kind, found in system["kinds"].items()
            ]
            parts.append(aligned([head, *rows]))
    return "\n\n".join(parts)


def table(
    metrics: Sequence[tuple[str, str, str]], columns: Mapping[str, Mapping[str, Estimate | None]]
) -> str:
    """Write one line a metric, one column a system; each value with its 95 % interval and n."""
    rows = [["", *columns]]
    for name, label, unit in metrics:
        rows.append([label, *(cell(column[name], unit) for column in columns.values())])
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Write rows of equal length with their columns under one another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def cell(estimate: Estimate | None, unit: str) -> str:
    """Write a value with its interval and n."""
    if estimate is None:
        return "-"
    factor, digits = (100, 1) if unit in ("%", "x100") else (1, 2 if unit == "s" else 4)
    value, low, high = (
        f"{number * factor:.{digits}f}" for number in (estimate.value, estimate.low, estimate.high)
    )
    suffix = f" {unit}" if unit in ("%", "s") else ""
    return f"{value}{suffix} [{low}, {high}] n={estimate.n}"


def plain(value: Any) -> Any:
    """Return estimates as plain data for JSON, wherever they lie in dictionaries."""
    if isinstance(value, Estimate):
        return asdict(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return value


def figures(rows: Sequence[tuple[str, str, str]], values: Estimates) -> dict[str, str]:
    """Write the estimates that there are without their intervals: value by label, for people."""
    return {
        label: _plainly(value.value, unit)
        for metric, label, unit in rows
        if (value := values.get(metric)) is not None
    }


def _plainly(value: float, unit: str) -> str:
    if unit in ("%", "x100"):
        return f"{value * 100:.1f}{' %' * (unit == '%')}"
    return f"{value:.1f} seconds" if unit == "s" else f"{value:.3f}"
