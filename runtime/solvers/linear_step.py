"""What the linear model of one step consists of."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Linear(NamedTuple):
    """x[k+1] = after + A dx + B du,  y = output + C dx + D du at N samples.

    after (N, n), output (N, p), A (N, n, n), B (N, n, m), C (N, p, n), D (N, p, m); a matrix that is the same for all
    samples may lack its first axis.
    """

    after: Tensor
    output: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor
