"""How the outputs of a simulated record depend on the parameters, slab by slab and without going back through time.

S[k+1] = A[k] S[k] + G[k] with S = dx/dtheta, and dy[k]/dtheta = C[k] S[k] + H[k]. A slab of a record is cut into
pieces that run side by side from zero, each with its transition matrix; the pieces are joined afterwards, so that a
record of T steps takes about T / PIECES small steps, and only the rows dy/dtheta are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from sysidc.runtime.solvers.derivatives import Parameters, in_parameters

PIECES = 128
AT_ONCE = 2048
"""Samples whose local derivatives are made together: few enough to stay in the cache."""
MOST_NUMBERS = 1 << 25
"""In the rows of one slab, 256 MB in float64."""


class Slab(NamedTuple):
    """Steps `first` to `last` (excluded): J (batch, steps, p, P) = dy/dtheta and S (batch, n, P) behind the last."""

    first: int
    last: int
    J: Tensor
    S: Tensor


def sensitivities(
    module: nn.Module, parameters: Parameters, states: Tensor, u: Tensor, S: Tensor, first: int, last: int
) -> Iterator[Slab]:
    """Slabs of the steps `first` to `last`, along `states` (batch, time + 1, n) that were simulated over u.

    S (batch, n, P) is dx[first]/dtheta. P may exceed the number of parameters: further columns are those of other
    things that S depends on, such as the state at the start; they come behind the parameters' own.
    """
    batch, columns = len(u), S.shape[2]
    outputs_at_most = max(1, u.shape[2], states.shape[2])
    longest = max(AT_ONCE, MOST_NUMBERS // max(1, batch * columns * outputs_at_most))
    for start in range(first, last, longest):
        end = min(last, start + longest)
        J, S = _slab(module, parameters, states[:, start:end], u[:, start:end], S)
        yield Slab(start, end, J, S)


def _slab(module: nn.Module, parameters: Parameters, x: Tensor, u: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    batch, steps, _ = x.shape
    pieces = max(1, min(PIECES // batch, steps // 8))
    length = steps // pieces
    whole = pieces * length
    J, S = _side_by_side(module, parameters, x[:, :whole], u[:, :whole], S, pieces)
    if whole == steps:
        return J, S
    rest, S = _side_by_side(module, parameters, x[:, whole:], u[:, whole:], S, 1)
    return torch.cat([J, rest], dim=1), S


def _side_by_side(
    module: nn.Module, parameters: Parameters, x: Tensor, u: Tensor, S: Tensor, pieces: int
) -> tuple[Tensor, Tensor]:
    """Rows J (batch, steps, p, P) of a slab of `pieces` equal parts, and S behind it."""
    batch, steps, n = x.shape
    columns = S.shape[2]
    length = steps // pieces
    x, u = (values.reshape(batch * pieces, length, values.shape[2]) for values in (x, u))
    carried = x.new_zeros(batch * pieces, n, columns + n)
    carried[:, :, columns:] = torch.eye(n).to(x)
    rows = []
    group = max(1, AT_ONCE // (batch * pieces))
    for k in range(0, length, group):
        now = slice(k, min(length, k + group))
        made, carried = _group(module, parameters, x[:, now], u[:, now], carried)
        rows.append(made)
    local = torch.cat(rows, dim=1)  # (batch * pieces, length, p, columns + n)
    J, S = _joined(local.reshape(batch, pieces, length, -1, columns + n), carried.reshape(batch, pieces, n, -1), S)
    return J.reshape(batch, steps, J.shape[3], columns), S


def _group(module: nn.Module, parameters: Parameters, x: Tensor, u: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
    """A few steps of every piece: rows (pieces, steps, p, columns) and what is carried behind them."""
    pieces, steps, _ = x.shape
    by_time = (values.transpose(0, 1).reshape(steps * pieces, values.shape[2]) for values in (x, u))
    local = in_parameters(module, parameters, *by_time)
    A, C, G, H = (values.reshape(steps, pieces, *values.shape[1:]) for values in local[2:])
    missing = carried.shape[2] - G.shape[3]
    G, H = pad(G, (0, missing)), pad(H, (0, missing))
    rows = []
    for k in range(steps):
        rows.append(torch.baddbmm(H[k], C[k], carried))
        carried = torch.baddbmm(G[k], A[k], carried)
    return torch.stack(rows, dim=1), carried


def _joined(local: Tensor, ends: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """local (batch, pieces, length, p, columns + n), ends (batch, pieces, n, columns + n), S (batch, n, columns)."""
    columns = S.shape[2]
    starts = []
    for piece in range(local.shape[1]):
        starts.append(S)
        S = torch.baddbmm(ends[:, piece, :, :columns], ends[:, piece, :, columns:], S)
    began = torch.stack(starts, dim=1)
    batch, pieces, length, p, _ = local.shape
    moved = local[..., columns:].reshape(batch, pieces, length * p, -1) @ began
    return local[..., :columns] + moved.reshape(batch, pieces, length, p, columns), S
