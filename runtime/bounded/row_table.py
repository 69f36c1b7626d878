"""A table of rows that were computed before: what was found for a window is found again without a search."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Hashes: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
Places: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]


class RowTable:
    """values[i] under keys[i]: keys (rows, width), values (rows, n).

    Keys are compared bit by bit in float64 (-0 and 0 are one), so a row is found exactly where the very same numbers
    come again, and twins share one value, the first. The rows lie sorted by a hash of 64 bits, and a whole batch is
    looked up at once: a dictionary of rows takes ten times as long.
    """

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        self.values = values
        rows = _rows(keys)
        drawn = np.random.default_rng(0).integers(0, 1 << 63, rows.shape[1], dtype=np.uint64)
        self._factors = drawn * np.uint64(2) + np.uint64(1)
        hashes = self._hashes_of(rows)
        self._order: Places = np.argsort(hashes, kind="stable")
        self._hashes, self._keys = hashes[self._order], rows[self._order]

    def find(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Values (rows, n) and whether they were known (rows,); a row that was not known has the values of row 0."""
        if not len(self._keys):
            raise ValueError("the table has no rows")
        rows = _rows(keys)
        hashes = self._hashes_of(rows)
        places = np.searchsorted(self._hashes, hashes)
        found = self._holds(places, rows)
        # two different rows of one hash are rarer than one table in a billion, and yet they are two
        others = ~found & self._same_hash(places + 1, hashes)
        while others.any():
            places = places + others
            found = self._holds(places, rows)
            others = ~found & self._same_hash(places + 1, hashes)
        known = np.where(found, self._order[places.clip(max=len(self._order) - 1)], 0)
        return self.values[torch.from_numpy(known)], torch.from_numpy(found)

    def _hashes_of(self, rows: Floats) -> Hashes:
        """sum_j a_j b_j modulo 2^64, a_j odd and fixed, b_j the bits of a number with the upper half folded in.

        A number that was float32 before has zeros in its lower bits; unfolded they would stay zeros in the sum.
        """
        bits = rows.view(np.uint64)
        hashes: Hashes = ((bits ^ (bits >> np.uint64(32))) * self._factors).sum(axis=1, dtype=np.uint64)
        return hashes

    def _holds(self, places: Places, rows: Floats) -> Mask:
        there = self._keys[places.clip(max=len(self._keys) - 1)]
        return np.asarray(np.equal(there.view(np.uint64), rows.view(np.uint64)).all(axis=1))

    def _same_hash(self, places: Places, hashes: Hashes) -> Mask:
        inside = places < len(self._hashes)
        same: Mask = inside & (self._hashes[np.where(inside, places, 0)] == hashes)
        return same


def _rows(keys: Tensor) -> Floats:
    return np.ascontiguousarray(keys.detach().to("cpu", torch.float64).numpy() + 0.0)
