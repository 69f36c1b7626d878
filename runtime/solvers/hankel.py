"""Past and future of several records as one triangular factor, the data that every subspace method starts from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sysidc.runtime.solvers.recurrence import Floats

Pair: TypeAlias = tuple[Floats, Floats]
"""A record: u (time, inputs), y (time, outputs)."""

COLUMNS = 25_000
"""More columns of the Hankel matrices than this are thinned out: neighbours differ by one sample of 2 * block."""

ROWS_AT_ONCE = 4096

RIDGE = 1e-10
"""Relative size of the rows that keep an input which does not excite every direction from being divided by zero."""


@dataclass(frozen=True)
class Factor:
    """The blocks of L in [U_future; U_past; Y_past; Y_future] = L Q that say how the future outputs arise.

    `past` (block * outputs, block * (inputs + outputs)) is what the past says about the future outputs once the future
    inputs are accounted for, the columns of the past inputs first and of these `inputs`; `innovation` (block * outputs,
    block * outputs) is what neither explains. Both are divided by the root of `columns`, the number of windows, so that
    their squares are variances.
    """

    past: Floats
    innovation: Floats
    inputs: int
    columns: int


def fitting_block(lengths: Sequence[int], channels: int, block: int) -> int:
    """The largest block up to `block` that leaves as many columns as [U; Y], past and future, has rows.

    `channels` is the number of inputs and outputs together. Raises ValueError where none does.
    """
    for size in range(block, 1, -1):
        if sum(max(0, length - 2 * size + 1) for length in lengths) >= 2 * size * channels:
            return size
    longest = max(lengths, default=0)
    raise ValueError(
        f"a subspace estimate of {channels} channels needs longer records; the longest has {longest} steps"
    )


def hankel_factor(records: Sequence[Pair], block: int) -> Factor:
    """The factor of records cut into windows of 2 * block steps, none of which crosses from one record to the next."""
    inputs, outputs = records[0][0].shape[1], records[0][1].shape[1]
    rows = 2 * block * (inputs + outputs)
    past_and_future = sum(max(0, len(u) - 2 * block + 1) for u, _ in records)
    stride = math.ceil(past_and_future / COLUMNS)
    held = 2 * block * inputs + block * outputs
    triangle = np.zeros((0, rows))
    columns = 0
    for windows in _windows(records, block, stride):
        triangle = upper_triangle(triangle, windows)
        columns += len(windows)
    ridge = RIDGE * float(np.abs(triangle).max()) * np.eye(held, rows)
    L = upper_triangle(triangle, ridge).T[held:] / np.sqrt(columns)
    return Factor(L[:, block * inputs : held], L[:, held:], block * inputs, columns)


def upper_triangle(*rows: Floats) -> Floats:
    """R of the QR decomposition of matrices one under the other: all that least squares needs of them."""
    return np.asarray(np.linalg.qr(np.vstack(rows), mode="r"))


def _windows(records: Sequence[Pair], block: int, stride: int) -> Iterator[Floats]:
    """Rows [u future, u past, y past, y future], time before channels, at most ROWS_AT_ONCE in one matrix."""
    for u, y in records:
        starts = np.arange(0, len(u) - 2 * block + 1, stride)
        for first in range(0, len(starts), ROWS_AT_ONCE):
            steps = starts[first : first + ROWS_AT_ONCE, None] + np.arange(2 * block)
            past, future = steps[:, :block], steps[:, block:]
            parts = (u[future], u[past], y[past], y[future])
            yield np.hstack([part.reshape(len(steps), -1) for part in parts])
