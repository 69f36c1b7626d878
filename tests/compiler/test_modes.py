"""The rules of the training modes: which settings act, which are refused, and what the defaults are."""

from __future__ import annotations

import pytest

from sysidc.compiler.passes.training import largest_horizon
from sysidc.compiler.plan import CallPlan
from tests.compiler.programs import compiled, ids

KERNEL = "kernel = Box(bandwidth = 0.2)"

REFUSED = {
    "unknown mode": ("u[4] -> y[4]", "simulaton { }", "unknown-training-mode"),
    "no mode": ("u[4] -> y[4]", "{ }", "missing-mode"),
    "unknown setting": ("u[4] -> y[4]", "simulation { epoch = 3 }", "unknown-setting"),
    "setting of another mode": ("u[4] -> y[4]", "simulation { horizon = 3 }", "wrong-mode"),
    "setting twice": ("u[4] -> y[4]", "simulation { epochs = 3  epochs = 4 }", "duplicate-setting"),
    "unknown optimiser": ("u[4] -> y[4]", "simulation { optimizer = Adamw2(lr = 1) }", "unknown-optimizer"),
    "unknown loss": ("u[4] -> y[4]", "simulation { loss = MSEE }", "unknown-loss"),
    "one beta": ("u[4] -> y[4]", "simulation { optimizer = Adam(betas = [0.9]) }", "wrong-kind"),
    "nesterov without momentum": (
        "u[4] -> y[4]",
        "simulation { optimizer = SGD(nesterov = on) }",
        "exclusive-settings",
    ),
    "etas of Rprop": ("u[4] -> y[4]", "simulation { optimizer = Rprop(etas = [1.2, 0.5]) }", "exclusive-settings"),
    "momentum that is not there": (
        "u[4] -> y[4]",
        "simulation { optimizer = Adagrad  scheduler = OneCycleLR(max_lr = 0.1) }",
        "exclusive-settings",
    ),
    "a state carried through a window": ("y[1] -> y[1]", "prediction { state = carried }", "exclusive-settings"),
    "epochs": ("u[4] -> y[4]", "simulation { epochs = 0 }", "out-of-range"),
    "half an epoch": ("u[4] -> y[4]", "simulation { epochs = 1.5 }", "wrong-kind"),
    "learning rate": ("u[4] -> y[4]", "simulation { optimizer = Adam(lr = -1) }", "out-of-range"),
    "time without a unit": ("u[4] -> y[4]", "simulation { time_limit = 5 }", "wrong-kind"),
    "unknown metric": ("u[4] -> y[4]", "simulation { stop = EarlyStopping(monitor = loss) }", "unknown-choice"),
    "two steps in prediction": ("y[4] -> y[2]", "prediction { }", "one-step-header"),
    "gamma": ("y[1] -> y[1]", "prediction { autoregression = Step(step_size = 5, gamma = 1.5) }", "wrong-kind"),
    "endless horizon": (
        "y[1] -> y[1]",
        "prediction { epochs = 100  autoregression = Step(step_size = 1) }",
        "uncapped-horizon",
    ),
    "kernel": ("u[1] -> y[1]", "bounded { neighbours = 3 }", "missing-setting"),
    "unknown kernel": (
        "u[1] -> y[1]",
        "bounded { kernel = Gaussian(bandwidth = 1)  neighbours = 3 }",
        "unknown-kernel",
    ),
    "no neighbours": ("u[1] -> y[1]", f"bounded {{ {KERNEL} }}", "missing-setting"),
    "neighbours and radius": (
        "u[1] -> y[1]",
        f"bounded {{ {KERNEL}  neighbours = 3  radius = 1 }}",
        "exclusive-settings",
    ),
    "delta": ("u[1] -> y[1]", f"bounded {{ {KERNEL}  neighbours = 3  delta = 1 }}", "out-of-range"),
    "outputs in a bounded window": (
        "u[1], y[1] -> y[1]",
        f"bounded {{ {KERNEL}  neighbours = 3 }}",
        "bounded-inputs",
    ),
    "horizons outside prediction": ("u[4] -> y[4]", "simulation { }\ntest { horizons = [1] }", "wrong-mode"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_mistake_is_told_once(case: str) -> None:
    header, train, id = REFUSED[case]
    stack = "Flatten Linear(1)" if "[1]" in header else "Linear(1)"
    found = ids(stack, header, train)
    assert found == [id]


ROLLOUTS = {
    "inside a residual": (
        "@residual { @autoregressive_residual { Flatten Linear(1) } }",
        "y[4] -> y[1]",
        "rollout-misplaced",
    ),
    "twice": (
        "@autoregressive_residual { Flatten Linear(1) } @autoregressive_residual { Linear(1) }",
        "y[4] -> y[1]",
        "rollout-misplaced",
    ),
    "with inputs": ("@autoregressive_residual { Flatten Linear(2) }", "u[4], y[4] -> y[1]", "rollout-signals"),
    "more than one step": ("@autoregressive_residual { Linear(1) }", "y[4] -> y[1]", "rollout-shape"),
    "other channels": ("@autoregressive_residual { Flatten Linear(2) }", "y[4] -> y[1]", "rollout-shape"),
}


@pytest.mark.parametrize("case", ROLLOUTS)
def test_rollout_is_refused_where_it_has_no_meaning(case: str) -> None:
    stack, header, id = ROLLOUTS[case]
    assert id in ids(stack, header, "prediction { }")


def test_what_follows_a_rollout_serves_every_horizon() -> None:
    stack = "@autoregressive_residual { Flatten Linear(1) } "
    assert ids(stack + "Flatten", "y[4] -> y[1]", "prediction { }", signals="signals { output y }") == [
        "rollout-misplaced"
    ]
    assert ids(stack + "Scale(2)", "y[4] -> y[1]", "prediction { }", signals="signals { output y }") == []


def test_a_single_window_has_no_statistics() -> None:
    stack, train = "Flatten BatchNorm1d Linear(1)", "simulation { batch_size = 1 }"
    assert ids(stack, "u[4] -> y[1]", train) == ["exclusive-settings"]
    assert ids(stack, "u[4] -> y[1]") == []


def test_rollout_of_a_simulation_has_the_headers_length() -> None:
    stack = "@autoregressive_residual(steps = 3) { Flatten Linear(1) }"
    assert ids(stack, "y[4] -> y[8]", signals="signals { output y }") == ["rollout-horizon"]
    assert ids(stack, "y[4] -> y[3]", signals="signals { output y }") == []


def test_rollout_with_steps_sets_the_horizon() -> None:
    stack = "@autoregressive_residual(steps = 8) { Flatten Linear(1) }"
    plan = compiled(stack, "y[4] -> y[1]", "prediction { }").plan
    assert plan is not None and plan.train.prediction is not None
    assert plan.train.prediction.horizon == 8
    assert "rollout-horizon" in ids(stack, "y[4] -> y[1]", "prediction { horizon = 4 }")


@pytest.mark.parametrize(
    ("name", "arguments", "largest"),
    [
        ("Step", {"step_size": 5, "gamma": 2, "max_length": 32}, 32),
        ("Step", {"step_size": 5, "gamma": 2, "max_length": None}, 32),
        ("MultiStep", {"milestones": (10, 20), "gamma": 3, "max_length": None}, 9),
        ("OnPlateau", {"patience": 3, "factor": 2, "max_length": 16}, 16),
    ],
    ids=["step-capped", "step", "multi-step", "plateau"],
)
def test_validation_horizon_is_the_largest_of_the_schedule(
    name: str, arguments: dict[str, object], largest: int
) -> None:
    assert largest_horizon(1, CallPlan(name, "", arguments), epochs=30) == largest


def test_a_scheduler_that_needs_a_metric_takes_val_loss() -> None:
    plan = compiled(train="simulation { scheduler = ReduceLROnPlateau(patience = 2) }").plan
    assert plan is not None
    assert plan.train.scheduler_monitor == "val_loss"
    assert plan.train.scheduler is not None and "monitor" not in plan.train.scheduler.arguments
