"""Exact neighbours of a point among the training points, each query on its own whatever batch it comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from sysidc.runtime.bounded.products import Floats, Integers, Products

# above these dimensions a tree looks at so many points that a matrix product is faster; a product's work grows with the
# square of the samples, so where they are many the tree stays longer
TREE_DIMENSIONS = 6
TREE_DIMENSIONS_OF_MANY = 12
MANY = 200_000


@dataclass(frozen=True)
class Pairs:
    """Neighbours as a flat list: query `rows[i]` has the sample `samples[i]` at distance `distances[i]`.

    Rows ascend, and the order inside a row depends on that query alone: sums over it are the same in every batch.
    """

    rows: Integers
    samples: Integers
    distances: Floats

    def without_self(self) -> Pairs:
        """Where the queries are the samples themselves: the pairs of two different samples."""
        kept = self.samples != self.rows
        return Pairs(self.rows[kept], self.samples[kept], self.distances[kept])


class Neighbours:
    """Neighbours among points (samples, dim) in the Euclidean norm: a k-d tree in few dimensions, products in many."""

    def __init__(self, points: Floats) -> None:
        self.points = points
        limit = TREE_DIMENSIONS if len(points) < MANY else TREE_DIMENSIONS_OF_MANY
        # scipy's stubs know one neighbour at a time only
        self.search: Any = KDTree(points) if points.shape[1] <= limit else Products(points)

    def nearest(self, queries: Floats, count: int) -> tuple[Floats, Integers]:
        """Distances and indices (queries, count) of the nearest samples, ascending; count <= samples."""
        if isinstance(self.search, Products):
            return self.search.nearest(queries, count)
        distances, samples = self.search.query(queries, k=range(1, count + 1))
        return distances, samples.astype(np.int64)

    def nearest_others(self, count: int) -> tuple[Floats, Integers]:
        """As `nearest`, for the points themselves, none of which finds itself; count < samples."""
        distances, samples = self.nearest(self.points, count + 1)
        own = samples == np.arange(len(samples))[:, None]
        own[~own.any(axis=1), -1] = True  # twins at distance 0 may have pushed the own sample out of the list
        return distances[~own].reshape(-1, count), samples[~own].reshape(-1, count)

    def within(self, queries: Floats, radius: float) -> Pairs:
        """All samples at a distance of at most `radius`, in the order of the samples."""
        if isinstance(self.search, Products):
            return Pairs(*self.search.within(queries, radius))
        lists = self.search.query_ball_point(queries, radius, return_sorted=True)
        rows = np.repeat(np.arange(len(queries)), [len(found) for found in lists])
        samples = np.fromiter((index for found in lists for index in found), dtype=np.int64, count=len(rows))
        return Pairs(rows, samples, np.linalg.norm(queries[rows] - self.points[samples], axis=1))
