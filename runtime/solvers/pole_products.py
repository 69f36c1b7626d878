"""Both blocks of a cascade linear - curve - linear from their poles alone, by least squares and an SVD of rank one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial, prod
from typing import TypeAlias

import numpy as np
from scipy import optimize

from sysidc.runtime.solvers.block_starts import scaled_output
from sysidc.runtime.solvers.hankel import Floats, Pair, upper_triangle
from sysidc.runtime.solvers.linear_model import Complexes, LinearModel
from sysidc.runtime.solvers.orthonormal_basis import orthonormal_basis, with_numerator

Monomial: TypeAlias = tuple[int, ...]
"""Which functions of the first basis are multiplied, in rising order."""

RANDOM_STARTS = 6
"""How often the rank-one problem is also started at random: it has a minimum for many ways to share out the zeros."""


def pole_products(
    records: Sequence[Pair], poles1: Complexes, poles2: Complexes, degree: int
) -> tuple[LinearModel, LinearModel]:
    """G1 and G2 of y = G2 f(G1 u), f a polynomial of `degree`, from records u (time, 1), y (time, 1) and the poles.

    With G1 = sum a_i F_i and G2 = sum b_j H_j in orthonormal bases y is linear in the products b_j c_d a_i a_k ..., one
    for each H_j and each product of functions F u. Least squares on them is done once; its solution is not unique, so
    the SVD of rank one only starts a small search for the a, b, c whose products solve it best. A linear curve
    determines G2 G1 alone: zeros of G1 may then be found in G2. The signal between the blocks has unit standard
    deviation and G2 the gain that is best for the identity as curve; the curve itself is left to be fitted.
    Raises ValueError for more channels, a degree below 1 and poles outside the unit circle.
    Source: the over-parametrisation of Bai, Automatica 34 (1998), with known poles.
    """
    if degree < 1 or any(u.shape[1] != 1 or y.shape[1] != 1 for u, y in records):
        raise ValueError("products of pole bases need one input, one output and a degree of at least 1")
    first, second = orthonormal_basis(poles1), orthonormal_basis(poles2)
    problem = _problem(records, first, second, degree)
    found = [
        optimize.least_squares(problem.residuals, start, method="lm", xtol=1e-15, ftol=1e-15, max_nfev=3000)
        for start in problem.starts()
    ]
    a, b = np.split(min(found, key=lambda result: float(result.cost)).x, [first.order + 1])
    block = scaled_output(with_numerator(first, a), [u for u, _ in records])
    return block, _with_best_gain(records, block, with_numerator(second, b))


@dataclass(frozen=True)
class _Products:
    """y = sum over monomials m and functions j of coefficient[m, j] H_j (product of F u), and a constant, compressed.

    `triangle` has a column for every (m, j), one for the constant, and y; `orderings` (monomials,) is how often a
    monomial occurs in the power of a sum.
    """

    triangle: Floats
    monomials: tuple[Monomial, ...]
    orderings: Floats
    functions: tuple[int, int]

    def residuals(self, theta: Floats) -> Floats:
        """What the best curve leaves of y between the numerators theta = [a, b]."""
        columns = self.columns(*np.split(theta, [self.functions[0]]))
        y = self.triangle[:, -1]
        return y - columns @ np.linalg.lstsq(columns, y, rcond=1e-12)[0]

    def columns(self, a: Floats, b: Floats) -> Floats:
        """y for each power of the curve alone, and for the constant."""
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        values = self.orderings * [prod(a[i] for i in monomial) for monomial in self.monomials]
        degrees = np.array([len(monomial) for monomial in self.monomials])
        powers = [np.outer(values * (degrees == degree), b).reshape(-1) for degree in range(1, degrees[-1] + 1)]
        return np.column_stack([self.triangle[:, :-2] @ np.stack(powers, axis=1), self.triangle[:, -2]])

    def starts(self) -> list[Floats]:
        """[a, b] from the SVD of all coefficients, of those above degree one, and at random."""
        solution = np.linalg.lstsq(self.triangle[:, :-1], self.triangle[:, -1], rcond=1e-9)[0]
        coefficients = solution[:-1].reshape(len(self.monomials), -1)
        left, _, right = np.linalg.svd(coefficients, full_matrices=False)
        a = left[: self.functions[0], 0]
        above = coefficients[self.functions[0] :]
        b = [right[0], *([np.linalg.svd(above)[2][0]] if len(above) else [])]
        rng = np.random.default_rng(0)
        return [*(np.append(a, each) for each in b), *rng.standard_normal((RANDOM_STARTS, sum(self.functions)))]


def _problem(records: Sequence[Pair], first: LinearModel, second: LinearModel, degree: int) -> _Products:
    functions = first.order + 1, second.order + 1
    powers = range(1, degree + 1)
    monomials = tuple(m for power in powers for m in combinations_with_replacement(range(functions[0]), power))
    triangle = np.zeros((0, len(monomials) * functions[1] + 2))
    for u, y in records:
        signals = first.simulate(u)
        products = [signals[:, list(monomial)].prod(axis=1, keepdims=True) for monomial in monomials]
        filtered = [second.simulate(product) for product in products]
        triangle = upper_triangle(triangle, np.hstack([*filtered, np.ones_like(y), y]))
    orderings = np.array([_orderings(monomial) for monomial in monomials], dtype=np.float64)
    return _Products(triangle, monomials, orderings, functions)


def _orderings(monomial: Monomial) -> int:
    return factorial(len(monomial)) // prod(factorial(monomial.count(i)) for i in set(monomial))


def _with_best_gain(records: Sequence[Pair], first: LinearModel, second: LinearModel) -> LinearModel:
    """The second block times the gain that explains the outputs best; with no such gain, it is left of their size."""
    driven = np.concatenate([second.simulate(first.simulate(u)) for u, _ in records])
    y = np.concatenate([y for _, y in records])
    driven, y = driven - driven.mean(), y - y.mean()
    if not driven.any():
        return second
    gain = float((driven * y).sum() / (driven**2).sum())
    if abs(gain) * driven.std() < 0.1 * y.std():
        gain = float(y.std() / driven.std()) or 1.0
    return LinearModel(second.A, second.B, gain * second.C, gain * second.D)
