"""The rules that tools can check, checked: lint, format, types, layers and sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import ROOT

MODULES = sorted([*(ROOT / "ingest").rglob("*.py"), *(ROOT / "bot").rglob("*.py")])
LINES = 320  # of a module, at most


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_the_tool_finds_nothing(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 20


def test_nothing_in_ingest_imports_bot() -> None:
    for path in (ROOT / "ingest").rglob("*.py"):
        assert "bot" not in imported(path), path


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a module imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.add(str(node.module).split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_is_too_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LINES
