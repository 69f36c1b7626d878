"""A linear state-space model in discrete time as four matrices: responses, poles and zeros, changes of coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import linalg

from sysidc.runtime.solvers.recurrence import Floats, Recurrence
from sysidc.runtime.solvers.zeros import transmission_zeros

Complexes: TypeAlias = npt.NDArray[np.complex128]

LARGEST_RADIUS = 1 - 1e-6
"""Where `stabilised` puts poles that lie on the unit circle."""


@dataclass(frozen=True)
class LinearModel:
    """x[k+1] = A x[k] + B u[k],  y[k] = C x[k] + D u[k].

    A (states, states), B (states, inputs), C (outputs, states), D (outputs, inputs), all float64; 0 states are allowed.
    Raises ValueError where the shapes do not fit together.
    """

    A: Floats
    B: Floats
    C: Floats
    D: Floats

    def __post_init__(self) -> None:
        outputs, inputs = self.D.shape
        shapes = (self.A.shape, self.B.shape, self.C.shape)
        expected = ((len(self.A), len(self.A)), (len(self.A), inputs), (outputs, len(self.A)))
        if shapes != expected:
            raise ValueError(f"A, B, C have the shapes {shapes}; with D {self.D.shape} they must be {expected}")

    @property
    def order(self) -> int:
        """The number of states."""
        return len(self.A)

    @cached_property
    def _recurrence(self) -> Recurrence:
        return Recurrence(self.A)

    def simulate(self, u: Floats, x0: Floats | None = None) -> Floats:
        """u (time, inputs) -> y (time, outputs), from the state x0 (states,), zero where it is left out."""
        return self.outputs(self.states(u, x0), u)

    def outputs(self, x: Floats, u: Floats) -> Floats:
        """C x + D u at every step: x (time, states), u (time, inputs) -> (time, outputs)."""
        y: Floats = x @ self.C.T + u @ self.D.T
        return y

    def states(self, u: Floats, x0: Floats | None = None) -> Floats:
        """u (time, inputs) -> x (time, states), the first of them x0."""
        start = np.zeros(self.order) if x0 is None else np.asarray(x0, dtype=np.float64)
        return self._recurrence(np.asarray(u, dtype=np.float64) @ self.B.T, start)

    def impulse_response(self, steps: int) -> Floats:
        """The Markov parameters D, CB, CAB, ... as (steps, outputs, inputs)."""
        response = np.empty((steps, *self.D.shape))
        column = self.B
        for k in range(steps):
            response[k] = self.D if k == 0 else self.C @ column
            column = column if k == 0 else self.A @ column
        return response

    def frequency_response(self, omega: Floats) -> Complexes:
        """C (e^{i omega} I - A)^-1 B + D: omega (points,) in radians per step -> (points, outputs, inputs)."""
        resolvent = np.exp(1j * np.asarray(omega))[:, None, None] * np.eye(self.order) - self.A
        states = np.linalg.solve(resolvent, np.broadcast_to(self.B, (len(omega), *self.B.shape)))
        return np.asarray(self.C @ states + self.D, dtype=np.complex128)

    def poles(self) -> Complexes:
        return np.linalg.eigvals(self.A).astype(np.complex128)

    def zeros(self) -> Complexes:
        """The finite transmission zeros. Raises ValueError unless inputs and outputs are equally many and the transfer
        function is invertible."""
        return transmission_zeros(self.A, self.B, self.C, self.D)

    def transformed(self, T: Floats) -> LinearModel:
        """The same response in the coordinates T x; T (states, states) must be invertible."""
        back = np.linalg.inv(T)
        return LinearModel(T @ self.A @ back, T @ self.B, self.C @ back, self.D)

    def scaled(self, records: Sequence[Floats]) -> LinearModel:
        """Every state divided by its standard deviation while `records`, each (time, inputs), drive it from zero.

        A state that does not move keeps its unit.
        """
        x = np.concatenate([self.states(u) for u in records])
        spread = x.std(axis=0)
        moving = spread > 1e-12 * max(float(spread.max(initial=0.0)), np.finfo(np.float64).tiny)
        return self.transformed(np.diag(1 / np.where(moving, spread, 1.0)))

    def levelled(self, records: Sequence[Floats], least: float = 0.1) -> LinearModel:
        """Coordinates in which no direction of the states hides behind another while `records` drive them from zero.

        x' = S^-1/2 x, S being the covariance of the states, its eigenvalues raised to `least` times the largest where
        they are smaller: uncorrelated states of unit variance, weak ones amplified no more than those at that bound.
        States that do not move at all stay as they are.
        """
        x = np.concatenate([self.states(u) for u in records])
        values, directions = np.linalg.eigh(np.atleast_2d(np.cov(x, rowvar=False)))
        floor = least * float(values[-1]) if values[-1] > np.finfo(np.float64).tiny else 1.0
        return self.transformed(directions @ np.diag(np.maximum(values, floor) ** -0.5) @ directions.T)

    def integrators_first(self) -> LinearModel:
        """Coordinates in which A moves the first states least: with a pole of one they add up the others, which do not
        depend on them."""
        directions = np.linalg.svd(self.A - np.eye(self.order))[2]
        return self.transformed(directions[::-1])

    def stabilised(self, radius: float = LARGEST_RADIUS) -> LinearModel:
        """Poles outside the unit circle mirrored into it, p -> 1 / conj(p), and none left beyond `radius`.

        Each diagonal block of the real Schur form is multiplied by one number: pairs stay pairs and A stays real.
        """
        if np.abs(self.poles()).max(initial=0.0) <= radius:
            return self
        schur = linalg.schur(self.A, output="real")
        T, Z = schur[0], schur[1]
        for block in _diagonal_blocks(T):
            size = float(np.abs(np.linalg.eigvals(T[block, block])).max())
            if size > radius:
                T[block, block] *= min(1 / size, radius) / size
        return replace(self, A=Z @ T @ Z.T)

    def balanced(self) -> LinearModel:
        """Coordinates in which both Gramians are the same diagonal matrix, the best reachable and seen state first.

        Raises ValueError where the model is not stable, or not minimal.
        Source: Moore, IEEE Trans. Automatic Control 26 (1981).
        """
        if np.abs(self.poles()).max(initial=0.0) >= 1:
            raise ValueError("only a stable model can be balanced")
        reached = _factor(linalg.solve_discrete_lyapunov(self.A, self.B @ self.B.T))
        seen = _factor(linalg.solve_discrete_lyapunov(self.A.T, self.C.T @ self.C))
        U, hankel, _ = np.linalg.svd(seen.T @ reached)
        if hankel.min(initial=np.inf) <= 1e-14 * hankel.max(initial=0.0):
            raise ValueError("only a minimal model can be balanced")
        return self.transformed((U / np.sqrt(hankel)).T @ seen.T)


def series(first: LinearModel, second: LinearModel) -> LinearModel:
    """`first` drives `second`: u -> first -> second -> y, the states of `first` on top."""
    A = np.block([[first.A, np.zeros((first.order, second.order))], [second.B @ first.C, second.A]])
    B = np.vstack([first.B, second.B @ first.D])
    return LinearModel(A, B, np.hstack([second.D @ first.C, second.C]), second.D @ first.D)


def fit_percent(y: Floats, y_model: Floats) -> Floats:
    """100 (1 - |y - y_model| / |y - mean|) for each channel: (time, outputs) twice -> (outputs,).

    100 is exact, 0 no better than the mean; minus infinity where y is constant and missed.
    Source: Ljung, System Identification, 2nd ed. (1999), ch. 17.
    """
    missed = np.linalg.norm(y - y_model, axis=0)
    spread = np.linalg.norm(y - y.mean(axis=0), axis=0)
    with np.errstate(divide="ignore"):
        share = np.divide(missed, spread, out=np.zeros_like(missed), where=missed > 0)
    return np.asarray(100 * (1 - share))


def _diagonal_blocks(T: Floats) -> list[slice]:
    """The 1 x 1 and 2 x 2 blocks on the diagonal of a real Schur form."""
    blocks, first = [], 0
    while first < len(T):
        size = 2 if first + 1 < len(T) and T[first + 1, first] != 0 else 1
        blocks.append(slice(first, first + size))
        first += size
    return blocks


def _factor(gramian: Floats) -> Floats:
    """L with L L' = gramian, where rounding may have left it slightly indefinite."""
    values, vectors = np.linalg.eigh((gramian + gramian.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
