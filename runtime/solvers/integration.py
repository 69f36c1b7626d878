"""One step of an ordinary differential equation, the input held: explicit methods and an implicit one for stiff terms.

A state is a tuple of tensors of one shape, so that a step makes no small matrices; `rates` gives dx/dt of a state. All
methods are pure and write nothing in place: they go through vmap and through every kind of differentiation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

State: TypeAlias = tuple[Tensor, ...]
Rates: TypeAlias = Callable[[State], State]

GAMMA = 1 - 0.5**0.5
"""Diagonal of the implicit method: with it the method has order 2 and damps what is stiff completely."""
NEWTON = 12
"""Iterations of Newton's method in each of its stages."""
LENGTHS = (1.0, 0.5, 0.25, 0.1, 0.03, 0.01)
"""Shares of a Newton step that are tried; the best one is taken."""


def euler(rates: Rates, x: State, h: float) -> State:
    """x + h f(x): order 1."""
    return moved(x, rates(x), h)


def runge_kutta(rates: Rates, x: State, h: float) -> State:
    """The classical method of order 4. Source: Hairer, Noersett, Wanner, Solving ODEs I (1993), II.1."""
    k1 = rates(x)
    k2 = rates(moved(x, k1, h / 2))
    k3 = rates(moved(x, k2, h / 2))
    k4 = rates(moved(x, k3, h))
    ends = [torch.add(a, d) for a, d in zip(k1, k4, strict=True)]
    middles = [torch.add(b, c) for b, c in zip(k2, k3, strict=True)]
    mean = tuple(torch.add(end, middle, alpha=2) for end, middle in zip(ends, middles, strict=True))
    return moved(x, mean, h / 6)


def moved(x: State, rate: State, h: float) -> State:
    """x + h rate."""
    return tuple(torch.add(a, b, alpha=h) for a, b in zip(x, rate, strict=True))


def implicit(rates: Rates, slopes: Rates, x: State, h: float, scale: Tensor) -> State:
    """Two stages of the same diagonal: order 2, L-stable. `slopes` gives the Jacobian of the rates row by row.

    X1 = x + g h f(X1),  X2 = x + (1 - g) h f(X1) + g h f(X2),  x[k+1] = X2,  g = 1 - 1/sqrt(2); `scale` (states) are
    sizes by which the errors of the states are compared.
    Source: Alexander, Diagonally implicit Runge-Kutta methods for stiff ODEs, SIAM J. Numer. Anal. 14 (1977).
    """
    first = solved(rates, slopes, x, x, GAMMA * h, scale)
    rate = tuple((a - b) / (GAMMA * h) for a, b in zip(first, x, strict=True))
    return solved(rates, slopes, moved(x, rate, (1 - GAMMA) * h), first, GAMMA * h, scale)


def solved(rates: Rates, slopes: Rates, base: State, guess: State, h: float, scale: Tensor) -> State:
    """X with X = base + h f(X), by Newton's method with a search along each step.

    The search of the root passes no gradient. One Newton step from the root does, and its derivatives in everything
    that the root depends on are exact (implicit function theorem).
    """
    x = torch.stack(guess, dim=-1).detach()
    told = tuple(part.detach() for part in base)
    for _ in range(NEWTON):
        step = _newton_step(rates, slopes, told, x, h).detach()
        x, error = _best(rates, told, x, step, h, scale)
        if _is_settled(error):
            break
    return tuple((x + _newton_step(rates, slopes, base, x, h)).unbind(-1))


def _newton_step(rates: Rates, slopes: Rates, base: State, x: Tensor, h: float) -> Tensor:
    """-(I - h F(x))^-1 (x - base - h f(x)), x (..., states)."""
    parts = x.unbind(-1)
    n = len(parts)
    flat = torch.stack(slopes(parts), dim=-1)
    F = flat.reshape(*flat.shape[:-1], n, n)
    matrix = torch.eye(n, dtype=x.dtype, device=x.device) - h * F
    return linear_solution(matrix, -_residual(rates, base, x, h))


def _residual(rates: Rates, base: State, x: Tensor, h: float) -> Tensor:
    parts = x.unbind(-1)
    return torch.stack([a - b - h * c for a, b, c in zip(parts, base, rates(parts), strict=True)], dim=-1)


def _is_settled(error: Tensor) -> bool:
    """Whether the last Newton step, from the root found so far, will be exact. Never inside vmap and in a graph that is
    exported, where no value may decide: all iterations are made there, for all samples at once."""
    if torch.compiler.is_compiling():
        return False
    try:
        return bool((error <= torch.finfo(error.dtype).eps).all())
    except RuntimeError:
        return False


def _best(rates: Rates, base: State, x: Tensor, step: Tensor, h: float, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The point along the Newton step where the equation is kept best, and the squared error there; where nothing is
    finite, the whole step."""
    lengths = torch.tensor(LENGTHS, dtype=x.dtype, device=x.device).reshape(-1, *(1 for _ in x.shape))
    tried = x + lengths * step
    error = (_residual(rates, base, tried, h) / scale).square().sum(dim=-1)
    error = torch.where(error.isfinite(), error, torch.inf).detach()
    least = error.min(dim=0)
    best = least.indices[None, ..., None].expand(1, *x.shape)
    return torch.gather(tried, 0, best)[0], least.values


def linear_solution(matrix: Tensor, right: Tensor) -> Tensor:
    """matrix^-1 right for matrices (..., n, n) and vectors (..., n) by Gauss-Jordan elimination.

    Written out, so that a singular matrix gives numbers that are not finite instead of an exception. Rows are scaled by
    their largest entry and not exchanged: I - h F of a stable stage has its weight on the diagonal.
    """
    n = right.shape[-1]
    rows = torch.cat([matrix, right[..., None]], dim=-1)
    rows = rows / matrix.abs().amax(dim=-1, keepdim=True)
    found = list(rows.unbind(-2))
    for column in range(n):
        pivot = found[column] / found[column][..., column : column + 1]
        found = [
            pivot if row == column else values - values[..., column : column + 1] * pivot
            for row, values in enumerate(found)
        ]
    return torch.stack([values[..., n] for values in found], dim=-1)
