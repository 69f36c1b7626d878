"""The step of an output that was rounded to a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms.symptom import Symptom, joined

COARSE = 1e-3
"""A step below this share of the standard deviation is of no account."""

SAME = 1e-6
"""Values closer than this share of the range are one value, told apart by rounding in a file."""

ON_GRID = 0.05
"""How far from a multiple of the step a distance may be, in steps."""


def quantised_outputs(records: Sequence[Record], outputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each output channel whose values lie on a grid, over all records."""
    for name, values in joined(records, outputs).items():
        step = grid_step(values)
        spread = float(values.std())
        if step is not None and step >= COARSE * spread:
            message = (
                f"output '{name}' moves in steps of {step:.3g}, {spread / step:.3g} of them to its standard deviation: "
                f"no model comes nearer than about {step / 12**0.5:.3g}"
            )
            numbers = {"step": step, "floor": step / 12**0.5, "standard_deviation": spread}
            yield Symptom("quantised-output", name, None, message, numbers)


def grid_step(values: Array) -> float | None:
    """The distance of the grid that all values lie on, None where there is no such grid of more than two levels.

    It is read from the smallest distance of two values and then fitted to all of them.
    """
    levels = np.unique(values)
    gaps = np.diff(levels)
    gaps = gaps[gaps > SAME * np.ptp(values)]
    if len(gaps) < 2:
        return None
    step = float(np.median(gaps[gaps < 1.5 * gaps.min()]))
    counts = np.rint(gaps / step)
    if np.abs(gaps / step - counts).max() > ON_GRID or counts.max() > 0.02 / SAME:
        return None
    step = float(gaps.sum() / counts.sum())
    return step if np.abs(gaps / step - np.rint(gaps / step)).max() <= ON_GRID else None
