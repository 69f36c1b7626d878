"""A linear state-space model from records, without iterations: the subspace method, order included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sysidc.runtime.solvers.excited import check_records
from sysidc.runtime.solvers.hankel import Factor, Pair, fitting_block, hankel_factor
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.output_error import fit_inputs, fit_start, simulation_error
from sysidc.runtime.solvers.recurrence import Floats
from sysidc.runtime.solvers.weightings import WEIGHTINGS, canonical_correlations

LARGEST_ORDER = 10
"""The most states that the singular values may suggest."""

CLEAR = 1.25
"""How far above chance a canonical correlation counts."""

CERTAIN = 0.95
"""A canonical correlation above this counts however short the records are."""

ENOUGH = 1.01
"""A lower order is taken if its simulation error is at most this times as large: states of the noise are left out."""

EXACT = 1e-9
"""Simulation errors below this, relative to the outputs, are rounding."""


@dataclass(frozen=True)
class SubspaceEstimate:
    """`model` is stable; `singular_values` (block * outputs,) are the canonical correlations between past and future
    outputs, each between 0 and 1, from which the order is told. `x0` holds one start state (states,) for each record,
    `weighting` the name of the weighting that simulated best, `block` how many steps past and future had, `error` the
    root mean square of what the simulation of all records misses, (outputs,), in their units."""

    model: LinearModel
    singular_values: Floats
    x0: tuple[Floats, ...]
    weighting: str
    block: int
    error: Floats


def subspace(records: Sequence[Pair], block: int, states: int | None = None) -> SubspaceEstimate:
    """The linear model of the records, each u (time, inputs) and y (time, outputs), of any lengths.

    A and C come from the column space of the future outputs as the past explains them, once the future inputs are
    accounted for; B, D and a start state for each record from least squares on the simulated outputs. Three weightings
    are tried and the one that simulates best is kept: PO-MOESP, CVA, and PI-MOESP, which uses past inputs alone and is
    therefore not led astray by coloured noise. Poles outside the unit circle are mirrored before B and D are fitted.

    Signals are taken as they are, so take means off first. `block`, the steps of past and of future, should cover the
    slowest time constant; it is reduced where records are short. `states = None` takes the order that the
    singular values suggest (`suggested_order`), less the states that do not help to simulate (`ENOUGH`).
    Raises ValueError, with a sentence, for values that are not finite, constant or collinear inputs, and records too
    short for the order.
    Source: Van Overschee and De Moor, Subspace Identification for Linear Systems (1996); `weightings.py` for the three.
    """
    check_records(records)
    u_scale, y_scale = (root_mean_square([record[side] for record in records]) for side in (0, 1))
    scaled = [(u / u_scale, y / y_scale) for u, y in records]
    outputs, channels = len(y_scale), len(u_scale) + len(y_scale)
    block = fitting_block([len(u) for u, _ in records], channels, block)
    factor = hankel_factor(scaled, block)
    correlations = canonical_correlations(factor)
    most = (block - 1) * outputs
    order = min(most, suggested_order(correlations, factor)) if states is None else states
    if not 1 <= order <= most:
        raise ValueError(
            f"{order} states cannot be estimated: the records allow 1 to {most}, from blocks of {block} steps"
        )
    best = _best(factor, order, scaled)
    if states is None:
        best = _best(factor, _smallest_order(best, WEIGHTINGS[best.weighting](factor), scaled), scaled)
    model = LinearModel(best.A, best.B / u_scale, y_scale[:, None] * best.C, y_scale[:, None] * best.D / u_scale)
    x0 = tuple(fit_start(model, u, y) for u, y in records)
    return SubspaceEstimate(model, correlations, x0, best.weighting, block, simulation_error(model, x0, records))


def suggested_order(correlations: Floats, factor: Factor) -> int:
    """How many canonical correlations stand out of what two unrelated sets of signals show, 1 .. LARGEST_ORDER.

    For q and r signals on N independent samples chance ends at sqrt(a (1 - b)) + sqrt(b (1 - a)), a = q / N, b = r / N.
    Windows that overlap show a little more, for which `CLEAR` is left.
    Source of the edge: Wachter, Annals of Statistics 8 (1980).
    """
    a = min(0.5, len(factor.past) / factor.columns)
    b = min(0.5, factor.past.shape[1] / factor.columns)
    edge = np.sqrt(a * (1 - b)) + np.sqrt(b * (1 - a))
    return int(np.clip((correlations > min(CLEAR * edge, CERTAIN)).sum(), 1, LARGEST_ORDER))


def root_mean_square(signals: Sequence[Floats]) -> Floats:
    """Of each channel over all records, each (time, channels) -> (channels,); 1 for a channel that is zero."""
    size = np.sqrt(np.mean(np.concatenate(signals) ** 2, axis=0))
    return np.where(size > 0, size, 1.0)


@dataclass(frozen=True)
class _Candidate(LinearModel):
    """A model of the scaled records, the weighting that it came from, the root mean square of what it misses."""

    weighting: str
    missed: float


def _best(factor: Factor, order: int, records: Sequence[Pair]) -> _Candidate:
    candidates = [_candidate(name, weighted(factor), order, records) for name, weighted in WEIGHTINGS.items()]
    return min(candidates, key=lambda candidate: candidate.missed)


def _smallest_order(best: _Candidate, observed: Floats, records: Sequence[Pair]) -> int:
    """The lowest order that simulates nearly as well as the best candidate."""
    for order in range(1, best.order):
        if _candidate(best.weighting, observed, order, records).missed <= ENOUGH * best.missed + EXACT:
            return order
    return best.order


def _candidate(weighting: str, observed: Floats, order: int, records: Sequence[Pair]) -> _Candidate:
    outputs = records[0][1].shape[1]
    C = observed[:outputs, :order]
    A = np.linalg.lstsq(observed[:-outputs, :order], observed[outputs:, :order], rcond=None)[0]
    model, missed = fit_inputs(A, C, records)
    return _Candidate(model.A, model.B, model.C, model.D, weighting, missed)
