"""Exact neighbours in many dimensions: products in single precision name candidates, exact distances decide."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sysidc.runtime.bounded.mutual import nearest_candidates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# pairs of a query and a point that are looked at together: 8 MiB of scores, which stay in the cache; a product of more
# dimensions is worth more rows at once
PAIRS_AT_ONCE = 1 << 21
DIMENSIONS_PER_SHARE = 32
# rounding may swap near ties, so that many more are taken than are asked for, then measured exactly
SPARE = 8
# coordinates of candidates that are looked at together: 512 KiB, which stay in the cache
COORDINATES_AT_ONCE = 1 << 16
# with fewer samples for each neighbour that is asked for, keeping lists costs more than half of the products
SAMPLES_PER_NEIGHBOUR = 500


class Products:
    """Neighbours among points (samples, dim) from the scores |x|^2 - 2 q'x = |q - x|^2 - |q|^2 of all pairs.

    Scores in single precision are wrong by no more than `_error` (Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd ed. (2002), section 3.1). A point that is no candidate has a score above the candidates'; where that
    leaves it farther away than the last neighbour that was asked for, by more than the error, the candidates hold all
    neighbours. Queries for which it does not, near ties, are sought again in double precision.
    """

    def __init__(self, points: Floats) -> None:
        self.points = points
        self.centre = points.mean(axis=0)  # products lose fewer digits around the centre
        x = torch.from_numpy(points - self.centre)
        norms = x.square().sum(1, keepdim=True)
        self.scale = float(norms.max().sqrt()) or 1.0
        self.factors = torch.cat((x / self.scale, norms / self.scale**2), dim=1).T.contiguous()
        self.single_factors = self.factors.float()

    def nearest(self, queries: Floats, count: int) -> tuple[Floats, Integers]:
        """Distances and indices (queries, count) of the nearest samples, ascending; count <= samples."""
        distances, samples = np.empty((len(queries), count)), np.empty((len(queries), count), dtype=np.int64)
        room = self._room(len(queries), torch.float32)
        for part in self._parts(len(queries)):
            distances[part], samples[part], sure = self._candidates(queries[part], count, room)
            if room.dtype == torch.float64 or sure.all():
                continue
            doubtful = part.start + np.flatnonzero(~sure)
            double = self._room(len(queries), torch.float64)
            distances[doubtful], samples[doubtful], _ = self._candidates(queries[doubtful], count, double)
            if 2 * len(doubtful) > len(sure):  # near ties everywhere: single precision spares nothing
                room = double
        return distances, samples

    def nearest_others(self, count: int) -> tuple[Floats, Integers]:
        """As `nearest`, for the points themselves, none of which finds itself; count < samples."""
        if len(self.points) < SAMPLES_PER_NEIGHBOUR * count:
            return without_own(np.arange(len(self.points)), *self.nearest(self.points, count + 1))
        distances, samples, sure = self._other_candidates(count, torch.float32)
        doubtful = np.flatnonzero(~sure)
        if 2 * len(doubtful) > len(sure):  # near ties everywhere
            return self._other_candidates(count, torch.float64)[:2]
        if len(doubtful):
            again = self.nearest(self.points[doubtful], count + 1)
            distances[doubtful], samples[doubtful] = without_own(doubtful, *again)
        return distances, samples

    def within(self, queries: Floats, radius: float) -> tuple[Integers, Integers, Floats]:
        """Rows, samples and distances of all pairs at a distance of at most `radius`, rows and samples ascending."""
        found, room = [np.empty((0, 2), dtype=np.int64)], self._room(len(queries), torch.float32)
        for part in self._parts(len(queries)):
            q = self._scaled(queries[part])
            limits = (radius / self.scale) ** 2 - q.square().sum(1) + self._error(q, room.dtype)
            # rounded up, or the border itself would be lost
            limits = torch.nextafter(limits.float(), limits.new_full((), torch.inf).float())
            found.append((self._scores(q, room) <= limits[:, None]).nonzero().numpy() + np.array([part.start, 0]))
        rows, samples = np.concatenate(found).T
        distances = np.linalg.norm(queries[rows] - self.points[samples], axis=1)
        kept = distances <= radius
        return rows[kept], samples[kept], distances[kept]

    def _candidates(self, queries: Floats, count: int, room: Tensor) -> tuple[Floats, Integers, NDArray[np.bool_]]:
        """Distances and indices (queries, count) of the nearest candidates; whether no other point can be as near."""
        q = self._scaled(queries)
        scores, places = lowest(self._scores(q, room), min(count + SPARE, len(self.points)))
        distances, samples = self._nearest_of(queries, places.sort(dim=1).values.numpy(), count)
        others = scores.amax(dim=1).double() + q.square().sum(1) - self._error(q, room.dtype)
        sure = np.square(distances[:, -1] / self.scale) < others.numpy()
        return distances, samples, sure | (places.shape[1] == len(self.points))

    def _other_candidates(self, count: int, precision: torch.dtype) -> tuple[Floats, Integers, NDArray[np.bool_]]:
        """As `_candidates`, for the points themselves, none of which finds itself.

        A point that is as near to q as the last neighbour, d, has a length of |q| + d at most, and so a square that is
        wrong by gamma_(dim + 4) (2 |q| + d)^2 at most.
        """
        wanted, x = min(count + SPARE, len(self.points) - 1), self._scaled(self.points)
        candidates, worst = nearest_candidates(x, wanted, precision)
        parts = [self._nearest_of(self.points[p], candidates[p], count) for p in self._parts(len(x))]
        distances, samples = (np.concatenate(found) for found in zip(*parts, strict=True))
        last = distances[:, -1] / self.scale
        error = self._gamma(precision) * np.square(2 * x.norm(dim=1).numpy() + last)
        return distances, samples, (np.square(last) + error < worst) | (wanted == len(x) - 1)

    def _nearest_of(self, queries: Floats, samples: Integers, count: int) -> tuple[Floats, Integers]:
        """Distances and indices (queries, count) of the nearest of the samples (queries, candidates), ascending."""
        distances = np.empty(samples.shape)
        step = max(1, COORDINATES_AT_ONCE // (samples.shape[1] * queries.shape[1]))
        for first in range(0, len(queries), step):
            some = slice(first, first + step)
            distances[some] = np.linalg.norm(queries[some, None] - self.points[samples[some]], axis=2)
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(distances, order, axis=1), np.take_along_axis(samples, order, axis=1)

    def _at_once(self) -> int:
        pairs = PAIRS_AT_ONCE * (1 + self.points.shape[1] // DIMENSIONS_PER_SHARE)
        return max(1, int(pairs // len(self.points)))

    def _parts(self, queries: int) -> Iterator[slice]:
        step = self._at_once()
        return (slice(first, min(first + step, queries)) for first in range(0, queries, step))

    def _room(self, queries: int, precision: torch.dtype) -> Tensor:
        """Room for the scores of one part: fresh memory for each would cost as much as they do."""
        return torch.empty(min(self._at_once(), queries), len(self.points), dtype=precision)

    def _scaled(self, queries: Floats) -> Tensor:
        """Queries around the centre, in units in which no point is farther from it than 1."""
        return torch.from_numpy((queries - self.centre) / self.scale)

    def _scores(self, q: Tensor, room: Tensor) -> Tensor:
        """|x|^2 - 2 q'x as one product in the precision of the room, (queries, samples)."""
        factors = self.single_factors if room.dtype == torch.float32 else self.factors
        extended = torch.cat((-2 * q, q.new_ones(len(q), 1)), dim=1)
        scores = room[: len(q)]
        torch.mm(extended.to(room.dtype), factors, out=scores)
        return scores

    def _error(self, q: Tensor, precision: torch.dtype) -> Tensor:
        """What rounding does to the scores of scaled queries at most, (queries,): gamma_(dim + 4) (2 |q| + 1)."""
        error: Tensor = self._gamma(precision) * (2 * q.square().sum(1).sqrt() + 1)
        return error

    def _gamma(self, precision: torch.dtype) -> float:
        return float((self.points.shape[1] + 4) * torch.finfo(precision).eps)


def without_own(own: Integers, distances: Floats, samples: Integers) -> tuple[Floats, Integers]:
    """Neighbours (queries, count + 1) without the query's own sample, or the last where twins have pushed it out."""
    out = samples == own[:, None]
    out[~out.any(axis=1), -1] = True
    kept = ~out
    return distances[kept].reshape(len(own), -1), samples[kept].reshape(len(own), -1)


def lowest(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` lowest scores of each row (rows, columns) and their places, in any order.

    The columns are dealt out to blocks like cards. All of the lowest stand in the `count` blocks whose lowest scores
    are the lowest, or in the rest that is left in the hand.
    """
    columns = scores.shape[1]
    size = isqrt(columns // (4 * count))
    if size < 2:
        return scores.topk(count, dim=1, largest=False, sorted=False)
    blocks = columns // size
    lowest_of_block = scores[:, : size * blocks].view(-1, size, blocks).amin(dim=1)
    kept = lowest_of_block.topk(count, dim=1, largest=False, sorted=False).indices
    places = (kept[:, :, None] + blocks * torch.arange(size)).flatten(1)
    rest = torch.arange(size * blocks, columns).expand(len(scores), -1)
    places = torch.cat((places, rest), dim=1)
    best = scores.gather(1, places).topk(count, dim=1, largest=False, sorted=False)
    return best.values, places.gather(1, best.indices)
