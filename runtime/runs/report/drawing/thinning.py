"""Long series made short for drawing: the extremes of every stretch stay, numbers are packed into 16 bits."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from sysidc.runtime.data.record import Array

MISSING = 65535


def envelope(values: Array, most: int) -> tuple[Array, float]:
    """At most about `most` of (steps,) values, and how many steps lie between two of them.

    A record that is longer becomes the smallest and the largest value of each stretch, in the order in which they came.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) <= most:
        return values, 1.0
    size = -(-len(values) // max(1, most // 2))
    rows = np.full((-(-len(values) // size), size), np.nan)
    rows.ravel()[: len(values)] = values
    low, high = np.where(np.isnan(rows), np.inf, rows), np.where(np.isnan(rows), -np.inf, rows)
    ends = np.sort(np.stack([low.argmin(axis=1), high.argmax(axis=1)], axis=1), axis=1)
    return np.take_along_axis(rows, ends, axis=1).ravel(), size / 2


def packed(values: Array) -> dict[str, Any]:
    """`low` + `step` * n for every 16-bit number n of the base64 text `data`, low byte first; 65535 stands for NaN."""
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 0.0)
    step = (high - low) / (MISSING - 1) or 1.0
    numbers = np.full(len(values), MISSING, dtype="<u2")
    numbers[known] = np.round((values[known] - low) / step)
    return {"low": low, "step": step, "data": base64.b64encode(numbers.tobytes()).decode("ascii")}
