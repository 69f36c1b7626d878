"""What a fit leaves behind, and when it is settled. Early stopping, checkpoints and time limit are Lightning's own."""

from __future__ import annotations

import math
from typing import Any

import lightning.pytorch as pl
from torch import Tensor

from sysidc.runtime.training.plateau import monitored


class BestWeights(pl.Callback):
    """Keeps a copy of the weights with the lowest `monitor` and puts them back when training ends.

    The sanity check does not count, NaN is never best, of equal values the first counts. `best` is the lowest value,
    inf before the first validation; then the weights stay as training left them. With `and_training` the larger of
    `monitor` and the mean square error on the training part behind a step of second-order training counts.
    """

    def __init__(self, monitor: str = "val_loss", and_training: bool = False) -> None:
        super().__init__()
        self.monitor, self.and_training = monitor, and_training
        self.best = math.inf
        self.best_epoch: int | None = None
        self._weights: dict[str, Tensor] | None = None
        self._resumed = False

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 0 and not self._resumed:
            self.best, self.best_epoch, self._weights = math.inf, None, None
        self._resumed = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        value = self.value(trainer, pl_module) if trainer.state.fn == "fit" else None
        error = getattr(pl_module, "error", None) if self.and_training else None
        if value is not None and error is not None:
            value = max(value, error)
        if value is not None and value < self.best:
            self.best, self.best_epoch = value, trainer.current_epoch
            self._weights = {name: weight.detach().clone() for name, weight in pl_module.state_dict().items()}

    def value(self, trainer: pl.Trainer, module: pl.LightningModule) -> float | None:
        """What is low where the weights are good, None where it was not measured."""
        return monitored(trainer, self.monitor)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.put_back(pl_module)

    def put_back(self, module: pl.LightningModule) -> None:
        """Give a module the best weights, where there are any."""
        if self._weights is not None:
            module.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch, "weights": self._weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best, self.best_epoch = state_dict["best"], state_dict["best_epoch"]
        self._weights = state_dict["weights"]
        self._resumed = True


class Settled(pl.Callback):
    """Ends a fit whose training loss has become smaller by less than `gain` of itself within `patience` batches.

    For second-order training, where a batch is an epoch and no loss is larger than the one before.
    """

    def __init__(self, gain: float, patience: int) -> None:
        super().__init__()
        self.gain, self.patience = gain, patience
        self.losses: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.losses = [*self.losses[-self.patience :], float(outputs["loss"])]
        if len(self.losses) > self.patience and self.losses[-1] > (1 - self.gain) * self.losses[0]:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"losses": self.losses}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.losses = list(state_dict["losses"])
