"""Files and index are brought in line, with as little work as possible, wherever it stops."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeEmbedder, settings_in, start_python, write_files

from ingest import isolated, library
from ingest import sync as sync_module
from ingest.errors import IndexMismatch, SettingError
from ingest.index import Index, IndexedChunk
from ingest.isolated import Limits, Readers
from ingest.settings import Settings
from ingest.sync import Report, fingerprint

FRUIT = """# Fruit

Fruit is what plants make of their flowers.

## Apples

Apples grow on trees in temperate climates. They keep for months in a cool cellar.

## Pears

Pears ripen after the harvest. They bruise easily and do not travel well.
"""
ROCKS = "# Rocks\n\n" + "\n\n".join(
    f"Paragraph {n} tells how {stone} forms deep in the crust over many million years."
    for n, stone in enumerate("granite basalt gabbro marble slate gneiss".split())
)
FILES = {"fruit.md": FRUIT, "rocks.md": ROCKS, "notes/short.txt": "A short note about rivers."}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_in(tmp_path)
    write_files(settings.corpus, FILES)
    return settings


def ingest(
    settings: Settings,
    *paths: Path,
    embedder: FakeEmbedder | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Report:
    embedder = embedder or FakeEmbedder()
    return library.ingest(settings, embedder.real, paths, progress=progress)


def content(settings: Settings) -> dict[str, tuple[IndexedChunk, tuple[float, ...]]]:
    """Return all there is in the index: each chunk with its vector, by id."""
    with Index.read(settings, fingerprint(FakeEmbedder().real)) as index:
        chunks = {chunk.id: chunk for chunk in index.chunks()}
        vectors = index.vectors(list(chunks))
    assert vectors.keys() == chunks.keys()
    return {id: (chunks[id], tuple(np.round(vectors[id], 6).tolist())) for id in chunks}


def clean_content(settings: Settings, tmp_path: Path) -> Any:
    """Return what a first run on the same corpus makes."""
    other = Settings(corpus=settings.corpus, index=tmp_path / "clean", cache=settings.cache)
    ingest(other)
    found = content(other)
    shutil.rmtree(other.index)
    return found


# --- what is done


def test_the_first_run_adds_everything(settings: Settings) -> None:
    embedder = FakeEmbedder()
    report = ingest(settings, embedder=embedder)
    assert report.added == ["fruit.md", "notes/short.txt", "rocks.md"]
    assert report.changed
    assert report.embedded == report.chunks == len(embedder.texts) == len(content(settings))
    assert str(report).startswith("3 added, 0 updated, 0 moved, 0 removed, 0 unchanged: ")


def test_chunks_carry_their_place_in_the_document(settings: Settings) -> None:
    ingest(settings)
    rows = [chunk for chunk, _ in content(settings).values()]
    for chunk in rows:
        assert chunk.text == FILES[chunk.document][chunk.start : chunk.end]
        assert chunk.of == sum(row.document == chunk.document for row in rows)
    apples = next(chunk for chunk in rows if chunk.text.startswith("Apples"))
    assert (apples.heading, apples.title, apples.page) == ("Apples", "Fruit", 0)


def test_the_second_run_does_nothing_and_says_so(settings: Settings) -> None:
    ingest(settings)
    before = content(settings)
    embedder = FakeEmbedder()
    report = ingest(settings, embedder=embedder)
    assert report.unchanged == ["fruit.md", "notes/short.txt", "rocks.md"]
    assert not report.changed
    assert (report.embedded, embedder.texts) == (0, [])
    assert report.chunks == len(before)
    assert content(settings) == before


def test_a_file_that_was_only_touched_is_unchanged(settings: Settings) -> None:
    ingest(settings)
    os.utime(settings.corpus / "fruit.md", (1, 1))
    assert "fruit.md" in ingest(settings).unchanged


def test_an_edit_embeds_only_the_changed_chunk(settings: Settings, tmp_path: Path) -> None:
    first = ingest(settings)
    edited = FRUIT.replace("bruise easily", "bruise at once")
    write_files(settings.corpus, {"fruit.md": edited})
    embedder = FakeEmbedder()
    report = ingest(settings, embedder=embedder)
    assert report.updated == ["fruit.md"]
    assert (report.added, report.removed, report.moved) == ([], [], [])
    assert len(embedder.texts) == report.embedded == 1
    assert "bruise at once" in embedder.texts[0]
    assert report.chunks == first.chunks
    assert content(settings) == clean_content(settings, tmp_path)


def test_an_edit_that_shifts_the_rest_embeds_only_what_is_new(
    settings: Settings, tmp_path: Path
) -> None:
    ingest(settings)
    edited = FRUIT.replace("## Apples", "## Cherries\n\nCherries come first.\n\n## Apples")
    write_files(settings.corpus, {"fruit.md": edited})
    embedder = FakeEmbedder()
    ingest(settings, embedder=embedder)
    assert embedder.texts == ["Cherries. Cherries come first."]
    assert content(settings) == clean_content(settings, tmp_path)


def test_a_moved_file_embeds_nothing(settings: Settings, tmp_path: Path) -> None:
    first = ingest(settings)
    (settings.corpus / "deep").mkdir()
    (settings.corpus / "rocks.md").rename(settings.corpus / "deep" / "stones.md")
    embedder = FakeEmbedder()
    report = ingest(settings, embedder=embedder)
    assert report.moved == [("rocks.md", "deep/stones.md")]
    assert (report.added, report.removed, report.embedded) == ([], [], 0)
    assert embedder.texts == []
    assert report.chunks == first.chunks
    assert content(settings) == clean_content(settings, tmp_path)


def test_two_equal_files_that_move_are_two_moves(settings: Settings) -> None:
    write_files(settings.corpus, {"a1.txt": "The same text.", "a2.txt": "The same text."})
    ingest(settings)
    (settings.corpus / "deep").mkdir()
    for name in ("a1.txt", "a2.txt"):
        (settings.corpus / name).rename(settings.corpus / "deep" / name)
    report = ingest(settings)
    assert report.moved == [("a1.txt", "deep/a1.txt"), ("a2.txt", "deep/a2.txt")]
    assert (report.added, report.removed, report.embedded) == ([], [], 0)


def test_a_removed_file_leaves_the_index(settings: Settings, tmp_path: Path) -> None:
    ingest(settings)
    (settings.corpus / "rocks.md").unlink()
    report = ingest(settings)
    assert report.removed == ["rocks.md"]
    assert report.changed
    assert {chunk.document for chunk, _ in content(settings).values()} == {
        "fruit.md",
        "notes/short.txt",
    }
    assert content(settings) == clean_content(settings, tmp_path)


def test_equal_texts_are_embedded_once(settings: Settings) -> None:
    write_files(settings.corpus, {"other/short.txt": FILES["notes/short.txt"]})
    embedder = FakeEmbedder()
    report = ingest(settings, embedder=embedder)
    assert sum("rivers" in text for text in embedder.texts) == 1
    assert (report.embedded, report.chunks) == (len(embedder.texts), len(embedder.texts) + 1)
    write_files(settings.corpus, {"third/short.txt": FILES["notes/short.txt"]})
    assert ingest(settings, embedder=FakeEmbedder(stop_at=1)).added == ["third/short.txt"]


def test_all_at_once(settings: Settings, tmp_path: Path) -> None:
    ingest(settings)
    (settings.corpus / "rocks.md").rename(settings.corpus / "stones.md")
    (settings.corpus / "notes/short.txt").unlink()
    write_files(settings.corpus, {"fruit.md": FRUIT + "\nMore.\n", "new.txt": "Lakes."})
    report = ingest(settings)
    assert report.added == ["new.txt"]
    assert report.updated == ["fruit.md"]
    assert report.moved == [("rocks.md", "stones.md")]
    assert report.removed == ["notes/short.txt"]
    assert content(settings) == clean_content(settings, tmp_path)


def test_another_fingerprint_is_refused_until_the_index_is_rebuilt(settings: Settings) -> None:
    ingest(settings)
    for other in (
        FakeEmbedder(name="other"),
        FakeEmbedder(revision="2"),
        FakeEmbedder(chunk_tokens=20),
    ):
        with pytest.raises(IndexMismatch):
            ingest(settings, embedder=other)
    smaller = FakeEmbedder(chunk_tokens=20)
    report = library.ingest(settings, smaller.real, rebuild=True)
    assert len(report.added) == 3
    assert report.embedded == report.chunks


# --- what is looked at


def test_an_unreadable_file_is_named_and_the_others_go_on(settings: Settings) -> None:
    (settings.corpus / "bad.md").write_bytes(b"\x89PNG\0\1")
    (settings.corpus / "empty.txt").write_bytes(b"")
    (settings.corpus / "photo.png").write_bytes(b"\x89PNG")
    report = ingest(settings)
    reasons = dict(report.skipped)
    assert reasons.keys() == {"bad.md", "empty.txt", "photo.png"}
    assert reasons["bad.md"] == "it is a binary file"
    assert reasons["empty.txt"] == "it is empty"
    assert "unsupported kind .png" in reasons["photo.png"]
    assert len(report.added) == 3
    assert ", 3 skipped: " in str(report)


def test_what_a_reader_left_out_is_kept_with_the_document(settings: Settings) -> None:
    (settings.corpus / "fee.txt").write_bytes("Die Gebühr beträgt 40 €.".encode("cp1252"))
    report = ingest(settings)
    said = "read as cp1252, which it seems to be"
    assert report.remarks == [("fee.txt", said)]
    assert ingest(settings).remarks == []
    with Index.read(settings, fingerprint(FakeEmbedder().real)) as index:
        entries = library.entries(index.chunks())
    assert {entry.name: entry.remarks for entry in entries if entry.remarks} == {"fee.txt": said}


def test_no_file_hurts_another(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(seconds=0.5, seconds_a_megabyte=0, memory=150_000_000)
    monkeypatch.setattr(sync_module, "Readers", lambda: Readers(2, "bad_reader", limits))
    ingest(settings)
    orders = {"a": "vanish 1", "b": "eat 1000", "p": "raise odd", "r": "work", "s": "recurse"}
    write_files(settings.corpus, {f"{name}.txt": order for name, order in orders.items()})
    write_files(settings.corpus, {"rocks.md": ROCKS + " More.", "z.txt": "The last file."})
    seen: list[int] = []
    report = ingest(settings, progress=lambda what, done, total: seen.append(done))
    assert [name for name, _ in report.skipped] == [f"{name}.txt" for name in orders]
    assert report.added == ["z.txt"]
    assert report.updated == ["rocks.md"]
    assert report.unchanged == ["fruit.md", "notes/short.txt"]
    assert seen[:10] == [*range(10)]


def test_what_did_not_change_starts_no_process(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(settings)
    monkeypatch.setattr(isolated, "_Child", None)
    assert len(ingest(settings).unchanged) == 3


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_without_permission_is_named(settings: Settings) -> None:
    (settings.corpus / "rocks.md").chmod(0)
    assert dict(ingest(settings).skipped)["rocks.md"].startswith("it cannot be read")


def test_a_file_that_vanishes_while_it_is_looked_at_is_named(settings: Settings) -> None:
    def vanish(what: str, done: int, total: int) -> None:
        (settings.corpus / "rocks.md").unlink(missing_ok=True)

    report = ingest(settings, progress=vanish)
    assert [name for name, _ in report.skipped] == ["rocks.md"]
    assert len(report.added) == 2


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname != "Linux", reason="names are Unicode")
def test_a_name_that_is_no_unicode_is_skipped(settings: Settings) -> None:
    path = os.fsencode(settings.corpus) + b"/caf\xe9.txt"
    with open(path, "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(b"Coffee.")
    report = ingest(settings)
    assert [reason for _, reason in report.skipped] == ["its name is no valid Unicode"]
    assert len(report.added) == 3


def test_hidden_files_and_folders_are_not_looked_at(settings: Settings) -> None:
    hidden = (".git/config.md", ".secret.md", "notes/~$draft.docx", "notes/.cache/x.txt")
    write_files(settings.corpus, dict.fromkeys(hidden, "Hidden."))
    report = ingest(settings)
    assert len(report.added) == 3
    assert report.skipped == []


def test_a_hidden_file_that_is_asked_for_is_named(settings: Settings, tmp_path: Path) -> None:
    write_files(settings.corpus, {".secret.md": "Hidden.", "notes/.old/x.txt": "Hidden."})
    write_files(tmp_path, {".away/seen.txt": "Seen.", ".away/~$lock.txt": "Hidden."})
    inside = [settings.corpus / ".secret.md", settings.corpus / "notes/.old/x.txt"]
    outside = [tmp_path / ".away/seen.txt", tmp_path / ".away/~$lock.txt"]
    report = ingest(settings, *inside, *outside)
    names = [".secret.md", outside[1].as_posix(), "notes/.old/x.txt"]
    assert report.skipped == [(name, sync_module.HIDDEN) for name in names]
    assert report.added == [outside[0].as_posix()]


def test_a_corpus_below_a_hidden_folder_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / ".data").mkdir()
    settings = settings_in(tmp_path / ".data")
    write_files(settings.corpus, FILES)
    assert len(ingest(settings).added) == 3


def test_a_path_that_is_not_there_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    ingest(settings)
    before = content(settings)
    (settings.corpus / "rocks.md").unlink()
    with pytest.raises(SettingError, match="nowhere"):
        ingest(settings, settings.corpus, tmp_path / "nowhere")
    assert content(settings) == before


def test_other_paths_leave_the_corpus_alone(settings: Settings, tmp_path: Path) -> None:
    ingest(settings)
    (settings.corpus / "rocks.md").unlink()  # not looked at below: it stays in the index
    write_files(tmp_path, {"elsewhere/sea.txt": "The sea is salty.", "single.txt": "One file."})
    report = ingest(settings, tmp_path / "elsewhere", tmp_path / "single.txt")
    names = [(tmp_path / name).as_posix() for name in ("elsewhere/sea.txt", "single.txt")]
    assert report.added == names
    assert report.removed == []
    documents = {chunk.document for chunk, _ in content(settings).values()}
    assert documents == {"fruit.md", "rocks.md", "notes/short.txt", *names}

    report = ingest(settings)  # and the corpus leaves the other paths alone
    assert report.removed == ["rocks.md"]
    (tmp_path / "elsewhere/sea.txt").unlink()
    assert ingest(settings, tmp_path / "elsewhere").removed == names[:1]


def test_a_folder_of_the_corpus_by_itself(settings: Settings) -> None:
    report = ingest(settings, settings.corpus / "notes")
    assert report.added == ["notes/short.txt"]
    assert ingest(settings).unchanged == ["notes/short.txt"]


def test_a_folder_beside_one_of_the_same_beginning(settings: Settings) -> None:
    write_files(settings.corpus, {"notes2/long.txt": "A long note."})
    ingest(settings)
    (settings.corpus / "notes2/long.txt").unlink()
    assert ingest(settings, settings.corpus / "notes").removed == []


def test_paths_may_overlap(settings: Settings) -> None:
    notes = settings.corpus / "notes"
    report = ingest(settings, notes, settings.corpus, notes / "short.txt")
    assert report.added == ["fruit.md", "notes/short.txt", "rocks.md"]


def test_a_relative_corpus_names_documents_as_an_absolute_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(settings)
    monkeypatch.chdir(settings.corpus)
    relative = Settings(corpus=Path("../corpus"), index=settings.index)
    assert len(ingest(relative).unchanged) == 3
    assert ingest(relative, Path("notes")).unchanged == ["notes/short.txt"]


def test_progress_counts_files_and_chunks_up_to_their_totals(settings: Settings) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}

    def note(what: str, done: int, total: int) -> None:
        seen.setdefault(what, []).append((done, total))

    report = ingest(settings, progress=note)
    assert list(seen) == ["reading", "embedding"]
    for what, total in (("reading", 3), ("embedding", report.chunks)):
        assert seen[what] == sorted(seen[what])
        assert seen[what][-1] == (total, total)


# --- interrupted and resumed


def change(settings: Settings) -> None:
    """Edit, move, remove and add, all at once."""
    write_files(settings.corpus, {"fruit.md": FRUIT.replace("bruise", "spoil"), "a.txt": "Sea."})
    (settings.corpus / "rocks.md").rename(settings.corpus / "stones.md")
    (settings.corpus / "notes/short.txt").unlink()


@pytest.mark.parametrize("second", [False, True], ids=["first run", "later run"])
def test_interrupted_at_any_callback(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: bool
) -> None:
    monkeypatch.setattr(sync_module, "FLUSH", 3)
    if second:
        ingest(settings)
        change(settings)
    wanted = clean_content(settings, tmp_path)
    start = tmp_path / "start"
    shutil.copytree(settings.index, start) if second else start.mkdir()
    for stop in range(1, 100):
        # Chroma keeps a client a path: every attempt gets a folder of its own.
        attempt = Settings(corpus=settings.corpus, index=tmp_path / f"attempt{stop}")
        shutil.copytree(start, attempt.index)
        calls = 0

        def interrupt(what: str, done: int, total: int, stop: int = stop) -> None:
            nonlocal calls
            calls += 1
            if calls == stop:
                raise KeyboardInterrupt

        try:
            ingest(attempt, progress=interrupt)
        except KeyboardInterrupt:
            ingest(attempt)
            assert content(attempt) == wanted
        else:
            break
    assert stop > 8  # there were as many callbacks, and it was interrupted at each


def test_interrupted_in_the_embedder_goes_on_from_there(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_module, "FLUSH", 2)
    wanted = clean_content(settings, tmp_path)
    interrupted = FakeEmbedder(stop_at=4)
    with pytest.raises(KeyboardInterrupt):
        ingest(settings, embedder=interrupted)
    assert len(interrupted.texts) == 3
    kept = content(settings)
    assert kept  # what was written before the interruption is there
    assert kept.items() <= wanted.items()
    resumed = FakeEmbedder()
    ingest(settings, embedder=resumed)
    assert content(settings) == wanted
    assert len(resumed.texts) == len(wanted) - len(kept)  # and is not embedded again


def test_an_interrupted_update_loses_no_document(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_module, "FLUSH", 1)
    ingest(settings)
    write_files(settings.corpus, {name: text.upper() for name, text in FILES.items()})
    for stop in range(1, 5):
        with pytest.raises(KeyboardInterrupt):
            ingest(settings, embedder=FakeEmbedder(stop_at=stop))
        assert {chunk.document for chunk, _ in content(settings).values()} == FILES.keys()
    ingest(settings)
    assert content(settings) == clean_content(settings, tmp_path)


def test_a_killed_process_leaves_a_good_index_and_no_lock(
    settings: Settings, tmp_path: Path
) -> None:
    code = """
import sys, os
from pathlib import Path
from fakes import FakeEmbedder, settings_in
from ingest import library, sync
sync.FLUSH = 2
def die(what, done, total):
    if what == "embedding" and done >= 4:
        os._exit(9)
library.ingest(settings_in(Path(sys.argv[1])), FakeEmbedder().real, progress=die)
"""
    with start_python(code, str(tmp_path)) as process:
        process.communicate(timeout=120)
    assert process.returncode == 9
    embedder = FakeEmbedder()
    ingest(settings, embedder=embedder)
    wanted = clean_content(settings, tmp_path)
    assert content(settings) == wanted
    assert 0 < len(embedder.texts) < len(wanted)
