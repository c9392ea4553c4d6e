"""Documents put into the corpus folder and taken out of it, with the index in step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes import FakeEmbedder, indexed, settings_in, write_files

from ingest import library
from ingest.errors import DocumentUnreadable, IndexMismatch, IndexMissing, SettingError
from ingest.index import Index
from ingest.library import Entry
from ingest.settings import Settings
from ingest.sync import fingerprint


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def ingest(settings: Settings, *paths: Path) -> None:
    library.ingest(settings, FakeEmbedder().real, paths)


def remove(settings: Settings, name: str) -> tuple[int, Path | None]:
    return library.remove(settings, FakeEmbedder().real, name)


def documents(settings: Settings) -> list[str]:
    with Index.read(settings, fingerprint(FakeEmbedder().real)) as index:
        return [entry.name for entry in library.entries(index.chunks())]


def files(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- place


def test_a_document_is_placed_with_its_folders(settings: Settings) -> None:
    path = library.place(settings, "deep/er/note.md", b"# Note\n")
    assert path == settings.corpus / "deep/er/note.md"
    assert files(settings.corpus) == {"deep/er/note.md": b"# Note\n"}


def test_the_corpus_folder_is_made_if_need_be(tmp_path: Path) -> None:
    settings = Settings(corpus=tmp_path / "new" / "corpus")
    library.place(settings, "note.txt", b"text")
    assert files(settings.corpus) == {"note.txt": b"text"}


@pytest.mark.skipif(os.name == "nt", reason="no such permissions")
def test_a_placed_document_can_be_read_by_others(settings: Settings) -> None:
    assert library.place(settings, "note.txt", b"text").stat().st_mode & 0o777 == 0o644


def test_another_document_of_the_same_name_is_refused(settings: Settings) -> None:
    library.place(settings, "note.txt", b"first")
    with pytest.raises(SettingError, match=r"another document called note\.txt") as caught:
        library.place(settings, "note.txt", b"second")
    assert caught.value.mend == "whybot add --replace note.txt"
    assert files(settings.corpus) == {"note.txt": b"first"}
    library.place(settings, "note.txt", b"first")  # the same bytes are no other document
    library.place(settings, "note.txt", b"second", replace=True)
    assert files(settings.corpus) == {"note.txt": b"second"}


def test_what_cannot_be_read_is_not_placed(settings: Settings) -> None:
    library.place(settings, "note.md", b"good")
    with pytest.raises(DocumentUnreadable):
        library.place(settings, "note.md", b"\x89PNG\0\1", replace=True)
    with pytest.raises(DocumentUnreadable):
        library.place(settings, "photo.png", b"\x89PNG")
    assert files(settings.corpus) == {"note.md": b"good"}


@pytest.mark.parametrize("name", [".note.md", ".deep/note.md", "deep/~$note.md"])
def test_a_hidden_name_is_refused(settings: Settings, name: str) -> None:
    with pytest.raises(DocumentUnreadable, match="hidden"):
        library.place(settings, name, b"text")
    assert files(settings.corpus) == {}


def test_files_are_placed_together_and_each_gets_its_answer(
    settings: Settings, tmp_path: Path
) -> None:
    write_files(tmp_path / "in", {"a.txt": "A.", "b.txt": "", "c.txt": "C.", "d.txt": "D."})
    write_files(settings.corpus, {"c.txt": "Another."})
    names = {"x/a.txt": "a.txt", "b.txt": "b.txt", "c.txt": "c.txt", "../d.txt": "d.txt"}
    given = [(name, tmp_path / "in" / file) for name, file in names.items()]
    given.append(("e.txt", tmp_path / "in/nowhere.txt"))
    found = dict(library.place_all(settings, given))
    assert [*found] == [name for name, _ in given]
    assert found.pop("x/a.txt") == settings.corpus / "x/a.txt"
    kinds = [type(error) for error in found.values()]
    assert kinds[:3] == [DocumentUnreadable, SettingError, SettingError]
    assert isinstance(found["e.txt"], OSError)
    assert files(settings.corpus) == {"x/a.txt": b"A.", "c.txt": b"Another."}
    assert dict(library.place_all(settings, given[2:3], replace=True)).keys() == {"c.txt"}
    assert files(settings.corpus)["c.txt"] == b"C."


def test_hints_tell_what_to_do_with_kinds_that_are_not_read() -> None:
    lines = library.hints(["a.doc", "b.DOC", "c.png", "d.xyz", "e.pdf", "README", "f.zip"])
    assert lines == [
        ".doc files are not read: save them as .docx, .pdf or .txt",
        ".png files are not read: read them with OCR, and save the text",
        ".xyz files are not read: save them as .pdf or .txt",
        ".zip files are not read: unpack them",
    ]


@pytest.mark.parametrize("name", ["../note.md", "a/../../note.md", "/tmp/whybot-note.md"])
def test_a_name_outside_the_corpus_is_refused(settings: Settings, name: str) -> None:
    with pytest.raises(SettingError, match="outside the corpus folder"):
        library.place(settings, name, b"text")
    assert files(settings.corpus.parent) == {}
    assert not Path("/tmp/whybot-note.md").exists()


def test_a_link_out_of_the_corpus_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (settings.corpus / "link").symlink_to(tmp_path / "out")
    with pytest.raises(SettingError, match="outside the corpus folder"):
        library.place(settings, "link/note.md", b"text")


def test_a_document_is_placed_whole_or_not_at_all(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.place(settings, "note.txt", b"first")

    def interrupt(path: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        library.place(settings, "note.txt", b"second", replace=True)
    assert files(settings.corpus) == {"note.txt": b"first"}  # and no temporary file is left


# --- remove


def test_a_removed_document_is_kept_in_the_index_folder(settings: Settings) -> None:
    write_files(settings.corpus, {"a.md": "# A\n\nApples.", "deep/b.md": "# B\n\nPears."})
    ingest(settings)
    count, kept = remove(settings, "deep/b.md")
    assert count == 1
    assert kept == settings.index / "removed" / "deep" / "b.md"
    assert kept.read_text() == "# B\n\nPears."
    assert documents(settings) == ["a.md"]
    assert files(settings.corpus).keys() == {"a.md"}


def test_a_second_file_of_the_name_does_not_overwrite_the_first(settings: Settings) -> None:
    kept = []
    for text in ("first", "second", "third"):
        write_files(settings.corpus, {"a.txt": text})
        ingest(settings)
        kept.append(remove(settings, "a.txt")[1])
    assert [path.name for path in kept if path] == ["a.txt", "a-1.txt", "a-2.txt"]
    assert [path.read_text() for path in kept if path] == ["first", "second", "third"]


def test_removing_what_is_not_there_changes_nothing(settings: Settings) -> None:
    write_files(settings.corpus, {"a.txt": "Apples.", "not-ingested.png": "?"})
    ingest(settings)
    for name in ("b.txt", "not-ingested.png", "", "../index/lock"):
        with pytest.raises(IndexMissing) as caught:
            remove(settings, name)
        assert caught.value.mend == "whybot list"
    assert documents(settings) == ["a.txt"]
    assert files(settings.corpus).keys() == {"a.txt", "not-ingested.png"}


def test_a_document_without_its_file_leaves_the_index(settings: Settings) -> None:
    write_files(settings.corpus, {"a.txt": "Apples."})
    ingest(settings)
    (settings.corpus / "a.txt").unlink()
    assert remove(settings, "a.txt") == (1, None)
    assert documents(settings) == []


def test_a_file_outside_the_corpus_stays_where_it_is(settings: Settings, tmp_path: Path) -> None:
    write_files(tmp_path, {"outside.txt": "Elsewhere."})
    ingest(settings, tmp_path / "outside.txt")
    name = (tmp_path / "outside.txt").as_posix()
    assert documents(settings) == [name]
    assert remove(settings, name) == (1, None)
    assert documents(settings) == []
    assert (tmp_path / "outside.txt").is_file()


def test_a_document_may_be_named_by_its_path(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(settings.corpus, {"deep/b.txt": "Pears."})
    ingest(settings)
    assert remove(settings, str(settings.corpus / "deep" / "b.txt"))[0] == 1
    assert documents(settings) == []


def test_removing_needs_the_embedder_of_the_index(settings: Settings) -> None:
    write_files(settings.corpus, {"a.txt": "Apples."})
    ingest(settings)
    with pytest.raises(IndexMismatch):
        library.remove(settings, FakeEmbedder(name="other").real, "a.txt")
    assert files(settings.corpus).keys() == {"a.txt"}


# --- lists


def test_entries_sum_up_the_chunks_of_each_document() -> None:
    chunks = [
        indexed("1", "abc", "b.pdf", title="B", page=1),
        indexed("2", "defg", "b.pdf", title="B", page=12),
        indexed("3", "xy", "a.md", title="A"),
    ]
    assert library.entries(chunks) == [
        Entry("a.md", "A", chunks=1, pages=0, characters=2),
        Entry("b.pdf", "B", chunks=2, pages=12, characters=7),
    ]
    assert library.entries([]) == []


def test_candidates_of_a_file_and_of_a_folder(tmp_path: Path) -> None:
    write_files(
        tmp_path / "box",
        {"a.md": "a", "deep/b.md": "b", ".hidden": "c", ".git/d.md": "d", "deep/~$e.docx": "e"},
    )
    assert library.candidates(tmp_path / "box/deep/b.md") == [("b.md", tmp_path / "box/deep/b.md")]
    assert library.candidates(tmp_path / "box") == [
        ("box/a.md", tmp_path / "box/a.md"),
        ("box/deep/b.md", tmp_path / "box/deep/b.md"),
    ]
    with pytest.raises(SettingError, match="nowhere"):
        library.candidates(tmp_path / "nowhere")
