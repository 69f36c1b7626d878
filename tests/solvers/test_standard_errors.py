"""What second order tells of parameters agrees with closed forms, and does not depend on coordinates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from sysidc.runtime.nn import Chain, Equations, LinearDynamics
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.simulation_band import half_widths
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from sysidc.runtime.solvers.standard_errors import Knowledge, knowledge
from sysidc.runtime.solvers.window_problem import WindowProblem
from tests.dynamics.blocks import arguments_of

PARABOLA = "state x = 0  learn a = 0.8 in 0 .. 1  learn b = 0.5  learn c = -2  next(x) = u  y = a * x + b + c * x ** 2"
PRODUCTS = (
    "state x = 1  learn a = 0.8  learn b = 0.5  learn c = 2  learn d = 3  learn e = 0.3  "
    "next(x) = a * x + b * c * u  y = x + d * e * x ** 2"
)


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def randn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def posed(layer: nn.Module, u: Tensor, noise: float, seed: int) -> SimulationProblem:
    """The layer and measurements of it."""
    chain = Chain({"0": layer}, range(u.shape[1]))
    with torch.no_grad():
        y = chain(u[None])
    y = y + noise * randn(*y.shape, seed=seed)
    return SimulationProblem(chain, [Records(u[None], y[:, :0], y, 0)], noise**2)


def fitted(problem: SimulationProblem, epochs: int = 6) -> SimulationProblem:
    optimizer = LevenbergMarquardt(problem.chain.parameters(), damping=1e-2)
    for _ in range(epochs):
        optimizer.step(lambda: problem)
    return problem


def least_squares(X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate and covariance s^2 (X'X)^-1 of a linear regression."""
    inverse = torch.linalg.inv(X.T @ X)
    theta = inverse @ X.T @ y
    return theta, (y - X @ theta).square().sum() / (len(y) - X.shape[1]) * inverse


def errors(told: Knowledge) -> Tensor:
    return torch.tensor([estimate.error for estimate in told.estimates])


def test_equations_linear_in_their_numbers_have_the_errors_and_the_band_of_a_linear_regression() -> None:
    u = randn(90, 1, seed=1)
    problem = fitted(posed(Equations(**arguments_of(PARABOLA)), u, 0.1, seed=2), epochs=12)
    item = problem.records[0]
    x = torch.cat([torch.zeros(1), u[:-1, 0]])
    X = torch.stack([x, torch.ones(90), x**2], dim=1)
    theta, covariance = least_squares(X, item.y[0, :, 0])
    told = knowledge(problem)
    torch.testing.assert_close(torch.tensor([e.value for e in told.estimates]), theta, rtol=1e-6, atol=0)
    torch.testing.assert_close(errors(told), covariance.diagonal().sqrt(), rtol=1e-6, atol=0)
    scale = covariance.diagonal().sqrt()
    torch.testing.assert_close(told.correlations, covariance / (scale[:, None] * scale), rtol=0, atol=1e-6)
    band = (X @ covariance @ X.T).diagonal().sqrt()
    torch.testing.assert_close(half_widths(problem, item, told.root)[0, :, 0], band, rtol=1e-6, atol=0)


class Compared(nn.Module):
    """A linear layer as a training module compares it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        return self.module(batch[0]), batch[1]


def test_a_network_without_state_has_the_errors_of_a_linear_regression_entry_by_entry() -> None:
    x = randn(70, 1, 3, seed=3)
    X = torch.cat([x[:, 0], torch.ones(70, 1)], dim=1)
    y = X @ torch.tensor([1.0, -2.0, 0.5, 3.0]) + 0.2 * randn(70, seed=4)
    theta, covariance = least_squares(X, y)
    layer = nn.Linear(3, 1)
    with torch.no_grad():
        layer.weight.copy_(theta[None, :3])
        layer.bias.copy_(theta[3:])
    told = knowledge(WindowProblem(Compared(nn.Sequential(layer)), [(x, y[:, None, None])], 1.0))
    assert [estimate.name for estimate in told.estimates] == [*(f"0.weight[0,{i}]" for i in range(3)), "0.bias[0]"]
    torch.testing.assert_close(errors(told), covariance.diagonal().sqrt())
    assert (told.undetermined, told.directions) == ((), ())


def test_the_band_is_the_scatter_of_simulations_by_repeated_estimates() -> None:
    body = "state x = 1  learn a = 0.7 in 0 .. 1  learn b = 0.5  next(x) = a * x + b * u  y = tanh(x)"
    u, simulated, bands = randn(40, 1, seed=5), [], []
    for seed in range(60):
        problem = fitted(posed(Equations(**arguments_of(body)), u, 0.05, seed=100 + seed), epochs=4)
        bands.append(half_widths(problem, problem.records[0], knowledge(problem).root).square().mean())
        with torch.no_grad():
            simulated.append(problem.chain(u[None]))
    scatter = torch.stack(simulated).var(dim=0).mean()
    torch.testing.assert_close(torch.stack(bands).mean().sqrt(), scatter.sqrt(), rtol=0.2, atol=0)


def stable(states: int) -> LinearDynamics:
    layer = LinearDynamics(inputs=1, outputs=1, states=states)
    with torch.no_grad():
        layer.A.copy_(torch.tensor([[0.8, 0.3], [-0.3, 0.6]]))
        layer.B.copy_(torch.tensor([[1.0], [0.5]]))
        layer.C.copy_(torch.tensor([[1.0, -0.7]]))
        layer.D.zero_()
    return layer


def test_matrices_are_free_in_the_coordinates_of_the_state_and_the_feedthrough_is_not() -> None:
    told = knowledge(posed(stable(2), randn(300, 1, seed=6), 0.1, seed=7))
    (group,) = told.undetermined
    assert told.directions == (4,), "a change of coordinates has four numbers"
    assert {name.partition("[")[0] for name in group} == {"0.A", "0.B", "0.C"}
    assert [e.name for e in told.estimates if e.error < torch.inf] == ["0.D[0,0]"]


def test_the_band_does_not_depend_on_the_coordinates_of_the_state() -> None:
    problem = posed(stable(2), randn(200, 1, seed=8), 0.1, seed=9)
    item = problem.records[0]
    before = half_widths(problem, item, knowledge(problem).root)
    layer, T = problem.chain[0], torch.tensor([[2.0, 1.0], [-0.5, 1.0]])
    assert isinstance(layer, LinearDynamics)
    with torch.no_grad():
        layer.A.copy_(T @ layer.A @ torch.linalg.inv(T))
        layer.B.copy_(T @ layer.B)
        layer.C.copy_(layer.C @ torch.linalg.inv(T))
    torch.testing.assert_close(half_widths(problem, item, knowledge(problem).root), before, rtol=1e-6, atol=0)


def test_two_products_are_two_groups_each_free_in_one_direction() -> None:
    told = knowledge(posed(Equations(**arguments_of(PRODUCTS)), randn(80, 1, seed=10), 0.01, seed=11))
    assert told.undetermined == (("b", "c"), ("d", "e"))
    assert told.directions == (1, 1)
    assert [estimate.error < torch.inf for estimate in told.estimates] == [True, False, False, False, False]
