"""The last evaluation of each kind, in one file beside the index.

`whybot eval` writes it, and the document about the bot tells of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Literal

from ingest.errors import SettingError
from ingest.library import write_whole
from ingest.settings import Settings

FILE = "evaluation.json"  # in the folder of the index
Kind = Literal["answers", "retrieval"]


@dataclass(frozen=True)
class Measured:
    """One evaluation, in figures for people."""

    date: str  # ISO 8601, UTC
    name: str  # of the question set
    by: str  # the model that answered, or the embedder that ranked
    questions: int
    figures: dict[str, str]  # value by label


def keep(
    settings: Settings,
    kind: Kind,
    name: str,
    by: str,
    questions: int,
    figures: dict[str, str],
) -> None:
    """Remember an evaluation in place of the last one of its kind. Raises SettingError.

    figures: value by label, both for people.
    """
    today = datetime.now(timezone.utc).date().isoformat()
    kept = {**read(settings), kind: Measured(today, name, by, questions, figures)}
    text = json.dumps({kind: asdict(one) for kind, one in kept.items()}, indent=2)
    try:
        settings.index.mkdir(parents=True, exist_ok=True)
        write_whole(settings.index / FILE, f"{text}\n".encode())
    except OSError as error:
        raise SettingError(f"{settings.index / FILE} cannot be written: {error}.") from error


def read(settings: Settings) -> dict[str, Measured]:
    """Return the last evaluation of each kind; none where nothing was measured.

    Raises SettingError for a file that is none of ours.
    """
    from pydantic import TypeAdapter, ValidationError

    path = settings.index / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return TypeAdapter(dict[str, Measured]).validate_json(data)
    except ValidationError as error:
        raise SettingError(f"{path} is no record of evaluations.", f"rm {path}") from error
