"""What a file says of the candidates of a race of structures is done, whatever the records would ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sysidc.compiler.plan import SimulationPlan
from sysidc.runtime.cli import main
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs.candidate_fit import Fitter, Task
from sysidc.runtime.runs.candidates import Candidate
from sysidc.runtime.runs.open_race import opened
from tests.compiler.programs import compiled
from tests.runtime.runs.bare_simulation import plan_of, write
from tests.runtime.runs.test_defaults import LINEAR, driven, told, trained

FEW, MANY = 500, 5_000
HEADER = "u[all], y[5] -> y[all]"


def raced(settings: str, samples: int, integrating: bool = False) -> SimulationPlan:
    plan = compiled("StateSpace", HEADER, f"simulation {{ {settings} }}").plan
    assert plan is not None and plan.train.simulation is not None
    return opened(plan.train.simulation, samples, integrating)


@pytest.mark.parametrize("samples", [FEW, MANY])
def test_a_refit_is_made_unless_the_file_says_off(samples: int) -> None:
    assert raced("", samples).refit and raced("refit = on", samples).refit
    assert not raced("refit = off", samples).refit


@pytest.mark.parametrize("samples", [FEW, MANY])
@pytest.mark.parametrize("count", [1, 3, 6])
def test_so_many_models_are_averaged_as_the_file_says(count: int, samples: int) -> None:
    plan = raced(f"ensemble = {count}", samples)
    assert plan.ensemble == count <= plan.stages[-2].keep
    assert plan.stages[-2].keep <= plan.stages[-2].starts


def test_averages_left_out_follow_the_number_of_samples() -> None:
    assert (raced("", FEW).ensemble, raced("", MANY).ensemble) == (4, 1)


@pytest.mark.parametrize("samples", [FEW, MANY])
def test_starts_that_are_written_are_those_of_every_structure_and_no_others_join(samples: int) -> None:
    for count in (1, 3):
        first, second, _ = raced(f"starts = {count}", samples).stages
        assert first.starts == count and second.starts == first.keep
    first, second, _ = raced("", samples).stages
    assert first.starts == 1 and second.starts > first.keep


@pytest.mark.parametrize("integrating", [False, True])
def test_every_heat_hands_on_as_many_as_the_file_says(integrating: bool) -> None:
    plan = raced("keep = 3", FEW, integrating)
    assert {stage.keep for stage in plan.stages} == {3} and plan.ensemble == 3
    assert raced("keep = 5", FEW, integrating).ensemble == 4 and raced("keep = 5", MANY, integrating).ensemble == 1


def test_stages_that_are_written_are_all_there_are() -> None:
    for settings, count in (
        ("stage { epochs = 3 }", 1),
        ("segments = [100, all]", 2),
        ("segments = [100, 200, all]", 3),
    ):
        plan = raced(settings, FEW, integrating=True)
        assert len(plan.stages) == count and plan.ensemble == 1 and not plan.refit
    assert raced("stage { epochs = 3 }", FEW).stages[0].train.epochs == 3


def test_no_heat_is_longer_than_segments_and_epochs_say() -> None:
    assert [stage.segments for stage in raced("segments = 1_000", MANY).stages] == [1_000] * 3
    assert {stage.train.epochs for stage in raced("epochs = 7", MANY).stages} == {7}


def test_a_stop_that_is_written_stays_where_outputs_add_up() -> None:
    stop = "stop = EarlyStopping(patience = 3)"
    assert all(stage.train.stop is not None for stage in raced(stop, FEW, integrating=True).stages)
    assert raced(stop, FEW).written == ("stop",)


@pytest.mark.parametrize("settings", ["ensemble = 3  keep = 2", "ensemble = 3  stage { keep = 2 }  stage { }"])
def test_fewer_that_go_on_than_are_averaged_are_refused(settings: str) -> None:
    found = compiled("StateSpace", HEADER, f"simulation {{ {settings} }}").diagnostics
    assert [finding.id for finding in found] == ["exclusive-settings"]


def test_show_tells_what_is_left_to_the_race_and_what_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan_of(tmp_path, 'train = "a.csv"', "refit = off")
    assert main(["show", str(tmp_path / "test.sysid")]) == 0
    told = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["refit", "off"] in told and ["ensemble", "left to the race"] in told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    u = rng.standard_normal(200)
    write(tmp_path / "a.csv", u, driven(u, bent=0.1, pole=0.6) + 0.01 * rng.standard_normal(200))
    return tmp_path


DATA = 'train = "a.csv"  test = 50'


@pytest.mark.usefixtures("small_race")
def test_a_training_does_what_is_written(folder: Path) -> None:
    settings = "epochs = 3  refit = off  ensemble = 3  starts = 2  initial = zero  stop = none"
    outcome = trained(plan_of(folder, DATA, settings, "StateSpace"), folder)
    assert isinstance(outcome.trained.stack, Ensemble) and not told(outcome, "refit:")
    assert len(outcome.trained.members) == 3 or told(outcome, "not averaged")
    assert {member.initial for member in outcome.trained.stack.members} == {"zero"}
    assert told(outcome, "network in f, start 2") and not told(outcome, "start 3")


@pytest.mark.usefixtures("small_race")
def test_a_stage_of_its_own_is_the_only_one_and_its_epochs_do_not_end_early(folder: Path) -> None:
    outcome = trained(
        plan_of(folder, DATA, "stop = none  stage { epochs = 30 }", "StateSpace(states = 2, hidden = [])"), folder
    )
    assert told(outcome, "stage 1 of 1") and not told(outcome, "stage 2 of") and not told(outcome, "refit:")
    assert told(outcome, ": 30 epochs")


@pytest.mark.usefixtures("small_race")
def test_models_that_a_refit_spoils_stay_as_they_were(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refit that stretches what it is given, and one that says of itself that it misses much."""
    settings, model = "epochs = 3  starts = 2  ensemble = 2", LINEAR
    as_they_were = trained(plan_of(folder, DATA, f"{settings}  refit = off", model), folder).trained.state()
    for factor, error in ((30.0, 0.0), (1.0, 1e9)):

        def spoiled(fitter: Fitter, task: Task, *given: object, times: float = factor, e: float = error) -> Candidate:
            assert isinstance(task.candidate, Candidate)
            weights = {name: times * value for name, value in task.candidate.weights.items()}
            return replace(task.candidate, weights=weights, fit_error=e, rows=[])

        monkeypatch.setattr(Fitter, "_refitted", spoiled)
        outcome = trained(plan_of(folder, DATA, settings, model), folder)
        assert sum("stays as it was before the refit" in line for line in outcome.log) == 2
        torch.testing.assert_close(outcome.trained.state(), as_they_were, rtol=0, atol=0)
