"""Values are drawn from the seed and the trial's number alone, inside their domains."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sysidc.compiler.plan import DomainPlan, SweepPlan
from sysidc.runtime.sweep.drawing import grid_size, grid_values, random_values, start_values

DOMAINS = (
    DomainPlan("kind", "GELU", ("GELU", "Tanh")),
    DomainPlan("width", 8, None, 4, 9, False, True),
    DomainPlan("rate", 1e-3, None, 1e-4, 1e-2, True, False),
    DomainPlan("steps", 10, None, 1, 1000, True, True),
    DomainPlan("share", 0.5, None, 0, 1, False, False),
)


def sweep(*domains: DomainPlan, seed: int = 0) -> SweepPlan:
    return SweepPlan(domains, 20, "rmse", "random", None, seed, None, 1)


def test_random_values_depend_on_seed_and_number_alone() -> None:
    forwards = [random_values(sweep(*DOMAINS), number) for number in range(20)]
    backwards = [random_values(sweep(*DOMAINS), number) for number in reversed(range(20))]
    assert forwards == backwards[::-1]
    assert len({str(values) for values in forwards}) == 20
    assert random_values(sweep(*DOMAINS, seed=1), 0) != forwards[0]


def test_random_values_lie_in_their_domains_and_reach_both_ends() -> None:
    drawn = [random_values(sweep(*DOMAINS), number) for number in range(4_000)]
    assert {values["kind"] for values in drawn} == {"GELU", "Tanh"}
    assert {values["width"] for values in drawn} == set(range(4, 10))
    steps = [values["steps"] for values in drawn if isinstance(values["steps"], int)]
    assert len(steps) == len(drawn) and min(steps) == 1 and max(steps) <= 1000


@pytest.mark.parametrize(("name", "median"), [("rate", 1e-3), ("share", 0.5)])
def test_half_of_the_draws_lie_below_the_middle(name: str, median: float) -> None:
    """log: the geometric mean of the ends; the share below it has the standard deviation 0.5 / sqrt(n)."""
    below = np.mean([float(random_values(sweep(*DOMAINS), number)[name]) < median for number in range(4_000)])
    assert abs(below - 0.5) < 4 * 0.5 / np.sqrt(4_000)


def test_a_grid_holds_every_combination_once_the_last_param_changing_first() -> None:
    grid = sweep(DOMAINS[0], DOMAINS[1])
    points = [tuple(grid_values(grid, number).values()) for number in range(grid_size(grid))]
    assert points == list(product(("GELU", "Tanh"), range(4, 10)))


def test_the_start_of_the_file_counts_where_it_lies_in_the_domains() -> None:
    assert start_values(sweep(*DOMAINS)) == {"kind": "GELU", "width": 8, "rate": 1e-3, "steps": 10, "share": 0.5}
    assert start_values(sweep(DomainPlan("width", 20, None, 4, 9, False, True))) is None
