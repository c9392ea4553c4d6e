"""README, the command's help and CI say the same."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from bot.cli.main import ENVIRONMENT, build_parser
from ingest.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def commands() -> list[str]:
    (group,) = [action for action in build_parser()._actions if action.dest == "command"]
    assert group.choices
    return list(group.choices)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"whybot {command}" in README


@pytest.mark.parametrize("setting", [field.name for field in dataclasses.fields(Settings)])
def test_every_setting_is_in_the_help_and_the_readme(setting: str) -> None:
    assert f"\n  WHYBOT_{setting.upper()} " in ENVIRONMENT
    assert f"\nWHYBOT_{setting.upper()} " in README


@pytest.mark.parametrize("text", [ENVIRONMENT, README], ids=["help", "readme"])
@pytest.mark.parametrize("name", ["top_k", "window", "max_tokens"])
def test_the_defaults_are_those_in_force(text: str, name: str) -> None:
    line = next(line for line in text.splitlines() if f"WHYBOT_{name.upper()} " in line)
    assert f"({getattr(Settings(), name)})" in line


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 130


DOCUMENTS = ("README.md", "bot/README.md", "ingest/README.md", "tests/README.md",
             "tests/gold/README.md", ".github/CONTRIBUTING.md")  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_link_leads_to_a_file(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    places = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [
        place for place in places if not (ROOT / document).parent.joinpath(place).exists()
    ] == []


@pytest.mark.parametrize("document", ["bot/README.md", "ingest/README.md"])
def test_a_module_that_is_named_is_there(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    there = {
        path.name for floor in ("bot", "ingest", "tests") for path in (ROOT / floor).rglob("*")
    }
    named = {*re.findall(r"\b\w+\.(?:py|txt|js|css)\b", text)}
    assert named and named <= there


def test_ci_runs_the_command_of_the_readme() -> None:
    (command,) = [line for line in README.splitlines() if line.endswith("tests/run.py")]
    assert (ROOT / ".ci" / "run").read_text("utf-8").rstrip().endswith(f"\n\n{command}")


def test_the_workflow_runs_what_ci_runs_on_every_python() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    assert "- run: .ci/run\n" in workflow
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'requires-python = ">=3.10,<3.14"' in project
    assert 'python: ["3.10", "3.11", "3.12", "3.13"]' in workflow
