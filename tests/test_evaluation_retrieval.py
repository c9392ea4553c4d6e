"""`whybot eval --retrieval` measures the product's retriever on a BEIR set, embedded once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeEmbedder, passage, settings_in, write_files

from bot.about import last_evaluation
from bot.cli import evaluate, shell
from bot.evaluation import retrieval as ranking
from bot.evaluation.baseline import by_cosine
from ingest.embedder import Embedder
from ingest.errors import SettingError
from ingest.settings import Settings

TEXTS = {
    "1": "Apples grow on trees in temperate climates.",
    "2": "Pears ripen after the harvest.",
    "3": "Granite forms deep in the crust.",
    "4": "Rivers carry sand to the sea.",
}
QUERIES = {"a": "Where do apples grow?", "b": "When do pears ripen?", "c": "no judgement"}
QRELS = "query-id\tcorpus-id\tscore\na\t1\t1\nb\t2\t1\nb\t4\t1\nc\t3\t0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = [{"_id": id, "title": "", "text": text} for id, text in TEXTS.items()]
    queries = [{"_id": id, "text": text} for id, text in QUERIES.items()]
    write_files(tmp_path / "fruit", {
        "corpus.jsonl": "".join(json.dumps(row) + "\n" for row in corpus),
        "queries.jsonl": "".join(json.dumps(row) + "\n" for row in queries),
        "qrels.tsv": QRELS,
    })  # fmt: skip
    return tmp_path / "fruit"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def run(
    settings: Settings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, dict[str, Any]]]:
    def ranked(embedder: FakeEmbedder, **options: Any) -> tuple[int, dict[str, Any]]:
        monkeypatch.setattr(Embedder, "open", lambda *_: embedder)
        code = evaluate.rank(settings, folder, as_json=True, **options)
        return code, json.loads(capsys.readouterr().out)

    return ranked


def test_all_three_rankings_are_measured(
    run: Callable[..., tuple[int, dict[str, Any]]], settings: Settings
) -> None:
    code, found = run(FakeEmbedder())
    assert code == 0 and (found["questions"], found["passages"]) == (2, 4)
    fused, bm25 = found["systems"]["fused"], found["systems"]["bm25"]
    assert fused["recall@5"]["value"] == 1 and fused["mrr@10"]["value"] == 1
    assert 0.8 < fused["ndcg@10"]["value"] < 1, "passage 4 shares no word with question b"
    assert bm25["recall@10"]["value"] == 0.75, "BM25 alone does not find it at all"
    assert found["systems"]["dense"]["recall@10"]["value"] == 1
    assert found["seconds"]["n"] == 2
    touched = [path.name for path in settings.index.iterdir()]
    assert touched == [last_evaluation.FILE], "the user's own index is not"
    last = last_evaluation.read(settings)["retrieval"]
    assert (last.name, last.by, last.questions) == ("fruit", "fake", 2)
    assert last.figures["nDCG@10"] == f"{fused['ndcg@10']['value']:.3f}"


def test_each_ranking_alone_keeps_its_own_order_and_leaves_out_what_it_did_not_find() -> None:
    found = [
        passage(1, "a", dense_rank=3, bm25_rank=None),
        passage(2, "b", dense_rank=None, bm25_rank=2),
        passage(3, "c", dense_rank=1, bm25_rank=1),
    ]
    assert [p.text for p in by_cosine(found)] == ["c", "a"]
    assert [p.text for p in ranking.by_words(found)] == ["c", "b"]


def test_passages_are_embedded_once(run: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    first, again = FakeEmbedder(), FakeEmbedder()
    before, after = run(first)[1], run(again)[1]
    assert (len(first.texts), len(again.texts)) == (4, 0)
    assert before["systems"] == after["systems"]
    fresh = FakeEmbedder()
    run(fresh, fresh=True)
    assert len(fresh.texts) == 4


def test_an_interrupted_embedding_goes_on(
    run: Callable[..., tuple[int, dict[str, Any]]],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ranking, "FLUSH", 1)
    code, found = run(FakeEmbedder(stop_at=3))
    assert code == shell.INTERRUPTED and found["interrupted"] and found["questions"] == 0
    assert last_evaluation.read(settings) == {}, "half a measurement is none"
    rest = FakeEmbedder()
    code, found = run(rest)
    assert code == 0 and len(rest.texts) == 2 and found["questions"] == 2


def test_the_first_n_questions_can_be_ranked(
    run: Callable[..., tuple[int, dict[str, Any]]], settings: Settings
) -> None:
    assert run(FakeEmbedder(), limit=1)[1]["questions"] == 1
    assert last_evaluation.read(settings) == {}, "one question is not the set"


def test_the_table_has_a_column_for_each_ranking(
    settings: Settings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Embedder, "open", lambda *_: FakeEmbedder())
    assert evaluate.rank(settings, folder) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["fused", "dense", "bm25"]
    assert lines[3].startswith("recall@5    100.0 % [100.0, 100.0] n=2")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("qrels.tsv", "a 1 1\n", "qrels.tsv, line 1"),
        ("qrels.tsv", "", "no question with a relevant one"),
        ("corpus.jsonl", '{"text": "a"}\n', 'line 1, has no "_id"'),
        ("corpus.jsonl", '{"_id": 1, "text": "a"}\n{"_id": 1, "text": "b"}\n', "same _id"),
    ],
)
def test_a_set_that_is_not_in_the_layout_is_refused(
    settings: Settings, folder: Path, name: str, content: str, said: str
) -> None:
    (folder / name).write_text(content)
    with pytest.raises(SettingError, match=said):
        evaluate.rank(settings, folder)
    (folder / name).unlink()
    with pytest.raises(SettingError, match="cannot be read"):
        evaluate.rank(settings, folder)
