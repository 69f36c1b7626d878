"""The learning curve: one row per epoch, gathered while Lightning trains, and the watch over numbers that explode."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers.logger import Logger

from sysidc.runtime.runs import mistakes

METRICS = ("train_loss", "val_loss", "val_rmse", "val_nrmse", "val_fit")

PATIENCE = 10
"""Validations one after another that give no number, after which a second-order training is lost: its steps only take
what lowers the training error, and a model that runs away in validation may be on its way through."""

Row = dict[str, Any]


class LearningCurve(Logger):
    """Rows {epoch, train_loss, val_loss, val_rmse, val_nrmse, val_fit, lr, seconds, horizon}, epochs counted from 1.

    Each of `told` is called with a row when its epoch is over. `lr` and `horizon` are those that the epoch began with;
    `horizon` stays away except in prediction mode. `seconds` is what the fit took up to the end of the epoch, an
    interruption left out. A metric is None where it was not measured or is no finite number.
    """

    def __init__(self, *told: Callable[[Row], None]):
        super().__init__()
        self.told = list(told)
        self.rows: list[Row] = []
        self._began = (0.0, 0.0)

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    def begin(self, epoch: int, lr: float | None, horizon: int | None) -> None:
        self._began = (self.rows[-1]["seconds"] if self.rows else 0.0, time.perf_counter())
        row: Row = {"epoch": epoch, **dict.fromkeys(METRICS), "lr": lr, "seconds": None}
        self.rows.append(row if horizon is None else {**row, "horizon": horizon})

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        row = self.rows[-1]
        row.update({name: _finite(metrics[name]) for name in METRICS if name in metrics})
        if "train_loss" in metrics:  # Lightning logs it last
            before, began = self._began
            row["seconds"] = round(before + time.perf_counter() - began, 4)
            for tell in self.told:
                tell(row)

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """The plan holds them."""


class EpochWatch(pl.Callback):
    """Opens each epoch's row and stops a training whose numbers explode.

    Raises RunError that names the epoch and the learning rate.
    """

    def __init__(self, curve: LearningCurve):
        self.curve = curve

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        horizon = getattr(trainer.datamodule, "n_forward_time_steps", 0)  # type: ignore[attr-defined]
        self.curve.begin(trainer.current_epoch + 1, learning_rate(trainer), horizon or None)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs["loss"]
        if loss.device.type == "cpu":  # elsewhere the device would have to be waited for
            _require_finite("the training loss", float(loss), trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        value = trainer.callback_metrics.get("val_loss")
        earlier = [row["val_loss"] is None for row in self.curve.rows[-PATIENCE:-1]]
        lost = len(earlier) == PATIENCE - 1 and all(earlier)
        if value is not None and (lost or learning_rate(trainer) is not None):
            _require_finite("the validation loss", float(value), trainer)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def learning_rate(trainer: pl.Trainer) -> float | None:
    """None for an optimiser that has none, as Levenberg-Marquardt."""
    rate = trainer.optimizers[0].param_groups[0].get("lr")
    return None if rate is None else float(rate)


def _require_finite(what: str, value: float, trainer: pl.Trainer) -> None:
    if not math.isfinite(value):
        searches = trainer.optimizers[0].param_groups[0].get("line_search_fn", "none asked for") is not None
        epoch, rate = trainer.current_epoch + 1, learning_rate(trainer)
        raise mistakes.diverged(what, value, trainer.global_step, epoch, rate, searches)


def as_csv(rows: list[Row]) -> str:
    """The rows with a header; what was not measured stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["epoch", *METRICS, "lr", "seconds"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
