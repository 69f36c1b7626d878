"""What every layer with state offers: a step, its states, where a record starts; how modules around it pass it on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.wrappers import CastWrapper, ResidualConnectionWrapper


class StateLayer(nn.Module):
    """x[k+1] = f(x[k], u[k]),  y[k] = g(x[k], u[k]).

    u (batch, time, inputs) -> y (batch, time, outputs), in the dtype of the parameters. Subclasses set `states` and
    define `step`, a pure function of tensors with any leading axes that writes nothing in place. `initial` tells how a
    chain finds the state at the start of a record: zero, washout, encoder or estimate. Called by itself, the layer
    starts at `rest()`.
    """

    states: int
    initial: str = "zero"

    def step(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """x (..., states), u (..., inputs) -> x[k+1] (..., states), y[k] (..., outputs)."""
        raise NotImplementedError

    def output(self, x: Tensor, u: Tensor) -> Tensor:
        """y[k] (..., outputs) of `step`."""
        return self.step(x, u)[1]

    def rest(self) -> Tensor:
        """The state where nothing is known of a record, (states)."""
        first = next(self.parameters())
        return first.new_zeros(self.states)

    def forward(self, u: Tensor) -> Tensor:
        from sysidc.runtime.nn.adjoint import simulated

        return simulated(self, self.rest().expand(len(u), -1), u)


def states_of(module: nn.Module) -> int:
    """How many states a module has, those of the modules inside it included."""
    return sum(layer.states for layer in state_layers(module))


def state_layers(module: nn.Module) -> Iterator[StateLayer]:
    """The layers with state in the order of their states, each told once: what a layer is made of is its own affair."""
    if isinstance(module, StateLayer):
        yield module
        return
    for child in module.children():
        yield from state_layers(child)


def step(module: nn.Module, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """One step of any module made of per-step layers and layers with state: x[k+1] and y[k], as in `StateLayer`."""
    if hasattr(module, "step"):  # a layer with state, or a chain of them
        after, y = module.step(x, u)  # type: ignore[operator]
        return after, y
    if isinstance(module, nn.Sequential):
        return _one_after_another(module, x, u)
    if isinstance(module, ResidualConnectionWrapper):
        after, y = step(module.module, x, u)
        return after, u + y
    if isinstance(module, CastWrapper):
        after, y = step(module.module, x, u.to(module.in_dtype).to(x.dtype))
        return after, y.to(module.out_dtype)
    if isinstance(module, nn.PReLU):  # torch's takes the axis after the first for channels, which vmap moves
        return x, torch.where(u > 0, u, module.weight * u)
    y = module(u)
    return x, y


def _one_after_another(modules: nn.Sequential, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    after, first = [], 0
    for module in modules:
        last = first + states_of(module)
        moved, u = step(module, x[..., first:last], u)
        after.append(moved)
        first = last
    return torch.cat(after, dim=-1), u


def run(module: nn.Module, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """From x (batch, states) over u (batch, time, inputs): the states before every step and after the last,
    (batch, time + 1, states), and the outputs (batch, time, outputs)."""
    states, outputs = [x], []
    for now in u.unbind(1):
        x, y = step(module, x, now)
        states.append(x)
        outputs.append(y)
    if not outputs:
        return torch.stack(states, dim=1), u
    return torch.stack(states, dim=1), torch.stack(outputs, dim=1)
