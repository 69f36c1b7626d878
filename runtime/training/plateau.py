"""When a metric has stopped improving."""

from __future__ import annotations

import math
from typing import Any

import lightning.pytorch as pl

from sysidc.runtime.training.length_callbacks import positive

GROWING = "fit"
"""The ending of metrics that are better when larger."""


class Plateau:
    """`patience` validations without a new best, as torch's ReduceLROnPlateau counts in mode "min".

    Better is below best (1 - threshold) ("rel") or best - threshold ("abs"). NaN is never better. After a plateau the
    count starts anew and the best stays.
    """

    def __init__(self, patience: int, threshold: float = 1e-4, threshold_mode: str = "rel") -> None:
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold_mode is 'rel' or 'abs', not {threshold_mode!r}")
        self.patience = positive("patience", patience)
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.forget()

    def reached(self, value: float) -> bool:
        """Count `value`, and tell whether the patience has come to its end with it."""
        if self._is_better(value):
            self.best, self.num_bad_epochs = value, 0
            return False
        self.num_bad_epochs += 1
        if self.num_bad_epochs < self.patience:
            return False
        self.num_bad_epochs = 0
        return True

    def forget(self) -> None:
        """Start anew, for another fit."""
        self.best, self.num_bad_epochs = math.inf, 0

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "num_bad_epochs": self.num_bad_epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.num_bad_epochs = state["best"], state["num_bad_epochs"]

    def _is_better(self, value: float) -> bool:
        if math.isinf(self.best):
            return value < self.best
        # the margin is a share of the size: a metric below 0 must fall to be better, too
        margin = self.threshold * abs(self.best) if self.threshold_mode == "rel" else self.threshold
        return value < self.best - margin


def monitored(trainer: pl.Trainer, monitor: str) -> float | None:
    """The metric at the end of a validation, None in the sanity check; a fit, which is to grow, with its sign turned.

    train_loss is then the one of the epoch before (None in the first epoch). Raises ValueError for a metric that nobody
    logs, with the names of those that are.
    """
    if trainer.sanity_checking:
        return None
    value = trainer.callback_metrics.get(monitor)
    if value is not None:
        return -float(value) if monitor.endswith(GROWING) else float(value)
    if monitor.startswith("train_") and trainer.current_epoch == 0:
        return None
    raise ValueError(f"the metric {monitor} is not logged; there are {', '.join(sorted(trainer.callback_metrics))}")
