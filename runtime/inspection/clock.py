"""What a time column says: the sampling time, and where one recording ends and the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sysidc.runtime.data.record import Array
from sysidc.runtime.data.sources import TIME_TOLERANCE

MOST_JUMPS = 20
"""More jumps than this are no borders between recordings: the sampling is irregular."""

LONG = 50
"""A recording between two jumps has at least so many samples."""


@dataclass(frozen=True)
class Clock:
    """`sampling_time` in seconds, the median of the steps; `stretches` (first, end) of rows inside which it holds.
    `uniform` is False where it does not hold even there, `repeated` counts steps that take no time or go back."""

    sampling_time: float
    stretches: tuple[tuple[int, int], ...]
    uniform: bool
    jumps: int
    repeated: int


def read_clock(seconds: Array, cuts: Sequence[tuple[int, int]]) -> Clock:
    """`cuts` are the stretches that another column separates."""
    inside = np.zeros(len(seconds), dtype=bool)
    for first, end in cuts:
        inside[first + 1 : end] = True
    steps = np.diff(seconds, prepend=np.nan)
    usual = float(np.median(steps[inside]))
    resolution = 4 * float(np.spacing(np.abs(seconds).max()))
    wrong = inside & ~(np.abs(steps - usual) <= TIME_TOLERANCE * abs(usual) + resolution)
    edges = sorted({*np.flatnonzero(wrong).tolist(), *(first for first, _ in cuts), len(seconds)})
    stretches = tuple(pairwise(edges))
    if usual > 0 and len(edges) <= MOST_JUMPS + len(cuts) and all(end - first >= LONG for first, end in stretches):
        return Clock(_rounded(usual), stretches, True, int(wrong.sum()), 0)
    repeated = int((steps[inside] <= 0).sum())
    return Clock(_rounded(abs(usual)), tuple(cuts), False, int(wrong.sum()), repeated)


def borders(values: Array | None, rows: int) -> tuple[tuple[int, int], ...]:
    """(first, end) of the stretches over which a column keeps its value; all rows where there is no column."""
    if values is None:
        return ((0, rows),)
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    return tuple(pairwise([0, *changes.tolist(), rows]))


def _rounded(seconds: float) -> float:
    """Without the digits that the subtraction of times left."""
    return float(f"{seconds:.9g}")
