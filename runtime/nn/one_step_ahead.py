"""A chain with innovations while it learns: each step knows the error of the output before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.state import run, states_of, step
from sysidc.runtime.nn.state_space import StateSpace


def has_innovations(stack: nn.Module) -> bool:
    """Whether a stack is a chain whose last layer, which gives the output, has innovations."""
    if not isinstance(stack, Chain):
        return False
    last = stack[len(stack) - 1]
    return isinstance(last, StateSpace) and last.innovations


class OneStepAhead(nn.Module):
    """x[k+1] = f(x[k], u[k], e[k]),  y^[k] = g(x[k], u[k]),  e[k] = y[k] - y^[k] where y[k] was measured, else 0.

    A chain with innovations as a state-space model with the inputs (u, y, m) side by side, m being 1 where y was
    measured: (..., inputs + outputs + 1). States, parameters and start are those of the chain; with e = 0 throughout it
    is the chain. A start that is estimated counts as given: what it owes to the parameters is left out of derivatives.
    """

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        last = chain[len(chain) - 1]
        assert isinstance(last, StateSpace) and last.innovations, "the chain has innovations"
        self.chain = chain
        self.states, self.known = chain.states, chain.known
        self.initial = "zero" if chain.initial == "estimate" else chain.initial
        self._widths = [len(chain.input_channels), last.outputs, 1]

    def step(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """x (..., states), seen (..., inputs + outputs + 1) -> x[k+1] (..., states), y^[k] (..., outputs)."""
        u, y, measured = torch.split(seen, self._widths, dim=-1)
        *before, last = self.chain
        assert isinstance(last, StateSpace)
        after, first = [], 0
        for module in before:
            behind = first + states_of(module)
            moved, u = step(module, x[..., first:behind], u)
            after.append(moved)
            first = behind
        predicted = last.output(x[..., first:], u)
        after.append(last.next(x[..., first:], u, measured * (y - predicted)))
        return torch.cat(after, dim=-1), predicted

    def start(self, seen: Tensor, known: Tensor, near: Tensor | None = None) -> Tensor:
        """As `Chain.start`, which sees the inputs alone."""
        return self.chain.start(seen[..., : self._widths[0]], known, near)

    def seen(self, u: Tensor, known: Tensor, y: Tensor) -> Tensor:
        """(batch, time, inputs + outputs + 1) of u (batch, time, inputs), the known outputs (batch, known, p) of the
        first steps and those of the last, y (batch, M, p)."""
        batch, steps, p = len(y), u.shape[1], y.shape[2]
        first = known if known.shape[2] else y.new_zeros(batch, 0, p)
        between = y.new_zeros(batch, steps - first.shape[1] - y.shape[1], p)
        values = torch.cat([first, between, y], dim=1)
        measured = torch.cat([torch.ones_like(first), between, torch.ones_like(y)], dim=1)[..., :1]
        return torch.cat([u, values, measured], dim=2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """y^ (batch, M, p) of the last steps, of the stack's input x (batch, time, channels) and y (batch, M, p)."""
        u, known = self.chain.parted(x)
        seen = self.seen(u, known, y)
        return run(self, self.start(seen, known), seen)[1][:, -y.shape[1] :]
