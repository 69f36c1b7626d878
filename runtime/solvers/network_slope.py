"""Slopes of elementwise functions and of networks, and what the parameters of a network do to its values."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import vjp

from sysidc.runtime.nn.curve import Curve
from sysidc.runtime.solvers.columns import Columns


def with_slope(function: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """An elementwise function and its derivative."""
    if isinstance(function, Curve):
        return function.with_slope(z)
    if isinstance(function, nn.Tanh):
        value = z.tanh()
        return value, 1 - value.square()
    value, back, *_ = vjp(function, z)
    return value, back(torch.ones_like(value))[0]


class Passed(NamedTuple):
    """A linear layer on the way through a network: what it saw, z (N, width), and what the network's values owe to
    its own, R (N or 1, out, own values); None for the identity."""

    layer: nn.Linear
    z: Tensor
    R: Tensor | None


def network_slope(network: nn.Sequential, z: Tensor) -> tuple[Tensor, Tensor, list[Passed]]:
    """A network of linear layers and elementwise functions: values (N, out), Jacobian (N, out, in) or (out, in), and
    its linear layers from the last to the first."""
    way: list[tuple[nn.Module, Tensor]] = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            way.append((layer, z))
            z = layer(z)
        else:
            z, slope = with_slope(layer, z)
            way.append((layer, slope[:, None]))
    J: Tensor | None = None
    passed = []
    for layer, seen in reversed(way):  # from the few outputs back, so that every product is one of two matrices
        if isinstance(layer, nn.Linear):
            passed.append(Passed(layer, seen, J))
            J = layer.weight if J is None else J @ layer.weight
        else:
            J = torch.diag_embed(seen[:, 0]) if J is None else J * seen
    assert J is not None, "a network has layers"
    return z, J, passed


def network_columns(
    passed: list[Passed], columns: Columns | None, first_row: int = 0, scale: Tensor | None = None
) -> None:
    """Of the network's values from number `first_row` on, as many as the columns have rows, times `scale` (rows)."""
    if columns is None:
        return
    rows = columns.values.shape[1]
    for layer, z, R in passed:
        one = torch.ones_like(z[:, :1])
        if R is not None:
            R = R[..., first_row : first_row + rows, :]
            R = R if scale is None else R * scale[:, None]
            columns.products(layer.weight, R, z)
            columns.products(layer.bias, R, one)
            continue
        for parameter, seen in ((layer.weight, z), (layer.bias, one)):
            columns.each_row(parameter, seen if scale is None else seen[:, None] * scale[:, None], first_row)


def times(M: Tensor, S: Tensor) -> Tensor:
    """M S for M (N, p, q) or (p, q) and S (N, q, r), without copies of a matrix that is the same for all samples."""
    if M.shape[-1] == 1:
        return M * S
    return M @ S if M.ndim == 3 else (S.mT @ M.mT).mT
