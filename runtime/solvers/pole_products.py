"""Both blocks of a cascade linear - curve - linear from their poles alone, by least squares and an SVD of rank one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial, prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import optimize

from sysidc.runtime.solvers.block_starts import scaled_output
from sysidc.runtime.solvers.hankel import Pair, upper_triangle
from sysidc.runtime.solvers.linear_model import Complexes, LinearModel
from sysidc.runtime.solvers.orthonormal_basis import orthonormal_basis, with_numerator
from sysidc.runtime.solvers.recurrence import Floats

Integers: TypeAlias = npt.NDArray[np.int64]

RANDOM_STARTS = 4
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
class _Power:
    """The products of `degree` functions of the first basis: `factors` (monomials, degree) says which, `orderings`
    (monomials,) how often each occurs in the power of a sum."""

    factors: Integers
    orderings: Integers

    def of(self, a: Floats) -> Floats:
        """What each product has for a coefficient in (sum a_i F_i u)^degree."""
        return np.asarray(self.orderings * a[self.factors].prod(axis=1))


@dataclass(frozen=True)
class _Products:
    """Rows of y = sum over products m and functions j of coefficient[m, j] `terms`[m, j], and a constant; compressed.

    terms (rows, monomials, functions), constant and y (rows,); the monomials are those of all `powers` in order.
    """

    terms: Floats
    constant: Floats
    y: Floats
    powers: tuple[_Power, ...]
    functions: tuple[int, int]

    def residuals(self, theta: Floats) -> Floats:
        """What the best curve leaves of y between the numerators theta = [a, b]."""
        a, b = theta[: self.functions[0]], theta[self.functions[0] :]
        weighted = self.terms @ (b / np.linalg.norm(b))
        ends = np.cumsum([len(power.orderings) for power in self.powers])[:-1]
        parts = np.split(weighted, ends, axis=1)
        a = a / np.linalg.norm(a)
        columns = [part @ power.of(a) for part, power in zip(parts, self.powers, strict=True)]
        Q, _ = np.linalg.qr(np.stack([*columns, self.constant], axis=1))
        return np.asarray(self.y - Q @ (self.y @ Q))

    def starts(self) -> list[Floats]:
        """[a, b] from the SVD of all coefficients, of those above degree one, and at random."""
        rows = np.hstack([self.terms.reshape(len(self.y), -1), self.constant[:, None]])
        solution = np.linalg.lstsq(rows, self.y, rcond=1e-9)[0]
        coefficients = solution[:-1].reshape(self.terms.shape[1:])
        left, _, right = np.linalg.svd(coefficients, full_matrices=False)
        a, above = left[: self.functions[0], 0], coefficients[self.functions[0] :]
        b = [right[0], *([np.linalg.svd(above)[2][0]] if len(above) else [])]
        rng = np.random.default_rng(0)
        return [*(np.append(a, each) for each in b), *rng.standard_normal((RANDOM_STARTS, sum(self.functions)))]


def _problem(records: Sequence[Pair], first: LinearModel, second: LinearModel, degree: int) -> _Products:
    functions = first.order + 1, second.order + 1
    chosen = [list(combinations_with_replacement(range(functions[0]), power)) for power in range(1, degree + 1)]
    monomials = [monomial for power in chosen for monomial in power]
    triangle = np.zeros((0, len(monomials) * functions[1] + 2))
    for u, y in records:
        signals = first.simulate(u)
        products = [signals[:, list(monomial)].prod(axis=1, keepdims=True) for monomial in monomials]
        filtered = [second.simulate(product) for product in products]
        triangle = upper_triangle(triangle, np.hstack([*filtered, np.ones_like(y), y]))
    terms = triangle[:, :-2].reshape(len(triangle), len(monomials), functions[1])
    powers = tuple(_Power(np.array(each), np.array([_orderings(m) for m in each])) for each in chosen)
    return _Products(terms, triangle[:, -2], triangle[:, -1], powers, functions)


def _orderings(monomial: tuple[int, ...]) -> int:
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
