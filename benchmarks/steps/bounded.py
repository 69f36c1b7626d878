"""A step that is held in the band of a kernel regression, beside the bare network, and what the band costs once."""

from __future__ import annotations

import functools

import torch
from torch import nn

from steps.clock import Row, compared, microseconds
from steps.fits import BATCH, Pairs, fitted, several
from sysidc.runtime.bounded import estimate_lipschitz, estimate_noise
from sysidc.runtime.bounded.kernels import epanechnikov
from sysidc.runtime.nn import Flatten
from sysidc.runtime.training import BoundedSimulationTrainingModule, LightningSimulationTrainingModule


def bounded(device: str, repetitions: int) -> list[Row]:
    return [row for dim in (8, 64) for row in bounded_step(dim, device, repetitions)]


def bounded_step(dim: int, device: str, repetitions: int) -> list[Row]:
    x = torch.randn(50_000, dim, 1)
    y = torch.tanh(x.sum(1, keepdim=True)) + 0.05 * torch.randn(50_000, 1, 1)
    data, optimizer = Pairs(x, y), functools.partial(torch.optim.Adam, lr=1e-3, fused=True)
    steps = -(-len(data) // BATCH)

    def network() -> nn.Module:
        return nn.Sequential(Flatten(), nn.Linear(dim, 64), nn.Tanh(), nn.Linear(64, 1))

    held = BoundedSimulationTrainingModule(
        network(),
        optimizer,
        kernel=epanechnikov,
        bandwidth=1.0,
        lipschitz=1.0,
        delta=0.1,
        noise=0.05,
        neighbours=16,
        bound_during_training=True,
        batch_size=BATCH,
    )
    precompute = microseconds(lambda: held.prepare(x, y))

    def bare() -> float:
        module = LightningSimulationTrainingModule(network(), optimizer, batch_size=BATCH)
        return fitted(module, several(data, len(data)), device, steps)

    variants = {
        "ours, in the band": lambda: fitted(held, several(data, len(data)), device, steps),
        "bare network": bare,
    }
    work = f"bounded step, 50k samples, dim {dim}"
    points, targets = x.flatten(1).double(), y.flatten().double()
    spent = {
        "band, computed once": precompute,
        "lipschitz = estimate, once": microseconds(lambda: estimate_lipschitz(points, targets)),
        "noise = estimate, once": microseconds(lambda: estimate_noise(points, targets, 1.0)),
    }
    once = [{"work": work, "variant": name, "note": f"{time / 1e6:.1f} s"} for name, time in spent.items()]
    return [*compared(work, repetitions, variants), *once]
