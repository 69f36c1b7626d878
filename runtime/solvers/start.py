"""The most probable state at the start of a record, given its first measured outputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sysidc.runtime.solvers.linearise import linearise
from sysidc.runtime.solvers.newton import simulate
from sysidc.runtime.solvers.scan import linear_scan

ITERATIONS = 25
SETTLED = 1e-9
"""Relative decrease of the cost below which another iteration is not worth it."""


def estimate_start(
    module: nn.Module,
    u: Tensor,
    y: Tensor,
    mean: Tensor,
    covariance: Tensor,
    noise: Tensor,
    tries: Tensor,
    near: Tensor | None = None,
) -> Tensor:
    """x[0] (batch, n) with the least sum(e^2) / noise + (x - mean)' covariance^-1 (x - mean), without gradient.

    u (batch, P, inputs), y (batch, P, outputs); `tries` (K, n) are states to start the search from, besides the mean;
    with `near` (batch, n), the start of a neighbouring model, the search begins there alone. States whose variance is 0
    keep the mean. Levenberg-Marquardt on every record and try side by side; a try that leaves the finite numbers loses.
    """
    with torch.no_grad():
        batch, n = len(u), len(mean)
        starts = torch.cat([mean[None], tries]).to(u).expand(batch, -1, n) if near is None else near[:, None]
        several = starts.shape[1]
        u, y = (values.repeat_interleave(several, dim=0) for values in (u, y))
        x, cost = _descend(module, starts.reshape(-1, n), u, y, Prior(mean, covariance), noise)
        best = cost.reshape(batch, several).argmin(dim=1)
        return x.reshape(batch, several, n)[torch.arange(batch), best]


class Prior:
    """A normal distribution of states; those without variance are held."""

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        self.mean = mean
        self.free = covariance.diagonal() > 0
        inverse = torch.zeros_like(covariance)
        held = covariance[self.free][:, self.free]
        jitter = 1e-9 * held.diagonal().mean() if len(held) else 0.0
        inverse[self.free.nonzero(), self.free.nonzero()[:, 0]] = torch.linalg.inv(
            held + jitter * torch.eye(len(held)).to(held)
        )
        self.inverse = inverse

    def cost(self, x: Tensor) -> Tensor:
        gap = x - self.mean
        return ((gap @ self.inverse) * gap).sum(-1)


def _descend(module: nn.Module, x: Tensor, u: Tensor, y: Tensor, prior: Prior, noise: Tensor) -> tuple[Tensor, Tensor]:
    damping = torch.full((len(x),), 1e-3, dtype=x.dtype, device=x.device)
    states, cost = _cost(module, x, u, y, prior, noise)
    done = torch.zeros_like(cost, dtype=torch.bool)
    for _ in range(ITERATIONS):
        H, g = _normal_equations(module, x, states, u, y, prior, noise)
        scaled = H + torch.diag_embed(damping[:, None] * H.diagonal(dim1=1, dim2=2).clamp_min(1e-12))
        move, _ = torch.linalg.solve_ex(scaled, g)
        foretold = (move * g).sum(dim=1)  # about the decrease of the cost that is left
        moved = x + move.nan_to_num()
        moved_states, moved_cost = _cost(module, moved, u, y, prior, noise)
        better = moved_cost < cost
        done |= (foretold.abs() <= SETTLED * cost) | ((cost - moved_cost).abs() <= SETTLED * cost) | (damping > 1e6)
        x = torch.where(better[:, None], moved, x)
        states = torch.where(better[:, None, None], moved_states, states)
        cost = torch.where(better, moved_cost, cost)
        damping = torch.where(better, damping / 10, damping * 10)
        if bool(done.all()):
            break
    return x, cost


def _cost(module: nn.Module, x: Tensor, u: Tensor, y: Tensor, prior: Prior, noise: Tensor) -> tuple[Tensor, Tensor]:
    states, output = simulate(module, x, u)
    cost = (output - y).square().sum((1, 2)) / noise + prior.cost(x)
    return states, cost.nan_to_num(torch.inf)


def _normal_equations(
    module: nn.Module, x: Tensor, states: Tensor, u: Tensor, y: Tensor, prior: Prior, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """H (batch, n, n) and the descent direction g (batch, n) of half the cost."""
    J, output = sensitivity_to_start(module, states, u)
    error = (y - output)[..., None]
    H = (J.transpose(2, 3) @ J).sum(1) / noise + prior.inverse
    g = (J.transpose(2, 3) @ error).sum(1)[..., 0] / noise - (x - prior.mean) @ prior.inverse
    held = ~prior.free
    H[:, held] = 0
    H[:, :, held] = 0
    H[:, held.nonzero()[:, 0], held.nonzero()[:, 0]] = 1
    g[:, held] = 0
    return H, g


def sensitivity_to_start(module: nn.Module, states: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """dy[k]/dx[0] (batch, time, p, n) along the given states, and the outputs (batch, time, p)."""
    batch, time, inputs = u.shape
    n = states.shape[2]
    now = states[:, :time].reshape(-1, n)
    _, output, A, _, C, _ = linearise(module, now, u.reshape(len(now), inputs))
    A, C = (matrix.expand(len(now), -1, -1) for matrix in (A, C))
    identity = torch.eye(n).to(states).expand(batch, n, n)
    S = linear_scan(A.reshape(batch, time, n, n), A.new_zeros(batch, time, n, n), identity)
    p = output.shape[1]
    return C.reshape(batch, time, p, n) @ S[:, :time], output.reshape(batch, time, p)
