"""The map itself as SVG: a point for each chunk, and the question with what it found.

Pure functions: shapes, sizes and the order of drawing. All that comes from a document or a question
is escaped text. Every point is a link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import cos, dist, radians, sin

from bot.web import links
from ingest.index import IndexedChunk

WIDTH, HEIGHT, MARGIN = 800, 560, 60
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
LABEL = 21  # from a point to its number
WORDS = 140  # characters of a chunk that a point says

Place = tuple[float, float]
_COMPASS = [(cos(radians(angle)), -sin(radians(angle))) for angle in range(0, 360, 45)]
_RING = '<circle class="ground" r="13"/><circle class="ring" r="9.5"/>'


@dataclass(frozen=True)
class Point:
    """A chunk on the map."""

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
    """Return where a chunk stands, for people: document, heading path and page."""
    parts = [chunk.document, chunk.heading, chunk.where]
    return ", ".join(part for part in parts if part)


def words(chunk: IndexedChunk) -> str:
    """Return the first words of a chunk, in one line."""
    line = " ".join(chunk.text.split())
    return line if len(line) <= WORDS else f"{line[: WORDS - 1]}…"


def link(chunk: IndexedChunk) -> str:
    """Return the attributes of a link to a chunk; it opens beside, and the chat stays."""
    href = links.reader(chunk.document, chunk.start, chunk.end, chunk.text)
    return f'href="{escape(href)}" target="_blank" rel="noopener"'


def draw(points: Sequence[Point], question: Place | None, explained: tuple[float, float]) -> str:
    """Return the map; question: where it falls on the plane."""
    frame = _Frame.around([(p.x, p.y) for p in points] + ([question] if question else []))
    found = sorted((p for p in points if p.n is not None), key=lambda p: (p.cited, -(p.n or 0)))
    parts = [_axes(frame, explained)]
    parts += [_point(point, frame) for point in points if point.n is None]
    if question:
        star = frame.at(*question)
        parts += [_join(frame.at(p.x, p.y), star, p.cited) for p in found]
        labels = _labels([frame.at(p.x, p.y) for p in found], star)
        parts += [_point(p, frame, _number(p.n, at)) for p, at in zip(found, labels, strict=True)]
        parts.append(
            f'<g class="asked" role="img" aria-label="The question" '
            f'transform="translate({star[0]:.1f} {star[1]:.1f})"><path d="{STAR}"/></g>'
        )
    size = 0.65 if len(points) > CROWD else 1
    return (
        f'<svg class="plane{" asking" if question else ""}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'style="--size:{size}" role="group" aria-label="Map of the chunks">'
        f"{''.join(parts)}</svg>"
    )


@dataclass(frozen=True)
class _Frame:
    """From the plane to the picture: as far apart along both axes, up is positive."""

    scale: float
    left: float
    top: float

    @classmethod
    def around(cls, places: Sequence[Place]) -> _Frame:
        xs, ys = [x for x, _ in places] or [0.0], [y for _, y in places] or [0.0]
        wide, high = max(xs) - min(xs), max(ys) - min(ys)
        fits = [(WIDTH - 2 * MARGIN) / wide] if wide > 0 else []
        fits += [(HEIGHT - 2 * MARGIN) / high] if high > 0 else []
        scale = min(fits, default=1.0)
        left = WIDTH / 2 - scale * (max(xs) + min(xs)) / 2
        return cls(scale, left, HEIGHT / 2 + scale * (max(ys) + min(ys)) / 2)

    def at(self, x: float, y: float) -> Place:
        return self.left + self.scale * x, self.top - self.scale * y


def _axes(frame: _Frame, explained: tuple[float, float]) -> str:
    x, y = frame.at(0, 0)
    first, second = explained
    return (
        f'<g class="axes"><path d="M{-WIDTH} {y:.1f}H{2 * WIDTH}M{x:.1f} {-HEIGHT}V{2 * HEIGHT}"/>'
        f'<text x="{WIDTH - 10}" y="{HEIGHT - 12}" text-anchor="end">→ axis 1: {first:.0%}</text>'
        f'<text x="10" y="28">↑ axis 2: {second:.0%}</text></g>'
    )


def _point(point: Point, frame: _Frame, number: str = "") -> str:
    x, y = frame.at(point.x, point.y)
    kind, title = "point", f"{where(point.chunk)}: {words(point.chunk)}"
    radius = max(4.0, min(TOUCH, frame.scale * point.spacing / 2))
    if point.n is not None:
        kind = "point found cited" if point.cited else "point found"
        title = f"[{point.n}] {'cited, ' if point.cited else ''}{title}"
        radius = TOUCH / 2
    return (
        f'<a class="{kind}" {link(point.chunk)} transform="translate({x:.1f} {y:.1f})">'
        f'<title>{escape(title)}</title><circle class="touch" r="{radius:.1f}"/>'
        f"{_RING if number else ''}{glyph(point.mark)}{number}</a>"
    )


def _labels(places: Sequence[Place], star: Place) -> list[Place]:
    """Return where the number of each point goes, relative to it: where there is most room."""
    taken, labels = [star], list[Place]()
    for number, (x, y) in enumerate(places):
        others = [*taken, *places[:number], *places[number + 1 :]]
        around = [(x + LABEL * dx, y + LABEL * dy) for dx, dy in _COMPASS]
        # To the tenth: rounding must not choose between directions that are as good.
        best = max(around, key=lambda at: round(min(dist(at, one) for one in others), 1))
        taken.append(best)
        labels.append((best[0] - x, best[1] - y))
    return labels


def _number(n: int | None, at: Place) -> str:
    return (
        f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="middle" '
        f'dominant-baseline="central">[{n}]</text>'
    )


def _join(at: Place, star: Place, cited: bool) -> str:
    (x, y), (x1, y1) = at, star
    kind = "join cited" if cited else "join"
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x:.1f}" y2="{y:.1f}"/>'
