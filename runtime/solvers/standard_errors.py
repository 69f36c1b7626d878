"""How well learned parameters are known: standard errors, correlations, and what the data cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.solvers.simulation_problem import SimulationProblem
from sysidc.runtime.solvers.window_problem import WindowProblem

UNDETERMINED = 1e-10
"""Least eigenvalue of the information, its diagonal scaled to 1, of a direction that the data determine."""
SHARE = 0.01
"""Part that a parameter has in the directions that they do not, of at most 1, from which on it is not determined."""


ALIKE = 1e-3
"""Relative difference up to which slopes of a combination are the same."""


@dataclass(frozen=True)
class Estimate:
    """A parameter: a number of equations under its own name and in the units of the data, `equation` then, or an entry
    of a tensor as `0.A[1,2]`; `error` is its standard error, infinite where nothing tells it."""

    name: str
    value: float
    error: float
    equation: bool = True


@dataclass(frozen=True)
class Knowledge:
    """Numbers of equations in their order and then the entries of tensors, their correlations (estimates, estimates),
    groups of names of which the data determine some combinations only, how many directions each group is free in, and
    its `forms`: the combination where it is one product, ratio, sum or difference (`b * c`), "" where it is another or
    there are several. root (parameters, rank) is a factor of the covariance of the parameters as they are trained."""

    estimates: tuple[Estimate, ...]
    correlations: Tensor
    undetermined: tuple[tuple[str, ...], ...]
    directions: tuple[int, ...]
    forms: tuple[str, ...]
    root: Tensor


@dataclass(frozen=True)
class _Row:
    """A parameter: where it stands among all, and d value / d parameter."""

    name: str
    place: int
    value: float
    slope: float
    equation: bool


def knowledge(problem: SimulationProblem | WindowProblem) -> Knowledge:
    """What a fitted problem knows of its parameters, from the Gauss-Newton information J'J / r at the minimum.

    r is the residual variance, sum(e^2) / (samples - parameters). White errors are assumed; a penalty counts as what
    was known before.
    Source: Ljung, System Identification, 2nd ed. (1999), section 9.3.
    """
    rows = sorted(_rows(problem), key=lambda row: not row.equation)
    count = sum(parameter.numel() for parameter in problem.parameters.values())
    before = problem.variance
    smallest = torch.finfo(torch.float64).tiny ** 0.5  # J'J / r stays a number where nothing is missed
    problem.variance = max(problem.squared_error() / max(1, problem.samples - count), smallest)
    information = problem.normal_equations().H
    problem.variance = before
    root, free = _inverse(information)
    covariance = root @ root.T
    lost = free.diagonal().clamp_min(0).sqrt() >= SHARE
    spread = covariance.diagonal().clamp_min(0).sqrt()
    spread[lost] = torch.inf
    places = torch.tensor([row.place for row in rows], dtype=torch.long)
    correlations = (covariance / (spread[:, None] * spread)).nan_to_num()[places][:, places]
    errors = [abs(row.slope) * float(spread[row.place]) for row in rows]
    estimates = tuple(Estimate(row.name, row.value, e, row.equation) for row, e in zip(rows, errors, strict=True))
    groups = list(_groups(free, [row.place for row in rows if lost[row.place]]))
    names = {row.place: row.name for row in rows}
    named = tuple(tuple(names[place] for place in group) for group in groups)
    directions = tuple(round(sum(float(free[place, place]) for place in group)) or 1 for group in groups)
    size, by_place = information.diagonal().clamp_min(smallest).sqrt(), {row.place: row for row in rows}
    forms = tuple(_form([by_place[place] for place in group], free, size) for group in groups)
    return Knowledge(estimates, correlations, named, directions, forms, root)


def _rows(problem: SimulationProblem | WindowProblem) -> Iterator[_Row]:
    """In the order of the parameters."""
    equations = _equations(problem.chain if isinstance(problem, SimulationProblem) else problem.compared)
    first = 0
    for name, parameter in problem.parameters.items():
        if id(parameter) in equations:
            yield _Row(equations[id(parameter)][0], first, *equations[id(parameter)][1:], equation=True)
        else:
            entries = zip(_entries(parameter), parameter.detach().reshape(-1).tolist(), strict=True)
            for place, (entry, value) in enumerate(entries, first):
                yield _Row(name.removeprefix("module.") + entry, place, value, 1.0, equation=False)
        first += parameter.numel()


def _equations(module: nn.Module) -> dict[int, tuple[str, float, float]]:
    """Name, value and d value / d raw of each raw parameter of equations."""
    found = {}
    for layer in module.modules():
        if isinstance(layer, Equations):
            values, slopes = layer.values(), layer.numbers.slopes()
            for name, value in values.items():
                found[id(getattr(layer.numbers, f"raw_{name}"))] = (name, value, slopes[name])
    return found


def _entries(parameter: Tensor) -> list[str]:
    """`[1,2]` for each number of a tensor; nothing behind the name of one without axes."""
    if not parameter.ndim:
        return [""]
    return [f"[{','.join(map(str, at))}]" for at in product(*map(range, parameter.shape))]


def _inverse(information: Tensor) -> tuple[Tensor, Tensor]:
    """A factor of the covariance, zero along directions without information, and the projection onto these."""
    size = information.diagonal().clamp_min(torch.finfo(information.dtype).tiny).sqrt()
    values, vectors = torch.linalg.eigh(information / (size[:, None] * size))
    none = values < UNDETERMINED
    root = vectors[:, ~none] / values[~none].sqrt() / size[:, None]
    return root, vectors[:, none] @ vectors[:, none].T


def _groups(free: Tensor, lost: list[int]) -> Iterator[list[int]]:
    """Places that the directions without information tie together, each group in the order of `lost`.

    The projection does not depend on which vectors span these directions, so that two products are two groups.
    """
    left = dict.fromkeys(lost)
    while left:
        group, fresh = set(), [next(iter(left))]
        while fresh:
            group.update(fresh)
            fresh = [place for place in left if place not in group and _tied(free, place, group)]
        yield [place for place in left if place in group]
        left = dict.fromkeys(place for place in left if place not in group)


def _form(group: list[_Row], free: Tensor, size: Tensor) -> str:
    """The one combination of numbers that the data determine: the slope of a product is the same in all logarithms, up
    to the sign, that of a sum in all values. "" where both or neither is true."""
    places = [row.place for row in group]
    shares, vectors = torch.linalg.eigh(free[places][:, places])
    if len(group) < 2 or not all(row.equation and row.slope for row in group) or int((shares < 0.5).sum()) != 1:
        return ""
    slopes = vectors[:, 0] * size[places] / torch.tensor([row.slope for row in group]).to(size)
    in_logarithms = slopes * torch.tensor([row.value for row in group]).to(size)
    names = [row.name for row in group]
    found = [_joined(names, in_logarithms, " * ", " / "), _joined(names, slopes, " + ", " - ")]
    return "" if all(found) else "".join(found)


def _joined(names: list[str], slopes: Tensor, same: str, other: str) -> str:
    """The names with operators between, "" where the slopes differ by more than their sign; the first one leads."""
    if slopes.abs().min() < (1 - ALIKE) * slopes.abs().max():
        return ""
    alike = (slopes * slopes[0] > 0).tolist()
    return names[0] + "".join((same if sign else other) + name for name, sign in zip(names[1:], alike[1:], strict=True))


def _tied(free: Tensor, place: int, group: set[int]) -> bool:
    return bool((free[place, list(group)].abs() >= SHARE**2).any())
