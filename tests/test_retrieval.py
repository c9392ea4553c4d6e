"""Passages for a question, on a real Chroma with vectors that follow shared words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import FakeEmbedder, indexed, run_python, settings_in, vector, vectors
from hypothesis import given
from hypothesis import strategies as st

from bot.path import retrieval
from bot.path.retrieval import DENSE_WEIGHT, Bm25, Retriever
from bot.path.words import stems
from ingest.errors import IndexMissing
from ingest.index import Index, IndexedChunk
from ingest.settings import Settings

PRINT = {"embedder": "fake"}
CHUNKS = [
    indexed("ft", "Lower latency. Costly training.", heading="Fine-Tuning > Cons", start=0, end=31),
    indexed("rag", "Higher latency. More components.", heading="RAG > Cons", start=40, end=72),
    indexed("use", "Retrieval looks documents up.", heading="RAG", start=80, end=109),
    indexed("moon", "The moon orbits the earth.", "space.pdf", title="Space", page=7),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def retriever(settings: Settings) -> Iterator[Retriever]:
    with opened(settings, CHUNKS) as index:
        yield Retriever(index, FakeEmbedder().real)


def opened(settings: Settings, chunks: list[IndexedChunk]) -> Index:
    with Index.write(settings, PRINT) as index:
        if chunks:
            index.upsert(chunks, vectors(chunks))
    return Index.read(settings, PRINT)


# --- stems


def test_stems_join_forms_of_a_word_and_leave_stop_words_out() -> None:
    assert stems("The RUNNING runs, and the 3 running's!") == [
        *stems("running"),
        *stems("runs"),
        "3",
        *stems("running"),
    ]
    assert stems("running") == stems("Runs")
    assert stems("What is the of and?") == []
    assert stems("") == []


# --- BM25


@given(
    st.lists(st.text("abc  .", max_size=12), min_size=1, max_size=6),
    st.text("abcd  ?", max_size=20),
)
def test_a_word_score_is_a_share_of_its_bound(texts: list[str], question: str) -> None:
    words = {"a": "apple", "b": "basalt", "c": "comet", "d": "dune"}
    table = str.maketrans({letter: f" {word} " for letter, word in words.items()})
    chunks = [indexed(str(n), text.translate(table), title="") for n, text in enumerate(texts)]
    scores = Bm25(chunks).scores(question.translate(table))
    asked = set(stems(question.translate(table)))
    sharing = {chunk.id for chunk in chunks if asked & set(stems(chunk.text))}
    assert scores.keys() == sharing
    assert all(0 < score <= 1 for score in scores.values())


def test_what_covers_more_of_the_question_scores_higher() -> None:
    bm25 = Bm25([indexed("1", "apples pears", title=""), indexed("2", "apples stones", title="")])
    scores = bm25.scores("apples pears")
    assert scores["1"] > scores["2"] > 0


def test_a_word_that_no_chunk_has_lowers_every_score() -> None:
    bm25 = Bm25([indexed("1", "apples", title=""), indexed("2", "stones", title="")])
    assert bm25.scores("apples")["1"] > bm25.scores("apples zeppelins")["1"] > 0
    assert bm25.scores("zeppelins") == {}


def test_chunks_without_a_single_word() -> None:
    assert Bm25([indexed("1", "...", title="")]).scores("apples") == {}
    assert Bm25([]).scores("apples") == {}


def test_words_of_the_heading_count_and_else_those_of_the_title() -> None:
    bm25 = Bm25(
        [
            indexed("heading", "Nothing.", title="Moons", heading="Comets"),
            indexed("title", "Nothing.", title="Moons"),
        ]
    )
    assert bm25.scores("comets").keys() == {"heading"}
    assert bm25.scores("moons").keys() == {"title"}


# --- both together


def test_passages_are_numbered_best_first(retriever: Retriever) -> None:
    found = retriever.retrieve("What are the cons of RAG?", 3)
    assert [passage.n for passage in found] == [1, 2, 3]
    assert [passage.score for passage in found] == sorted((p.score for p in found), reverse=True)
    assert (found[0].heading, found[0].text) == ("RAG > Cons", CHUNKS[1].text)
    assert len(retriever.retrieve("What are the cons of RAG?", 100)) == len(CHUNKS)


def test_the_score_is_the_sum_of_its_visible_parts(retriever: Retriever) -> None:
    for passage in retriever.retrieve("latency of RAG", 4):
        parts = DENSE_WEIGHT * max(passage.dense, 0) + (1 - DENSE_WEIGHT) * passage.bm25
        assert passage.score == pytest.approx(parts, abs=2e-4)
        assert 0 <= passage.score <= 1
        chunk = next(chunk for chunk in CHUNKS if chunk.id == passage.id)
        cosine = float(vector(chunk.text) @ vector("latency of RAG"))
        assert passage.dense == pytest.approx(cosine, abs=1e-3)


def test_ranks_tell_the_place_in_each_search(retriever: Retriever) -> None:
    found = {passage.id: passage for passage in retriever.retrieve("Who orbits the moon?", 4)}
    assert found["moon"].dense_rank == found["moon"].bm25_rank == 1
    assert sorted(str(p.dense_rank) for p in found.values()) == ["1", "2", "3", "4"]
    assert {p.bm25_rank for p in found.values() if p.id != "moon"} == {None}
    assert all(p.bm25 == 0 for p in found.values() if p.id != "moon")


def test_a_passage_carries_its_place(retriever: Retriever) -> None:
    best = retriever.retrieve("moon", 1)[0]
    assert (best.document, best.title, best.page) == ("space.pdf", "Space", 7)
    assert best.source == "space.pdf, page 7"
    other = retriever.retrieve("retrieval documents", 1)[0]
    assert (other.page, other.start, other.end) == (None, 80, 109)
    assert other.source == "doc.md, RAG"


def test_a_question_without_any_known_word(retriever: Retriever) -> None:
    for question in ("zeppelins", "Why?", "???", "日本語"):
        found = retriever.retrieve(question, 4)
        assert len(found) == 4
        assert all(passage.bm25 == 0 and passage.bm25_rank is None for passage in found)


def test_a_candidate_of_one_search_only_gets_its_other_part_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "CANDIDATES", 1)
    chunks = [
        indexed("near", "comet comet comet dune", title=""),
        indexed("words", "dune basalt", heading="comet tail"),  # the heading is not in the vector
    ]
    with opened(settings, chunks) as index:
        found = {p.id: p for p in Retriever(index, FakeEmbedder().real).retrieve("comet tail", 5)}
    assert (found["near"].dense_rank, found["near"].bm25_rank) == (1, None)
    assert found["near"].bm25 > 0
    assert (found["words"].dense_rank, found["words"].bm25_rank) == (None, 1)
    assert found["words"].dense == pytest.approx(0, abs=1e-3)


def test_equal_scores_come_in_the_order_of_the_documents(settings: Settings) -> None:
    chunks = [
        indexed(f"{name}{start}", "the same words", name, start=start, end=start + 14)
        for name in ("b.md", "a.md")
        for start in (50, 0)
    ]
    with opened(settings, chunks) as index:
        found = Retriever(index, FakeEmbedder().real).retrieve("words", 4)
    places = [(passage.document, passage.start) for passage in found]
    assert places == [("a.md", 0), ("a.md", 50), ("b.md", 0), ("b.md", 50)]


def test_an_empty_index_is_an_error_with_its_mend(settings: Settings) -> None:
    with opened(settings, []) as index, pytest.raises(IndexMissing) as caught:
        Retriever(index, FakeEmbedder().real).retrieve("anything", 5)
    assert caught.value.mend == "whybot add FILE"


def test_what_another_process_wrote_is_found(settings: Settings, tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from fakes import indexed, settings_in, vectors
from ingest.index import Index
with Index.write(settings_in(Path(sys.argv[1])), {"embedder": "fake"}) as index:
    chunks = [indexed("new", "Zeppelins fly slowly.")]
    index.upsert(chunks, vectors(chunks))
    index.delete(["moon"])
"""
    with opened(settings, CHUNKS) as index:
        retriever = Retriever(index, FakeEmbedder().real)
        assert retriever.retrieve("zeppelins", 1)[0].id != "new"
        run_python(code, str(tmp_path))
        best = retriever.retrieve("zeppelins", 1)[0]
        assert (best.id, best.dense_rank, best.bm25_rank) == ("new", 1, 1)
        assert "moon" not in {passage.id for passage in retriever.retrieve("moon", 10)}


@pytest.mark.parametrize("only", [["guide.md"], ["deep/er"], ["deep/", "guide.md"]])
def test_nothing_from_outside_the_scope_is_ranked(settings: Settings, only: list[str]) -> None:
    names = ["guide.md", "guide.md.txt", "deep/er/a.md", "deep/er/b.md", "deeper/c.md", "d.md"]
    chunks = [indexed(name, f"The moon of {name} is bright.", name) for name in names]
    with opened(settings, chunks) as index:
        retriever = Retriever(index, FakeEmbedder().real)
        found = {p.document for p in retriever.retrieve("Which moon is bright?", 9, only=only)}
        assert found == {
            name
            for name in names
            if name in only or name.startswith(tuple(f"{one.rstrip('/')}/" for one in only))
        }
        with pytest.raises(IndexMissing, match=r"holds no document nowhere\.md"):
            retriever.retrieve("Which moon?", 9, only=["nowhere.md"])


def test_farthest_are_those_least_like_the_question(retriever: Retriever) -> None:
    found = retriever.farthest("What is the latency of components?", 3)
    assert [passage.id for passage in found][-1] == "ft"
    assert [passage.n for passage in found] == [1, 2, 3]
    assert [passage.score for passage in found] == sorted(passage.score for passage in found)
    best = retriever.retrieve("What is the latency of components?", 1)[0]
    assert best.id == "rag" and best.id not in [passage.id for passage in found]
    same = {passage.id: passage for passage in retriever.retrieve("latency components", 4)}
    for passage in retriever.farthest("latency components", 4):
        assert passage.dense == pytest.approx(same[passage.id].dense, abs=1e-3)
        assert passage.bm25 == same[passage.id].bm25


def test_farthest_of_an_empty_index_is_an_error(settings: Settings) -> None:
    with opened(settings, []) as index, pytest.raises(IndexMissing):
        Retriever(index, FakeEmbedder().real).farthest("Anything?", 1)
