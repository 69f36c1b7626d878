"""A linear model in diagonal form: one complex number for each pair of poles and for each real pole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sysidc.runtime.solvers.linear_model import Complexes, LinearModel
from sysidc.runtime.solvers.recurrence import Floats

WORST_CONDITION = 1e5
"""Of the eigenvectors; beyond it modes of opposite sign cancel each other."""
APART = 1e-6
"""Share of its size by which A is moved where poles lie on top of each other: a double pole parts by 1e-3."""


@dataclass(frozen=True)
class Modes:
    """z[k+1] = l z[k] + B u[k],  y[k] = Re(C z[k]) + D u[k].

    l (modes,), B (modes, inputs) and C (outputs, modes) are complex, D (outputs, inputs) is real. A mode with a complex
    l stands for a pair of poles, one with a real l for one pole, and has real B and C.
    """

    poles: Complexes
    B: Complexes
    C: Complexes
    D: Floats

    def __len__(self) -> int:
        return len(self.poles)


def modes(model: LinearModel) -> Modes:
    """The modes of a model, the slowest first. Where no eigenvectors tell its poles apart, those of a near model."""
    poles, V = _eigen(model.A)
    if model.order and np.linalg.cond(V) > WORST_CONDITION:
        moved = np.random.default_rng(0).standard_normal(model.A.shape)
        poles, V = _eigen(model.A + APART * np.linalg.norm(model.A, 2) * moved)
    B, C = np.asarray(np.linalg.solve(V, model.B), dtype=np.complex128), model.C @ V
    kept = np.flatnonzero(poles.imag >= 0)
    kept = kept[np.argsort(-np.abs(poles[kept]), kind="stable")]
    pairs = poles[kept].imag > 0
    return Modes(poles[kept], B[kept], C[:, kept] * np.where(pairs, 2.0, 1.0), model.D)


def _eigen(A: Floats) -> tuple[Complexes, Complexes]:
    """Eigenvalues, and eigenvectors as columns."""
    poles, V = np.linalg.eig(A)
    return poles.astype(np.complex128), V.astype(np.complex128)
