"""How much of what a model misses is no noise, and can be foretold from its own past and the inputs."""

from __future__ import annotations

import numpy as np

from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.solvers.arx import arx
from sysidc.runtime.solvers.simulation_problem import SimulationProblem
from sysidc.runtime.training.preparation import records_of_part

LAGS = 8
"""Errors and inputs that the prediction sees."""

MUCH = 0.03
"""Above this share of it the error holds more than noise."""


def left_over(chain: Chain, data: SpecDataModule) -> float:
    """The share of the root mean square simulation error that a linear prediction one step ahead takes away.

    0 where the error is white and the inputs do not explain it, as that of the system itself with noise at the output
    is; 0 too where the records are too short to tell, 1 where the simulation leaves the finite numbers.
    Source: Ljung, System Identification, 2nd ed. (1999), ch. 16: residual analysis.
    """
    records = records_of_part(data)
    squares = SimulationProblem(chain, records, 1.0).squared_error()
    if not squares < np.inf:
        return 1.0
    pairs = [
        (u, e)
        for item in records
        if item.errors is not None
        for u, e in zip(item.u[:, item.first :].double().cpu().numpy(), item.errors.double().cpu().numpy(), strict=True)
    ]
    found = arx(pairs, LAGS)
    if found is None or not squares:
        return 0.0
    missed = np.concatenate([e for _, e in pairs])
    return max(0.0, 1 - float(np.sqrt((found.error**2).sum() / (missed**2).mean(axis=0).sum())))
