"""Is the system a static curve between two linear blocks? What such a cascade misses before any training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sysidc.runtime.inspection.channels import Channels
from sysidc.runtime.inspection.order import BLOCK, Order
from sysidc.runtime.solvers.cascade_starts import cascade_starts
from sysidc.runtime.solvers.output_error import fit_inputs
from sysidc.runtime.solvers.subspace import subspace

LINEAR, ENOUGH = 20_000, 6_000
"""Samples of the longest record that the linear model is made of, and that cascades are tried on."""

WASHOUT = 0.05
"""The share of them that counts for no error: blocks start from zero."""

MOST_STATES = 4
"""States of a block that are tried."""

CLEAR = 0.3
"""A cascade is worth telling where it misses no more than this share of what the linear model does."""


@dataclass(frozen=True)
class Cascade:
    """Two blocks of `states` states and a curve between them; `missed` and `linear`, by the linear model of as many
    states, are root mean squares relative to the outputs' movement."""

    states: int
    missed: float
    linear: float

    @property
    def clear(self) -> bool:
        return self.missed < CLEAR * self.linear


def cascade(measured: Channels, order: Order) -> Cascade | None:
    """`measured` without its delays. None for several channels, and where no linear model can be shared out."""
    if len(measured.inputs) != 1 or len(measured.outputs) != 1 or order.states == 0:
        return None
    states = min(MOST_STATES, max(2, (order.states + 3) // 2))
    pair = max(measured.records, key=lambda pair: len(pair[0]))
    u, y = (side[:ENOUGH] for side in pair)
    washout = int(WASHOUT * len(u))
    try:
        model = subspace([(pair[0][:LINEAR], pair[1][:LINEAR])], BLOCK, 2 * states).model
        ways = cascade_starts([(u, y)], model, states, states, np.random.default_rng(0), 1, 1, washout, anew=0)
    except ValueError:
        return None
    if not ways:
        return None
    _, linear = fit_inputs(model.A, model.C, [(u, y)])
    spread = float(y[washout:].std())
    return Cascade(states, ways[0].curve.error / spread, linear / spread)
