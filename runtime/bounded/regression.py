"""Kernel regression and its error bound as two functions of tensors, for use without a training module."""

from __future__ import annotations

import math
from typing import Literal, overload

import torch
from torch import Tensor

from sysidc.runtime.bounded.kernels import Kernel


@overload
def kernel_regression(
    inputs: Tensor,
    memory: Tensor,
    targets: Tensor,
    kernel: Kernel,
    bandwidth: float,
    p: float = 2,
    return_kernel_density: Literal[False] = False,
) -> Tensor: ...


@overload
def kernel_regression(
    inputs: Tensor,
    memory: Tensor,
    targets: Tensor,
    kernel: Kernel,
    bandwidth: float,
    p: float = 2,
    *,
    return_kernel_density: Literal[True],
) -> tuple[Tensor, Tensor]: ...


def kernel_regression(
    inputs: Tensor,
    memory: Tensor,
    targets: Tensor,
    kernel: Kernel,
    bandwidth: float,
    p: float = 2,
    return_kernel_density: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """m(x) = sum_i k(|x - x_i| / h) y_i / sum_i k(|x - x_i| / h), distances in the p-norm.

    inputs (queries, dim), memory (samples, dim), targets (samples,) -> predictions (queries,); with
    `return_kernel_density` also the kernels (samples, queries), which `kernel_regression_bounds` takes. Where no sample
    lies within the bandwidth the prediction is the nearest sample's target.
    Source: Nadaraya (1964), Watson (1964).
    """
    distances = torch.cdist(memory, inputs, p=p, compute_mode="donot_use_mm_for_euclid_dist")
    kernels = kernel(distances, width=bandwidth)
    kappa = kernels.sum(dim=0)
    means = (kernels * targets.unsqueeze(1)).sum(dim=0) / torch.where(kappa > 0, kappa, 1.0)
    predictions = torch.where(kappa > 0, means, targets[distances.argmin(dim=0)])
    return (predictions, kernels) if return_kernel_density else predictions


def kernel_regression_bounds(
    kernels: Tensor, dim: int, bandwidth: float, delta: float, lipschitz_constant: float, noise_std: float
) -> Tensor:
    """L h + 2 sigma alpha / kappa: with probability 1 - delta the true value is that near to the prediction.

    kernels (samples, queries) -> half-width of the band (queries,), in the units of the targets; kappa is the sum of
    the kernels over the samples and `dim` the dimension of the output (1 for one channel). It is infinite where
    kappa is 0: without a sample near the regression promises nothing (`Band` goes on there with the nearest sample).
    The bound is made for kernels that are at most 1; see `kernels.at_zero`.
    Source: Wachel, Kowalczyk, Rojas, arXiv 2305.03295 (2023).
    """
    return half_width(kernels.sum(dim=0), dim, bandwidth, delta, lipschitz_constant, noise_std)


def half_width(kappa: Tensor, dim: int, bandwidth: float, delta: float, lipschitz: float, noise_std: float) -> Tensor:
    """L h + 2 sigma alpha(kappa) / kappa for sums of kernels of any shape, infinite where kappa is 0.

    alpha = sqrt(log(2^(dim/2) / delta)) for kappa <= 1, sqrt(kappa log((1 + kappa)^(dim/2) / delta)) above.
    Raises ValueError unless 0 < delta < 1.
    """
    few = torch.full_like(kappa, single_sample_alpha(delta, dim))
    many = torch.sqrt(kappa * (dim / 2 * torch.log1p(kappa) - math.log(delta)))
    alpha = torch.where(kappa <= 1, few, many)
    width = lipschitz * bandwidth + 2 * noise_std * alpha / torch.where(kappa > 0, kappa, 1.0)
    return torch.where(kappa > 0, width, torch.inf)


def single_sample_alpha(delta: float, dim: int = 1) -> float:
    """sqrt(log(2^(dim/2) / delta)): alpha where the kernels add up to one sample or less."""
    if not 0 < delta < 1:
        raise ValueError(f"delta is a probability between 0 and 1, not {delta}")
    return math.sqrt(dim / 2 * math.log(2) - math.log(delta))
