"""Linear dynamics in state-space form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.state import StateLayer


class LinearDynamics(StateLayer):
    """x[k+1] = A x[k] + B u[k],  y[k] = C x[k] + D u[k].

    u (batch, time, inputs) -> y (batch, time, outputs), in the dtype of the parameters.
    Source: Ljung, System Identification, 2nd ed. (1999), ch. 4.
    """

    def __init__(self, inputs: int, outputs: int, states: int, initial: str = "zero") -> None:
        super().__init__()
        self.inputs, self.outputs, self.states, self.initial = inputs, outputs, states, initial
        self.A = nn.Parameter(stable_matrix(states))
        self.B = nn.Parameter(torch.randn(states, inputs) * 0.3)
        self.C = nn.Parameter(torch.randn(outputs, states) / states**0.5)
        self.D = nn.Parameter(torch.zeros(outputs, inputs))

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        return x @ self.A.T + u @ self.B.T, self.output(x, u)

    def output(self, x: Tensor, u: Tensor) -> Tensor:
        return x @ self.C.T + u @ self.D.T

    def extra_repr(self) -> str:
        return f"inputs={self.inputs}, outputs={self.outputs}, states={self.states}, initial={self.initial}"


def stable_matrix(states: int) -> Tensor:
    """A random matrix with all poles inside the unit circle: rotations that lose 2 to 30 % of their length a step."""
    rotation: Tensor = torch.linalg.qr(torch.randn(states, states))[0]
    shrink = 1 - torch.empty(states).uniform_(0.02, 0.3)
    near = torch.eye(states) + 0.3 * (rotation - rotation.T)
    orthogonal: Tensor = torch.linalg.qr(near)[0]
    return (orthogonal * shrink).contiguous()
