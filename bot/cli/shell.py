"""What the commands have in common: exit codes, and how a person is told what is no answer."""

from __future__ import annotations

import sys

ANSWERED, FAILED, USAGE, ABSTAINED, INTERRUPTED = 0, 1, 2, 3, 130


def say(line: str) -> None:
    """Tell the person something that is no answer."""
    print(line, file=sys.stderr, flush=True)
