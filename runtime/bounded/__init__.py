"""Kernel regression with an error band: kernels, the regression and its bound, noise and Lipschitz estimates."""

from sysidc.runtime.bounded.band import Band, Bounds
from sysidc.runtime.bounded.lipschitz import estimate_lipschitz
from sysidc.runtime.bounded.noise import estimate_noise
from sysidc.runtime.bounded.regression import kernel_regression, kernel_regression_bounds

__all__ = [
    "Band",
    "Bounds",
    "estimate_lipschitz",
    "estimate_noise",
    "kernel_regression",
    "kernel_regression_bounds",
]
