"""Files that earlier versions wrote are still read: conversations and receipts of form 1.

They were written by commit 793d577, before fields were renamed, and are not written anew.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bot.records import conversation_html, conversations, receipt_file, receipt_html
from bot.trace import CODE_NAMES, JSON_NAMES, Parameters

STORED = Path(__file__).parent / "stored"
ID = "0" * 32
LATER: dict[str, Any] = {
    "last_page": None,
    "place": "",
    "head": "",
    "row": "",
    "only": [],
}  # fields added since, when unset


def without_later(kept: Any) -> Any:
    """Return what is written of a record, without the fields that it did not have yet."""

    def cut(value: Any) -> Any:
        if isinstance(value, list):
            return [cut(one) for one in value]
        if not isinstance(value, dict):
            return value
        later = {name for name, unset in LATER.items() if value.get(name, 1) == unset}
        return {name: cut(one) for name, one in value.items() if name not in later}

    return cut(json.loads(json.dumps(kept)))


def test_a_conversation_is_read_and_written_as_it_was(tmp_path: Path) -> None:
    shutil.copy(STORED / "conversation.json", tmp_path / f"{ID}.json")
    kept = conversations.read(tmp_path, ID)
    answered, stopped = kept.exchanges
    assert answered.answer and answered.answer.answer == "RAG adds latency. [1]"
    assert answered.answer.parameters == Parameters(2, 0.5, 0.1)
    gate = answered.answer.gate
    assert (gate.threshold, gate.answerable_threshold) == (0.1, 0.5)
    assert gate.signals and not gate.signals.mismatch
    assert stopped.rewritten == "Why is latency a con of RAG?"
    assert without_later(kept.to_json()) == json.loads(
        (STORED / "conversation.json").read_text("utf-8")
    )
    assert "Why is latency a con of RAG?" in conversation_html.page(kept)


@pytest.mark.parametrize("name", ["receipt.json", "receipt.html"])
def test_a_receipt_is_read_and_written_as_it_was(name: str) -> None:
    kept = receipt_file.read(STORED / name)
    assert kept.answer.parameters == Parameters(2, 0.5, 0.1)
    assert kept.answer.gate.threshold == 0.1
    written = json.loads((STORED / "receipt.json").read_text("utf-8"))
    assert without_later(kept.to_json()) == written
    assert "threshold 0.1" in receipt_html.page(kept)


def test_no_name_of_the_json_is_another_of_the_code() -> None:
    """Else a name that is read could be taken for the wrong one of two."""
    assert not JSON_NAMES.keys() & JSON_NAMES.values()
    assert len(CODE_NAMES) == len(JSON_NAMES)
