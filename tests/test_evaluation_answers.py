"""`whybot eval` measures the answer path, can be stopped anywhere, and mixes no runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_believer import Believer, Query
from fake_models import chosen
from fakes import FakeEmbedder, settings_in, write_files

from bot.about import last_evaluation
from bot.about import search as about
from bot.cli import evaluate, main, shell
from bot.cli.evaluate import Options
from bot.evaluation import answers
from bot.evaluation.datasets import read_questions
from bot.llm import providers
from bot.llm.providers import Chosen
from ingest import library
from ingest.embedder import Embedder
from ingest.errors import IndexMissing, SettingError
from ingest.settings import Settings

APPLES = "Apples grow on trees in temperate climates. They keep for months in a cool cellar."
PEARS = "Pears ripen after the harvest. They bruise easily and do not travel well."


def question(id: str, text: str, *contexts: str, **values: Any) -> dict[str, Any]:
    rows = [{"text": context, "gold": True} for context in contexts]
    return {"id": id, "question": text, "contexts": rows, "answers": [], **values}


SET = [
    question("q1", "Where do apples grow?", APPLES, answers=[["on trees"], ["temperate", "mild"]],
             answerable=True, kind="direct"),
    question("q2", "When do pears ripen?", PEARS, answers=[["after the harvest"]],
             answerable=True, kind="direct"),
    question("q3", "Who invented the telephone?", APPLES, answerable=False, kind="off-topic"),
]  # fmt: skip
RIGHT = "Apples grow on trees in temperate climates."
DRAFTS = {"apples": RIGHT, "pears": "Pears do not travel well."}  # right, and beside the point


class Machine:
    """Settings, an embedder and a chat model, given to the command instead of real ones."""

    def __init__(self, folder: Path) -> None:
        self.settings = settings_in(folder, model="embedded", top_k=2)
        self.embedder = FakeEmbedder()
        self.chat = Believer()
        self.file = folder / "set.jsonl"
        self.write(SET)

    def write(self, rows: list[dict[str, Any]]) -> None:
        self.file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def run(self, draft: Any = DRAFTS, rewritten: str = "", **options: Any) -> int:
        """Run the command with a model of its own that gives no probabilities."""
        self.chat = Believer(draft=draft, rewritten=rewritten)
        return evaluate.evaluate(self.settings, self.file, Options(**options))

    @property
    def drafted(self) -> list[str]:
        """Return the questions of the last run that a draft was written for."""
        return [query.words["question"] for query in self.chat.asked("draft")]

    @property
    def stored(self) -> list[dict[str, Any]]:
        (path,) = (self.settings.cache / "eval").glob("*.jsonl")
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)

    @contextmanager
    def open_model(*_: Any) -> Iterator[Chosen]:
        yield chosen(made.chat)

    monkeypatch.setattr(Embedder, "open", lambda *_: made.embedder)
    monkeypatch.setattr(providers, "open_model", open_model)
    return made


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], dict[str, Any]]:
    def read() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return read


def values(found: dict[str, Any], system: str = "whybot") -> dict[str, Any]:
    return {
        name: (round(estimate["value"], 4), estimate["n"]) if estimate else None
        for name, estimate in found["systems"][system]["all"].items()
        if not name.startswith("seconds")
    }


def test_a_set_with_contexts_needs_no_index(
    machine: Machine, printed: Callable[[], dict[str, Any]]
) -> None:
    assert machine.run(as_json=True) == 0
    assert values(printed()) == {
        "accuracy": (0.5, 2),
        "rouge_l": (0.3, 2),
        "refusal": (1.0, 1),
        "over_refusal": (0.0, 2),
        "answerability_f1": (1.0, 3),
        "citation_validity": (1.0, 2),
        "support": (1.0, 2),
        "withheld": (0.0, 2),
    }
    asked = machine.chat.asked()
    assert not [query for query in asked if "telephone" in query.said], "no passage comes near it"
    for query in asked:
        apples = "apples" in query.said
        assert (APPLES in query.read, PEARS in query.read) == (apples, not apples)
    assert machine.drafted == [row["question"] for row in SET[:2]]


def test_kinds_are_measured_apart(machine: Machine, printed: Callable[[], dict[str, Any]]) -> None:
    machine.run(as_json=True)
    kinds = printed()["systems"]["whybot"]["kinds"]
    assert kinds["direct"]["accuracy"]["n"] == 2 and kinds["direct"]["refusal"] is None
    assert kinds["off-topic"]["refusal"]["n"] == 1 and kinds["off-topic"]["accuracy"] is None


def test_the_table_shows_refusal_beside_over_refusal(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.run()
    lines = capsys.readouterr().out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("refused, of the unanswer"))
    assert "100.0 % [20.7, 100.0] n=1" in lines[at]
    assert "refused, of the answerable" in lines[at + 1] and "0.0 % [" in lines[at + 1]
    assert any(line.startswith("off-topic") for line in lines)


def test_without_contexts_the_index_answers(
    machine: Machine, printed: Callable[[], dict[str, Any]]
) -> None:
    machine.write([{**SET[0], "contexts": []}])
    with pytest.raises(IndexMissing):
        machine.run()
    write_files(machine.settings.corpus, {"fruit.md": f"# Fruit\n\n{APPLES}\n"})
    library.ingest(machine.settings, machine.embedder.real)
    assert machine.run(as_json=True) == 0
    assert values(printed())["accuracy"] == (1.0, 1)
    assert machine.stored[0]["result"]["passages"][0]["document"] == "fruit.md"

    write_files(machine.settings.corpus, {"more.md": f"# More\n\n{PEARS}\n"})
    library.ingest(machine.settings, machine.embedder.real)
    machine.run()
    assert machine.drafted, "another index is another run"


def test_earlier_questions_are_the_history(machine: Machine) -> None:
    machine.write([{**SET[0], "question": "Where do they grow?", "history": ["What of apples?"]}])
    machine.run(rewritten="Where do apples grow?")
    assert machine.stored[0]["result"]["resolved_question"] == "Where do apples grow?"


def test_the_last_evaluation_is_remembered_for_the_bot_to_tell(machine: Machine) -> None:
    machine.run()
    last = last_evaluation.read(machine.settings)["answers"]
    assert (last.name, last.by, last.questions) == ("set", "fake", 3)
    assert last.figures["right, of the answerable"] == "50.0 %"
    assert last.figures["refused, of the unanswerable"] == "100.0 %"


def test_a_question_about_the_bot_is_answered_as_the_product_does(machine: Machine) -> None:
    machine.embedder = FakeEmbedder(chunk_tokens=200)
    write_files(machine.settings.corpus, {"fruit.md": f"# Fruit\n\n{APPLES}\n"})
    library.ingest(machine.settings, machine.embedder.real)
    asked = question("q1", "How many passages do you read?", answers=[["2"]], answerable=True)
    machine.write([{**asked, "contexts": []}])
    machine.run("My top-k is 2.")
    (line,) = machine.stored
    assert line["result"]["passages"][0]["document"] == about.NAME
    machine.write([{**asked, "contexts": [{"text": APPLES}]}])
    machine.run(fresh=True, out=machine.settings.cache / "own.jsonl")
    (row,) = read_answers(machine.settings.cache / "own.jsonl")
    assert [one["text"] for one in row["result"]["passages"]] == [APPLES], "nothing but its own"


def read_answers(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# --- stopping and going on


def test_an_interrupted_run_shows_what_is_there_and_goes_on(
    machine: Machine, printed: Callable[[], dict[str, Any]]
) -> None:
    machine.embedder = FakeEmbedder(stop_at=2)
    assert machine.run(as_json=True) == shell.INTERRUPTED
    found = printed()
    assert found["interrupted"] and values(found)["accuracy"] == (1.0, 1)
    assert last_evaluation.read(machine.settings) == {}, "half a measurement is none"

    machine.embedder = FakeEmbedder()
    assert machine.run(as_json=True) == 0
    assert machine.drafted == [SET[1]["question"]]
    assert values(printed())["accuracy"] == (0.5, 2)
    assert [line["id"] for line in machine.stored] == ["q1", "q2", "q3"]


def test_a_finished_run_opens_no_model(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.run()
    first = capsys.readouterr()
    monkeypatch.setattr(providers, "open_model", None)
    assert machine.run() == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "3 of 3 answers are in" in again.err


def test_half_a_line_of_a_killed_run_is_answered_again(machine: Machine, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    machine.run(out=out)
    whole = out.read_bytes()
    out.write_bytes(whole[:-40])
    assert machine.run(out=out) == 0
    assert machine.chat.asked() == [], "nothing near the third: the others are not asked again"
    ids = [json.loads(line)["id"] for line in out.read_text("utf-8").splitlines()]
    assert ids == ["q1", "q2", "q3"]


def test_answers_of_other_settings_are_not_mixed_in(machine: Machine, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    machine.run(out=out)
    machine.settings = settings_in(tmp_path, model="embedded", top_k=1)
    with pytest.raises(SettingError, match="--fresh"):
        machine.run(out=out)
    assert machine.run(out=out, fresh=True) == 0
    assert machine.drafted == [row["question"] for row in SET[:2]]


def test_other_settings_questions_and_models_are_other_runs(machine: Machine) -> None:
    def key(**changed: Any) -> str:
        values = {"model": "embedded", "top_k": 2, **changed}
        settings = settings_in(machine.file.parent, **values)
        questions = read_questions(machine.file)
        return answers.run_key(settings, questions, machine.embedder.real)

    keys = {key(), key(model="embedded:small"), key(top_k=3), key(grounding="show")}
    machine.write(SET[:2])
    assert len(keys | {key()}) == 5
    assert key() == key(threads=1), "threads change the time alone"


@pytest.mark.parametrize("content", ["my notes", "my notes\n", '{"a": 1}\n', "[]\n"])
def test_a_file_that_holds_no_answers_is_left_alone(
    machine: Machine, tmp_path: Path, content: str
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text(content)
    for fresh in (False, True):
        with pytest.raises(SettingError, match="no file of stored answers"):
            machine.run(out=notes, fresh=fresh)
    assert notes.read_text() == content


def test_a_failed_question_is_told_and_tried_again(
    machine: Machine, printed: Callable[[], dict[str, Any]]
) -> None:
    broken = {**DRAFTS, "apples": [httpx.ReadError("gone")]}
    assert machine.run(broken, as_json=True) == shell.FAILED
    found = printed()
    assert found["failed"][0].startswith("whybot, q1: ")
    assert values(found)["accuracy"] == (0.0, 1)
    assert machine.run(as_json=True) == 0
    assert machine.drafted == [SET[0]["question"]]
    assert values(printed())["accuracy"] == (0.5, 2)


def test_the_first_n_questions_are_kept_for_the_whole_run(machine: Machine) -> None:
    machine.run(limit=1)
    assert machine.drafted == [SET[0]["question"]]
    assert last_evaluation.read(machine.settings) == {}, "one question is not the set"
    machine.run()
    assert machine.drafted == [SET[1]["question"]]
    assert last_evaluation.read(machine.settings)["answers"].questions == 3
    assert [line["id"] for line in machine.stored] == ["q1", "q2", "q3"]


def test_stored_answers_are_measured_again_without_a_model(
    machine: Machine, tmp_path: Path, printed: Callable[[], dict[str, Any]]
) -> None:
    out = tmp_path / "answers.jsonl"
    machine.run(out=out, as_json=True)
    first = printed()["systems"]
    assert evaluate.rescore(out, as_json=True) == 0
    assert printed()["systems"] == first
    with pytest.raises(SettingError):
        evaluate.rescore(tmp_path / "nothing.jsonl", as_json=True)


# --- the baseline


def test_the_baseline_runs_the_tutorial_pipeline_beside_it(
    machine: Machine, printed: Callable[[], dict[str, Any]]
) -> None:
    plainly = {
        "apples": "On trees, where it is mild.",
        "pears": "I don't know.",
        "telephone": "Alexander Bell.",
    }

    def drafts(query: Query) -> dict[str, str]:
        return plainly if query.kind == "baseline" else DRAFTS

    machine.run(drafts, baseline=True, as_json=True)
    found = printed()
    assert values(found)["refusal"] == (1.0, 1)
    plain = values(found, "baseline")
    assert (plain["accuracy"], plain["refusal"], plain["over_refusal"]) == (
        (0.5, 2), (0.0, 1), (0.5, 2),
    )  # fmt: skip
    assert plain["citation_validity"] is None


def test_the_baseline_can_be_added_to_a_finished_run(machine: Machine) -> None:
    machine.run()
    machine.run("a", baseline=True)
    assert {query.kind for query in machine.chat.asked()} == {"baseline"}
    systems = [line["system"] for line in machine.stored]
    assert systems == ["whybot"] * 3 + ["baseline"] * 3


def test_the_command_line_passes_its_options_on(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "read", lambda **options: machine.settings)
    machine.chat = Believer(draft=DRAFTS)
    out = str(machine.file.with_name("out.jsonl"))
    arguments = [str(machine.file), "--limit", "1", "--out", out, "--json"]
    assert main.main(["eval", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["answers"] == out
    assert main.main(["eval", "--rescore", out]) == 0
    assert "100.0 % [20.7, 100.0] n=1" in capsys.readouterr().out
    for wrong in ([], [str(machine.file), "--rescore", out], [str(machine.file), "--limit", "0"]):
        with pytest.raises(SystemExit):
            main.main(["eval", *wrong])
