"""Words of a picture of a page, read by RapidOCR: the extra `ocr`, whose models lie in its wheel.

No model is ever fetched: the engine is given the files beside its own code.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

COMMAND = "pip install 'whybot[ocr]'"
LONGEST = 2400  # pixels of a page's longer side: 200 a inch of A4, at which 6 point type is read
FOUND_AT = 1280  # pixels in which lines are looked for: more takes 400 MB and finds no more
FAINT = 0.8  # of 1: a line the engine is less sure of is often misread
CLEAR = 0.9  # of 1: a page that is read as surely lies the right way up
STEP = 1.3  # between two type sizes that are told apart
TYPE = 0.8  # of a line's box, which has a margin, is the size of its type
SPACE, COLUMN = 0.3, 1.0  # of the type size: the gap between words, and where it is a wider one

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class Word:
    """Some signs without a gap, and where they are."""

    text: str
    box: Box


@dataclass(frozen=True)
class Line:
    """One line, or a part of one that stands apart; lengths in pixels."""

    words: tuple[Word, ...]
    middle: float  # height of its middle, from the top, were the page not aslant
    size: float  # of its type; about equal ones are equal
    sure: float  # 0 to 1; 0 of one that stands on its side

    @property
    def text(self) -> str:
        """Return its words with spaces between."""
        return " ".join(word.text for word in self.words)


@lru_cache
def available() -> bool:
    """Tell whether the extra is installed."""
    return len(_models()) == 2 and importlib.util.find_spec("onnxruntime") is not None


def read_turned(image: Image) -> tuple[list[Line], int]:
    """Return the lines of a page that may lie on its side, and its quarter turns.

    The lines are of the picture turned so often, counter-clockwise. Only a page that is hard to
    read as it lies is read in the other ways, too.
    """
    found: list[tuple[list[Line], int]] = []
    for turns in range(4):
        lines = read_page(image.rotate(90 * turns, expand=True) if turns else image)
        if not lines or _sure(lines) >= CLEAR:
            return lines, turns
        found.append((lines, turns))
    return max(found, key=lambda read: _sure(read[0]))


def _sure(lines: Sequence[Line]) -> float:
    signs = sum(len(line.text) for line in lines)
    return sum(line.sure * len(line.text) for line in lines) / signs


def read_page(image: Image) -> list[Line]:
    """Return the lines of a page, from the top down; nothing from one without text."""
    import numpy as np

    pixels = np.asarray(image.convert("RGB"))[:, :, ::-1]  # the engine takes blue first
    found = engine()(np.ascontiguousarray(pixels))
    if getattr(found, "txts", None) is None or getattr(found, "boxes", None) is None:
        return []
    words = found.word_results or [()] * len(found.txts)
    return _lines(found.boxes.tolist(), found.txts, found.scores, words)


@lru_cache
def engine() -> Any:
    """Load the engine: half a second and 200 MB."""
    from rapidocr import RapidOCR

    paths = {f"{part}.model_path": str(path) for part, path in _models().items()}
    # One thread: other documents are read at the same time, and time is counted as work.
    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    return RapidOCR(
        params={
            **paths,
            **threads,
            "Global.log_level": "error",
            "Global.max_side_len": LONGEST,
            "Global.use_cls": False,  # it turns lines one by one, and not the page
            "Global.return_word_box": True,
            "Det.limit_type": "max",
            "Det.limit_side_len": FOUND_AT,
            "Rec.rec_batch_num": 1,  # more lines at once take more memory and no less time
        }
    )


@lru_cache
def _models() -> dict[str, Path]:
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        return {}
    folder = Path(spec.submodule_search_locations[0]) / "models"
    files = {part: sorted(folder.glob(f"*_{part.lower()}_*.onnx")) for part in ("Det", "Rec")}
    return {part: found[0] for part, found in files.items() if found}


def _lines(
    boxes: Sequence[Sequence[Sequence[float]]],
    texts: Sequence[str],
    scores: Sequence[float],
    words: Sequence[Sequence[Any]],
) -> list[Line]:
    """Make lines of what the engine found: quadrangles, clockwise from the top left.

    words: of each line: text, score and quadrangle, or nothing.
    """
    slope = _slope(boxes)
    heights = [_height(box) for box in boxes]
    body = median(heights) if heights else 1.0
    lines = []
    for box, text, score, height, parts in zip(boxes, texts, scores, heights, words, strict=True):
        if not text.strip():
            continue
        # Boxes of one type differ by a tenth, and by more where no letter is high or low.
        step = round(math.log(height / body) / math.log(STEP))
        size = TYPE * body * STEP**step
        x = sum(point[0] for point in box) / 4
        middle = sum(point[1] for point in box) / 4 - slope * x
        left, top, right, bottom = _around(box)
        on_its_side = len(text) > 2 and bottom - top > 1.5 * (right - left)
        sure = 0.0 if on_its_side else float(score)
        lines.append(Line(_words(text, box, parts, size), middle, size, sure))
    return sorted(lines, key=lambda line: (line.middle, line.words[0].box[0]))


def _slope(boxes: Sequence[Sequence[Sequence[float]]]) -> float:
    """Return how far a page's lines sink to the right: scans lie aslant."""
    found = [
        (box[1][1] - box[0][1]) / (box[1][0] - box[0][0])
        for box in boxes
        if box[1][0] - box[0][0] > 4 * _height(box)
    ]
    return median(found) if found else 0.0


def _height(box: Sequence[Sequence[float]]) -> float:
    return max(math.dist(box[0], box[3]), 1.0)


def _words(
    text: str, box: Sequence[Sequence[float]], parts: Sequence[Any], size: float
) -> tuple[Word, ...]:
    """Split a line at its spaces, with a clear gap between any two words."""
    outer = _around(box)
    tokens = text.split()
    edges = _edges(tokens, parts) or _spread(tokens, outer)
    for n in range(1, len(edges)):
        left, right = edges[n - 1][1], edges[n][0]
        if right - left < COLUMN * size:
            half = min(SPACE * size, edges[n][1] - edges[n - 1][0]) / 2
            edges[n - 1][1], edges[n][0] = (left + right) / 2 - half, (left + right) / 2 + half
    return tuple(
        Word(token, (left, outer[1], max(right, left + 1), outer[3]))
        for token, (left, right) in zip(tokens, edges, strict=True)
    )


def _edges(tokens: Sequence[str], parts: Sequence[Any]) -> list[list[float]]:
    """Return the left and right edge of each token; nothing where the engine's words differ."""
    signs: list[tuple[float, float]] = []
    for said, _, corners in parts:
        left, _, right, _ = _around(corners)
        said = "".join(said.split())
        wide = (right - left) / max(len(said), 1)
        signs += [(left + n * wide, left + (n + 1) * wide) for n in range(len(said))]
    if len(signs) != sum(map(len, tokens)):
        return []
    edges = []
    for token in tokens:
        edges.append([signs[0][0], signs[len(token) - 1][1]])
        signs = signs[len(token) :]
    return edges


def _spread(tokens: Sequence[str], outer: Box) -> list[list[float]]:
    left, _, right, _ = outer
    wide = (right - left) / max(len(" ".join(tokens)), 1)
    edges = []
    for token in tokens:
        edges.append([left, left + len(token) * wide])
        left += (len(token) + 1) * wide
    return edges


def _around(corners: Sequence[Sequence[float]]) -> Box:
    x, y = [float(point[0]) for point in corners], [float(point[1]) for point in corners]
    return min(x), min(y), max(x), max(y)
