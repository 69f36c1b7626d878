"""Plans written by hand, as short as a data test needs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sysidc.compiler.plan import (
    CallPlan,
    DataPlan,
    ModelPlan,
    Place,
    Plan,
    PredictionPlan,
    SignalPlan,
    SourcePlan,
    SplitPlan,
    TensorType,
    TestPlan,
    TrainPlan,
    WindowPlan,
)

NO_PART = SplitPlan()
FIFTH = SplitPlan(share=0.2)
PLACE = Place("spec.sysid", 1, 1, 1, 2)
SIGNALS = (
    SignalPlan("u", "input", ("u",), "float64", None),
    SignalPlan("y", "output", ("y",), "float64", None),
)


def windows(header: dict[str, int | None]) -> tuple[WindowPlan, ...]:
    return tuple(WindowPlan(signal, steps) for signal, steps in header.items())


def file_source(path: object, **options: object) -> SourcePlan:
    return SourcePlan("file", str(path), None, options, PLACE)


@pytest.fixture
def source() -> Callable[..., SourcePlan]:
    return file_source


@pytest.fixture
def signals() -> tuple[SignalPlan, ...]:
    return SIGNALS


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write columns as CSV: write("a.csv", u=..., y=...)."""

    def written(name: str, **columns: object) -> Path:
        rows = np.column_stack([np.asarray(column) for column in columns.values()])
        path = tmp_path / name
        np.savetxt(path, rows, delimiter=",", header=",".join(columns), comments="", fmt="%.17g")
        return path

    return written


@pytest.fixture
def make_plan(tmp_path: Path) -> Callable[..., Plan]:
    """make_plan({"u": 4}, {"y": 1}, [sources], mode="simulation", ...): a plan without nodes."""

    def plan(
        inputs: dict[str, int | None],
        outputs: dict[str, int | None],
        sources: list[SourcePlan],
        mode: str = "simulation",
        validation: SplitPlan = FIFTH,
        test: SplitPlan = NO_PART,
        signals: tuple[SignalPlan, ...] = SIGNALS,
        normalize: str = "none",
        batch_size: int = 32,
        seed: int = 0,
        horizon: int = 1,
        validation_horizon: int | None = None,
        any_length: bool = False,
    ) -> Plan:
        kind = TensorType(None, 1, "float64")
        model = ModelPlan("m", windows(inputs), windows(outputs), (), kind, kind, "float64", 0, 0, any_length, 0)
        data = DataPlan(str(tmp_path), tuple(sources), validation, test, normalize, "error")
        call = CallPlan("MSE", "torch.nn.functional.mse_loss")
        prediction = PredictionPlan(horizon, validation_horizon or horizon, False, None, "window")
        train = TrainPlan(
            *(mode, call, call, None, "epoch", None, 1, batch_size, None, None, None, seed),
            *("float64", "cpu", 1, ()),
            prediction=prediction if mode == "prediction" else None,
        )
        return Plan(1, None, signals, model, data, train, TestPlan(0, ("rmse",), ()))

    return plan
