"""Fixed-step integration of small systems in plain floats: for a handful of states this beats arrays by far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from sysidc.runtime.data.record import Array

State: TypeAlias = tuple[float, ...]
Derivative: TypeAlias = Callable[[State, float], State]


def runge_kutta(
    derivative: Derivative,
    start: State,
    inputs: Sequence[float],
    sampling_time: float,
    substeps: int,
    limit: Callable[[State], State] | None = None,
) -> Array:
    """dx/dt = derivative(x, u) by the classical method of order 4, u held between samples.

    Returns (samples, states): x at the moment each input sample begins to act, the first row being `start`. `limit`
    brings a state that left its bounds back after each substep. Source: Hairer, Noersett, Wanner, Solving Ordinary
    Differential Equations I (1993), II.1.
    """
    h = sampling_time / substeps
    states = np.empty((len(inputs), len(start)))
    x = start
    for index, u in enumerate(inputs):
        states[index] = x
        for _ in range(substeps):
            x = _step(derivative, x, u, h)
            if limit is not None:
                x = limit(x)
    return states


def _step(derivative: Derivative, x: State, u: float, h: float) -> State:
    half = h / 2
    k1 = derivative(x, u)
    k2 = derivative(tuple([a + half * b for a, b in zip(x, k1)]), u)  # noqa: B905  strict costs a tenth of the time
    k3 = derivative(tuple([a + half * b for a, b in zip(x, k2)]), u)  # noqa: B905
    k4 = derivative(tuple([a + h * b for a, b in zip(x, k3)]), u)  # noqa: B905
    sixth = h / 6
    return tuple([a + sixth * (p + 2 * (q + r) + s) for a, p, q, r, s in zip(x, k1, k2, k3, k4)])  # noqa: B905
