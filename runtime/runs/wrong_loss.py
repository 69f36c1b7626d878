"""Whether simulation error is the wrong loss: it stays far above what one step ahead would leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

import lightning.pytorch as pl
import numpy as np
from torch import Tensor, nn

from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.solvers.arx import arx
from sysidc.runtime.training.preparation import pairs_of_part
from sysidc.runtime.training.second_order import by_simulation
from sysidc.runtime.training.stops import BestWeights

LAGS = 8
"""Outputs and inputs that the prediction one step ahead sees."""

FAR = 1.2
"""A simulation error of this many one-step errors is not that of noise at the output alone: of that it has one. A model
that has not learned all yet is not so far either, where a linear prediction one step ahead has to stand comparison."""

LONGEST = 20_000


def one_step_error(part: SpecDataModule) -> float | None:
    """Root mean square error of the best linear prediction one step ahead, in the units of the data; None where the
    records are too short for it."""
    found = arx(pairs_of_part(part, LONGEST), LAGS)
    if found is None:
        return None
    outputs = [window.signal for window in part.plan.model.outputs]
    scale = part.normalizer.join(outputs)[1].double().cpu().numpy()
    return float(np.sqrt(((found.error * scale) ** 2).mean()))


def error_ahead(stack: nn.Module, parts: Iterable[Iterable[Sequence[Tensor]]]) -> float:
    """The worst root mean square error, over parts of the data, of a chain with innovations that predicts one step
    ahead: normalised, inf where it leaves the finite numbers. Each part is its batches (x, y)."""
    problems = [by_simulation(stack, [tuple(batch) for batch in part]) for part in parts]
    return max(
        ((problem.squared_error() / problem.samples) ** 0.5 for problem in problems if problem.samples), default=inf
    )


class BestAhead(BestWeights):
    """Keeps the weights whose errors one step ahead, in training and on the `batches` of the validation part, are the
    least, the worse of them counting."""

    def __init__(self, batches: Iterable[Sequence[Tensor]]) -> None:
        super().__init__(and_training=True)
        self.batches = batches

    def value(self, trainer: pl.Trainer, module: pl.LightningModule) -> float | None:
        batches = [tuple(part.to(module.device) for part in batch) for batch in self.batches]
        return error_ahead(module.module, [batches]) ** 2  # type: ignore[arg-type]


def is_wrong(simulation_errors: Sequence[float], one_step: float | None) -> bool:
    """Whether even the least simulation error is far above the one-step error."""
    return one_step is not None and one_step > 0 and min(simulation_errors) > FAR * one_step
