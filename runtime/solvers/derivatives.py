"""One step of a model for many samples at once, with its derivatives in state and parameters."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sysidc.runtime.solvers.columns import Columns, Learned
from sysidc.runtime.solvers.linearise import by_differentiation, differentiate


class Local(NamedTuple):
    """Derivatives of x[k+1] and y[k], one below the other, at N samples: `in_state` (N, n + p, n) holds A and C,
    `in_parameters` (N, n + p, columns) holds G and H and behind them columns of zeros."""

    in_state: Tensor
    in_parameters: Tensor


def derivatives(module: nn.Module, learned: Learned, x: Tensor, u: Tensor, outputs: int, columns: int) -> Local:
    """At x (N, n) and u (N, inputs), of a module with so many outputs."""
    N, n = x.shape
    both = x.new_zeros(N, n + outputs, columns)
    G = Columns(learned, both[:, :n, : learned.count])
    linear, H = (differentiate if learned.apart else by_differentiation)(module, x, u, G)
    assert H is not None, "there are columns"
    both[:, n:, : learned.count] = H.values
    A, C = (matrix.expand(N, -1, -1) for matrix in (linear.A, linear.C))
    return Local(torch.cat([A, C], dim=1), both)
