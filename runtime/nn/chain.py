"""A stack of per-step layers and layers with state, run as one state-space model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.adjoint import simulated
from sysidc.runtime.nn.state import state_layers, states_of, step
from sysidc.runtime.solvers.newton import simulate
from sysidc.runtime.solvers.start import estimate_start

LONG = 128
"""Steps from which on a record without gradients is simulated at once."""
CLOUD = 4
"""States seen in training that the search for a start begins with."""
ENCODER_WIDTH = 16
AT_REST = ("zero", "washout")
"""Starts that read nothing."""


class Chain(nn.Sequential):
    """x[k+1] = f(x[k], u[k]),  y[k] = g(x[k], u[k]), x being the states of all layers side by side.

    The input (batch, time, channels) holds u in `input_channels` and, in the first `known` steps, the measured outputs
    in `known_channels`; returns (batch, time, outputs), the start of the states having been found from the known steps.

    `initial` tells how: "zero" takes the layers' state of rest; "washout" does too, and a training leaves the first
    steps out of its error; "encoder" is a network of the known steps; "estimate" the most probable state given the
    known steps, with `state_mean` and `state_covariance` of the states seen in training as prior and `noise` as
    variance of the outputs. Where the chain's start is one of the last two, a layer whose own `initial` is "zero" or
    "washout" stays at rest. No gradient passes through an estimate.
    """

    state_mean: Tensor
    state_covariance: Tensor
    state_cloud: Tensor
    noise: Tensor

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        input_channels: Sequence[int],
        known_channels: Sequence[int] = (),
        known: int = 0,
        initial: str = "zero",
    ) -> None:
        super().__init__(OrderedDict(modules))
        self.input_channels, self.known_channels = tuple(input_channels), tuple(known_channels)
        self.known, self.initial = known, initial
        self.layers = tuple(layer for module in modules.values() for layer in state_layers(module))
        self.states = sum(layer.states for layer in self.layers)
        rest = self.rest().detach()
        self.register_buffer("state_mean", rest.clone())
        self.register_buffer("state_covariance", torch.diag(self.free.to(rest)))
        self.register_buffer("state_cloud", rest.expand(CLOUD, -1).clone())
        self.register_buffer("noise", torch.full((), 1e-4))
        if initial == "encoder":
            self._add_encoder(known * (len(self.input_channels) + len(self.known_channels)))

    def _add_encoder(self, seen: int) -> None:
        """Its tensors are the chain's own: a child module would be one more layer of the sequence."""
        self.encoder_line = nn.Parameter(torch.zeros(self.states, seen))
        self.encoder_in = nn.Parameter(torch.randn(ENCODER_WIDTH, seen) / max(1, seen) ** 0.5)
        self.encoder_bias = nn.Parameter(torch.zeros(ENCODER_WIDTH))
        self.encoder_out = nn.Parameter(torch.zeros(self.states, ENCODER_WIDTH))

    @property
    def free(self) -> Tensor:
        """Which states a start may move, (states): not those of layers at rest in a chain that starts otherwise."""
        layers = [part for layer in self.layers for part in getattr(layer, "inner_layers", [layer])]
        moves = [self.initial in AT_REST or layer.initial not in AT_REST for layer in layers]
        return torch.cat([torch.full((layer.states,), move) for layer, move in zip(layers, moves, strict=True)])

    def rest(self) -> Tensor:
        """The state where nothing is known of a record, (states)."""
        return torch.cat([layer.rest() for layer in self.layers])

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """x (..., states), u (..., inputs) -> x[k+1] (..., states), y[k] (..., outputs)."""
        after, first = [], 0
        for module in self:
            last = first + states_of(module)
            moved, u = step(module, x[..., first:last], u)
            after.append(moved)
            first = last
        return torch.cat(after, dim=-1), u

    def parted(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs (batch, time, inputs) and the known outputs (batch, known, outputs) of the stack's input."""
        return x[..., list(self.input_channels)], x[:, : self.known, list(self.known_channels)]

    def start(self, u: Tensor, y: Tensor, near: Tensor | None = None) -> Tensor:
        """The state before the first step, (batch, states), from inputs (batch, time, inputs) and known outputs.

        `near` (batch, states) is where an estimate may begin, as the start that was found for a neighbouring model.
        """
        if self.initial == "encoder":
            seen = torch.cat([u[:, : self.known], y], dim=2).flatten(1)
            bent = (seen @ self.encoder_in.T + self.encoder_bias).tanh() @ self.encoder_out.T
            return self.rest() + (seen @ self.encoder_line.T + bent) * self.free.to(seen)
        if self.initial == "estimate":
            prior = (self.state_mean, self.state_covariance, self.noise, self.state_cloud)
            return estimate_start(self, u[:, : self.known], y, *prior, near)
        return self.rest().expand(len(u), -1)

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        u, y = self.parted(x)
        return self.simulate(u, self.start(u, y))

    def simulate(self, u: Tensor, first: Tensor) -> Tensor:
        """Outputs (batch, time, outputs) over u (batch, time, inputs) from the state `first` (batch, states)."""
        if torch.is_grad_enabled() or u.shape[1] < LONG:
            return simulated(self, first, u)
        return simulate(self, first, u)[1]

    def remember(self, states: Tensor, noise: float) -> None:
        """Take the prior of an estimate from states (..., states) seen in training and their error's variance."""
        with torch.no_grad():
            seen = torch.where(self.free.to(states.device), states.reshape(-1, self.states), self.rest())
            self.state_mean.copy_(seen.mean(dim=0))
            gap = (seen - self.state_mean) * self.free.to(seen)
            self.state_covariance.copy_(gap.T @ gap / len(seen))
            self.state_cloud.copy_(seen[torch.linspace(0, len(seen) - 1, CLOUD).long()])
            self.noise.fill_(max(noise, 1e-10))
