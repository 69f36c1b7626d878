"""A trial is the run that `train` makes of the same params, scored on the validation part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sysidc
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.sweep.journal import Journal
from sysidc.runtime.sweep.search import Found, search
from sysidc.runtime.sweep.table import Table
from sysidc.runtime.sweep.task import Result, Task, Watch
from sysidc.runtime.sweep.trial import run_trial
from tests.sweep.conftest import spec


def task(folder: Path, metric: str, **values: object) -> Task:
    path = spec(folder, "metric = rmse")
    return Task(str(path), str(path), path.read_text(encoding="utf-8"), values, metric, str(folder / "runs"))


def noted() -> tuple[list[float], Watch]:
    """A list of the values of the epochs, and what fills it."""
    values: list[float] = []

    def watch(epoch: int, value: float) -> bool:
        values.append(value)
        return True

    return values, watch


def test_a_trial_is_the_run_of_its_params_and_scores_the_validation_part(folder: Path) -> None:
    epochs, watch = noted()
    result = run_trial(task(folder, "rmse", width=2, rate=0.02), watch)
    assert result.state == "complete" and result.run is not None and result.value is not None
    plain = sysidc.load(folder / "m.sysid", width=2, rate=0.02).train(folder / "plain")
    assert plain.path.name == result.run
    torch.testing.assert_close(
        sysidc.open_run(folder / "runs" / result.run).trained.state(), plain.trained.state(), rtol=0, atol=0
    )
    u, y = np.loadtxt(folder / "d.csv", delimiter=",", skiprows=1).T
    held = slice(384, 480)  # 600 samples, the last 20 % tested, the last 20 % of the rest held out
    predicted = plain.predict({"u": u[held], "y": y[held]})["y_predicted"].to_numpy()
    error = (predicted - y[held])[7:]
    assert result.value == pytest.approx(float(np.sqrt(np.mean(error**2))), rel=1e-9)
    assert len(epochs) == 2


def test_val_loss_is_that_of_the_epoch_whose_weights_were_kept(folder: Path) -> None:
    losses, watch = noted()
    result = run_trial(task(folder, "val_loss", width=2, rate=0.02), watch)
    assert result.value == pytest.approx(min(losses), rel=1e-6)


def test_a_finished_run_is_not_trained_again(folder: Path) -> None:
    first = run_trial(task(folder, "rmse", width=2), lambda epoch, value: True)
    again = run_trial(task(folder, "rmse", width=2), lambda epoch, value: pytest.fail("trained again"))
    assert (again.value, again.run) == (first.value, first.run)


def test_a_pruned_trial_leaves_nothing_behind(folder: Path) -> None:
    assert run_trial(task(folder, "rmse"), lambda epoch, value: False).state == "pruned"
    assert not (folder / "runs").exists() or list((folder / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"width": 0}, "from 1"), ({"rate": 1e30}, "became"), ({"width": '"x"'}, "")],
    ids=["a finding", "a training that explodes", "a text"],
)
def test_values_that_cannot_be_trained_are_a_failed_trial(folder: Path, values: dict[str, object], reason: str) -> None:
    result = run_trial(task(folder, "rmse", **values), lambda epoch, value: True)
    assert isinstance(result, Result) and result.state == "failed"
    assert result.reason


def here(journal: Journal, folder: Path, task: Callable[[dict[str, Any]], Task], table: Table) -> None:
    """An engine without processes."""
    while (asked := journal.ask()) is not None:
        journal.tell(asked[0], run_trial(task(asked[1]), lambda epoch, value: True))


def searched(folder: Path, settings: str, **overrides: object) -> Found:
    pytest.importorskip("optuna")
    return search(sysidc.load(spec(folder, settings), **overrides).compiled, overrides, folder / "runs", here)


def test_the_best_trial_is_written_out_as_a_spec(folder: Path) -> None:
    found = searched(folder, "sampler = random  metric = fit  trials = 2")
    best = max(found.rows, key=lambda row: row["fit"])
    assert found.best.name == best["run"]
    text = (found.folder / "best.sysid").read_text(encoding="utf-8")
    assert f"param width = {best['width']} in [2, 4]" in text and f"param rate = {best['rate']} in" in text
    again = sysidc.load(found.folder / "best.sysid").train(folder / "again")
    assert again.metrics == sysidc.open_run(found.best).metrics


def test_a_sweep_whose_trials_all_fail_says_why(folder: Path) -> None:
    (folder / "d.csv").unlink()
    with pytest.raises(RunError, match=r"all 2 trials failed, the last one because .*d\.csv"):
        searched(folder, "sampler = grid", rate=0.02)
