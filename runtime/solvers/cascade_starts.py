"""Starts for linear - curve - linear, best first: a linear model shared out, numerators and curve by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sysidc.runtime.solvers.block_starts import splits
from sysidc.runtime.solvers.hankel import Pair
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.pole_products import pole_products
from sysidc.runtime.solvers.static_curve import StaticCurve, static_curve

Blocks: TypeAlias = tuple[LinearModel, LinearModel]

SHARED = 64
ANEW = 4


@dataclass(frozen=True)
class CascadeStart:
    """y = second(curve(first(u))); the signal that the curve sees has unit standard deviation."""

    first: LinearModel
    second: LinearModel
    curve: StaticCurve


def cascade_starts(
    records: Sequence[Pair],
    model: LinearModel,
    n1: int,
    n2: int,
    rng: np.random.Generator,
    degree: int = 3,
    most: int = 8,
    washout: int = 0,
    anew: int = ANEW,
) -> list[CascadeStart]:
    """Up to `most` starts with blocks of n1 and n2 states, by the error that is left after the best static curve.

    `model` is a linear model of the records with n1 + n2 states. Its poles and zeros are shared out in up to `SHARED`
    ways; the best `anew` sets of poles among these are tried once more with numerators found anew (`pole_products` with
    a polynomial of `degree`). The list is empty where pairs of poles cannot be shared out. Some thousand steps of the
    records are enough; the first `washout` of each are not counted.
    """
    inputs = [u for u, _ in records]

    def ranked(blocks: Sequence[Blocks]) -> list[CascadeStart]:
        starts = [CascadeStart(*pair, static_curve(records, *pair, washout=washout)) for pair in blocks]
        return sorted(starts, key=lambda start: start.curve.error)

    shared = ranked(splits(model, n1, n2, rng, inputs, SHARED))
    best = _different_poles([(start.first, start.second) for start in shared])[:anew]
    fresh = ranked([pole_products(records, first.poles(), second.poles(), degree) for first, second in best])
    return sorted([*fresh, *shared], key=lambda start: start.curve.error)[:most]


def _different_poles(blocks: Sequence[Blocks]) -> list[Blocks]:
    """One split for each way to share out the poles."""
    found: dict[tuple[complex, ...], Blocks] = {}
    for first, second in blocks:
        found.setdefault(tuple(np.round(np.sort_complex(first.poles()), 9).tolist()), (first, second))
    return list(found.values())
