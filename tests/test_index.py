"""The index on a real Chroma: what is kept, who may write, and what other processes see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

import numpy as np
import pytest
from fakes import indexed, run_python, settings_in, start_python, vector, vectors
from numpy.typing import NDArray

from ingest import index as index_module
from ingest.errors import (
    IndexBusy,
    IndexMismatch,
    IndexMissing,
    IndexUnreachable,
    SettingError,
)
from ingest.index import REBUILD, Index, IndexedChunk
from ingest.settings import Settings

PRINT = {"embedder": "fake", "chunker": 1}
APPLE = indexed("a", "apples grow on trees", "fruit.md", number=0, of=2, heading="Fruit > Apples")
PEAR = indexed("p", "pears taste sweet", "fruit.md", number=1, of=2, page=3, start=30, end=47)
STONE = indexed("s", "granite weathers slowly", "rock.md")

# A writer in a process of its own: WRITE folder id text
WRITE = """
import sys
from pathlib import Path
from fakes import indexed, settings_in, vectors
from ingest.index import Index
folder, id, text = sys.argv[1:]
with Index.write(settings_in(Path(folder)), {"embedder": "fake", "chunker": 1}) as index:
    chunks = [indexed(id, text)]
    index.upsert(chunks, vectors(chunks))
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def write(settings: Settings, *chunks: IndexedChunk) -> None:
    with Index.write(settings, PRINT) as index:
        index.upsert(chunks, vectors(chunks))


# --- what is kept


def test_what_was_written_is_read_in_the_order_of_documents_and_text(settings: Settings) -> None:
    write(settings, STONE, PEAR, APPLE)
    with Index.read(settings, PRINT) as index:
        assert index.chunks() == [APPLE, PEAR, STONE]
        assert index.chunks("fruit.md") == [APPLE, PEAR]
        assert index.chunks("") == []


def test_similarity_is_the_cosine_best_first(settings: Settings) -> None:
    rows = [APPLE, PEAR, STONE]
    matrix = np.array([[1, 0], [3, 3], [0, 0.5]], dtype=np.float32)  # not of unit length
    with Index.write(settings, PRINT) as index:
        index.upsert(rows, matrix)
    with Index.read(settings, PRINT) as index:
        found = index.nearest(np.array([1, 0], dtype=np.float32), 10)
        assert list(found) == ["a", "p", "s"]
        assert list(found.values()) == pytest.approx([1.0, 2**-0.5, 0.0], abs=1e-6)
        assert list(index.nearest(np.array([0, 1], dtype=np.float32), 1)) == ["s"]


def test_vectors_come_back_as_written_and_unknown_ids_are_left_out(settings: Settings) -> None:
    write(settings, APPLE, STONE)
    with Index.read(settings, PRINT) as index:
        found = index.vectors(["s", "nobody", "a"])
        assert index.vectors([]) == {}
    assert found.keys() == {"a", "s"}
    for chunk in (APPLE, STONE):
        np.testing.assert_allclose(found[chunk.id], vector(chunk.text), atol=1e-6)


def test_an_id_is_replaced_and_deleted(settings: Settings) -> None:
    write(settings, APPLE, PEAR)
    newer = replace(APPLE, text="apples fall", end=11)
    with Index.write(settings, PRINT) as index:
        index.upsert([newer], vectors([newer]))
        index.delete(["p"])
    with Index.read(settings, PRINT) as index:
        assert index.chunks() == [newer]
        assert index.nearest(vector("apples fall"), 5) == {"a": pytest.approx(1.0, abs=1e-6)}


def test_nothing_to_write_or_delete_leaves_the_generation_alone(settings: Settings) -> None:
    with Index.write(settings, PRINT) as index:
        before = index._seen
        index.upsert([], np.zeros((0, 2), dtype=np.float32))
        index.delete([])
        assert index._seen == before


def test_more_chunks_than_chroma_takes_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [indexed(f"c{n}", f"word{n}", number=n, of=7) for n in range(7)]
    with Index.write(settings, PRINT) as index:
        monkeypatch.setattr(index._client, "get_max_batch_size", lambda: 3)
        index.upsert(rows, vectors(rows))
        assert index.chunks() == rows
        index.delete(row.id for row in rows[:5])
        assert index.chunks() == rows[5:]


@pytest.mark.slow
def test_more_chunks_than_its_database_reads_at_once(settings: Settings) -> None:
    rows = [indexed(f"c{n}", "word", number=n, of=33_000) for n in range(33_000)]
    with Index.write(settings, PRINT) as index:
        index.upsert(rows, np.eye(2, dtype=np.float32)[[row.number % 2 for row in rows]])
        assert index.chunks() == rows
        assert len(index.vectors([row.id for row in rows])) == 33_000


# --- what cannot be opened


def test_an_index_that_is_not_there(settings: Settings) -> None:
    with pytest.raises(IndexMissing) as caught:
        Index.read(settings, PRINT)
    assert caught.value.mend == "whybot ingest"
    assert not settings.index.exists()  # looking makes nothing


def test_another_fingerprint_is_refused_with_the_command_that_rebuilds(settings: Settings) -> None:
    write(settings, APPLE)
    other = {**PRINT, "embedder": "other"}
    with pytest.raises(IndexMismatch, match="embedder 'fake' there, 'other' here") as caught:
        Index.read(settings, other)
    assert caught.value.mend == REBUILD
    with pytest.raises(IndexMismatch), Index.write(settings, other):
        pass
    with Index.read(settings, PRINT) as index:  # and nothing was touched
        assert index.chunks() == [APPLE]


def test_a_value_the_stored_fingerprint_lacks_is_a_mismatch(settings: Settings) -> None:
    write(settings, APPLE)
    with pytest.raises(IndexMismatch, match="new_part None there, 2 here"):
        Index.read(settings, {**PRINT, "new_part": 2})


def test_rebuild_makes_an_empty_index_of_another_width(settings: Settings) -> None:
    write(settings, APPLE)
    other = {**PRINT, "embedder": "other"}
    with Index.write(settings, other, rebuild=True) as index:
        assert index.chunks() == []
        index.upsert([STONE], np.ones((1, 3), dtype=np.float32))
    with Index.read(settings, other) as index:
        assert index.chunks() == [STONE]
        assert list(index.nearest(np.ones(3, dtype=np.float32), 5)) == ["s"]


def test_a_folder_that_is_no_chroma_index(settings: Settings) -> None:
    settings.index.mkdir()
    (settings.index / "chroma.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(IndexUnreachable) as caught:
        Index.read(settings, PRINT)
    assert "\n" not in str(caught.value)
    with pytest.raises(IndexUnreachable), Index.write(settings, PRINT):
        pass
    settings.index.rename(settings.index.with_suffix(".broken"))  # what the message advises
    write(settings, APPLE)


def test_an_index_folder_that_cannot_be_made(settings: Settings) -> None:
    settings.index.write_text("a file is in the way")
    with pytest.raises(IndexUnreachable), Index.write(settings, PRINT):
        pass


def test_a_chroma_server_that_does_not_answer(settings: Settings) -> None:
    gone = replace(settings, chroma="http://127.0.0.1:9")  # the discard port
    with pytest.raises(IndexUnreachable, match=r"127\.0\.0\.1:9") as caught:
        Index.read(gone, PRINT)
    assert caught.value.mend is not None
    assert "chroma run" in caught.value.mend


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "ftp://host", "http://"])
def test_an_address_that_is_none(settings: Settings, address: str) -> None:
    with pytest.raises(SettingError, match="WHYBOT_CHROMA"):
        Index.read(replace(settings, chroma=address), PRINT)


# --- one writer, and readers beside it


@contextmanager
def holder(settings: Settings) -> Iterator[Popen[str]]:
    """Hold the write lock in another process until its stdin ends."""
    code = WRITE.replace("    index.upsert", "    print('held', flush=True)\n    input()\n    #")
    with start_python(code, str(settings.index.parent), "x", "y") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_writer_is_told_that_the_index_is_busy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "LOCK_SECONDS", 0.1)
    write(settings, APPLE)
    with holder(settings):
        with pytest.raises(IndexBusy), Index.write(settings, PRINT):
            pass
        with Index.read(settings, PRINT) as index:  # readers are not locked out
            assert index.chunks() == [APPLE]
    write(settings, PEAR)  # the lock went with the killed process


def test_a_second_writer_in_the_same_process_is_refused_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "LOCK_SECONDS", 0.1)
    with (
        Index.write(settings, PRINT),
        pytest.raises(IndexBusy),
        Index.write(settings, PRINT),
    ):
        pass


def test_the_lock_is_free_again_after_an_error(settings: Settings) -> None:
    with pytest.raises(RuntimeError), Index.write(settings, PRINT):
        raise RuntimeError
    write(settings, APPLE)


def test_a_reader_sees_what_its_own_process_wrote(settings: Settings) -> None:
    write(settings, APPLE)
    with Index.read(settings, PRINT) as index:
        write(settings, STONE)
        assert index.refresh()
        assert list(index.nearest(vector(STONE.text), 1)) == ["s"]


def test_readers_see_what_another_process_wrote(settings: Settings, tmp_path: Path) -> None:
    write(settings, APPLE)
    with Index.read(settings, PRINT) as one, Index.read(settings, PRINT) as two:
        before = one._seen
        for index in (one, two):
            assert not index.refresh()
            assert list(index.nearest(vector("apples"), 1)) == ["a"]
        run_python(WRITE, str(tmp_path), "new", "thunderstorm")
        for index in (one, two):
            assert index.refresh()
            assert index._seen > before
            assert {chunk.id for chunk in index.chunks()} == {"a", "new"}
            assert list(index.nearest(vector("thunderstorm"), 1)) == ["new"]
            assert not index.refresh()


def test_a_writer_beside_a_stale_reader_of_its_process_loses_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    """As in the chat page: it holds a reader open, `whybot ingest` runs in a shell, then it writes.

    Chroma writes its vector index out every 1,000 vectors: fewer would show nothing.
    """
    code = """
import sys
from pathlib import Path
from test_index import write_many
from fakes import settings_in
write_many(settings_in(Path(sys.argv[1])), 10, 1110)
"""
    write_many(settings, 0, 10)
    with Index.read(settings, PRINT) as index:
        index.nearest(spike(0), 1)
        run_python(code, str(tmp_path))
        write_many(settings, 1110, 2210)
    with Index.read(settings, PRINT) as index:
        lost = [n for n in range(0, 2210, 7) if list(index.nearest(spike(n), 1)) != [f"many{n}"]]
    assert lost == []


def spike(number: int) -> NDArray[np.float32]:
    """Return one of many unit vectors that lie far apart."""
    noise = np.random.default_rng(number).standard_normal(16).astype(np.float32)
    return np.asarray(noise / np.linalg.norm(noise), dtype=np.float32)


def write_many(settings: Settings, start: int, stop: int) -> None:
    with Index.write(settings, PRINT) as index:
        for first in range(start, stop, 100):
            numbers = range(first, min(first + 100, stop))
            index.upsert(
                [indexed(f"many{n}", f"text {n}") for n in numbers],
                np.stack([spike(n) for n in numbers]),
            )


def test_a_reader_notices_a_rebuild(settings: Settings) -> None:
    write(settings, APPLE)
    with Index.read(settings, PRINT) as index:
        with Index.write(settings, PRINT, rebuild=True) as writer:
            writer.upsert([STONE], vectors([STONE]))
        assert index.refresh()
        assert index.chunks() == [STONE]
        with Index.write(settings, {**PRINT, "embedder": "other"}, rebuild=True):
            pass
        with pytest.raises(IndexMismatch):
            index.refresh()


def test_two_processes_that_write_at_once_lose_nothing(settings: Settings, tmp_path: Path) -> None:
    code = (
        "import ingest.index; ingest.index.LOCK_SECONDS = 60\n"
        + "\n".join(line for line in WRITE.splitlines() if not line.startswith((" ", "with")))
        + """
for n in range(5):
    with Index.write(settings_in(Path(folder)), {"embedder": "fake", "chunker": 1}) as index:
        chunks = [indexed(f"{id}{n}", f"{text}{n}")]
        index.upsert(chunks, vectors(chunks))
"""
    )
    both = [start_python(code, str(tmp_path), id, text) for id, text in ("ab", "cd")]
    for process in both:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    wanted = {f"{id}{n}": f"{text}{n}" for id, text in ("ab", "cd") for n in range(5)}
    with Index.read(settings, PRINT) as index:
        assert {chunk.id: chunk.text for chunk in index.chunks()} == wanted
        for id, text in wanted.items():
            assert list(index.nearest(vector(text), 1)) == [id]
