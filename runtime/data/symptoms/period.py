"""Inputs that repeat themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import signal

from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms.symptom import Symptom, channels, moves

ALIKE = 1e-3
"""What may differ between one period and the next, relative to the variance of the input."""

UNLIKE = 0.5
"""A period is looked for only beyond the first shift that is this much unlike, past the slowness of the signal."""


def periodic_inputs(records: Sequence[Record], inputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each record whose inputs all repeat with one period, at least twice in full."""
    for record in records:
        driving = [values for _, values in channels(record, inputs)]
        period = repetition(np.stack(driving, axis=1)) if driving else None
        if period is not None:
            times = len(record) / period
            message = (
                f"the input of record '{record.name}' repeats every {period} steps, {times:.3g} times in all: "
                "validate on another input, not on a repetition"
            )
            yield Symptom("periodic-input", None, record.name, message, {"period": period, "times": times})


def repetition(u: Array) -> int | None:
    """The smallest shift by which u (steps, channels) repeats itself to the tolerance ALIKE; None where none does.

    The squared difference of u and its shifted self is computed for all shifts at once from the autocorrelation.
    """
    steps = len(u)
    driving = [channel - channel.mean() for channel in u.T if moves(channel)]
    if steps < 4 or not driving:
        return None
    moving = np.stack([channel / channel.std() for channel in driving], axis=1)
    shifts = np.arange(1, steps // 2 + 1)
    products = sum(signal.correlate(c, c, mode="full", method="fft")[steps - 1 :][shifts] for c in moving.T)
    energy = np.concatenate([[0.0], np.cumsum((moving**2).sum(axis=1))])
    both = energy[steps - shifts] + energy[steps] - energy[shifts]
    unlike = (both - 2 * products) / np.maximum(both, 1e-12 * energy[-1])
    begun = np.flatnonzero(unlike > UNLIKE)
    alike = np.flatnonzero((unlike < ALIKE) & (both > 0.1 * energy[-1]))
    alike = alike[alike > begun[0]] if len(begun) else alike[:0]
    if not len(alike):
        return None
    near = alike[alike < alike[0] + max(1, alike[0] // 4)]
    return int(shifts[near[np.argmin(unlike[near])]])
