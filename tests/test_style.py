"""The rules that tools can check, checked: lint, format, types and layers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import ROOT

FILES = sorted([*(ROOT / "ingest").rglob("*.py"), *(ROOT / "bot").rglob("*.py")])
MODULES = [path for path in FILES if path.name != "__init__.py"]


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_the_tool_finds_nothing(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 20


# --- layers: imports go down, wherever they stand

# From the ground up: the rooms of a line do not know each other, and none knows a later line.
# `ingest` is one room; of `bot` a module at its top is a room, or a folder is; of `bot.web` too.
LAYERS = """
ingest
bot.trace
bot.llm
bot.path
bot.verify
bot.about
bot.session
bot.answer bot.explain
bot.records
bot.evaluation
bot.experiments
bot.web
bot.web.history bot.web.reader bot.web.library bot.web.whatif bot.web.compare bot.web.map
bot.web.chat
bot.web.app
bot.cli
bot.__main__
"""
FLOORS = {room: n for n, line in enumerate(LAYERS.split("\n")) for room in line.split()}


def name_of(path: Path) -> str:
    """Return the dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


NAMES = {name_of(path) for path in MODULES}


def room(module: str) -> str:
    """Return the room that a module is in: the longest of the names above that holds it."""
    parts = module.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next(name for name in names if name in FLOORS)


def imported(path: Path) -> set[str]:
    """Return our own modules that a module imports: in functions and for types only as well."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in NAMES else str(node.module))
    return {name for name in found if name in NAMES}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down(path: Path) -> None:
    here = room(name_of(path))
    for other in map(room, imported(path)):
        assert other == here or FLOORS[other] < FLOORS[here], f"{here} imports {other}"


def test_no_imports_go_in_a_circle() -> None:
    arrows = {name_of(path): imported(path) for path in MODULES}
    while free := [name for name, others in arrows.items() if not others & arrows.keys()]:
        for name in free:
            del arrows[name]
    assert not arrows, "circles among these"


def test_every_room_is_there() -> None:
    assert {room(name) for name in NAMES} == {*FLOORS}


def test_a_folder_runs_nothing_when_it_is_imported() -> None:
    for path in set(FILES) - set(MODULES):
        assert not path.read_text("utf-8"), path
