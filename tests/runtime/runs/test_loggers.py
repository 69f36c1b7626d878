"""Loggers by name write what the run's own metrics.csv holds; a package that is missing is named."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

import sysidc
from sysidc.runtime.runs.mistakes import RunError

PACKAGES = {"mlflow": "mlflow", "wandb": "wandb"}


def with_loggers(specs: Path, names: str) -> sysidc.Spec:
    text = (specs / "simulation.sysid").read_text().replace("epochs = 3", f"epochs = 3  loggers = [{names}]")
    (specs / "logged.sysid").write_text(text, encoding="utf-8")
    return sysidc.load("logged.sysid")


def test_tensorboard_has_the_curve_of_every_metric(specs: Path) -> None:
    run = with_loggers(specs, "csv, tensorboard").train()
    events = EventAccumulator(str(run.path / "tensorboard")).Reload()
    rows = pd.read_csv(run.path / "metrics.csv")
    for name in ("train_loss", "val_loss", "val_rmse", "val_nrmse", "val_fit"):
        logged = [event.value for event in events.Scalars(name)]
        assert logged == pytest.approx(rows[name].tolist(), rel=1e-5)


def test_a_logger_changes_no_number_and_csv_is_always_there(specs: Path) -> None:
    plain = sysidc.load("simulation.sysid").train("plain")
    for names in ("csv", "tensorboard"):
        run = with_loggers(specs, names).train(names)
        assert run.metrics == plain.metrics and (run.path / "metrics.csv").is_file()


@pytest.mark.parametrize("name", list(PACKAGES))
def test_a_logger_writes_offline_or_names_its_missing_package(specs: Path, name: str) -> None:
    spec = with_loggers(specs, name)
    if find_spec(PACKAGES[name]) is None:
        with pytest.raises(RunError, match=f"the logger {name} needs the package '{name}'") as raised:
            spec.train()
        assert f"pip install {name}" in str(raised.value.help) and not (specs / "runs").exists()
        return
    run = spec.train()
    store = run.path.parent / "mlflow.db" if name == "mlflow" else run.path / "wandb"
    assert store.exists() and len(pd.read_csv(run.path / "metrics.csv")) == 3
    assert not list(run.path.parent.glob(".*")), "the folder in which the run was prepared is gone"
