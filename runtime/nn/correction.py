"""A small network on top of a model with state, for what the model misses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.state import StateLayer, state_layers, states_of, step
from sysidc.runtime.nn.state_space import zero_network


class Correction(StateLayer):
    """x[k+1] = f(x[k], u[k]) + s n_x(x~, u~),  y[k] = g(x[k], u[k]) + n_y(x~, u~).

    f and g are those of `module`, n a tanh network of the standardised states x~ and inputs u~ that starts at zero, s
    the standard deviation of the states. `standardise` sets mean and standard deviation; until then they are 0 and 1.
    `penalty` is the weight of the squared distance of the network's parameters from where a training started.
    """

    state_mean: Tensor
    state_scale: Tensor
    input_mean: Tensor
    input_scale: Tensor

    def __init__(
        self,
        module: nn.Module,
        inputs: int,
        outputs: int,
        states: int,
        hidden: Sequence[int] = (8,),
        penalty: float = 0.1,
    ) -> None:
        super().__init__()
        if states != states_of(module):
            raise ValueError(f"the module has {states_of(module)} states, not {states}")
        self.module = module
        self.states, self.penalty = states, penalty
        self.initial = self.inner_layers[0].initial
        self.network = zero_network(states + inputs, hidden, states + outputs)
        for name, size in (("state", states), ("input", inputs)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))

    @property
    def inner_layers(self) -> list[StateLayer]:
        """The layers with state that are corrected."""
        return list(state_layers(self.module))

    def rest(self) -> Tensor:
        return torch.cat([layer.rest() for layer in self.inner_layers])

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        after, y = step(self.module, x, u)
        standard = [(x - self.state_mean) / self.state_scale, (u - self.input_mean) / self.input_scale]
        missed = self.network(torch.cat(standard, dim=-1))
        return after + self.state_scale * missed[..., : self.states], y + missed[..., self.states :]

    def standardise(self, x: Tensor, u: Tensor) -> None:
        """Take mean and standard deviation from states (..., states) and inputs (..., inputs) that were seen."""
        with torch.no_grad():
            for name, values in (("state", x), ("input", u)):
                flat = values.reshape(-1, values.shape[-1])
                spread = flat.std(dim=0, correction=0)
                getattr(self, f"{name}_mean").copy_(flat.mean(dim=0))
                getattr(self, f"{name}_scale").copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))
