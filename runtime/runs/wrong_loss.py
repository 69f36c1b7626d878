"""Whether simulation error is the wrong loss: it stays far above what one step ahead would leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

import numpy as np
import torch
from torch import Tensor, nn

from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.solvers.recurrence import Floats
from sysidc.runtime.training.preparation import records_of_part
from sysidc.runtime.training.second_order import by_simulation

LAGS = 8
"""Outputs and inputs that the prediction one step ahead sees."""

FAR = 2.0
"""A simulation error of this many one-step errors is not that of noise at the output alone."""

LONGEST = 20_000


def one_step_error(part: SpecDataModule) -> float | None:
    """Root mean square error of the best linear prediction one step ahead, in the units of the data.

    y[k] from `LAGS` outputs and inputs before it and u[k], by least squares over all records; its variance is corrected
    for the numbers fitted. None where the records are too short for that.
    """
    seen, wanted = [], []
    for item in records_of_part(part):
        y = torch.cat([item.known, item.y], dim=1)[0, :LONGEST].double().numpy()
        u = item.u[0, :LONGEST].double().numpy()
        if len(y) > LAGS:
            seen.append(_lagged(u, y))
            wanted.append(y[LAGS:])
    if not seen:
        return None
    X, Y = np.concatenate(seen), np.concatenate(wanted)
    free = len(X) - X.shape[1]
    if free < X.shape[1]:
        return None
    left = Y - X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    outputs = [window.signal for window in part.plan.model.outputs]
    scale = part.normalizer.join(outputs)[1].double().cpu().numpy()
    return float(np.sqrt(((left * scale) ** 2).sum() / free / Y.shape[1]))


def error_ahead(stack: nn.Module, parts: Iterable[Iterable[Sequence[Tensor]]]) -> float:
    """The worst root mean square error, over parts of the data, of a chain with innovations that predicts one step
    ahead: normalised, inf where it leaves the finite numbers. Each part is its batches (x, y)."""
    problems = [by_simulation(stack, [tuple(batch) for batch in part]) for part in parts]
    return max(
        ((problem.squared_error() / problem.samples) ** 0.5 for problem in problems if problem.samples), default=inf
    )


def is_wrong(simulation_errors: Sequence[float], one_step: float | None) -> bool:
    """Whether even the least simulation error is far above the one-step error."""
    return one_step is not None and one_step > 0 and min(simulation_errors) > FAR * one_step


def _lagged(u: Floats, y: Floats) -> Floats:
    """(time - LAGS, ...) of y[k-1] .. y[k-LAGS], u[k] .. u[k-LAGS] and 1 for k = LAGS .."""
    steps = len(y)
    columns = [y[LAGS - lag : steps - lag] for lag in range(1, LAGS + 1)]
    columns += [u[LAGS - lag : steps - lag] for lag in range(LAGS + 1)]
    return np.concatenate([*columns, np.ones((steps - LAGS, 1))], axis=1)
