"""Linear recurrences over a whole record at once: about 2 sqrt(T) small steps in place of T."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def linear_scan(A: Tensor, b: Tensor, first: Tensor) -> Tensor:
    """S[k+1] = A[k] S[k] + b[k].

    A (batch, time, n, n), b (batch, time, n, columns), first (batch, n, columns) -> S (batch, time + 1, n, columns).
    The record is cut into pieces that run side by side from zero, each with its transition matrix; the pieces are then
    joined one after another. Exact up to rounding; no gradients are meant to pass.
    Source: Blelloch, Prefix Sums and Their Applications (1990), in two levels.
    """
    batch, time, n, columns = b.shape
    length = max(1, math.isqrt(time))
    if time == 0:
        return first[:, None]
    pieces = -(-time // length)
    local, transition = _pieces_from_zero(_cut(A, pieces, length), _cut(b, pieces, length))
    start = first
    starts = []
    for piece in range(pieces):
        starts.append(start)
        start = torch.baddbmm(local[:, piece, -1], transition[:, piece, -1], start)
    joined = local + transition @ torch.stack(starts, dim=1)[:, :, None]
    flat = joined.reshape(batch, pieces * length, n, columns)[:, :time]
    return torch.cat([first[:, None], flat], dim=1)


def _cut(values: Tensor, pieces: int, length: int) -> Tensor:
    """(batch, pieces, length, ...), the last piece filled up with zeros, which no step before them sees."""
    batch, time = values.shape[:2]
    missing = pieces * length - time
    if missing:
        values = torch.cat([values, values.new_zeros(batch, missing, *values.shape[2:])], dim=1)
    return values.reshape(batch, pieces, length, *values.shape[2:])


def _pieces_from_zero(A: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """For every piece (batch, pieces, length, ...) the recurrence from zero, and the products of its matrices."""
    batch, pieces, length, n, columns = b.shape
    A, b = (values.reshape(batch * pieces, length, n, -1) for values in (A, b))
    carried = torch.cat([b[:, 0], A[:, 0]], dim=-1)
    history = [carried]
    pad = (0, n)
    for k in range(1, length):
        carried = torch.baddbmm(torch.nn.functional.pad(b[:, k], pad), A[:, k], carried)
        history.append(carried)
    together = torch.stack(history, dim=1).reshape(batch, pieces, length, n, columns + n)
    return together[..., :columns], together[..., columns:]
