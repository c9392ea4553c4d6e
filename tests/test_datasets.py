"""Question files are checked whole, and what they bring is ranked as the index would be."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import FakeEmbedder

from bot.evaluation.datasets import over, read_questions, row
from ingest.errors import SettingError


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "line 2, is no JSON"),
        ("[]", "line 2, is no JSON object"),
        ('{"question": " "}', 'line 2, has no "question"'),
        ('{"question": "a", "contexts": ["b"]}', '"contexts" is a list of'),
        ('{"question": "a", "answers": ["b"]}', '"answers" is a list of lists'),
        ('{"question": "a", "answers": [[""]]}', '"answers" is a list of lists'),
        ('{"question": "a", "history": "b"}', '"history" is a list'),
        ('{"question": "a", "answerable": "no"}', '"answerable" is true or false'),
        ('{"question": "a", "id": "q1"}', "two questions with the id 'q1'"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_answered(
    tmp_path: Path, row: str, said: str
) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text('{"id": "q1", "question": "a"}\n' + row + "\n")
    with pytest.raises(SettingError, match=said):
        read_questions(file)


def test_what_a_line_leaves_out_has_a_plain_meaning(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    file.write_text('\n{"question": " a? "}\n{"question": "b", "answers": [["x", "y"]]}\n')
    first, second = read_questions(file)
    assert (first.id, first.question, first.answerable, first.contexts) == ("2", "a?", False, ())
    assert (second.id, second.answerable, second.answers) == ("3", True, (("x", "y"),))


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    with pytest.raises(SettingError, match="cannot be read"):
        read_questions(file)
    file.write_text("\n")
    with pytest.raises(SettingError, match="holds no question"):
        read_questions(file)


def test_contexts_are_the_only_passages_ranked_and_scored_as_always() -> None:
    texts = ["Pears ripen late.", "Apples grow on **trees**.", "Granite is old."]
    embedder = FakeEmbedder()
    found = over(texts, embedder.real).retrieve("Where do apples grow?", 9)
    assert found[0].text == texts[1] and {passage.text for passage in found} == {*texts}
    assert (found[0].n, found[0].document, found[0].dense_rank, found[0].bm25_rank) == (
        1, "context-2", 1, 1,
    )  # fmt: skip
    assert found[0].score > 0.3 > found[1].score
    assert embedder.texts[1] == "Apples grow on trees."


def test_a_title_is_embedded_with_its_text() -> None:
    chunk, words = row("7", "Fruit", "- Apples\n- Pears")
    assert words == "Fruit. Apples Pears" and chunk.text == "- Apples\n- Pears"
    assert (chunk.id, chunk.title, chunk.end) == ("7", "Fruit", len(chunk.text))
