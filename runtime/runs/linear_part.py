"""The linear part of a trained layer, x[k+1] = A x[k] + B u[k], y[k] = C x[k] + D u[k]: its poles and its gain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sysidc.runtime.data.record import Array


@dataclass(frozen=True)
class LinearPart:
    """A (states, states), B (states, inputs), C (outputs, states), D (outputs, inputs) of the layer `name`."""

    name: str
    A: Array
    B: Array
    C: Array
    D: Array

    @property
    def poles(self) -> Array:
        """The eigenvalues of A: stable inside the unit circle."""
        return np.linalg.eigvals(self.A)

    def response(self, cycles: Array) -> Array:
        """C (z I - A)^-1 B + D at z = exp(2 pi i cycles), (frequencies, outputs, inputs); cycles per sample."""
        z = np.exp(2j * math.pi * cycles)[:, None, None]
        return self.C @ np.linalg.solve(z * np.eye(len(self.A)) - self.A, self.B[None].astype(complex)) + self.D


def linear_parts(weights: Mapping[str, Array]) -> list[LinearPart]:
    """Every layer whose weights hold matrices A, B, C (and perhaps D) that fit together, in their order."""
    owners = [name.removesuffix(".A") for name in weights if name.endswith(".A")]
    found = (_linear_part(owner, weights) for owner in owners)
    return [part for part in found if part is not None]


def _linear_part(owner: str, weights: Mapping[str, Array]) -> LinearPart | None:
    A, B, C = (weights.get(f"{owner}.{name}") for name in "ABC")
    if A is None or B is None or C is None or not A.ndim == B.ndim == C.ndim == 2:
        return None
    states, inputs, outputs = len(A), B.shape[1], len(C)
    D = weights.get(f"{owner}.D", np.zeros((outputs, inputs)))
    if A.shape != (states, states) or len(B) != states or C.shape[1] != states or D.shape != (outputs, inputs):
        return None
    if not all(np.isfinite(matrix).all() for matrix in (A, B, C, D)):
        return None
    return LinearPart(owner, *(np.asarray(matrix, dtype=np.float64) for matrix in (A, B, C, D)))
