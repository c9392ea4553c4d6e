"""The page of the map: what it shows and what it does not, the legend, and the nearest as text.

Made of the index's chunks and vectors, and of a question with what it found. Pure functions. All
that comes from a document or a question is text and stays text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from bot.experiments.projection import Projection, sample, spacing
from bot.path.retrieval import Snapshot
from bot.trace import Dropped, Passage
from bot.web import parts
from bot.web.map import svg
from bot.web.map.svg import KINDS, Point
from ingest.index import IndexedChunk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 3000  # points drawn; a browser takes a second for as many
NEAREST = 10  # passages listed, and those retrieved besides
UNASKED = "Ask in the chat, or place a question above: what lies nearest to it is listed here."
NAMED = 12  # documents of the legend that are not folded away


@dataclass(frozen=True)
class Asked:
    """A question on the map and what it found."""

    question: str
    vector: NDArray[np.float32]
    passages: Sequence[Passage]  # shown to the model, or that would be
    dropped: Sequence[Dropped] = ()
    cited: frozenset[int] = field(default_factory=frozenset)  # numbers of the passages


def page(index: Snapshot, projection: Projection, asked: Asked | None) -> str:
    """Return the map of an index, with a question or without."""
    if not index.chunks:
        return '<p class="empty">The index holds no documents yet.</p>'
    sizes = Counter(chunk.document for chunk in index.chunks)
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    marks = {name: number for number, name in enumerate(order[:KINDS])}
    numbers = {p.id: p.n for p in asked.passages} if asked else {}
    kept = [at for at, chunk in enumerate(index.chunks) if chunk.id in numbers]
    drawn = sample(len(index.chunks), MOST, kept)
    places = projection.points[drawn]
    cited = asked.cited if asked else frozenset()
    points = [
        Point(chunk, float(x), float(y), float(apart), marks.get(chunk.document), n, n in cited)
        for chunk, (x, y), apart in zip(
            [index.chunks[at] for at in drawn], places, spacing(places), strict=True
        )
        for n in [numbers.get(chunk.id)]
    ]
    star = projection.place(asked.vector[None])[0].tolist() if asked else None
    picture = svg.draw(points, (star[0], star[1]) if star else None, projection.explained)
    return (
        f'<div class="map">{about(index, projection, len(points))}'
        f'<div class="map-desk"><div class="map-left"><a class="skip" href="#map-end">'
        f"Skip the points</a>{picture}"
        '<p class="map-tip">Point at a chunk, or step to it with Tab, to read its first words; '
        "click or Enter opens it.</p></div>"
        f"{legend(order, sizes, marks, asked)}</div>"
        f'<div id="map-end" tabindex="-1">'
        f"{nearest(index, projection, asked) if asked else parts.hint(UNASKED)}</div></div>"
    )


def about(index: Snapshot, projection: Projection, drawn: int) -> str:
    """Say what the map shows and what it leaves out."""
    total, width = index.vectors.shape
    shown = sum(projection.explained)
    if shown:
        line = (
            f"The two axes show {shown:.0%} of the variance: near on the map is a hint, not a "
            f"proof. The distances that count are cosines in all {width} dimensions."
        )
    elif total == 1:
        line = "The index holds one chunk: a map needs more to compare."
    else:
        line = f"All chunks are the same in all {width} dimensions: the map is one point."
    more = (
        f'<p class="hint">{drawn:,} of {total:,} chunks are drawn, evenly chosen, and always '
        "those that the question found. The axes are those of all.</p>"
        if drawn < total
        else ""
    )
    return f'<p class="map-about">{line}</p>{more}'


def legend(
    order: Sequence[str], sizes: Counter[str], marks: dict[str, int], asked: Asked | None
) -> str:
    """Return what the marks mean: the question's, and each document's, the largest first."""
    rows = [
        f'<li>{svg.swatch(svg.glyph(marks[name]))}<span class="name">{escape(name)}</span>'
        f'<span class="count">{sizes[name]:,}</span></li>'
        for name in order[:KINDS]
    ]
    if rest := order[KINDS:]:
        rows.append(
            f'<li>{svg.swatch(svg.glyph(None))}<span class="name">{len(rest):,} smaller '
            f'documents</span><span class="count">{sum(sizes[name] for name in rest):,}</span></li>'
        )
    folded = "".join(rows[NAMED:])
    more = f"<details><summary>{len(rows) - NAMED} more</summary><ul>{folded}</ul></details>"
    return (
        f'<div class="legend">{_question(asked) if asked else ""}<h3>Documents</h3>'
        f"<ul>{''.join(rows[:NAMED])}</ul>{more if folded else ''}</div>"
    )


def _question(asked: Asked) -> str:
    star = svg.swatch(f'<g class="asked"><path d="{svg.STAR}"/></g>')
    ring = (
        '<g class="found{}"><path class="join{}" d="M-14 0H14"/><circle class="ring" r="9.5"/></g>'
    )
    rows = [(star, f"“{asked.question}”")]
    if asked.passages:
        rows.append((svg.swatch(ring.format("", "")), "a passage it retrieved"))
    if asked.cited:
        rows.append((svg.swatch(ring.format(" cited", " cited")), "one that the answer cites"))
    items = "".join(
        f'<li>{mark}<span class="name">{escape(text)}</span></li>' for mark, text in rows
    )
    return f"<h3>Question</h3><ul>{items}</ul>"


# --- the nearest, as text


def nearest(index: Snapshot, projection: Projection, asked: Asked) -> str:
    """Return the passages nearest to the question and those it retrieved, by cosine."""
    import numpy as np

    cosines = index.vectors @ asked.vector
    away = np.hypot(*(projection.points - projection.place(asked.vector[None])).T)
    ranks, places = _ranks(-cosines), _ranks(away)
    roles = _roles(asked)
    rows = "".join(
        _row(index.chunks[at], roles.get(index.chunks[at].id, ""), cosines[at], places[at])
        for at in np.argsort(ranks).tolist()
        if ranks[at] <= NEAREST or index.chunks[at].id in roles
    )
    gone = roles.keys() - {chunk.id for chunk in index.chunks}
    left = f'<p class="hint">Retrieved, and no longer in the index: {len(gone)}.</p>'
    return (
        "<h3>Nearest passages</h3>"
        '<p class="hint">By cosine in all dimensions: the nearest, and those retrieved from '
        "further away, because words count as well.</p>"
        f"{left if gone else ''}"
        '<table role="table"><thead><tr><th scope="col">Passage</th>'
        '<th scope="col" class="number">Cosine</th>'
        '<th scope="col" class="number">Nearest on the map</th>'
        f'<th scope="col">Used</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _ranks(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the rank of each value, from 1 for the smallest; of equal ones the first is before."""
    import numpy as np

    ranks = np.empty(len(values), dtype=np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(1, len(values) + 1)
    return ranks


def _roles(asked: Asked) -> dict[str, str]:
    """Return what became of each passage that was retrieved."""
    roles = {one.passage.id: f"left out: {one.reason}" for one in asked.dropped}
    for passage in asked.passages:
        roles[passage.id] = f"[{passage.n}] {'cited' if passage.n in asked.cited else 'retrieved'}"
    return roles


def _row(chunk: IndexedChunk, role: str, cosine: float, place: int) -> str:
    """Return a row; its roles stay where the style sheet makes it two lines on a narrow page."""
    return (
        '<tr role="row"><th scope="row" role="rowheader">'
        f'<a class="where" {svg.link(chunk)}>{escape(svg.where(chunk))}</a>'
        f'<span class="words">{escape(svg.words(chunk))}</span></th>'
        f'<td role="cell" class="number"><span class="narrow">cosine </span>{cosine:.2f}</td>'
        f'<td role="cell" class="number"><span class="narrow">on the map </span>{place:,}.</td>'
        f'<td role="cell">{escape(role)}</td></tr>'
    )
