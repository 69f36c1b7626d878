"""What an epoch's losses and errors add up to: train_loss, val_loss, val_rmse, val_nrmse, val_fit.

Where several processes share a training, over the batches of them all.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

KEPT = 4096
"""So many batches are kept apart before they are merged, so that an epoch without end takes no memory without end."""


class LossMean:
    """The mean of the losses of an epoch, each batch weighing as many as it has samples.

    Only tensors are kept, so that the device is waited for once per epoch.
    """

    def __init__(self) -> None:
        self._sums: list[Tensor] = []
        self._samples = 0

    def add(self, loss: Tensor, samples: int) -> None:
        self._sums.append(loss.detach() * samples)
        if len(self._sums) == KEPT:
            self._sums = [torch.stack(self._sums).sum()]
        self._samples += samples

    def take(self) -> Tensor | None:
        """The mean so far, None where nothing was added; the next epoch starts empty."""
        sums, samples = self._sums, self._samples
        self._sums, self._samples = [], 0
        if not samples:
            return None
        total = torch.stack(sums).sum()
        return over_processes(total) / int(over_processes(torch.tensor(samples, device=total.device)))


class ErrorSums:
    """Errors and spread of the measurements over a whole validation set, per channel, in the units of the data.

    rmse = sqrt(mean of e^2 over all steps and channels); nrmse = sqrt(mean over channels of (rmse_c / std_c)^2), where
    std_c (divisor n) is that of the channel's measurements, so that channels of several units weigh alike and the mean
    as a prediction has 1; fit = 100 (1 - nrmse). A channel that never moves has nrmse 0 without error, else inf.
    """

    def __init__(self) -> None:
        self._batches: list[Tensor] = []
        self._counts: list[int] = []

    def add(self, prediction: Tensor, target: Tensor, scale: Tensor | None) -> None:
        """prediction, target (batch, time, channels), normalised; `scale` (channels) converts them."""
        target = _wide(target.detach()).flatten(0, 1)
        error = _wide(prediction.detach()).flatten(0, 1) - target
        if scale is not None:
            error, target = error * scale, target * scale
        mean = target.mean(0)
        self._batches.append(torch.stack([error.square().sum(0), mean, (target - mean).square().sum(0)]))
        self._counts.append(len(target))
        if len(self._counts) == KEPT:
            merged, total = self._merged(lambda sums: sums)
            self._batches, self._counts = [merged], [int(total)]

    def take(self) -> dict[str, Tensor]:
        """rmse, nrmse and fit so far, nothing where nothing was added; the next epoch starts empty."""
        if not self._batches:
            return {}
        (squares, _, spread), total = self._merged(over_processes)
        self._batches, self._counts = [], []
        variance, mse = spread / total, squares / total
        ratio = torch.where(mse == 0, torch.zeros_like(mse), mse / variance)
        nrmse = ratio.mean().sqrt()
        return {"rmse": mse.mean().sqrt(), "nrmse": nrmse, "fit": 100 * (1 - nrmse)}

    def _merged(self, over: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """(squares, mean, spread) of all batches together (3, channels), and how many steps they had; `over` adds up
        what several processes have.

        Merged by their means: a sum of squares less the square of the sum would lose the digits.
        """
        squares, means, spreads = torch.stack(self._batches).unbind(1)
        weights = torch.tensor(self._counts, dtype=means.dtype, device=means.device)[:, None]
        total = over(weights.sum())
        mean = over((weights * means).sum(0)) / total
        spread = over(spreads.sum(0) + (weights * (means - mean).square()).sum(0))
        return torch.stack([over(squares.sum(0)), mean, spread]), total


def over_processes(sums: Tensor) -> Tensor:
    """The sum over all processes that share the training; every one of them has to call it."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        sums = sums.clone()
        torch.distributed.all_reduce(sums)
    return sums


def _wide(values: Tensor) -> Tensor:
    """float64, or float32 where the device has no wider numbers."""
    return values.to(torch.float32 if values.device.type == "mps" else torch.float64)
