"""Learned numbers: what they start at, the ranges they stay in, and how their raw parameters move them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sysidc.runtime.nn.learned_numbers import EDGE, LearnedNumbers

ROWS: list[dict[str, Any]] = [
    {"name": "share", "start": 0.12, "low": 0.0, "high": 1.0},
    {"name": "wide", "start": -3.0, "low": -1e4, "high": 1e4},
    {"name": "free", "start": 0.05, "low": None, "high": None},
    {"name": "nothing", "start": 0.0, "low": None, "high": None},
    {"name": "pop", "start": 2.0, "low": 1.0, "high": 3.0},
]


@pytest.fixture
def numbers() -> LearnedNumbers:
    return LearnedNumbers(ROWS).double()


def test_numbers_start_where_they_are_written() -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    found = LearnedNumbers(ROWS).values()
    torch.set_default_dtype(before)
    assert found == pytest.approx({"share": 0.12, "wide": -3.0, "free": 0.05, "nothing": 0.0, "pop": 2.0}, rel=1e-9)


def test_a_start_on_a_bound_is_moved_inside_so_that_it_can_learn() -> None:
    found = LearnedNumbers([{"name": "k", "start": 0.0, "low": 0.0, "high": 2.0}])
    assert found.values()["k"] == pytest.approx(2 * EDGE, rel=1e-3)
    assert found.slopes()["k"] > 0


@pytest.mark.parametrize("raw", [-1e6, -10.0, 10.0, 1e6])
def test_ranges_hold_wherever_the_raw_parameters_go(numbers: LearnedNumbers, raw: float) -> None:
    with torch.no_grad():
        for parameter in numbers.parameters():
            parameter.fill_(raw)
    for row in ROWS:
        if row["low"] is not None:
            assert row["low"] <= numbers.values()[row["name"]] <= row["high"]


def test_a_step_of_one_moves_a_number_by_about_its_own_size(numbers: LearnedNumbers) -> None:
    slopes = numbers.slopes()
    assert slopes["share"] == pytest.approx(0.12, rel=1e-6)
    assert slopes["wide"] == pytest.approx(3.0, rel=1e-6)
    assert (slopes["free"], slopes["nothing"]) == pytest.approx((0.05, 1.0), rel=1e-6)


def test_slopes_are_the_derivatives_of_the_values(numbers: LearnedNumbers) -> None:
    with torch.no_grad():
        for parameter in numbers.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    raw = numbers.raw().detach()
    jacobian = torch.func.jacrev(numbers.values_at)(raw)
    torch.testing.assert_close(torch.diag(jacobian), torch.tensor(list(numbers.slopes().values())).double())


def test_new_starts_lie_inside_the_ranges_keep_their_sign_and_depend_on_the_seed_alone(numbers: LearnedNumbers) -> None:
    drawn = []
    for seed in (3, 3, 4):
        numbers.draw(torch.Generator().manual_seed(seed))
        drawn.append(numbers.values())
    assert drawn[0] == drawn[1] != drawn[2]
    assert 0 < drawn[0]["share"] < 1 < drawn[0]["pop"] < 3
    assert drawn[0]["free"] > 0
    assert all(drawn[0][row["name"]] != row["start"] for row in ROWS)


def test_no_numbers_are_no_tensors() -> None:
    empty = LearnedNumbers([])
    assert (empty(), empty.values(), empty.slopes()) == ((), {}, {})
