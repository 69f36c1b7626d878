"""The stages of a training: candidates are raced, the best go on, are refitted and averaged."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from sysidc.compiler.lower import build_stack
from sysidc.compiler.plan import Plan, StagePlan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs.epochs import Row
from sysidc.runtime.runs.fitting import Workplace, fit_once, module_of
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.processes import is_shared
from sysidc.runtime.runs.stage_data import allowance, anew, give_band, part_of, race_of
from sysidc.runtime.training.metrics import ErrorSums
from sysidc.runtime.training.preparation import prepare, settle, trainable
from sysidc.runtime.training.starts import Starts
from sysidc.runtime.training.step import TrainingModule

BLOCK = 20
"""Steps of past and future of a subspace estimate that the file does not ask for."""

EARLY_SHARE = 0.6
"""Of the time that is left, what a stage may take that is not the last."""

REFIT_SHARE = 0.7
"""Of the time that is left, what the last stage may take where a refit follows."""


@dataclass
class Candidate:
    """A start on its way: the weights that it has reached, their root mean square errors on the training and the
    validation part in the units of the data, and what that took."""

    index: int
    weights: dict[str, Tensor]
    before: dict[str, Tensor]
    fit_error: float
    val_error: float
    epochs: int
    seconds: float
    rows: list[Row]

    @property
    def score(self) -> float:
        """What chooses: a model has to fit what it saw and what it did not see."""
        worst = max(self.fit_error, self.val_error)
        return worst if worst == worst else math.inf


def is_raced(plan: Plan) -> bool:
    """Whether a training has more to it than one fit from random weights."""
    simulation = race_of(plan)
    if simulation is None or is_shared(plan):
        return False
    if plan.train.simulation is None:
        return True
    stages = simulation.stages
    several = len(stages) > 1 or stages[0].starts > 1 or simulation.refit or simulation.ensemble > 1
    return several or plan.model.chain is not None or stages[0].segments is not None


def race(plan: Plan, data: SpecDataModule, place: Workplace) -> tuple[Trained, list[Row], float]:
    """All stages one after the other; the trained model, the rows of all learning curves, the seconds of the fits."""
    return Race(plan, data, place).run()


class Race:
    """The candidates of one training and the clock that they share."""

    def __init__(self, plan: Plan, data: SpecDataModule, place: Workplace) -> None:
        simulation = race_of(plan)
        assert simulation is not None
        self.plan, self.data, self.place = plan, data, place
        self.simulation = simulation
        self.stages = self.simulation.stages
        init = self.simulation.init
        block = init.arguments["block"] if init is not None else BLOCK
        self.starts = Starts(self.simulation.linear_start, block, plan.train.seed)
        self.spent = 0.0
        self.rows: list[Row] = []

    def run(self) -> tuple[Trained, list[Row], float]:
        going: list[Candidate | int] = list(range(self.stages[0].starts))
        ranked: list[Candidate] = []
        for number, stage in enumerate(self.stages):
            ranked = self._stage(number, stage, going)
            going = list(ranked[: stage.keep])
        chosen = ranked[: max(1, self.simulation.ensemble)]
        if self.simulation.refit:
            chosen = self._refitted(chosen)
        self.place.say(f"trained {len(self.rows)} epochs in {self.spent:.1f} s")
        return self._trained(chosen), self.rows, self.spent

    # --- a stage -----------------------------------------------------------------------------------------------

    def _stage(self, number: int, stage: StagePlan, going: list[Candidate | int]) -> list[Candidate]:
        """The candidates behind a stage, the best first."""
        part = part_of(self.data, self.plan, stage)
        samples = sum(part.tapes["train"].lengths)
        told = f"stage {number + 1} of {len(self.stages)}: {samples:,} samples, {_count(len(going), 'candidate')}"
        self.place.say(told + (", corrections learn" if stage.correction else ""))
        behind: list[Candidate] = []
        before = self.spent
        for position, candidate in enumerate(going):
            share = self._allowed(number, len(going) - position)
            spent = (self.spent, self.spent - before)
            allowed = allowance(share, stage, self.plan.train.time_limit, spent, len(going) - position)
            behind.append(self._run(number, stage, part, candidate, allowed))
        ranked = sorted(behind, key=lambda candidate: candidate.score)
        if len(ranked) > 1:
            best = ", ".join(str(candidate.index + 1) for candidate in ranked[: stage.keep])
            self.place.say(f"  best: {best}")
        return ranked

    def _allowed(self, number: int, left: int) -> float | None:
        """Seconds for one of the candidates that are left in a stage; None without a time limit."""
        limit = self.plan.train.time_limit
        if limit is None:
            return None
        last = number == len(self.stages) - 1
        share = (REFIT_SHARE if self.simulation.refit else 1.0) if last else EARLY_SHARE
        return max(0.0, limit - self.spent) * share / left

    def _run(
        self, number: int, stage: StagePlan, part: SpecDataModule, candidate: Candidate | int, allowed: float | None
    ) -> Candidate:
        index = candidate if isinstance(candidate, int) else candidate.index
        name = f"stage-{number + 1}-start-{index + 1}"
        kept = self.place.progressed.outcome(name)
        if kept is None:
            made = self._fit(name, stage, part, candidate, allowed)
            self.place.progressed.finish(name, _as_tree(made))
        else:
            made = Candidate(**kept)
        self.spent += made.seconds
        self.rows += [{"stage": number + 1, "start": index + 1, **row} for row in made.rows]
        told = f"  start {index + 1}: {len(made.rows)} epochs in {made.seconds:.1f} s, "
        self.place.say(told + f"rmse {made.fit_error:.4g} in training, {made.val_error:.4g} in validation")
        return made

    def _fit(
        self, name: str, stage: StagePlan, part: SpecDataModule, candidate: Candidate | int, allowed: float | None
    ) -> Candidate:
        began = time.perf_counter()
        part = anew(part)
        plan = replace(self.plan, train=replace(stage.train, time_limit=allowed))
        first = isinstance(candidate, int)
        index = candidate if first else candidate.index
        stack = self._stack(index)
        if first:
            told = prepare(stack, part, self.data.normalizer, self.starts, index)
            self.place.say(f"  start {index + 1}: {told}")
        else:
            stack.load_state_dict(candidate.weights)
        trainable(stack, stage)
        settle(stack, part, prior=first)
        module = module_of(plan, part, stack)
        give_band(module, part)
        before = _weights(stack)
        errors = self._errors(module, part)
        lead = time.perf_counter() - began
        rows, seconds, epochs = self._trained_rows(plan, module, part, name, errors)
        settle(stack, part, prior=True)
        reached = self._errors(module, part)
        if not max(reached) < math.inf:
            stack.load_state_dict(before)
            reached = errors
        return Candidate(index, _weights(stack), before, *reached, epochs, lead + seconds, rows)

    def _trained_rows(
        self, plan: Plan, module: TrainingModule, part: SpecDataModule, name: str, errors: tuple[float, float]
    ) -> tuple[list[Row], float, int]:
        """The learning curve, seconds and kept epoch (0: none was better than the start) of a fit."""
        limit = plan.train.time_limit
        if limit is not None and limit <= 0:
            return [], 0.0, 0
        self.place.progress.epochs = plan.train.epochs
        start = _weights(module.module)
        try:
            fitted = fit_once(plan, module, part, name, self.place)
        except RunError as error:
            if error.id != "diverged":
                raise
            self.place.say(f"  lost: {error}")
            module.module.load_state_dict(start)
            return [], 0.0, 0
        best = min((row["val_rmse"] for row in fitted.rows if row["val_rmse"] is not None), default=math.inf)
        if best > errors[1]:
            module.module.load_state_dict(start)
            return fitted.rows, fitted.seconds, 0
        return fitted.rows, fitted.seconds, fitted.best_epoch or len(fitted.rows)

    def _stack(self, index: int) -> nn.Sequential:
        """The stack of a candidate, at the random weights of its own seed."""
        seed = self.plan.train.seed + 7919 * index
        stack = build_stack(replace(self.plan, train=replace(self.plan.train, seed=seed)))
        assert isinstance(stack, nn.Sequential)
        return stack

    def _errors(self, module: TrainingModule, part: SpecDataModule) -> tuple[float, float]:
        """Root mean square errors on the training and the validation part, in the units of the data."""
        look = copy(part)
        look.tapes = {**part.tapes, "validation": part.tapes["train"]}
        return _error(module, look.val_dataloader()), _error(module, part.val_dataloader())

    # --- behind the stages -------------------------------------------------------------------------------------

    def _refitted(self, chosen: list[Candidate]) -> list[Candidate]:
        """Each candidate's last stage once more, from where it began, on all data, for as many epochs as were best."""
        stage = self.stages[-1]
        part = self.data.unsplit()
        part.plan = replace(self.plan, train=stage.train)
        samples = sum(part.tapes["train"].lengths)
        self.place.say(f"refit: {samples:,} samples, the validation part included")
        return [self._refit_one(stage, part, candidate, len(chosen) - i) for i, candidate in enumerate(chosen)]

    def _refit_one(self, stage: StagePlan, part: SpecDataModule, candidate: Candidate, left: int) -> Candidate:
        name = f"refit-start-{candidate.index + 1}"
        limit = self.plan.train.time_limit
        allowed = None if limit is None else max(0.0, limit - self.spent) / left
        kept = self.place.progressed.outcome(name)
        if kept is None:
            made = self._refit_fit(name, stage, part, candidate, allowed)
            self.place.progressed.finish(name, _as_tree(made))
        else:
            made = Candidate(**kept)
        self.spent += made.seconds
        self.rows += [{"stage": len(self.stages) + 1, "start": made.index + 1, **row} for row in made.rows]
        self.place.say(f"  start {made.index + 1}: {made.epochs} epochs, rmse {made.fit_error:.4g}")
        return made

    def _refit_fit(
        self, name: str, stage: StagePlan, part: SpecDataModule, candidate: Candidate, allowed: float | None
    ) -> Candidate:
        if not candidate.epochs or allowed == 0:
            return candidate
        train = replace(stage.train, time_limit=allowed, epochs=candidate.epochs, stop=None)
        plan = replace(self.plan, train=train)
        stack = self._stack(candidate.index)
        stack.load_state_dict(candidate.before)
        trainable(stack, stage)
        module = module_of(plan, part, stack)
        self.place.progress.epochs = plan.train.epochs
        fitted = fit_once(plan, module, part, name, self.place, keep_best=False)
        settle(stack, part, prior=True)
        error, _ = self._errors(module, part)
        if not error < math.inf:
            return candidate
        return replace(candidate, weights=_weights(stack), fit_error=error, rows=fitted.rows, seconds=fitted.seconds)

    def _trained(self, chosen: list[Candidate]) -> Trained:
        stacks = [self._stack(candidate.index) for candidate in chosen]
        for stack, candidate in zip(stacks, chosen, strict=True):
            stack.load_state_dict(candidate.weights)
        stack: nn.Module = stacks[0] if len(stacks) == 1 else Ensemble(stacks, *self._output_range())
        module = module_of(self.plan, self.data, stack)  # type: ignore[arg-type]
        give_band(module, self.data)
        return Trained(self.plan, module.cpu().eval(), self.data.normalizer.cpu())

    def _output_range(self) -> tuple[Tensor, Tensor]:
        """Least and largest normalised outputs of the training part, (outputs)."""
        tape = self.data.tapes["train"]
        values = torch.cat([tape.values[window.signal] for window in self.plan.model.outputs], dim=1)
        return values.amin(dim=0), values.amax(dim=0)


def _error(module: TrainingModule, batches: Iterable[Any]) -> float:
    """inf where the model leaves the finite numbers, and where there is nothing to compare."""
    sums = ErrorSums()
    training = module.training
    module.eval()
    with torch.no_grad():
        for batch in batches:
            prediction, target = module.compare(batch)
            sums.add(prediction, target, module.output_scale)
    module.train(training)
    found = sums.take()
    error = float(found["rmse"]) if found else math.inf
    return error if error == error else math.inf


def _weights(stack: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in stack.state_dict().items()}


def _as_tree(candidate: Candidate) -> dict[str, Any]:
    """All of a candidate that a checkpoint can hold."""
    return {field.name: getattr(candidate, field.name) for field in fields(candidate)}


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
