"""Linear recurrent unit: a diagonal complex recurrence."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.state import StateLayer


class LRU(StateLayer):
    """z[k+1] = l z[k] + g (B u[k]),  y[k] = Re(C z[k+1]) + D u[k].

    l = exp(-exp(nu) + i exp(theta)), g = sqrt(1 - |l|^2), element by element.
    u (batch, time, inputs) -> y (batch, time, outputs), in the dtype of the parameters. z is complex of length
    `modes`; the layer's states are its real and imaginary parts side by side. Every l lies inside the unit circle.
    Parameters are real; B and C hold real and imaginary parts in their last axis.
    Source: Orvieto et al., Resurrecting Recurrent Neural Networks for Long Sequences (2023).
    """

    def __init__(self, inputs: int, outputs: int, states: int, initial: str = "zero") -> None:
        super().__init__()
        self.inputs, self.outputs, self.modes, self.initial = inputs, outputs, states, initial
        self.states = 2 * states
        radius = torch.empty(states).uniform_(0.5, 0.99)
        self.nu = nn.Parameter((-radius.log()).log())
        self.theta = nn.Parameter(torch.empty(states).uniform_(0.01, math.pi / 4).log())
        self.B = nn.Parameter(torch.randn(states, inputs, 2) / (2 * inputs) ** 0.5)
        self.C = nn.Parameter(torch.randn(outputs, states, 2) / states**0.5)
        self.D = nn.Parameter(torch.zeros(outputs, inputs))

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        real, imaginary = x[..., : self.modes], x[..., self.modes :]
        radius = torch.exp(-self.nu.exp())
        a, b = radius * self.theta.exp().cos(), radius * self.theta.exp().sin()
        gain = (1 - radius**2).sqrt()
        next_real = a * real - b * imaginary + gain * (u @ self.B[..., 0].T)
        next_imaginary = b * real + a * imaginary + gain * (u @ self.B[..., 1].T)
        y = next_real @ self.C[..., 0].T - next_imaginary @ self.C[..., 1].T + u @ self.D.T
        return torch.cat([next_real, next_imaginary], dim=-1), y

    def forward(self, u: Tensor) -> Tensor:
        """The whole window by one convolution with the powers of l, in place of a loop over time."""
        steps = u.shape[1]
        decay = -self.nu.exp()
        times = torch.arange(steps, device=u.device, dtype=u.dtype)[:, None]
        powers = torch.polar(torch.exp(times * decay), times * self.theta.exp())
        gain = (1 - torch.exp(2 * decay)).sqrt()
        driven = (u.to(powers.dtype) @ torch.view_as_complex(self.B).T) * gain
        length = 2 * steps
        spectrum: Tensor = torch.fft.fft(driven, length, dim=1) * torch.fft.fft(powers, length, dim=0)
        z: Tensor = torch.fft.ifft(spectrum, dim=1)[:, :steps]
        y: Tensor = (z @ torch.view_as_complex(self.C).T).real + u @ self.D.T
        return y

    def extra_repr(self) -> str:
        return f"inputs={self.inputs}, outputs={self.outputs}, modes={self.modes}, initial={self.initial}"
