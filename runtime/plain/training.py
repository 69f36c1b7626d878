"""What every mode trains with: losses, metrics in the units of the data, and the best weights kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn


class Training(pl.LightningModule):
    """Compares what a network predicts with what was measured; a subclass says what that is, in `compare`.

    `scale` (channels) converts normalised errors to the units of the data. Logged once per epoch: train_loss, val_loss,
    val_rmse, val_nrmse and val_fit = 100 (1 - nrmse).
    """

    scale: Tensor

    def __init__(self, model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], scale: Tensor) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.register_buffer("scale", scale, persistent=False)
        self.validated: list[tuple[Tensor, Tensor]] = []

    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        """(prediction, measurement), both (batch, time, channels)."""
        raise NotImplementedError

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        prediction, target = self.compare(batch)
        loss = self.loss(prediction, target.to(prediction.dtype))
        self.log("train_loss", loss.detach().float(), on_step=False, on_epoch=True, batch_size=len(target))
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        prediction, target = self.compare(batch)
        loss = self.loss(prediction, target.to(prediction.dtype))
        self.log("val_loss", loss.float(), prog_bar=True, batch_size=len(target))
        self.validated.append((prediction.double().flatten(0, 1), target.double().flatten(0, 1)))

    def on_validation_epoch_end(self) -> None:
        prediction, target = (torch.cat(parts) * self.scale for parts in zip(*self.validated, strict=True))
        self.validated.clear()
        square = (prediction - target).square().mean(0)
        ratio = torch.where(square == 0, 0.0, square / target.var(0, correction=0))
        nrmse = ratio.mean().sqrt()
        self.log("val_rmse", square.mean().sqrt().float(), prog_bar=True)
        self.log("val_nrmse", nrmse.float())
        self.log("val_fit", 100 * (1 - nrmse).float())


class KeepBest(pl.Callback):
    """Puts the weights with the lowest val_loss back when training ends; `epoch` is theirs, the last without any."""

    def __init__(self) -> None:
        self.best = self.rmse = math.inf
        self.epoch = 0
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        loss = float(trainer.callback_metrics["val_loss"])
        self.rmse = min(self.rmse, float(trainer.callback_metrics["val_rmse"]))
        if loss < self.best:
            self.best, self.epoch = loss, trainer.current_epoch + 1
            self.weights = {name: value.detach().clone() for name, value in pl_module.state_dict().items()}

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.weights:
            pl_module.load_state_dict(self.weights)
        else:
            self.epoch = trainer.current_epoch


class PrintEpochs(pl.Callback):
    """One line per epoch."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        shown = (f"{name} = {float(value):.5g}" for name, value in trainer.callback_metrics.items())
        print(f"epoch {trainer.current_epoch + 1}:", ", ".join(shown))
