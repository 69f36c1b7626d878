"""Simulation training: the outputs of a whole window are compared at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from sysidc.runtime.nn.one_step_ahead import OneStepAhead, has_innovations
from sysidc.runtime.nn.state import states_of
from sysidc.runtime.training.second_order import Problem, by_simulation, by_windows, washed_out
from sysidc.runtime.training.step import TrainingModule, last_steps


class LightningSimulationTrainingModule(TrainingModule):
    """loss(y^, y) with y^ = module(x), cropped to the last M steps where the stack still has all of its window.

    A batch is (x, y): x (batch, time, channels) the stack's input, y (batch, M, outputs). A chain with innovations is
    trained one step ahead, e[k] = y[k] - y^[k] being known at step k+1, and validated with e = 0. A chain whose states
    start at rest and are washed out is not judged by its first steps. Arguments and metrics as in `TrainingModule`.
    Raises ValueError where the shapes of y^ and y differ: nothing is stretched.
    """

    knows_slope = True

    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        x, y = batch
        if self.training and has_innovations(self.module):
            predicted = OneStepAhead(self.module)(x, y)  # type: ignore[arg-type]
        else:
            predicted = last_steps(self.module(x), y.shape[1])
        first = washed_out(self.module, y.shape[1])
        return (predicted[:, first:], y[:, first:]) if first else (predicted, y)

    def pose(self, batches: Sequence[tuple[Tensor, ...]]) -> Problem:
        return by_simulation(self.module, batches) if states_of(self.module) else by_windows(self, batches)

    def predict_step(self, batch: Any, batch_idx: int = 0) -> Tensor:
        """The last M steps for a batch (x, y), all steps that the stack returns for x alone."""
        if isinstance(batch, Tensor):
            return self.forward(batch)
        x, *rest = batch
        output = self.forward(x)
        return last_steps(output, rest[0].shape[1]) if rest else output
