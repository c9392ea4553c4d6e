"""The index on a Chroma server, through the same code as the folder.

Run: `pytest tests/test_e2e_chroma_server.py`. Skipped without the embedder's weights.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SEED, free_port, serving_chroma

from bot.path.retrieval import Retriever
from ingest import library
from ingest.embedder import Embedder
from ingest.errors import IndexUnreachable
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

Shell = Callable[..., subprocess.CompletedProcess[str]]


def test_ingest_and_retrieve_through_a_server(
    chroma_server: str, tmp_path: Path, whybot: Shell, real_embedder: Embedder
) -> None:
    (tmp_path / "corpus").mkdir()
    shutil.copy(SEED, tmp_path / "corpus")
    made = whybot("ingest", cwd=tmp_path, WHYBOT_CHROMA=chroma_server)
    assert made.returncode == 0, made.stderr
    assert "1 added" in made.stderr
    again = whybot("ingest", cwd=tmp_path, WHYBOT_CHROMA=chroma_server)
    assert "1 unchanged" in again.stderr
    listed = whybot("list", cwd=tmp_path, WHYBOT_CHROMA=chroma_server)
    assert listed.stdout.startswith(f"{SEED.name}\t")
    assert not (tmp_path / ".whybot" / "chroma.sqlite3").exists(), "the folder is not used too"

    settings = replace(
        Settings.read(),
        corpus=tmp_path / "corpus",
        index=tmp_path / ".whybot",
        chroma=chroma_server,
    )
    with Index.read(settings, fingerprint(real_embedder)) as index:
        retriever = Retriever(index, real_embedder)
        best = retriever.retrieve("What are the cons of RAG?", 3)[0]
        assert best.heading == "Retrieval-Augmented Generation (RAG) > Cons"

        # The reader stays open while another client writes.
        path = library.place(settings, "oven.md", b"# Oven\n\nThe oven takes 240 degrees.\n")
        library.ingest(settings, real_embedder)
        assert retriever.retrieve("How hot is the oven?", 3)[0].document == path.name
        library.remove(settings, real_embedder, path.name)
        assert {p.document for p in retriever.retrieve("How hot is the oven?", 9)} == {SEED.name}


def test_a_server_that_is_lost_is_said_in_one_line(tmp_path: Path, real_embedder: Embedder) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    shutil.copy(SEED, corpus)
    with serving_chroma(tmp_path / "store") as address:
        settings = replace(
            Settings.read(), corpus=corpus, index=tmp_path / ".whybot", chroma=address
        )
        library.ingest(settings, real_embedder)
        index = Index.read(settings, fingerprint(real_embedder))
        retriever = Retriever(index, real_embedder)
    with index, pytest.raises(IndexUnreachable, match=f"^[^\n]*{address}[^\n]*$"):
        retriever.retrieve("What are the cons of RAG?", 3)


def test_a_server_that_is_down_is_said_in_one_line(
    tmp_path: Path, whybot: Shell, real_embedder: Embedder
) -> None:
    (tmp_path / "corpus").mkdir()
    address = f"http://127.0.0.1:{free_port()}"
    for command in (["ingest"], ["list"], ["ask", "--model", "embedded:small", "Why?"]):
        result = whybot(*command, cwd=tmp_path, WHYBOT_CHROMA=address)
        assert (result.returncode, result.stdout) == (1, "")
        assert re.fullmatch(
            rf"whybot: No Chroma server answers at {address}\. Mend it with: chroma run .*\n",
            result.stderr,
        )


def test_an_address_that_is_none_is_said_in_one_line(tmp_path: Path, whybot: Shell) -> None:
    result = whybot("list", cwd=tmp_path, WHYBOT_CHROMA="localhost:8000")
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(r"whybot: WHYBOT_CHROMA is 'localhost:8000'; .*\n", result.stderr)
