"""`sysidc sweep` from the command line, with real worker processes that are killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import sysidc
from tests.sweep.conftest import spec

pytest.importorskip("optuna")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "sysidc", "sweep", str(folder / "m.sysid"), "--runs", str(folder / "runs"), *more]


def sweep(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, *more), env=ENVIRONMENT, capture_output=True, text=True, timeout=240)


def trials(folder: Path) -> list[dict[str, Any]]:
    with open(next(folder.glob("runs/*/trials.csv")), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def killed(folder: Path, after: str) -> None:
    """A sweep whose processes are all killed at once behind the line that begins so."""
    process = subprocess.Popen(
        command(folder), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(after):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_a_killed_sweep_goes_on_and_its_best_run_is_told(folder: Path) -> None:
    spec(folder, "sampler = random  pruner = none  trials = 4  seed = 5")
    killed(folder, "trial 2/4")
    done = sweep(folder, "--output", "json")
    assert done.returncode == 0, done.stderr
    assert "2 of them done before" in done.stderr
    found = json.loads(done.stdout)
    assert [row["state"] for row in found["trials"]] == ["complete"] * 4
    best = min(found["trials"], key=lambda row: row["rmse"])
    assert Path(found["run"]).name == best["run"]
    assert [row["run"] for row in trials(folder)] == [row["run"] for row in found["trials"]]
    written = sysidc.load(next(folder.glob("runs/*/best.sysid")))
    assert written.plan.model.parameters == sysidc.open_run(found["run"]).plan.model.parameters
    assert written.plan.train.optimizer.arguments["lr"] == best["rate"]
    assert found["metrics"] == sysidc.open_run(found["run"]).metrics


@pytest.mark.skipif("SYSIDC_KILLS" not in os.environ, reason="a minute: `make nightly` asks for it")
@pytest.mark.parametrize("sampler", ["random", "TPE", "grid"])
def test_four_kills_of_all_processes_lose_nothing_and_repeat_nothing(folder: Path, sampler: str) -> None:
    """Killed behind trials 2, 4 and 6, and once before anything: the journal is that of a sweep left alone."""
    path = spec(folder, f"sampler = {sampler}  pruner = none  trials = 8  seed = 5")
    if sampler == "grid":
        text = path.read_text(encoding="utf-8").replace("in [2, 4]", "in 1 .. 8")
        path.write_text(text.replace(" in 1e-3 .. 1e-1 log", ""), encoding="utf-8")
    for after in ("runs", "trial 2/8", "trial 4/8", "trial 6/8"):
        killed(folder, str(folder / after) if after == "runs" else after)
    again = json.loads(sweep(folder, "--output", "json").stdout)["trials"]
    (folder / "runs").rename(folder / "killed")
    whole = json.loads(sweep(folder, "--output", "json").stdout)["trials"]
    assert len(whole) == 8 and [row["state"] for row in whole] == ["complete"] * 8
    assert [{**row, "seconds": 0} for row in again] == [{**row, "seconds": 0} for row in whole]


def test_a_worker_that_is_killed_is_replaced_and_two_jobs_find_the_same(folder: Path) -> None:
    spec(folder, "sampler = random  pruner = none  trials = 4  seed = 5")
    process = subprocess.Popen(
        command(folder, "--jobs", "2", "--output", "json"),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    os.kill(_child(process.pid), signal.SIGKILL)
    out, _ = process.communicate(timeout=240)
    rows = json.loads(out)["trials"]
    assert [row["state"] for row in rows] == ["complete"] * 4
    assert [row["trial"] for row in rows] == [0, 1, 2, 3]


def _child(parent: int) -> int:
    """The first child that a process starts."""
    for _ in range(600):
        found = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()
        if found:
            return int(found[0])
        time.sleep(0.05)
    raise AssertionError("no worker was started")


def test_a_sweep_without_time_waits_and_goes_on_when_it_has_some(folder: Path) -> None:
    from sysidc.runtime.sweep.search import search
    from tests.sweep.test_trial import here

    path = spec(folder, "sampler = random  trials = 2  time_limit = 1 ms")
    done = sweep(folder)
    assert done.returncode == 2
    assert "the time limit of the sweep was over before a trial was finished" in done.stderr
    path.write_text(
        path.read_text(encoding="utf-8").replace("time_limit = 1 ms", "time_limit = none"), encoding="utf-8"
    )
    found = search(sysidc.load(path).compiled, {}, folder / "runs", here)
    assert str(found.folder) in done.stderr
    assert [row["state"] for row in found.rows] == ["complete"] * 2


def test_what_belongs_to_ray_is_refused_without_it(folder: Path) -> None:
    spec(folder, "")
    done = sweep(folder, "--cpus", "2")
    assert done.returncode == 2 and "go with --ray" in done.stderr
    done = sweep(folder, "--ray", "--gpus", "-1")
    assert done.returncode == 2 and "between 0 and 1" in done.stderr


def test_a_spec_without_domains_is_refused_in_one_sentence(folder: Path) -> None:
    path = spec(folder, "")
    text = path.read_text(encoding="utf-8").replace("sweep {  }", "")
    path.write_text(text.replace(" in [2, 4]", "").replace(" in 1e-3 .. 1e-1 log", ""), encoding="utf-8")
    done = sweep(folder)
    assert done.returncode == 2
    assert "no-domains" in done.stderr and "Traceback" not in done.stderr
