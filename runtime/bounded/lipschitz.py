"""A Lipschitz constant from noisy samples, where the user knows none."""

from __future__ import annotations

from math import isqrt

import numpy as np
import torch
from torch import Tensor

from sysidc.runtime.bounded.neighbours import Neighbours
from sysidc.runtime.bounded.products import Floats

# local slopes are means over a neighbourhood, and no sample stands at the steepest place: Strongin's factor r > 1
RELIABILITY = 1.1
LEAST_NEIGHBOURS = 32
# numbers of neighbourhoods that are fitted together: 32 MiB, which stay in the cache
NUMBERS_AT_ONCE = 1 << 22
# squared extent of a direction in which a neighbourhood has none, beside its widest one
FLAT = 1e-12
# a share of that at which rounding leaves no doubt that no direction is flat
SAFE = 1e-3


def estimate_lipschitz(points: Tensor, targets: Tensor) -> float:
    """L = r max_i sqrt(|g_i|^2 - tr cov g_i), g_i being the slope of a plane through the neighbours of sample i.

    points (samples, dim), targets (samples,) -> L, in units of the targets per unit of the points. Each plane is fitted
    by least squares to the max(32, 4 (dim + 1), 2 sqrt(samples)) nearest distinct points, cov g_i following from the
    residuals: the difference quotient of two samples would be ruled by the noise. An estimate, no bound: a function
    that is steep where no sample lies is not seen, so a known constant is always to be preferred.
    Sources: Fan and Gijbels, Local Polynomial Modelling (1996), ch. 3 (local slopes); Strongin (1973) and Wood and
    Zhang, J. Global Optim. 8 (1996) (a largest slope, and its factor, as estimate of L).
    """
    places, values = _distinct(points.numpy(), targets.numpy())
    # a share of the samples that vanishes while the number grows: both the noise and the bias of a slope go to 0
    count = min(max(LEAST_NEIGHBOURS, 4 * (places.shape[1] + 1), 2 * isqrt(len(places))), len(places))
    if count < 2:
        return 0.0
    samples = Neighbours(places).nearest(places, count)[1]
    parts = np.array_split(samples, samples.size * places.shape[1] // NUMBERS_AT_ONCE + 1)
    largest = max(_squared_slopes(places[part], values[part]).max() for part in parts)
    return RELIABILITY * float(np.sqrt(max(largest, 0.0)))


def _squared_slopes(places: Floats, values: Floats) -> Floats:
    """|g|^2 - tr cov g per neighbourhood; places (batch, count, dim), values (batch, count)."""
    X = places - places.mean(axis=1, keepdims=True)
    Y = values - values.mean(axis=1, keepdims=True)
    inverse = _inverses(np.matmul(X.swapaxes(1, 2), X))
    g = np.matmul(inverse, np.matmul(X.swapaxes(1, 2), Y[:, :, None]))
    residuals = Y - np.matmul(X, g)[:, :, 0]
    freedom = max(values.shape[1] - places.shape[2] - 1, 1)
    variance = np.square(residuals).sum(axis=1) / freedom
    squares: Floats = np.square(g).sum(axis=(1, 2)) - variance * np.trace(inverse, axis1=1, axis2=2)
    return squares


def _inverses(grams: Floats) -> Floats:
    """Inverses of X'X (batch, dim, dim); directions in which a neighbourhood has no extent get 0 instead."""
    factors, failed = torch.linalg.cholesky_ex(torch.from_numpy(grams))
    factors[failed != 0] = torch.eye(grams.shape[1], dtype=factors.dtype)
    inverses: Floats = torch.cholesky_inverse(factors).numpy()
    # the product of the traces is above the ratio of the widest to the thinnest direction
    spread = np.trace(grams, axis1=1, axis2=2) * np.trace(inverses, axis1=1, axis2=2)
    thin = (failed.numpy() != 0) | ~(spread < SAFE / FLAT)
    inverses[thin] = _inverses_of_thin(grams[thin])
    return inverses


def _inverses_of_thin(grams: Floats) -> Floats:
    extents, directions = np.linalg.eigh(grams)
    thin = extents <= FLAT * extents[:, -1:]
    inverted = np.where(thin, 0.0, 1 / np.where(thin, 1.0, extents))
    product: Floats = np.matmul(directions * inverted[:, None], directions.swapaxes(1, 2))
    return product


def _distinct(points: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Each place once, with the mean of its targets."""
    places, group, counts = np.unique(points, axis=0, return_inverse=True, return_counts=True)
    return places, np.bincount(group.ravel(), targets) / counts
