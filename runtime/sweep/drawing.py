"""Which values a trial tries: by the grid, at random, and what a sampler of Optuna has to know of the domains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sysidc.compiler.plan import DomainPlan, SweepPlan

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Value: TypeAlias = int | float | str
Values: TypeAlias = Mapping[str, Value]

DIGITS = 6
"""Real numbers are drawn with so many digits, so that they can be read and written down."""


def random_values(sweep: SweepPlan, number: int) -> dict[str, Value]:
    """The values of trial `number`: they depend on the sweep's seed and on the number alone."""
    generator = np.random.default_rng((sweep.seed, number))
    return {domain.param: _drawn(domain, generator) for domain in sweep.domains}


def grid_values(sweep: SweepPlan, number: int) -> dict[str, Value]:
    """Point `number` of the grid; the last param changes first."""
    values: dict[str, Value] = {}
    for domain in reversed(sweep.domains):
        points = domain.points
        assert points is not None, "a grid has points in every domain"
        number, index = divmod(number, len(points))
        values[domain.param] = points[index]
    return {domain.param: values[domain.param] for domain in sweep.domains}


def grid_size(sweep: SweepPlan) -> int:
    return prod(len(domain.points or ()) for domain in sweep.domains)


def start_values(sweep: SweepPlan) -> dict[str, Value] | None:
    """The values that the file itself gives, None where one of them lies outside of its domain."""
    inside = all(_holds(domain, domain.start) for domain in sweep.domains)
    return {domain.param: domain.start for domain in sweep.domains} if inside else None


def neat(values: Values) -> dict[str, Value]:
    """The values as they are given to the spec."""
    return {name: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value for name, value in values.items()}


def distributions(sweep: SweepPlan) -> dict[str, BaseDistribution]:
    """The domains in Optuna's terms."""
    return {domain.param: _distribution(domain) for domain in sweep.domains}


def _distribution(domain: DomainPlan) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if domain.values is not None:
        return CategoricalDistribution(domain.values)
    assert domain.low is not None and domain.high is not None
    if domain.whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(float(domain.low), float(domain.high), log=domain.log)


def _drawn(domain: DomainPlan, generator: np.random.Generator) -> Value:
    if domain.values is not None:
        return domain.values[int(generator.integers(len(domain.values)))]
    low, high = domain.low, domain.high
    assert low is not None and high is not None
    if domain.whole and not domain.log:
        return int(generator.integers(int(low), int(high), endpoint=True))
    if domain.whole:
        return min(int(high), int(math.exp(generator.uniform(math.log(low), math.log(high + 1)))))
    drawn = generator.uniform(math.log(low), math.log(high)) if domain.log else generator.uniform(low, high)
    rounded = float(f"{math.exp(drawn) if domain.log else drawn:.{DIGITS}g}")
    return min(max(rounded, float(low)), float(high))


def _holds(domain: DomainPlan, value: Value) -> bool:
    if domain.values is not None:
        return value in domain.values
    assert domain.low is not None and domain.high is not None
    return isinstance(value, int | float) and domain.low <= value <= domain.high
