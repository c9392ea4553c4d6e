"""README, the command's help and CI say the same."""

from __future__ import annotations

import dataclasses
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
def test_every_setting_is_in_the_help(setting: str) -> None:
    assert f"WHYBOT_{setting.upper()} " in ENVIRONMENT


def test_the_help_states_the_defaults() -> None:
    settings = Settings()
    for name in ("top_k", "window", "max_tokens"):
        line = next(line for line in ENVIRONMENT.splitlines() if f"WHYBOT_{name.upper()}" in line)
        assert f"({getattr(settings, name)})" in line


def test_ci_runs_the_command_of_the_readme() -> None:
    (command,) = [line for line in README.splitlines() if line.endswith("tests/run.py")]
    assert (ROOT / ".ci" / "run").read_text("utf-8").rstrip().endswith(f"\n\n{command}")


def test_the_workflow_runs_what_ci_runs_on_every_python() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    assert "- run: .ci/run\n" in workflow
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'requires-python = ">=3.10,<3.14"' in project
    assert 'python: ["3.10", "3.11", "3.12", "3.13"]' in workflow
