"""The error over many windows of a stack without state as a least-squares problem."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from sysidc.runtime.solvers.levenberg_marquardt import NormalEquations
from sysidc.runtime.solvers.penalty import Penalty
from sysidc.runtime.solvers.sum_of_squares import SumOfSquares

MOST_NUMBERS = 1 << 24
"""In the rows of one chunk of windows, 128 MB in float64."""


class WindowProblem(SumOfSquares):
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
        super().__init__(compared, variance, penalty)
        self.compared, self.batches = compared, list(batches)

    @property
    def samples(self) -> int:
        return int(self._total(sum(batch[1].numel() for batch in self.batches)))

    def squared_error(self) -> float:
        total = 0.0
        with torch.no_grad():
            for batch in self.batches:
                for chunk in _chunks(batch, 1):
                    predicted, target = self.compared(chunk)
                    total += float((target - predicted).square().sum())
        total = self._total(total)
        return torch.inf if math.isnan(total) else total

    def normal_equations(self) -> NormalEquations:
        values = {name: value.detach() for name, value in self.parameters.items()}
        (H, g), squares = self._empty_equations(), 0.0
        with torch.no_grad():
            for batch in self.batches:
                for chunk in _chunks(batch, len(g)):
                    J, e = self._rows(values, chunk)
                    self._add_rows(H, g, J, e)
                    squares += float(e.square().sum())
        return self._with_penalty(H, g, squares)

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
