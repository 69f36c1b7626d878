"""The linear model of one step around many samples at once: A, B, C and D put together layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import jacrev, vjp, vmap

from sysidc.runtime.nn.correction import Correction
from sysidc.runtime.nn.curve import Curve
from sysidc.runtime.nn.linear_dynamics import LinearDynamics
from sysidc.runtime.nn.pointwise import BoundedLinearUnit, Clip, Scale
from sysidc.runtime.nn.state import states_of, step
from sysidc.runtime.nn.state_space import StateSpace
from sysidc.runtime.nn.wrappers import CastWrapper, ResidualConnectionWrapper

ELEMENTWISE = (
    Curve,
    Clip,
    Scale,
    BoundedLinearUnit,
    nn.Tanh,
    nn.ReLU,
    nn.GELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Softplus,
    nn.ELU,
)


class Linear(NamedTuple):
    """x[k+1] = after + A dx + B du,  y = output + C dx + D du at N samples.

    after (N, n), output (N, p), A (N, n, n), B (N, n, m), C (N, p, n), D (N, p, m); a matrix that is the same for all
    samples may lack its first axis.
    """

    after: Tensor
    output: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor


def linearise(module: nn.Module, x: Tensor, u: Tensor) -> Linear:
    """Of any module made of per-step layers and layers with state, at x (N, n) and u (N, m)."""
    if isinstance(module, LinearDynamics):
        return Linear(*module.step(x, u), module.A, module.B, module.C, module.D)
    if isinstance(module, StateSpace) and not module.innovations:
        return _state_space(module, x, u)
    if isinstance(module, Correction):
        return _corrected(module, x, u)
    if isinstance(module, nn.Sequential):
        return _joined(module, x, u)
    if isinstance(module, ResidualConnectionWrapper):
        inner = linearise(module.module, x, u)
        identity = torch.eye(u.shape[1]).to(u)
        return inner._replace(output=u + inner.output, D=inner.D + identity)
    if isinstance(module, CastWrapper):
        return linearise(module.module, x, u)
    if isinstance(module, nn.Linear):
        return _static(x, module(u), module.weight)
    if isinstance(module, ELEMENTWISE):
        y, slope = with_slope(module, u)
        return _static(x, y, torch.diag_embed(slope))
    return by_differentiation(module, x, u)


def with_slope(function: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """An elementwise function and its derivative."""
    if isinstance(function, Curve):
        return function.with_slope(z)
    if isinstance(function, nn.Tanh):
        value = z.tanh()
        return value, 1 - value.square()
    value, back, *_ = vjp(function, z)
    return value, back(torch.ones_like(value))[0]


def network_slope(network: nn.Sequential, z: Tensor) -> tuple[Tensor, Tensor]:
    """A network of linear layers and elementwise functions: values (N, out) and Jacobian (N, out, in) or (out, in)."""
    passed: list[Tensor] = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            z = layer(z)
            passed.append(layer.weight)
        else:
            z, slope = with_slope(layer, z)
            passed.append(slope[:, None])
    J = passed[-1]
    for factor in reversed(passed[:-1]):  # from the few outputs back, so that every product is one of two matrices
        J = J * factor if factor.ndim == 3 else J @ factor
    return z, J


def times(M: Tensor, S: Tensor) -> Tensor:
    """M S for M (N, p, q) or (p, q) and S (N, q, r), without copies of a matrix that is the same for all samples."""
    return M @ S if M.ndim == 3 else (S.mT @ M.mT).mT


def by_differentiation(module: nn.Module, x: Tensor, u: Tensor) -> Linear:
    """By reverse differentiation of every sample by itself, one pass for each state and output."""
    n = x.shape[1]

    def both(state: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        result = torch.cat(step(module, state, now), dim=-1)
        return result, result

    (in_state, in_input), values = vmap(jacrev(both, argnums=(0, 1), has_aux=True))(x, u)
    after, output = values.split([n, values.shape[1] - n], dim=1)
    return Linear(after, output, in_state[:, :n], in_input[:, :n], in_state[:, n:], in_input[:, n:])


def _static(x: Tensor, y: Tensor, D: Tensor) -> Linear:
    p, m = D.shape[-2:]
    return Linear(x, y, x.new_zeros(0, 0), x.new_zeros(0, m), x.new_zeros(p, 0), D)


def _state_space(module: StateSpace, x: Tensor, u: Tensor) -> Linear:
    after, output = module.step(x, u)
    matrices: tuple[Tensor, ...] = (module.A, module.B, module.C, module.D)
    A, B, C, D = matrices
    n, both = module.states, torch.cat([x, u], dim=-1)
    if module.f is not None:
        _, J = network_slope(module.f, both)
        A, B = A + J[..., :n], B + J[..., n:]
    if module.h is not None:
        _, J = network_slope(module.h, both)
        C, D = C + J[..., :n], D + J[..., n:]
    return Linear(after, output, A, B, C, D)


def _corrected(module: Correction, x: Tensor, u: Tensor) -> Linear:
    inner = linearise(module.module, x, u)
    n = module.states
    standard = [(x - module.state_mean) / module.state_scale, (u - module.input_mean) / module.input_scale]
    missed, J = network_slope(module.network, torch.cat(standard, dim=-1))
    J = J / torch.cat([module.state_scale, module.input_scale])
    moved = module.state_scale[:, None] * J[..., :n, :]
    return Linear(
        inner.after + module.state_scale * missed[:, :n],
        inner.output + missed[:, n:],
        inner.A + moved[..., :n],
        inner.B + moved[..., n:],
        inner.C + J[..., n:, :n],
        inner.D + J[..., n:, n:],
    )


def _joined(modules: nn.Sequential, x: Tensor, u: Tensor) -> Linear:
    """The chain rule along the stack: S and T are the derivatives of what flows between two layers in x and u."""
    N, m = u.shape
    n = x.shape[1]
    S, T = u.new_zeros(N, m, n), torch.eye(m).to(u).expand(N, m, m)
    after, rows_A, rows_B, first = [], [], [], 0
    for module in modules:
        last = first + states_of(module)
        if isinstance(module, ELEMENTWISE):
            u, slope = with_slope(module, u)
            S, T = slope[..., None] * S, slope[..., None] * T
            continue
        own = linearise(module, x[:, first:last], u)
        if last > first:
            after.append(own.after)
            rows_A.append(_with(times(own.B, S), own.A, first, last))
            rows_B.append(times(own.B, T))
        S, T = _with(times(own.D, S), own.C, first, last), times(own.D, T)
        u, first = own.output, last
    empty = x[:, :0]
    return Linear(
        torch.cat([empty, *after], dim=1),
        u,
        torch.cat(rows_A, dim=1) if rows_A else x.new_zeros(N, 0, n),
        torch.cat(rows_B, dim=1) if rows_B else x.new_zeros(N, 0, m),
        S,
        T,
    )


def _with(S: Tensor, own: Tensor, first: int, last: int) -> Tensor:
    """S (N, q, n) and, in its columns `first` to `last`, what depends on these states directly."""
    return S + torch.nn.functional.pad(own, (first, S.shape[2] - last))
