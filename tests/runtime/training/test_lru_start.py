"""Linear recurrent units start as the linear model of the records, and go on from there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import block_diag
from scipy.signal import dlsim
from torch import nn

from sysidc.runtime.nn import GRU, LRU, Chain, Correction, Curve
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.modes import modes
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from sysidc.runtime.training.linear_start import remember
from sysidc.runtime.training.lru_start import write_lru
from sysidc.runtime.training.second_order import remember_states
from sysidc.runtime.training.starts import Starts

KNOWN, NOISE = 20, 0.02


def pair(radius: float, angle: float) -> np.ndarray:
    return radius * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def system(A: np.ndarray, inputs: int = 1, outputs: int = 1) -> LinearModel:
    """Drawn B, C and D, in drawn coordinates."""
    rng, n = np.random.default_rng(3), len(A)
    drawn = [rng.standard_normal(shape) for shape in ((n, inputs), (outputs, n), (outputs, inputs))]
    return LinearModel(A, *drawn).transformed(np.eye(n) + 0.3 * rng.standard_normal((n, n)))


def response(model: LinearModel, u: np.ndarray) -> np.ndarray:
    """By scipy, from rest."""
    return np.asarray(dlsim((model.A, model.B, model.C, model.D, 1), u)[1])


APART = {
    "pair": system(pair(0.95, 0.3)),
    "real": system(np.diag([0.97, 0.8, 0.5])),
    "negative": system(np.diag([-0.9, -0.2])),
    "mixed": system(np.asarray(block_diag(pair(0.9, 2.5), pair(0.7, 0.4), -0.6, 0.99)), 2, 3),
    "close": system(np.diag([0.9, 0.9001])),
    "slow": system(np.diag([1 - 1e-6, 0.5])),
}
TOGETHER = {
    "double": system(np.array([[0.8, 1], [0, 0.8]])),
    "triple": system(0.8 * np.eye(3) + np.eye(3, k=1)),
    "delay": system(np.eye(4, k=1), 2, 2),
    "forgets at once": system(np.diag([0.9, 0.0])),
    "integrator": system(np.diag([1.0, 0.6])),
}


def simulated(model: LinearModel, u: np.ndarray) -> np.ndarray:
    """By a unit of eight modes that was started, from rest."""
    torch.manual_seed(0)
    layer = LRU(u.shape[1], len(model.C), 8).double()
    write_lru(layer, modes(model))
    with torch.no_grad():
        chain = Chain({"unit": layer}, range(u.shape[1])).double()
        return chain.simulate(torch.as_tensor(u)[None], torch.zeros(1, 16).double())[0].numpy()


@pytest.mark.parametrize(
    ("model", "missed"),
    [pytest.param(model, 1e-9, id=name) for name, model in APART.items()]
    + [pytest.param(model, 2e-3, id=name) for name, model in TOGETHER.items()],
)
def test_a_started_unit_simulates_as_scipy_does(model: LinearModel, missed: float) -> None:
    """Poles on top of each other, at zero and on the unit circle belong to a model next to it."""
    u = np.random.default_rng(0).standard_normal((300, model.B.shape[1]))
    wanted = response(model, u)
    assert np.abs(simulated(model, u) - wanted).max() < missed * wanted.std()


def test_a_pair_of_poles_is_one_mode_and_a_real_pole_another() -> None:
    found = modes(APART["mixed"])
    wanted = [0.99, 0.9 * np.exp(2.5j), 0.7 * np.exp(0.4j), -0.6]
    torch.testing.assert_close(torch.tensor(found.poles), torch.tensor(wanted, dtype=torch.complex128))


def records(model: LinearModel, samples: int = 400) -> list[Records]:
    """Away from zero mean, with white noise of 2 % of each output's standard deviation."""
    rng = np.random.default_rng(1)
    u = rng.standard_normal((samples + 100, model.B.shape[1]))
    y = response(model, u)[100:] + 2.0
    y = y + NOISE * y.std(axis=0) * rng.standard_normal(y.shape)
    seen, known, told = (torch.as_tensor(part)[None] for part in (u[100:] + 0.5, y[:KNOWN], y[KNOWN:]))
    return [Records(seen, known, told, 0)]


def missed(chain: Chain, given: list[Records]) -> float:
    """The root mean square of the simulation error over the standard deviation of the outputs."""
    problem = SimulationProblem(chain, given, 1.0)
    spread = float(torch.cat([given[0].known, given[0].y], dim=1).std())
    return float((problem.squared_error() / problem.samples) ** 0.5) / spread


def chain_of(modules: dict[str, nn.Module], inputs: int = 1, outputs: int = 1) -> Chain:
    return Chain(modules, range(inputs), range(inputs, inputs + outputs), KNOWN, "estimate").double()


def trained(linear: bool, model: LinearModel, count: int, iterations: int) -> tuple[str, float, float]:
    """What was told of the start, and what the unit and its head miss before and after a training."""
    torch.manual_seed(0)
    inputs, outputs = model.B.shape[1], len(model.C)
    head = nn.Linear(outputs + 1, outputs)
    layer = LRU(inputs, outputs + 1, count, "estimate")
    chain, given = chain_of({"unit": layer, "head": head}, inputs, outputs), records(model)
    told = Starts(linear, 20, 0).begin(chain, given, 0)
    remember(chain, given)
    before = missed(chain, given)
    problem, optimizer = SimulationProblem(chain, given, 1.0), LevenbergMarquardt(chain.parameters())
    for iteration in range(1, 1 + iterations):
        error = problem.mean_square(optimizer.step(lambda: problem))
        remember_states(problem, error, iteration)
    return told, before, missed(chain, given)


@pytest.mark.parametrize(("name", "count"), [("real", 4), ("mixed", 4), ("slow", 2), ("double", 1)])
def test_five_iterations_from_the_linear_model_come_to_the_noise_and_from_drawn_numbers_nowhere_near(
    name: str, count: int
) -> None:
    model = (APART | TOGETHER)[name]
    told, _, reached = trained(True, model, count, 5)
    assert told.startswith("linear model")
    assert reached < 1.25 * NOISE
    assert trained(False, model, count, 5)[2] > 10 * NOISE


@pytest.mark.parametrize(("name", "count", "states"), [("real", 2, 2), ("mixed", 2, 4)])
def test_what_finds_no_room_is_left_out(name: str, count: int, states: int) -> None:
    told, *_ = trained(True, APART[name], count, 0)
    assert told.startswith(f"linear model of {states} states")


def unit(outputs: int) -> LRU:
    return LRU(1, outputs, 2, "estimate")


LINEAR: dict[str, dict[str, nn.Module]] = {
    "a unit alone": {"unit": unit(1)},
    "with a curve": {"unit": unit(1), "curve": Curve(1, "Spline", knots=6)},
    "with a correction": {"corrected": Correction(nn.Sequential(unit(3), nn.Linear(3, 1)), 1, 1, 4, (3,))},
    "without bias": {"unit": unit(2), "head": nn.Linear(2, 1, bias=False)},
}
DRAWN: dict[str, dict[str, nn.Module]] = {
    "bent in between": {"unit": unit(2), "bend": nn.GELU(), "head": nn.Linear(2, 1)},
    "two units": {"unit": unit(1), "bend": nn.GELU(), "again": unit(1)},
    "cells": {"unit": unit(2), "cells": GRU(2, 1)},
}


@pytest.mark.parametrize("modules", LINEAR.values(), ids=LINEAR)
def test_it_starts_as_the_linear_model(modules: dict[str, nn.Module]) -> None:
    """Signals of zero mean, as normalised ones are: a unit has no bias."""
    (given,) = records(APART["pair"], 2_000)
    measured = torch.cat([given.known, given.y], dim=1)
    given = Records(given.u - given.u.mean(), given.known - measured.mean(), given.y - measured.mean(), 0)
    chain = chain_of(modules)
    assert Starts(True, 20, 0).begin(chain, [given], 0).startswith("linear model of 2 states")
    remember(chain, [given])
    assert missed(chain, [given]) < 1.5 * NOISE


@pytest.mark.parametrize("modules", DRAWN.values(), ids=DRAWN)
def test_it_starts_as_drawn(modules: dict[str, nn.Module]) -> None:
    chain = chain_of(modules)
    before = {name: value.clone() for name, value in chain.state_dict().items()}
    assert Starts(True, 20, 0).begin(chain, records(APART["pair"]), 0) == "random weights"
    torch.testing.assert_close(dict(chain.state_dict()), before, rtol=0, atol=0)


def test_a_unit_that_shows_too_little_says_so() -> None:
    model = system(pair(0.9, 0.5), 1, 2)
    chain = chain_of({"unit": unit(1), "head": nn.Linear(1, 2)}, 1, 2)
    told = Starts(True, 20, 0).begin(chain, records(model), 0)
    assert "2 signals cannot be shown by the 1 outputs of an LRU" in told
