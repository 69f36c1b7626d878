"""The roll-out has the length of its epoch, in real fits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from sysidc.compiler.horizons import largest_length, multi_step_length, step_length
from sysidc.runtime.training import (
    CombinedAutoRegressionCallback,
    CyclicTeacherForcing,
    IncreaseAutoRegressionLengthOnPlateau,
    LightningPredictionTrainingModule,
    MultiStepAutoRegressionLengthScheduler,
    StepAutoRegressionLengthScheduler,
)

Make = Callable[..., Any]


def training_module(lr: float = 0.0) -> LightningPredictionTrainingModule:
    """A model that never improves with lr 0."""
    torch.manual_seed(0)
    return LightningPredictionTrainingModule(nn.Linear(2, 2).double(), partial(torch.optim.SGD, lr=lr))


@pytest.mark.parametrize("reload_every", [0, 1, 3])
def test_the_length_acts_in_the_epoch_it_names(
    reload_every: int, roll_out_data: Make, quiet_trainer: Make, record_lengths: Make
) -> None:
    seen, data = record_lengths(), roll_out_data(2)
    callbacks = [StepAutoRegressionLengthScheduler(step_size=5, gamma=2), seen]
    trainer = quiet_trainer(max_epochs=11, callbacks=callbacks, reload_dataloaders_every_n_epochs=reload_every)
    trainer.fit(training_module(), datamodule=data)
    assert seen.lengths == [2] * 5 + [4] * 5 + [8]
    assert trainer.reload_dataloaders_every_n_epochs == reload_every
    assert data.n_forward_time_steps == 8


def test_loaders_are_built_anew_only_where_the_length_changed(roll_out_data: Make, quiet_trainer: Make) -> None:
    data, built = roll_out_data(1), []
    make = data.train_dataloader

    def counted() -> Any:
        built.append(data.n_forward_time_steps)
        return make()

    data.train_dataloader = counted
    callback = MultiStepAutoRegressionLengthScheduler([2, 4], gamma=3, max_length=5)
    quiet_trainer(max_epochs=6, callbacks=[callback]).fit(training_module(), datamodule=data)
    assert built == [1, 3, 5]


def test_a_milestone_at_the_first_epoch_acts_at_once(
    roll_out_data: Make, quiet_trainer: Make, record_lengths: Make
) -> None:
    seen = record_lengths()
    callback = MultiStepAutoRegressionLengthScheduler([0, 2])
    quiet_trainer(max_epochs=3, callbacks=[callback, seen]).fit(training_module(), datamodule=roll_out_data(3))
    assert seen.lengths == [6, 6, 12]


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty:UserWarning")
@pytest.mark.parametrize("at_train_end", [False, True], ids=["saved after validation", "saved after training"])
@pytest.mark.parametrize("epochs_before", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["step", "plateau"])
def test_a_resumed_fit_goes_on_with_the_length_of_an_unbroken_one(
    kind: str,
    epochs_before: int,
    at_train_end: bool,
    roll_out_data: Make,
    quiet_trainer: Make,
    record_lengths: Make,
    tmp_path: Path,
) -> None:
    def callback() -> pl.Callback:
        if kind == "step":
            return StepAutoRegressionLengthScheduler(step_size=2, gamma=2)
        return IncreaseAutoRegressionLengthOnPlateau("val_loss", patience=1, factor=2, max_length=10)

    def save() -> pl.Callback:
        return ModelCheckpoint(tmp_path, save_last=True, save_on_train_epoch_end=at_train_end)

    first, second, whole = record_lengths(), record_lengths(), record_lengths()
    quiet_trainer(max_epochs=5, callbacks=[callback(), whole]).fit(training_module(), datamodule=roll_out_data(1))
    saving = {"enable_checkpointing": True, "num_sanity_val_steps": 0}
    trainer = quiet_trainer(max_epochs=epochs_before, callbacks=[callback(), first, save()], **saving)
    trainer.fit(training_module(), datamodule=roll_out_data(1))
    (last,) = tmp_path.glob("last*.ckpt")
    trainer = quiet_trainer(max_epochs=5, callbacks=[callback(), second, save()], **saving)
    trainer.fit(training_module(), datamodule=roll_out_data(1), ckpt_path=last)
    assert first.lengths + second.lengths == whole.lengths


def test_a_plateau_lengthens_in_the_next_epoch_and_ignores_the_sanity_check(
    roll_out_data: Make, quiet_trainer: Make, record_lengths: Make
) -> None:
    seen = record_lengths()
    callback = IncreaseAutoRegressionLengthOnPlateau("val_loss", patience=2, factor=3, max_length=5)
    trainer = quiet_trainer(max_epochs=8, callbacks=[callback, seen], num_sanity_val_steps=2)
    trainer.fit(training_module(), datamodule=roll_out_data(1))
    # epoch 0 is the best, 1 and 2 are no better; the cap is met exactly
    assert seen.lengths == [1, 1, 1, 3, 3, 5, 5, 5]


def test_a_metric_that_nobody_logs_is_named(roll_out_data: Make, quiet_trainer: Make) -> None:
    callback = IncreaseAutoRegressionLengthOnPlateau("val_lss", patience=1, factor=2)
    with pytest.raises(ValueError, match=r"val_lss is not logged; there are .*val_loss"):
        quiet_trainer(max_epochs=2, callbacks=[callback]).fit(training_module(), datamodule=roll_out_data(1))


def test_teacher_forcing_turns_every_cycle(roll_out_data: Make, quiet_trainer: Make, record_lengths: Make) -> None:
    seen, module = record_lengths(), training_module()
    module.teacher_forcing = True
    quiet_trainer(max_epochs=7, callbacks=[CyclicTeacherForcing(3), seen]).fit(module, datamodule=roll_out_data(2))
    assert seen.forced == [True, True, True, False, False, False, True]


def test_the_combined_callback_goes_through_its_cycle(
    roll_out_data: Make, quiet_trainer: Make, record_lengths: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    seen, rates = record_lengths(), []

    class Rates(pl.Callback):
        def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    cycles = ["learning_rate", "teacher_forcing", "length"]
    callback = CombinedAutoRegressionCallback(
        cycles, "val_loss", 1, 2, 0.1, verbose=True, reset_learning_rate=True, reset_teacher_forcing=True
    )
    module = training_module(1e-30)
    quiet_trainer(max_epochs=7, callbacks=[callback, seen, Rates()]).fit(module, datamodule=roll_out_data(1))
    assert seen.lengths == [1, 1, 1, 1, 2, 2, 2]
    assert seen.forced == [False, False, False, True, False, False, True]
    assert rates == pytest.approx([1e-30, 1e-30, 1e-31, 1e-31, 1e-30, 1e-31, 1e-31])
    assert "CombinedAutoRegressionCallback: new length = 2 at epoch 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    "make",
    [
        lambda: StepAutoRegressionLengthScheduler(5, 1.5),  # type: ignore[arg-type]
        lambda: StepAutoRegressionLengthScheduler(0, 2),
        lambda: MultiStepAutoRegressionLengthScheduler([1], gamma=0),
        lambda: MultiStepAutoRegressionLengthScheduler([-1]),
        lambda: IncreaseAutoRegressionLengthOnPlateau("val_loss", 1, 0),
        lambda: IncreaseAutoRegressionLengthOnPlateau("val_loss", 1, 2, threshold_mode="relative"),
        lambda: CombinedAutoRegressionCallback(["lengths"], "val_loss", 1, 2, 0.1),
        lambda: CyclicTeacherForcing(0),
    ],
    ids=["gamma 1.5", "step_size 0", "gamma 0", "milestone -1", "factor 0", "mode", "word", "cycle 0"],
)
def test_lengths_are_whole_steps_and_never_shrink(make: Make) -> None:
    with pytest.raises(ValueError, match=r"must be an integer|threshold_mode is|cycles holds"):
        make()


def test_a_trainer_without_a_length_is_told_what_is_missing(roll_out_data: Make, quiet_trainer: Make) -> None:
    trainer = quiet_trainer(max_epochs=1, callbacks=[StepAutoRegressionLengthScheduler(5, 2)])
    with pytest.raises(TypeError, match="n_forward_time_steps"):
        trainer.fit(training_module(), roll_out_data(1).train_dataloader(), roll_out_data(1).val_dataloader())


def test_lengths_follow_from_the_epoch() -> None:
    assert [step_length(epoch, 3, 2, 2, 20) for epoch in range(8)] == [3, 3, 6, 6, 12, 12, 20, 20]
    assert [multi_step_length(epoch, 1, [1, 3, 3]) for epoch in range(4)] == [1, 2, 2, 8]
    assert step_length(10**6, 1, 1, 2, 64) == 64


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("Step", {"step_size": 2, "gamma": 2}, 16),
        ("MultiStep", {"milestones": [1, 9, 10], "gamma": 2}, 4),
        ("OnPlateau", {"patience": 3, "factor": 2, "max_length": 256}, 8),
        ("Combined", {"patience": 2, "length_factor": 3, "cycles": ["length", "learning_rate"]}, 9),
    ],
)
def test_the_largest_length_is_reached_within_the_epochs(name: str, arguments: dict[str, Any], expected: int) -> None:
    base = 1
    epochs = 10 if name != "Combined" else 9
    assert largest_length(name, arguments, base, epochs) == expected
