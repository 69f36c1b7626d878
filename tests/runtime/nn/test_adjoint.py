"""Gradients of a recurrence that is one operation of autograd, against those of its loop."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev

from sysidc.runtime.nn import Chain, Correction, Curve, LinearDynamics, StateSpace
from sysidc.runtime.nn.adjoint import MANY_RECORDS, simulated
from sysidc.runtime.nn.state import run, states_of
from tests.solvers.chains import CHAINS, blocks, network, shaken


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(11)


def corrected() -> Chain:
    stack = nn.Sequential(LinearDynamics(2, 2, 3), Curve(2, "Spline", knots=6), nn.Linear(2, 1))
    return Chain({"corrected": Correction(stack, 2, 1, 3, (4,))}, [0, 1])


MODELS: dict[str, Callable[[], Chain]] = {
    **CHAINS,
    "no network": lambda: Chain({"model": StateSpace(1, 2, 2)}, [0]),
    "integrators": lambda: Chain({"model": StateSpace(1, 1, 3, (4,), (3,), integrators=1)}, [0]),
    "two hidden layers": lambda: Chain({"model": StateSpace(2, 1, 3, (4, 3), activation="ELU")}, [0, 1]),
    "innovations": lambda: Chain({"model": StateSpace(1, 1, 2, (3,), innovations=True)}, [0]),
    "correction of a stack": corrected,
}


def gradients(way: Callable[..., Tensor], chain: Chain, x: Tensor, u: Tensor) -> list[Tensor]:
    """Of a weighted sum of the outputs, in the start, the inputs and every parameter."""
    y = way(chain, x, u)
    weights = torch.linspace(-1, 1, y.numel()).to(y).view_as(y)
    sought = [x, u, *chain.parameters()]
    return list(torch.autograd.grad((y * weights).sum(), sought, materialize_grads=True))


def loop(chain: Chain, x: Tensor, u: Tensor) -> Tensor:
    return run(chain, x, u)[1]


@pytest.mark.parametrize("batch", [1, 20, MANY_RECORDS])
@pytest.mark.parametrize("name", MODELS)
def test_gradients_and_outputs_are_those_of_the_loop(name: str, batch: int) -> None:
    chain = shaken(MODELS[name]())
    x = (0.1 * torch.randn(batch, chain.states).double()).requires_grad_()
    u = torch.randn(batch, 7, len(chain.input_channels)).double().requires_grad_()
    torch.testing.assert_close(simulated(chain, x, u), loop(chain, x, u))
    torch.testing.assert_close(gradients(simulated, chain, x, u), gradients(loop, chain, x, u))


@pytest.mark.parametrize("build", [blocks, network, corrected])
def test_gradients_are_those_of_finite_differences(build: Callable[[], Chain]) -> None:
    chain = shaken(build())
    x = (0.1 * torch.randn(2, states_of(chain)).double()).requires_grad_()
    u = torch.randn(2, 5, len(chain.input_channels)).double().requires_grad_()
    held = [value for value in chain.parameters() if value.requires_grad]
    assert torch.autograd.gradcheck(lambda x, u, *_: simulated(chain, x, u), (x, u, *held))


def test_a_layer_that_is_held_gets_no_gradient_and_hides_none() -> None:
    chain = shaken(blocks(correction=True))
    for name, value in chain.named_parameters():
        value.requires_grad_("network" in name)
    u = torch.randn(3, 9, 1).double()
    simulated(chain, torch.zeros(3, 5).double(), u).square().sum().backward()  # type: ignore[no-untyped-call]
    own = {name: value.grad for name, value in chain.named_parameters()}
    chain.zero_grad()
    loop(chain, torch.zeros(3, 5).double(), u).square().sum().backward()  # type: ignore[no-untyped-call]
    for name, value in chain.named_parameters():
        assert (own[name] is None) == (value.grad is None) == ("network" not in name)
        if value.grad is not None:
            torch.testing.assert_close(own[name], value.grad)


@pytest.mark.parametrize("build", [blocks, network, corrected])
def test_a_second_derivative_is_refused(build: Callable[[], Chain]) -> None:
    chain = shaken(build())
    u = torch.randn(2, 6, len(chain.input_channels)).double().requires_grad_()
    y = simulated(chain, torch.zeros(2, chain.states).double(), u)
    (slope,) = torch.autograd.grad(y.square().sum(), u, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("build", [blocks, network, corrected])
def test_a_weight_that_changed_before_the_gradient_is_refused(build: Callable[[], Chain]) -> None:
    chain = shaken(build())
    u = torch.randn(2, 6, len(chain.input_channels)).double()
    y = simulated(chain, torch.zeros(2, chain.states).double(), u)
    with torch.no_grad():
        for value in chain.parameters():
            value.mul_(1.1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()  # type: ignore[no-untyped-call]


def test_functional_transforms_pass_through_the_loop() -> None:
    chain = shaken(network())
    values = {name: value.detach() for name, value in chain.named_parameters()}
    x = torch.randn(1, 6, 2).double()
    slopes = jacrev(lambda own: functional_call(chain, own, (x,)))(values)
    for index, name in enumerate(values):
        (wanted,) = torch.autograd.grad(chain(x)[0, 4, 1], [list(chain.parameters())[index]])
        torch.testing.assert_close(slopes[name][0, 4, 1], wanted)
