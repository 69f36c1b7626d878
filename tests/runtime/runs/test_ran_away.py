"""A simulation that leaves what the training outputs showed is told wherever it is made: by train, test and predict."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

import sysidc
from sysidc.runtime.cli import main
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs.evaluate import scored_records
from sysidc.runtime.runs.folder import write_plan
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.predict import predict_file
from sysidc.runtime.runs.ran_away import ran_away
from tests.runtime.runs.bare_simulation import plan_of, write

CUBIC = "PolynomialStateSpace(states = 1, degree = 3, initial = zero)"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds a record whose inputs grow, and the run of a model that follows them until x^3 does not let it."""
    monkeypatch.chdir(tmp_path)
    u = np.concatenate([np.full(80, 0.1), np.full(40, 2.0)])
    write(tmp_path / "a.csv", u, 0.1 * u)
    return tmp_path


def cubic(folder: Path, gain: float) -> Trained:
    """x[k+1] = 0.5 x[k] + u[k] + gain x[k]^3, y = x, trained on outputs within -2 .. 2."""
    plan = plan_of(folder, 'train = "a.csv"  test = 40  normalize = none', model=CUBIC)
    trained = Trained.untrained(plan)
    state = {name: torch.zeros_like(value) for name, value in trained.state().items() if "stack" in name}
    scale = {name: value for name, value in trained.state().items() if "stack" not in name}
    for name, value in {"A": 0.5, "B": 1.0, "C": 1.0}.items():
        state[f"stack.0.{name}"].fill_(value)
    state["stack.0.E"][0, 3] = gain
    made = Trained.of_state(plan, {**state, **scale})
    return Trained(made.plan, made.module, made.normalizer, (), ((-2.0,), (2.0,)))


def saved(trained: Trained, folder: Path) -> Path:
    run = folder / "run"
    run.mkdir()
    trained.save(run)
    write_plan(run, trained.plan, run)
    return run


def test_a_single_model_that_runs_away_is_told_with_the_step(folder: Path) -> None:
    """Of u = 2 a linear x comes to 4; more than 6 is away."""
    trained = cubic(folder, 0.0)
    records = scored_records(trained.plan)
    assert list(ran_away(trained, records)) == []
    (line,) = ran_away(cubic(folder, 1.0), records)
    assert line.startswith("warning: the model leaves the range") and "gives no numbers from step" in line


def test_predict_tells_from_the_run_folder_alone_and_in_pieces_alike(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = saved(cubic(folder, 1.0), folder)
    write(folder / "new.csv", np.loadtxt("a.csv", delimiter=",", skiprows=1)[:, 0], np.zeros(120))
    os.remove("a.csv")
    assert main(["predict", str(run), "new.csv", "-o", "out.csv"]) == 0
    told = capsys.readouterr().err
    assert "leaves the range of the training outputs by more than its width in record 'new', from step 82 on" in told
    with pytest.warns(UserWarning, match="from step 82 on"):
        sysidc.open_run(run).predict("new.csv")
    pieces: list[str] = []
    predict_file(sysidc.open_run(run).trained, Path("new.csv"), Path("pieces.csv"), rows=16, say=pieces.append)
    assert len(pieces) == 1 and "from step 82 on" in pieces[0]


def test_of_members_that_all_run_away_it_is_said_which_one_counts(folder: Path) -> None:
    slow, fast = (cubic(folder, gain).stack for gain in (0.2, 1.0))
    plan = cubic(folder, 0.0).plan
    trained = Trained.untrained(plan, (plan, plan))
    assert isinstance(trained.stack, Ensemble)
    trained.stack.members[0].load_state_dict(fast.state_dict())
    trained.stack.members[1].load_state_dict(slow.state_dict())
    trained.stack.low.fill_(-2.0)
    trained.stack.high.fill_(2.0)
    (line,) = ran_away(trained, scored_records(plan))
    assert "every member of the average leaves the range" in line and "member 2, out of it in the fewest steps" in line
