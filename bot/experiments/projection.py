"""Vectors of many dimensions on a plane: principal component analysis, always the same.

The analysis is scikit-learn's, and what it lacks is ours: it has no answer for equal vectors, one
vector or none, makes up an axis where nothing varies, and leaves the sign of an axis with two
largest parts to rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NOTHING = 1e-12  # a share of the whole below which a variance is rounding
DIGITS = 9  # beyond which rounding, which may differ between runs, must not choose a sign
BLOCK = 512  # rows of distances held at once: 512 x 10,000 take 40 MB


@dataclass(frozen=True)
class Projection:
    """A plane through vectors, and where each of them falls on it."""

    mean: NDArray[np.float64]  # (width,): the middle of the plane
    axes: NDArray[np.float64]  # (2, width): unit vectors; zeros where there is no variance left
    points: NDArray[np.float64]  # (n, 2)
    explained: tuple[float, float]  # the share of the variance along each axis, 0..1

    def place(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return where other vectors of the same width, (m, width), fall on the plane: (m, 2)."""
        placed: NDArray[np.float64] = (vectors - self.mean) @ self.axes.T
        return placed


def project(vectors: NDArray[np.floating]) -> Projection:
    """Find the plane that shows the most variance of vectors, (n, width); n may be 0.

    An axis points to where its largest part is positive, so that the map is not mirrored from one
    run to the next. Without variance, as for one vector, all points are (0, 0).
    """
    import numpy as np
    from sklearn.decomposition import PCA

    exact = np.asarray(vectors, dtype=np.float64)
    count, width = exact.shape
    mean = exact.mean(axis=0) if count else np.zeros(width)
    centred = exact - mean
    axes, explained = np.zeros((2, width)), [0.0, 0.0]
    if float((centred**2).sum()) > NOTHING * float((exact**2).sum()):
        # Of many vectors the covariance has the same axes, and takes a tenth of the time. "auto"
        # would choose a solver that guesses.
        solver = "covariance_eigh" if count > width else "full"
        found = PCA(min(2, width), svd_solver=solver).fit(centred)
        for number, share in enumerate(found.explained_variance_ratio_.tolist()):
            if share > NOTHING:
                axes[number], explained[number] = _signed(found.components_[number]), share
    return Projection(mean, axes, centred @ axes.T, (explained[0], explained[1]))


def _signed(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    largest = np.argmax(np.abs(axis).round(DIGITS))  # the first, where two are as large
    return axis if axis[largest] > 0 else -axis


def sample(count: int, most: int, always: Iterable[int] = ()) -> list[int]:
    """Choose evenly from range(count), at most so many; those in `always` come on top of them."""
    if count <= most:
        return [*range(count)]
    return sorted({*(number * count // most for number in range(most)), *always})


def spacing(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each point, (n, 2), is from the one nearest to it; alone, infinitely."""
    import numpy as np

    nearest = np.full(len(points), np.inf)
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK]
        apart = np.hypot(block[:, :1] - points[:, 0], block[:, 1:] - points[:, 1])
        rows = np.arange(len(block))
        apart[rows, start + rows] = np.inf
        nearest[start : start + BLOCK] = apart.min(axis=1)
    return nearest
