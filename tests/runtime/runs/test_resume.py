"""A run that was killed, stopped or ran out of room ends with the numbers of one that was not."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from sysidc.runtime.api import load
from sysidc.runtime.cli import main
from sysidc.runtime.runs.folder import folder_name
from sysidc.runtime.runs.staging import staged
from tests.runtime.runs.killing import content

KILLS = int(os.environ.get("SYSIDC_KILLS", "8"))
"""How often trainings are killed, all specs together."""

QUICK = ("schedule", "growing", "bounded", "stages")
"""The specs that are tried where few are killed."""

HEAD = 'sysid 1\nsignals { input u  output y }\ndata { train = "data/a.csv"  test = 30 %  validation = 20 % }\n'
SPECS = {
    "schedule": """model m: u[8] -> y[4] { Conv1d(4, 3)  Dropout(0.2)  Linear(1) }
train simulation { epochs = 20  optimizer = AdamW(lr = 1e-2)  scheduler = OneCycleLR(max_lr = 0.05)
                   batch_size = 16  stop = EarlyStopping(patience = 15)  seed = 3 }""",
    "growing": """model m: u[4], y[2] -> y[1] { Flatten  Linear(4)  Tanh  Linear(1) }
train prediction { epochs = 20  horizon = 2  autoregression = Step(step_size = 5, gamma = 2, max_length = 16)
                   teacher_forcing = Cyclic(cycle_in_epochs = 3)  batch_size = 64  seed = 3 }""",
    "plateaus": """model m: u[4], y[2] -> y[1] { Flatten  Linear(4)  Tanh  Linear(1) }
train prediction { epochs = 20  autoregression = Combined(cycles = [learning_rate, teacher_forcing, length],
                   patience = 2, lr_factor = 0.7, length_factor = 2, max_length = 8)  batch_size = 64 }""",
    "bounded": """model m: u[3] -> y[1] { Flatten  Linear(4)  ReLU  Linear(1) }
train bounded { kernel = Epanechnikov(bandwidth = 0.5)  neighbours = 16  epochs = 20  bound_during_training = on
                optimizer = SGD(lr = 0.05, momentum = 0.9)  batch_size = 16 }""",
    "stages": """model m: u[all], y[5] -> y[all] { LinearDynamics(states = 2)  Curve(Spline(knots = 4)) }
train simulation { optimizer = LevenbergMarquardt()  starts = 2  keep = 2  segments = [80, all]  epochs = 4
                   refit = on }""",
    "one_by_one": """model m: u[all] -> y[all] { GRU(4)  Dropout(0.1)  Linear(1) }
train simulation { epochs = 20  scheduler = StepLR(step_size = 5) }""",
    "closure": """model m: u[8] -> y[4] { Conv1d(4, 3)  Tanh  Linear(1) }
train simulation { epochs = 15  optimizer = LBFGS()  scheduler = ReduceLROnPlateau(patience = 1) }""",
}


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "src"), "OMP_NUM_THREADS": "1"}


def write_specs(folder: Path, names: Sequence[str]) -> list[str]:
    for name in names:
        (folder / f"{name}.sysid").write_text(f"{HEAD}{SPECS[name]}\n", encoding="utf-8")
    return [f"{name}.sysid" for name in names]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.timeout(200 + 20 * KILLS)
def test_a_run_killed_at_any_moment_ends_bit_equal(specs: Path) -> None:
    names = write_specs(specs, QUICK if KILLS < 20 else tuple(SPECS))
    seed = str(random.randrange(1 << 30) if KILLS >= 20 else 1)
    kills = str(-(-KILLS // len(names)))
    command = [sys.executable, str(Path(__file__).with_name("killing.py")), str(specs), kills, seed, *names]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [name for name in names if told[name]["differ"]] == [], f"seed {seed}: {told}"
    assert sum(found["kills"] for found in told.values()) >= KILLS
    assert sum(found["went_on"] for found in told.values()) > 0


def sysidc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sysidc", *arguments], env=environment(), capture_output=True, text=True
    )


def stopped(epoch: int, how: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`sysidc` with these arguments, stopped in an epoch of its training; see stopping.py."""
    command = [sys.executable, str(Path(__file__).with_name("stopping.py")), str(epoch), how, *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True)


@pytest.fixture
def whole(specs: Path) -> dict[str, object]:
    """What the run of simulation.sysid that was never stopped wrote."""
    run = load("simulation.sysid").train("whole").path
    return {name: content(run / name) for name in ("weights.safetensors", "metrics.json", "metrics.csv")}


def assert_same_run(run: Path, whole: dict[str, object]) -> None:
    assert [path.name for path in run.parent.iterdir()] == [run.name]
    assert {name: content(run / name) for name in whole} == whole


posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


@posix
def test_ctrl_c_saves_tells_how_to_go_on_and_gives_130(specs: Path, whole: dict[str, object]) -> None:
    done = stopped(3, "signal", "train", "simulation.sysid", "--quiet")
    assert done.returncode == 130 and "Traceback" not in done.stderr
    command = done.stderr.splitlines()[-1].partition("to go on: sysidc ")[2].split()
    assert command[:2] == ["train", "--resume"]
    run = Path(command[2])
    assert not run.exists() and main(["runs"]) == 0
    assert main(command) == 0
    assert_same_run(run, whole)


@posix
def test_a_second_ctrl_c_ends_at_once(specs: Path, whole: dict[str, object]) -> None:
    done = stopped(3, "twice", "train", "simulation.sysid", "--quiet")
    assert done.returncode == 130 and "Traceback" not in done.stderr and "went on" not in done.stdout
    assert main(["train", "--resume", "simulation.sysid", "--quiet"]) == 0
    assert_same_run(next(Path("runs").iterdir()), whole)


@posix
def test_a_full_disk_is_told_and_its_last_checkpoint_kept(
    specs: Path, whole: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    done = stopped(3, "full", "train", "simulation.sysid", "--quiet")
    assert done.returncode == 2 and "error[unwritable]" in done.stderr and "Traceback" not in done.stderr
    assert main(["runs", "--output", "json"]) == 0
    (waiting,) = json.loads(capsys.readouterr().out)["runs"]
    assert (waiting["state"], waiting["epochs"]) == ("interrupted", 2)
    assert main(["train", "--resume", "simulation.sysid", "--quiet"]) == 0
    assert_same_run(Path("runs") / waiting["name"], whole)


@posix
def test_only_what_was_begun_is_gone_on_with(
    specs: Path, whole: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert stopped(2, "signal", "train", "simulation.sysid").returncode == 130
    (partial,) = Path("runs").iterdir()
    spec, data = Path("simulation.sysid").read_text(), Path("data/a.csv").read_text()

    Path("simulation.sysid").write_text(spec.replace("epochs = 3", "epochs = 4"))
    for named in ([], [str(partial)]):
        assert main(["train", "simulation.sysid", "--resume", *named]) == 2
        assert "train.epochs: 3 -> 4" in capsys.readouterr().err
    Path("simulation.sysid").write_text(spec)

    Path("data/a.csv").write_text(data.replace("0", "1", 1))
    assert main(["train", "simulation.sysid", "--resume"]) == 2
    told = capsys.readouterr().err
    assert "error[changed-data]" in told and "data/a.csv: sha256" in told
    Path("data/a.csv").write_text(data)

    assert main(["train", "simulation.sysid", "--resume", partial.name, "--quiet"]) == 0
    run = next(path for path in Path("runs").iterdir())
    assert_same_run(run, whole)
    capsys.readouterr()
    for words in (["simulation.sysid", "--resume"], ["--resume", str(run)]):
        assert main(["train", *words]) == 0
        out, err = capsys.readouterr()
        assert f"{run} is finished" in err and "rmse" in out


def test_without_resume_a_run_is_begun_anew(specs: Path, whole: dict[str, object]) -> None:
    if sys.platform == "win32":
        pytest.skip("signals of POSIX")
    assert stopped(2, "signal", "train", "simulation.sysid").returncode == 130
    done = sysidc("train", "simulation.sysid")
    assert done.returncode == 0 and "is begun anew; with --resume it is gone on with" in done.stderr
    assert "epoch 1/3" in done.stderr
    assert_same_run(next(Path("runs").iterdir()), whole)


@pytest.mark.parametrize("words", [[], ["simulation.sysid", "--resume"], ["--resume", "runs/nothing"]], ids=" ".join)
def test_where_nothing_waits_nothing_is_trained(
    specs: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error") and not Path("runs").exists()


def test_two_processes_do_not_train_one_run(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = load("simulation.sysid").plan
    with staged(Path("runs") / folder_name(plan)):
        assert main(["train", "simulation.sysid"]) == 2
        assert main(["train", "simulation.sysid", "--resume"]) == 2
    assert capsys.readouterr().err.count("error[run-in-use]") == 2
