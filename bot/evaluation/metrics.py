"""Numbers for answers and rankings, each with its interval. Pure functions over plain values.

Shares have Wilson's 95 % interval; means, percentiles and F1 the bootstrap's (percentiles of 1,000
resamples, fixed seed: the same values give the same interval). The intervals are scipy's, but for
F1's: a call of scikit-learn's `f1_score` for each resample takes seconds.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES, SEED = 1000, 0

_ALIKE = str.maketrans("‘’‚′“”„″‐‑‒–—−", "''''\"\"\"\"------")
_MARKUP = re.compile(r"\*+|`+|__+|^[ \t]*(?:#{1,6}|[-+•>]|\d{1,3}[.)])[ \t]+", re.MULTILINE)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Estimate:
    """A measured value with its 95 % interval and the number of values behind it."""

    value: float
    low: float
    high: float
    n: int


# --- estimates; of nothing there is none


def share(outcomes: Iterable[bool]) -> Estimate | None:
    """Estimate how often something is so, 0..1, with Wilson's score interval."""
    from scipy.stats import binomtest

    all_ = list(outcomes)
    hits, n = sum(all_), len(all_)
    if not n:
        return None
    within = binomtest(hits, n).proportion_ci(LEVEL, method="wilson")
    return Estimate(hits / n, float(within.low), float(within.high), n)


def mean(values: Sequence[float]) -> Estimate | None:
    """Estimate a mean."""
    import numpy as np

    return _bootstrap(values, np.mean)


def p90(values: Sequence[float]) -> Estimate | None:
    """Estimate the value that nine of ten stay under."""
    import numpy as np

    return _bootstrap(values, partial(np.percentile, q=90))


def ratio(pairs: Sequence[tuple[float, float]]) -> Estimate | None:
    """Estimate the sum of the first values as a share of the sum of the second, all 0 and up."""
    import numpy as np

    rows = np.asarray(pairs, dtype=np.float64).reshape(-1, 2)
    above, below = rows.sum(axis=0)
    if not below:
        return None
    drawn = np.random.default_rng(SEED).integers(len(rows), size=(RESAMPLES, len(rows)))
    sums = rows[drawn].sum(axis=1)
    sums = sums[sums[:, 1] > 0]  # a resample of cases without the second says nothing
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return Estimate(float(above / below), float(low), float(high), len(rows))


def weighted_f1(pairs: Iterable[tuple[bool, bool]]) -> Estimate | None:
    """Estimate the F1 of a two-class decision: both classes' F1, weighted by their true counts.

    pairs: (what is so, what was decided). A class that is neither there nor decided has no weight.
    """
    import numpy as np

    cells = np.zeros(4)
    for truth, decided in pairs:
        cells[2 * (not truth) + (not decided)] += 1
    n = int(cells.sum())
    if not n:
        return None
    resampled = np.random.default_rng(SEED).multinomial(n, cells / n, RESAMPLES)
    low, high = np.percentile(_weighted_f1(resampled.astype(float)), [2.5, 97.5])
    return Estimate(float(_weighted_f1(cells)), float(low), float(high), n)


def _weighted_f1(cells: NDArray[np.float64]) -> Any:
    import numpy as np

    tp, fn, fp, tn = np.moveaxis(cells, -1, 0)
    wrong = fn + fp
    yes = 2 * tp / np.maximum(2 * tp + wrong, 1)
    no = 2 * tn / np.maximum(2 * tn + wrong, 1)
    return ((tp + fn) * yes + (tn + fp) * no) / cells.sum(axis=-1)


def _bootstrap(values: Sequence[float], statistic: Callable[..., Any]) -> Estimate | None:
    import numpy as np
    from scipy.stats import bootstrap

    if not values:
        return None
    value = float(statistic(values))
    if len(values) == 1:  # scipy asks for two
        return Estimate(value, value, value, 1)
    within = bootstrap(
        (values,),
        statistic,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Estimate(value, float(within.low), float(within.high), len(values))


# --- answers


def normalised(text: str) -> str:
    """Return a text without case, markup, typographic variants and repeated blanks."""
    plain = _MARKUP.sub("", unicodedata.normalize("NFKC", text)).translate(_ALIKE)
    return " ".join(plain.casefold().split())


def occurs(groups: Sequence[Sequence[str]], text: str) -> bool:
    """Tell whether at least one variant of every group occurs in the text."""
    plain = normalised(text)
    return all(any(normalised(variant) in plain for variant in group) for group in groups)


def rouge_l(answer: str, references: Sequence[str]) -> float:
    """Return the F-measure of the longest common subsequence of words, 0..1; the best reference's.

    As the package rouge-score computes it without stemming, but for words of every script: that
    one knows a-z and 0-9. It could be given these words, but brings nltk along.
    """
    words = _words(answer)
    return max((_lcs_f(words, _words(reference)) for reference in references), default=0.0)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _lcs_f(left: Sequence[str], right: Sequence[str]) -> float:
    row = [0] * (len(right) + 1)
    for word in left:
        diagonal = 0
        for at, other in enumerate(right, 1):
            above = row[at]
            row[at] = diagonal + 1 if word == other else max(above, row[at - 1])
            diagonal = above
    return 2 * row[-1] / (len(left) + len(right)) if row[-1] else 0.0


# --- rankings of one question; relevant: the gain of each relevant id, above 0
#
# The values are those of ir-measures; a test compares them. It is not used itself, because it needs
# pytrec-eval-terrier, which has no wheel for Linux on ARM and downloads C code to be built there.
# ranx brings numba, seaborn and 30 more. scikit-learn's ndcg_score needs two documents, and has no
# way to say that a relevant one was not retrieved.


def recall(ranked: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """Return which share of the relevant ids is among the first k."""
    return len(relevant.keys() & set(ranked[:k])) / len(relevant)


def ndcg(ranked: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """Return the discounted gain of the first k as a share of the best possible (linear gain)."""
    best = sorted(relevant.values(), reverse=True)[:k]
    return _dcg([relevant.get(id, 0) for id in ranked[:k]]) / _dcg(best)


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def reciprocal_rank(ranked: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """Return 1 / the rank of the first relevant id; 0 when none is among the first k."""
    return next((1 / rank for rank, id in enumerate(ranked[:k], 1) if id in relevant), 0.0)
