"""Noise and Lipschitz constant, estimated where they are known."""

import math

import pytest
import torch
from torch import Tensor

from sysidc.runtime.bounded import estimate_lipschitz, estimate_noise


def wave(count: int, dim: int, sigma: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """tanh of 2 times the mean direction: Lipschitz constant 2."""
    generator = torch.Generator().manual_seed(seed)
    points = 2 * torch.rand(count, dim, generator=generator, dtype=torch.float64) - 1
    clean = torch.tanh(2 * points.sum(dim=1) / math.sqrt(dim))
    return points, clean + sigma * torch.randn(count, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("sigma", [0.0, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("lipschitz", [2.0, 20.0], ids=["known L", "L far too large"])
def test_the_noise_is_found_whatever_the_lipschitz_constant_allows(dim: int, sigma: float, lipschitz: float) -> None:
    found = estimate_noise(*wave(4000, dim, sigma), lipschitz)
    assert found == pytest.approx(sigma, rel=0.1, abs=4e-3)


def test_twins_with_several_outputs_tell_the_noise_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randint(0, 2, (2000, 2), generator=generator).double()
    targets = 1.7 * points[:, 0] - 0.3 + 0.02 * torch.randn(2000, generator=generator, dtype=torch.float64)
    assert estimate_noise(points, targets, 1.7) == pytest.approx(0.02, rel=0.1)
    assert estimate_lipschitz(points, targets) == pytest.approx(1.1 * 1.7, rel=0.02)


def test_no_more_than_the_lipschitz_constant_allows_is_taken_for_signal() -> None:
    points, targets = wave(2000, 2, 0.0)
    assert estimate_noise(points, targets, lipschitz=0.0) > 1.5 * estimate_noise(points, targets, lipschitz=2.0)


@pytest.mark.parametrize("dim", [1, 2, 4])
@pytest.mark.parametrize("sigma", [0.0, 0.01, 0.1])
def test_the_lipschitz_constant_is_found_near_the_true_one_and_seldom_below(dim: int, sigma: float) -> None:
    found = estimate_lipschitz(*wave(2000, dim, sigma))
    assert 1.8 <= found <= 4.0


def test_a_plane_has_the_length_of_its_slope_times_the_factor() -> None:
    points = wave(500, 3, 0.0)[0]
    slope = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    assert estimate_lipschitz(points, points @ slope + 4) == pytest.approx(1.1 * float(slope.norm()), rel=1e-9)


@pytest.mark.parametrize("tilt", [0.0, 1e-8], ids=["twins", "near twins"])
def test_two_inputs_that_move_together_share_the_slope(tilt: float) -> None:
    points = wave(500, 3, 0.0)[0]
    points[:, 2] = points[:, 0] + tilt * points[:, 2]
    found = estimate_lipschitz(points, 2 * points[:, 0] - points[:, 1] + 4)
    assert found == pytest.approx(1.1 * math.sqrt(1 + 1 + 1), rel=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_samples_give_finite_estimates(count: int) -> None:
    points, targets = wave(count, 3, 0.1)
    L = estimate_lipschitz(points, targets)
    assert math.isfinite(L) and math.isfinite(estimate_noise(points, targets, L))
