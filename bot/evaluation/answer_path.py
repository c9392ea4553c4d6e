"""The code that an answer passes through, as one hash: an answer under another is older.

Comments, docstrings and blank lines do not count, for they change no answer.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Whatever `bot.session` and `bot.answer` import lies in these; a test looks.
PLACES = (
    "ingest",
    "bot/trace.py",
    "bot/llm",
    "bot/path",
    "bot/verify",
    "bot/about",
    "bot/session.py",
    "bot/answer.py",
)
KINDS = (".py", ".txt", ".json")
HAVE_DOCSTRINGS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def files() -> list[Path]:
    """Return the files that an answer passes through, code and data, sorted."""
    found = [path for place in PLACES for path in [ROOT / place, *(ROOT / place).rglob("*")]]
    return sorted(path for path in found if path.suffix in KINDS)


@cache
def digest() -> str:
    """Return the SHA-256 of the answer path, in hex."""
    whole = hashlib.sha256()
    for path in files():
        text = path.read_text("utf-8")
        content = bare(text) if path.suffix == ".py" else text
        name = path.relative_to(ROOT).as_posix()
        whole.update(f"{name} {len(content)}\n{content}".encode())
    return whole.hexdigest()


def bare(source: str) -> str:
    """Return Python source without comments, docstrings, blank lines and trailing blanks."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, HAVE_DOCSTRINGS) and ast.get_docstring(node) is not None:
            said = node.body[0]
            for row in range(said.lineno - 1, said.end_lineno or said.lineno):
                lines[row] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip())
