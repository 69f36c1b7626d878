"""Stages of a training: what each of them says, inherits and hands on, and what is refused."""

from __future__ import annotations

import json

import pytest

from sysidc.compiler.plan import SimulationPlan, TrainPlan, from_json, to_json
from tests.compiler.programs import compiled, ids
from tests.dynamics.blocks import compiled as block_compiled

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


TANK = "sampling_time = 4 s  input u  output y"
EQUATIONS = "state x = 5  learn k = 0.1 in 0 .. 1  der(x) = u - k * x  y = x"


def rates(settings: str, call: str = "tank", body: str = EQUATIONS, header: str = HEADER) -> list[int]:
    """Of the stages of a spec with equations; none where it is refused."""
    found = block_compiled(body, call, signals=TANK, header=header, train=f"simulation {{ {settings} }}")
    if found.plan is None or found.has_errors:
        assert [diagnostic.id for diagnostic in found.diagnostics] == ["exclusive-settings"]
        return []
    assert found.plan.train.simulation is not None
    return [stage.decimate for stage in found.plan.train.simulation.stages]


def test_the_last_stage_learns_at_the_full_rate() -> None:
    assert rates("decimate = 8") == [8, 1]
    assert rates("decimate = 8", "tank(correction = [4])") == [8, 1]
    assert rates("decimate = 8  segments = [600, 5_000, all]") == [8, 8, 1]
    assert rates("stage { decimate = 9 }  stage { decimate = 3 }  stage { }") == [9, 3, 1]
    assert rates("stage { decimate = 9 }  stage { decimate = 3 }") == []


def test_only_integrated_equations_on_whole_records_learn_at_a_reduced_rate() -> None:
    assert rates("decimate = 8", "tank  Curve(Spline(knots = 5))") == [8, 1]
    assert rates("decimate = 8", "tank  LinearDynamics(2)") == []
    assert rates("decimate = 8", body=EQUATIONS.replace("der", "next")) == []
    assert rates("decimate = 8", header="u[64] -> y[32]") == []
    assert rates("stage { correction = on } stage { decimate = 2 } stage { }", "tank(correction = [4])") == []


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


# --- prediction and bounded mode -----------------------------------------------------------------------------------

NETWORK = "Flatten  Linear(4) as first  Tanh  Linear(1)"
BAND = "kernel = Box(bandwidth = 0.5)  neighbours = 8  max_reinit = 3"


def prediction(settings: str) -> TrainPlan:
    found = compiled(NETWORK, "u[4], y[4] -> y[1]", f"prediction {{ {settings} }}")
    assert found.plan is not None, found.diagnostics
    return found.plan.train


def test_stages_of_a_prediction_differ_in_horizon_and_are_validated_at_the_largest() -> None:
    train = prediction("epochs = 7  stage { horizon = 2 }  stage { horizon = 8  optimizer = SGD  freeze = [first] }")
    first, second = train.stages
    assert first.train.prediction is not None and second.train.prediction is not None
    assert (first.train.prediction.horizon, second.train.prediction.horizon) == (2, 8)
    assert [plan.prediction and plan.prediction.validation_horizon for plan in (train, first.train)] == [8, 8]
    assert (first.freeze, second.freeze) == ((), ("first",))
    assert (first.train.optimizer.name, second.train.optimizer.name, second.train.epochs) == ("AdamW", "SGD", 7)


def test_a_validation_horizon_that_is_written_is_that_of_every_stage() -> None:
    train = prediction("validation_horizon = 3  stage { horizon = 2 }  stage { horizon = 8 }")
    assert [stage.train.prediction and stage.train.prediction.validation_horizon for stage in train.stages] == [3, 3]


def test_one_fit_has_no_stages() -> None:
    assert prediction("epochs = 3").stages == ()
    assert [stage.segments for stage in prediction("segments = [100, all]").stages] == [100, None]
    assert prediction("starts = 4").stages[0].starts == 4


def test_weights_of_a_bounded_network_are_drawn_before_its_first_stage() -> None:
    stages = "stage { bound_during_training = on }  stage { optimizer = SGD }"
    found = compiled("Flatten  Linear(1)", "u[4] -> y[1]", f"bounded {{ {BAND}  {stages} }}")
    assert found.plan is not None, found.diagnostics
    plans = [stage.train.bounded for stage in found.plan.train.stages]
    assert [plan and plan.max_reinit for plan in plans] == [3, 0]
    assert [plan and plan.bound_during_training for plan in plans] == [True, False]


def test_a_stage_has_a_time_limit_of_its_own() -> None:
    stages = simulation("time_limit = 60 s  stage { time_limit = 20 s }  stage { }").stages
    assert [stage.train.time_limit for stage in stages] == [20, 60]


REFUSED_ELSEWHERE = {
    "kernel in a stage": ("bounded", f"{BAND}  stage {{ kernel = Box(bandwidth = 1) }}", "misplaced-setting"),
    "horizon of validation in a stage": ("prediction", "stage { validation_horizon = 3 }", "misplaced-setting"),
    "ensemble": ("prediction", "ensemble = 2", "wrong-mode"),
    "correction in a stage": ("prediction", "stage { correction = on }", "wrong-mode"),
    "another mode's horizon": ("bounded", f"{BAND}  stage {{ horizon = 3 }}", "wrong-mode"),
    "late starts": ("prediction", "stage { }  stage { starts = 2 }", "exclusive-settings"),
    "a conflict that both stages inherit": (
        "prediction",
        "scheduler = CyclicLR(base_lr = 1e-4, max_lr = 1e-2, cycle_momentum = on)  optimizer = Adagrad\n"
        "stage { }  stage { }",
        "exclusive-settings",
    ),
    "devices": ("prediction", "devices = 2  stage { }  stage { }", "exclusive-settings"),
    "devices and a refit": ("simulation", "devices = 2  refit = on", "exclusive-settings"),
}


@pytest.mark.parametrize("case", REFUSED_ELSEWHERE)
def test_one_mistake_of_another_mode_is_told_once(case: str) -> None:
    mode, settings, id = REFUSED_ELSEWHERE[case]
    header = "u[4], y[4] -> y[1]" if mode == "prediction" else "u[4] -> y[1]"
    assert ids("Flatten  Linear(1)", header, f"{mode} {{ {settings} }}") == [id]


def test_devices_do_not_share_a_race_of_sizes() -> None:
    assert ids("StateSpace", "u[all], y[5] -> y[all]", "simulation { devices = 2 }") == ["exclusive-settings"]
    assert ids("StateSpace(2, [4], [4])", "u[all], y[5] -> y[all]", "simulation { devices = 2 }") == []
