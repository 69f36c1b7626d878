"""The error band of a kernel regression: estimate and half-width at any point, from stored training samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sysidc.runtime.bounded.kernels import Kernel, at_zero
from sysidc.runtime.bounded.lipschitz import estimate_lipschitz
from sysidc.runtime.bounded.neighbours import Neighbours, Pairs
from sysidc.runtime.bounded.noise import estimate_noise
from sysidc.runtime.bounded.products import Floats, Integers
from sysidc.runtime.bounded.regression import half_width, single_sample_alpha


class Bounds(NamedTuple):
    """Centre and half-width of the band, (queries,) each, float64."""

    estimate: Tensor
    half_width: Tensor


class Band(nn.Module):
    """|m(x) - estimate(x)| <= half_width(x) with probability 1 - delta, m being the true function, Lipschitz with L.

    The tighter of two bands, d being the distance of the nearest sample (x', y'):

        sum_i K_i y_i / kappa  +-  (L h + 2 sigma alpha / kappa),  K_i = K(|x - x_i| / h), K(0) = 1, kappa = sum_i K_i
        y'                     +-  (L d + 2 sigma sqrt(log(sqrt(2) / delta)))

    The second needs no sample within the bandwidth h, so the band is finite everywhere. Which one is tighter follows
    from the points alone, never from the noise in the targets, so choosing costs no probability. The sum runs over the
    `neighbours` nearest samples or over those within `radius` (exactly one is given); leaving samples out only widens
    the band. Points are (queries, dim); results are the same in every batch.

    The state (points, targets, L, sigma) lies in float64 buffers that stay on the CPU whatever the module is moved or
    converted to; `load_state_dict` gives them the stored sizes, so a state dict is enough to go on without the data.
    Source: Wachel, Kowalczyk, Rojas, arXiv 2305.03295 (2023).
    """

    points: Tensor
    targets: Tensor
    lipschitz_constant: Tensor
    noise_std: Tensor

    def __init__(
        self,
        kernel: Kernel,
        bandwidth: float,
        delta: float,
        neighbours: int | None = None,
        radius: float | None = None,
    ) -> None:
        super().__init__()
        if (neighbours is None) == (radius is None):
            raise ValueError("exactly one of neighbours and radius is given")
        if bandwidth <= 0 or (neighbours is not None and neighbours < 1) or (radius is not None and radius <= 0):
            raise ValueError("bandwidth, neighbours and radius are positive")
        self.kernel = at_zero(kernel)
        self.bandwidth = bandwidth
        self.delta = delta
        self.single_alpha = single_sample_alpha(delta)
        self.neighbours = neighbours
        self.radius = radius
        for name, shape in (("points", (0, 0)), ("targets", (0,)), ("lipschitz_constant", ()), ("noise_std", ())):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))
        self._search: Neighbours | None = None
        self.register_load_state_dict_pre_hook(_take_stored_sizes)  # type: ignore[no-untyped-call]

    @property
    def fitted(self) -> bool:
        return len(self.points) > 0

    def fit(
        self,
        points: Tensor,
        targets: Tensor,
        lipschitz: float | Literal["estimate"],
        noise: float | Literal["estimate"] = "estimate",
    ) -> Band:
        """Keep points (samples, dim) and targets (samples,), and find L and sigma where they are to be estimated."""
        if points.ndim != 2 or targets.shape != points.shape[:1] or len(points) == 0:
            raise ValueError(f"points {tuple(points.shape)} and targets {tuple(targets.shape)} are no samples")
        self.points = points.detach().to("cpu", torch.float64, copy=True)
        self.targets = targets.detach().to("cpu", torch.float64, copy=True)
        self._search = None
        L = estimate_lipschitz(self.points, self.targets) if lipschitz == "estimate" else lipschitz
        sigma = estimate_noise(self.points, self.targets, float(L)) if noise == "estimate" else noise
        self.lipschitz_constant = torch.tensor(float(L), dtype=torch.float64)
        self.noise_std = torch.tensor(float(sigma), dtype=torch.float64)
        return self

    @torch.no_grad()
    def forward(self, queries: Tensor) -> Bounds:
        """Band at queries (queries, dim), every stored sample taking part."""
        return self._bounds(queries.detach().to("cpu", torch.float64).numpy(), alone=False)

    @torch.no_grad()
    def leave_one_out(self) -> Bounds:
        """Band at the stored points, each without the sample that stands there itself: its noise cannot vouch for it.

        A lone sample has nothing but itself.
        """
        return self._bounds(self.points.numpy(), alone=len(self.points) > 1)

    @property
    def search(self) -> Neighbours:
        if not self.fitted:
            raise RuntimeError("the band has no samples yet: call fit, or load a state dict")
        if self._search is None:
            self._search = Neighbours(self.points.numpy())
        return self._search

    def _bounds(self, queries: Floats, alone: bool) -> Bounds:
        pairs, distances, samples = self._neighbourhood(queries, alone)
        L, sigma = float(self.lipschitz_constant), float(self.noise_std)
        weights = self.kernel(torch.from_numpy(pairs.distances), width=self.bandwidth).numpy()
        # bincount adds in the order of the pairs, so a row's sum does not depend on the other rows
        kappa = np.bincount(pairs.rows, weights, len(queries))
        sums = np.bincount(pairs.rows, weights * self.targets.numpy()[pairs.samples], len(queries))
        means = sums / np.where(kappa > 0, kappa, 1.0)
        by_kernel = half_width(torch.from_numpy(kappa), 1, self.bandwidth, self.delta, L, sigma)
        by_nearest = L * torch.from_numpy(distances) + 2 * sigma * self.single_alpha
        estimate = torch.where(by_nearest < by_kernel, self.targets[torch.from_numpy(samples)], torch.from_numpy(means))
        return Bounds(estimate, torch.minimum(by_kernel, by_nearest))

    def _neighbourhood(self, queries: Floats, alone: bool) -> tuple[Pairs, Floats, Integers]:
        """The pairs of the kernel sum, and distance and index of each query's nearest sample.

        With `alone` the queries are the stored points, none of which finds itself.
        """
        count = min(self.neighbours or 1, len(self.points) - alone)
        distances, samples = self.search.nearest_others(count) if alone else self.search.nearest(queries, count)
        if self.radius is None:
            pairs = Pairs(np.repeat(np.arange(len(queries)), count), samples.ravel(), distances.ravel())
        else:
            found = self.search.within(queries, min(self.radius, self.bandwidth))
            pairs = found.without_self() if alone else found
        return pairs, distances[:, 0], samples[:, 0]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Band:
        # the search runs in float64 on the CPU; half precision would move the points
        return self


def _take_stored_sizes(module: nn.Module, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
    """Before loading: the buffers take the sizes of what is stored, and the search forgets the old points."""
    assert isinstance(module, Band)
    module._search = None
    for name in ("points", "targets"):
        stored = state.get(prefix + name)
        if stored is not None:
            setattr(module, name, torch.empty(stored.shape, dtype=torch.float64))
