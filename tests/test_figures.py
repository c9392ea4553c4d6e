"""README's table of figures is that of the stored report, and says which are of older code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import figures
import httpx
import measure
import pytest
import sets
from fake_models import FakeChat, chosen
from fakes import ROOT, FakeEmbedder

from bot.evaluation import answer_path
from bot.evaluation.metrics import Estimate
from bot.llm import providers
from bot.llm.providers import EMBEDDED
from ingest.embedder import Embedder

NOW, BEFORE = "a" * 64, "b" * 64
HALF = Estimate(0.5, 0.4, 0.6, 20)
MEASURED = figures.Measured(40, {"right": HALF}, "qwen", "c" * 64, "2026-11-27", NOW)


# --- what is checked in


def test_readme_shows_the_figures_of_the_report() -> None:
    text = figures.README.read_text("utf-8")
    wanted = figures.spliced(
        text, figures.render(figures.read(figures.REPORT), answer_path.digest())
    )
    assert text == wanted, f"README's figures are not the report's: {figures.COMMAND} --write"


def test_the_report_holds_figures_and_no_text() -> None:
    for name, row in json.loads(figures.REPORT.read_text("utf-8")).items():
        assert name in figures.SETS
        assert row.keys() == {"n", "figures", "model", "digest", "date", "answer_path"}
        assert row["model"] in {EMBEDDED[sets.MODEL], "all-MiniLM-L6-v2"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"])
        for digest in (row["digest"], row["answer_path"]):
            assert re.fullmatch(r"[0-9a-f]{40,64}", digest)
        assert row["figures"].keys() <= {figure for figure, _, _ in figures.FIGURES}
        for figure in row["figures"].values():
            assert figure.keys() == {"value", "low", "high", "n"}
            assert all(isinstance(value, int | float) for value in figure.values())
            assert 0 <= figure["low"] <= figure["value"] <= figure["high"]
            assert figure["n"] >= 1


def test_the_report_is_stored_as_the_command_stores_it(tmp_path: Path) -> None:
    again = tmp_path / "report.json"
    figures.store(figures.read(figures.REPORT), again)
    assert again.read_bytes() == figures.REPORT.read_bytes()


# --- the table


def row_of(name: str, found: figures.Report, digest: str = NOW) -> str:
    (row,) = [
        line
        for line in figures.render(found, digest).splitlines()
        if line.startswith(f"| {figures.SETS[name]}")
    ]
    return row


def test_a_figure_stands_with_its_interval_and_n() -> None:
    assert "| 50.0 % [40.0, 60.0] n=20 |" in row_of("seed", {"seed": MEASURED})


def test_every_row_has_every_column() -> None:
    table = figures.render({"seed": MEASURED}, NOW).split("\n\n")[0].splitlines()
    assert len(table) == len(figures.SETS) + 2
    assert {line.count("|") for line in table} == {len(figures.FIGURES) + 2}


@pytest.mark.parametrize("figure", [name for name, _, _ in figures.FIGURES])
@pytest.mark.parametrize(
    "changed", [{"value": 0.51}, {"low": 0.41}, {"high": 0.61}, {"n": 21}], ids=str
)
def test_a_changed_figure_changes_the_table(figure: str, changed: dict[str, Any]) -> None:
    before = {"seed": replace(MEASURED, figures={figure: HALF})}
    after = {"seed": replace(MEASURED, figures={figure: replace(HALF, **changed)})}
    assert figures.render(before, NOW) != figures.render(after, NOW)


def test_a_changed_answer_path_is_told_of_just_the_older_sets() -> None:
    found = {"seed": MEASURED, "clapnq_dev60": replace(MEASURED, answer_path=BEFORE)}
    assert figures.OLDER not in row_of("seed", found)
    assert "(measured on an older answer path)" in row_of("clapnq_dev60", found)
    assert figures.OLDER in row_of("seed", found, BEFORE)


def test_a_set_without_figures_is_there_and_says_so() -> None:
    assert "(not measured yet) | - |" in row_of("seed", {})
    assert "not run yet" in figures.render({}, NOW)


def test_command_model_and_date_stand_under_it() -> None:
    found = {"seed": MEASURED, "xquad_en": replace(MEASURED, date="2026-11-02", model="mini")}
    last = figures.render(found, NOW).splitlines()[-1]
    assert figures.COMMAND in last and "qwen (cccccccccccc) and mini (" in last
    assert last.endswith("2026-11-02 to 2026-11-27.")
    assert figures.render({"seed": MEASURED}, NOW).endswith("), 2026-11-27.")


def test_only_what_stands_between_the_marks_is_written() -> None:
    text = "a\n<!-- figures -->\nold\nolder\n<!-- /figures -->\nb\n"
    once = figures.spliced(text, "new")
    assert once == "a\n<!-- figures -->\nnew\n<!-- /figures -->\nb\n"
    assert figures.spliced(once, "new") == once
    with pytest.raises(ValueError, match="must have 1"):
        figures.spliced("no marks", "new")


def test_a_report_is_read_as_it_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert figures.read(path) == {}
    figures.store({"seed": MEASURED}, path)
    assert figures.read(path) == {"seed": MEASURED}


def test_writing_the_table_loads_no_model() -> None:
    code = "import sys, measure; print([m for m in ('torch', 'chromadb') if m in sys.modules])"
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "evaluation")])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "[]\n", done.stderr


# --- the command

APPLES = "Apples grow on trees in temperate climates. They keep for months in a cool cellar."
QUESTIONS: list[dict[str, Any]] = [
    {"id": "q1", "question": "Where do apples grow?", "answers": [["on trees"]]},
    {"id": "q2", "question": "How long do apples keep?", "answers": [["months"]]},
    {"id": "q3", "question": "Who invented the telephone?", "answerable": False},
]
REPLIES = [["Apples grow on trees in temperate climates."], ["They keep for months in a cellar."]]
SCORER = """\
import json
def lines(path): return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
def score(questions, answers):
    right = sum(answers[q["id"]]["answer"] != "" for q in questions[:2])
    return {"right": right, "answerable": 2, "refused": 0, "wrong shown": 1,
            "unanswerable refused": 1, "unanswerable": 1}, {}, []
"""


class Machine:
    """Two small sets, a model that follows a script, and files of its own to write."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.chat = folder, FakeChat(replies=[])
        self.report, self.readme = folder / "report.json", folder / "README.md"
        self.readme.write_text(f"{figures.BEGIN}\n{figures.END}\n", "utf-8")
        self.embedder = FakeEmbedder()
        contexts = [{"text": APPLES}]
        self.put("answers/squad2_dev60.jsonl", [{**row, "contexts": contexts} for row in QUESTIONS])
        self.put("own_docs_a/questions.jsonl", QUESTIONS)
        (folder / "own_docs_a" / "docs").mkdir()
        (folder / "own_docs_a" / "docs" / "apples.md").write_text(f"# Apples\n\n{APPLES}\n")
        (folder / "score_own_docs.py").write_text(SCORER)

    def put(self, name: str, rows: list[dict[str, Any]]) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return path

    def run(self, only: str, *replies: list[Any], options: tuple[str, ...] = ()) -> int:
        self.chat = FakeChat(replies=list(replies))
        return measure.main(["--sets", str(self.folder), "--only", only, *options])

    @property
    def found(self) -> figures.Report:
        return figures.read(self.report)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)

    @contextmanager
    def open_model(*_: Any) -> Iterator[providers.Chosen]:
        yield replace(chosen(made.chat), name=EMBEDDED[sets.MODEL])

    monkeypatch.setenv("WHYBOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Embedder, "open", lambda *_: made.embedder)
    monkeypatch.setattr(providers, "open_model", open_model)
    monkeypatch.setattr(figures, "REPORT", made.report)
    monkeypatch.setattr(figures, "README", made.readme)
    return made


def test_a_set_is_answered_stored_and_shown(machine: Machine) -> None:
    assert machine.run("squad2_dev60", *REPLIES) == 0
    measured = machine.found["squad2_dev60"]
    assert measured.n == 3 and measured.answer_path == answer_path.digest()
    assert measured.model == EMBEDDED[sets.MODEL] and len(measured.digest) == 64
    values = {name: (one.value, one.n) for name, one in measured.figures.items()}
    del values["added"]  # it is a matter of time
    assert values == {
        "right": (1.0, 2),
        "rouge_l": (0.3472, 2),
        "unanswerable_refused": (1.0, 1),
        "answerable_refused": (0.0, 2),
        "answerability_f1": (1.0, 3),
        "invalid_citations": (0.0, 2),
    }
    text = machine.readme.read_text("utf-8")
    assert text == figures.spliced(text, figures.render(machine.found, answer_path.digest()))
    assert machine.run("squad2_dev60") == 0
    assert machine.chat.calls == [], "every answer was stored"


def test_an_interrupted_set_keeps_its_figures_and_goes_on(machine: Machine) -> None:
    figures.store({"squad2_dev60": MEASURED}, machine.report)
    machine.embedder = FakeEmbedder(stop_at=2)
    assert machine.run("squad2_dev60", REPLIES[0]) == 130
    machine.embedder = FakeEmbedder()
    assert machine.found == {"squad2_dev60": MEASURED}
    assert figures.OLDER in machine.readme.read_text("utf-8")
    assert machine.run("squad2_dev60", REPLIES[1]) == 0
    assert machine.found["squad2_dev60"].n == 3
    assert figures.OLDER not in machine.readme.read_text("utf-8")


def test_a_failed_question_keeps_the_figures(machine: Machine) -> None:
    lost = httpx.ReadError("gone")
    assert machine.run("squad2_dev60", [lost], REPLIES[1]) == 1
    assert machine.found == {}


def test_missing_files_are_named_and_keep_the_figures(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    figures.store({"xquad_en": MEASURED}, machine.report)
    assert machine.run("xquad_en") == 0
    assert f"there is no {machine.folder / 'beir' / 'xquad_en'}" in capsys.readouterr().err
    assert machine.found == {"xquad_en": MEASURED}


def test_stored_answers_need_no_model(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    folder = machine.folder / "stored"
    options = ("--answers", str(folder), "--stored")
    assert machine.run("squad2_dev60", options=options) == 0
    assert "does not have all 3 answers" in capsys.readouterr().err
    assert machine.run("squad2_dev60", *REPLIES, options=options[:2]) == 0
    before = machine.found
    machine.report.unlink()
    assert machine.run("squad2_dev60", options=options) == 0
    assert machine.found == before and machine.chat.calls == []

    path = folder / "squad2_dev60.jsonl"
    path.write_text(re.sub('"run": "[^"]*"', '"run": "other"', path.read_text("utf-8")), "utf-8")
    machine.report.unlink()
    assert machine.run("squad2_dev60", options=options) == 1
    assert machine.found == {}, "answers of other code are not those of this"


def test_documents_are_indexed_and_scored_by_their_own_script(machine: Machine) -> None:
    assert machine.run("own_docs_a", *REPLIES) == 0
    found = machine.found["own_docs_a"].figures
    assert (found["right"].value, found["right"].n) == (1.0, 2)
    assert (found["wrong_shown"].value, found["wrong_shown"].n) == (0.3333, 3)
    assert not (machine.folder / ".whybot").exists()


def test_what_ask_printed_will_do_for_the_documents(machine: Machine) -> None:
    folder = machine.folder / "stored"
    options = ("--answers", str(folder))
    machine.run("own_docs_a", *REPLIES, options=options)
    before = machine.found
    path = folder / "own_docs_a.jsonl"
    asked = [json.loads(line)["result"] for line in path.read_text("utf-8").splitlines()]
    machine.put("stored/own_docs_a.jsonl", asked)
    machine.report.unlink()
    assert machine.run("own_docs_a", options=options) == 0
    assert machine.found == before and machine.chat.calls == []
    machine.put("stored/own_docs_a.jsonl", asked[:2])
    assert machine.run("own_docs_a", options=(*options, "--stored")) == 0
    assert machine.found == before, "it is not whole"
    machine.put("stored/own_docs_a.jsonl", [{**asked[0], "question": "Another?"}, *asked[1:]])
    assert machine.run("own_docs_a", options=options) == 1
    machine.put("stored/own_docs_a.jsonl", [{**asked[0], "model": "another"}, *asked[1:]])
    assert machine.run("own_docs_a", options=options) == 1


def test_retrieval_is_ranked_without_a_chat_model(machine: Machine) -> None:
    machine.put("beir/xquad_en/corpus.jsonl", [{"_id": "a", "title": "", "text": APPLES}])
    machine.put("beir/xquad_en/queries.jsonl", [{"_id": "q", "text": "Where do apples grow?"}])
    (machine.folder / "beir" / "xquad_en" / "qrels.tsv").write_text("q\ta\t1\n")
    assert machine.run("xquad_en", options=("--stored",)) == 0
    measured = machine.found["xquad_en"]
    assert measured.figures == {"ndcg": Estimate(1.0, 1.0, 1.0, 1)} and measured.model == "fake"


def test_the_table_alone_is_written_from_the_report(machine: Machine) -> None:
    figures.store({"seed": MEASURED}, machine.report)
    assert measure.main(["--write"]) == 0
    assert figures.OLDER in machine.readme.read_text("utf-8")
    assert machine.found == {"seed": MEASURED}
