"""The map as HTML and SVG, without Gradio: `pytest tests/test_map_page.py`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from fakes import FakeEmbedder, indexed, passage, settings_in, vector, vectors

from bot.experiments.projection import project
from bot.path.retrieval import Retriever, Snapshot
from bot.trace import Dropped
from bot.web.map import html as map_page
from bot.web.map import svg as map_svg
from bot.web.map.html import Asked
from bot.web.map.svg import COLOURS, HEIGHT, KINDS, SHAPES, WIDTH, Point
from ingest.index import Index, IndexedChunk

EVIL = '"><script>alert(1)</script><img src=x onerror="alert(2)"> &lt; ${alert(3)}'
CHUNKS = [
    indexed("ft", "Lower latency. Costly training.", heading="Fine-Tuning > Cons", end=31),
    indexed("rag", "Higher latency. More components.", heading="RAG > Cons", start=40, end=72),
    indexed("use", "Retrieval looks documents up.", heading="RAG", start=80, end=109),
    indexed("moon", "The moon orbits the earth.", "space.pdf", title="Space", page=7),
]


def snapshot(chunks: Sequence[IndexedChunk] = CHUNKS) -> Snapshot:
    return Snapshot([*chunks], vectors(chunks))


def question(text: str = "latency of RAG", **values: Any) -> Asked:
    found = [
        passage(1, CHUNKS[1].text, id="rag"),
        passage(2, CHUNKS[0].text, id="ft"),
    ]
    return Asked(text, vector(text), **{"passages": found, **values})


def page(index: Snapshot | None = None, asked: Asked | None = None) -> str:
    index = index or snapshot()
    return map_page.page(index, project(index.vectors), asked)


def points(html: str) -> list[str]:
    return re.findall(r'<a class="point.*?</a>', html)


def parsed(html: str) -> ElementTree.Element:
    """Read the page as XML: it must be well formed."""
    return ElementTree.fromstring(f"<page>{html}</page>")


def text_of(html: str) -> str:
    return " ".join(" ".join(parsed(html).itertext()).split())


# --- the map


def test_every_passage_is_a_link_that_says_its_place_and_first_words() -> None:
    drawn = points(page())
    assert len(drawn) == len(CHUNKS)
    moon = next(one for one in drawn if "space.pdf" in one)
    assert "<title>space.pdf, page 7: The moon orbits the earth.</title>" in moon
    assert 'href="reader?document=space.pdf&amp;start=0&amp;end=26&amp;digest=' in moon
    assert any("doc.md, RAG &gt; Cons: Higher latency." in one for one in drawn)


def test_long_text_is_cut_and_in_one_line() -> None:
    long = indexed("long", "word\n\n" * 200)
    assert map_svg.words(long) == f"{'word ' * 27}word…"
    assert len(map_svg.words(long)) == map_svg.WORDS


def test_the_question_and_what_it_found_are_joined_and_the_cited_stand_out() -> None:
    html = page(asked=question(cited=frozenset([1])))
    joins = re.findall(r'<line class="(join[^"]*)"', html)
    assert sorted(joins) == ["join", "join cited"]
    found = {one for one in points(html) if "found" in one}
    assert len(found) == 2
    cited = next(one for one in found if 'class="point found cited"' in one)
    assert "[1] cited, doc.md, RAG &gt; Cons" in cited and ">[1]</text>" in cited
    assert html.count('aria-label="The question"') == 1
    assert points(html)[-1] == cited, "what matters most is drawn last, above all others"


def test_a_join_leads_from_the_question_to_its_passage() -> None:
    html = page(asked=question(cited=frozenset([1])))
    (star,) = re.findall(r'class="asked" role="img" [^>]*translate\((\S+) (\S+)\)', html)
    (join,) = re.findall(
        r'<line class="join cited" x1="(\S+)" y1="(\S+)" x2="(\S+)" y2="(\S+)"', html
    )
    (end,) = re.findall(r'class="point found cited" [^>]*translate\((\S+) (\S+)\)', html)
    assert (*star, *end) == join


def test_without_a_question_nothing_is_joined() -> None:
    html = page()
    assert "<line" not in html and 'class="asked"' not in html and "Nearest passages" not in html
    assert map_page.UNASKED in html
    assert 'href="#map-end"' in html and 'id="map-end"' in html


def test_hostile_text_stays_text() -> None:
    chunk = indexed("evil", EVIL, EVIL, heading=EVIL)
    twin = indexed("twin", "The moon.", "b.md")
    index = snapshot([chunk, twin])
    asked = Asked(
        EVIL,
        vector(EVIL),
        [passage(1, EVIL, id="evil")],
        [Dropped(passage(2, "The moon.", id="twin"), EVIL)],
        frozenset([1]),
    )
    html = page(index, asked)
    assert {one.tag for one in parsed(html).iter()} <= {
        *"page div p a svg g path text title circle line h3 ul li span".split(),
        *"table thead tbody tr th td".split(),
    }
    attributes = {name for one in parsed(html).iter() for name in one.attrib}
    assert not [name for name in attributes if name.startswith("on") or name == "src"]
    assert text_of(html).count("<script>alert(1)</script>") >= 4
    assert all(one.get("href", "").startswith(("reader?", "#")) for one in parsed(html).iter("a"))


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("asking", [False, True])
def test_a_small_index_is_drawn_too(count: int, asking: bool) -> None:
    html = page(snapshot(CHUNKS[:count]) if count else empty(), question() if asking else None)
    parsed(html)
    assert not re.search(r"\b(nan|inf)\b", html)
    assert len(points(html)) == count
    if not count:
        assert "no documents yet" in html


def empty() -> Snapshot:
    return Snapshot([], np.zeros((0, 0), dtype=np.float32))


def test_identical_passages_share_a_point_and_the_page_says_so() -> None:
    twins = [indexed(str(n), "The same words.", f"{n}.md") for n in range(4)]
    html = page(snapshot(twins))
    assert "the map is one point" in html and "% of the variance" not in html
    assert len({re.search(r"translate\(.*?\)", one)[0] for one in points(html)}) == 1  # type: ignore[index]


def test_it_says_how_much_the_axes_hold_and_what_counts() -> None:
    index = snapshot()
    shown = sum(project(index.vectors).explained)
    text = text_of(page(index))
    assert f"The two axes show {shown:.0%} of the variance" in text
    assert "near on the map is a hint, not a proof" in text
    assert f"cosines in all {index.vectors.shape[1]} dimensions" in text


def test_everything_lies_in_the_picture_and_up_is_positive() -> None:
    spread = [Point(CHUNKS[0], x, y, 1.0, 0) for x, y in ((-5, -1), (5, -1), (0, 1), (2, 0.5))]
    svg = map_svg.draw(spread, (9.0, 0.0), (0.5, 0.2))
    places = [(float(x), float(y)) for x, y in re.findall(r"translate\((\S+) (\S+)\)", svg)]
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in places)
    left, right, top = places[0], places[1], places[2]
    assert left[0] < right[0] and left[1] == right[1] and top[1] < left[1]
    scale = (right[0] - left[0]) / 10
    assert (left[1] - top[1]) / 2 == pytest.approx(scale, abs=0.1), "both axes have one scale"


def test_numbers_keep_away_from_each_other_and_from_the_question() -> None:
    crowd = [Point(CHUNKS[0], x / 800, 0.0, 0.01, 0, n) for n, x in ((1, 0), (2, 4), (3, 8))]
    svg = map_svg.draw([*crowd, Point(CHUNKS[0], 1.0, 0.0, 1.0, 0)], (0.0, 0.0), (1.0, 0.0))
    at = re.findall(r"translate\((\S+) (\S+)\)[^>]*><title>\[(\d)\]", svg)
    by = re.findall(r'<text x="(\S+)" y="(\S+)"[^>]*>\[(\d)\]', svg)
    assert [n for *_, n in at] == [n for *_, n in by] == ["3", "2", "1"]
    places = [
        (float(x) + float(dx), float(y) + float(dy))
        for (x, y, _), (dx, dy, _) in zip(at, by, strict=True)
    ]
    for number, place in enumerate(places):
        assert all(np.hypot(place[0] - x, place[1] - y) > 18 for x, y in places[:number])


def test_a_number_stands_on_the_far_side_of_its_point() -> None:
    apart = [Point(CHUNKS[0], -1.0, 0.0, 1.0, 0, 1), Point(CHUNKS[0], 1.0, 0.0, 1.0, 0, 2)]
    svg = map_svg.draw(apart, (0.0, 0.0), (1.0, 0.0))
    labels = re.findall(r'<text x="(\S+)" y="(\S+)"[^>]*>\[(\d)\]', svg)
    sides = {n: (float(x), abs(float(y))) for x, y, n in labels}
    assert sides == {"1": (-map_svg.LABEL, 0), "2": (map_svg.LABEL, 0)}


def test_what_takes_a_click_does_not_reach_over_the_next_point() -> None:
    near = [Point(CHUNKS[0], x, 0.0, s, 0) for x, s in ((0.0, 0.04), (0.04, 0.04), (1.0, 0.96))]
    svg = map_svg.draw(near, None, (1.0, 0.0))
    radii = [float(r) for r in re.findall(r'class="touch" r="(\S+)"', svg)]
    scale = WIDTH - 2 * map_svg.MARGIN
    assert radii == pytest.approx([0.02 * scale] * 2 + [map_svg.TOUCH], abs=0.06)


# --- marks and legend


def test_marks_differ_in_colour_and_in_shape() -> None:
    assert len({map_svg.glyph(mark) for mark in range(KINDS)}) == KINDS
    shapes = [map_svg.glyph(mark).split(' d="')[1] for mark in range(len(SHAPES))]
    assert len({*shapes}) == len(SHAPES), "the first few differ without their colour"
    same_colour = map_svg.glyph(0), map_svg.glyph(COLOURS)
    assert 'class="c0"' in same_colour[0] and 'class="c0"' in same_colour[1]
    assert same_colour[0] != same_colour[1]


def test_every_colour_is_in_the_style_sheet() -> None:
    sheet = (Path(map_svg.__file__).parent / "map.css").read_text("utf-8")
    colours = re.findall(r"\.map \.c(\d) \{ --fill: (#\w{6});", sheet)
    assert [int(number) for number, _ in colours] == [*range(COLOURS)]
    assert len({colour for _, colour in colours}) == COLOURS


def test_the_legend_names_documents_the_largest_first() -> None:
    text = text_of(page(asked=question(cited=frozenset([1]))))
    assert "“latency of RAG” a passage it retrieved one that the answer cites" in text
    assert "Documents doc.md 3 space.pdf 1" in text
    assert "cites" not in text_of(page(asked=question()))


def test_more_documents_than_marks_share_one() -> None:
    chunks = [indexed(f"{n}", f"Number {n}.", f"{n:03}.md") for n in range(KINDS + 5)]
    html = page(snapshot(chunks))
    assert "5 smaller documents" in text_of(html)
    assert len([one for one in points(html) if 'class="rest"' in one]) == 5
    assert f"{KINDS + 1 - map_page.NAMED} more" in text_of(html)


def test_a_large_index_is_sampled_and_what_was_found_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(map_page, "MOST", 10)
    chunks = [indexed(str(n), f"Passage number {n}.", number=n) for n in range(95)]
    asked = Asked("number 3", vector("number 3"), [passage(1, "", id="3"), passage(2, "", id="94")])
    html = page(snapshot(chunks), asked)
    assert "12 of 95 chunks are drawn" in text_of(html)
    assert len(points(html)) == 12
    assert html == page(snapshot(chunks), asked), "the same ones every time"
    assert "are drawn" not in text_of(page())


# --- the nearest, as text


def table(html: str) -> list[list[str]]:
    rows = parsed(html).findall(".//tbody/tr")
    return [[" ".join(" ".join(cell.itertext()).split()) for cell in row] for row in rows]


def test_the_table_is_ordered_by_cosine_and_says_what_became_of_each() -> None:
    dropped = [Dropped(passage(3, CHUNKS[3].text, id="moon"), "top-k is 2")]
    html = page(asked=question(cited=frozenset([1]), dropped=dropped))
    rows = table(html)
    cosines = [float(row[1].split()[1]) for row in rows]
    assert cosines == sorted(cosines, reverse=True) and len(rows) == 4
    expected = float(vector(CHUNKS[1].text) @ vector("latency of RAG"))
    used = {row[0].split(" ")[-1]: row for row in rows}
    assert [row[3] for row in rows if "Higher" in row[0]] == ["[1] cited"]
    assert [row[1] for row in rows if "Higher" in row[0]] == [f"cosine {expected:.2f}"]
    assert [row[3] for row in rows if "Lower" in row[0]] == ["[2] retrieved"]
    assert [row[3] for row in rows if "moon" in row[0]] == ["left out: top-k is 2"]
    assert [row[3] for row in rows if "looks" in row[0]] == [""]
    assert sorted(row[2][-2:] for row in rows) == ["1.", "2.", "3.", "4."]
    assert len(used) == 4


def test_the_place_on_the_map_is_by_the_distance_that_is_seen() -> None:
    texts = ["apple", "apple basalt", "basalt comet", "comet comet dune", "dune apple apple"]
    asked = Asked("comet apple", vector("comet apple"), [])
    html = page(snapshot([indexed(str(n), text) for n, text in enumerate(texts)]), asked)
    (star,) = re.findall(r'class="asked" role="img" [^>]*translate\((\S+) (\S+)\)', html)
    away = {
        text: np.hypot(float(x) - float(star[0]), float(y) - float(star[1]))
        for one in points(html)
        for x, y, text in re.findall(r"translate\((\S+) (\S+)\).*<title>doc.md: (.*)</title>", one)
    }
    rows = sorted(table(html), key=lambda row: row[2])
    assert [row[0] for row in rows] == [f"doc.md {text}" for text in sorted(away, key=away.get)]  # type: ignore[arg-type]
    assert [row[2] for row in table(html)] != [row[2] for row in rows], "the cosines say otherwise"


def test_only_the_nearest_and_the_retrieved_are_listed() -> None:
    chunks = [indexed(str(n), f"Comet {'dune ' * n}", number=n) for n in range(30)]
    asked = Asked("comet", vector("comet"), [passage(1, "", id="29")])
    rows = table(page(snapshot(chunks), asked))
    assert len(rows) == map_page.NEAREST + 1
    assert rows[-1][3] == "[1] retrieved"


def test_passages_that_left_the_index_are_counted() -> None:
    index = snapshot(CHUNKS[1:])
    assert "Retrieved, and no longer in the index: 1." in text_of(page(index, question()))
    assert "no longer" not in text_of(page(asked=question()))


# --- where the vectors come from


def test_a_snapshot_is_the_same_until_the_index_changes(tmp_path: Path) -> None:
    settings, name = settings_in(tmp_path), {"embedder": "fake"}
    with Index.write(settings, name) as index:
        index.upsert(CHUNKS, vectors(CHUNKS))
    with Index.read(settings, name) as index:
        retriever = Retriever(index, FakeEmbedder().real)
        first = retriever.snapshot()
        assert {chunk.id for chunk in first.chunks} == {chunk.id for chunk in CHUNKS}
        for chunk, row in zip(first.chunks, first.vectors, strict=True):
            assert row == pytest.approx(vector(chunk.text), abs=1e-6)
        retriever.retrieve("latency", 2)
        assert retriever.snapshot() is first
        with Index.write(settings, name) as writer:
            writer.delete(["moon"])
        second = retriever.snapshot()
        assert second is not first and len(second.chunks) == len(second.vectors) == 3
        with Index.write(settings, name) as writer:
            writer.delete([chunk.id for chunk in CHUNKS])
        last = retriever.snapshot()
        assert last.chunks == [] and last.vectors.shape == (0, 0)
        assert project(last.vectors).points.shape == (0, 2)
