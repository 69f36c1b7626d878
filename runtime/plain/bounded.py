"""Bounded training: a network that is held inside the error band of a kernel regression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sysidc.runtime.bounded.band import Band
from sysidc.runtime.plain.series import Record
from sysidc.runtime.plain.training import Training
from sysidc.runtime.plain.windows import Window, Windows


class IndexedWindows(Windows):
    """Windows with their number behind them, (x, y, index): the band of a training window is known by it."""

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, ...]:
        x, y = super().__getitems__(indices)
        return x, y, torch.as_tensor(indices)


class Bounded(Training):
    """y^ = the network's output, cut to the band that a kernel regression of the training windows draws.

    In training with `bound_during_training` the value is the cut one and the gradient passes straight through, and the
    band of a window is made without that window. `crossing_penalty` weighs the mean square by which the network itself
    leaves the band.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        scale: Tensor,
        band: Band,
        bound_during_training: bool,
        crossing_penalty: float,
    ) -> None:
        super().__init__(model, loss, scale)
        self.band = band
        self.bound_during_training = bound_during_training
        self.crossing_penalty = crossing_penalty
        self.training_borders: tuple[Tensor, Tensor] | None = None
        self.penalty: Tensor | None = None

    def fit_band(
        self, windows: Windows, lipschitz: float | Literal["estimate"], noise: float | Literal["estimate"]
    ) -> None:
        """Draw the band around the training windows."""
        x, y, *_ = windows.__getitems__(range(len(windows)))
        self.band.fit(x.flatten(1), y.flatten(), lipschitz, noise)
        estimate, half = self.band.leave_one_out()
        self.training_borders = estimate - half, estimate + half

    def raw(self, x: Tensor) -> Tensor:
        """What the network says by itself, (batch, 1, 1)."""
        y: Tensor = self.model(x)
        return y[:, -1:]

    def borders(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Estimate, lower and upper border of the band at windows x, (batch, 1, 1) each, float64."""
        estimate, half = self.band(x.flatten(1))
        return estimate[:, None, None], (estimate - half)[:, None, None], (estimate + half)[:, None, None]

    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        x, y, *index = batch
        raw = self.raw(x)
        if not self.training:
            _, lower, upper = self.borders(x)
            return raw.clamp(lower.to(raw), upper.to(raw)), y
        if not (self.bound_during_training or self.crossing_penalty):
            return raw, y
        assert self.training_borders is not None
        lower, upper = (border[index[0].cpu()][:, None, None].to(raw) for border in self.training_borders)
        held = raw.detach().clamp(lower, upper)
        self.penalty = (raw - held).square().mean()
        # the value is the border's, the derivative that of the network
        return (held + (raw - raw.detach()) if self.bound_during_training else raw), y

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        if self.crossing_penalty and self.penalty is not None:
            loss = loss + self.crossing_penalty * self.penalty
        return loss


@torch.no_grad()
def share_outside(module: Bounded, windows: Windows) -> float:
    """The share of the windows for which the network by itself leaves the band."""
    x, *_ = windows.__getitems__(range(len(windows)))
    module.eval()
    raw = module.raw(x).double()
    module.train()
    _, lower, upper = module.borders(x)
    return float(((raw < lower) | (raw > upper)).double().mean())


@torch.no_grad()
def held_in_band(
    module: Bounded, record: Record, inputs: Sequence[Window], outputs: Sequence[Window]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Prediction, lower and upper border and the regression's estimate for a normalised record, (steps, 1) each."""
    module.eval()
    dataset = Windows([record], inputs, outputs)
    found = []
    for part in torch.split(torch.arange(len(dataset)), 1024):
        x, _ = dataset.__getitems__(part.tolist())
        estimate, lower, upper = module.borders(x)
        y = module.raw(x).double().clamp(lower, upper)
        found.append(torch.cat([y, lower, upper, estimate], dim=1)[:, :, 0])
    steps = len(next(iter(record.values())))
    columns = torch.cat(found)
    empty = columns.new_full((steps - len(columns), 4), torch.nan)
    y, lower, upper, estimate = torch.cat([empty, columns]).unbind(1)
    return y[:, None], lower[:, None], upper[:, None], estimate[:, None]
