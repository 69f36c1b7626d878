"""What the least-squares problems of training share: the cost, its penalty, and how normal equations add up."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from sysidc.runtime.solvers.levenberg_marquardt import NormalEquations
from sysidc.runtime.solvers.penalty import Penalty
from sysidc.runtime.solvers.processes import sum_over_processes, total_over_processes


class SumOfSquares(ABC):
    """sum(e^2) / variance + penalty at the present parameters, which are those of a module that require gradients, in
    order.

    Where it is `shared`, each process of a training holds a part of the rows and all of them ask the same questions at
    the same time: samples, errors and equations are then those of all processes.
    """

    shared = False

    def __init__(self, module: nn.Module, variance: float, penalty: Penalty | None) -> None:
        self.variance = variance
        self.parameters = {name: value for name, value in module.named_parameters() if value.requires_grad}
        self.penalty = penalty or Penalty.none(self.parameters)

    @property
    @abstractmethod
    def samples(self) -> int:
        """Outputs that count."""

    @abstractmethod
    def squared_error(self) -> float:
        """sum(e^2), infinite where it is no number."""

    @abstractmethod
    def normal_equations(self) -> NormalEquations:
        """Of the cost, around the present parameters."""

    def smooth(self, weight: float) -> None:
        """Give the roughness of curves this weight from now on."""
        self.penalty = self.penalty.smoothed(weight)

    def mean_square(self, cost: float) -> float:
        """The mean of e^2 that a cost stands for, at the present parameters."""
        return (cost - self.penalty.cost(self.parameters)) * self.variance / self.samples

    def cost(self) -> float:
        return self.squared_error() / self.variance + self.penalty.cost(self.parameters)

    def _total(self, value: float) -> float:
        """The sum over the processes that share the rows."""
        return total_over_processes(value) if self.shared else value

    def _empty_equations(self) -> tuple[Tensor, Tensor]:
        """H (P, P) and g (P) of no rows."""
        count = sum(value.numel() for value in self.parameters.values())
        like = next(iter(self.parameters.values()))
        return like.new_zeros(count, count), like.new_zeros(count)

    def _add_rows(self, H: Tensor, g: Tensor, J: Tensor, e: Tensor) -> None:
        """J (rows, P) = dy/dtheta and e (rows) into the equations, in place."""
        H.addmm_(J.T, J, alpha=1 / self.variance)
        g.addmv_(J.T, e, alpha=1 / self.variance)

    def _with_penalty(self, H: Tensor, g: Tensor, squares: float) -> NormalEquations:
        """The equations and sum(e^2) of all rows, with the penalty."""
        squares = self._total(squares)
        with torch.no_grad():
            if self.shared:
                sum_over_processes(H, g)
            self.penalty.add(H, g, self.parameters)
        cost = squares / self.variance + self.penalty.cost(self.parameters)
        return NormalEquations(H, g, torch.inf if math.isnan(cost) else cost)
