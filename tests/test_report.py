"""What counts as right, refused, cited and supported, told from stored answers."""

from __future__ import annotations

from typing import Any

from bot.evaluation import report
from bot.evaluation.metrics import Estimate


def line(**values: Any) -> dict[str, Any]:
    result = {
        "answer": "It is slow [1]. It is complex [2, 7].",
        "abstained": False,
        "passages": [{"n": 1}, {"n": 2}],
        "sentences": [{"supported": True}, {"supported": False}],
        "withheld": [{}],
        "invalid_citations": [9],
        "timings_ms": {"total": 1500.0},
    }
    gold = {"kind": "", "answerable": True, "answers": [["slow. It is complex"]]}
    return {**gold, "result": {**result, **values}}


def test_marks_are_counted_as_shown_and_are_no_part_of_the_words() -> None:
    found = report.scored(line())
    assert found.marks == (True, True, False) and found.taken_out == 1
    assert found.right is True and found.seconds == 1.5
    assert (found.supported, found.withheld) == ((True, False), 1)


def test_a_refusal_is_not_right_even_if_it_quotes_the_answer() -> None:
    found = report.scored(line(abstained=True))
    assert found.right is False and found.rouge == 0


def test_several_groups_make_one_reference() -> None:
    stored = {**line(answer="slow complex"), "answers": [["slow", "late"], ["complex"]]}
    assert report.scored(stored).rouge == 1


def test_only_the_sentences_of_answers_count_as_supported() -> None:
    rows = [report.scored(line()), report.scored(line(abstained=True))]
    found = report.estimates(rows)
    support, withheld = found["support"], found["withheld"]
    assert support is not None and (support.value, support.n) == (0.5, 2)
    assert withheld is not None and (withheld.value, withheld.n) == (2 / 6, 6)


def test_a_table_is_aligned_and_gives_interval_and_n() -> None:
    columns: dict[str, report.Estimates] = {
        "long name": {"a": Estimate(0.5, 0.25, 0.75, 8)},
        "b": {"a": None},
    }
    assert report.table([("a", "share", "%")], columns) == (
        "        long name                 b\nshare   50.0 % [25.0, 75.0] n=8   -"
    )
    assert report.cell(Estimate(0.5, 0.25, 0.75, 8), "") == "0.5000 [0.2500, 0.7500] n=8"
    assert report.cell(Estimate(1.5, 1, 2, 8), "s") == "1.50 s [1.00, 2.00] n=8"
