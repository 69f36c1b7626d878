"""Roll-outs with their gradients, beside a loop that joins windows and beside a state that is not carried."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from steps.clock import Row, Variant, compared, microseconds
from steps.fits import BATCH, mlp
from sysidc.runtime.nn import GRU, Flatten
from sysidc.runtime.training import LightningPredictionTrainingModule


def unrolled(device: str, repetitions: int) -> list[Row]:
    rows = []
    for horizon in (64, 256):
        network = nn.Sequential(Flatten(), *mlp()).to(device)
        module = LightningPredictionTrainingModule(network)
        x, y = torch.randn(BATCH, 128, 1, device=device), torch.randn(BATCH, horizon, 1, device=device)
        ours = stepped(network, functools.partial(module.roll_out, x, horizon), y, device)
        loop = stepped(network, functools.partial(naive, network, x, horizon), y, device)
        variants = {"ours": ours, "concatenating loop": loop}
        rows += compared(f"roll-out of an MLP 128-64-1, horizon {horizon}", repetitions, variants)
    return rows


def recurrent(device: str, repetitions: int) -> list[Row]:
    network = nn.Sequential(GRU(1, 32), nn.Linear(32, 1)).to(device)
    x, y = torch.randn(BATCH, 64, 1, device=device), torch.randn(BATCH, 256, 1, device=device)
    variants = {
        f"ours, state = {state}": stepped(
            network,
            functools.partial(LightningPredictionTrainingModule(network, state=state).roll_out, x, 256),
            y,
            device,
        )
        for state in ("carried", "window")
    }
    return compared("roll-out of GRU(32), window 64, horizon 256", repetitions, variants)


def naive(network: nn.Module, x: Tensor, horizon: int) -> Tensor:
    predictions = []
    for _ in range(horizon):
        predictions.append(network(x)[:, -1:])
        x = torch.cat([x[:, 1:], predictions[-1]], dim=1)
    return torch.cat(predictions, dim=1)


def stepped(network: nn.Module, roll_out: Callable[[], Tensor], y: Tensor, device: str) -> Variant:
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-6)

    def step() -> None:
        optimizer.zero_grad()
        mse_loss(roll_out(), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return lambda: microseconds(step, device)
