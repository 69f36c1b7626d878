"""How many steps pass before an output answers an input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import linalg, signal

from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms.symptom import Symptom, channels, moves

WORTH_TELLING = 3
"""A delay is told from this many steps on."""

LONGEST = 200
"""Longer delays are not looked for."""

SHARP = 0.2
"""The answer begins with this share of the largest value of the impulse response; smaller ones before it, up to ..."""

SILENT = 0.05
"""... this share of it, are rounding and noise. A slow beginning between the two is no delay."""

CLEAR = 80
"""The largest value must stand this far above chance, so that SILENT is still four times chance."""


def delayed_outputs(records: Sequence[Record], inputs: Sequence[str], outputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each pair of input and output channel in the longest record with a clear dead time."""
    if not records:
        return
    record = max(records, key=len)
    for output, y in channels(record, outputs):
        for name, u in channels(record, inputs):
            delay = dead_time(u, y)
            if delay is not None and delay >= WORTH_TELLING:
                message = f"output '{output}' of record '{record.name}' answers input '{name}' only after {delay} steps"
                yield Symptom("delay", output, record.name, message, {"steps": delay})


def dead_time(u: Array, y: Array) -> int | None:
    """The first lag at which the impulse response from u (steps,) to y (steps,) begins, None where that is not clear.

    The response is the least-squares one for lags of both signs, from correlations: those before time zero show how
    large chance is.
    """
    lags = min(LONGEST, len(u) // 10)
    if lags < 2 * WORTH_TELLING or not moves(u) or not moves(y):
        return None
    u, y = u - u.mean(), y - y.mean()
    among = signal.correlate(u, u, mode="full", method="fft")[len(u) - 1 :][: 2 * lags + 1]
    between = signal.correlate(y, u, mode="full", method="fft")[len(u) - 1 - lags : len(u) + lags]
    among[0] *= 1 + 1e-6
    response = np.abs(linalg.solve_toeplitz(among, between))
    before, after = response[:lags], response[lags:]
    chance = float(np.sqrt(np.mean(before**2)))
    largest = float(after.max())
    if largest < CLEAR * chance:
        return None
    begins = int(np.argmax(after > SILENT * largest))
    return begins if after[begins] >= SHARP * largest else None
