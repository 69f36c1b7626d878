"""Levenberg-Marquardt against scipy, and what it does where the ground is bad."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares
from torch import Tensor, nn

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.linear_dynamics import LinearDynamics
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt, NormalEquations, damped_step
from sysidc.runtime.solvers.penalty import Penalty, flat
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from tests.solvers.chains import network, shaken


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(7)


class Curve(nn.Module):
    """y = a exp(-b t) + c at given times."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = nn.Parameter(torch.tensor([1.0, 0.3, 0.2]).double())
        self.t = torch.linspace(0, 4, 30).double()
        self.y = 2.5 * torch.exp(-1.3 * self.t) + 0.5 + 0.01 * torch.sin(37 * self.t)

    def errors(self, numbers: Tensor) -> Tensor:
        return self.y - numbers[0] * torch.exp(-numbers[1] * self.t) - numbers[2]

    def cost(self) -> float:
        return float(self.errors(self.numbers.detach()).square().sum())

    def normal_equations(self) -> NormalEquations:
        numbers = self.numbers.detach()
        J = -torch.func.jacrev(self.errors)(numbers)
        e = self.errors(numbers)
        return NormalEquations(J.T @ J, J.T @ e, float(e.square().sum()))


def test_the_minimum_is_that_of_scipy() -> None:
    problem = Curve()
    start = problem.numbers.detach().numpy().copy()
    wanted = least_squares(lambda v: problem.errors(torch.from_numpy(v)).numpy(), start, method="lm", xtol=1e-14)
    optimizer = LevenbergMarquardt([problem.numbers])
    for _ in range(30):
        optimizer.step(lambda: problem)
    np.testing.assert_allclose(problem.numbers.detach().numpy(), wanted.x, rtol=1e-7)


def test_no_iteration_raises_the_cost() -> None:
    problem = Curve()
    optimizer = LevenbergMarquardt([problem.numbers], damping=1e-8)
    costs = [problem.cost()] + [optimizer.step(lambda: problem) for _ in range(15)]
    assert all(after <= before for before, after in pairwise(costs))


def test_the_simulation_error_reaches_the_minimum_of_scipy() -> None:
    true = Chain({"g": LinearDynamics(1, 1, 2)}, [0]).double()
    u = torch.randn(1, 120, 1).double()
    with torch.no_grad():
        y = true.simulate(u, torch.zeros(1, 2).double()) + 0.05 * torch.randn(1, 120, 1).double()
    chain = Chain({"g": LinearDynamics(1, 1, 2)}, [0]).double()
    chain.load_state_dict(true.state_dict())
    problem = SimulationProblem(shaken(chain, 0.02), [Records(u, y[:, :0], y, 0)], 1.0)

    def errors(vector: np.ndarray) -> np.ndarray:
        nn.utils.vector_to_parameters(torch.from_numpy(vector), chain.parameters())
        with torch.no_grad():
            return (y - chain.simulate(u, torch.zeros(1, 2).double())).flatten().numpy()

    start = flat(problem.parameters).numpy().copy()
    wanted = least_squares(errors, start, x_scale="jac", xtol=1e-12, ftol=1e-12)
    errors(start)
    optimizer = LevenbergMarquardt(chain.parameters())
    cost = min(optimizer.step(lambda: problem) for _ in range(40))
    assert cost == pytest.approx(2 * wanted.cost, rel=1e-6)


def test_a_direction_that_nothing_depends_on_gets_no_step() -> None:
    H = torch.diag(torch.tensor([2.0, 0.0]).double())
    move = damped_step(H, torch.tensor([1.0, 0.0]).double(), 1e-12)
    assert move is not None
    torch.testing.assert_close(move, torch.tensor([0.5, 0.0]).double())


def test_equations_of_deficient_rank_are_solved() -> None:
    """Only the sum of both parameters matters: the step has the right sum and stays small."""
    H = torch.ones(2, 2).double()
    move = damped_step(H, torch.tensor([1.0, 1.0]).double(), 1e-6)
    assert move is not None
    torch.testing.assert_close(move, torch.tensor([0.5, 0.5]).double(), rtol=1e-5, atol=0)


def test_a_parameter_that_lost_its_influence_is_not_thrown_away() -> None:
    """A saturated unit still has a little gradient; scaled by its own curvature alone the step would be 1e8 long."""
    H = torch.diag(torch.tensor([1.0, 1e-18]).double())
    g = torch.tensor([0.0, 1e-10]).double()
    alone, seen = damped_step(H, g, 1e-2), damped_step(H, g, 1e-2, torch.ones(2).double())
    assert alone is not None and alone.abs().max() > 1e7
    torch.testing.assert_close(seen, torch.tensor([0.0, 1e-8]).double())


def test_no_numbers_give_no_step() -> None:
    assert damped_step(torch.full((2, 2), math.nan).double(), torch.ones(2).double(), 1.0) is None


def test_a_start_that_explodes_stays_where_it_is() -> None:
    chain = shaken(network())
    with torch.no_grad():
        chain[0].A.copy_(4 * torch.eye(3))  # type: ignore[operator]
    u, y = torch.randn(1, 900, 2).double(), torch.randn(1, 900, 2).double()
    problem = SimulationProblem(chain, [Records(u, y[:, :0], y, 0)], 1.0)
    before = flat(problem.parameters)
    assert LevenbergMarquardt(chain.parameters()).step(lambda: problem) == math.inf
    torch.testing.assert_close(flat(problem.parameters), before)


def test_a_penalty_pulls_to_where_the_training_started() -> None:
    """(x - 3)^2 + w (x - 1)^2 has its minimum at (3 + w) / (1 + w)."""
    x = nn.Parameter(torch.tensor([1.0]).double())
    penalty = Penalty(torch.tensor([3.0]).double(), torch.tensor([1.0]).double())

    class Pulled:
        def cost(self) -> float:
            return float((3 - x.detach()) ** 2) + penalty.cost({"x": x})

        def normal_equations(self) -> NormalEquations:
            H, g = torch.ones(1, 1).double(), (3 - x.detach()).clone()
            penalty.add(H, g, {"x": x})
            return NormalEquations(H, g, self.cost())

    optimizer = LevenbergMarquardt([x])
    for _ in range(20):
        optimizer.step(Pulled)
    torch.testing.assert_close(x.detach(), torch.tensor([1.5]).double())


def test_the_damping_goes_with_the_state_of_the_optimiser() -> None:
    problem = Curve()
    optimizer = LevenbergMarquardt([problem.numbers])
    optimizer.step(lambda: problem)
    other = LevenbergMarquardt([problem.numbers])
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["damping"] == optimizer.param_groups[0]["damping"] != 1e-2


@pytest.mark.parametrize("damping", [0.0, -1.0])
def test_a_damping_is_above_zero(damping: float) -> None:
    with pytest.raises(ValueError, match="damping must be above 0"):
        LevenbergMarquardt([nn.Parameter(torch.zeros(1))], damping)
