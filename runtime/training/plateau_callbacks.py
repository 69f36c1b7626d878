"""Callbacks that make training harder when the validation stops improving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning.pytorch as pl

from sysidc.compiler.horizons import LENGTH_WORDS, grown_length
from sysidc.runtime.training.length_callbacks import LengthCallback, positive, roll_out_length
from sysidc.runtime.training.plateau import Plateau, monitored

CYCLE_WORDS = (*LENGTH_WORDS, "teacher_forcing", "learning_rate")


class PlateauCallback(LengthCallback):
    """Calls `on_plateau` after `patience` validations without a new best of `monitor`; the sanity check never counts.

    The best is kept when the length changes: that is sound because val_loss is taken at one fixed horizon, so that
    losses of different epochs are comparable. With a metric that follows the training length it would not be.
    """

    def __init__(self, monitor: str, plateau: Plateau, verbose: bool = False) -> None:
        super().__init__(verbose)
        self.monitor = monitor
        self.plateau = plateau
        self._length: int | None = None
        self._resumed: dict[str, Any] | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._resumed is not None:
            self.resume(trainer, self._resumed)
        elif trainer.current_epoch == 0:
            self.plateau.forget()
        self._resumed = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # a stand-alone trainer.validate() is no part of the training
        if trainer.state.fn != "fit":
            return
        value = monitored(trainer, self.monitor)
        if value is not None and self.plateau.reached(value):
            self.on_plateau(trainer)
        self._length = roll_out_length(trainer)

    def on_plateau(self, trainer: pl.Trainer) -> None:
        """What changes; nothing here."""

    def lengthen(self, trainer: pl.Trainer, factor: int, max_length: int | None) -> None:
        length = grown_length(roll_out_length(trainer), factor, 1, max_length)
        if length == roll_out_length(trainer):
            self.say("maximum length reached, not increasing")
        self.set_length(trainer, length, trainer.current_epoch + 1)

    def resume(self, trainer: pl.Trainer, state: dict[str, Any]) -> None:
        """Go on from a checkpoint, before the loaders are built."""
        self.plateau.load_state_dict(state["plateau"])
        if state["length"] is not None:
            self.set_length(trainer, state["length"], trainer.current_epoch)

    def state_dict(self) -> dict[str, Any]:
        return {"plateau": self.plateau.state_dict(), "length": self._length}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._resumed = state_dict


class IncreaseAutoRegressionLengthOnPlateau(PlateauCallback):
    """Multiplies the length by `factor` when `monitor` has not improved for `patience` validations.

    The new length acts in the next epoch. A step that would pass `max_length` goes to `max_length` exactly. See
    `Plateau` for thresholds and `PlateauCallback` for what a length change does to the best value. Raises ValueError
    where patience, factor or max_length is no integer of at least 1.
    """

    def __init__(
        self,
        monitor: str,
        patience: int,
        factor: int,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        max_length: int | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(monitor, Plateau(patience, threshold, threshold_mode), verbose)
        self.factor = positive("factor", factor)
        self.max_length = None if max_length is None else positive("max_length", max_length)

    def on_plateau(self, trainer: pl.Trainer) -> None:
        self.lengthen(trainer, self.factor, self.max_length)


class CombinedAutoRegressionCallback(PlateauCallback):
    """At each plateau of `monitor` the next word of `cycles` is done, endlessly in turn.

    "ar_length" (or "length") multiplies the length by `ar_length_factor`, up to `max_length`; "teacher_forcing" turns
    teacher forcing on or off; "learning_rate" multiplies every learning rate by `lr_factor`. After the last word of a
    cycle `reset_learning_rate` and `reset_teacher_forcing` put back what held at the start of the fit. Raises
    ValueError for other words, and where patience, ar_length_factor or max_length is no integer of at least 1.
    """

    def __init__(
        self,
        cycles: Sequence[str],
        monitor: str,
        patience: int,
        ar_length_factor: int,
        lr_factor: float,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        max_length: int | None = None,
        verbose: bool = False,
        reset_learning_rate: bool = False,
        reset_teacher_forcing: bool = False,
    ) -> None:
        super().__init__(monitor, Plateau(patience, threshold, threshold_mode), verbose)
        if not cycles or any(word not in CYCLE_WORDS for word in cycles):
            raise ValueError(f"cycles holds one or more of {', '.join(CYCLE_WORDS)}, not {list(cycles)}")
        self.cycles = tuple(cycles)
        self.ar_length_factor = positive("ar_length_factor", ar_length_factor)
        self.lr_factor = lr_factor
        self.max_length = None if max_length is None else positive("max_length", max_length)
        self.reset_learning_rate = reset_learning_rate
        self.reset_teacher_forcing = reset_teacher_forcing
        self.current_cycle = 0
        self._initial: dict[str, Any] | None = None
        self._teacher_forcing: bool | None = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._resumed is None and trainer.current_epoch == 0:
            self.current_cycle, self._initial = 0, None
        super().on_fit_start(trainer, pl_module)
        self._teacher_forcing = bool(_module(trainer).teacher_forcing)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        if self._initial is None:
            rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in trainer.optimizers]
            self._initial = {"rates": rates, "teacher_forcing": self._teacher_forcing}

    def on_plateau(self, trainer: pl.Trainer) -> None:
        self.say(f"plateau detected at epoch {trainer.current_epoch}")
        word = self.cycles[self.current_cycle]
        self.current_cycle += 1
        if word in LENGTH_WORDS:
            self.lengthen(trainer, self.ar_length_factor, self.max_length)
        elif word == "teacher_forcing":
            self._force(trainer, not _module(trainer).teacher_forcing)
        else:
            self._decay(trainer)
        if self.current_cycle == len(self.cycles):
            self._complete(trainer)

    def resume(self, trainer: pl.Trainer, state: dict[str, Any]) -> None:
        super().resume(trainer, state)
        self.current_cycle, self._initial = state["current_cycle"], state["initial"]
        if state["teacher_forcing"] is not None:
            _module(trainer).teacher_forcing = state["teacher_forcing"]

    def state_dict(self) -> dict[str, Any]:
        own = {"current_cycle": self.current_cycle, "initial": self._initial, "teacher_forcing": self._teacher_forcing}
        return {**super().state_dict(), **own}

    def _complete(self, trainer: pl.Trainer) -> None:
        self.say("auto-regression callback cycle completed!")
        self.current_cycle = 0
        assert self._initial is not None
        if self.reset_learning_rate:
            for optimizer, rates in zip(trainer.optimizers, self._initial["rates"], strict=True):
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate
        if self.reset_teacher_forcing:
            self._force(trainer, self._initial["teacher_forcing"])

    def _force(self, trainer: pl.Trainer, on: bool) -> None:
        self.say(f"teacher forcing = {on}")
        self._teacher_forcing = _module(trainer).teacher_forcing = on

    def _decay(self, trainer: pl.Trainer) -> None:
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] *= self.lr_factor
                self.say(f"learning rate = {group['lr']}")


def _module(trainer: pl.Trainer) -> Any:
    return trainer.lightning_module
