"""The transmission zeros of a square state-space model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sysidc.runtime.solvers.recurrence import Floats


def transmission_zeros(A: Floats, B: Floats, C: Floats, D: Floats, tolerance: float = 1e-12) -> npt.NDArray[Any]:
    """The finite z where [[A - z I, B], [C, D]] loses rank, complex (zeros,).

    States that the outputs see at once are taken out until the feedthrough is invertible; then the zeros are the poles
    of the inverse, the eigenvalues of A - B D^-1 C. Ranks are told relative to the norm of the four matrices, times
    `tolerance`. Raises ValueError for a model that is not square or whose transfer function is not invertible.
    Source: Emami-Naeini and Van Dooren, Automatica 18 (1982).
    """
    if D.shape[0] != D.shape[1]:
        raise ValueError(f"zeros are defined for as many inputs as outputs, not for {D.shape[1]} and {D.shape[0]}")
    size = tolerance * float(np.linalg.norm(np.block([[A, B], [C, D]])))
    while np.linalg.matrix_rank(D, tol=size) < len(D):
        seen = len(A)
        A, B, C, D = _without_seen_states(A, B, C, D, size)
        if len(A) == seen:
            raise ValueError("the transfer function is singular at every frequency")
    return np.linalg.eigvals(A - B @ np.linalg.solve(D, C)).astype(np.complex128)


def _without_seen_states(
    A: Floats, B: Floats, C: Floats, D: Floats, size: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """One step of the reduction: outputs without feedthrough must stay zero, so the states that they see are zero too,
    and what drives these states becomes an output."""
    U, sigma, _ = np.linalg.svd(D)
    fed = int((sigma > size).sum())
    C, D = U.T @ C, U.T @ D
    _, seen, Vt = np.linalg.svd(C[fed:])
    rank = int((seen > size).sum())
    V = np.vstack([Vt[rank:], Vt[:rank]])
    A, B, C = V @ A @ V.T, V @ B, C @ V.T
    left = len(A) - rank
    return A[:left, :left], B[:left], np.vstack([C[:fed, :left], A[left:, :left]]), np.vstack([D[:fed], B[left:]])
