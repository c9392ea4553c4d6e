"""The last evaluation of each kind, remembered beside the index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes import settings_in

from bot.about import last_evaluation
from bot.evaluation import report
from bot.evaluation.metrics import Estimate
from ingest.errors import SettingError

HALF = Estimate(0.5, 0.4, 0.6, 20)


def test_nothing_was_measured(tmp_path: Path) -> None:
    assert last_evaluation.read(settings_in(tmp_path)) == {}


def test_the_last_of_each_kind_is_kept(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for value in (0.25, 0.755):
        ndcg = {"ndcg@10": replace(HALF, value=value)}
        last_evaluation.keep(
            settings, "retrieval", "xquad", "mini", 240, report.figures(report.RANKING, {**ndcg})
        )
    answers = {"accuracy": HALF, "seconds": replace(HALF, value=9.96), "refusal": None}
    last_evaluation.keep(
        settings, "answers", "seed", "qwen", 67, report.figures(report.ANSWERS, answers)
    )
    kept = last_evaluation.read(settings)
    assert kept["retrieval"].figures == {"nDCG@10": "0.755"}
    assert kept["answers"].figures == {
        "right, of the answerable": "50.0 %",
        "seconds a question, mean": "10.0 seconds",
    }
    assert (kept["answers"].name, kept["answers"].by, kept["answers"].questions) == (
        "seed", "qwen", 67,
    )  # fmt: skip
    assert [path.name for path in settings.index.iterdir()] == [last_evaluation.FILE]


def test_the_date_is_today(tmp_path: Path) -> None:
    from datetime import datetime, timezone

    settings = settings_in(tmp_path)
    before = datetime.now(timezone.utc).date()
    last_evaluation.keep(settings, "answers", "seed", "qwen", 1, {})
    after = datetime.now(timezone.utc).date()
    assert last_evaluation.read(settings)["answers"].date in {str(before), str(after)}


@pytest.mark.parametrize("text", ["", "[]", '{"answers": 1}', "\xff"])
def test_a_foreign_file_is_named_with_its_mend(tmp_path: Path, text: str) -> None:
    settings = settings_in(tmp_path)
    settings.index.mkdir()
    path = settings.index / last_evaluation.FILE
    path.write_text(text, "latin-1")
    with pytest.raises(SettingError) as caught:
        last_evaluation.read(settings)
    assert str(path) in caught.value.message
    assert caught.value.mend == f"rm {path}"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.index.write_text("a file")
    with pytest.raises(SettingError):
        last_evaluation.keep(settings, "answers", "seed", "qwen", 1, {})
