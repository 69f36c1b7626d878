"""Neighbours of points among themselves: the product of two blocks of points serves both, and is computed once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree
from torch import Tensor

Values = NDArray[np.floating[Any]]
Indices = NDArray[np.int64]

# points of a block: 1 MiB of squared distances, which stay in the cache
BLOCK = 512
# points that are next to each other in the order of a tree with such leaves are near, and so are those of a block
LEAF = 64
# a list has room for so many more than it keeps, and is shortened when that is used up
MORE = 40
# what is offered is put into the lists many pairs at once
WAITING = 1 << 15


def nearest_candidates(x: Tensor, count: int, precision: torch.dtype) -> tuple[Indices, Values]:
    """For each point the others with the lowest |x_i|^2 + |x_j|^2 - 2 x_i'x_j, computed in the given precision.

    x (points, dim), count < points -> indices (points, count), ascending, and the largest of those squared distances
    (points,). No other point is nearer: either the product said so, or none was needed, since by the triangle
    inequality the whole block lies farther away.
    """
    order: Indices = KDTree(x.numpy(), leafsize=LEAF).indices.astype(np.int64)
    blocks, lists = Blocks(x[torch.from_numpy(order)], precision), Shortlists(len(x), count, precision)
    for part in blocks.parts:
        _meet_within(blocks, part, lists)
    for a, b, gap in blocks.pairs():
        if gap <= 0 or gap**2 < max(lists.worst[a].max(), lists.worst[b].max()):
            _meet(blocks, a, b, lists)
    lists.settle()
    lists.shorten(np.arange(len(x)))
    candidates, worst = np.empty((len(x), count), dtype=np.int64), np.empty_like(lists.worst)
    candidates[order], worst[order] = np.sort(order[lists.points[:, :count]], axis=1), lists.worst
    return candidates, worst


class Blocks:
    """Points (points, dim), neighbours in blocks of their own, and the squared distances between two blocks."""

    def __init__(self, x: Tensor, precision: torch.dtype) -> None:
        norms, ones = x.square().sum(1, keepdim=True), x.new_ones(len(x), 1)
        self.left = torch.cat((-2 * x, norms, ones), dim=1).to(precision)
        self.right = torch.cat((x, ones, norms), dim=1).to(precision).T.contiguous()
        edges = np.linspace(0, len(x), -(-len(x) // BLOCK) + 1).astype(int).tolist()
        self.parts = [slice(first, last) for first, last in pairwise(edges)]
        self.centres = torch.stack([x[part].mean(0) for part in self.parts])
        spread = [(x[part] - centre).norm(dim=1).max() for part, centre in zip(self.parts, self.centres, strict=True)]
        self.radii = torch.stack(spread)
        # fresh memory for each block would cost as much as the products do
        self._squares = torch.empty(BLOCK**2, dtype=precision)

    def squares(self, a: slice, b: slice) -> Tensor:
        """Squared distances of the points of two blocks, (points of a, points of b), until the next are asked for."""
        shape = a.stop - a.start, b.stop - b.start
        squares = self._squares[: shape[0] * shape[1]].view(shape)
        return torch.mm(self.left[a], self.right[:, b], out=squares)

    def pairs(self) -> Iterator[tuple[slice, slice, float]]:
        """All pairs of two blocks, nearest first, and a distance that no point of one is nearer to one of the other."""
        distances = torch.cdist(self.centres, self.centres, compute_mode="donot_use_mm_for_euclid_dist")
        first, second = np.triu_indices(len(self.parts), 1)
        gaps = (distances - self.radii - self.radii[:, None]).numpy()[first, second]
        for k in np.argsort(gaps, kind="stable"):
            yield self.parts[first[k]], self.parts[second[k]], float(gaps[k])


class Shortlists:
    """The lowest `count` values that each row was offered so far, and the points that they belong to."""

    def __init__(self, rows: int, count: int, precision: torch.dtype) -> None:
        self.count = count
        self.values: Values = torch.full((rows, count + MORE), torch.inf, dtype=precision).numpy()
        self.points = np.zeros(self.values.shape, dtype=np.int32)
        self.filled = np.zeros(rows, dtype=np.int64)
        # a value that is no lower need not be offered; an upper bound of the last in the list
        self.worst: Values = torch.full((rows,), torch.inf, dtype=precision).numpy()
        self._waiting: list[tuple[Indices, Indices, Values]] = []
        self._pairs_waiting = 0

    def offer(self, rows: Indices, points: Indices, values: Values) -> None:
        """A value and a point for each of `rows`, which may come several times."""
        self._waiting.append((rows, points, values))
        self._pairs_waiting += len(rows)
        if self._pairs_waiting > WAITING:
            self.settle()

    def settle(self) -> None:
        """Put what was offered into the lists; those that get full are shortened."""
        if not self._waiting:
            return
        rows, points, values = (np.concatenate(offered) for offered in zip(*self._waiting, strict=True))
        self._waiting, self._pairs_waiting = [], 0
        order = np.argsort(rows, kind="stable")
        rows, points, values = rows[order], points[order], values[order]
        while len(rows):
            firsts = np.flatnonzero(np.diff(rows, prepend=-1))
            owners, offered = rows[firsts], np.diff(firsts, append=len(rows))
            slots = np.arange(len(rows)) - np.repeat(firsts, offered) + self.filled[rows]
            fits = slots < self.values.shape[1]
            self.values[rows[fits], slots[fits]] = values[fits]
            self.points[rows[fits], slots[fits]] = points[fits]
            self.filled[owners] = np.minimum(self.filled[owners] + offered, self.values.shape[1])
            if fits.all():
                return
            self.shorten(owners[self.filled[owners] == self.values.shape[1]])
            left = ~fits & (values < self.worst[rows])
            rows, points, values = rows[left], points[left], values[left]

    def shorten(self, rows: Indices) -> None:
        """Keep the lowest `count` of the lists of these rows."""
        lowest, places = torch.from_numpy(self.values[rows]).topk(self.count, dim=1, largest=False, sorted=False)
        self.points[rows, : self.count] = np.take_along_axis(self.points[rows], places.numpy(), axis=1)
        self.values[rows] = np.inf
        self.values[rows, : self.count] = lowest
        self.filled[rows] = self.count
        self.worst[rows] = lowest.amax(dim=1)


def _meet_within(blocks: Blocks, part: slice, lists: Shortlists) -> None:
    """Offer each point of a block the nearest others in it."""
    squares = blocks.squares(part, part).fill_diagonal_(torch.inf)
    values, places = squares.topk(min(lists.count, len(squares) - 1), dim=1, largest=False, sorted=False)
    rows = np.arange(part.start, part.stop)
    lists.offer(np.repeat(rows, values.shape[1]), part.start + places.flatten().numpy(), values.flatten().numpy())
    lists.settle()
    lists.shorten(rows)


def _meet(blocks: Blocks, a: slice, b: slice, lists: Shortlists) -> None:
    """Offer the points of two blocks each other."""
    squares, worst_a, worst_b = blocks.squares(a, b), lists.worst[a], lists.worst[b]
    limits = torch.maximum(torch.from_numpy(worst_a)[:, None], torch.from_numpy(worst_b))
    values = squares.numpy().ravel()
    near = np.flatnonzero(values < limits.numpy().ravel())
    values, (i, j) = values[near], np.divmod(near, squares.shape[1])
    for_a, for_b = values < worst_a[i], values < worst_b[j]
    i, j = i + a.start, j + b.start
    rows, points = np.concatenate((i[for_a], j[for_b])), np.concatenate((j[for_a], i[for_b]))
    lists.offer(rows, points, np.concatenate((values[for_a], values[for_b])))
