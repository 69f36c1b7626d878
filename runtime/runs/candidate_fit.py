"""One candidate's fit in a stage or a refit: from its start or where it was, learned, judged, and kept."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import lightning.pytorch as pl
from torch import nn

from sysidc.compiler.lower import build_stack
from sysidc.compiler.plan import Plan, StagePlan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.one_step_ahead import has_innovations
from sysidc.runtime.runs.candidates import Candidate, Entry, as_tree, entry_of, root_mean_square, weights_of
from sysidc.runtime.runs.epochs import Row
from sysidc.runtime.runs.fitting import Keep, Workplace, fit_once, module_of
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.reduced_rate import at_every, step_over
from sysidc.runtime.runs.stage_data import anew, give_band, part_of
from sysidc.runtime.runs.wrong_loss import error_ahead
from sysidc.runtime.training.preparation import prepare, settle, trainable
from sysidc.runtime.training.starts import Starts
from sysidc.runtime.training.step import TrainingModule

APART = 7919
"""Between the seeds of two starts."""


class Manner(NamedTuple):
    """What ends a fit besides what the plan says, and which weights it keeps."""

    stops: Sequence[pl.Callback] = ()
    keep: Keep = "validated"


@dataclass(frozen=True)
class Task:
    """What is to be fitted: `name` calls its checkpoints, `label` the candidate, `plan` is that of its structure and
    `allowed` its seconds. A `refit` begins where the stage began, on all data, for as many epochs as were best."""

    name: str
    label: str
    plan: Plan
    stage: StagePlan
    candidate: Candidate | Entry
    allowed: float | None = None
    manner: Manner = field(default_factory=Manner)
    refit: bool = False


class Fitter:
    """What all fits of a race share. The outcome of a task depends on this and the task alone, wherever it is fitted.

    `whole` is the training and the validation part as one, where that is not what the data make of themselves.
    """

    def __init__(self, plan: Plan, data: SpecDataModule, starts: Starts, whole: SpecDataModule | None = None) -> None:
        self.plan, self.data, self.starts, self.whole = plan, data, starts, whole

    def part(self, stage: StagePlan, refit: bool = False) -> SpecDataModule:
        """What a stage learns from."""
        if not refit:
            return part_of(self.data, self.plan, stage)
        part = copy(self.unsplit())
        part.plan = replace(self.plan, train=stage.train)
        return part

    def unsplit(self) -> SpecDataModule:
        """Training and validation part as one."""
        if self.whole is None:
            self.whole = self.data.unsplit()
        return self.whole

    def once(self, task: Task, part: SpecDataModule, place: Workplace) -> Candidate:
        """A fit, or what is kept of it."""
        kept = place.progressed.outcome(task.name)
        if kept is not None:
            return Candidate(**kept)
        made = self._refitted(task, part, place) if task.refit else self._fitted(task, part, place)
        place.progressed.finish(task.name, as_tree(made))
        return made

    def missed(self, candidate: Candidate, plan: Plan, stage: StagePlan) -> float:
        """Root mean square error of a candidate on all data, as a refit in this stage tells it."""
        part = self.part(stage, refit=True)
        stack = stack_of(plan, candidate.index)
        stack.load_state_dict(candidate.weights)
        return errors_of(module_of(replace(plan, train=replace(stage.train, epochs=1)), part, stack), part)[0]

    def _fitted(self, task: Task, whole: SpecDataModule, place: Workplace) -> Candidate:
        """Learns from one sample in `stage.decimate`, and is judged by all of them."""
        began = time.perf_counter()
        stage, candidate = task.stage, task.candidate
        part = anew(at_every(whole, stage.decimate))
        structure, index = entry_of(candidate)
        plan = replace(task.plan, train=replace(stage.train, time_limit=task.allowed))
        first = isinstance(candidate, tuple)
        stack = stack_of(task.plan, index)
        step_over(stack, stage.decimate)
        if isinstance(candidate, tuple):
            told = prepare(stack, part, self.data.normalizer, self.starts, index)
            place.say(f"  {task.label}: {told}")
        else:
            stack.load_state_dict(candidate.weights)
        trainable(stack, stage)
        settle(stack, part, prior=first)
        module = module_of(plan, part, stack)
        give_band(module, part)
        before = weights_of(stack)
        errors = errors_of(module, part)
        missed = _missed(task, stack, part, errors)
        rows, earlier, epochs = _learned(plan, module, part, task, errors, place)
        settle(stack, part, prior=True)
        reached = errors_of(module, part)
        # what settles the start anew behind a fit may cost more than the fit has gained
        worse = task.manner.keep != "last" and _missed(task, stack, part, reached) > missed
        if worse or not max(reached) < math.inf:
            stack.load_state_dict(before)
            reached, epochs = errors, 0
        learned_from = (stage.decimate, reached[0])
        if stage.decimate > 1:
            step_over(stack, 1)
            settle(stack, whole, prior=True)
            reached = errors_of(module, whole)
        ahead = error_ahead(stack, _both(part)) if has_innovations(stack) else 0.0
        seconds = time.perf_counter() - began + earlier
        if not epochs and isinstance(candidate, Candidate) and task.manner.keep.startswith("worse"):
            # stages of raced structures differ in samples alone: a refit repeats the last one that was of use
            before, epochs = candidate.before, candidate.epochs
        found = (*reached, epochs, seconds, rows, *learned_from, ahead)
        return Candidate(structure, index, weights_of(stack), before, *found)

    def _refitted(self, task: Task, part: SpecDataModule, place: Workplace) -> Candidate:
        candidate = task.candidate
        assert isinstance(candidate, Candidate), "only what was fitted is refitted"
        if not candidate.epochs or task.allowed == 0:
            return replace(candidate, rows=[], seconds=0.0)
        began = time.perf_counter()
        train = replace(task.stage.train, time_limit=task.allowed, epochs=candidate.epochs, stop=None)
        plan = replace(task.plan, train=train)
        stack = stack_of(task.plan, candidate.index)
        stack.load_state_dict(candidate.before)
        trainable(stack, task.stage)
        module = module_of(plan, part, stack)
        place.progress.epochs = plan.train.epochs
        prepared = time.perf_counter() - began
        fitted = fit_once(plan, module, part, task.name, place, keep="last")
        behind = time.perf_counter()
        settle(stack, part, prior=True)
        error, _ = errors_of(module, part)
        seconds = prepared + fitted.seconds + time.perf_counter() - behind
        if not error < math.inf:
            return replace(candidate, rows=fitted.rows, seconds=seconds)
        ahead = error_ahead(stack, _both(part)) if has_innovations(stack) else 0.0
        reached = replace(candidate, weights=weights_of(stack), fit_error=error, ahead=ahead)
        return replace(reached, rows=fitted.rows, seconds=seconds)


def stack_of(plan: Plan, index: int) -> nn.Sequential:
    """The stack of a candidate, at the random weights of its own seed."""
    stack = build_stack(replace(plan, train=replace(plan.train, seed=plan.train.seed + APART * index)))
    assert isinstance(stack, nn.Sequential)
    return stack


def errors_of(module: TrainingModule, part: SpecDataModule) -> tuple[float, float]:
    """Root mean square errors on the training and the validation part, in the units of the data."""
    fit, validation = (root_mean_square(module, batches) for batches in _both(part))
    return fit, validation


def _missed(task: Task, stack: nn.Module, part: SpecDataModule, errors: tuple[float, float]) -> float:
    """What is to become less: the worse of the errors in free run, which are given, or of those one step ahead."""
    return error_ahead(stack, _both(part)) if task.manner.keep == "worse of both ahead" else max(errors)


def _both(part: SpecDataModule) -> list[Iterable[Any]]:
    """The batches of the training and of the validation part, both as a validation has them."""
    look = copy(part)
    look.tapes = {**part.tapes, "validation": part.tapes["train"]}
    return [look.val_dataloader(), part.val_dataloader()]


def _learned(
    plan: Plan,
    module: TrainingModule,
    part: SpecDataModule,
    task: Task,
    errors: tuple[float, float],
    place: Workplace,
) -> tuple[list[Row], float, int]:
    """The learning curve, the seconds that earlier processes spent on it, and the kept epoch (0: none was better than
    the start, whose `errors` are given) of a fit."""
    limit = plan.train.time_limit
    if limit is not None and limit <= 0:
        return [], 0.0, 0
    place.progress.epochs = plan.train.epochs
    start = weights_of(module.module)
    began = time.perf_counter()
    try:
        fitted = fit_once(plan, module, part, task.name, place, task.manner.keep, task.manner.stops)
    except RunError as error:
        if error.id != "diverged":
            raise
        place.say(f"  lost: {error}")
        module.module.load_state_dict(start)
        return [], 0.0, 0
    best = min((row["val_rmse"] for row in fitted.rows if row["val_rmse"] is not None), default=math.inf)
    earlier = max(0.0, fitted.seconds - (time.perf_counter() - began))
    if task.manner.keep == "validated" and best > errors[1]:
        module.module.load_state_dict(start)
        return fitted.rows, earlier, 0
    return fitted.rows, earlier, fitted.best_epoch or len(fitted.rows)
