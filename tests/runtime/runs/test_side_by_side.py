"""Candidates fitted by processes side by side: the numbers of one after the other, whatever becomes of a process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from sysidc.compiler.lower import several_steps_at_once
from sysidc.runtime.cli import main
from sysidc.runtime.data.excitation import multisine
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs import side_by_side
from sysidc.runtime.runs.train import Outcome, fit
from tests.runtime.runs.bare_simulation import plan_of, write
from tests.runtime.runs.killing import content

MODEL = "StateSpace(states = 2, hidden = [3], output_hidden = [])"
RACE = """optimizer = LevenbergMarquardt  init = Subspace(block = 8)  epochs = 8
starts = 5  keep = 2  ensemble = 2  refit = on"""
SECONDS = 60
"""How long is waited at most for what is to happen at once."""

HURRIED = """
import signal
import sys
from sysidc.runtime.cli import main
from sysidc.runtime.runs import resume, side_by_side
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    side_by_side.WORTH, resume.SECONDS = 0.0, 0.0
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def record(tmp_path: Path) -> Path:
    u = multisine(np.random.default_rng(0), 300, 1.0, 0.3)
    y = np.zeros(len(u))
    for k in range(len(u) - 1):
        y[k + 1] = 0.8 * y[k] + np.tanh(u[k])
    write(tmp_path / "a.csv", u, y)
    return tmp_path


def raced(folder: Path, name: str, jobs: int) -> Outcome:
    plan = plan_of(folder, 'train = "a.csv"', RACE, MODEL)
    data = SpecDataModule(plan, several=several_steps_at_once(plan))
    (folder / name).mkdir()
    return fit(plan, data, folder / name, folder, quiet=True, jobs=jobs)


def assert_same(found: Outcome, wanted: Outcome) -> None:
    assert [{**row, "seconds": 0} for row in found.rows] == [{**row, "seconds": 0} for row in wanted.rows]
    weights = wanted.trained.stack.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in found.trained.stack.state_dict().items())


def until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_side_by_side_the_numbers_are_those_of_one_after_the_other(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    wanted = raced(record, "one", jobs=1)
    monkeypatch.setattr(side_by_side, "WORTH", 0.0)
    found = raced(record, "two", jobs=2)
    assert "  the others are fitted by 2 processes side by side" in found.log
    assert [line for line in found.log if "linear model" in line] == [
        line for line in wanted.log if "linear model" in line
    ]
    assert_same(found, wanted)
    assert not multiprocessing.active_children()


def test_a_race_goes_on_without_a_process_that_is_lost(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = raced(record, "one", jobs=1)
    monkeypatch.setattr(side_by_side, "WORTH", 0.0)
    with ThreadPoolExecutor(1) as thread:
        race = thread.submit(raced, record, "two", jobs=2)
        until(lambda: bool(multiprocessing.active_children()))
        multiprocessing.active_children()[0].kill()
        found = race.result(SECONDS)
    assert any("a process that helped was lost" in line for line in found.log)
    assert_same(found, wanted)


def hurried(*arguments: str) -> subprocess.Popen[bytes]:
    """`sysidc` that shares out its candidates at once, in a process group of its own as a shell's."""
    Path("hurried.py").write_text(HURRIED, encoding="utf-8")
    source = str(Path(__file__).resolve().parents[3] / "src")
    surroundings = {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "hurried.py", *arguments], env=surroundings, start_new_session=True)


def members(group: int) -> list[str]:
    """The processes of a group."""
    told = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    found = [line.split() for line in told.splitlines()]
    return [state for pgid, state in found if int(pgid) == group and not state.startswith("Z")]


@pytest.mark.skipif(not os.environ.get("SYSIDC_KILLS"), reason="a minute; SYSIDC_KILLS=84 kills other runs, too")
@pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_race_that_is_stopped_while_others_help_is_gone_on_with(
    how: signal.Signals, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(record)
    plan_of(record, 'train = "a.csv"', RACE, MODEL)
    assert main(["train", "test.sysid", "--runs", "whole", "--quiet", "--jobs", "1"]) == 0
    begun = hurried("train", "test.sysid", "--quiet", "--jobs", "2")
    until(lambda: len(list(Path("runs").glob("*/checkpoints/*.safetensors"))) > 2)
    (os.killpg if how == signal.SIGINT else os.kill)(begun.pid, how)
    assert begun.wait(SECONDS) == {signal.SIGINT: 130, signal.SIGTERM: 130, signal.SIGKILL: -signal.SIGKILL}[how]
    until(lambda: not members(begun.pid))
    assert main(["train", "test.sysid", "--resume", "--quiet"]) == 0
    (run,), (whole,) = Path("runs").iterdir(), Path("whole").iterdir()
    for name in ("weights.safetensors", "metrics.json", "metrics.csv"):
        assert content(run / name) == content(whole / name)
