"""Small chains with weights away from their starts, in float64, for the tests of solvers."""

from __future__ import annotations

import torch
from torch import nn

from sysidc.runtime.nn import (
    GRU,
    LRU,
    LSTM,
    RNN,
    Chain,
    Correction,
    Curve,
    LinearDynamics,
    PolynomialStateSpace,
    ResidualConnectionWrapper,
    StateSpace,
)

KNOWN = 12


def shaken(chain: Chain, size: float = 0.1) -> Chain:
    """The chain in float64 with every parameter moved a little, so that none is zero."""
    chain.double()
    with torch.no_grad():
        for parameter in chain.parameters():
            parameter.add_(size * torch.randn_like(parameter))
        for name, parameter in chain.named_parameters():
            if name.endswith((".A", ".E")):  # far from the border where a record explodes
                parameter.mul_(0.6 if name.endswith(".A") else 0.1)
    return chain


def blocks(initial: str = "zero", correction: bool = False) -> Chain:
    """Linear dynamics, a spline, linear dynamics; one input, one output, five states."""
    stack = nn.Sequential(
        LinearDynamics(1, 1, 3, initial), Curve(1, "Spline", knots=8), LinearDynamics(1, 1, 2, initial)
    )
    modules: dict[str, nn.Module] = {"corrected": Correction(stack, 1, 1, 5, (4,))} if correction else {"blocks": stack}
    return Chain(modules, [0], [1] if initial != "zero" else [], KNOWN if initial != "zero" else 0, initial)


def network(initial: str = "zero") -> Chain:
    """Two inputs, two outputs, three states, networks in both equations."""
    modules: dict[str, nn.Module] = {"model": StateSpace(2, 2, 3, (5,), (4,), initial=initial)}
    return Chain(modules, [0, 1], [2, 3] if initial != "zero" else [], KNOWN if initial != "zero" else 0, initial)


def polynomial(initial: str = "zero") -> Chain:
    modules: dict[str, nn.Module] = {"model": PolynomialStateSpace(1, 1, 2, 3, initial)}
    return Chain(modules, [0], [1] if initial != "zero" else [], KNOWN if initial != "zero" else 0, initial)


def deep() -> Chain:
    """Per-step layers, recurrent layers and a residual around a layer with state."""
    modules: dict[str, nn.Module] = {
        "in": nn.Linear(1, 3),
        "gru": GRU(3, 3),
        "bend": nn.Tanh(),
        "around": ResidualConnectionWrapper(LRU(3, 3, 2)),
        "norm": nn.LayerNorm(3),
        "out": nn.Linear(3, 1),
    }
    return Chain(modules, [0])


def gates() -> Chain:
    """Cells of every kind, one of two layers, one without biases."""
    modules: dict[str, nn.Module] = {
        "gru": GRU(2, 3),
        "lstm": LSTM(3, 2),
        "deep": GRU(2, 2, num_layers=2),
        "rnn": RNN(2, 3, bias=False),
        "unit": LRU(3, 2, 3),
        "relu": RNN(2, 2, nonlinearity="relu"),
    }
    return Chain(modules, [0, 1])


def curves() -> Chain:
    """Curves of every shape on two channels, and a state that networks do not see."""
    modules: dict[str, nn.Module] = {
        "in": nn.Linear(1, 2),
        "polynomial": Curve(2, "Polynomial", degree=3),
        "network": Curve(2, "Network", hidden=(3,)),
        "model": StateSpace(2, 2, 3, (4, 3), (3,), activation="Sigmoid", integrators=1),
        "spline": Curve(2, "Spline", knots=5),
        "again": LinearDynamics(2, 1, 2),
    }
    return Chain(modules, [0])


CHAINS = {
    "blocks": blocks,
    "corrected blocks": lambda: blocks(correction=True),
    "network": network,
    "polynomial": polynomial,
    "deep": deep,
    "curves": curves,
    "gates": gates,
}
