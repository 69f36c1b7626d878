"""The noise of the outputs where the input repeats itself: what differs from one period to the next."""

from __future__ import annotations

import numpy as np

from sysidc.runtime.data.symptoms.period import repetition
from sysidc.runtime.inspection.channels import Channels
from sysidc.runtime.solvers.recurrence import Floats

FEWEST = 2
"""Periods that must be left when the first, in which the start dies away, is taken off; with two it stays."""


def noise_level(measured: Channels) -> float | None:
    """Relative to the outputs' movement, root mean square over all of them; None where no record repeats its input.

    The variance over p periods, step by step, with p - 1 in the divisor.
    """
    variances = [found for u, y in measured.records if u.shape[1] and (found := _variance(u, y)) is not None]
    return float(np.sqrt(np.mean(variances))) if variances else None


def _variance(u: Floats, y: Floats) -> float | None:
    period = repetition(u)
    if period is None:
        return None
    count = len(y) // period
    first = 1 if count > FEWEST else 0
    periods = y[first * period : count * period].reshape(count - first, period, -1)
    return float(periods.var(axis=0, ddof=1).mean())
