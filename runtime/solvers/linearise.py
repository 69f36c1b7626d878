"""The linear model of one step around many samples at once, layer by layer, and its derivatives in the parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap
from torch.nn.functional import pad

from sysidc.runtime.nn.correction import Correction
from sysidc.runtime.nn.curve import Curve, Polynomial, Spline
from sysidc.runtime.nn.linear_dynamics import LinearDynamics
from sysidc.runtime.nn.lru import LRU
from sysidc.runtime.nn.pointwise import BoundedLinearUnit, Clip, Scale
from sysidc.runtime.nn.polynomial_state_space import PolynomialStateSpace
from sysidc.runtime.nn.recurrent import Recurrent
from sysidc.runtime.nn.state import states_of, step
from sysidc.runtime.nn.state_space import StateSpace
from sysidc.runtime.nn.wrappers import CastWrapper, ResidualConnectionWrapper
from sysidc.runtime.solvers.columns import Columns
from sysidc.runtime.solvers.linear_step import Linear
from sysidc.runtime.solvers.lru_step import lru_step
from sysidc.runtime.solvers.network_slope import network_columns, network_slope, times, with_slope
from sysidc.runtime.solvers.recurrent_step import recurrent_step

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


def linearise(module: nn.Module, x: Tensor, u: Tensor) -> Linear:
    """Of any module made of per-step layers and layers with state, at x (N, n) and u (N, m)."""
    return differentiate(module, x, u, None)[0]


def differentiate(module: nn.Module, x: Tensor, u: Tensor, G: Columns | None) -> tuple[Linear, Columns | None]:
    """The linear model; with G, which takes dx[k+1]/dtheta (N, n, columns), also dy/dtheta (N, p, columns)."""
    if hasattr(module, "differentiated"):  # it knows its own derivatives
        own: tuple[Linear, Columns | None] = module.differentiated(x, u, G)  # type: ignore[operator]
        return own
    if isinstance(module, LinearDynamics):
        linear = Linear(*module.step(x, u), module.A, module.B, module.C, module.D)
        return linear, _linear_columns(module, linear, x, u, G)
    if isinstance(module, PolynomialStateSpace):
        return _polynomial(module, x, u, G)
    if isinstance(module, StateSpace):
        return _state_space(module, x, u, G)
    if isinstance(module, Recurrent) and module.cell.num_layers == 1:
        return recurrent_step(module, x, u, G)
    if isinstance(module, LRU):
        return lru_step(module, x, u, G)
    if isinstance(module, Correction):
        return _corrected(module, x, u, G)
    if isinstance(module, nn.Sequential):
        return _joined(module, x, u, G)
    if isinstance(module, ResidualConnectionWrapper):
        inner, H = differentiate(module.module, x, u, G)
        identity = torch.eye(u.shape[1]).to(u)
        return inner._replace(output=u + inner.output, D=inner.D + identity), H
    if isinstance(module, CastWrapper):
        return differentiate(module.module, x, u, G)
    if isinstance(module, nn.Linear):
        return _affine(module, x, u, G)
    if isinstance(module, ELEMENTWISE):
        y, slope = with_slope(module, u)
        return _static(x, y, torch.diag_embed(slope)), _elementwise_columns(module, u, G)
    return by_differentiation(module, x, u, G)


def by_differentiation(
    module: nn.Module, x: Tensor, u: Tensor, G: Columns | None = None
) -> tuple[Linear, Columns | None]:
    """As `differentiate`, by reverse differentiation of every sample by itself, one pass for each state and output."""
    n = x.shape[1]
    learned = {} if G is None else G.learned.of(module)
    named = {f"module.{name}": value.detach() for name, value in learned.items()}

    def both(values: dict[str, Tensor], state: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        result = functional_call(_Step(module), values, (state, now))
        return result, result

    jacobians = vmap(jacrev(both, argnums=(0, 1, 2), has_aux=True), in_dims=(None, 0, 0))
    (slopes, in_state, in_input), values = jacobians(named, x, u)
    after, output = values[:, :n], values[:, n:]
    linear = Linear(after, output, in_state[:, :n], in_input[:, :n], in_state[:, n:], in_input[:, n:])
    if G is None:
        return linear, None
    H = G.beside(output.shape[1])
    for name, parameter in learned.items():
        G.fill(parameter, slopes[f"module.{name}"][:, :n])
        H.fill(parameter, slopes[f"module.{name}"][:, n:])
    return linear, H


class _Step(nn.Module):
    """A module whose forward is its step, as functional_call wants it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.cat(step(self.module, x, u), dim=-1)


def _static(x: Tensor, y: Tensor, D: Tensor) -> Linear:
    p, m = D.shape[-2:]
    return Linear(x, y, x.new_zeros(0, 0), x.new_zeros(0, m), x.new_zeros(p, 0), D)


def _affine(module: nn.Linear, x: Tensor, u: Tensor, G: Columns | None) -> tuple[Linear, Columns | None]:
    linear = _static(x, module(u), module.weight)
    if G is None:
        return linear, None
    H = G.beside(module.out_features)
    H.each_row(module.weight, u)
    H.each_row(module.bias, torch.ones_like(u[:, :1]))
    return linear, H


def _elementwise_columns(module: nn.Module, u: Tensor, G: Columns | None) -> Columns | None:
    if G is None:
        return None
    curve = module.curve if isinstance(module, Curve) else None
    if curve is not None and not isinstance(curve, Spline | Polynomial):
        return by_differentiation(module, u[:, :0], u, G)[1]
    H = G.beside(u.shape[1])
    if curve is not None:
        H.each_row(curve.c, curve.basis(u))
    return H


def _linear_columns(
    module: LinearDynamics | StateSpace | PolynomialStateSpace, linear: Linear, x: Tensor, u: Tensor, G: Columns | None
) -> Columns | None:
    """Of A, B, C and D, and of b_x and b_y where there are any."""
    if G is None:
        return None
    H = G.beside(linear.output.shape[1])
    G.each_row(module.A, x)
    G.each_row(module.B, u)
    H.each_row(module.C, x)
    H.each_row(module.D, u)
    if not isinstance(module, LinearDynamics):
        one = torch.ones_like(x[:, :1])
        G.each_row(module.b_x, one)
        H.each_row(module.b_y, one)
    return H


def _polynomial(module: PolynomialStateSpace, x: Tensor, u: Tensor, G: Columns | None) -> tuple[Linear, Columns | None]:
    n, (monomials, slopes) = module.states, module.monomial_slopes(x, u)
    after = x @ module.A.T + u @ module.B.T + module.b_x + monomials @ module.E.T
    output = x @ module.C.T + u @ module.D.T + module.b_y
    bent = times(module.E, slopes)
    linear = Linear(after, output, module.A + bent[..., :n], module.B + bent[..., n:], module.C, module.D)
    if G is not None:
        G.each_row(module.E, monomials)
    return linear, _linear_columns(module, linear, x, u, G)


def _state_space(module: StateSpace, x: Tensor, u: Tensor, G: Columns | None) -> tuple[Linear, Columns | None]:
    n, hidden = module.states, module.integrators
    seen = torch.cat([x[:, hidden:], u], dim=-1)
    after, output = x @ module.A.T + u @ module.B.T + module.b_x, x @ module.C.T + u @ module.D.T + module.b_y
    linear = Linear(after, output, module.A, module.B, module.C, module.D)
    H = _linear_columns(module, linear, x, u, G)
    if module.f is not None:
        values, J, passed = network_slope(module.f, seen)
        J = pad(J, (hidden, 0))
        linear = linear._replace(after=after + values, A=module.A + J[..., :n], B=module.B + J[..., n:])
        network_columns(passed, G)
    if module.h is not None:
        values, J, passed = network_slope(module.h, seen)
        J = pad(J, (hidden, 0))
        linear = linear._replace(output=output + values, C=module.C + J[..., :n], D=module.D + J[..., n:])
        network_columns(passed, H)
    return linear, H


def _corrected(module: Correction, x: Tensor, u: Tensor, G: Columns | None) -> tuple[Linear, Columns | None]:
    n = module.states
    inner, inner_H = differentiate(module.module, x, u, None if G is None else G.of(module.module, 0, n))
    standard = [(x - module.state_mean) / module.state_scale, (u - module.input_mean) / module.input_scale]
    missed, J, passed = network_slope(module.network, torch.cat(standard, dim=-1))
    J = J / torch.cat([module.state_scale, module.input_scale])
    moved = module.state_scale[:, None] * J[..., :n, :]
    linear = Linear(
        inner.after + module.state_scale * missed[:, :n],
        inner.output + missed[:, n:],
        inner.A + moved[..., :n],
        inner.B + moved[..., n:],
        inner.C + J[..., n:, :n],
        inner.D + J[..., n:, n:],
    )
    if G is None or inner_H is None:
        return linear, None
    H = G.beside(inner.output.shape[1])
    H.of(module.module).values.copy_(inner_H.values)
    network_columns(passed, H, n)
    network_columns(passed, G, 0, module.state_scale)
    return linear, H


def _joined(modules: nn.Sequential, x: Tensor, u: Tensor, G: Columns | None) -> tuple[Linear, Columns | None]:
    """The chain rule along the stack: S, T and P are the derivatives of what flows between two layers in x, in u and
    in the parameters of the layers so far."""
    N, m = u.shape
    n = x.shape[1]
    S, T, P = u.new_zeros(N, m, n), torch.eye(m).to(u).expand(N, m, m), u.new_zeros(N, m, 0)
    after, rows_A, rows_B, first = [], [], [], 0
    for module in modules:
        last = first + states_of(module)
        inner = None if G is None else G.of(module, first, last)
        if isinstance(module, ELEMENTWISE):
            H = _elementwise_columns(module, u, inner)
            u, slope = with_slope(module, u)
            S, T, P = (slope[..., None] * M for M in (S, T, P))
        else:
            own, H = differentiate(module, x[:, first:last], u, inner)
            if last > first:
                after.append(own.after)
                rows_A.append(_with(times(own.B, S), own.A, first, last))
                rows_B.append(times(own.B, T))
                if G is not None:
                    G.values[:, first:last, : P.shape[2]] = times(own.B, P)
            S, T, P = _with(times(own.D, S), own.C, first, last), times(own.D, T), times(own.D, P)
            u, first = own.output, last
        if G is not None and H is not None and H.values.shape[2]:
            P = torch.cat([pad(P, (0, H.first - G.first - P.shape[2])), H.values], dim=2)
    empty = x[:, :0]
    A = torch.cat(rows_A, dim=1) if rows_A else x.new_zeros(N, 0, n)
    B = torch.cat(rows_B, dim=1) if rows_B else x.new_zeros(N, 0, m)
    linear = Linear(torch.cat([empty, *after], dim=1), u, A, B, S, T)
    if G is None:
        return linear, None
    return linear, Columns(G.learned, pad(P, (0, G.values.shape[2] - P.shape[2])), G.first)


def _with(S: Tensor, own: Tensor, first: int, last: int) -> Tensor:
    """S (N, q, n) and, in its columns `first` to `last`, what depends on these states directly."""
    return S + pad(own, (first, S.shape[2] - last))
