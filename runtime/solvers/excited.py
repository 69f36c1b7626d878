"""Whether records can tell a linear model at all: finite numbers, matching shapes, inputs that move each on its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sysidc.runtime.solvers.hankel import Pair
from sysidc.runtime.solvers.recurrence import Floats

SMALLEST = 1e-9
"""An input whose movement, or whose own part of it, is smaller relative to its size is taken for constant."""


def check_records(records: Sequence[Pair]) -> None:
    """Raises ValueError with a sentence; channels are counted from 0."""
    if not records:
        raise ValueError("there is no record to estimate a model from")
    for index, (u, y) in enumerate(records):
        if u.ndim != 2 or y.ndim != 2 or len(u) != len(y):
            raise ValueError(f"record {index} has inputs {u.shape} and outputs {y.shape}; both are (time, channels)")
        if not (np.isfinite(u).all() and np.isfinite(y).all()):
            raise ValueError(f"record {index} holds values that are not finite")
    _check_inputs(np.concatenate([u for u, _ in records]))


def moving_inputs(u: Floats) -> list[int]:
    """The channels of u (time, inputs) that move, none of them as a combination of those before it."""
    centred = u - u.mean(axis=0)
    spread = centred.std(axis=0)
    kept: list[int] = []
    for channel in np.flatnonzero(spread > SMALLEST * np.abs(u).max(axis=0)).tolist():
        shares = np.linalg.lstsq(centred[:, kept], centred[:, channel], rcond=None)[0]
        if (centred[:, channel] - centred[:, kept] @ shares).std() > SMALLEST * spread[channel]:
            kept.append(channel)
    return kept


def _check_inputs(u: Floats) -> None:
    centred = u - u.mean(axis=0)
    spread = centred.std(axis=0)
    constant = np.flatnonzero(spread <= SMALLEST * np.abs(u).max(axis=0))
    if len(constant):
        raise ValueError(f"input {constant[0]} is constant in all records: nothing can be told about what it does")
    for channel in range(1, u.shape[1]):
        shares = np.linalg.lstsq(centred[:, :channel], centred[:, channel], rcond=None)[0]
        own = (centred[:, channel] - centred[:, :channel] @ shares).std()
        if own <= SMALLEST * spread[channel]:
            used = np.flatnonzero(np.abs(shares) * spread[:channel] > SMALLEST * spread[channel])
            told = ", ".join(str(other) for other in used)
            raise ValueError(f"input {channel} is a combination of the inputs before it ({told}): collinear")
