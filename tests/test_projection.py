"""Principal components, against numpy's own decomposition: `pytest tests/test_projection.py`."""

from __future__ import annotations

import numpy as np
import pytest

from bot.experiments.projection import project, sample, spacing

CLOUD = np.random.default_rng(7).standard_normal((60, 8)) * [5, 3, 1, 1, 1, 0.5, 0.5, 0.1]


@pytest.mark.parametrize("count", [60, 6], ids=["more than dimensions", "fewer"])
def test_it_is_what_the_singular_value_decomposition_says(count: int) -> None:
    centred = CLOUD[:count] - CLOUD[:count].mean(axis=0)
    left, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    found = project(CLOUD[:count])
    assert found.explained == pytest.approx(sizes[:2] ** 2 / (sizes**2).sum())
    for number in (0, 1):
        sign = np.sign(found.axes[number] @ axes[number])
        assert found.axes[number] == pytest.approx(sign * axes[number])
        assert found.points[:, number] == pytest.approx(sign * left[:, number] * sizes[number])


def test_a_matrix_worked_out_by_hand() -> None:
    found = project(np.array([[1, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0]]))
    assert found.explained == pytest.approx((0.8, 0.2))
    assert found.points == pytest.approx(np.array([[0, 1], [0, -1], [2, 0], [-2, 0]]))


def test_the_largest_part_of_an_axis_is_positive() -> None:
    for vectors in (CLOUD, -CLOUD, CLOUD[::-1]):
        for axis in project(vectors).axes:
            assert axis[np.argmax(np.abs(axis))] > 0
    mirrored = project(-CLOUD)
    assert mirrored.axes == pytest.approx(project(CLOUD).axes), "the axes do not turn with it"


def test_two_parts_as_large_do_not_leave_the_sign_to_rounding() -> None:
    line = np.outer([-2, -1, 0, 1, 2], [1.0, -1.0])
    for noise in (0.0, 1e-13, -1e-13):
        axis = project(line * [1 + noise, 1]).axes[0]
        assert axis == pytest.approx(np.array([1, -1]) / np.sqrt(2))


def test_it_is_the_same_every_time_and_for_single_precision() -> None:
    once, again = project(CLOUD), project(CLOUD.copy())
    assert (once.points == again.points).all() and once.explained == again.explained
    single = project(CLOUD.astype(np.float32))
    assert single.points == pytest.approx(once.points, abs=1e-5)


def test_a_vector_is_placed_with_the_same_axes() -> None:
    found = project(CLOUD)
    assert found.place(CLOUD[3:5]) == pytest.approx(found.points[3:5])
    assert found.place(CLOUD.mean(axis=0)[None]) == pytest.approx(np.zeros((1, 2)))


@pytest.mark.parametrize(
    "vectors",
    [np.zeros((0, 4)), CLOUD[:1], np.repeat(CLOUD[:1], 5, axis=0), np.zeros((3, 4))],
    ids=["none", "one", "identical", "zeros"],
)
def test_without_variance_all_is_one_point(vectors: np.ndarray) -> None:
    found = project(vectors)
    assert found.explained == (0.0, 0.0)
    assert (found.points == np.zeros((len(vectors), 2))).all()
    assert np.isfinite(found.place(CLOUD[:2, : vectors.shape[1]])).all()


@pytest.mark.parametrize("times", [1, 30], ids=["fewer than dimensions", "more"])
def test_two_vectors_lie_on_one_axis(times: int) -> None:
    found = project(np.repeat(CLOUD[:2].astype(np.float32), times, axis=0))
    apart = np.linalg.norm(CLOUD[0] - CLOUD[1])
    assert found.explained == pytest.approx((1.0, 0.0))
    assert np.ptp(found.points[:, 0]) == pytest.approx(apart)
    assert (found.points[:, 1] == 0).all(), "no axis is made up where nothing varies"


def test_vectors_of_one_dimension() -> None:
    found = project(np.array([[1.0], [3.0]]))
    assert found.points.tolist() == [[-1, 0], [1, 0]] and found.explained == (1.0, 0.0)


def test_a_sample_is_even_and_keeps_what_it_must() -> None:
    assert sample(5, 10, [2]) == [0, 1, 2, 3, 4]
    assert sample(10, 5) == [0, 2, 4, 6, 8]
    assert sample(10, 5, [9, 4]) == [0, 2, 4, 6, 8, 9]
    assert len(sample(100_003, 3000)) == 3000


def test_spacing_is_the_distance_to_the_nearest_other_point() -> None:
    points = np.array([[0, 0], [3, 4], [3, 5], [3, 5]], dtype=np.float64)
    assert spacing(points).tolist() == [5, 1, 0, 0]
    assert spacing(points[:1]).tolist() == [np.inf]
    assert spacing(points[:0]).tolist() == []
    many = np.random.default_rng(1).standard_normal((1200, 2))
    apart = np.linalg.norm(many[:, None] - many[None], axis=2) + np.diag([np.inf] * 1200)
    assert spacing(many) == pytest.approx(apart.min(axis=1))
