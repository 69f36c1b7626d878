"""What the training modules share: metrics, optimisers, checkpoints; and that they learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from sysidc.runtime.nn import CastWrapper, ResidualConnectionWrapper
from sysidc.runtime.training import (
    BestWeights,
    LightningPredictionTrainingModule,
    LightningSimulationTrainingModule,
    StepAutoRegressionLengthScheduler,
)

Make = Callable[..., Any]
ADAM = partial(torch.optim.Adam, lr=0.05)


def fir_batches(batch_size: int = 32) -> DataLoader[Any]:
    """y[k] = 0.7 u[k] - 0.4 u[k-1] + 0.2, windows of two inputs."""
    u = torch.randn(200, 2, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return DataLoader(TensorDataset(u, 0.7 * u[:, 1:] - 0.4 * u[:, :1] + 0.2), batch_size)


def linear(**settings: Any) -> LightningSimulationTrainingModule:
    torch.manual_seed(0)
    stack = nn.Sequential(nn.Flatten(), nn.Linear(2, 1), nn.Unflatten(1, (1, 1))).double()
    return LightningSimulationTrainingModule(stack, **{"optimizer": ADAM, **settings})


def test_a_linear_system_is_learned_to_known_accuracy(quiet_trainer: Make) -> None:
    module = linear(optimizer=partial(torch.optim.LBFGS, tolerance_grad=1e-12, tolerance_change=1e-15))
    trainer = quiet_trainer(max_epochs=20)
    trainer.fit(module, fir_batches(200), fir_batches())
    weight, bias = module.module[1].parameters()  # type: ignore[index]
    torch.testing.assert_close(weight, torch.tensor([[-0.4, 0.7]], dtype=torch.float64), atol=1e-5, rtol=0)
    torch.testing.assert_close(bias, torch.tensor([0.2], dtype=torch.float64), atol=1e-5, rtol=0)
    assert trainer.callback_metrics["val_fit"] > 99.99


def test_a_rotation_is_learned_over_growing_roll_outs(
    rotation: Tensor, roll_out_data: Make, quiet_trainer: Make
) -> None:
    torch.manual_seed(0)
    module = LightningPredictionTrainingModule(nn.Linear(2, 2, bias=False).double(), ADAM)
    callback = StepAutoRegressionLengthScheduler(step_size=40, gamma=2)
    quiet_trainer(max_epochs=120, callbacks=[callback]).fit(module, datamodule=roll_out_data(1, batch_size=100))
    torch.testing.assert_close(module.module.weight, rotation, atol=1e-3, rtol=0)


def test_metrics_are_those_of_the_whole_validation_set_in_units_of_the_data(quiet_trainer: Make) -> None:
    generator = torch.Generator().manual_seed(0)
    prediction, target = torch.randn(2, 13, 5, 2, generator=generator, dtype=torch.float64)
    scale = torch.tensor([10.0, 0.1], dtype=torch.float64)
    module = LightningSimulationTrainingModule(nn.Identity(), output_scale=scale)
    trainer = quiet_trainer()
    trainer.validate(module, DataLoader(TensorDataset(prediction, target), 4), verbose=False)
    error = (prediction - target).flatten(0, 1) * scale
    ratio = error.square().mean(0).sqrt() / (target.flatten(0, 1) * scale).std(0, correction=0)
    nrmse = float(ratio.square().mean().sqrt())
    expected = {
        "val_loss": float((prediction - target).square().mean()),
        "val_rmse": float(error.square().mean().sqrt()),
        "val_nrmse": nrmse,
        "val_fit": 100 * (1 - nrmse),
    }
    assert {name: float(value) for name, value in trainer.callback_metrics.items()} == pytest.approx(expected)


def test_train_loss_is_the_mean_over_the_epoch(quiet_trainer: Make) -> None:
    module = linear(optimizer=partial(torch.optim.SGD, lr=0.0))
    trainer = quiet_trainer(max_epochs=2)
    trainer.fit(module, fir_batches(), fir_batches())
    assert float(trainer.callback_metrics["train_loss"]) == pytest.approx(float(trainer.callback_metrics["val_loss"]))


def test_two_fits_start_from_a_fresh_optimiser(quiet_trainer: Make) -> None:
    module, made = linear(), []
    adam = module.optimizer
    assert adam is not None
    module.optimizer = lambda parameters: made.append(adam(parameters)) or made[-1]  # type: ignore[func-returns-value]
    for _ in range(2):
        quiet_trainer(max_epochs=1).fit(module, fir_batches(), fir_batches())
    first, second = made
    assert first is not second
    assert [float(state["step"]) for state in second.state.values()] == [7.0, 7.0]


def test_only_parameters_that_require_gradients_are_trained() -> None:
    module = linear()
    module.module[1].bias.requires_grad_(False)  # type: ignore[index]
    (group,) = module.configure_optimizers().param_groups
    assert len(group["params"]) == 1


@pytest.mark.parametrize("interval", ["epoch", "step"])
def test_a_scheduler_steps_at_its_interval(interval: str, quiet_trainer: Make) -> None:
    scheduler = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
    module = linear(lr_scheduler=scheduler, scheduler_interval=interval)
    trainer = quiet_trainer(max_epochs=2)
    trainer.fit(module, fir_batches(), fir_batches())
    steps = 2 if interval == "epoch" else 14
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05 * 0.5**steps)


def test_a_plateau_scheduler_follows_the_monitor(quiet_trainer: Make) -> None:
    scheduler = partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=0, factor=0.1, eps=0.0)
    module = linear(optimizer=partial(torch.optim.SGD, lr=1e-30), lr_scheduler=scheduler)
    trainer = quiet_trainer(max_epochs=3)
    trainer.fit(module, fir_batches(), fir_batches())
    assert trainer.optimizers[0].param_groups[0]["lr"] < 1e-30


def test_an_optimiser_object_is_refused_with_the_factory_that_is_meant() -> None:
    with pytest.raises(TypeError, match=r"functools.partial\(torch.optim.Adam, lr=1e-3\), not a SGD object"):
        linear(optimizer=torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1))
    with pytest.raises(TypeError, match="lr_scheduler is a factory"):
        linear(lr_scheduler=0.1)


def test_a_stack_with_nothing_to_train_says_so() -> None:
    with pytest.raises(ValueError, match="nothing to train"):
        LightningSimulationTrainingModule(nn.Identity(), ADAM).configure_optimizers()
    with pytest.raises(ValueError, match="needs an optimizer"):
        linear(optimizer=None).configure_optimizers()


def test_a_stack_that_keeps_its_window_is_cropped_to_the_output() -> None:
    x, y = torch.randn(3, 8, 1), torch.randn(3, 5, 1)
    module = LightningSimulationTrainingModule(nn.Linear(1, 1))
    torch.testing.assert_close(module.predict_step((x, y)), module.predict_step(x)[:, -5:])
    assert module.validation_step((x, y), 0).ndim == 0


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 5, 2), (3, 5)], ids=["steps", "channels", "axes"])
def test_shapes_are_never_stretched(shape: tuple[int, ...]) -> None:
    module = LightningSimulationTrainingModule(nn.Identity())
    with pytest.raises(ValueError, match="a loss needs equal shapes"):
        module.validation_step((torch.zeros(shape), torch.zeros(3, 5, 1)), 0)


def test_a_checkpoint_loads_without_the_optimiser(quiet_trainer: Make, tmp_path: Path) -> None:
    module = linear(output_scale=torch.ones(1))
    trainer = quiet_trainer(max_epochs=1)
    trainer.fit(module, fir_batches(), fir_batches())
    trainer.save_checkpoint(tmp_path / "fir.ckpt")
    loaded = LightningSimulationTrainingModule.load_from_checkpoint(tmp_path / "fir.ckpt", module=linear().module)
    x = torch.randn(2, 2, 1, dtype=torch.float64)
    torch.testing.assert_close(loaded(x), module(x))


def test_the_best_weights_return_after_training(quiet_trainer: Make) -> None:
    best, losses = BestWeights(), []

    class Losses(pl.Callback):
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            losses.append(float(trainer.callback_metrics.get("val_loss", math.nan)))

    module = linear(optimizer=partial(torch.optim.SGD, lr=1.2))
    trainer = quiet_trainer(max_epochs=6, callbacks=[best, Losses()])
    trainer.fit(module, fir_batches(200), fir_batches())
    (result,) = quiet_trainer().validate(module, fir_batches(), verbose=False)
    counted = losses[1:]  # the first is the sanity check's
    assert result["val_loss"] == pytest.approx(min(counted)) == pytest.approx(best.best)
    assert best.best_epoch == counted.index(min(counted))


def test_the_best_weights_of_both_parts_are_not_those_of_a_lucky_validation(quiet_trainer: Make) -> None:
    best = BestWeights(and_training=True)
    module = linear()
    trainer = quiet_trainer(max_epochs=3, callbacks=[best], num_sanity_val_steps=0)
    errors = iter([0.5, 0.2, 0.3])

    class Told(pl.Callback):
        def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
            pl_module.error = next(errors)

        def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            pl_module.log("val_loss", [0.1, 0.4, 0.2][trainer.current_epoch])

    module._log_errors = lambda stage: None  # type: ignore[method-assign]
    trainer.callbacks.insert(0, Told())
    trainer.fit(module, fir_batches(), fir_batches())
    assert best.best == pytest.approx(0.3)
    assert best.best_epoch == 2


def test_nan_is_never_the_best(quiet_trainer: Make) -> None:
    best, module = BestWeights(), linear(optimizer=partial(torch.optim.SGD, lr=1e10))
    trainer = quiet_trainer(max_epochs=40, callbacks=[best])
    trainer.fit(module, fir_batches(200), fir_batches())
    assert trainer.callback_metrics["val_loss"].isnan()
    assert math.isfinite(best.best)
    assert best.best_epoch is not None
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_the_snippet_of_the_design_runs_as_it_stands(roll_out_data: Make, quiet_trainer: Make) -> None:
    data = roll_out_data(1)
    data.states = (10 * data.states[:, :1]).round().float()
    trainer = quiet_trainer(
        max_epochs=7,
        callbacks=[StepAutoRegressionLengthScheduler(step_size=5, gamma=2, verbose=True)],
        reload_dataloaders_every_n_epochs=1,
    )
    stack = torch.nn.Sequential(
        CastWrapper(torch.nn.Linear(1, 20), in_dtype=torch.int64, out_dtype=torch.float32),
        ResidualConnectionWrapper(torch.nn.Linear(20, 20)),
        torch.nn.Linear(20, 1),
    )
    trainer.fit(LightningPredictionTrainingModule(stack, partial(torch.optim.Adam, lr=1e-3)), datamodule=data)
    assert data.n_forward_time_steps == 2


def test_a_residual_connection_acts_alike_in_training_validation_and_prediction(roll_out_data: Make) -> None:
    module = LightningPredictionTrainingModule(ResidualConnectionWrapper(nn.Linear(2, 2, bias=False)).double(), ADAM)
    nn.init.zeros_(module.module.module.weight)  # type: ignore[union-attr, arg-type]
    batch = next(iter(roll_out_data(4).train_dataloader()))
    persistence = batch[0].expand(-1, 4, -1)
    torch.testing.assert_close(module.compare(batch)[0], persistence)
    module.eval()
    torch.testing.assert_close(module.compare(batch)[0], persistence)
    torch.testing.assert_close(module.predict_step(batch), persistence)
