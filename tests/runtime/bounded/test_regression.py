"""Kernel regression and its bound, by their formulas."""

import math

import pytest
import torch
from torch.testing import assert_close

from sysidc.runtime.bounded import kernel_regression, kernel_regression_bounds
from sysidc.runtime.bounded.kernels import box, epanechnikov


def test_the_prediction_is_the_weighted_mean_of_the_samples_within_the_bandwidth() -> None:
    memory = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    targets = torch.tensor([2.0, 5.0, 100.0], dtype=torch.float64)
    inputs = torch.tensor([[0.5], [0.0], [1.0]], dtype=torch.float64)

    predictions, kernels = kernel_regression(
        inputs, memory, targets, epanechnikov, bandwidth=2.0, return_kernel_density=True
    )

    def weight(distance: float) -> float:
        return 0.75 * (1 - (distance / 2) ** 2)

    half = weight(1.0)
    assert_close(kernels[:, 1], torch.tensor([0.75, half, 0.0], dtype=torch.float64))
    expected = torch.tensor([3.5, (2 * 0.75 + 5 * half) / (0.75 + half), (2 * half + 5 * 0.75) / (half + 0.75)])
    assert_close(predictions, expected.double())
    assert_close(kernel_regression(inputs, memory, targets, epanechnikov, 2.0), predictions)


@pytest.mark.parametrize(("p", "inside"), [(1, False), (2, True)])
def test_distances_are_in_the_p_norm(p: int, inside: bool) -> None:
    memory, inputs = torch.tensor([[0.6, 0.6]]), torch.zeros(1, 2)
    _, kernels = kernel_regression(inputs, memory, torch.ones(1), box, 1.0, p, return_kernel_density=True)
    assert bool(kernels.item()) is inside


def test_without_a_sample_near_the_nearest_one_is_the_prediction_and_nothing_is_promised() -> None:
    memory, targets = torch.tensor([[0.0], [1.0]]), torch.tensor([3.0, 4.0])
    predictions, kernels = kernel_regression(
        torch.tensor([[9.0]]), memory, targets, box, 0.1, return_kernel_density=True
    )
    assert_close(predictions, torch.tensor([4.0]))
    assert kernel_regression_bounds(kernels, 1, 0.1, 0.1, 1.0, 0.0).isposinf().all()


@pytest.mark.parametrize("kappa", [0.2, 1.0, 1.001, 7.5])
@pytest.mark.parametrize("dim", [1, 3])
def test_the_bound_is_the_formula_of_the_paper(kappa: float, dim: int) -> None:
    h, delta, L, sigma = 0.2, 0.1, 1.4, 0.05
    if kappa <= 1:
        alpha = math.sqrt(math.log(2 ** (dim / 2) / delta))
    else:
        alpha = math.sqrt(kappa * math.log((1 + kappa) ** (dim / 2) / delta))
    kernels = torch.full((4, 2), kappa / 4, dtype=torch.float64)
    bounds = kernel_regression_bounds(kernels, dim, h, delta, L, sigma)
    assert_close(bounds, torch.full((2,), L * h + 2 * sigma * alpha / kappa, dtype=torch.float64))


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1])
def test_delta_is_a_probability(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        kernel_regression_bounds(torch.ones(1, 1), 1, 0.1, delta, 1.0, 0.1)
