"""Documents in and out of the index by the command line, with the real embedder and Chroma.

Run: `pytest tests/test_e2e_documents.py`. Two minutes; skipped without the embedder's weights.
"""

from __future__ import annotations

import io
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import samples
from conftest import SEED

from bot.path.retrieval import Retriever
from bot.trace import Passage
from ingest.documents import read_document
from ingest.embedder import Embedder
from ingest.errors import IndexMissing
from ingest.index import Index
from ingest.settings import Settings
from ingest.sync import fingerprint

Shell = Callable[..., subprocess.CompletedProcess[str]]

HTML = """<!doctype html><title>Tram line 9</title><h1>Tram line 9</h1>
<p>The line runs from Velden to the lake.</p>
<h2>Fares</h2><p>A day ticket costs 4.20 crowns; children under seven ride free.</p>
<h2>Night service</h2><p>After midnight a bus replaces the tram.</p>"""
MARKDOWN = """# Sourdough

## Feeding

Feed the starter with 50 g of rye flour every evening.

## Baking

Bake the loaf at 240 degrees for forty minutes.
"""


def pdf() -> bytes:
    pages = [
        ["Quorvale harbour", "The harbour office opens at six in the morning."],
        ["Tides", "The spring tide at Quorvale reaches 7.4 metres above chart datum."],
    ]
    outline = [("Quorvale harbour", 0), ("Tides", 1)]
    return samples.pdf_bytes(pages, title="Quorvale harbour", outline=outline)


def docx() -> bytes:
    from docx import Document

    file = Document()
    file.add_heading("Beekeeping at Melvane", 1)
    file.add_paragraph("The apiary has twelve hives by the orchard wall.")
    file.add_heading("Varroa mites", 2)
    file.add_paragraph("Varroa mites are treated with oxalic acid on 12 December.")
    stream = io.BytesIO()
    file.save(stream)
    return stream.getvalue()


def settings_of(folder: Path) -> Settings:
    """Give the settings that a command without options has in the folder."""
    return Settings(corpus=folder / "corpus", index=folder / ".whybot")


@contextmanager
def reading(folder: Path, embedder: Embedder) -> Iterator[Retriever]:
    with Index.read(settings_of(folder), fingerprint(embedder)) as index:
        yield Retriever(index, embedder)


def first(folder: Path, embedder: Embedder, question: str) -> Passage:
    with reading(folder, embedder) as retriever:
        return retriever.retrieve(question, 3)[0]


@pytest.fixture
def folder(tmp_path: Path, real_embedder: Embedder) -> Path:
    """Make a working folder whose corpus is the seed document."""
    (tmp_path / "corpus").mkdir()
    shutil.copy(SEED, tmp_path / "corpus")
    return tmp_path


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, whybot: Shell, real_embedder: Embedder) -> Path:
    """Make a working folder and add a document of each format to it."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "corpus").mkdir()
    shutil.copy(SEED, folder / "corpus")
    incoming = folder / "incoming"
    incoming.mkdir()
    (incoming / "harbour.pdf").write_bytes(pdf())
    (incoming / "bees.docx").write_bytes(docx())
    (incoming / "tram.html").write_text(HTML, encoding="utf-8")
    names = [f"incoming/{name}" for name in ("harbour.pdf", "bees.docx", "tram.html")]
    added = whybot("add", *names, cwd=folder)
    assert (added.returncode, added.stdout) == (0, ""), added.stderr
    assert "4 added" in added.stderr
    piped = whybot("add", "--name", "bread/sourdough.md", "-", cwd=folder, stdin=MARKDOWN)
    assert (piped.returncode, piped.stdout) == (0, ""), piped.stderr
    assert "1 added" in piped.stderr
    assert "4 unchanged" in piped.stderr
    return folder


@pytest.mark.parametrize(
    ("question", "document", "heading", "page", "fact"),
    [
        ("How high is the spring tide?", "harbour.pdf", "Tides", 2, "7.4 metres"),
        (
            "What helps against varroa?",
            "bees.docx",
            "Beekeeping at Melvane > Varroa mites",
            None,
            "oxalic acid",
        ),
        ("What does a day ticket cost?", "tram.html", "Tram line 9 > Fares", None, "4.20"),
        (
            "How do I feed the sourdough starter?",
            "bread/sourdough.md",
            "Sourdough > Feeding",
            None,
            "rye flour",
        ),
        ("What are the cons of fine-tuning?", SEED.name, "Fine-Tuning > Cons", None, "Overfitting"),
    ],
)
def test_each_document_is_found_where_it_says_so(
    shelf: Path,
    real_embedder: Embedder,
    question: str,
    document: str,
    heading: str,
    page: int | None,
    fact: str,
) -> None:
    best = first(shelf, real_embedder, question)
    assert (best.document, best.page) == (document, page)
    # A document's one top heading may or may not be part of the path.
    assert best.heading == heading or heading.endswith(f" > {best.heading}")
    assert fact in best.text


def test_every_passage_is_a_slice_of_its_document(shelf: Path, real_embedder: Embedder) -> None:
    with Index.read(settings_of(shelf), fingerprint(real_embedder)) as index:
        chunks = index.chunks()
        vectors = index.vectors([chunk.id for chunk in chunks])
    assert len({chunk.document for chunk in chunks}) == 5
    texts = {
        name: read_document(name, (shelf / "corpus" / name).read_bytes()).text
        for name in {chunk.document for chunk in chunks}
    }
    for chunk in chunks:
        assert texts[chunk.document][chunk.start : chunk.end] == chunk.text
        assert abs(float(vectors[chunk.id] @ vectors[chunk.id]) - 1) < 1e-5


# The rank that the right section of the seed document had when this was written, at most.
@pytest.mark.parametrize(
    ("question", "heading", "rank"),
    [
        ("What are the cons of RAG?", "Retrieval-Augmented Generation (RAG) > Cons", 1),
        ("What are the cons of fine-tuning?", "Fine-Tuning > Cons", 1),
        ("What are the pros of RAG?", "Retrieval-Augmented Generation (RAG) > Pros", 1),
        ("What does overfitting mean for fine-tuning?", "Fine-Tuning > Cons", 1),
        ("What is retrieval-augmented generation?", "Retrieval-Augmented Generation (RAG)", 3),
        ("What are the advantages of fine-tuning?", "Fine-Tuning > Pros", 2),
        ("When should I use RAG?", "When to Use RAG", 2),
        ("When is fine-tuning the right choice?", "When to Use Fine-Tuning", 4),
    ],
)
def test_retrieval_has_not_become_worse(
    seed_index: Settings, real_embedder: Embedder, question: str, heading: str, rank: int
) -> None:
    with Index.read(seed_index, fingerprint(real_embedder)) as index:
        found = Retriever(index, real_embedder).retrieve(question, 5)
    assert heading in [passage.heading for passage in found[:rank]]
    assert [passage.n for passage in found] == [1, 2, 3, 4, 5]
    assert found == sorted(found, key=lambda passage: -passage.score)


def test_a_second_ingest_changes_nothing(shelf: Path, whybot: Shell) -> None:
    before = whybot("list", cwd=shelf)
    again = whybot("ingest", cwd=shelf)
    assert again.returncode == 0
    assert "0 added, 0 updated, 0 moved, 0 removed, 5 unchanged" in again.stderr
    assert "0 embedded" in again.stderr
    after = whybot("list", cwd=shelf)
    assert after.stdout == before.stdout
    names = [line.split("\t")[0] for line in after.stdout.splitlines()]
    assert names == sorted(
        ["bees.docx", "bread/sourdough.md", SEED.name, "harbour.pdf", "tram.html"]
    )
    assert re.search(r"^harbour\.pdf\tQuorvale harbour\t\d+ chunks, 2 pages$", after.stdout, re.M)


def test_an_open_reader_sees_what_another_process_adds_and_removes(
    folder: Path, whybot: Shell, real_embedder: Embedder
) -> None:
    question = "How do I feed the sourdough starter?"
    assert whybot("ingest", cwd=folder).returncode == 0
    with reading(folder, real_embedder) as retriever:
        assert retriever.retrieve(question, 1)[0].document == SEED.name

        added = whybot("add", "--name", "sourdough.md", "-", cwd=folder, stdin=MARKDOWN)
        assert added.returncode == 0, added.stderr
        best = retriever.retrieve(question, 1)[0]
        assert (best.document, best.heading.split(" > ")[-1]) == ("sourdough.md", "Feeding")

        removed = whybot("remove", "sourdough.md", cwd=folder)
        assert removed.returncode == 0, removed.stderr
        assert {p.document for p in retriever.retrieve(question, 20)} == {SEED.name}
    assert not (folder / "corpus" / "sourdough.md").exists()
    kept = [path for path in folder.rglob("sourdough.md") if path.read_text() == MARKDOWN]
    assert len(kept) == 1, "a removed file is moved away, not lost"

    again = whybot("remove", "sourdough.md", cwd=folder)
    assert (again.returncode, again.stdout) == (1, "")
    assert re.fullmatch(r"whybot: .*'sourdough.md'.*whybot list\n", again.stderr)


def test_what_cannot_be_read_is_named_and_skipped_and_the_rest_goes_on(
    folder: Path, whybot: Shell, real_embedder: Embedder
) -> None:
    corpus = folder / "corpus"
    bad = {
        "binary.md": (b"\x89PNG\r\n\0\0\0\rIHDR", "binary"),
        "empty.txt": (b" \n", "empty"),
        "locked.pdf": (samples.pdf_bytes([["secret"]], encrypted=True), "encrypted"),
        "old.doc": (b"\xd0\xcf\x11\xe0", "save it as .docx"),
        "table.xyz": (b"text", "unsupported"),
        "torn.docx": (docx()[:-400], ""),
    }
    for name, (data, _) in bad.items():
        (corpus / name).write_bytes(data)
    (corpus / "zz-last.md").write_text(MARKDOWN, encoding="utf-8")

    result = whybot("ingest", cwd=folder)

    assert (result.returncode, result.stdout) == (1, "")
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("skipped: ")]
    assert len(lines) == len(bad)
    for line, (name, (_, reason)) in zip(lines, sorted(bad.items()), strict=True):
        assert line.startswith(f"skipped: {name}: ")
        assert reason in line
    assert "2 added" in result.stderr
    assert first(folder, real_embedder, "How hot is the oven for the loaf?").document.startswith(
        "zz-last"
    )

    refused = whybot("add", "--name", "new.xyz", "-", cwd=folder, stdin="text")
    assert refused.returncode == 1
    assert not (corpus / "new.xyz").exists()


def stations() -> dict[str, str]:
    """Write 4 documents of 50 sections, one chunk each, no two alike."""
    words = "signal platform timetable freight junction viaduct conductor luggage".split()
    return {
        f"line-{line}.md": f"# Line {line}\n\n"
        + "\n\n".join(
            f"## Station {line}-{stop}\n\nThe station master of {line}-{stop} keeps "
            f"{line * 50 + stop} lamps. "
            + " ".join(
                f"The {words[(line + stop + n) % 8]} of stop {stop} was mended in {1850 + n * 7}."
                for n in range(4)
            )
            for stop in range(50)
        )
        for line in range(4)
    }


def test_an_interrupted_ingest_goes_on_where_it_was(folder: Path, real_embedder: Embedder) -> None:
    for name, text in stations().items():
        (folder / "corpus" / name).write_text(text, encoding="utf-8")
    settings = settings_of(folder)
    command = [sys.executable, "-m", "bot", "ingest"]

    def written() -> int:
        try:
            with Index.read(settings, fingerprint(real_embedder)) as index:
                return len(index.chunks())
        except IndexMissing:
            return 0

    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, encoding="utf-8") as process:
        end = time.monotonic() + 200
        while not written() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=60)[1]
    assert process.returncode == 130, stderr
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    kept = written()
    assert 0 < kept < 200

    again = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", timeout=300, check=True
    )
    with Index.read(settings, fingerprint(real_embedder)) as index:
        chunks = index.chunks()
        assert len(index.vectors([chunk.id for chunk in chunks])) == len(chunks)
    assert len(chunks) == 200 + 9
    assert f"{len(chunks) - kept} embedded now" in again.stderr, "what was embedded is kept"
    texts = {p.name: p.read_text(encoding="utf-8") for p in (folder / "corpus").iterdir()}
    assert all(texts[c.document][c.start : c.end] == c.text for c in chunks)
    best = first(folder, real_embedder, "How many lamps does the station master of 3-49 keep?")
    assert (best.document, "199 lamps" in best.text) == ("line-3.md", True)
