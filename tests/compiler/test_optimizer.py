"""Which optimiser a file gets that names none, and what goes with Levenberg-Marquardt."""

from __future__ import annotations

import pytest

from sysidc.compiler.lower import build_stack
from tests.compiler.programs import compiled, ids

WHOLE = "u[all], y[5] -> y[all]"

CHOSEN = {
    "chain": ("LinearDynamics(2)", WHOLE, "simulation { }", "LevenbergMarquardt"),
    "auto": ("StateSpace", WHOLE, "simulation { stop = EarlyStopping }", "LevenbergMarquardt"),
    "window": ("Flatten Linear(8) Tanh Linear(1)", "u[16] -> y[1]", "simulation { }", "LevenbergMarquardt"),
    "written MSE": ("LinearDynamics(2)", WHOLE, "simulation { loss = MSE }", "LevenbergMarquardt"),
    "in a stage": ("LinearDynamics(2)", WHOLE, "simulation { stage { segments = 50 } }", "LevenbergMarquardt"),
    "large": ("StateSpace(4, [64, 64])", WHOLE, "simulation { }", "AdamW"),
    "batches": ("LinearDynamics(2)", WHOLE, "simulation { batch_size = 8 }", "AdamW"),
    "batches of a stage": ("LinearDynamics(2)", WHOLE, "simulation { stage { batch_size = 8 } }", "AdamW"),
    "scheduler": ("LinearDynamics(2)", WHOLE, "simulation { scheduler = StepLR(step_size = 2) }", "AdamW"),
    "loss": ("LinearDynamics(2)", WHOLE, "simulation { loss = L1 }", "AdamW"),
    "single precision": ("LinearDynamics(2)", WHOLE, "simulation { precision = float32 }", "AdamW"),
    "several devices": ("LinearDynamics(2)", WHOLE, "simulation { devices = 2 }", "LevenbergMarquardt"),
    "dropout": ("Linear(3) Dropout Linear(1)", "u[4] -> y[4]", "simulation { }", "AdamW"),
    "recurrent": ("GRU(3) Linear(1)", "u[4] -> y[4]", "simulation { }", "AdamW"),
    "prediction": ("Flatten Linear(1)", "u[4], y[4] -> y[1]", "prediction { }", "AdamW"),
    "bounded": ("Flatten Linear(1)", "u[4] -> y[1]", "bounded { kernel = Box(bandwidth = 1) radius = 1 }", "AdamW"),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_small_models_get_levenberg_marquardt_in_double_precision(case: str) -> None:
    stack, header, train, name = CHOSEN[case]
    plan = compiled(stack, header, train).plan
    assert plan is not None and plan.train.chosen
    assert plan.train.optimizer.name == name
    assert plan.train.epochs == (300 if case == "auto" else 60 if name == "LevenbergMarquardt" else 100)
    dtype = "float64" if name == "LevenbergMarquardt" else "float32"
    assert {plan.model.dtype, plan.train.precision, *(signal.dtype for signal in plan.signals)} == {dtype}


def test_a_choice_is_the_same_plan_as_the_written_word() -> None:
    stack = "@cast(float32 -> float32) LinearDynamics(2)"
    chosen = compiled(stack, WHOLE).plan
    written = compiled(stack, WHOLE, "simulation { optimizer = LevenbergMarquardt }").plan
    assert chosen is not None and written is not None
    assert written.train.chosen is None
    assert chosen.hash == written.hash
    assert {str(parameter.dtype) for parameter in build_stack(chosen).parameters()} == {"torch.float64"}


REFUSED = {
    "precision": ("LinearDynamics(2)", "simulation { OPT precision = float32 }"),
    "mixed precision": ("LinearDynamics(2)", 'simulation { OPT precision = "bf16-mixed" }'),
    "loss": ("LinearDynamics(2)", "simulation { OPT loss = Huber }"),
    "scheduler": ("LinearDynamics(2)", "simulation { OPT scheduler = StepLR(step_size = 2) }"),
    "gradient clip": ("LinearDynamics(2)", "simulation { OPT gradient_clip = 1 }"),
    "no float64 there": ("LinearDynamics(2)", "simulation { OPT accelerator = mps }"),
    "dropout": ("LinearDynamics(2, outputs = 3) Dropout Linear(1)", "simulation { OPT }"),
    "statistics": ("LinearDynamics(2, outputs = 3) BatchNorm1d Linear(1)", "simulation { OPT }"),
    "a growing horizon": ("Flatten Linear(1)", "prediction { OPT autoregression = OnPlateau(max_length = 4) }"),
    "cyclic forcing": ("Flatten Linear(1)", "prediction { OPT teacher_forcing = Cyclic(2) }"),
    "bounded": ("Flatten Linear(1)", "bounded { OPT kernel = Box(bandwidth = 1)  radius = 1 }"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_belongs_to_first_order_is_refused(case: str) -> None:
    stack, train = REFUSED[case]
    header = {"s": WHOLE, "p": "u[4], y[4] -> y[1]", "b": "u[4] -> y[1]"}[train[0]]
    assert ids(stack, header, train.replace("OPT", "optimizer = LevenbergMarquardt")) == ["exclusive-settings"]


def test_a_fixed_horizon_is_a_sum_of_squares() -> None:
    assert (
        ids("Flatten Linear(1)", "u[4], y[4] -> y[1]", "prediction { optimizer = LevenbergMarquardt  horizon = 3 }")
        == []
    )


@pytest.mark.parametrize(
    ("devices", "refused"), [("devices = 2", True), ("num_nodes = 2", True), ("devices = 1", False)]
)
def test_lbfgs_takes_one_device(devices: str, refused: bool) -> None:
    found = compiled("Flatten Linear(1)", "u[4] -> y[1]", f"simulation {{ optimizer = LBFGS  {devices} }}")
    assert ["exclusive-settings"] * refused == [diagnostic.id for diagnostic in found.diagnostics]
