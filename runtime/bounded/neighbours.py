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

# above these dimensions a tree looks at so many points that a matrix product is faster; a product's work grows with the
# square of the samples, so where they are many the tree stays longer
TREE_DIMENSIONS = 6
TREE_DIMENSIONS_OF_MANY = 12
MANY = 200_000
# pairs of a query and a point that are looked at together: 64 MiB of float64
PAIRS_AT_ONCE = 1 << 23
# the product's rounding may swap near ties: so many more are taken, then measured exactly
SPARE = 8
# neighbours are sought in the blocks of points that hold the nearest ones: 25 times fewer numbers to sort
BLOCK = 48


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
        self.tree: Any = KDTree(points) if points.shape[1] <= limit else None
        self.centre = points.mean(axis=0)  # products lose fewer digits around the centre
        if self.tree is None:
            x = torch.from_numpy(points - self.centre)
            self.factors = torch.cat((x, x.square().sum(1, keepdim=True)), dim=1).T

    def nearest(self, queries: Floats, count: int) -> tuple[Floats, Integers]:
        """Distances and indices (queries, count) of the nearest samples, ascending; count <= samples."""
        if self.tree is not None:
            distances, samples = self.tree.query(queries, k=range(1, count + 1))
            return distances, samples.astype(np.int64)
        room = self._room(len(queries))
        found = [self._nearest_by_products(part, count, room) for part in self._parts(queries)]
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

    def _room(self, queries: int) -> torch.Tensor:
        """Room for the products of one part: fresh memory for each would cost as much as they do."""
        return torch.empty(
            min(max(1, PAIRS_AT_ONCE // len(self.points)), queries), len(self.points), dtype=torch.float64
        )

    def _scores(self, queries: Floats, room: torch.Tensor) -> torch.Tensor:
        """|q - x|^2 - |q|^2 = |x|^2 - 2 q'x as one product, (queries, samples), exact to rounding."""
        q = torch.from_numpy(queries - self.centre)
        return torch.mm(torch.cat((-2 * q, q.new_ones(len(q), 1)), dim=1), self.factors, out=room[: len(q)])

    def _nearest_by_products(self, queries: Floats, count: int, room: torch.Tensor) -> tuple[Floats, Integers]:
        candidates = min(count + SPARE, len(self.points))
        samples = lowest(self._scores(queries, room), candidates).sort(dim=1).values.numpy()
        distances = np.linalg.norm(queries[:, None] - self.points[samples], axis=2)
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(distances, order, axis=1), np.take_along_axis(samples, order, axis=1)

    def _within_by_products(self, queries: Floats, radius: float) -> Pairs:
        spread = float(np.square(self.points - self.centre).sum(axis=1).max())
        limit = radius**2 + 1e-9 * (spread + radius**2)  # candidates only: exact distances decide below
        found, first, room = [], 0, self._room(len(queries))
        for part in self._parts(queries):
            limits = torch.from_numpy(limit - np.square(part - self.centre).sum(axis=1, keepdims=True))
            found.append((self._scores(part, room) <= limits).nonzero().numpy() + np.array([first, 0]))
            first += len(part)
        rows, samples = np.concatenate(found).T if found else np.empty((2, 0), dtype=np.int64)
        distances = np.linalg.norm(queries[rows] - self.points[samples], axis=1)
        kept = distances <= radius
        return Pairs(rows[kept], samples[kept], distances[kept])


def lowest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Where the `count` lowest of each row (rows, columns) stand, in any order.

    All of them stand in the `count` blocks of columns whose lowest scores are the lowest, or in the rest behind them.
    """
    columns = scores.shape[1]
    blocks = columns // BLOCK
    if blocks <= 2 * count:
        return scores.topk(count, dim=1, largest=False, sorted=False).indices
    lowest_of_block = scores[:, : blocks * BLOCK].view(-1, blocks, BLOCK).amin(dim=2)
    kept = lowest_of_block.topk(count, dim=1, largest=False, sorted=False).indices
    places = (kept[:, :, None] * BLOCK + torch.arange(BLOCK)).flatten(1)
    rest = torch.arange(blocks * BLOCK, columns).expand(len(scores), -1)
    places = torch.cat((places, rest), dim=1)
    best = scores.gather(1, places).topk(count, dim=1, largest=False, sorted=False).indices
    return places.gather(1, best)
