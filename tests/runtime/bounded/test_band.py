"""The band's definition, its state, and that it holds as often as it promises."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from sysidc.runtime.bounded import Band
from sysidc.runtime.bounded.kernels import box, epanechnikov, triangular

L, SIGMA, DELTA, H = 2.0, 0.1, 0.1, 0.25
SINGLE = math.sqrt(math.log(math.sqrt(2) / DELTA))


def samples(count: int = 200, dim: int = 2, sigma: float = SIGMA, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    points = 2 * torch.rand(count, dim, generator=generator, dtype=torch.float64) - 1
    noise = sigma * torch.randn(count, generator=generator, dtype=torch.float64)
    return points, torch.sin(2 * points).sum(dim=1) / math.sqrt(dim) + noise


Near = Callable[[Tensor], Tensor]


def by_definition(query: Tensor, points: Tensor, targets: Tensor, near: Near) -> tuple[float, float]:
    """Centre and half-width of one query, written down sample by sample; `near` picks indices from distances."""
    distances = (points - query).square().sum(dim=1).sqrt()
    kappa = mean = 0.0
    for i in near(distances).tolist():
        weight = max(0.0, 1 - (float(distances[i]) / H) ** 2)
        kappa += weight
        mean += weight * float(targets[i])
    nearest = int(distances.argmin())
    by_nearest = L * float(distances[nearest]) + 2 * SIGMA * SINGLE
    if kappa == 0:
        return float(targets[nearest]), by_nearest
    alpha = SINGLE if kappa <= 1 else math.sqrt(kappa * math.log(math.sqrt(1 + kappa) / DELTA))
    by_kernel = L * H + 2 * SIGMA * alpha / kappa
    return (float(targets[nearest]), by_nearest) if by_nearest < by_kernel else (mean / kappa, by_kernel)


@pytest.mark.parametrize(
    ("neighbours", "radius", "near"),
    [
        (8, None, lambda d: d.argsort()[:8]),
        (1000, None, lambda d: d.argsort()),
        (None, 0.15, lambda d: (d <= 0.15).nonzero().flatten()),
        (None, 9.0, lambda d: (d <= 9.0).nonzero().flatten()),
    ],
    ids=["8 neighbours", "more neighbours than samples", "radius below the bandwidth", "radius above it"],
)
@pytest.mark.parametrize("dim", [2, 20])
def test_the_band_is_its_definition(neighbours: int | None, radius: float | None, near: Near, dim: int) -> None:
    points, targets = samples(dim=dim)
    points[:, 2:] *= 0.02  # so that some samples are near in many dimensions too
    band = Band(epanechnikov, H, DELTA, neighbours, radius).fit(points, targets, L, SIGMA)
    queries = 1.5 * samples(60, dim, seed=1)[0]
    queries[:, 2:] *= 0.02

    found = band(queries)
    expected = torch.tensor([by_definition(query, points, targets, near) for query in queries], dtype=torch.float64)
    assert_close(torch.stack(found, dim=1), expected)

    alone = band.leave_one_out()
    for i in (0, 77, 199):
        others = torch.arange(200) != i
        expected = torch.tensor(by_definition(points[i], points[others], targets[others], near), dtype=torch.float64)
        assert_close(torch.stack((alone.estimate[i], alone.half_width[i])), expected)


@pytest.mark.parametrize("dim", [2, 20])
@pytest.mark.parametrize(("neighbours", "radius"), [(8, None), (None, 0.3)], ids=["neighbours", "radius"])
def test_a_point_has_one_band_whatever_batch_it_comes_in(
    dim: int, neighbours: int | None, radius: float | None
) -> None:
    points, targets = samples(dim=dim)
    band = Band(triangular, 3 * H, DELTA, neighbours, radius).fit(points, targets, L, SIGMA)
    queries = samples(50, dim, seed=1)[0]
    together = torch.stack(band(queries), dim=1)
    alone = torch.cat([torch.stack(band(query[None]), dim=1) for query in queries])
    backwards = torch.stack(band(queries.flip(0)), dim=1).flip(0)
    assert torch.equal(together, alone)
    assert torch.equal(together, backwards)


def test_the_band_is_finite_far_from_every_sample_and_widens_with_the_distance() -> None:
    points, targets = samples(dim=1)
    band = Band(box, H, DELTA, neighbours=5).fit(points, targets, L, SIGMA)
    estimate, half_width = band(torch.tensor([[10.0], [1e6]]))
    last = points.argmax()
    assert_close(estimate, targets[last].expand(2))
    expected = L * (torch.tensor([10.0, 1e6], dtype=torch.float64) - points[last]) + 2 * SIGMA * SINGLE
    assert_close(half_width, expected)


def test_a_lone_sample_makes_a_band() -> None:
    band = Band(box, H, DELTA, radius=0.1).fit(torch.zeros(1, 2), torch.ones(1), "estimate")
    assert_close(band.leave_one_out().estimate, torch.ones(1, dtype=torch.float64))
    assert torch.isfinite(band(torch.ones(3, 2)).half_width).all()


FUNCTIONS: dict[str, tuple[Callable[[Tensor], Tensor], float, int]] = {
    "kink": (lambda x: 2 * x.abs().sum(dim=1), 2.0, 1),
    "wave": (lambda x: torch.sin(3 * x).sum(dim=1), 3.0, 1),
    "two inputs": (lambda x: torch.tanh(x[:, 0] + 0.6 * x[:, 1]), math.hypot(1, 0.6), 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("sigma", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("delta", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("noise", ["known", "estimated"])
def test_the_true_value_is_inside_at_least_as_often_as_promised(
    name: str, sigma: float, delta: float, noise: str
) -> None:
    function, lipschitz, dim = FUNCTIONS[name]
    generator = torch.Generator().manual_seed(7)
    queries = 2.4 * torch.rand(100, dim, generator=generator, dtype=torch.float64) - 1.2
    inside = []
    for _ in range(20):
        points = 2 * torch.rand(150, dim, generator=generator, dtype=torch.float64) - 1
        targets = function(points) + sigma * torch.randn(150, generator=generator, dtype=torch.float64)
        band = Band(epanechnikov, 0.2, delta, neighbours=40)
        band.fit(points, targets, lipschitz, sigma if noise == "known" else "estimate")
        estimate, half_width = band(queries)
        inside.append((estimate - function(queries)).abs() <= half_width + 1e-12)
    assert float(torch.cat(inside).double().mean()) >= 1 - delta


def test_the_state_dict_is_enough_to_go_on_without_the_data() -> None:
    points, targets = samples()
    band = Band(epanechnikov, H, DELTA, neighbours=8).fit(points, targets, "estimate")
    again = Band(epanechnikov, H, DELTA, neighbours=8)
    assert not again.fitted
    again.load_state_dict(band.state_dict())
    queries = samples(30, seed=1)[0]
    assert_close(torch.stack(again(queries)), torch.stack(band(queries)), rtol=0, atol=0)

    other = Band(epanechnikov, H, DELTA, neighbours=8).fit(*samples(50, seed=3), L, SIGMA)
    before = other(queries).estimate
    other.load_state_dict(band.state_dict())
    assert not torch.equal(other(queries).estimate, before)
    assert_close(other(queries).estimate, band(queries).estimate, rtol=0, atol=0)


def test_a_conversion_to_half_precision_does_not_move_the_samples() -> None:
    points, targets = samples()
    band = Band(epanechnikov, H, DELTA, neighbours=8).fit(points, targets, L, SIGMA)
    torch.nn.Sequential(band).half()
    assert_close(band.points, points, rtol=0, atol=0)


@pytest.mark.parametrize("neighbours, radius", [(None, None), (3, 0.1)], ids=["neither", "both"])
def test_exactly_one_of_neighbours_and_radius_is_given(neighbours: int | None, radius: float | None) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Band(box, H, DELTA, neighbours, radius)


def test_a_band_without_samples_says_so() -> None:
    with pytest.raises(RuntimeError, match="no samples"):
        Band(box, H, DELTA, neighbours=3)(torch.zeros(1, 2))
