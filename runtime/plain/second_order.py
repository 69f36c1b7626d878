"""Simulation trained by Levenberg-Marquardt: the errors of all training windows are one least-squares problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from sysidc.runtime.nn.one_step_ahead import OneStepAhead, has_innovations
from sysidc.runtime.plain.simulation import Simulation
from sysidc.runtime.plain.windows import WholeRecords, Windows, as_it_is
from sysidc.runtime.solvers.sum_of_squares import SumOfSquares
from sysidc.runtime.solvers.window_problem import WindowProblem
from sysidc.runtime.training.second_order import (
    SMALL_GAIN,
    SMOOTHNESS,
    STALLED,
    by_simulation,
    penalties,
    remember_states,
    washed_out,
)

Batches = Sequence[tuple[Tensor, ...]]


class ChainSimulation(Simulation):
    """As `Simulation`. A chain with innovations is trained one step ahead; steps that wash out its start do not count.

    With innovations e[k] = y[k] - y^[k] is known at step k+1 in training, and 0 in validation.
    """

    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        x, y = batch
        if self.training and has_innovations(self.model):
            predicted = OneStepAhead(self.model)(x, y)  # type: ignore[arg-type]
        else:
            predicted = self.model(x)[:, -y.shape[1] :]
        first = washed_out(self.model, y.shape[1])
        return predicted[:, first:], y[:, first:]


class LeastSquares(Simulation):
    """A step is one iteration on the cost sum(e^2) / r + penalties, r the mean of e^2 where the training began.

    A batch is the list of all batches of the training part. The training ends where nothing is gained any more.
    """

    def __init__(self, model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], scale: Tensor) -> None:
        super().__init__(model, loss, scale)
        self.automatic_optimization = False
        self.problem: Any = None
        self.error: float | None = None
        self.stalled = 0

    def pose(self, batches: Batches) -> SumOfSquares:
        """The least-squares problem at the present parameters."""
        raise NotImplementedError

    def after_iteration(self, iteration: int) -> None:
        """Called with the number of the iteration, from 1."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        if self.problem is None:
            self.problem = self.pose(batch)
            squares = self.problem.squared_error()
            if squares < torch.inf:
                self.problem.variance = max(squares / self.problem.samples, torch.finfo(torch.float64).tiny)
        problem = self.problem
        # curves are held smooth as long as the error is large beside what it was at first
        problem.smooth(SMOOTHNESS * (1.0 if self.error is None else self.error / problem.variance))
        optimizer: Any = self.optimizers()
        cost = optimizer.step(lambda: problem)
        gain = self.trainer.optimizers[0].gain  # type: ignore[attr-defined]
        self.stalled = self.stalled + 1 if gain < SMALL_GAIN else 0
        if self.stalled >= STALLED or gain == 0.0:
            self.trainer.should_stop = True
        self.error = problem.mean_square(float(cost))
        self.after_iteration(self.current_epoch + 1)
        self.log("train_loss", torch.tensor(self.error).float(), on_step=False, on_epoch=True, batch_size=1)
        return torch.tensor(self.error)


class ChainLeastSquares(LeastSquares, ChainSimulation):
    """The simulation error of a state-space model over whole windows, each from its own start."""

    def pose(self, batches: Batches) -> SumOfSquares:
        problem = by_simulation(self.model, batches)
        problem.penalty = penalties(self.model, problem.parameters)
        return problem

    def after_iteration(self, iteration: int) -> None:
        remember_states(self.problem, self.error or 0.0, iteration)


class WindowLeastSquares(LeastSquares):
    """The error of a model without states over all windows."""

    def pose(self, batches: Batches) -> SumOfSquares:
        return WindowProblem(Compared(self), batches, 1.0)


class CurvedLeastSquares(WindowLeastSquares):
    """The same with curves that stay smooth where no data bend them."""

    def pose(self, batches: Batches) -> SumOfSquares:
        problem = super().pose(batches)
        problem.penalty = penalties(self.model, problem.parameters)
        return problem


class Compared(nn.Module):
    """An experiment whose forward compares; the model alone belongs to it."""

    def __init__(self, experiment: LeastSquares) -> None:
        super().__init__()
        self.model = experiment.model
        self.experiments = [experiment]  # in a list it is no child

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        return self.experiments[0].compare(batch)


def all_windows(dataset: Windows) -> DataLoader[Any]:
    """A loader that hands out all windows together, once an epoch."""
    return as_one([dataset.__getitems__(range(len(dataset)))])


def all_records(dataset: WholeRecords) -> DataLoader[Any]:
    """A loader that hands out all records together, once an epoch, those of one length as one batch."""
    lengths = [len(next(iter(record.values()))) for record in dataset.records]
    batches = []
    for length in dict.fromkeys(lengths):
        alike = [dataset[index] for index, own in enumerate(lengths) if own == length]
        batches.append(tuple(torch.stack(parts) for parts in zip(*alike, strict=True)))
    return as_one(batches)


def as_one(batches: list[Any]) -> DataLoader[Any]:
    """A loader with a single item, the list of all batches."""
    return DataLoader([batches], batch_size=None, collate_fn=as_it_is)  # type: ignore[arg-type]
