"""Stages of a simulation: what each of them says, inherits and hands on, and what is refused."""

from __future__ import annotations

import json

import pytest

from sysidc.compiler.plan import SimulationPlan, from_json, to_json
from tests.compiler.programs import compiled, ids

STACK = "LinearDynamics(2) as first @correction { LinearDynamics(2) } as second"
HEADER = "u[all], y[5] -> y[all]"


def simulation(settings: str, stack: str = STACK) -> SimulationPlan:
    found = compiled(stack, HEADER, f"simulation {{ {settings} }}")
    assert found.plan is not None, found.diagnostics
    assert found.plan.train.simulation is not None
    return found.plan.train.simulation


def test_there_is_a_stage_where_none_is_written() -> None:
    (stage,) = simulation("epochs = 7  starts = 3", "LinearDynamics(2)").stages
    assert (stage.segments, stage.starts, stage.keep, stage.correction, stage.freeze) == (None, 3, 1, False, ())
    assert stage.train.epochs == 7


def test_what_a_correction_corrects_is_found_in_a_stage_of_its_own() -> None:
    first, second = simulation("epochs = 7  starts = 3").stages
    assert (first.starts, first.keep, first.correction) == (3, 1, False)
    assert (second.starts, second.keep, second.correction) == (1, 1, True)
    assert [stage.correction for stage in simulation("segments = [600, 5_000, all]").stages] == [False, True, True]
    assert [stage.correction for stage in simulation("correction = on").stages] == [True]


def test_a_stage_inherits_what_it_does_not_say() -> None:
    first, second = simulation(
        "epochs = 7  starts = 8  freeze = [first]\n"
        "stage { keep = 2  epochs = 9  freeze = [] }  stage { optimizer = AdamW }"
    ).stages
    assert (first.starts, first.keep, second.starts, second.keep) == (8, 2, 2, 1)
    assert (first.train.epochs, second.train.epochs) == (9, 7)
    assert (first.freeze, second.freeze) == ((), ("first",))
    assert (first.train.optimizer.name, second.train.optimizer.name) == ("LevenbergMarquardt", "AdamW")
    assert second.train.precision == "float64"


def test_epochs_left_out_follow_the_optimiser_of_the_stage() -> None:
    stages = simulation("stage { optimizer = AdamW }  stage { optimizer = LevenbergMarquardt }").stages
    assert [stage.train.epochs for stage in stages] == [100, 60]


@pytest.mark.parametrize("settings", ["segments = [600, 5_000, all]", "stage { segments = [600, 5_000, all] }"])
def test_several_segments_are_a_stage_each(settings: str) -> None:
    stages = simulation(f"starts = 6  keep = 3  {settings}").stages
    assert [stage.segments for stage in stages] == [600, 5_000, None]
    assert [(stage.starts, stage.keep) for stage in stages] == [(6, 3), (3, 3), (3, 3)]


def test_an_ensemble_keeps_as_many_candidates_as_it_averages() -> None:
    plan = simulation("starts = 6  ensemble = 4  segments = [600, all]")
    assert [stage.keep for stage in plan.stages] == [4, 4]


def test_a_linear_start_is_made_unless_none_is_asked_for() -> None:
    assert simulation("").linear_start and simulation("").init is None
    assert not simulation("init = none").linear_start
    asked = simulation("init = Subspace(block = 30)").init
    assert asked is not None and asked.arguments == {"block": 30}


REFUSED = {
    "unknown layer": ("freeze = [frist]", "unknown-name"),
    "seed in a stage": ("stage { seed = 3 }", "misplaced-setting"),
    "ensemble in a stage": ("stage { ensemble = 3 }", "misplaced-setting"),
    "late starts": ("stage { starts = 3 }  stage { starts = 2 }", "exclusive-settings"),
    "more kept than started": ("starts = 2  keep = 3", "exclusive-settings"),
    "ensemble of one start": ("ensemble = 2", "exclusive-settings"),
    "ensemble of too few": ("starts = 9  ensemble = 4  stage { keep = 2 }  stage { }", "exclusive-settings"),
    "lengths beside stages": ("segments = [5, all]  stage { epochs = 3 }", "exclusive-settings"),
    "setting of another mode": ("stage { horizon = 3 }", "wrong-mode"),
    "unknown setting": ("stage { epoch = 3 }", "unknown-setting"),
    "conflict in a stage": (
        "optimizer = LevenbergMarquardt  stage { scheduler = StepLR(step_size = 3) }",
        "exclusive-settings",
    ),
    "half a sample": ("segments = [0.5]", "wrong-kind"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_mistake_is_told_once(case: str) -> None:
    settings, id = REFUSED[case]
    assert ids(STACK, HEADER, f"simulation {{ {settings} }}") == [id]


def test_a_setting_for_corrections_needs_one() -> None:
    assert ids("LinearDynamics(2)", HEADER, "simulation { correction = off }") == ["exclusive-settings"]


def test_the_plan_of_stages_survives_json() -> None:
    plan = compiled(STACK, HEADER, "simulation { segments = [600, all]  init = Subspace  starts = 3 }").plan
    assert plan is not None
    tree = json.loads(json.dumps(to_json(plan)))
    assert to_json(from_json(tree)) == tree
