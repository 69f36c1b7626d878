"""Simulation of a whole record at once by Newton's method in time, by the plain loop where that does not settle."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.state import run, step
from sysidc.runtime.solvers.linearise import linearise
from sysidc.runtime.solvers.scan import linear_scan

MOST_ITERATIONS = 12
SHORTEST = 24
"""Below this many steps the loop is as fast."""
HALVED = 512
"""A record that does not settle is halved above this many steps: below it the loop is faster than further tries."""


def simulate(module: nn.Module, first: Tensor, u: Tensor, guess: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """States (batch, time + 1, n) and outputs (batch, time, p) from `first` (batch, n) over u (batch, time, inputs).

    Without gradients. The same numbers as the loop x[k+1] = f(x[k], u[k]), up to rounding. Every iteration linearises
    the model along the states found so far (`guess` at first, which may be those of a neighbouring model) and solves
    the linear recurrence by a scan; a long record on which this does not settle is halved, a short one is run by the
    loop. States that leave the finite numbers stay NaN or infinite: that is the answer then.
    Source: Lim et al., Parallelizing non-linear sequential models over the sequence length (2024).
    """
    with torch.no_grad():
        return _simulate(module, first, u, guess)


def _simulate(module: nn.Module, first: Tensor, u: Tensor, guess: Tensor | None) -> tuple[Tensor, Tensor]:
    time = u.shape[1]
    if time <= SHORTEST:
        return run(module, first, u)
    if not first.isfinite().all():
        return _nowhere(module, first, u)
    found = newton(module, first, u, guess)
    if found is not None:
        return found
    if time <= HALVED:
        return run(module, first, u)
    half = time // 2
    left = _simulate(module, first, u[:, :half], None)
    right = _simulate(module, left[0][:, -1], u[:, half:], None)
    return torch.cat([left[0], right[0][:, 1:]], dim=1), torch.cat([left[1], right[1]], dim=1)


def _nowhere(module: nn.Module, first: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    _, y = run(module, first, u[:, :1])
    states = first.new_full((len(u), u.shape[1] + 1, first.shape[1]), torch.nan)
    return states, y.new_full((*u.shape[:2], y.shape[2]), torch.nan)


def newton(module: nn.Module, first: Tensor, u: Tensor, guess: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """None where the states do not settle within `MOST_ITERATIONS`."""
    batch, time, inputs = u.shape
    n = first.shape[1]
    flat_u = u.reshape(batch * time, inputs)
    x = first[:, None].expand(-1, time + 1, -1) if guess is None else guess
    x = torch.cat([first[:, None], x[:, 1:]], dim=1)
    before = torch.inf
    for iteration in range(MOST_ITERATIONS):
        now = x[:, :-1]
        local = linearise(module, now.reshape(-1, n), flat_u)
        A = local.A.expand(len(flat_u), n, n).reshape(batch, time, n, n)
        b = local.after.reshape(batch, time, n, 1) - A @ now[..., None]
        moved = linear_scan(A, b, first[..., None])[..., 0]
        change, size = torch.stack([(moved - x).abs().max(), 1 + moved.abs().max()]).tolist()  # one wait for a GPU
        x = moved
        if not change < torch.inf or (iteration > 3 and change > before):
            return None
        if change <= torch.finfo(x.dtype).eps ** 0.5 * size:  # the next change would be its square
            after, y = step(module, x[:, :-1], u)
            return torch.cat([first[:, None], after], dim=1), y
        before = change
    return None
