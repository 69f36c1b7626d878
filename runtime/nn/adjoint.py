"""A recurrence as one operation of autograd: states forward, adjoints backward, parameters in a few large products.

Of x[k+1] = f(x[k], u[k]) the states are found without autograd. Backward, lambda[k] = A[k]' lambda[k+1] + dx[k] with
A = df/dx; the gradients of inputs and parameters are those of all steps at once, lambda[k+1] being what comes back. The
outputs are one more batched step. The gradients are those of the loop, up to the order of summation; differentiating
them once more raises.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from sysidc.runtime.nn.correction import Correction
from sysidc.runtime.nn.linear_dynamics import LinearDynamics
from sysidc.runtime.nn.polynomial_state_space import PolynomialStateSpace
from sysidc.runtime.nn.state import StateLayer, run, states_of, step
from sysidc.runtime.nn.state_space import StateSpace
from sysidc.runtime.nn.wrappers import ResidualConnectionWrapper
from sysidc.runtime.solvers.linearise import ELEMENTWISE, linearise
from sysidc.runtime.solvers.scan import linear_scan

MANY_RECORDS = 128
"""From so many on a step is no longer cheap beside what surrounds it, and the loop is as fast."""
FEW_RECORDS = 16
"""Up to so many, general adjoints are found in pieces of the record side by side; with more of them step by step."""


def simulated(module: nn.Module, x: Tensor, u: Tensor) -> Tensor:
    """The outputs of `run`: (batch, time, outputs) from x (batch, states) over u (batch, time, inputs).

    A stack goes layer by layer, each over the whole record: what has no state then sees all steps at once.
    """
    if isinstance(module, nn.Sequential):
        first = 0
        for layer in module:
            last = first + states_of(layer)
            u = simulated(layer, x[:, first:last], u)
            first = last
        return u
    if isinstance(module, ResidualConnectionWrapper):
        return u + simulated(module.module, x, u)
    if not states_of(module):
        return step(module, x[:, None], u)[1]
    if isinstance(module, StateLayer) and _worth_it(module, x, u):
        return module.output(_states(module, x, u), u)
    return run(module, x, u)[1]


def _worth_it(module: StateLayer, x: Tensor, u: Tensor) -> bool:
    """A layer that is known, several steps, few records, and nobody who wants more of torch than a first derivative."""
    watched = (
        u.is_meta
        or torch.is_autocast_enabled(u.device.type)
        or torch.compiler.is_compiling()
        or torch._C._get_tracing_state() is not None
        or torch._C._are_functorch_transforms_active()
        or torch.autograd.forward_ad._current_level >= 0
    )
    one_dtype = all(value.dtype == u.dtype for value in (x, *module.parameters()))
    return u.shape[1] > 1 and 0 < len(u) < MANY_RECORDS and one_dtype and not watched and _is_known(module)


def _is_known(module: nn.Module) -> bool:
    """Whether a layer does the same at every call and is linearised without autograd."""
    if isinstance(module, Correction):
        parts = module.module if isinstance(module.module, nn.Sequential) else [module.module]
        return all(_is_known(part) or isinstance(part, (*ELEMENTWISE, nn.Linear)) for part in parts)
    if isinstance(module, StateSpace):
        return not module.innovations
    return isinstance(module, LinearDynamics | PolynomialStateSpace)


def _states(module: StateLayer, x: Tensor, u: Tensor) -> Tensor:
    """Before every step, (batch, time, states)."""
    if isinstance(module, LinearDynamics):
        states: Tensor = _Stacked.apply(x, u @ module.B.T, module.A, None)  # type: ignore[no-untyped-call]
        return states
    layers = [] if not isinstance(module, StateSpace) or module.f is None else list(module.f)
    if isinstance(module, StateSpace) and len(layers) == 3 and type(layers[1]) is nn.Tanh:
        return _with_tanh(module, x, u, layers[0], layers[2])
    states = _Steps.apply(module, x, u, *module.parameters())  # type: ignore[no-untyped-call]
    return states


def _with_tanh(module: StateSpace, x: Tensor, u: Tensor, hidden: nn.Module, last: nn.Module) -> Tensor:
    """The terms of the inputs are made for all steps at once, those of the state by one product for A and f."""
    assert isinstance(hidden, nn.Linear) and isinstance(last, nn.Linear)
    shown = module.states - module.integrators
    M = torch.cat([module.A, pad(hidden.weight[:, :shown], (module.integrators, 0))])
    in_input = torch.cat([module.B, hidden.weight[:, shown:]])
    forced = u @ in_input.T + torch.cat([module.b_x, hidden.bias])
    states: Tensor = _Stacked.apply(x, forced, M, last.weight)  # type: ignore[no-untyped-call]
    return states


class _Stacked(torch.autograd.Function):
    """x[k+1] = a + V tanh(b) with (a, b) = M x[k] + forced[k]; without V, x[k+1] = M x[k] + forced[k].

    x (batch, n), forced (batch, time, n + hidden), M (n + hidden, n), V (n, hidden) -> x[k] (batch, time, n).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, forced: Tensor, M: Tensor, V: Tensor | None) -> Tensor:
        n, states, bent = M.shape[1], [x], []
        by_time = forced.transpose(0, 1).contiguous()
        for now in by_time.unbind(0):
            x = torch.addmm(now, x, M.T)
            if V is not None:
                bent.append(x[:, n:].tanh())
                x = torch.addmm(x[:, :n], bent[-1], V.T)
            states.append(x)
        before = torch.stack(states[:-1])
        ctx.save_for_backward(before, M, V, torch.stack(bent) if V is not None else None)
        return before.transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        before, M, V, bent = ctx.saved_tensors
        n = M.shape[1]
        A, W = M[:n], M[n:]
        changes = grad_outputs[0].transpose(0, 1).contiguous().unbind(0)
        slopes = [None] * len(changes) if V is None else (1 - bent.square()).unbind(0)
        later = torch.zeros_like(changes[0])
        adjoints, hidden = [], []
        for change, slope in zip(reversed(changes), reversed(slopes), strict=True):
            adjoints.append(later)
            earlier = torch.addmm(change, later, A)
            if V is not None:
                hidden.append((later @ V).mul_(slope))
                earlier.addmm_(hidden[-1], W)
            later = earlier
        behind = torch.stack(adjoints[::-1])
        owed = behind if V is None else torch.cat([behind, torch.stack(hidden[::-1])], dim=2)
        in_M = owed.flatten(0, 1).T @ before.flatten(0, 1)
        in_V = None if V is None else behind.flatten(0, 1).T @ bent.flatten(0, 1)
        return later, owed.transpose(0, 1), in_M, in_V


class _Steps(torch.autograd.Function):
    """The states (batch, time, n) before every step of any layer; its parameters come in for their gradients."""

    @staticmethod
    def forward(ctx: Any, module: StateLayer, x: Tensor, u: Tensor, *parameters: Tensor) -> Tensor:
        before = run(module, x, u)[0][:, :-1]
        # kept so that torch refuses a backward pass after a weight was changed in place
        ctx.save_for_backward(before, u, *parameters)
        ctx.module = module
        return before

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        before, u, *parameters = ctx.saved_tensors
        adjoint = _adjoints(ctx.module, before, u, grad_outputs[0])
        _, in_start, in_u, *wanted = ctx.needs_input_grad
        with torch.enable_grad():
            u = u.detach().requires_grad_(in_u)
            sought = [value for value, yes in zip([u, *parameters], [in_u, *wanted], strict=True) if yes]
            after, _ = ctx.module.step(before.detach(), u)
        found = iter(torch.autograd.grad(after, sought, adjoint[:, 1:], allow_unused=True) if sought else ())
        gradients = [next(found) if yes else None for yes in (in_u, *wanted)]
        return None, adjoint[:, 0] if in_start else None, *gradients


def _adjoints(module: nn.Module, before: Tensor, u: Tensor, change: Tensor) -> Tensor:
    """lambda (batch, time + 1, n), 0 behind the last step, of dx `change` (batch, time, n)."""
    batch, time, n = before.shape
    A = linearise(module, before.flatten(0, 1), u.flatten(0, 1)).A.expand(batch * time, n, n).view(batch, time, n, n)
    later = change.new_zeros(batch, n, 1)
    if batch <= FEW_RECORDS:
        return linear_scan(A.mT.flip(1), change[..., None].flip(1), later)[..., 0].flip(1)
    adjoint = [later]
    for k in range(time - 1, -1, -1):
        adjoint.append(torch.baddbmm(change[:, k, :, None], A[:, k].mT, adjoint[-1]))
    return torch.stack(adjoint[::-1], dim=1)[..., 0]
