"""The runs of a folder at a glance, and what two runs differ in: plan, data, scores. Needs no torch."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sysidc.compiler.difference import Difference, differences
from sysidc.compiler.plan import Plan
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.claim import is_claimed
from sysidc.runtime.runs.environment import read_environment
from sysidc.runtime.runs.folder import EPOCHS, METRICS, PLAN, read_metrics, read_plan
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.staging import PARTIAL, final_folder

Row = dict[str, Any]

FINISHED, INTERRUPTED, RUNNING, DAMAGED = "finished", "interrupted", "running", "damaged"


@dataclass(frozen=True)
class Listed:
    """A run as far as its folder tells: None for what it does not. `epochs` and `val_loss` (the lowest) are those of
    metrics.csv, `metrics` the rows of the score."""

    name: str
    path: str
    state: str
    model: str | None = None
    mode: str | None = None
    parameters: int | None = None
    epochs: int | None = None
    val_loss: float | None = None
    seconds: float | None = None
    metrics: tuple[Row, ...] = ()


def listed(runs: Path) -> list[Listed]:
    """Models by name, the lowest val_loss first. Raises RunError where there is no such folder."""
    try:
        folders = [path for path in runs.iterdir() if (path / PLAN).is_file() and _is_run(path)]
    except OSError as error:
        raise mistakes.no_runs(runs, error.strerror or str(error)) from None
    return sorted(map(look, folders), key=_order)


def look(folder: Path) -> Listed:
    """One run, finished or partial."""
    final = final_folder(folder)
    state = FINISHED if final == folder else RUNNING if is_claimed(folder) else INTERRUPTED
    try:
        plan = read_plan(folder)
        losses = val_losses(folder)
        rows = tuple(read_metrics(folder)) if (folder / METRICS).is_file() else ()
        seconds = read_environment(folder).get("seconds")
    except RunError:
        return Listed(final.name, str(folder), DAMAGED)
    known = [loss for loss in losses if loss is not None]
    told = (plan.model.name, plan.train.mode, plan.model.parameters, len(losses), min(known, default=None), seconds)
    return Listed(final.name, str(folder), state, *told, rows)


def val_losses(folder: Path) -> list[float | None]:
    """Of every epoch in metrics.csv, None where there was no validation. Raises RunError for a file that is damaged."""
    path = folder / EPOCHS
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [float(row["val_loss"]) if row.get("val_loss") else None for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise mistakes.broken_run(path, str(error)) from None


def mean_score(run: Listed, metric: str) -> float | None:
    """The mean of a metric over all rows of the score, None where it was not taken."""
    values = [row[metric] for row in run.metrics if row.get(metric) is not None]
    return sum(values) / len(values) if values else None


def _is_run(path: Path) -> bool:
    return not path.name.startswith(".") or path.name.endswith(PARTIAL)


def _order(run: Listed) -> tuple[str, float, str]:
    loss = run.val_loss if run.state == FINISHED and run.val_loss is not None else math.inf
    return run.model or "", loss, run.name


# --- two runs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunDifference:
    """What differs in the plans and in the data files, and the scores side by side: a row per split, record, signal
    and horizon, each metric with the values of both."""

    plan: tuple[Difference, ...]
    data: tuple[Difference, ...]
    scores: tuple[Row, ...]


def run_difference(first: Path, second: Path) -> RunDifference:
    """Raises RunError for a folder that is no run."""
    plans: list[Plan] = [read_plan(folder) for folder in (first, second)]
    return RunDifference(differences(*plans), _data_differences(first, second), _scores(first, second))


def _data_differences(first: Path, second: Path) -> tuple[Difference, ...]:
    left, right = (read_environment(folder).get("data", {}) for folder in (first, second))
    shared = [name for name in left if name in right and left[name] != right[name]]
    return tuple(Difference("files", name, left[name][:12], right[name][:12]) for name in shared)


def _scores(first: Path, second: Path) -> tuple[Row, ...]:
    sides = [_by_place(read_metrics(folder) if (folder / METRICS).is_file() else []) for folder in (first, second)]
    rows = []
    for place in dict.fromkeys([*sides[0], *sides[1]]):
        pair = [side.get(place, {}) for side in sides]
        metrics = [name for name in {**pair[0], **pair[1]} if name not in PLACE]
        values = {name: [row.get(name) for row in pair] for name in metrics}
        rows.append({**dict(zip(PLACE, place, strict=True)), **values})
    return tuple(rows)


PLACE = ("split", "record", "signal", "horizon")


def _by_place(rows: list[Row]) -> dict[tuple[Any, ...], Row]:
    return {tuple(row.get(name) for name in PLACE): row for row in rows}
