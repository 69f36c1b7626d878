"""What travels to another machine is all that a trial reads there, whatever values its params take."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import sysidc
from sysidc.compiler.plan import DomainPlan
from sysidc.runtime.sweep.shipping import packed_run, parcel, unpack_run
from sysidc.runtime.sweep.task import Task
from sysidc.runtime.sweep.trial import run_trial

LIBRARY = "sysid 1\nparam width = 2\n"
SPEC = """sysid 1
use "widths.sysid"
param file = "d.csv" in ["d.csv", "more/e.csv"]
param rate = 0.01 in [0.01, 0.02]
signals { sampling_time = 1 s  input u : float64  output y : float64 }
model m: u[8] -> y[1] { TimeSeriesLinear(steps = 1, width = width)  Tanh  Linear(1) }
data { train = file  test = 20 %  validation = 20 % }
train simulation { optimizer = AdamW(lr = rate)  epochs = 1  batch_size = 64 }
"""


@pytest.mark.parametrize("file", ["d.csv", "more/e.csv"])
def test_a_trial_runs_on_another_machine_with_any_of_the_files_that_a_param_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """The other machine: another folder for what is unpacked, and nothing left of the spec's own."""
    here = folder / "here"
    (here / "more").mkdir(parents=True)
    shutil.move(folder / "d.csv", here / "d.csv")
    lines = (here / "d.csv").read_text(encoding="utf-8").splitlines()
    (here / "more" / "e.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")
    (here / "widths.sysid").write_text(LIBRARY, encoding="utf-8")
    path = here / "m.sysid"
    path.write_text(SPEC, encoding="utf-8")
    task = Task(str(path), str(path), SPEC, {"file": '"d.csv"', "rate": 0.01}, "rmse", str(here / "runs"))
    values = {"file": f'"{file}"', "rate": 0.02}
    expected = run_trial(replace(task, values=values, runs=str(folder / "own")), lambda epoch, value: True)
    shipped = parcel(task, [DomainPlan("file", '"d.csv"', ('"d.csv"', '"more/e.csv"'))])
    here.rename(folder / "gone")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    found = run_trial(shipped.task(replace(task, values=values)), lambda epoch, value: True)
    assert found.state == "complete" and found.run is not None
    assert found.value == expected.value
    run = folder / "back" / found.run
    (folder / "back").mkdir()
    unpack_run(packed_run(Path(shipped.task(task).runs) / found.run), run)
    assert expected.run is not None
    assert sysidc.open_run(run).metrics == sysidc.open_run(folder / "own" / expected.run).metrics
