"""Exact neighbours of a point among the training points, each query on its own whatever batch it comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from sysidc.runtime.bounded.products import Floats, Integers, Products, without_own

# above it a tree looks at so many points that products are faster: so it was measured on 50 000 and 200 000 windows of
# white noise; windows of smooth signals allow the tree some more, but lose no more than a factor of two by products
TREE_DIMENSIONS = 6


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
        # scipy's stubs know one neighbour at a time only
        self.search: Any = KDTree(points) if points.shape[1] <= TREE_DIMENSIONS else Products(points)

    def nearest(self, queries: Floats, count: int) -> tuple[Floats, Integers]:
        """Distances and indices (queries, count) of the nearest samples, ascending; count <= samples."""
        if isinstance(self.search, Products):
            return self.search.nearest(queries, count)
        distances, samples = self.search.query(queries, k=range(1, count + 1))
        return distances, samples.astype(np.int64)

    def nearest_others(self, count: int) -> tuple[Floats, Integers]:
        """As `nearest`, for the points themselves, none of which finds itself; count < samples."""
        if isinstance(self.search, Products):
            return self.search.nearest_others(count)
        return without_own(np.arange(len(self.points)), *self.nearest(self.points, count + 1))

    def within(self, queries: Floats, radius: float) -> Pairs:
        """All samples at a distance of at most `radius`, in the order of the samples."""
        if isinstance(self.search, Products):
            return Pairs(*self.search.within(queries, radius))
        lists = self.search.query_ball_point(queries, radius, return_sorted=True)
        rows = np.repeat(np.arange(len(queries)), [len(found) for found in lists])
        samples = np.fromiter((index for found in lists for index in found), dtype=np.int64, count=len(rows))
        return Pairs(rows, samples, np.linalg.norm(queries[rows] - self.points[samples], axis=1))
