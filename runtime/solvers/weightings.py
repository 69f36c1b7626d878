"""How subspace methods weigh what the past says about the future, and the observability matrix that each finds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sysidc.runtime.solvers.hankel import Factor
from sysidc.runtime.solvers.recurrence import Floats

SMALLEST = 1e-9
"""Directions of the future outputs smaller than this, relative to the largest, are not divided by their size."""


def po_moesp(factor: Factor) -> Floats:
    """Past inputs and outputs as instruments, future outputs unweighted.

    Each weighting returns the observability matrix [C; CA; CA^2; ...] as (block * outputs, states), the columns in
    order of importance.
    Source: Verhaegen, Automatica 30 (1994).
    """
    return _leading(factor.past)


def pi_moesp(factor: Factor) -> Floats:
    """Past inputs alone as instruments: consistent whatever the colour of output noise that the inputs do not cause.

    Source: Verhaegen, Int. J. Control 58 (1993).
    """
    return _leading(factor.past[:, : factor.inputs])


def cva(factor: Factor) -> Floats:
    """Future outputs made white first, so that every direction counts by how well it is predicted, not by its size.

    Source: Larimore, IEEE Conf. Decision and Control (1990); so written by Van Overschee and De Moor (1996), ch. 4.
    """
    whiten, colour = _whitening(factor)
    return np.asarray(colour @ _leading(whiten @ factor.past))


WEIGHTINGS: dict[str, Callable[[Factor], Floats]] = {"PO-MOESP": po_moesp, "CVA": cva, "PI-MOESP": pi_moesp}


def canonical_correlations(factor: Factor) -> Floats:
    """Between past and future outputs, the future inputs accounted for: (block * outputs,), from 1 down to 0."""
    whiten, _ = _whitening(factor)
    return np.linalg.svd(whiten @ factor.past, compute_uv=False)[: len(whiten)]


def _leading(matrix: Floats) -> Floats:
    U, sigma, _ = np.linalg.svd(matrix, full_matrices=False)
    return np.asarray(U * np.sqrt(sigma))


def _whitening(factor: Factor) -> tuple[Floats, Floats]:
    """The inverse root and the root of the covariance of the future outputs, given the future inputs."""
    U, sigma, _ = np.linalg.svd(np.hstack([factor.past, factor.innovation]), full_matrices=False)
    size = np.maximum(sigma, SMALLEST * max(sigma[0], np.finfo(np.float64).eps))
    return (U / size) @ U.T, (U * size) @ U.T
