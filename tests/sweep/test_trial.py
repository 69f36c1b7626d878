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
from sysidc.runtime.sweep.trial import measured, run_trial
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
    rmse = float(np.sqrt(np.mean(error**2)))
    assert result.value == pytest.approx(rmse, rel=1e-9)
    assert len(epochs) == 2
    nrmse = rmse / float(np.std(y[held][7:]))
    scores = {"nrmse": nrmse, "fit": 100 * (1 - nrmse), "r2": 1 - nrmse**2, "mae": float(np.mean(np.abs(error)))}
    for metric, score in scores.items():
        assert measured(folder / "runs" / result.run, metric) == pytest.approx(score, rel=1e-9)


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


KINDS = """sysid 1
param width = 3 in 2 .. 4
param rate  = 0.05 in 1e-3 .. 1e-1 log
param decay = 0.01 in 0.0 .. 0.1
param bias  = on in [on, off]
param cost  = MSE in [MSE, Huber(delta = 0.5)]
param file  = "d.csv" in ["d.csv", "e.csv"]
signals { sampling_time = 1 s  input u : float64  output y : float64 }
model m: u[8] -> y[1] { TimeSeriesLinear(steps = 1, width = width)  Tanh  Linear(1, bias = bias) }
data { train = file  test = 20 %  validation = 20 % }
train simulation { optimizer = AdamW(lr = rate, weight_decay = decay)  loss = cost  epochs = 1  batch_size = 64 }
sweep { sampler = random  trials = 3  seed = SEED }
"""


@pytest.mark.parametrize("seed", [0, 4])
def test_the_best_spec_holds_values_of_every_kind_and_trains_to_the_same_scores(folder: Path, seed: int) -> None:
    pytest.importorskip("optuna")
    lines = (folder / "d.csv").read_text(encoding="utf-8").splitlines()
    (folder / "e.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")
    path = folder / "m.sysid"
    path.write_text(KINDS.replace("SEED", str(seed)), encoding="utf-8")
    found = search(sysidc.load(path).compiled, {}, folder / "runs", here)
    best = min(found.rows, key=lambda row: row["rmse"])
    written = sysidc.load(found.folder / "best.sysid")
    sweep = written.plan.sweep
    assert sweep is not None
    starts = {domain.param: domain.start for domain in sweep.domains}
    assert starts.pop("file") == '"../../{}"'.format(str(best["file"]).strip('"'))
    assert starts == {name: best[name] for name in starts}
    assert written.train(folder / "again").metrics == sysidc.open_run(found.best).metrics
    files = next(domain.values for domain in sweep.domains if domain.param == "file")
    assert files == ('"../../d.csv"', '"../../e.csv"')


def test_a_sweep_shares_no_training_among_devices(folder: Path) -> None:
    path = spec(folder, "sampler = random")
    path.write_text(path.read_text(encoding="utf-8").replace("epochs = 2", "epochs = 2  devices = 2"), encoding="utf-8")
    with pytest.raises(RunError, match="share one training"):
        search(sysidc.load(path).compiled, {}, folder / "runs", here)
    assert not (folder / "runs").exists()


def test_a_sweep_whose_trials_all_fail_says_why(folder: Path) -> None:
    (folder / "d.csv").unlink()
    with pytest.raises(RunError, match=r"all 2 trials failed, the last one because .*d\.csv"):
        searched(folder, "sampler = grid", rate=0.02)
