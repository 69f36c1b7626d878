"""Every setting of a training acts: specs on measured data, trained as the command line trains them."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import sysidc
from sysidc.compiler.catalogue.functions import LOSSES
from sysidc.compiler.catalogue.optimizers import OPTIMIZERS
from sysidc.compiler.catalogue.schedules import SCHEDULERS
from sysidc.compiler.lower import build_stack, several_steps_at_once
from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.dsl.source import Source
from sysidc.runtime.api import Run, Spec
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.train import Outcome, fit
from sysidc.runtime.training import BoundedSimulationTrainingModule

SIMULATION = ("u[4] -> y[1]", "Flatten  Linear(4)  Tanh  Linear(1)", "simulation")
PREDICTION = ("u[4], y[4] -> y[1]", "Flatten  Linear(4)  Tanh  Linear(1)", "prediction")
BOUNDED = ("u[2] -> y[1]", "Flatten  Linear(4)  Tanh  Linear(1)", "bounded")
BAND = "kernel = Box(bandwidth = 0.5)  "
MADE = "train = duffing(samples = 400, seed = 1)  validation = 25 %"

Kind = tuple[str, str, str]
Weights = dict[str, Tensor]


def spec(kind: Kind, settings: str, data: str = MADE, after: str = "") -> Spec:
    header, stack, mode = kind
    text = (
        f"sysid 1\nsignals {{ input u  output y }}\nmodel m: {header} {{ {stack} }}\n"
        f"data {{ {data} }}\ntrain {mode} {{ {settings} }}\n{after}\n"
    )
    compiled = compile_source(Source("test.sysid", text, Path("test.sysid")))
    assert compiled.plan is not None, [finding.message for finding in compiled.diagnostics]
    return Spec(compiled, {})


def plan_of(kind: Kind, settings: str, data: str = MADE, after: str = "") -> Plan:
    return spec(kind, settings, data, after).plan


def fitted(plan: Plan, tmp_path: Path, several: bool = True, workers: int = 0) -> Outcome:
    """In a folder of its own: a fit that finds a finished one takes that."""
    data = SpecDataModule(plan, n_workers=workers, several=several and several_steps_at_once(plan))
    folder = Path(mkdtemp(dir=tmp_path))
    return fit(plan, data, folder, tmp_path, quiet=True)


def outcome(kind: Kind, settings: str, tmp_path: Path, data: str = MADE) -> Outcome:
    return fitted(plan_of(kind, settings, data), tmp_path)


def weights(outcome: Outcome) -> Weights:
    return dict(outcome.trained.state())


def differ(one: Weights, other: Weights) -> bool:
    return any(not torch.equal(one[name], other[name]) for name in one if one[name].is_floating_point())


def column(outcome: Outcome, name: str) -> list[Any]:
    return [row[name] for row in outcome.rows]


# --- of every mode -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word",
    ["epochs = 2  seed = 4", "epochs = 2  seed = 4  optimizer = AdamW", "epochs = 2  seed = 4  gradient_clip = 1e9"],
)
def test_the_same_seed_gives_the_same_numbers_and_another_one_others(word: str, tmp_path: Path) -> None:
    first, second = (weights(outcome(SIMULATION, word, tmp_path)) for _ in range(2))
    other = weights(outcome(SIMULATION, word.replace("seed = 4", "seed = 5"), tmp_path))
    assert not differ(first, second) and differ(first, other)


def test_a_clipped_gradient_moves_the_weights_by_no_more_than_its_norm(tmp_path: Path) -> None:
    word = "optimizer = SGD(lr = 1)  epochs = 1  batch_size = 400  gradient_clip = 1e-3"
    start = spec(SIMULATION, word).build().state_dict()
    end = fitted(plan_of(SIMULATION, word), tmp_path).trained.stack.state_dict()
    moved = torch.cat([(end[name] - start[name]).flatten() for name in start]).norm()
    assert float(moved) == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("monitor", ["val_loss", "val_fit", "train_loss"])
def test_early_stopping_ends_when_nothing_improves_by_its_least_step(monitor: str, tmp_path: Path) -> None:
    stop = f"EarlyStopping(patience = 2, min_delta = 1e6, monitor = {monitor})"
    # the first value is a best, two more are none
    assert len(outcome(SIMULATION, f"optimizer = AdamW  epochs = 20  stop = {stop}", tmp_path).rows) == 3


def test_a_fit_that_keeps_rising_does_not_stop_the_training(tmp_path: Path) -> None:
    word = "epochs = 8  optimizer = Adam(lr = 1e-3)  stop = EarlyStopping(patience = 1, monitor = val_fit)"
    result = outcome(SIMULATION, word, tmp_path)
    rising = all(a < b for a, b in zip(column(result, "val_fit")[:-1], column(result, "val_fit")[1:], strict=True))
    assert rising and len(result.rows) == 8


def test_a_time_limit_ends_the_training_and_keeps_the_best(tmp_path: Path) -> None:
    started = time.perf_counter()
    result = outcome(SIMULATION, "optimizer = AdamW  epochs = 100_000  time_limit = 400 ms", tmp_path)
    assert time.perf_counter() - started < 20 and 0 < len(result.rows) < 100_000
    assert all(torch.isfinite(value).all() for value in weights(result).values())


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("float64", torch.float64),
        ("bfloat16", torch.bfloat16),
        ("bf16-mixed", torch.float32),
        ("float32", torch.float32),
    ],
    ids=str,
)
def test_a_precision_is_the_dtype_of_the_weights_and_changes_the_numbers(
    precision: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    word = "optimizer = SGD(lr = 1e-2)  epochs = 1"
    result = outcome(SIMULATION, f'{word}  precision = "{precision}"', tmp_path)
    assert {parameter.dtype for parameter in result.trained.stack.parameters()} == {dtype}
    plain = outcome(SIMULATION, word, tmp_path)
    assert (column(result, "train_loss") == column(plain, "train_loss")) is (precision == "float32")
    assert column(result, "train_loss") == pytest.approx(column(plain, "train_loss"), rel=0.1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU has it")
def test_float16_with_scaled_gradients_is_refused_where_only_bfloat16_is_to_be_had(tmp_path: Path) -> None:
    with pytest.raises(RunError, match='"16-mixed" needs a GPU') as raised:
        outcome(SIMULATION, 'optimizer = SGD(lr = 1e-2)  epochs = 1  precision = "16-mixed"', tmp_path)
    assert "bf16-mixed" in str(raised.value.help)


def test_a_line_search_takes_other_steps_and_lowers_the_loss(tmp_path: Path) -> None:
    plain, searched = (
        outcome(SIMULATION, f"optimizer = LBFGS({word})  epochs = 3  batch_size = 400", tmp_path)
        for word in ("", "line_search_fn = strong_wolfe")
    )
    assert differ(weights(plain), weights(searched))
    losses = column(searched, "train_loss")
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]


LOSS_ARGUMENTS = {"Huber": "(delta = 0.1)", "SmoothL1": "(beta = 0.1)"}
SCHEDULER_ARGUMENTS = {
    "ConstantLR": "(total_iters = 2)",
    "StepLR": "(step_size = 1)",
    "MultiStepLR": "(milestones = [1])",
    "ExponentialLR": "(gamma = 0.5)",
    "CosineAnnealingLR": "(T_max = 3)",
    "CosineAnnealingWarmRestarts": "(T_0 = 2)",
    "CyclicLR": "(base_lr = 1e-4, max_lr = 1e-2, step_size_up = 4)",
    "OneCycleLR": "(max_lr = 1e-2)",
    "ReduceLROnPlateau": "(patience = 0, threshold = 0.9)",
}


def test_every_loss_is_a_loss_of_its_own(tmp_path: Path) -> None:
    losses = [
        column(
            outcome(
                SIMULATION, f"loss = {name}{LOSS_ARGUMENTS.get(name, '')}  optimizer = AdamW  epochs = 1", tmp_path
            ),
            "val_loss",
        )[0]
        for name in LOSSES
    ]
    assert len(set(losses)) == len(LOSSES)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_takes_its_steps(name: str, tmp_path: Path) -> None:
    size = "damping = 1e-2" if name == "LevenbergMarquardt" else "lr = 1e-2"
    plan = plan_of(SIMULATION, f"optimizer = {name}({size})  epochs = 1")
    start = build_stack(plan).state_dict()
    end = fitted(plan, tmp_path).trained.stack.state_dict()
    assert all(not torch.equal(start[key], end[key]) and torch.isfinite(end[key]).all() for key in start)


@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_every_scheduler_moves_the_learning_rate(name: str, tmp_path: Path) -> None:
    word = f"scheduler = {name}{SCHEDULER_ARGUMENTS.get(name, '')}  epochs = 3  batch_size = 128"
    rates = column(outcome(SIMULATION, word, tmp_path), "lr")
    assert len(rates) == 3 and len(set(rates)) > 1


def test_a_scheduler_moves_as_torch_says(tmp_path: Path) -> None:
    word = "optimizer = SGD(lr = 0.1)  scheduler = StepLR(step_size = 2, gamma = 0.1)  epochs = 5"
    assert column(outcome(SIMULATION, word, tmp_path), "lr") == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])


def test_a_batch_size_sets_the_number_of_steps(tmp_path: Path) -> None:
    small, large = (outcome(SIMULATION, f"epochs = 1  batch_size = {size}", tmp_path) for size in (8, 128))
    assert differ(weights(small), weights(large))
    assert column(small, "val_loss")[0] < column(large, "val_loss")[0]


@pytest.mark.parametrize("kind", [SIMULATION, PREDICTION], ids=["simulation", "prediction"])
def test_workers_change_no_number(kind: Kind, tmp_path: Path) -> None:
    more = "  horizon = 3  autoregression = Step(step_size = 1)" if kind is PREDICTION else ""
    plan = plan_of(kind, "epochs = 2" + more)
    alone, two = (fitted(plan, tmp_path, workers=workers) for workers in (0, 2))
    assert not differ(weights(alone), weights(two))
    for name in ("train_loss", "val_loss", "val_fit", "lr"):
        assert column(alone, name) == column(two, name)


# --- prediction --------------------------------------------------------------------------------------------------

GROWTH = {
    "Step(step_size = 2, gamma = 2, max_length = 6)": [2, 2, 4, 4, 6, 6],
    "MultiStep(milestones = [1, 4], gamma = 2)": [2, 4, 4, 4, 8, 8],
    "OnPlateau(patience = 1, factor = 2, max_length = 7, threshold = 0.99)": [2, 2, 4, 7, 7, 7],
    "Combined(cycles = [learning_rate, length], patience = 1, lr_factor = 0.5, max_length = 8, threshold = 0.99)": [
        2, 2, 2, 4, 4, 8,
    ],
}  # fmt: skip


@pytest.mark.parametrize("schedule", GROWTH, ids=lambda word: word.split("(")[0])
def test_a_schedule_lengthens_the_horizon_in_the_epoch_that_it_names(schedule: str, tmp_path: Path) -> None:
    result = outcome(PREDICTION, f"horizon = 2  epochs = 6  autoregression = {schedule}", tmp_path)
    assert column(result, "horizon") == GROWTH[schedule]


def test_a_combined_schedule_lowers_the_learning_rate_in_turn(tmp_path: Path) -> None:
    schedule = next(word for word in GROWTH if word.startswith("Combined"))
    word = f"optimizer = SGD(lr = 0.1)  horizon = 2  epochs = 6  autoregression = {schedule}"
    assert column(outcome(PREDICTION, word, tmp_path), "lr") == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025])


def test_teacher_forcing_trains_on_measured_outputs(tmp_path: Path) -> None:
    words = ("off", "on", "Cyclic(cycle_in_epochs = 1)")
    results = [outcome(PREDICTION, f"horizon = 4  epochs = 2  teacher_forcing = {word}", tmp_path) for word in words]
    off, on, cyclic = (column(result, "train_loss") for result in results)
    assert off[0] != on[0] and cyclic[0] == on[0] and cyclic[1] not in (on[1], off[1])


def test_validation_stays_at_its_horizon(tmp_path: Path) -> None:
    one, long = (
        outcome(PREDICTION, f"horizon = 2  validation_horizon = {h}  epochs = 2  optimizer = SGD(lr = 1e-9)", tmp_path)
        for h in (1, 16)
    )
    assert column(one, "train_loss") == column(long, "train_loss")
    assert column(one, "val_loss")[0] != column(long, "val_loss")[0]
    assert column(long, "val_loss")[0] == pytest.approx(column(long, "val_loss")[1], rel=1e-4)


def test_a_carried_state_is_another_model_than_a_window(tmp_path: Path) -> None:
    recurrent = ("u[4], y[4] -> y[1]", "GRU(4)  Linear(1)", "prediction")
    window, carried = (outcome(recurrent, f"horizon = 4  epochs = 1  state = {word}", tmp_path) for word in
                       ("window", "carried"))  # fmt: skip
    assert column(window, "train_loss") != column(carried, "train_loss")
    assert differ(weights(window), weights(carried))


# --- bounded -----------------------------------------------------------------------------------------------------


def test_a_lipschitz_constant_is_estimated_or_given(tmp_path: Path) -> None:
    given, estimated = (
        float(weights(outcome(BOUNDED, f"{BAND} neighbours = 8  noise = 0.1  epochs = 1  lipschitz = {word}", tmp_path))
              ["band.lipschitz_constant"]) for word in ("3", "estimate")
    )  # fmt: skip
    assert given == 3 and 0 < estimated != given


@pytest.mark.parametrize("radius", [0.05, 0.4])
def test_a_radius_takes_the_place_of_neighbours(radius: float, tmp_path: Path) -> None:
    word = f"{BAND} lipschitz = 0.01  noise = 0.5  epochs = 1  "
    near, counted = (
        outcome(BOUNDED, f"{word} {more}", tmp_path).trained.module for more in (f"radius = {radius}", "neighbours = 8")
    )
    assert isinstance(near, BoundedSimulationTrainingModule) and isinstance(counted, BoundedSimulationTrainingModule)
    points = near.error_band.points
    assert near.error_band.radius == radius and near.error_band.neighbours is None
    assert not torch.equal(near.error_band(points).half_width, counted.error_band(points).half_width)


def test_weights_are_redrawn_while_predictions_leave_the_band(tmp_path: Path) -> None:
    word = f"{BAND} lipschitz = 1  noise = 0.001  neighbours = 8  epochs = 1  optimizer = SGD(lr = 1e-12)"
    kept, redrawn, tolerant = (
        weights(outcome(BOUNDED, f"{word} {more}", tmp_path))
        for more in ("max_reinit = 0", "max_reinit = 5", "max_reinit = 5  reinit_tolerance = 100 %")
    )
    assert differ(kept, redrawn) and not differ(kept, tolerant)


@pytest.mark.parametrize("more", ["bound_during_training = on", "bound_crossing_penalty = 10"])
def test_the_band_acts_in_training_where_it_is_asked_to(more: str, tmp_path: Path) -> None:
    word = f"{BAND} lipschitz = 1  noise = 0.01  neighbours = 8  epochs = 1"
    free, held = (outcome(BOUNDED, f"{word} {extra}", tmp_path) for extra in ("", more))
    assert column(free, "train_loss") != column(held, "train_loss")


# --- data and test -----------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two records and one with a gap, in a folder in which the test stands."""
    random = np.random.default_rng(0)
    for index, name in enumerate(("one", "two", "gap")):
        u = random.normal(size=200)
        frame = pd.DataFrame({"u": u, "y": np.convolve(u, [0.5, 0.3])[:200] + index, "run": np.arange(200) // 50})
        if name == "gap":
            frame.loc[60:63, "y"] = np.nan
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def data_of(data: str) -> SpecDataModule:
    return SpecDataModule(plan_of(SIMULATION, "optimizer = AdamW  epochs = 1", data))


def lengths(data: str, part: str = "train") -> list[int]:
    return [len(record) for record in data_of(data).tapes[part].records]


def test_a_scale_is_the_one_asked_for(files: Path) -> None:
    values = {
        word: data_of(f'train = "two.csv"  normalize = {word}').train_records[0].values["y"]
        for word in ("none", "standard", "minmax")
    }
    raw = torch.tensor(pd.read_csv("two.csv")["y"].to_numpy()[:160], dtype=torch.float32)[:, None]
    torch.testing.assert_close(values["none"], raw)
    torch.testing.assert_close(values["standard"], (raw - raw.mean()) / raw.std(correction=0), rtol=1e-4, atol=1e-5)
    assert values["minmax"].min() in (0, -1) and values["minmax"].max() == 1


def test_missing_values_are_filled_or_split_at(files: Path) -> None:
    data = 'train = "gap.csv"  validation = 20 %  normalize = none  '
    filled = data_of(data + "missing = interpolate").train_records
    assert [len(record) for record in filled] == [160] and torch.isfinite(filled[0].values["y"]).all()
    assert sum(lengths(data + "missing = split")) + sum(lengths(data + "missing = split", "validation")) == 196


@pytest.mark.parametrize(
    ("data", "train", "validation", "test"),
    [
        ('train = ["one.csv", "two.csv"]  validation = 10 %', [180, 180], [20, 20], []),
        ('train = "[ot]*.csv"  validation = 10 %', [180, 180], [20, 20], []),
        ('train = csv("one.csv", record = "run")  validation = 20 %', [40] * 4, [10] * 4, []),
        ('train = csv("one.csv", rows = 50 .. 150)  validation = 20 %', [80], [20], []),
        ('train = "one.csv"  validation = 20 %  test = 30 %', [112], [28], [60]),
        ('train = "one.csv"  validation = 20 %  test = 50', [120], [30], [50]),
        ('train = "one.csv"  validation = 20  test = ["two.csv", "one.csv"]', [180], [20], [200, 200]),
        ('train = "one.csv"  validation = "two.csv"', [200], [200], []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_records_are_cut_as_the_data_section_says(
    files: Path, data: str, train: list[int], validation: list[int], test: list[int]
) -> None:
    tapes = data_of(data).tapes
    assert {part: [len(record) for record in tape.records] for part, tape in tapes.items()} == {
        "train": train,
        "validation": validation,
        "test": test,
    }


def run_of(kind: Kind, after: str) -> Run:
    return spec(kind, "epochs = 1", 'train = "one.csv"  test = "two.csv"', after).train("runs")


def test_the_score_leaves_the_initial_steps_out_and_has_the_metrics_asked_for(files: Path) -> None:
    all_steps, later = (run_of(SIMULATION, f"test {{ metrics = [rmse, mae]  initial_steps = {n} }}") for n in (0, 150))
    rows = all_steps.metrics + later.metrics
    assert all(list(row)[-2:] == ["rmse", "mae"] for row in rows)
    frame = later.predict("two.csv")[150:]
    error = np.asarray(frame["y_predicted"] - frame["y"])
    assert later.metrics[0]["rmse"] == pytest.approx(float(np.sqrt(np.mean(error**2))), rel=1e-5)
    assert later.metrics[0]["rmse"] != all_steps.metrics[0]["rmse"]


def test_the_score_has_a_row_for_each_horizon(files: Path) -> None:
    rows = run_of(PREDICTION, "test { horizons = [1, 3, 9] }").metrics
    assert [row["horizon"] for row in rows] == [1, 3, 9]
    assert len({row["rmse"] for row in rows}) == 3


def test_a_column_of_the_run_s_metrics_is_the_horizon(files: Path) -> None:
    settings = "epochs = 3  horizon = 1  autoregression = Step(step_size = 1)"
    run = spec(PREDICTION, settings, 'train = "one.csv"').train("runs")
    assert sysidc.open_run(run.path).plan == run.plan
    assert pd.read_csv(run.path / "metrics.csv")["horizon"].tolist() == [1, 2, 4]
