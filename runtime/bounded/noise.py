"""Standard deviation of the noise in the targets, from nearest neighbours in the input space."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from sysidc.runtime.bounded.neighbours import Neighbours
from sysidc.runtime.bounded.products import Floats

NEIGHBOURS = 10


def estimate_noise(points: Tensor, targets: Tensor, lipschitz: float) -> float:
    """sigma = sqrt(mean(dy^2) / 2) over nearest neighbours, corrected for what the function itself moves in between.

    points (samples, dim), targets (samples,) -> sigma, in the units of the targets. Two samples at distance d differ by
    their noise and by up to L d, so mean(dy^2) / 2 = sigma^2 + c mean(d^2) with 0 <= c <= L^2 / 2. The mean over the
    first neighbours, the second, ... the tenth gives ten points on this line; c is their least-squares slope, kept in
    its range, and the nearest neighbours' mean less c mean(d^2), no less than 0, is sigma^2. Taking off the whole
    (L d)^2 instead would make sigma, and the band, too small wherever the function is flatter than L.
    Source: Evans and Jones, A proof of the Gamma test, Proc. R. Soc. A 458 (2002).
    """
    count = min(NEIGHBOURS, len(points) - 1)
    if count < 1:
        return 0.0
    moved, halves = _moments(points.numpy(), targets.numpy(), count)
    spread = moved - moved.mean()
    scale = float(spread @ spread)
    slope = float(spread @ (halves - halves.mean())) / scale if scale > 0 else 0.0
    slope = min(max(slope, 0.0), lipschitz**2 / 2)
    variance = halves[0] - slope * moved[0]
    return float(np.sqrt(max(variance, 0.0)))


def _moments(points: Floats, targets: Floats, count: int) -> tuple[Floats, Floats]:
    """mean(d^2) and mean(dy^2) / 2 over all samples, for the p-th neighbours, p = 1 .. count."""
    d, others = Neighbours(points).nearest_others(count)
    dy = targets[others] - targets[:, None]
    return np.square(d).mean(axis=0), np.square(dy).mean(axis=0) / 2
