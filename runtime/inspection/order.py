"""How many states a linear model of the records needs: by singular values, and by what each state gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sysidc.runtime.inspection.channels import Channels
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.output_error import fit_inputs
from sysidc.runtime.solvers.recurrence import Floats
from sysidc.runtime.solvers.subspace import LARGEST_ORDER, SubspaceEstimate, subspace

BLOCK = 20
"""Steps of past and of future; records that are short reduce it."""

STATIC = 1.02
"""Without states the error may be so many times as large as with them: then the system has no memory."""


@dataclass(frozen=True)
class Order:
    """`states` of the linear model `estimate`, the delays of its inputs apart; `missed` holds, for 0, 1, .. states, the
    root mean square of the scaled outputs that the best model with so many misses (0.1 is 10 % of their movement)."""

    states: int
    estimate: SubspaceEstimate
    missed: tuple[float, ...]

    @property
    def model(self) -> LinearModel:
        return self.estimate.model

    @property
    def block(self) -> int:
        return self.estimate.block

    @property
    def ratio(self) -> float | None:
        """The last singular value that belongs to a state over the next one, which belongs to none."""
        values = self.estimate.singular_values
        if not 0 < self.states < len(values) or values[self.states] <= 0:
            return None
        return float(values[self.states - 1] / values[self.states])


def find_order(measured: Channels, delays: Sequence[int]) -> Order | None:
    """None where records are too short or their inputs do not tell a model; the delays are taken off the inputs."""
    undelayed = measured.delayed(delays)
    records = undelayed.records
    try:
        best = subspace(records, BLOCK)
        chosen = best.model.order
        around = {chosen: best}
        for states in {max(1, chosen - 1), min(chosen + 1, LARGEST_ORDER)} - {chosen}:
            around[states] = subspace(records, BLOCK, states)
    except ValueError:
        return None
    static = _static(undelayed)
    missed = {states: float(np.sqrt(np.mean(estimate.error**2))) for states, estimate in around.items()}
    if static <= STATIC * missed[chosen]:
        return Order(0, best, (static, missed[chosen]))
    told = {0: static, **missed}
    return Order(chosen, best, tuple(told.get(states, np.nan) for states in range(max(told) + 1)))


def _static(measured: Channels) -> float:
    """What the best gain without memory misses."""
    outputs = len(measured.outputs)
    _, missed = fit_inputs(np.zeros((1, 1)), np.zeros((outputs, 1)), measured.records)
    return missed


def root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
