"""A single-channel linear model from its zeros, poles and gain, as sections of second order in series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from sysidc.runtime.solvers.linear_model import Complexes, LinearModel, series

Unit: TypeAlias = tuple[complex, ...]
"""A real root alone, or a complex root followed by its conjugate: what must stay together in a real model."""


def units(roots: Complexes) -> list[Unit]:
    """The roots of a real polynomial as real ones and conjugate pairs, in the order of their angle and size.

    An imaginary part within rounding of zero is dropped.
    """
    real = np.abs(roots.imag) <= 1e-12 * np.maximum(1.0, np.abs(roots))
    alone: list[Unit] = [(complex(root.real),) for root in roots[real]]
    pairs: list[Unit] = [(complex(root), complex(root.conjugate())) for root in roots[~real] if root.imag > 0]
    return sorted(alone, key=lambda unit: unit[0].real) + sorted(pairs, key=lambda unit: (unit[0].real, unit[0].imag))


def from_zeros_and_poles(zeros: Sequence[Unit], poles: Sequence[Unit], gain: float) -> LinearModel:
    """gain * prod (z - zeros) / prod (z - poles), one input and one output.

    Sections of second order keep what rounding does to the coefficients away from the poles.
    Raises ValueError where there are more zeros than poles.
    """
    if sum(map(len, zeros)) > sum(map(len, poles)):
        raise ValueError(f"{sum(map(len, zeros))} zeros need as many poles, there are {sum(map(len, poles))}")
    model = LinearModel(np.zeros((0, 0)), np.zeros((0, 1)), np.zeros((1, 0)), np.full((1, 1), gain))
    free = _pairs(zeros)
    for section in _pairs(poles):
        fitting = [index for index, group in enumerate(free) if len(group) <= len(section)]
        model = series(model, _section(free.pop(fitting[0]) if fitting else (), section))
    return model


def _pairs(roots: Sequence[Unit]) -> list[Unit]:
    """Groups of two, real roots joined with real ones, and one of a single root where their number is odd, put last."""
    alone = [unit[0] for unit in roots if len(unit) == 1]
    joined = [tuple(alone[first : first + 2]) for first in range(0, len(alone), 2)]
    return sorted([*(unit for unit in roots if len(unit) == 2), *joined], key=len, reverse=True)


def _section(zeros: Unit, poles: Unit) -> LinearModel:
    """prod (z - zeros) / prod (z - poles) in the controllable form."""
    denominator = np.poly(poles).real
    numerator = np.concatenate([np.zeros(len(poles) - len(zeros)), np.atleast_1d(np.poly(zeros)).real])
    order = len(poles)
    A = np.vstack([-denominator[1:], np.eye(order)[:-1]])
    C = (numerator[1:] - numerator[0] * denominator[1:])[None]
    return LinearModel(A, np.eye(order)[:, :1], C, np.full((1, 1), numerator[0]))
