"""One trial: the run of a spec with the values of a sweep, told epoch by epoch, and what it scores in validation."""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import lightning.pytorch as pl

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.compiler.program import OverrideError
from sysidc.dsl.source import Source
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.modules import tape_of
from sysidc.runtime.data.prepare import prepare
from sysidc.runtime.runs.epochs import METRICS
from sysidc.runtime.runs.evaluate import score
from sysidc.runtime.runs.folder import EPOCHS, folder_name, read_plan
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.processes import is_shared
from sysidc.runtime.runs.stages import is_raced
from sysidc.runtime.runs.train import train
from sysidc.runtime.sweep import mistakes
from sysidc.runtime.sweep.task import Result, Task, Watch

WATCHED = {"rmse": "val_rmse", "nrmse": "val_nrmse", "fit": "val_fit", "r2": "val_fit", "mae": "val_rmse"}
"""What tells during a training how well a trial will score."""


class Pruned(Exception):
    """A trial that is not worth going on with."""


class Watched(pl.Callback):
    """Tells the value of every validated epoch and ends the training where it is not worth going on."""

    def __init__(self, metric: str, watch: Watch):
        self.metric, self.watch, self.epoch = WATCHED.get(metric, metric), watch, 0

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        value = trainer.callback_metrics.get(self.metric)
        if trainer.sanity_checking or value is None:
            return
        self.epoch += 1
        if not self.watch(self.epoch, float(value)):
            raise Pruned


def run_trial(task: Task, watch: Watch) -> Result:
    """Train and score. A finished run of the same plan in `runs` is taken as it is. Mistakes become a failed result."""
    started = time.perf_counter()
    try:
        result = _run(task, watch)
    except Pruned:
        result = Result("pruned")
    except (DataError, RunError, OverrideError) as error:
        result = Result("failed", reason=str(error))
    return replace(result, seconds=time.perf_counter() - started)


def _run(task: Task, watch: Watch) -> Result:
    compiled = compile_source(Source(task.name, task.text, Path(task.path)), task.values)
    plan = compiled.plan
    if plan is None:
        return Result("failed", reason=next(found.message for found in compiled.diagnostics if found.is_error))
    if is_shared(plan):
        raise mistakes.shared_trials()
    run = Path(task.runs) / folder_name(plan)
    if not is_run_of(plan, run):
        # a race trains many candidates, whose curves are no curve of the trial
        watching = [] if is_raced(plan) else [Watched(task.metric, watch)]
        train(compiled, task.values, Path(task.runs), more=watching)
    return Result("complete", measured(run, task.metric), run.name)


def is_run_of(plan: Plan, run: Path) -> bool:
    try:
        return read_plan(run).hash == plan.hash
    except RunError:
        return False


def measured(run: Path, metric: str) -> float:
    """The metric of a finished run on the validation part: of the kept epoch, or as a score over all its records.

    Raises RunError where no step of the validation part can be scored.
    """
    if metric in METRICS:
        return _of_kept_epoch(run, metric)
    plan = read_plan(run)
    plan = replace(plan, test=replace(plan.test, metrics=(metric,)))
    records = tape_of(plan, prepare(plan).validation).records
    rows = score(Trained.load(run, plan), records, "validation")
    if not rows:
        raise mistakes.no_score("no step of the validation part is scored", "a smaller initial_steps")
    return fmean(row[metric] for row in rows)


def _of_kept_epoch(run: Path, metric: str) -> float:
    with open(run / EPOCHS, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["val_loss"] and row[metric]]
    if not rows:
        raise mistakes.no_score(f"the run tells no {metric}")
    return float(min(rows, key=lambda row: float(row["val_loss"]))[metric])
