"""The linear model of one step of a linear recurrent unit, and what its parameters do."""

from __future__ import annotations

import torch
from torch import Tensor

from sysidc.runtime.nn.lru import LRU
from sysidc.runtime.solvers.columns import Columns
from sysidc.runtime.solvers.linear_step import Linear


def lru_step(module: LRU, x: Tensor, u: Tensor, G: Columns | None) -> tuple[Linear, Columns | None]:
    """At x (N, 2 modes), real parts beside imaginary ones, and u (N, m); with G, which takes dx[k+1]/dtheta
    (N, 2 modes, columns), also dy/dtheta."""
    a, b, gain = _numbers(module)
    A = torch.cat([torch.cat([a.diag(), -b.diag()], dim=1), torch.cat([b.diag(), a.diag()], dim=1)])
    B = torch.cat([gain[:, None] * module.B[..., part] for part in (0, 1)])
    shown = torch.cat([module.C[..., 0], -module.C[..., 1]], dim=1)
    after = x @ A.T + u @ B.T
    step = Linear(after, after @ shown.T + u @ module.D.T, A, B, shown @ A, shown @ B + module.D)
    if G is None:
        return step, None
    _state_columns(module, G, x, u)
    H = G.beside(len(shown))
    H.values.copy_(shown @ G.values)
    real, imaginary = after.chunk(2, dim=1)
    H.each_row(module.C, torch.stack([real, -imaginary], dim=-1).flatten(1))
    H.each_row(module.D, u)
    return step, H


def _numbers(module: LRU) -> tuple[Tensor, Tensor, Tensor]:
    """The real and the imaginary part of l, and sqrt(1 - |l|^2), each (modes)."""
    radius, turn = torch.exp(-module.nu.exp()), module.theta.exp()
    return radius * turn.cos(), radius * turn.sin(), (1 - radius.square()).sqrt()


def _state_columns(module: LRU, G: Columns, x: Tensor, u: Tensor) -> None:
    """dl/dnu = -growth l, dg/dnu = growth |l|^2 / g and dl/dtheta = i turn l, exp(nu) the growth and exp(theta) the
    turn."""
    a, b, gain = _numbers(module)
    growth, turn = module.nu.exp(), module.theta.exp()
    real, imaginary = x.chunk(2, dim=1)
    turned = (a * real - b * imaginary, b * real + a * imaginary)
    to_angle = (-turned[1] * turn, turned[0] * turn)
    seen = gain[:, None] * u[:, None]
    nothing = torch.zeros_like(seen)
    for part, sides in enumerate(((seen, nothing), (nothing, seen))):
        rows = G.of(module, part * module.modes, (part + 1) * module.modes)
        driven = u @ module.B[..., part].T * (1 - gain.square()) / gain
        rows.each_row(module.nu, (growth * (driven - turned[part]))[..., None])
        rows.each_row(module.theta, to_angle[part][..., None])
        rows.each_row(module.B, torch.stack(sides, dim=-1).flatten(2))
