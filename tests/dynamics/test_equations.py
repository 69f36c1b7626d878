"""The layer of equations: integrated as scipy integrates, differentiated exactly, in the units of the data."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor, nn
from torch.func import functional_call, jacfwd, jacrev, vmap

from sysidc.runtime.nn import Equations
from sysidc.runtime.nn.state import run
from tests.dynamics.blocks import arguments_of

OSCILLATOR = "state x = 1, v = 0  learn w = 2 in 0 .. 10  learn d = 0.2  der(x) = v  der(v) = u - w ** 2 * x - d * v  "
FRICTION = (
    "state v = 0, p = 0  learn f = 1  let eps = 0.001  der(p) = v  der(v) = 2 * u - f * tanh(v / eps) - 0.1 * p  y = v"
)
STEP = 0.1


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def equations(body: str, call: str = "tank", **given: str) -> Equations:
    return Equations(**arguments_of(body, call, **given))


def exact(rates: Callable[[np.ndarray, float], list[float]], start: list[float], u: Tensor, method: str) -> Tensor:
    """States (time, states) before every step, by scipy at a tight tolerance, u (time) held between samples."""
    states, x = [], np.array(start)
    for held in u.tolist():
        states.append(x)
        found = solve_ivp(lambda _, z, now=held: rates(z, now), (0, STEP), x, method, rtol=1e-11, atol=1e-12)
        x = found.y[:, -1]
    return torch.from_numpy(np.array(states))


def oscillator(z: np.ndarray, u: float) -> list[float]:
    return [z[1], u - 4 * z[0] - 0.2 * z[1]]


@pytest.mark.parametrize(("solver", "order", "largest"), [("euler", 1, 0.05), ("implicit", 2, 2e-4), ("rk4", 4, 1e-7)])
def test_an_integrator_agrees_with_scipy_in_its_own_order(solver: str, order: int, largest: float) -> None:
    u = torch.randn(10)
    wanted = exact(oscillator, [1.0, 0.0], u, "DOP853")[:, 0]
    errors = []
    for substeps in (4, 8):
        layer = equations(OSCILLATOR + "y = x", f"tank(solver = {solver}, substeps = {substeps})")
        errors.append((layer(u[None, :, None])[0, :, 0] - wanted).abs().max().item())
    assert errors[1] < largest
    assert 0.7 * 2**order < errors[0] / errors[1] < 1.4 * 2**order


def test_dry_friction_chatters_in_explicit_steps_and_comes_to_rest_in_implicit_ones() -> None:
    u = torch.cat([torch.ones(20), torch.zeros(20)])

    def rates(z: np.ndarray, now: float) -> list[float]:
        return [2 * now - np.tanh(z[0] / 0.001) - 0.1 * z[1], z[0]]

    wanted = exact(rates, [0.0, 0.0], u, "LSODA")[:, 0]
    implicit, explicit = (
        equations(FRICTION, f"tank(solver = {solver})")(u[None, :, None])[0, :, 0].detach()
        for solver in ("implicit", "rk4")
    )
    assert (implicit - wanted).abs().max().item() < 0.01
    assert implicit[-4:].abs().max().item() < 1e-3
    assert (explicit - wanted).abs().max().item() > 0.02
    assert explicit[-4:].abs().max().item() > 0.01


def test_a_step_far_longer_than_the_time_constants_stays_at_the_equilibrium() -> None:
    layer = equations("state x = 3  learn k = 1e6  der(x) = k * (u - x)  y = x", "tank(solver = implicit)")
    y = layer(torch.full((1, 5, 1), 2.0))[0, :, 0]
    torch.testing.assert_close(y, torch.tensor([3.0, 2.0, 2.0, 2.0, 2.0]), atol=1e-4, rtol=0)


class Step(nn.Module):
    def __init__(self, layer: Equations) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.cat(self.layer.step(x, u), dim=-1)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("solver", ["rk4", "euler", "implicit"])
@pytest.mark.parametrize("body", [OSCILLATOR + "y = x * w", FRICTION], ids=["oscillator", "friction"])
def test_derivatives_of_a_step_are_those_of_finite_differences(solver: str, body: str) -> None:
    module = Step(equations(body, f"tank(solver = {solver}, substeps = 2)"))
    named = {name: value.detach() for name, value in module.named_parameters()}
    x, u = 0.1 * torch.randn(6, 2), torch.randn(6, 1)

    def step(values: dict[str, Tensor], state: Tensor, now: Tensor) -> Tensor:
        found: Tensor = functional_call(module, values, (state, now))
        return found

    in_numbers, in_state = vmap(jacrev(step, argnums=(0, 1)), in_dims=(None, 0, 0))(named, x, u)
    forward, _ = vmap(jacfwd(step, argnums=(0, 1)), in_dims=(None, 0, 0))(named, x, u)
    h = 1e-7
    for name in named:
        ends = [step({**named, name: named[name] + sign * h}, x, u) for sign in (1, -1)]
        torch.testing.assert_close(in_numbers[name][..., 0], (ends[0] - ends[1]) / (2 * h), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(in_numbers[name], forward[name], rtol=1e-9, atol=1e-9)
    for state in range(2):
        moved = torch.zeros(2).index_fill(0, torch.tensor(state), h)
        difference = (step(named, x + moved, u) - step(named, x - moved, u)) / (2 * h)
        torch.testing.assert_close(in_state[..., state], difference, rtol=1e-4, atol=1e-5)


def test_gradients_through_a_whole_record_are_those_of_finite_differences() -> None:
    layer = equations(OSCILLATOR + "y = x", "tank(substeps = 2)")
    u = torch.randn(1, 30, 1)
    layer(u).square().sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad is not None
        with torch.no_grad():
            ends = []
            for sign in (1, -1):
                parameter.add_(sign * 1e-6)
                ends.append(layer(u).square().sum())
                parameter.sub_(sign * 1e-6)
        torch.testing.assert_close(parameter.grad[0], (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-7)


def test_a_record_is_its_steps_one_after_the_other() -> None:
    layer = equations("state x = 30, v = -2  learn k = 0.4  der(x) = v - k  der(v) = u - x  y = x + v")
    u = torch.randn(3, 12, 1)
    _, by_step = run(layer, layer.rest().expand(3, -1), u)
    torch.testing.assert_close(layer(u), by_step)


def test_discrete_equations_move_from_sample_to_sample() -> None:
    layer = equations("state x = 1  learn k = 0.5  next(x) = k * x + u  y = x", signals="input u  output y")
    y = layer(torch.tensor([1.0, 0.0, 2.0, 0.0])[None, :, None])[0, :, 0]
    torch.testing.assert_close(y, torch.tensor([1.0, 1.5, 0.75, 2.375]))


def test_equations_are_in_the_units_of_the_data_however_these_are_scaled() -> None:
    layer = equations("state x = 4  learn k = 0.3  der(x) = u - k * sqrt(max(x, 0.01))  y = 2 * x + u")
    u = 3 + torch.rand(2, 9, 1)
    plain = layer(u)
    layer.in_units_of(torch.tensor([3.5]), torch.tensor([0.2]), torch.tensor([8.0]), torch.tensor([4.0]))
    torch.testing.assert_close(4.0 * layer((u - 3.5) / 0.2) + 8.0, plain)


def test_states_are_scaled_to_the_size_of_one_and_rest_is_the_declared_start() -> None:
    layer = equations("state x = 500, z = 0.2  learn k = 0.3  next(x) = k * x + z  next(z) = u  y = x")
    torch.testing.assert_close(layer.rest(), torch.tensor([1.0, 0.2]))
    after, y = layer.step(layer.rest(), torch.zeros(1))
    torch.testing.assert_close((after * layer.state_scale, y), (torch.tensor([150.2, 0.0]), torch.tensor([500.0])))


def test_several_signals_and_channels_are_read_in_the_order_of_the_header() -> None:
    layer = equations(
        "state x = 0  learn k = 0.5  next(x) = k * x + w[1] - u  p[1] = x  q = w[0]  p[0] = 10 * u",
        signals="input u  input w = [a, b]  output p = [c, d]  output q",
        header="w[all], u[all] -> p[all], q[all]",
    )
    y = layer(torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]))
    torch.testing.assert_close(y, torch.tensor([[[30.0, 0.0, 1.0], [60.0, -1.0, 4.0]]]))


@pytest.mark.parametrize("solver", ["rk4", "euler"])
def test_a_diverging_simulation_ends_in_infinities_not_in_an_exception(solver: str) -> None:
    layer = equations("state x = 9  learn k = 1  der(x) = k * exp(x) + u  y = x", f"tank(solver = {solver})")
    assert not layer(torch.zeros(1, 9, 1)).isfinite().all()


def test_equations_are_copied_pickled_and_loaded_again() -> None:
    layer = equations(OSCILLATOR + "y = x", "tank(solver = implicit)")
    layer.draw(torch.Generator().manual_seed(5))
    u = torch.randn(1, 5, 1)
    fresh = equations(OSCILLATOR + "y = x", "tank(solver = implicit)")
    fresh.load_state_dict(layer.state_dict())
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), fresh):
        torch.testing.assert_close(other(u), layer(u))
        assert other.values() == layer.values()
