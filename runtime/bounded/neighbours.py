"""Exact neighbours of a point among the training points, each query on its own whatever batch it comes in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# above this dimension a tree looks at nearly every point, and a matrix product is faster
TREE_DIMENSIONS = 12
# pairs of a query and a point that are looked at together: 64 MiB of float64
PAIRS_AT_ONCE = 1 << 23
# the product's rounding may swap near ties: so many more are taken, then measured exactly
SPARE = 8


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
        self.tree: Any = KDTree(points) if points.shape[1] <= TREE_DIMENSIONS else None
        self.centre = points.mean(axis=0)  # products lose fewer digits around the centre

    def nearest(self, queries: Floats, count: int) -> tuple[Floats, Integers]:
        """Distances and indices (queries, count) of the nearest samples, ascending; count <= samples."""
        if self.tree is not None:
            distances, samples = self.tree.query(queries, k=range(1, count + 1))
            return distances, samples.astype(np.int64)
        found = [self._nearest_by_products(part, count) for part in self._parts(queries)]
        if not found:
            return np.empty((0, count)), np.empty((0, count), dtype=np.int64)
        return np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])

    def nearest_others(self, count: int) -> tuple[Floats, Integers]:
        """As `nearest`, for the points themselves, none of which finds itself; count < samples."""
        distances, samples = self.nearest(self.points, count + 1)
        own = samples == np.arange(len(samples))[:, None]
        own[~own.any(axis=1), -1] = True  # twins at distance 0 may have pushed the own sample out of the list
        return distances[~own].reshape(-1, count), samples[~own].reshape(-1, count)

    def within(self, queries: Floats, radius: float) -> Pairs:
        """All samples at a distance of at most `radius`, in the order of the samples."""
        if self.tree is not None:
            lists = self.tree.query_ball_point(queries, radius, return_sorted=True)
            rows = np.repeat(np.arange(len(queries)), [len(found) for found in lists])
            samples = np.fromiter((index for found in lists for index in found), dtype=np.int64, count=len(rows))
            return Pairs(rows, samples, np.linalg.norm(queries[rows] - self.points[samples], axis=1))
        return self._within_by_products(queries, radius)

    def _parts(self, queries: Floats) -> Iterator[Floats]:
        step = max(1, PAIRS_AT_ONCE // len(self.points))
        return (queries[first : first + step] for first in range(0, len(queries), step))

    def _squares(self, queries: Floats) -> torch.Tensor:
        """|q - x|^2 = |q|^2 + |x|^2 - 2 q'x, (queries, samples), exact to rounding."""
        q, x = torch.from_numpy(queries - self.centre), torch.from_numpy(self.points - self.centre)
        return torch.addmm(q.square().sum(1, keepdim=True) + x.square().sum(1), q, x.T, alpha=-2)

    def _nearest_by_products(self, queries: Floats, count: int) -> tuple[Floats, Integers]:
        candidates = min(count + SPARE, len(self.points))
        samples = self._squares(queries).topk(candidates, dim=1, largest=False).indices.sort(dim=1).values.numpy()
        distances = np.linalg.norm(queries[:, None] - self.points[samples], axis=2)
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(distances, order, axis=1), np.take_along_axis(samples, order, axis=1)

    def _within_by_products(self, queries: Floats, radius: float) -> Pairs:
        spread = float(np.square(self.points - self.centre).sum(axis=1).max())
        limit = radius**2 + 1e-9 * (spread + radius**2)  # candidates only: exact distances decide below
        found, first = [], 0
        for part in self._parts(queries):
            found.append((self._squares(part) <= limit).nonzero().numpy() + np.array([first, 0]))
            first += len(part)
        rows, samples = np.concatenate(found).T if found else np.empty((2, 0), dtype=np.int64)
        distances = np.linalg.norm(queries[rows] - self.points[samples], axis=1)
        kept = distances <= radius
        return Pairs(rows[kept], samples[kept], distances[kept])
