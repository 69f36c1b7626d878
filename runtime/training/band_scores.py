"""Validation scores of an epoch in the units of the data: val_rmse, val_nrmse, val_fit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class BandScores:
    """rmse = sqrt(mean(e^2)), nrmse = rmse / std(y), fit = 100 (1 - nrmse), over all windows of an epoch.

    `scale` turns normalised numbers into the units of the data, one for all channels or one per channel. A constant y
    has no nrmse to speak of: it counts as 0 for an error of 0, as infinite otherwise.
    """

    def __init__(self, scale: float | Sequence[float] | Tensor = 1.0) -> None:
        self.scale = torch.as_tensor(scale, dtype=torch.float64)
        self.start()

    def start(self) -> None:
        self.errors: list[Tensor] = []
        self.measured: list[Tensor] = []

    def add(self, predicted: Tensor, measured: Tensor) -> None:
        y = measured.detach().to("cpu", torch.float64) * self.scale
        self.errors.append(predicted.detach().to("cpu", torch.float64) * self.scale - y)
        self.measured.append(y)

    def finish(self) -> dict[str, float]:
        errors, measured = torch.cat(self.errors), torch.cat(self.measured)
        rmse = errors.square().mean().sqrt()
        spread = (measured - measured.mean(dim=(0, 1))).square().mean().sqrt()
        nrmse = rmse / spread if spread > 0 or rmse > 0 else rmse
        self.start()
        return {"val_rmse": float(rmse), "val_nrmse": float(nrmse), "val_fit": 100 * (1 - float(nrmse))}
