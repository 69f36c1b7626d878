"""The error over many windows of a stack without state as a least-squares problem."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from sysidc.runtime.solvers.levenberg_marquardt import NormalEquations
from sysidc.runtime.solvers.penalty import Penalty

MOST_NUMBERS = 1 << 24
"""In the rows of one chunk of windows, 128 MB in float64."""


class WindowProblem:
    """sum(e^2) / variance + penalty, e = y - y^ over all windows.

    `compared` is called with a batch and returns (y^, y), both (batch, M, outputs); a batch holds y as its second
    tensor. Every window is differentiated by itself, so layers must not mix windows. Parameters are those of `compared`
    that require gradients, in order.
    """

    def __init__(
        self,
        compared: nn.Module,
        batches: Sequence[tuple[Tensor, ...]],
        variance: float,
        penalty: Penalty | None = None,
    ) -> None:
        self.compared, self.batches, self.variance = compared, list(batches), variance
        self.parameters = {name: value for name, value in compared.named_parameters() if value.requires_grad}
        self.penalty = penalty or Penalty.none(self.parameters)

    @property
    def samples(self) -> int:
        return sum(batch[1].numel() for batch in self.batches)

    def squared_error(self) -> float:
        total = 0.0
        with torch.no_grad():
            for batch in self.batches:
                for chunk in _chunks(batch, 1):
                    predicted, target = self.compared(chunk)
                    total += float((target - predicted).square().sum())
        return total if total == total else torch.inf

    def smooth(self, weight: float) -> None:
        """Give the roughness of curves this weight from now on."""
        self.penalty = self.penalty.smoothed(weight)

    def mean_square(self, cost: float) -> float:
        """The mean of e^2 that a cost stands for, at the present parameters."""
        return (cost - self.penalty.cost(self.parameters)) * self.variance / self.samples

    def cost(self) -> float:
        return self.squared_error() / self.variance + self.penalty.cost(self.parameters)

    def normal_equations(self) -> NormalEquations:
        values = {name: value.detach() for name, value in self.parameters.items()}
        count = sum(value.numel() for value in values.values())
        like = next(iter(values.values()))
        H, g, squares = like.new_zeros(count, count), like.new_zeros(count), 0.0
        with torch.no_grad():
            for batch in self.batches:
                for chunk in _chunks(batch, count):
                    J, e = self._rows(values, chunk)
                    H.addmm_(J.T, J, alpha=1 / self.variance)
                    g.addmv_(J.T, e, alpha=1 / self.variance)
                    squares += float(e.square().sum())
            self.penalty.add(H, g, self.parameters)
        cost = squares / self.variance + self.penalty.cost(self.parameters)
        return NormalEquations(H, g, cost if cost == cost else torch.inf)

    def _rows(self, values: dict[str, Tensor], chunk: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """J (rows, P) and e (rows) of some windows."""

        def error(parameters: dict[str, Tensor], *window: Tensor) -> tuple[Tensor, Tensor]:
            batch = tuple(part[None] for part in window)
            predicted, target = functional_call(self.compared, parameters, (batch,))
            return predicted.reshape(-1), (target - predicted).reshape(-1)

        jacobian = vmap(jacrev(error, has_aux=True), in_dims=(None, *(0 for _ in chunk)))
        slopes, e = jacobian(values, *chunk)
        J = torch.cat([slopes[name].flatten(2) for name in values], dim=2)
        return J.flatten(0, 1), e.flatten()


def _chunks(batch: tuple[Tensor, ...], columns: int) -> list[tuple[Tensor, ...]]:
    rows = batch[1][0].numel()
    size = max(1, MOST_NUMBERS // max(1, columns * rows + batch[0][0].numel()))
    return list(zip(*(torch.split(tensor, size) for tensor in batch), strict=True))
