"""The derivatives of a simulation, against back-propagation through time and finite differences."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev

from sysidc.runtime.nn import Chain, LinearDynamics
from sysidc.runtime.nn.state import run
from sysidc.runtime.solvers import sensitivities as engine
from sysidc.runtime.solvers.newton import simulate
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from sysidc.runtime.solvers.window_problem import WindowProblem
from tests.solvers.chains import CHAINS, KNOWN, blocks, network, polynomial, shaken


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(5)


class Simulated(nn.Module):
    def __init__(self, chain: Chain) -> None:
        super().__init__()
        self.chain = chain

    def forward(self, first: Tensor, u: Tensor) -> Tensor:
        return run(self.chain, first, u)[1]


@pytest.mark.parametrize("steps", [5, 130])
@pytest.mark.parametrize("name", CHAINS)
def test_sensitivities_are_those_of_back_propagation_through_time(name: str, steps: int) -> None:
    chain = shaken(CHAINS[name]())
    first, u = torch.randn(2, chain.states).double() * 0.1, torch.randn(2, steps, len(chain.input_channels)).double()
    values = {name: value.detach() for name, value in chain.named_parameters()}
    slopes = jacrev(
        lambda own: functional_call(Simulated(chain), {f"chain.{k}": v for k, v in own.items()}, (first, u))
    )(values)
    wanted = torch.cat([slopes[name].flatten(3) for name in values], dim=3)
    with torch.no_grad():
        S = torch.zeros(2, chain.states, wanted.shape[3]).double()
        slabs = list(engine.sensitivities(chain, values, simulate(chain, first, u)[0], u, S, 0, steps))
    torch.testing.assert_close(torch.cat([slab.J for slab in slabs], dim=1), wanted)


def test_slabs_of_a_record_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = shaken(blocks())
    u = torch.randn(1, 500, 1).double()
    values = {name: value.detach() for name, value in chain.named_parameters()}
    states = simulate(chain, torch.zeros(1, 5).double(), u)[0]
    S = torch.zeros(1, 5, sum(value.numel() for value in values.values())).double()
    with torch.no_grad():
        (whole,) = engine.sensitivities(chain, values, states, u, S, 0, 500)
        monkeypatch.setattr(engine, "AT_ONCE", 64)
        monkeypatch.setattr(engine, "MOST_NUMBERS", 1)
        parts = list(engine.sensitivities(chain, values, states, u, S, 0, 500))
    assert len(parts) == 8
    torch.testing.assert_close(torch.cat([part.J for part in parts], dim=1), whole.J)


def noisy_records(chain: Chain, lengths: list[int]) -> list[Records]:
    """Of the chain itself, so that its residuals are small where its estimate is good."""
    records = []
    for length in lengths:
        u = torch.randn(2, length, len(chain.input_channels)).double()
        with torch.no_grad():
            y = chain.simulate(u, 0.1 * torch.randn(2, chain.states).double())
        y = y + 1e-6 * torch.randn_like(y)
        records.append(Records(u, y[:, : chain.known], y[:, chain.known :], 3))
    return records


def assert_gradient(problem: SimulationProblem | WindowProblem, checked: int = 24) -> None:
    """The gradient of the cost is that of central differences, in so many parameters."""
    gradient = -2 * problem.normal_equations().g
    places = [
        (value.detach().view(-1), index) for value in problem.parameters.values() for index in range(value.numel())
    ]
    found, wanted = [], []
    for place in torch.randperm(len(places))[:checked].tolist():
        flat, index = places[place]
        before = flat[index].item()
        flat[index] = before + 1e-5
        above = problem.cost()
        flat[index] = before - 1e-5
        wanted.append((above - problem.cost()) / 2e-5)
        flat[index] = before
        found.append(gradient[place].item())
    torch.testing.assert_close(torch.tensor(found), torch.tensor(wanted), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("build", [blocks, network, polynomial])
@pytest.mark.parametrize("initial", ["zero", "encoder"])
def test_the_gradient_of_the_problem_is_that_of_finite_differences(build, initial: str) -> None:  # type: ignore[no-untyped-def]
    chain = shaken(build(initial), 0.05)
    problem = SimulationProblem(chain, noisy_records(chain, [40, 60]), variance=0.7)
    shaken(chain, 0.02)
    assert_gradient(problem)


def test_what_is_held_has_no_column() -> None:
    chain = shaken(blocks("encoder", correction=True), 0.05)
    for name, value in chain.named_parameters():
        value.requires_grad_(not any(part in name for part in ("encoder_in", "module.0.B", "curve", "network.0")))
    problem = SimulationProblem(chain, noisy_records(chain, [40]), variance=0.7)
    shaken(chain, 0.02)
    assert len(problem.normal_equations().g) == sum(v.numel() for v in chain.parameters() if v.requires_grad)
    assert_gradient(problem)


def test_a_parameter_of_two_layers_counts_once() -> None:
    shared = nn.Linear(1, 1)
    chain = shaken(Chain({"first": shared, "system": LinearDynamics(1, 1, 2), "second": shared}, [0]), 0.05)
    problem = SimulationProblem(chain, noisy_records(chain, [40]), variance=0.7)
    shaken(chain, 0.02)
    assert_gradient(problem)


def test_a_simulation_is_made_anew_when_anything_of_the_model_changes() -> None:
    chain = shaken(blocks("estimate"), 0.05)
    problem = SimulationProblem(chain, noisy_records(chain, [60]), variance=1.0)
    costs = [problem.normal_equations().cost]
    with torch.no_grad():
        chain.state_mean += 1.0
        costs.append(problem.normal_equations().cost)
        next(chain.parameters()).mul_(1.01)
        costs.append(problem.normal_equations().cost)
    fresh = SimulationProblem(chain, [replace(item, states=None, errors=None) for item in problem.records], 1.0)
    assert len(set(costs)) == 3
    assert costs[-1] == pytest.approx(fresh.cost(), rel=1e-6)


def test_an_estimated_start_follows_the_parameters() -> None:
    """The Gauss-Newton derivative of the start is exact where the known steps are met exactly."""
    chain = shaken(blocks("estimate"), 0.05)
    records = noisy_records(chain, [60])
    chain.noise.fill_(1e-3)
    assert_gradient(SimulationProblem(chain, records, variance=1.0))


@pytest.mark.parametrize("length", [40, 200])
def test_the_start_of_a_noise_free_record_is_found(length: int) -> None:
    chain = shaken(blocks("estimate"), 0.05)
    u = torch.randn(3, length, 1).double()
    first = 0.3 * torch.randn(3, 5).double()
    with torch.no_grad():
        y = chain.simulate(u, first)
        chain.noise.fill_(1e-12)
        found = chain.start(u, y[:, :KNOWN])
        reached = chain.simulate(u, found)
    torch.testing.assert_close(reached[:, :KNOWN], y[:, :KNOWN], rtol=0, atol=1e-5)


class Static(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2)).double()

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        x, y = batch
        return self.net(x)[:, None], y


def test_windows_of_a_stateless_stack_give_the_gradient_of_finite_differences() -> None:
    problem = WindowProblem(Static(), [(torch.randn(9, 3, 2).double(), torch.randn(9, 1, 2).double())], variance=2.0)
    assert_gradient(problem)
