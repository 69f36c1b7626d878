"""Neighbours are exact in few and in many dimensions."""

import numpy as np
import pytest

from sysidc.runtime.bounded.neighbours import Neighbours


@pytest.mark.parametrize("dim", [1, 3, 30])
def test_neighbours_are_those_of_the_full_table_of_distances(dim: int) -> None:
    rng = np.random.default_rng(0)
    points, queries = rng.normal(size=(300, dim)) + 50, rng.normal(size=(40, dim)) + 50
    table = np.linalg.norm(queries[:, None] - points, axis=2)
    search = Neighbours(points)

    distances, samples = search.nearest(queries, 7)
    np.testing.assert_array_equal(samples, np.argsort(table, axis=1)[:, :7])
    np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :7], rtol=1e-12)

    radius = float(np.quantile(table, 0.2))
    pairs = search.within(queries, radius)
    rows, within = np.nonzero(table <= radius)
    np.testing.assert_array_equal(pairs.rows, rows)
    np.testing.assert_array_equal(pairs.samples, within)
    np.testing.assert_allclose(pairs.distances, table[rows, within], rtol=1e-12)


@pytest.mark.parametrize("dim", [1, 30])
def test_no_sample_is_its_own_neighbour_even_among_many_twins(dim: int) -> None:
    points = np.repeat(np.arange(4.0)[:, None], 25, axis=0) * np.ones(dim)
    distances, samples = Neighbours(points).nearest_others(5)
    assert (distances == 0).all()
    assert (samples != np.arange(100)[:, None]).all()
    assert (points[samples, 0] == points[:, :1]).all()
