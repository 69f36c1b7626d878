"""Levenberg-Marquardt trains curves and clips in chains and stacks without a state; Lightning sees an optimiser."""

from __future__ import annotations

import time
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import pytest
import torch

import sysidc
from sysidc.runtime.api import Run

Array = np.ndarray
SIGNALS = "sysid 1\nsignals { input u : float64  output y : float64 }\n"
WHOLE = "u[all], y[10] -> y[all]"


def bent(u: Array) -> Array:
    """A lag of first order and behind it a curve that a straight line misses by a third."""
    x = np.zeros(len(u) + 1)
    for k, now in enumerate(u):
        x[k + 1] = 0.8 * x[k] + 0.5 * now
    return x[:-1] + 0.5 * x[:-1] ** 2 + 0.3 * np.sin(3 * x[:-1])


def clipped(u: Array) -> Array:
    x = np.zeros(len(u) + 1)
    for k, now in enumerate(u):
        x[k + 1] = 0.8 * x[k] + 0.5 * now
    return x[:-1].clip(-0.6, 0.6)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, samples: int, seed: int, system=bent, noise: float = 1e-3) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(seed)
    u = random.standard_normal(samples)
    y = system(u) + noise * random.standard_normal(samples)
    np.savetxt(name, np.stack([u, y], axis=1), delimiter=",", header="u,y", comments="")


def spec(stack: str, settings: str, header: str = WHOLE, data: str = "") -> sysidc.Spec:
    text = (
        f"{SIGNALS}model m: {header} {{ {stack} }}\n"
        f'data {{ train = "a.csv"  test = "t.csv"  validation = 25 %  {data} }}\n'
        f"train simulation {{ {settings} }}\n"
    )
    Path("m.sysid").write_text(text, encoding="utf-8")
    return sysidc.load("m.sysid")


def error(run: Run) -> float:
    return float(run.metrics[0]["rmse"])


SECOND = "optimizer = LevenbergMarquardt  "

BENDING = {
    "spline": ("LinearDynamics(1)  Curve(Spline(knots = 12))", 0.4),
    "polynomial": ("LinearDynamics(1)  Curve(Polynomial(degree = 5))", 0.4),
    "network": ("LinearDynamics(1)  Curve(Network([6]))", 0.4),
}
"""What follows a bend, and the share of the linear model's error that is left to it at most."""


@pytest.mark.parametrize("name", BENDING)
def test_what_can_bend_in_a_chain_follows_a_system_that_a_linear_model_misses(name: str, folder: Path) -> None:
    write("a.csv", 300, 1)
    write("t.csv", 200, 2)
    linear = error(spec("LinearDynamics(2)", SECOND + "epochs = 5").train("linear"))
    stack, left = BENDING[name]
    assert error(spec(stack, SECOND + "epochs = 20").train()) < left * linear


def test_a_clip_cuts_what_the_layers_before_it_say(folder: Path) -> None:
    write("a.csv", 300, 1, clipped)
    write("t.csv", 200, 2, clipped)
    data, known = "normalize = none", SECOND + "epochs = 20"
    open_ended = error(spec("LinearDynamics(1)", known, data=data).train("open"))
    assert error(spec("LinearDynamics(1)  Clip(-0.6, 0.6)", known, data=data).train()) < 0.1 * open_ended


@pytest.mark.parametrize("stack", ["Flatten  Linear(8)  Tanh  Linear(1)", "Conv1d(4, 3)  Tanh  Last  Linear(1)"])
def test_a_stack_without_a_state_is_trained_on_the_windows_of_all_records(stack: str, folder: Path) -> None:
    write("a.csv", 300, 1)
    write("t.csv", 200, 2)
    plain, second = (
        error(spec(stack, f"optimizer = {name}  epochs = 12", "u[8] -> y[1]").train(name[:4]))
        for name in ("AdamW", "LevenbergMarquardt")
    )
    assert second < plain


@pytest.mark.parametrize(
    "optimizer", ["LBFGS(line_search_fn = strong_wolfe)  epochs = 3", "Adam(lr = 3e-2)  epochs = 25"]
)
def test_optimisers_of_torch_train_a_chain_in_double_precision_and_better_its_linear_start(
    optimizer: str, folder: Path
) -> None:
    write("a.csv", 120, 1)
    write("t.csv", 60, 2)
    stack = "StateSpace(states = 1, hidden = [], output_hidden = [4])"
    run = spec(stack, f"optimizer = {optimizer}  precision = float64").train()
    assert {value.dtype for value in run.trained.stack.parameters()} == {torch.float64}
    linear = error(spec("LinearDynamics(1)", SECOND + "epochs = 5").train("linear"))
    assert error(run) < 0.9 * linear


# --- inside Lightning --------------------------------------------------------------------------------------------


class Watch(pl.Callback):
    """Counts steps, and may ask for the end."""

    def __init__(self, most: int = 1_000) -> None:
        self.steps, self.most = 0, most

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        self.steps += 1
        trainer.should_stop = self.steps >= self.most


def test_an_iteration_is_a_step_that_callbacks_see_and_may_end(folder: Path) -> None:
    from sysidc.runtime.runs.train import train

    write("a.csv", 300, 1)
    write("t.csv", 100, 2)
    stack = "LinearDynamics(1)  Curve(Spline(knots = 12))"
    watch = Watch(most=3)
    path = train(spec(stack, SECOND + "epochs = 9").compiled, {}, folder / "runs", more=[watch])
    rows = pd.read_csv(path / "metrics.csv")
    assert watch.steps == len(rows) == 3
    assert rows["train_loss"].is_monotonic_decreasing
    assert np.isfinite(rows["val_fit"]).all() and np.isnan(rows["lr"]).all()


def test_a_time_limit_ends_second_order_training_with_what_it_has_reached(folder: Path) -> None:
    write("a.csv", 300, 1)
    write("t.csv", 100, 2)
    began = time.perf_counter()
    stack = "LinearDynamics(2)  Curve(Network([8]))"
    run = spec(stack, SECOND + "epochs = 100_000  stop = none  time_limit = 1 s").train()
    assert time.perf_counter() - began < 30
    assert 0 < len(pd.read_csv(run.path / "metrics.csv")) < 100_000 and np.isfinite(error(run))


def test_early_stopping_and_loggers_serve_second_order_training(folder: Path) -> None:
    write("a.csv", 300, 1)
    write("t.csv", 100, 2)
    stop = "stop = EarlyStopping(patience = 2, min_delta = 1e6)  loggers = [csv, tensorboard]"
    run = spec("LinearDynamics(2)", SECOND + f"epochs = 20  {stop}").train()
    assert len(pd.read_csv(run.path / "metrics.csv")) == 3
    assert list((run.path / "tensorboard").glob("events*"))
