"""Neighbours of points among themselves, found from half of the products, are those of the full table."""

import numpy as np
import pytest
import torch

from sysidc.runtime.bounded.mutual import BLOCK, MORE, Shortlists, nearest_candidates
from sysidc.runtime.bounded.neighbours import Neighbours
from sysidc.runtime.bounded.products import Floats

SAMPLES, COUNT, DIM = 4 * BLOCK - 7, 4, 9


def white() -> Floats:
    return np.random.default_rng(0).normal(size=(SAMPLES, DIM))


def far_clouds() -> Floats:
    return white() + 100 * np.random.default_rng(1).integers(0, 3, (SAMPLES, 1))


def windows_of_a_slow_signal() -> Floats:
    signal = np.cumsum(np.random.default_rng(0).normal(size=SAMPLES + DIM - 1))
    return np.lib.stride_tricks.sliding_window_view(signal, DIM)


def one_outlier() -> Floats:
    points = white()
    points[17] += 1e5  # single precision then tells hardly any neighbour from another
    return points


def few_near_ties() -> Floats:
    points = white()
    points[:40] = points[0] + 1e-7 * points[:40]
    return points


@pytest.mark.parametrize(
    "points",
    [white(), far_clouds(), windows_of_a_slow_signal(), one_outlier(), few_near_ties()],
    ids=["white noise", "far clouds", "windows of a slow signal", "one outlier", "few near ties"],
)
def test_the_nearest_others_are_those_of_the_full_table_of_distances(points: Floats) -> None:
    table = np.stack([np.linalg.norm(points - point, axis=1) for point in points])
    np.fill_diagonal(table, np.inf)
    distances, samples = Neighbours(points).nearest_others(COUNT)
    np.testing.assert_array_equal(samples, np.argsort(table, axis=1)[:, :COUNT])
    np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :COUNT], rtol=1e-12)


def test_twins_in_many_blocks_find_each_other_and_not_themselves() -> None:
    points = np.tile(white()[:200], (10, 1))
    distances, samples = Neighbours(points).nearest_others(1)
    assert (samples[:, 0] != np.arange(len(points))).all()
    assert (distances == 0).all()
    np.testing.assert_array_equal(points[samples[:, 0]], points)


@pytest.mark.parametrize("count", [1, 30, BLOCK + 100], ids=["one", "some", "more than a block"])
def test_no_point_outside_the_candidates_is_nearer_than_their_last(count: int) -> None:
    x = torch.from_numpy(white()[: 2 * BLOCK + 1] / 10)
    candidates, last = nearest_candidates(x, count, torch.float64)
    table = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(torch.inf).numpy()
    np.testing.assert_array_equal(candidates, np.sort(np.argsort(table, axis=1)[:, :count], axis=1))
    np.testing.assert_allclose(np.sqrt(last), np.sort(table, axis=1)[:, count - 1], rtol=1e-9)


def test_a_short_list_keeps_the_lowest_of_all_that_it_was_offered() -> None:
    rng = np.random.default_rng(0)
    lists, values = Shortlists(3, COUNT, torch.float64), rng.normal(size=(3, 20 * MORE))
    rows, points = (places.ravel() for places in np.indices(values.shape))
    for part in np.array_split(rng.permutation(values.size), 5):
        lists.offer(rows[part], points[part], values.ravel()[part])
    lists.settle()
    lists.shorten(np.arange(3))
    np.testing.assert_array_equal(np.sort(lists.points[:, :COUNT]), np.sort(np.argsort(values, axis=1)[:, :COUNT]))
    np.testing.assert_array_equal(lists.worst, np.sort(values, axis=1)[:, COUNT - 1])
