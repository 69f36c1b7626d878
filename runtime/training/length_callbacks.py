"""Callbacks that lengthen the roll-out in given epochs, and how a new length reaches the training batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightning.pytorch as pl

from sysidc.compiler.horizons import multi_step_length, step_length


class LengthCallback(pl.Callback):
    """Sets `trainer.datamodule.n_forward_time_steps` and makes the trainer build its training loaders anew.

    Lightning builds the loaders of an epoch before `on_train_epoch_start`. So a length is set in the epoch before, and
    `reload_dataloaders_every_n_epochs` is 1 until the next epoch has begun; afterwards it is what it was.
    """

    def __init__(self, verbose: bool = False) -> None:
        super().__init__()
        self.verbose = verbose
        self._reload_every: int | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.say(f"initial length = {roll_out_length(trainer)}")

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._reload_as_before(trainer)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._reload_as_before(trainer)

    def set_length(self, trainer: pl.Trainer, length: int, epoch: int) -> None:
        """The length that holds from `epoch` on, the next one to begin."""
        if length == roll_out_length(trainer):
            return
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        datamodule.n_forward_time_steps = length
        if self._reload_every is None:
            self._reload_every = int(trainer.reload_dataloaders_every_n_epochs)  # type: ignore[attr-defined]
        trainer.reload_dataloaders_every_n_epochs = 1  # type: ignore[attr-defined]
        self.say(f"new length = {length} at epoch {epoch}")

    def say(self, text: str) -> None:
        if self.verbose:
            print(f"{type(self).__name__}: {text}")

    def _reload_as_before(self, trainer: pl.Trainer) -> None:
        if self._reload_every is not None:
            trainer.reload_dataloaders_every_n_epochs = self._reload_every  # type: ignore[attr-defined]
            self._reload_every = None


class ScheduledLength(LengthCallback):
    """The length as a function of the epoch alone, `length(epoch, base)`; base is the length at the start of the fit.

    After the last epoch the length stays that of the last epoch.
    """

    def __init__(self, verbose: bool = False) -> None:
        super().__init__(verbose)
        self.base_length: int | None = None
        self._resumed_epoch: int | None = None

    def length(self, epoch: int, base: int) -> int:
        """The length of the batches of `epoch`."""
        return base

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._resumed_epoch = next_epoch(checkpoint)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # a resumed fit has its base from the checkpoint, but not yet its epoch; a fit that goes on has both
        epoch = trainer.current_epoch if self._resumed_epoch is None else self._resumed_epoch
        if self.base_length is None or (self._resumed_epoch is None and epoch == 0):
            self.base_length = roll_out_length(trainer)
        self._resumed_epoch = None
        self.set_length(trainer, self.length(epoch, self.base_length), epoch)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert self.base_length is not None
        epoch = trainer.current_epoch + 1
        if trainer.max_epochs in (None, -1) or epoch < trainer.max_epochs:
            self.set_length(trainer, self.length(epoch, self.base_length), epoch)

    def state_dict(self) -> dict[str, Any]:
        return {"base_length": self.base_length}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.base_length = state_dict["base_length"]


class StepAutoRegressionLengthScheduler(ScheduledLength):
    """Multiplies the length by `gamma` every `step_size` epochs, up to `max_length`.

    With step_size 5 and gamma 2 the batches of epoch 5 (epochs count from 0) are twice as long as those of epoch 4.
    A step that would pass `max_length` goes to `max_length` exactly. Raises ValueError where step_size, gamma or
    max_length is no integer of at least 1.
    """

    def __init__(self, step_size: int, gamma: int, verbose: bool = False, max_length: int | None = None) -> None:
        super().__init__(verbose)
        self.step_size = positive("step_size", step_size)
        self.gamma = positive("gamma", gamma)
        self.max_length = None if max_length is None else positive("max_length", max_length)

    def length(self, epoch: int, base: int) -> int:
        return step_length(epoch, base, self.step_size, self.gamma, self.max_length)


class MultiStepAutoRegressionLengthScheduler(ScheduledLength):
    """Multiplies the length by `gamma` at each of the `milestones` (epochs, counted from 0), up to `max_length`.

    A step that would pass `max_length` goes to `max_length` exactly. Raises ValueError where gamma or max_length is no
    integer of at least 1, or a milestone none of at least 0.
    """

    def __init__(
        self, milestones: Sequence[int], gamma: int = 2, verbose: bool = False, max_length: int | None = None
    ) -> None:
        super().__init__(verbose)
        self.milestones = tuple(positive("a milestone", milestone, low=0) for milestone in milestones)
        self.gamma = positive("gamma", gamma)
        self.max_length = None if max_length is None else positive("max_length", max_length)

    def length(self, epoch: int, base: int) -> int:
        return multi_step_length(epoch, base, self.milestones, self.gamma, self.max_length)


def roll_out_length(trainer: pl.Trainer) -> int:
    """The steps of the next training batches. Raises TypeError where the trainer was given no such data module."""
    datamodule = getattr(trainer, "datamodule", None)
    if not hasattr(datamodule, "n_forward_time_steps"):
        raise TypeError(
            "the length of the roll-out is n_forward_time_steps of the data module: call "
            "trainer.fit(module, datamodule=...) with a PredictionDataModule"
        )
    return int(datamodule.n_forward_time_steps)  # type: ignore[union-attr]


def next_epoch(checkpoint: Mapping[str, Any]) -> int:
    """The epoch that a fit goes on with: the one after a checkpoint at the end of an epoch, the same one inside it."""
    batches = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    return int(checkpoint["epoch"]) + int(bool(batches["is_last_batch"]))


def positive(name: str, value: Any, low: int = 1) -> int:
    """`value`, refused unless it is an integer of at least `low`: lengths are whole steps and never shrink."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name} must be an integer of at least {low}, not {value!r}")
    return value
