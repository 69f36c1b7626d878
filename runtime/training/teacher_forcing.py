"""In which epochs the measured outputs replace the model's own predictions."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl

from sysidc.runtime.training.length_callbacks import positive


class CyclicTeacherForcing(pl.Callback):
    """Turns `teacher_forcing` of the training module on or off every `cycle_in_epochs` epochs.

    The first cycle_in_epochs epochs keep the setting that the module came with. Raises ValueError where cycle_in_epochs
    is no integer of at least 1.
    """

    def __init__(self, cycle_in_epochs: int, verbose: bool = False) -> None:
        super().__init__()
        self.cycle_in_epochs = positive("cycle_in_epochs", cycle_in_epochs)
        self.verbose = verbose
        self._initial: bool | None = None
        self._resumed = False

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # a fit that goes on, or comes from a checkpoint, counts from the setting of its first epoch
        if self._initial is None or (trainer.current_epoch == 0 and not self._resumed):
            self._initial = bool(_module(pl_module).teacher_forcing)
        self._resumed = False
        self._say(f"initial teacher forcing = {self._initial}")

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert self._initial is not None
        turned = (trainer.current_epoch // self.cycle_in_epochs) % 2 == 1
        _module(pl_module).teacher_forcing = self._initial != turned
        self._say(f"teacher forcing = {self._initial != turned} at epoch {trainer.current_epoch}")

    def state_dict(self) -> dict[str, Any]:
        return {"initial": self._initial}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._initial = state_dict["initial"]
        self._resumed = True

    def _say(self, text: str) -> None:
        if self.verbose:
            print(f"{type(self).__name__}: {text}")


def _module(pl_module: pl.LightningModule) -> Any:
    return pl_module
