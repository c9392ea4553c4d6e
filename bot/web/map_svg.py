"""The map itself as SVG: a point for each passage, and the question with what it found.

Knows shapes, sizes and order of drawing; knows nothing of vectors or pages. Pure functions. All
that comes from a document or a question is escaped text; every point is a link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import hypot

from bot.web import links
from ingest.index import IndexedChunk

WIDTH, HEIGHT, MARGIN = 800, 560, 44
COLOURS = 7  # named in map.css
SHAPES = (  # about as large as each other, around (0, 0)
    "M-4.6 0a4.6 4.6 0 1 0 9.2 0a4.6 4.6 0 1 0-9.2 0z",
    "M-4.1-4.1h8.2v8.2h-8.2z",
    "M0-5.4 5.4 3.9-5.4 3.9z",
    "M0-5.8 5.8 0 0 5.8-5.8 0z",
    "M-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
    "M0 5.4 5.4-3.9-5.4-3.9z",
)
KINDS = COLOURS * len(SHAPES)  # marks that differ: the two numbers have no common divisor
STAR = "M0-12 2.9-4 11.4-3.7 4.7 1.5 7 9.7 0 5 -7 9.7-4.7 1.5-11.4-3.7-2.9-4z"
CROWD = 500  # points from which on they are drawn smaller
TOUCH = 26  # radius that takes a click around a point, where no other point is as near
WORDS = 140  # characters of a passage that a point says


@dataclass(frozen=True)
class Point:
    """A passage on the map."""

    chunk: IndexedChunk
    x: float  # on the plane, as `spacing` is
    y: float
    spacing: float  # to the nearest other point
    mark: int | None  # which of KINDS; None: that of all documents beyond them
    n: int | None = None  # its number, if the question found it
    cited: bool = False


def glyph(mark: int | None) -> str:
    """Return a document's mark, around (0, 0)."""
    if mark is None:
        return f'<path class="rest" d="{SHAPES[0]}"/>'
    return f'<path class="c{mark % COLOURS}" d="{SHAPES[mark % len(SHAPES)]}"/>'


def swatch(inner: str) -> str:
    """Return a mark by itself, for a legend; the text beside it says what it is."""
    return f'<svg class="swatch" viewBox="-14 -14 28 28" aria-hidden="true">{inner}</svg>'


def where(chunk: IndexedChunk) -> str:
    """Return where a passage stands, for people: document, heading path and page."""
    parts = [chunk.document, chunk.heading, f"page {chunk.page}" if chunk.page else ""]
    return ", ".join(part for part in parts if part)


def words(chunk: IndexedChunk) -> str:
    """Return the first words of a passage, in one line."""
    line = " ".join(chunk.text.split())
    return line if len(line) <= WORDS else f"{line[: WORDS - 2].rsplit(' ', 1)[0]} …"


def link(chunk: IndexedChunk) -> str:
    """Return the attributes of a link to a passage; it opens beside, and the chat stays."""
    href = links.reader(chunk.document, chunk.start, chunk.end, chunk.text)
    return f'href="{escape(href)}" target="_blank" rel="noopener"'


def draw(
    points: Sequence[Point], question: tuple[float, float] | None, explained: tuple[float, float]
) -> str:
    """Return the map; question: where it falls on the plane."""
    frame = _Frame.around([(p.x, p.y) for p in points] + ([question] if question else []))
    found = sorted((p for p in points if p.n is not None), key=lambda p: (p.cited, -(p.n or 0)))
    star = frame.at(*question) if question else None
    parts = [_axes(frame, explained)]
    parts += [_point(point, frame, None) for point in points if point.n is None]
    if star:
        parts += [_join(point, frame, star) for point in found]
    parts += [_point(point, frame, star) for point in found]
    if star:
        parts.append(
            f'<g class="asked" role="img" aria-label="The question" '
            f'transform="translate({star[0]:.1f} {star[1]:.1f})"><path d="{STAR}"/></g>'
        )
    size = 0.65 if len(points) > CROWD else 1
    return (
        f'<svg class="plane" viewBox="0 0 {WIDTH} {HEIGHT}" style="--size:{size}" role="group" '
        f'aria-label="Map of the passages">{"".join(parts)}</svg>'
    )


@dataclass(frozen=True)
class _Frame:
    """From the plane to the picture: as far apart along both axes, up is positive."""

    scale: float
    left: float
    top: float

    @classmethod
    def around(cls, places: Sequence[tuple[float, float]]) -> _Frame:
        xs, ys = [x for x, _ in places] or [0.0], [y for _, y in places] or [0.0]
        wide, high = max(xs) - min(xs), max(ys) - min(ys)
        fits = [(WIDTH - 2 * MARGIN) / wide] if wide > 0 else []
        fits += [(HEIGHT - 2 * MARGIN) / high] if high > 0 else []
        scale = min(fits, default=1.0)
        left = WIDTH / 2 - scale * (max(xs) + min(xs)) / 2
        return cls(scale, left, HEIGHT / 2 + scale * (max(ys) + min(ys)) / 2)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.left + self.scale * x, self.top - self.scale * y


def _axes(frame: _Frame, explained: tuple[float, float]) -> str:
    x, y = frame.at(0, 0)
    first, second = explained
    return (
        f'<g class="axes"><path d="M{-WIDTH} {y:.1f}H{2 * WIDTH}M{x:.1f} {-HEIGHT}V{2 * HEIGHT}"/>'
        f'<text x="{WIDTH - 10}" y="{HEIGHT - 12}" text-anchor="end">→ {first:.0%}</text>'
        f'<text x="10" y="28">↑ {second:.0%}</text></g>'
    )


def _point(point: Point, frame: _Frame, star: tuple[float, float] | None) -> str:
    x, y = frame.at(point.x, point.y)
    kind, number = "point", ""
    title = f"{where(point.chunk)}: {words(point.chunk)}"
    radius = max(4.0, min(TOUCH, frame.scale * point.spacing / 2))
    if point.n is not None:
        kind = "point found cited" if point.cited else "point found"
        number = _number(point.n, (x, y), star)
        title = f"[{point.n}] {'cited, ' if point.cited else ''}{title}"
        radius = TOUCH / 2
    return (
        f'<a class="{kind}" {link(point.chunk)} transform="translate({x:.1f} {y:.1f})">'
        f'<title>{escape(title)}</title><circle class="touch" r="{radius:.1f}"/>'
        f"{glyph(point.mark)}{number}</a>"
    )


def _number(n: int, at: tuple[float, float], star: tuple[float, float] | None) -> str:
    """Return a passage's number, on the far side of its point from the question."""
    dx, dy = (at[0] - star[0], at[1] - star[1]) if star else (0.0, 0.0)
    if (dx, dy) == (0.0, 0.0):
        dy = -1.0
    length = hypot(dx, dy)
    return (
        f'<circle class="ring" r="9"/><text x="{20 * dx / length:.1f}" '
        f'y="{20 * dy / length:.1f}" text-anchor="middle" dominant-baseline="central">[{n}]</text>'
    )


def _join(point: Point, frame: _Frame, star: tuple[float, float]) -> str:
    x, y = frame.at(point.x, point.y)
    kind = "join cited" if point.cited else "join"
    return f'<line class="{kind}" x1="{star[0]:.1f}" y1="{star[1]:.1f}" x2="{x:.1f}" y2="{y:.1f}"/>'
