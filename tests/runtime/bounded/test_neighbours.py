"""Neighbours are exact in few and in many dimensions."""

import numpy as np
import pytest
import torch

from sysidc.runtime.bounded.neighbours import Neighbours
from sysidc.runtime.bounded.products import lowest


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


@pytest.mark.parametrize("columns", [7, 100, 40 * 48, 40 * 48 + 5], ids=["all", "few", "whole blocks", "and a rest"])
def test_the_lowest_are_those_of_a_sorted_row(columns: int) -> None:
    scores = torch.randn(9, columns, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scores[:, -3:] -= 9  # the rest behind the last block takes part
    values, places = lowest(scores, 7)
    assert torch.equal(places.sort(dim=1).values, scores.argsort(dim=1)[:, :7].sort(dim=1).values)
    assert torch.equal(values, scores.gather(1, places))


@pytest.mark.parametrize(
    ("spread", "offset"),
    [(1e-30, 0.0), (1e30, 0.0), (1.0, 3.0), (1e-4, 3.0), (1e-6, 3.0)],
    ids=["one small cloud", "one wide cloud", "two wide clouds", "two clouds", "two small clouds"],
)
def test_neighbours_are_exact_where_single_precision_cannot_tell_them_apart(spread: float, offset: float) -> None:
    rng = np.random.default_rng(0)
    points, queries = rng.normal(size=(3000, 9)) * spread, rng.normal(size=(50, 9)) * spread
    points[::2], queries[::2] = points[::2] + offset, queries[::2] + offset
    table = np.linalg.norm(queries[:, None] - points, axis=2)
    search = Neighbours(points)

    distances, samples = search.nearest(queries, 4)
    np.testing.assert_array_equal(samples, np.argsort(table, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :4], rtol=1e-12)

    radius = float(np.sort(table, axis=1)[0, 9])  # a border on which a sample lies
    rows, within = np.nonzero(table <= radius)
    pairs = search.within(queries, radius)
    np.testing.assert_array_equal(pairs.rows, rows)
    np.testing.assert_array_equal(pairs.samples, within)


@pytest.mark.parametrize("dim", [1, 30])
def test_no_sample_is_its_own_neighbour_even_among_many_twins(dim: int) -> None:
    points = np.repeat(np.arange(4.0)[:, None], 25, axis=0) * np.ones(dim)
    distances, samples = Neighbours(points).nearest_others(5)
    assert (distances == 0).all()
    assert (samples != np.arange(100)[:, None]).all()
    assert (points[samples, 0] == points[:, :1]).all()
