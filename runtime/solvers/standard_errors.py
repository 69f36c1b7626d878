"""How well the learned numbers of equations are known: standard errors, correlations, and what the data cannot tell."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.solvers.simulation_problem import SimulationProblem

UNDETERMINED = 1e-10
"""Least eigenvalue of the information, its diagonal scaled to 1, of a direction that the data determine."""
SHARE = 0.3
"""Part that a number has in such a direction, of at most 1, from which on it is named."""


@dataclass(frozen=True)
class Estimate:
    """A learned number in the units of the data; `error` is its standard error, infinite where nothing tells it."""

    name: str
    value: float
    error: float


@dataclass(frozen=True)
class Knowledge:
    """Estimates in the order of the equations, their correlations (numbers, numbers), and groups of names of which the
    data determine some combination only, such as a product."""

    estimates: tuple[Estimate, ...]
    correlations: Tensor
    undetermined: tuple[tuple[str, ...], ...]


def knowledge(problem: SimulationProblem) -> Knowledge:
    """What a fitted problem knows of its equations, from the Gauss-Newton information J'J / r at the minimum.

    r is the residual variance, sum(e^2) / (samples - parameters). White errors are assumed.
    Source: Ljung, System Identification, 2nd ed. (1999), section 9.3.
    """
    rows = [row for layer in problem.chain.modules() if isinstance(layer, Equations) for row in _rows(layer, problem)]
    count = sum(parameter.numel() for parameter in problem.parameters.values())
    before = problem.variance
    problem.variance = problem.squared_error() / max(1, problem.samples - count)
    information = problem.normal_equations().H
    problem.variance = before
    covariance, idle = _inverse(information)
    places = torch.tensor([place for _, place, _, _ in rows], dtype=torch.long)
    spread = covariance.diagonal().sqrt()
    correlations = (covariance / (spread[:, None] * spread)).nan_to_num()[places][:, places]
    estimates = tuple(Estimate(name, value, abs(slope) * spread[place].item()) for name, place, value, slope in rows)
    names = {place: name for name, place, _, _ in rows}
    groups = tuple(found for direction in idle.T if (found := _named(direction, names)))
    return Knowledge(estimates, correlations, groups)


def _rows(layer: Equations, problem: SimulationProblem) -> list[tuple[str, int, float, float]]:
    """Name, place among all parameters, value and d value / d raw of what a layer learns."""
    places: dict[int, int] = {}
    first = 0
    for parameter in problem.parameters.values():
        places[id(parameter)] = first
        first += parameter.numel()
    values, slopes = layer.values(), layer.numbers.slopes()
    raw = {name: id(getattr(layer.numbers, f"raw_{name}")) for name in layer.numbers.names}
    return [(name, places[raw[name]], values[name], slopes[name]) for name in values if raw[name] in places]


def _inverse(information: Tensor) -> tuple[Tensor, Tensor]:
    """The covariance, infinite along directions without information, and these directions, one in each column."""
    size = information.diagonal().clamp_min(torch.finfo(information.dtype).tiny).sqrt()
    values, vectors = torch.linalg.eigh(information / (size[:, None] * size))
    none = values < UNDETERMINED
    inverse = torch.where(none, torch.zeros_like(values), 1 / values.clamp_min(UNDETERMINED))
    covariance = (vectors * inverse) @ vectors.T
    lost = (vectors[:, none].abs() >= SHARE).any(dim=1)
    covariance[lost, lost] = torch.inf
    return covariance / (size[:, None] * size), vectors[:, none]


def _named(direction: Tensor, names: dict[int, str]) -> tuple[str, ...]:
    return tuple(names[place] for place in names if direction[place].abs().item() >= SHARE)
