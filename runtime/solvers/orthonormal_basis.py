"""Orthonormal rational functions with given poles: the numerators of a model become coordinates."""

from __future__ import annotations

from functools import reduce

import numpy as np
from scipy import linalg

from sysidc.runtime.solvers.linear_model import Complexes, LinearModel, series
from sysidc.runtime.solvers.recurrence import Floats
from sysidc.runtime.solvers.zero_pole_gain import Unit, units


def orthonormal_basis(poles: Complexes) -> LinearModel:
    """One input; output 0 is the input itself, outputs 1 .. n the Takenaka-Malmquist functions of the n poles.

    The functions are the states of all-pass sections in series. Driven by white noise all outputs are uncorrelated and
    of equal variance. Every model with these poles is `with_numerator(basis, coefficients)`. Poles may repeat.
    Raises ValueError for poles that are not inside the unit circle.
    Source: Heuberger, Van den Hof, Wahlberg (eds.), Modelling and Identification with Rational Orthogonal Basis
    Functions (2005), ch. 2.
    """
    if np.abs(poles).max(initial=0.0) >= 1:
        raise ValueError("an orthonormal basis needs poles inside the unit circle")
    through = LinearModel(np.zeros((0, 0)), np.zeros((0, 1)), np.zeros((1, 0)), np.ones((1, 1)))
    chain = reduce(series, [_all_pass(unit) for unit in units(poles)], through)
    order = chain.order
    return LinearModel(chain.A, chain.B, np.vstack([np.zeros((1, order)), np.eye(order)]), np.eye(order + 1, 1))


def with_numerator(basis: LinearModel, coefficients: Floats) -> LinearModel:
    """The model that adds up the functions of the basis: coefficients (functions,) -> one output."""
    return LinearModel(basis.A, basis.B, coefficients[None] @ basis.C, coefficients[None] @ basis.D)


def _all_pass(unit: Unit) -> LinearModel:
    """The section whose matrix [[A, B], [C, D]] is orthogonal: orthonormal states, gain one everywhere."""
    pole = unit[0]
    A = np.array([[pole.real]]) if len(unit) == 1 else np.array([[pole.real, pole.imag], [-pole.imag, pole.real]])
    B = np.ones((len(unit), 1))
    root = linalg.cholesky(linalg.solve_discrete_lyapunov(A, B @ B.T), lower=True)
    A, B = linalg.solve_triangular(root, A @ root, lower=True), linalg.solve_triangular(root, B, lower=True)
    last = np.linalg.svd(np.hstack([A, B]))[2][-1:]
    return LinearModel(A, B, last[:, :-1], last[:, -1:])
