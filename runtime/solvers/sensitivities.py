"""How the outputs of a simulated record depend on the parameters, slab by slab and without going back through time.

S[k+1] = A[k] S[k] + G[k] with S = dx/dtheta, and dy[k]/dtheta = C[k] S[k] + H[k]. A slab of a record is cut into
pieces that run side by side from zero, each with its transition matrix; the pieces are joined afterwards, so that a
record of T steps takes about T / PIECES small steps, and only the rows dy/dtheta are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.state import step
from sysidc.runtime.solvers.columns import Learned
from sysidc.runtime.solvers.derivatives import derivatives

PIECES = 64
AT_ONCE = 512
"""Samples whose local derivatives are made together: few enough to stay in the cache."""
MOST_NUMBERS = 1 << 23
"""In the rows of one slab, 64 MB in float64."""


class Slab(NamedTuple):
    """Steps `first` to `last` (excluded): J (batch, steps, p, P) = dy/dtheta and S (batch, n, P) behind the last."""

    first: int
    last: int
    J: Tensor
    S: Tensor


class _Model(NamedTuple):
    """What is differentiated: with so many outputs, in the parameters of `learned`."""

    module: nn.Module
    learned: Learned
    outputs: int


def sensitivities(
    module: nn.Module, parameters: Mapping[str, Tensor], states: Tensor, u: Tensor, S: Tensor, first: int, last: int
) -> Iterator[Slab]:
    """Slabs of the steps `first` to `last`, along `states` (batch, time + 1, n) that were simulated over u.

    S (batch, n, P) is dx[first]/dtheta in the `parameters` of the module, as they are named and ordered there. P may
    exceed their number: further columns are those of other things that S depends on, such as the state at the start;
    they come behind the parameters' own.
    """
    batch, columns = len(u), S.shape[2]
    outputs = step(module, states[:1, 0], u[:1, 0])[1].shape[1]
    model = _Model(module, Learned(module, parameters), outputs)
    longest = max(1, AT_ONCE // batch, MOST_NUMBERS // max(1, batch * outputs * (columns + states.shape[2])))
    for start in range(first, last, longest):
        end = min(last, start + longest)
        J, S = _slab(model, states[:, start:end], u[:, start:end], S)
        yield Slab(start, end, J, S)


def _slab(model: _Model, x: Tensor, u: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    batch, steps, _ = x.shape
    pieces = max(1, min(PIECES // batch, steps // 8))
    whole = steps - steps % pieces
    J, S = _side_by_side(model, x[:, :whole], u[:, :whole], S, pieces)
    if whole == steps:
        return J, S
    rest, S = _side_by_side(model, x[:, whole:], u[:, whole:], S, 1)
    return torch.cat([J, rest], dim=1), S


def _side_by_side(model: _Model, x: Tensor, u: Tensor, S: Tensor, pieces: int) -> tuple[Tensor, Tensor]:
    """Rows J (batch, steps, p, P) of a slab of `pieces` equal parts, and S behind it."""
    batch, steps, n = x.shape
    columns, length, p = S.shape[2], steps // pieces, model.outputs
    x, u = (values.reshape(batch * pieces, length, values.shape[2]).transpose(0, 1) for values in (x, u))
    carried = x.new_zeros(batch * pieces, n, columns + n)
    carried[:, :, columns:] = torch.eye(n).to(x)
    rows = x.new_empty(batch, pieces, length, p, columns + n)
    by_time = rows.view(batch * pieces, length, p, columns + n).transpose(0, 1)
    group = max(1, AT_ONCE // (batch * pieces))
    for k in range(0, length, group):
        now = slice(k, min(length, k + group))
        carried = _group(model, x[now], u[now], carried, by_time[now])
    return _joined(rows, carried.view(batch, pieces, n, columns + n), S)


def _group(model: _Model, x: Tensor, u: Tensor, carried: Tensor, rows: Tensor) -> Tensor:
    """A few steps of every piece: what is carried behind them. rows (steps, pieces, p, columns) are written.

    The derivatives of every step become the sensitivities behind it in place, S[k+1] and dy[k]/dtheta at once.
    """
    steps, pieces, n = x.shape
    local = derivatives(model.module, model.learned, x.flatten(0, 1), u.flatten(0, 1), model.outputs, carried.shape[2])
    in_state, both = (values.view(steps, pieces, n + model.outputs, -1) for values in local)
    for k in range(steps):
        carried = both[k].baddbmm_(in_state[k], carried)[:, :n]
    rows.copy_(both[:, :, n:])
    return carried.clone()


def _joined(rows: Tensor, ends: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """J and S of rows (batch, pieces, length, p, columns + n), in place, ends (batch, pieces, n, columns + n) and S
    (batch, n, columns)."""
    columns = S.shape[2]
    starts = []
    for piece in range(rows.shape[1]):
        starts.append(S)
        S = torch.baddbmm(ends[:, piece, :, :columns], ends[:, piece, :, columns:], S)
    batch, pieces, length, p, _ = rows.shape
    flat = rows.view(batch * pieces, length * p, -1)
    flat[..., :columns].baddbmm_(flat[..., columns:], torch.stack(starts, dim=1).flatten(0, 1))
    return rows.view(batch, pieces * length, p, -1)[..., :columns], S
