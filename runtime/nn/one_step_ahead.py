"""A chain with innovations while it learns: each step knows the error of the output before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.polynomial_state_space import PolynomialStateSpace
from sysidc.runtime.nn.state import run, states_of, step
from sysidc.runtime.nn.state_space import StateSpace
from sysidc.runtime.solvers.columns import Columns
from sysidc.runtime.solvers.linear_step import Linear
from sysidc.runtime.solvers.linearise import by_differentiation, differentiate


def has_innovations(stack: nn.Module) -> bool:
    """Whether a stack is a chain whose last layer, which gives the output, has innovations."""
    if not isinstance(stack, Chain):
        return False
    last = stack[len(stack) - 1]
    return isinstance(last, StateSpace | PolynomialStateSpace) and last.innovations


class OneStepAhead(nn.Module):
    """x[k+1] = f(x[k] + K e[k], u[k]),  y^[k] = g(x[k], u[k]),  e[k] = y[k] - y^[k] where y[k] was measured, else 0.

    A chain with innovations as a state-space model with the inputs (u, y, m) side by side, m being 1 where y was
    measured: (..., inputs + outputs + 1). States, parameters and start are those of the chain; with e = 0 throughout it
    is the chain. A start that is estimated counts as given: what it owes to the parameters is left out of derivatives.
    The error corrects the state, and the state equation bends what is corrected: where the states are measured with
    little noise this is the best prediction there is, whatever f; of a linear system it is the Kalman filter.
    Source: Anderson and Moore, Optimal Filtering (1979), ch. 8: the extended Kalman filter, with a constant gain.
    """

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        last = chain[len(chain) - 1]
        assert has_innovations(chain) and isinstance(last, StateSpace | PolynomialStateSpace), "it has innovations"
        self.chain = chain
        self.states, self.known = chain.states, chain.known
        self.initial = "zero" if chain.initial == "estimate" else chain.initial
        self._widths = [len(chain.input_channels), last.outputs, 1]

    def step(self, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """x (..., states), seen (..., inputs + outputs + 1) -> x[k+1] (..., states), y^[k] (..., outputs)."""
        u, y, measured = torch.split(seen, self._widths, dim=-1)
        *before, last = self.chain
        assert isinstance(last, StateSpace | PolynomialStateSpace) and last.K is not None
        after, first = [], 0
        for module in before:
            behind = first + states_of(module)
            moved, u = step(module, x[..., first:behind], u)
            after.append(moved)
            first = behind
        x = x[..., first:]
        predicted = last.output(x, u)
        after.append(last.step(x + measured * (y - predicted) @ last.K.T, u)[0])
        return torch.cat(after, dim=-1), predicted

    def differentiated(self, x: Tensor, seen: Tensor, G: Columns | None) -> tuple[Linear, Columns | None]:
        """As `differentiate`, for a chain of one layer by its derivatives at x and at x + K e, e = m (y - y^)."""
        *before, last = self.chain
        if before:
            return by_differentiation(self, x, seen, G)
        assert isinstance(last, StateSpace | PolynomialStateSpace) and last.K is not None
        u, y, m = torch.split(seen, self._widths, dim=-1)
        inner = None if G is None else G.of(last)
        here, H = differentiate(last, x, u, None if inner is None else inner.beside(x.shape[1]))
        missed = y - here.output
        there, _ = differentiate(last, x + m * missed @ last.K.T, u, inner)
        AK = there.A @ last.K
        mAK = m[..., None] * AK
        in_y, in_m = mAK, AK @ missed[..., None]
        linear = Linear(
            there.after,
            here.output,
            there.A - mAK @ here.C,
            torch.cat([there.B - mAK @ here.D, in_y, in_m], dim=-1),
            here.C,
            pad(here.D, (0, seen.shape[1] - u.shape[1])),
        )
        if G is None or inner is None or H is None:
            return linear, None
        inner.products(last.K, there.A, m * missed)
        inner.values.sub_(mAK @ H.values)
        outputs = G.beside(y.shape[1])
        outputs.of(last).values.copy_(H.values)
        return linear, outputs

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
