"""Nonlinear state space: linear dynamics with networks of states and inputs on top."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.linear_dynamics import stable_matrix
from sysidc.runtime.nn.state import StateLayer


class StateSpace(StateLayer):
    """x[k+1] = A x[k] + B u[k] + b_x + f(x[k], u[k]),  y[k] = C x[k] + D u[k] + b_y + h(x[k], u[k]).

    u (batch, time, inputs) -> y (batch, time, outputs), in the dtype of the parameters. f and h are networks with the
    hidden widths `hidden` and `output_hidden`, none where the list is empty; they start at zero. With `innovations` it
    holds the gain K by which an error e[k] = y[k] - y^[k] corrects the state, x[k] + K e[k], before the state equation
    sees it (`OneStepAhead`); by itself the layer runs without. The first `integrators` states, such as positions, are
    kept out of f and h: what bends a system is then the same wherever it is.
    Source: Suykens, Vandewalle, De Moor, Artificial Neural Networks for Modelling and Control (1996), ch. 2.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        states: int,
        hidden: Sequence[int] = (),
        output_hidden: Sequence[int] = (),
        activation: str = "Tanh",
        innovations: bool = False,
        integrators: int = 0,
        initial: str = "zero",
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.states, self.initial = inputs, outputs, states, initial
        self.innovations, self.integrators = innovations, integrators
        self.A = nn.Parameter(stable_matrix(states))
        self.B = nn.Parameter(torch.randn(states, inputs) * 0.3)
        self.C = nn.Parameter(torch.randn(outputs, states) / states**0.5)
        self.D = nn.Parameter(torch.zeros(outputs, inputs))
        self.b_x = nn.Parameter(torch.zeros(states))
        self.b_y = nn.Parameter(torch.zeros(outputs))
        shown = states - integrators + inputs
        self.f = zero_network(shown, hidden, states, activation) if hidden else None
        self.h = zero_network(shown, output_hidden, outputs, activation) if output_hidden else None
        self.K = nn.Parameter(torch.zeros(states, outputs)) if innovations else None

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        after = x @ self.A.T + u @ self.B.T + self.b_x
        if self.f is not None:
            after = after + self.f(torch.cat([x[..., self.integrators :], u], dim=-1))
        return after, self.output(x, u)

    def output(self, x: Tensor, u: Tensor) -> Tensor:
        """y[k] (..., outputs)."""
        y = x @ self.C.T + u @ self.D.T + self.b_y
        return y if self.h is None else y + self.h(torch.cat([x[..., self.integrators :], u], dim=-1))

    def extra_repr(self) -> str:
        return f"inputs={self.inputs}, outputs={self.outputs}, states={self.states}, initial={self.initial}"


def zero_network(inputs: int, hidden: Sequence[int], outputs: int, activation: str = "Tanh") -> nn.Sequential:
    """Layers of the given widths, the last one without bias and with weights of zero: it starts as the zero map.

    Of several layers each makes its signals smaller, and its numbers are drawn larger by torch's gain for tanh.
    """
    layers: list[nn.Module] = []
    gain = 1.0 if len(hidden) == 1 else nn.init.calculate_gain("tanh")
    for width in hidden:
        linear = nn.Linear(inputs, width)
        with torch.no_grad():
            linear.weight.normal_(std=gain * inputs**-0.5)
            linear.bias.uniform_(-gain, gain)
        layers += [linear, getattr(nn, activation)()]
        inputs = width
    last = nn.Linear(inputs, outputs, bias=False)
    nn.init.zeros_(last.weight)
    return nn.Sequential(*layers, last)
