"""Several optimiser steps in one training step are the steps that Lightning takes one by one, to the last bit."""

from __future__ import annotations

from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch

from sysidc.compiler.lower import build_stack, callbacks, several_steps_at_once, training_module
from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.dsl.source import Source
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.training.step import TrainingModule

NETWORK = "Flatten  Linear(8)  Tanh  Linear(1)"
ROLLOUT = f"@autoregressive_residual {{ {NETWORK} }}"
BAND = "kernel = Box(bandwidth = 0.5)  neighbours = 8  lipschitz = 2  noise = 0.1  bound_crossing_penalty = 1"

CASES = {
    "plain": ("u[8] -> y[1]", NETWORK, "simulation", ""),
    "clipped": ("u[8] -> y[1]", NETWORK, "simulation", "gradient_clip = 0.05"),
    "schedule per epoch": ("u[8] -> y[1]", NETWORK, "simulation", "scheduler = StepLR(step_size = 1, gamma = 0.5)"),
    "schedule per step": ("u[8] -> y[1]", NETWORK, "simulation", "scheduler = OneCycleLR(max_lr = 0.01)"),
    "schedule on a plateau": (
        "u[8] -> y[1]",
        NETWORK,
        "simulation",
        "scheduler = ReduceLROnPlateau(patience = 0, threshold = 0.9)",
    ),
    "growing horizon": (
        "y[4] -> y[1]",
        ROLLOUT,
        "prediction",
        "autoregression = Step(step_size = 1, gamma = 2, max_length = 4)",
    ),
    "bounded": ("u[2] -> y[1]", NETWORK, "bounded", BAND),
}


def plan_of(case: str, optimizer: str = "AdamW(lr = 0.01)", more: str = "") -> Plan:
    header, stack, mode, settings = CASES[case]
    signals = "output y" if mode == "prediction" else "input u  output y"
    text = (
        f"sysid 1\nsignals {{ {signals} }}\nmodel m: {header} {{ {stack} }}\n"
        "data { train = duffing(samples = 1_001) }\n"
        f"train {mode} {{ optimizer = {optimizer}  batch_size = 32  epochs = 3  {settings}  {more} }}\n"
    )
    plan = compile_source(Source("test.sysid", text, Path("test.sysid"))).plan
    assert plan is not None
    return plan


def fitted(plan: Plan, several: bool) -> tuple[TrainingModule, dict[str, float]]:
    data = SpecDataModule(plan, several=several)
    module = training_module(plan, build_stack(plan), None, data.steps_per_epoch, several)
    assert isinstance(module, TrainingModule)
    growing = plan.train.prediction is not None
    trainer = pl.Trainer(
        max_epochs=plan.train.epochs,
        accelerator="cpu",
        callbacks=callbacks(plan),
        gradient_clip_val=None if several else plan.train.gradient_clip,
        reload_dataloaders_every_n_epochs=int(growing),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    torch.manual_seed(0)
    trainer.fit(module, datamodule=data)
    rate = trainer.optimizers[0].param_groups[0]["lr"]
    return module, {"lr": rate, **{name: float(value) for name, value in trainer.callback_metrics.items()}}


@pytest.mark.parametrize("case", CASES)
def test_the_steps_are_lightnings(case: str) -> None:
    plan = plan_of(case)
    assert several_steps_at_once(plan)
    together, metrics = fitted(plan, several=True)
    one_by_one, expected = fitted(plan, several=False)
    for name, weight in one_by_one.state_dict().items():
        torch.testing.assert_close(together.state_dict()[name], weight, rtol=0, atol=0)
    assert metrics == pytest.approx(expected, rel=1e-6)


def test_a_batch_serves_many_steps_and_fewer_where_the_horizon_is_long() -> None:
    plan = plan_of("growing horizon")
    data = SpecDataModule(plan, several=True)
    few = len(data.train_dataloader())
    assert few < data.steps_per_epoch / 10
    data.n_forward_time_steps = 16
    assert data.batches_at_once == 2
    assert SpecDataModule(plan).batches_at_once == 1


@pytest.mark.parametrize(
    ("optimizer", "more"),
    [("LBFGS(max_iter = 3)", ""), ("AdamW(lr = 0.01)", 'precision = "bf16-mixed"'), ("SGD(lr = 0.01)", "devices = 2")],
    ids=["closure", "mixed precision", "two devices"],
)
def test_lightning_takes_the_steps_where_more_than_a_backward_is_needed(optimizer: str, more: str) -> None:
    assert not several_steps_at_once(plan_of("plain", optimizer, more))


def test_what_watches_a_fit_waits_for_it_to_grow() -> None:
    """The fit grows over these epochs, so neither the rate falls nor the horizon grows by it."""
    settings = "scheduler = ReduceLROnPlateau(monitor = val_fit, patience = 0, threshold = 0)"
    _, metrics = fitted(plan_of("plain", "AdamW(lr = 0.001)", settings), several=True)
    assert metrics["lr"] == 0.001


def test_a_plateau_counts_a_fit_with_its_sign_turned() -> None:
    header, stack = "y[4] -> y[1]", ROLLOUT
    text = (
        f"sysid 1\nsignals {{ output y }}\nmodel m: {header} {{ {stack} }}\n"
        "data { train = duffing(samples = 1_001) }\n"
        "train prediction { optimizer = AdamW(lr = 0.001)  epochs = 4  validation_horizon = 1\n"
        "autoregression = OnPlateau(patience = 2, monitor = val_fit, threshold = 0, max_length = 8) }\n"
    )
    plan = compile_source(Source("test.sysid", text, Path("test.sysid"))).plan
    assert plan is not None
    data = SpecDataModule(plan)
    trainer = pl.Trainer(
        max_epochs=4,
        accelerator="cpu",
        callbacks=callbacks(plan),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(training_module(plan, build_stack(plan)), datamodule=data)
    assert data.n_forward_time_steps == 1
