"""Polynomial nonlinear state space (PNLSS)."""

from __future__ import annotations

from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.linear_dynamics import stable_matrix
from sysidc.runtime.nn.state import StateLayer


class PolynomialStateSpace(StateLayer):
    """x[k+1] = A x[k] + B u[k] + b_x + E m(x[k], u[k]),  y[k] = C x[k] + D u[k] + b_y.

    u (batch, time, inputs) -> y (batch, time, outputs), in the dtype of the parameters. m holds every monomial of
    degree 2 to `degree` in states and inputs; E starts at zero.
    `innovations` is that of `StateSpace`.
    Source: Paduart et al., Identification of nonlinear systems using Polynomial Nonlinear State Space models,
    Automatica 46 (2010).
    """

    def __init__(
        self, inputs: int, outputs: int, states: int, degree: int, initial: str = "zero", innovations: bool = False
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.states, self.initial = inputs, outputs, states, initial
        self.degree, self.innovations = degree, innovations
        self.A = nn.Parameter(stable_matrix(states))
        self.B = nn.Parameter(torch.randn(states, inputs) * 0.3)
        self.C = nn.Parameter(torch.randn(outputs, states) / states**0.5)
        self.D = nn.Parameter(torch.zeros(outputs, inputs))
        self.b_x = nn.Parameter(torch.zeros(states))
        self.b_y = nn.Parameter(torch.zeros(outputs))
        self._products = product_table(states + inputs, degree)
        self.E = nn.Parameter(torch.zeros(states, sum(len(left) for left, _ in self._products)))
        self.K = nn.Parameter(torch.zeros(states, outputs)) if innovations else None

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        after = x @ self.A.T + u @ self.B.T + self.b_x + self.monomials(x, u) @ self.E.T
        return after, self.output(x, u)

    def output(self, x: Tensor, u: Tensor) -> Tensor:
        return x @ self.C.T + u @ self.D.T + self.b_y

    def monomials(self, x: Tensor, u: Tensor) -> Tensor:
        """Degree by degree, each made of one of the degree below and one variable: (..., columns of E)."""
        variables = torch.cat([x, u], dim=-1)
        below, degrees = variables, []
        for left, right in self._products:
            below = _picked(below, left) * _picked(variables, right)
            degrees.append(below)
        return torch.cat(degrees, dim=-1)

    def monomial_slopes(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """m (N, columns of E) at N samples and its derivatives in states and inputs (N, columns of E, n + inputs)."""
        variables = torch.cat([x, u], dim=-1)
        below, slopes = variables, torch.eye(variables.shape[1]).to(variables).expand(len(x), -1, -1)
        degrees, all_slopes = [], []
        for left, right in self._products:
            slopes = slopes[:, left] * variables[:, right, None]
            slopes[:, range(len(right)), right] += below[:, left]
            below = below[:, left] * variables[:, right]
            degrees.append(below)
            all_slopes.append(slopes)
        return torch.cat(degrees, dim=1), torch.cat(all_slopes, dim=1)

    def extra_repr(self) -> str:
        return f"inputs={self.inputs}, outputs={self.outputs}, states={self.states}, degree={self.degree}"


def _picked(values: Tensor, places: list[int]) -> Tensor:
    """Columns of values (..., columns); in a graph that is written one by one, as a scan holds no list of places."""
    if torch.compiler.is_exporting():
        return torch.stack([values[..., place] for place in places], dim=-1)
    return values[..., places]


def product_table(variables: int, degree: int) -> list[tuple[list[int], list[int]]]:
    """For every degree from 2: which monomial of the degree below times which variable gives each monomial."""
    table = []
    below: list[tuple[int, ...]] = [(variable,) for variable in range(variables)]
    for size in range(2, degree + 1):
        powers = list(combinations_with_replacement(range(variables), size))
        place = {power: index for index, power in enumerate(below)}
        table.append(([place[power[:-1]] for power in powers], [power[-1] for power in powers]))
        below = powers
    return table
