"""The error band of bounded mode in operations that file formats hold: every sample is looked at."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sysidc.runtime.bounded.band import Band
from sysidc.runtime.bounded.regression import half_width


class BandForm(nn.Module):
    """Lower and upper border of a fitted band at points (queries, dim), (queries,) each, as `Band` has them."""

    points: Tensor
    targets: Tensor

    def __init__(self, band: Band):
        super().__init__()
        self.band = [band]  # its kernel and settings; its tensors are those below
        self.register_buffer("points", band.points.clone())
        self.register_buffer("targets", band.targets.clone())
        self.lipschitz, self.noise = float(band.lipschitz_constant), float(band.noise_std)

    def forward(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        (band,) = self.band
        distances = (queries[:, None] - self.points).square().sum(dim=2).sqrt()
        if band.radius is None:
            count = min(band.neighbours or 1, len(self.points))
            near, samples = distances.topk(count, dim=1, largest=False)
            weights, targets = band.kernel(near, width=band.bandwidth), self.targets[samples]
        else:
            inside = distances <= min(band.radius, band.bandwidth)
            weights = torch.where(inside, band.kernel(distances, width=band.bandwidth), 0.0)
            targets = self.targets.expand_as(weights)
        kappa = weights.sum(dim=1)
        mean = (weights * targets).sum(dim=1) / torch.where(kappa > 0, kappa, 1.0)
        by_kernel = half_width(kappa, 1, band.bandwidth, band.delta, self.lipschitz, self.noise)
        nearest, sample = distances.min(dim=1)
        by_nearest = self.lipschitz * nearest + 2 * self.noise * band.single_alpha
        estimate = torch.where(by_nearest < by_kernel, self.targets[sample], mean)
        half = torch.minimum(by_kernel, by_nearest)
        return estimate - half, estimate + half
