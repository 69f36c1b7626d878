"""x[k+1] = A x[k] + v[k] over a whole record, block by block as matrix products."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[Any]

STEPS_AT_ONCE = 64
"""How many steps one matrix product takes."""


class Recurrence:
    """x[k+1] = A x[k] + v[k]: called with v (time, states) and x[0] (states,), it returns x (time, states).

    The powers of A are computed once. Blocks of steps are one product with them; a loop only carries the state from
    block to block.
    """

    def __init__(self, A: Floats) -> None:
        self.order = len(A)
        self._powers = _powers(A, STEPS_AT_ONCE)
        self._convolution = _convolution(self._powers)

    def __call__(self, v: Floats, x0: Floats) -> Floats:
        steps, width = len(v), STEPS_AT_ONCE * self.order
        blocks = math.ceil(steps / STEPS_AT_ONCE)
        padded = np.zeros((blocks, width))
        padded.reshape(-1)[: v.size] = v.reshape(-1)
        forced = padded @ self._convolution.T
        starts = np.empty((blocks, self.order))
        state = x0
        for block in range(blocks):
            starts[block] = state
            state = self._powers[-1] @ state + forced[block, width:]
        x: Floats = forced[:, :width] + starts @ self._powers[:-1].reshape(width, self.order).T
        return x.reshape(blocks * STEPS_AT_ONCE, self.order)[:steps]


def _powers(A: Floats, count: int) -> Floats:
    """I, A, ..., A^count as (count + 1, states, states)."""
    powers = np.empty((count + 1, *A.shape))
    powers[0] = np.eye(len(A))
    for k in range(count):
        powers[k + 1] = A @ powers[k]
    return powers


def _convolution(powers: Floats) -> Floats:
    """The matrix from one block of v to x at its steps 0 .. length, each the sum of A^(k - 1 - j) v[j] over j < k."""
    length, order = len(powers) - 1, powers.shape[1]
    matrix = np.zeros((length + 1, order, length, order))
    for k in range(1, length + 1):
        matrix[k, :, :k] = powers[k - 1 :: -1].transpose(1, 0, 2)
    return matrix.reshape((length + 1) * order, length * order)
