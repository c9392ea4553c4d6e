"""The stages of the answer path, one after the other in time, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What each stage of the answer path is called, in the order in which they follow.
STAGES = {
    "resolve": "understand the question",
    "retrieve": "search",
    "prompt": "write the prompt",
    "answerable": "read the passages",
    "read": "read the prompt",
    "write": "write the draft",
    "doubt": "judge the draft",
    "check": "check its sentences",
}


@dataclass(frozen=True)
class Span:
    """A stage of the work on its way through the time."""

    stage: str
    start: float  # milliseconds since the question came
    length: float  # milliseconds


def end(stages: Sequence[Span]) -> float:
    """Return when the last stage was done, in milliseconds, to divide by."""
    return stages[-1].start + stages[-1].length or 1.0


def spans(timings_ms: Mapping[str, float]) -> list[Span]:
    """Return each stage with its start, from the milliseconds that each took; total is none."""
    found, start = list[Span](), 0.0
    for stage, length in timings_ms.items():
        if stage != "total":
            found.append(Span(STAGES.get(stage, stage), round(start, 1), length))
            start += length
    return found
