"""The hash of the code that an answer passes through."""

from __future__ import annotations

import pytest
from test_style import MODULES, imported, name_of

from bot.evaluation import answer_path

SOURCE = """\
\"\"\"What it is.\"\"\"

LIMIT = 3  # why


def double(x: int) -> int:
    \"\"\"Return twice as much.\"\"\"
    text = "# no comment"  # one
    return 2 * x
"""


def test_all_that_an_answer_imports_is_hashed() -> None:
    paths = {name_of(path): path for path in MODULES}
    todo, seen = ["bot.answer", "bot.session"], set[str]()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += imported(paths[name])
    assert len(seen) > 20
    assert {paths[name] for name in seen} <= {*answer_path.files()}


def test_comments_docstrings_and_blank_lines_do_not_count() -> None:
    assert answer_path.bare(SOURCE).splitlines() == [
        "LIMIT = 3",
        "def double(x: int) -> int:",
        '    text = "# no comment"',
        "    return 2 * x",
    ]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# why", "# another reason", True),
        ("What it is.", "What it does.", True),
        ("Return twice as much.", "Double.", True),
        ("= 3", "= 4", False),
        ("2 * x", "x + x", False),
        ("# no comment", "# none", False),
    ],
)
def test_only_what_can_change_an_answer_changes_it(old: str, new: str, same: bool) -> None:
    assert old in SOURCE
    changed = SOURCE.replace(old, new)
    assert (answer_path.bare(changed) == answer_path.bare(SOURCE)) is same


def test_data_counts_too() -> None:
    assert any(path.name == "sample_questions.txt" for path in answer_path.files())
