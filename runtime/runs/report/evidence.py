"""What a run folder says about its run, read without torch: everything a report is made from."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sysidc.compiler.plan import Plan, SignalPlan
from sysidc.runtime.data.record import Array
from sysidc.runtime.runs import folder as files
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.linear_part import LinearPart, linear_parts
from sysidc.runtime.runs.uncertainty import Uncertainty, read_uncertainty

Row = dict[str, Any]


@dataclass(frozen=True)
class Trace:
    """One output column of a test record: (steps,) each, NaN where there is no prediction."""

    column: str
    unit: str
    measured: Array
    predicted: Array
    lower: Array | None = None
    upper: Array | None = None

    @property
    def error(self) -> Array:
        return self.measured - self.predicted


@dataclass(frozen=True)
class RecordTraces:
    """A test record: its traces, its input columns (name, unit, values), seconds between steps if known."""

    name: str
    steps: int
    start: float
    sampling_time: float | None
    traces: tuple[Trace, ...]
    inputs: tuple[tuple[str, str, Array], ...]


@dataclass(frozen=True)
class Evidence:
    """`epochs` are the rows of the learning curve, `score` those of metrics.json."""

    name: str
    plan: Plan
    spec: str
    score: list[Row]
    epochs: list[dict[str, float]]
    records: tuple[RecordTraces, ...]
    environment: Mapping[str, Any]
    log: str
    uncertainty: Uncertainty
    linear: list[LinearPart]


def read_evidence(folder: Path) -> Evidence:
    """Only the plan and the score must be there. Raises RunError for a file that is damaged."""
    plan = files.read_plan(folder)
    score = files.read_metrics(folder)
    return Evidence(
        name=folder.resolve().name,
        plan=plan,
        spec=_text(folder / files.SPEC),
        score=score,
        epochs=_epochs(folder / files.EPOCHS),
        records=tuple(_records(folder / files.PREDICTIONS, plan, score)),
        environment=_json(folder / files.ENVIRONMENT, {}),
        log=_text(folder / files.LOG),
        uncertainty=read_uncertainty(folder),
        linear=linear_parts(_matrices(folder / files.WEIGHTS)),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise mistakes.broken_run(path, str(error)) from None


def _json(path: Path, absent: Any) -> Any:
    text = _text(path)
    try:
        return json.loads(text) if text or path.exists() else absent
    except ValueError as error:
        raise mistakes.broken_run(path, str(error)) from None


def _epochs(path: Path) -> list[dict[str, float]]:
    """Candidates of a race are told in words there, and numbered here as they were met."""
    text = _text(path)
    if not text.endswith("\n") and path.exists():
        raise mistakes.broken_run(path, "it ends in the middle of a line")
    rows = list(csv.DictReader(text.splitlines()))
    starts = {label: index + 1.0 for index, label in enumerate(dict.fromkeys(row.get("start") for row in rows))}
    try:
        return [
            {
                name: starts[value] if name == "start" else float(value) if value != "" else np.nan
                for name, value in row.items()
                if name
            }
            for row in rows
        ]
    except (TypeError, ValueError) as error:
        raise mistakes.broken_run(path, str(error)) from None


def _records(folder: Path, plan: Plan, score: list[Row]) -> Iterator[RecordTraces]:
    """In the order of their files; named as the score names them where it knows as many."""
    paths = sorted(folder.glob("*.csv"))
    names = list(dict.fromkeys(str(row.get("record")) for row in score))
    for index, path in enumerate(paths):
        name = names[index] if len(names) == len(paths) else path.stem.partition("-")[2] or path.stem
        yield _record(name, _columns(path), plan)


def _columns(path: Path) -> dict[str, Array]:
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=np.float64)
    except (OSError, ValueError) as error:
        raise mistakes.broken_run(path, str(error).splitlines()[0]) from None
    return {str(name): frame[name].to_numpy() for name in frame}


def _record(name: str, columns: Mapping[str, Array], plan: Plan) -> RecordTraces:
    outputs = {window.signal for window in plan.model.outputs}
    traces = tuple(
        trace
        for signal in plan.signals
        if signal.name in outputs
        for column in signal.columns
        if (trace := _trace(column, signal, columns)) is not None
    )
    inputs = tuple(
        (column, signal.unit or "", columns[column])
        for signal in plan.signals
        if signal.role == "input"
        for column in signal.columns
        if column in columns
    )
    steps = len(next(iter(columns.values()))) if columns else 0
    start, between = _clock(columns.get("time"), plan.sampling_time)
    return RecordTraces(name, steps, start, between, traces, inputs)


def _trace(column: str, signal: SignalPlan, columns: Mapping[str, Array]) -> Trace | None:
    measured, predicted = columns.get(column), columns.get(f"{column}_predicted")
    if measured is None or predicted is None:
        return None
    ends = (columns.get(f"{column}_{end}") for end in ("lower", "upper"))
    return Trace(column, signal.unit or "", measured, predicted, *ends)


def _clock(time: Array | None, sampling_time: float | None) -> tuple[float, float | None]:
    if time is None or len(time) < 2 or not np.isfinite(time[[0, -1]]).all():
        return 0.0, sampling_time
    return float(time[0]), float(time[-1] - time[0]) / (len(time) - 1) or sampling_time


def _matrices(path: Path) -> dict[str, Array]:
    """The weights that are called A, B, C or D."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return {}
    try:
        with safe_open(path, framework="numpy") as weights:
            names = [name for name in weights.keys() if name.rpartition(".")[2] in "ABCD"]  # noqa: SIM118
            return {name: weights.get_tensor(name) for name in names}
    except TypeError:  # numpy has no bfloat16
        return {}
    except (SafetensorError, OSError) as error:
        raise mistakes.broken_run(path, " ".join(str(error).split())) from None
