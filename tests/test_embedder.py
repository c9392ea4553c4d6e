"""The embedder on a random model of static vectors: a real SentenceTransformer, made here.

Imports torch, which takes seconds.
"""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest import weights
from ingest.embedder import BATCH, CHUNK_TOKENS, HEADING_TOKENS, Embedder
from ingest.errors import SettingError
from ingest.settings import Settings
from ingest.sync import fingerprint

pytestmark = pytest.mark.slow  # torch alone takes as long as a hundred other tests

WORDS = "apples pears plums grow on tall trees , . ask say".split()


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: n for n, word in enumerate(["[UNK]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(0)
    model = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_dim=16)],
        device="cpu",
        prompts={"query": "ask ", "document": "say "},
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def embedder(model_folder: Path) -> Embedder:
    return Embedder.open(Settings(embedder=str(model_folder)))


def test_vectors_are_unit_length_float32(embedder: Embedder) -> None:
    found = embedder.documents(["apples", "tall trees", "zeppelins"])
    assert found.shape == (3, 16)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    query = embedder.query("apples grow")
    assert query.shape == (16,)
    assert query.dtype == np.float32
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-6)


def test_the_models_own_prompts_are_used(embedder: Embedder) -> None:
    encode: Any = embedder.load().encode
    for found, text in (
        (embedder.query("apples"), "ask apples"),
        (embedder.documents(["apples"])[0], "say apples"),
    ):
        np.testing.assert_allclose(found, encode(text, normalize_embeddings=True), atol=1e-6)
    assert not np.allclose(embedder.query("apples"), embedder.documents(["apples"])[0], atol=1e-3)


def test_batches_make_no_difference_and_are_counted(embedder: Embedder) -> None:
    texts = [" ".join(WORDS[: n % 7 + 1]) for n in range(BATCH * 2 + 5)]
    counts: list[int] = []
    together = embedder.documents(texts, counts.append)
    assert counts == [BATCH, BATCH, 5]
    alone = np.concatenate([embedder.documents([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_tokens_begin_where_the_models_tokenizer_says(model_folder: Path) -> None:
    fresh = Embedder.open(Settings(embedder=str(model_folder)))
    text = "apples,  pears\nzeppelins."
    starts = fresh.token_starts(text)
    assert [text[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)] == [
        "apples",
        ",",
        "pears",
        "zeppelins",
        ".",
    ]
    assert fresh.token_starts("") == []
    assert len(fresh.token_starts("apples " * 5000)) == 5000  # nothing is cut off
    assert "_model" not in vars(fresh)  # counting needs no torch


def test_the_length_of_a_chunk_follows_the_models(model_folder: Path, tmp_path: Path) -> None:
    for longest, wanted in ((128, 128 - HEADING_TOKENS), (512, CHUNK_TOKENS)):
        folder = tmp_path / str(longest)
        shutil.copytree(model_folder, folder)
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": longest}))
        assert Embedder.open(Settings(embedder=str(folder))).chunk_tokens == wanted
    assert Embedder(model_folder, "x", "1").chunk_tokens == min(CHUNK_TOKENS, 256 - HEADING_TOKENS)


def test_the_revision_of_a_folder_is_its_content(model_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny"
    shutil.copytree(model_folder, copy)
    first = Embedder.open(Settings(embedder=str(model_folder)))
    assert fingerprint(Embedder.open(Settings(embedder=str(copy)))) == fingerprint(first)
    (copy / "README.md").write_text("Changed.")
    assert fingerprint(Embedder.open(Settings(embedder=str(copy)))) != fingerprint(first)
    assert fingerprint(first)["embedder"] == "tiny"


def test_a_pinned_model_is_fetched_and_has_its_pinned_revision(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "all-MiniLM-L6-v2"
    asked = []

    def fetch(settings: Settings, name: str, progress: Any = None) -> Path:
        asked.append(name)
        return model_folder

    monkeypatch.setattr(weights, "fetch", fetch)
    embedder = Embedder.open(Settings(embedder=name))
    assert asked == [name]
    assert (embedder.folder, embedder.name) == (model_folder, name)
    assert embedder.revision == weights.MODELS[name].revision


@pytest.mark.parametrize("name", ["no-such-model", "/", "~"])
def test_what_is_no_model_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="neither a pinned model nor a folder"):
        Embedder.open(Settings(embedder=name))


def test_threads_load_one_model(model_folder: Path) -> None:
    fresh = Embedder.open(Settings(embedder=str(model_folder)))
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(fresh.load())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(model is found[0] for model in found)
