"""The static curve between two given blocks, by least squares: how good a start the blocks are, before any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sysidc.runtime.solvers.hankel import Pair, upper_triangle
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.recurrence import Floats


@dataclass(frozen=True)
class StaticCurve:
    """Straight pieces between `knots`, going on straight outside: `values` (knots,) at `knots` (knots,), rising.

    `error` is the root mean square of what the cascade with this curve leaves of the outputs.
    """

    knots: Floats
    values: Floats
    error: float

    def __call__(self, x: Floats) -> Floats:
        return np.asarray(_hats(self.knots, x.reshape(-1)) @ self.values).reshape(x.shape)


def static_curve(
    records: Sequence[Pair], first: LinearModel, second: LinearModel, knots: int = 15, washout: int = 0
) -> StaticCurve:
    """The curve f that is best in y = G2 f(G1 u), from records u (time, 1), y (time, 1).

    y is linear in the values of f at the knots, which lie at evenly spaced shares of the signal between the blocks.
    Both blocks start from zero; the first `washout` steps of each record are not counted. What the records do not
    determine is held smooth by a pull of 1e-6 towards straight lines.
    """
    between = [first.simulate(u)[:, 0] for u, _ in records]
    places = np.unique(np.quantile(np.concatenate(between), np.linspace(0, 1, knots)))
    triangle = np.zeros((0, len(places) + 1))
    for x, (_, y) in zip(between, records, strict=True):
        hats = _hats(places, x)
        filtered = np.hstack([second.simulate(hat[:, None]) for hat in hats.T])
        triangle = upper_triangle(triangle, np.hstack([filtered, y])[washout:])
    smooth = np.diff(np.eye(len(places)), 2, axis=0) * 1e-6 * np.abs(triangle[:, :-1]).max(initial=0.0)
    rows = np.vstack([triangle, np.hstack([smooth, np.zeros((len(smooth), 1))])])
    values = np.linalg.lstsq(rows[:, :-1], rows[:, -1], rcond=1e-12)[0]
    missed = float(np.linalg.norm(triangle[:, -1] - triangle[:, :-1] @ values))
    samples = sum(max(0, len(y) - washout) for _, y in records)
    return StaticCurve(places, values, missed / max(1, samples) ** 0.5)


def _hats(knots: Floats, x: Floats) -> Floats:
    """How much each knot counts at x, (time, knots): 1 at the knot, 0 at the others, straight between and beyond."""
    if len(knots) == 1:
        return np.ones((len(x), 1))
    piece = np.clip(np.searchsorted(knots, x) - 1, 0, len(knots) - 2)
    share = (x - knots[piece]) / (knots[piece + 1] - knots[piece])
    hats = np.zeros((len(x), len(knots)))
    steps = np.arange(len(x))
    hats[steps, piece], hats[steps, piece + 1] = 1 - share, share
    return hats
