"""Is the system linear? What powers of states and inputs explain of the best linear fit's error, on steps held back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sysidc.runtime.inspection.channels import Channels
from sysidc.runtime.inspection.order import Order
from sysidc.runtime.solvers.hankel import Pair
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.output_error import fit_inputs, fit_start
from sysidc.runtime.solvers.recurrence import Floats

FOLDS = 3
"""Every record is cut into so many stretches, each of which is held back once while the others are fitted."""

EXPLAINED = 0.1
"""The powers must explain this share of the variance that the linear fit misses."""

NEGLIGIBLE = 2e-3
"""A linear model that misses no more of the outputs' movement than this is enough, whatever the powers explain."""

SAMPLES_PER_NUMBER = 15
"""Powers are left out until there are so many samples for each number that is fitted."""

MOST = 40
"""More powers than this cost time and tell no more."""

FEWEST = 150
"""Fewer steps than this tell nothing."""


@dataclass(frozen=True)
class Linearity:
    """`missed` is the root mean square, relative to the outputs, that the linear fit misses on steps held back,
    `with_powers` what is missed when powers of states and inputs drive the same dynamics as well."""

    missed: float
    with_powers: float

    @property
    def explained(self) -> float:
        """The share of the missed variance that the powers explain, 0 where they do harm."""
        return max(0.0, 1 - (self.with_powers / self.missed) ** 2) if self.missed > 0 else 0.0

    @property
    def linear(self) -> bool:
        return self.explained < EXPLAINED or self.missed <= NEGLIGIBLE


def linearity(measured: Channels, order: Order) -> Linearity | None:
    """`measured` without its delays. None where there are too few steps.

    All fits are driven through the linear model's dynamics, x+ = A x + B w, y = C x + D w: the linear ones by
    w = [1, u] and by w = [1, u, x], x being the linear model's states, which leaves room for a better linear model; the
    others also by v^2, v |v| and products of two, v = [u, y, x]. For a linear system they explain nothing of what the
    linear fits miss. Sets of a few powers and of more are tried; of both kinds the best counts.
    """
    if measured.samples < FEWEST:
        return None
    model = order.model
    sides = [_drives(model, u, y) for u, y in measured.records]
    spread = np.maximum(np.concatenate(sides).std(axis=0), 1e-12)
    records = [(side / spread, y) for side, (_, y) in zip(sides, measured.records, strict=True)]
    inputs, outputs = len(measured.inputs), len(measured.outputs)
    linear = [_driven(records, [*range(inputs)], []), _driven(records, _without(inputs, outputs, len(spread)), [])]
    room = measured.samples // SAMPLES_PER_NUMBER // (model.order + outputs) - len(spread)
    sets = _sets(inputs, outputs, model.order)
    sizes = sorted({min(size, MOST, max(2, room)) for size in sets.ends})
    bent = [_driven(records, _without(inputs, outputs, len(spread)), sets.powers[:size]) for size in sizes]
    return Linearity(*(min(_held_back(model, fit) for fit in fits) for fits in (linear, bent)))


def _drives(model: LinearModel, u: Floats, y: Floats) -> Floats:
    """v = [u, y of the linear model, its states] (time, ..): what powers are made of."""
    states = model.states(u, fit_start(model, u, y))
    return np.concatenate([u, model.outputs(states, u), states], axis=1)


@dataclass(frozen=True)
class _Sets:
    """Pairs of columns of `_drives`; (i, i) stands for v^2, (i, -1) for v |v|, (i, j) for a product. `ends` says after
    how many a set is complete: those of outputs and inputs, those of all, and with the products."""

    powers: list[tuple[int, int]]
    ends: tuple[int, int, int]


def _sets(inputs: int, outputs: int, states: int) -> _Sets:
    seen, everything = range(inputs + outputs), range(inputs + outputs + states)
    first = [power for column in seen for power in ((column, -1), (column, column))]
    second = [power for column in everything for power in ((column, -1), (column, column)) if power not in first]
    products = list(combinations(everything, 2))
    ends = (len(first), len(first) + len(second), len(first) + len(second) + len(products))
    return _Sets(first + second + products, ends)


def _without(inputs: int, outputs: int, columns: int) -> list[int]:
    """The columns of `_drives` besides the outputs, which follow from the others."""
    return [column for column in range(columns) if not inputs <= column < inputs + outputs]


def _driven(records: Sequence[Pair], columns: Sequence[int], powers: Sequence[tuple[int, int]]) -> list[Pair]:
    """w = [1, some columns, some powers], the powers' means off."""
    bent = [
        np.stack([v[:, i] * (np.abs(v[:, i]) if j < 0 else v[:, j]) for i, j in powers], axis=1)
        if powers
        else np.empty((len(v), 0))
        for v, _ in records
    ]
    means = np.concatenate(bent).mean(axis=0)
    return [
        (np.concatenate([np.ones((len(v), 1)), v[:, columns], power - means], axis=1), y)
        for power, (v, y) in zip(bent, records, strict=True)
    ]


def _held_back(model: LinearModel, records: Sequence[Pair]) -> float:
    """What fits to the other stretches miss in each."""
    missed = [error for fold in range(FOLDS) for error in _missed(model, records, fold)]
    return float(np.sqrt(np.mean(np.concatenate(missed) ** 2)))


def _missed(model: LinearModel, records: Sequence[Pair], fold: int) -> Iterator[Floats]:
    fitted: list[Pair] = []
    fresh: list[Pair] = []
    for w, y in records:
        first, end = len(w) * fold // FOLDS, len(w) * (fold + 1) // FOLDS
        fresh.append((w[first:end], y[first:end]))
        fitted += [(w[:first], y[:first])] * (first > 0) + [(w[end:], y[end:])] * (end < len(w))
    found, _ = fit_inputs(model.A, model.C, fitted)
    for w, y in fresh:
        yield y - found.simulate(w, fit_start(found, w, y))
