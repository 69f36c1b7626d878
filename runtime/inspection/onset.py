"""Where the answer to an input begins, looked for in a quarter of the record: cross-correlation of whitened signals."""

from __future__ import annotations

import numpy as np
from scipy import linalg, signal

from sysidc.runtime.data.symptoms.period import repetition
from sysidc.runtime.inspection.channels import Channels
from sysidc.runtime.solvers.recurrence import Floats

TAPS = 30
"""The filter that makes the input white has at most so many."""

CLEAR, BEGINS, CHANCE = 8.0, 0.2, 5.0
"""The largest correlation must stand CLEAR times above chance; the answer begins where BEGINS of it, and CHANCE times
chance, are passed."""

FEWEST = 200
"""Shorter records tell no long delay."""


def onset(measured: Channels, output: int, given: int) -> int | None:
    """The lag at which `output` begins to answer the input `given`, None where that is not clear.

    Both are filtered by the inverse of an autoregression of the input, after which their correlation is the impulse
    response up to a factor (Box and Jenkins, Time Series Analysis, 1970, ch. 11). Lags before zero show how large
    chance is. Of several records the longest is looked at, of an input that repeats itself the first period.
    """
    u, y = max(measured.records, key=lambda pair: len(pair[0]))
    if len(u) < FEWEST:
        return None
    most = min(len(u) // 4, (repetition(u) or len(u)) - 1)
    correlation = _whitened_correlation(u[:, given], y[:, output], most)
    before, after = np.abs(correlation[:most]), np.abs(correlation[most:])
    chance, largest = float(np.sqrt(np.mean(before**2))), float(after.max())
    if largest < CLEAR * chance:
        return None
    return int(np.argmax(after > max(BEGINS * largest, CHANCE * chance)))


def _whitened_correlation(u: Floats, y: Floats, most: int) -> Floats:
    """sum of y[k + lag] u[k] for the lags -most .. most, of the filtered signals."""
    taps = min(TAPS, len(u) // 20)
    own = signal.correlate(u, u, mode="full", method="fft")[len(u) - 1 :][: taps + 1]
    own[0] *= 1 + 1e-6
    whitening = np.concatenate([[1.0], -linalg.solve_toeplitz(own[:taps], own[1 : taps + 1])])
    white_u, white_y = (signal.lfilter(whitening, [1.0], values)[taps:] for values in (u, y))
    full = signal.correlate(white_y, white_u, mode="full", method="fft")
    middle = len(white_u) - 1
    return np.asarray(full[middle - most : middle + most + 1])
