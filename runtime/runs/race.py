"""The stages of a training: candidates are raced, the best go on, are refitted and averaged."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, NamedTuple

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from sysidc.compiler.lower import build_stack
from sysidc.compiler.plan import Plan, StagePlan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.nn.one_step_ahead import has_innovations
from sysidc.runtime.runs.candidates import Candidate, Entry, as_tree, entry_of, file_name, root_mean_square, weights_of
from sysidc.runtime.runs.epochs import Row
from sysidc.runtime.runs.fitting import Workplace, fit_once, module_of
from sysidc.runtime.runs.learned import tell_numbers
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.reduced_rate import agree, at_every, is_long_enough, step_over
from sysidc.runtime.runs.stage_data import allowance, anew, give_band, part_of, race_of
from sysidc.runtime.runs.wrong_loss import error_ahead
from sysidc.runtime.training.preparation import BLOCK, prepare, settle, trainable
from sysidc.runtime.training.starts import Starts
from sysidc.runtime.training.step import TrainingModule

EARLY_SHARE = 0.6
"""Of the time that is left, what a stage may take that is not the last."""

REFIT_SHARE = 0.7
"""Of the time that is left, what the last stage may take where a refit follows."""

MUCH_WORSE = 2.0
"""A model whose error on what it was fitted to is this many times that of the best is not averaged with it."""


class Manner(NamedTuple):
    """What ends a fit besides what the plan says, and whether it keeps the weights that validate best, or the last."""

    stops: Sequence[pl.Callback] = ()
    keep_best: bool = True


class Race:
    """The candidates of one training and the clock that they share: `spent` are the seconds of all that was done for
    them, by the processes before an interruption as well."""

    def __init__(self, plan: Plan, data: SpecDataModule, place: Workplace) -> None:
        began = time.perf_counter()
        simulation = race_of(plan)
        assert simulation is not None
        self.plan, self.data, self.place = plan, data, place
        self.simulation = simulation
        init = self.simulation.init
        self.block = init.arguments["block"] if init is not None else BLOCK
        self.starts = Starts(self.simulation.linear_start, self.block, plan.train.seed)
        self.plans = {"": plan}
        self.rows: list[Row] = []
        self.spent = 0.0
        self.at_full_rate = False
        self.open()
        self.stages = self.simulation.stages
        self.spent += time.perf_counter() - began

    def run(self) -> tuple[Trained, list[Row], float]:
        going: list[Candidate | Entry] = [
            (name, index) for name in self.plans for index in range(self.stages[0].starts)
        ]
        ranked: list[Candidate] = []
        for number, stage in enumerate(self.stages):
            ranked = self.joined(number, stage, self.stage(number, stage, going))
            going = self.going_on(number, ranked[: stage.keep])
        chosen = self.chosen(ranked)
        if self.simulation.refit:
            chosen = self._refitted(chosen)
        chosen = self._sound(chosen)
        self.place.say(f"trained {len(self.rows)} epochs in {self.spent:.1f} s")
        return self._trained(chosen), self.rows, self.spent

    # --- what a race of structures does otherwise ----------------------------------------------------------------

    def open(self) -> None:
        """Before anything is fitted."""

    def joined(self, number: int, stage: StagePlan, ranked: list[Candidate]) -> list[Candidate]:
        """The candidates behind a stage and those that join them there, the best first."""
        return ranked

    def going_on(self, number: int, kept: list[Candidate]) -> list[Candidate | Entry]:
        """Who enters the next stage."""
        return list(kept)

    def chosen(self, ranked: list[Candidate]) -> list[Candidate]:
        """Who is refitted and averaged."""
        return ranked[: max(1, self.simulation.ensemble)]

    def manner(self, number: int, structure: str) -> Manner:
        """How a candidate is fitted in a stage."""
        return Manner()

    def rank(self, candidate: Candidate) -> float:
        """What is least of the best."""
        return candidate.score

    def label(self, structure: str, index: int) -> str:
        """How a candidate is called."""
        return f"start {index + 1}"

    def unsplit(self) -> SpecDataModule:
        """Training and validation part as one."""
        return self.data.unsplit()

    # --- a stage -----------------------------------------------------------------------------------------------

    def stage(self, number: int, stage: StagePlan, going: list[Candidate | Entry]) -> list[Candidate]:
        """The candidates behind a stage, the best first."""
        part = part_of(self.data, self.plan, stage)
        samples = sum(part.tapes["train"].lengths)
        told = f"stage {number + 1} of {len(self.stages)}: {samples:,} samples, {_count(len(going), 'candidate')}"
        self.place.say(told + (", corrections learn" if stage.correction else ""))
        behind: list[Candidate] = []
        before = self.spent
        for position, candidate in enumerate(going):
            share = self._allowed(number, len(going) - position)
            if share == 0 and behind and isinstance(candidate, tuple):
                self.place.say(f"  the time is up: {_count(len(going) - position, 'candidate')} not tried")
                break
            spent = (self.spent, self.spent - before)
            allowed = allowance(share, stage, self.plan.train.time_limit, spent, len(going) - position)
            behind.append(self._run(number, stage, part, candidate, allowed))
        ranked = sorted(behind, key=self.rank)
        if len(ranked) > 1:
            best = "; ".join(self.label(*entry_of(candidate)) for candidate in ranked[: stage.keep])
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
        self, number: int, stage: StagePlan, part: SpecDataModule, candidate: Candidate | Entry, allowed: float | None
    ) -> Candidate:
        structure, index = entry_of(candidate)
        label = self.label(structure, index)
        name = f"stage-{number + 1}-{file_name(label)}"
        every = self._rate(stage, part)
        made = self._once(number, replace(stage, decimate=every), part, candidate, allowed, name)
        self._tell(number, label, made)
        if every == 1 or agree(made.every_error, made.fit_error):
            return made
        self.at_full_rate = True
        self.place.say(
            f"  {label}: at one sample in {every} the error is {made.every_error:.4g}, at all of them "
            f"{made.fit_error:.4g}: these are not the same equations, the race goes on at the full rate"
        )
        left = None if allowed is None else max(0.0, allowed - made.seconds)
        again = self._once(number, replace(stage, decimate=1), part, candidate, left, f"{name}-full-rate")
        self._tell(number, label, again)
        return again

    def _rate(self, stage: StagePlan, part: SpecDataModule) -> int:
        """The stage learns from one sample in so many; from all where that was found to lead astray, or leaves few."""
        if stage.decimate == 1 or self.at_full_rate:
            return 1
        if is_long_enough(part, stage.decimate):
            return stage.decimate
        self.place.say(f"  one sample in {stage.decimate} would be too few: all of them are learned from")
        self.at_full_rate = True
        return 1

    def _tell(self, number: int, label: str, made: Candidate) -> None:
        self.spent += made.seconds
        self.rows += [{"stage": number + 1, "start": label, **row} for row in made.rows]
        told = f"  {label}: {len(made.rows)} epochs in {made.seconds:.1f} s, "
        reduced = "" if made.every == 1 else f", {made.every_error:.4g} at one sample in {made.every}"
        self.place.say(told + f"rmse {made.fit_error:.4g} in training, {made.val_error:.4g} in validation{reduced}")

    def _once(
        self,
        number: int,
        stage: StagePlan,
        part: SpecDataModule,
        candidate: Candidate | Entry,
        allowed: float | None,
        name: str,
    ) -> Candidate:
        """A fit, or what is kept of it."""
        kept = self.place.progressed.outcome(name)
        if kept is not None:
            return Candidate(**kept)
        made = self._fit(number, stage, part, candidate, allowed, name)
        self.place.progressed.finish(name, as_tree(made))
        return made

    def _fit(
        self,
        number: int,
        stage: StagePlan,
        whole: SpecDataModule,
        candidate: Candidate | Entry,
        allowed: float | None,
        name: str,
    ) -> Candidate:
        """Learns from one sample in `stage.decimate`, and is judged by all of them."""
        began = time.perf_counter()
        part = anew(at_every(whole, stage.decimate))
        structure, index = entry_of(candidate)
        plan = replace(self.plans[structure], train=replace(stage.train, time_limit=allowed))
        first = isinstance(candidate, tuple)
        stack = self._stack(structure, index)
        step_over(stack, stage.decimate)
        if isinstance(candidate, tuple):
            told = prepare(stack, part, self.data.normalizer, self.starts, index)
            self.place.say(f"  {self.label(structure, index)}: {told}")
        else:
            stack.load_state_dict(candidate.weights)
        trainable(stack, stage)
        settle(stack, part, prior=first)
        module = module_of(plan, part, stack)
        give_band(module, part)
        before = weights_of(stack)
        errors = self._errors(module, part)
        rows, earlier, epochs = self._trained_rows(plan, module, part, name, errors, self.manner(number, structure))
        settle(stack, part, prior=True)
        reached = self._errors(module, part)
        if not max(reached) < math.inf:
            stack.load_state_dict(before)
            reached = errors
        learned_from = (stage.decimate, reached[0])
        if stage.decimate > 1:
            step_over(stack, 1)
            settle(stack, whole, prior=True)
            reached = self._errors(module, whole)
        ahead = error_ahead(stack, self._both(part)) if has_innovations(stack) else 0.0
        seconds = time.perf_counter() - began + earlier
        found = (*reached, epochs, seconds, rows, *learned_from, ahead)
        return Candidate(structure, index, weights_of(stack), before, *found)

    def _trained_rows(
        self,
        plan: Plan,
        module: TrainingModule,
        part: SpecDataModule,
        name: str,
        errors: tuple[float, float],
        manner: Manner,
    ) -> tuple[list[Row], float, int]:
        """The learning curve, the seconds that earlier processes spent on it, and the kept epoch (0: none was better
        than the start) of a fit."""
        limit = plan.train.time_limit
        if limit is not None and limit <= 0:
            return [], 0.0, 0
        self.place.progress.epochs = plan.train.epochs
        start = weights_of(module.module)
        began = time.perf_counter()
        try:
            fitted = fit_once(plan, module, part, name, self.place, manner.keep_best, manner.stops)
        except RunError as error:
            if error.id != "diverged":
                raise
            self.place.say(f"  lost: {error}")
            module.module.load_state_dict(start)
            return [], 0.0, 0
        best = min((row["val_rmse"] for row in fitted.rows if row["val_rmse"] is not None), default=math.inf)
        earlier = max(0.0, fitted.seconds - (time.perf_counter() - began))
        if manner.keep_best and best > errors[1]:
            module.module.load_state_dict(start)
            return fitted.rows, earlier, 0
        return fitted.rows, earlier, fitted.best_epoch or len(fitted.rows)

    def _stack(self, structure: str, index: int) -> nn.Sequential:
        """The stack of a candidate, at the random weights of its own seed."""
        plan = self.plans[structure]
        stack = build_stack(replace(plan, train=replace(plan.train, seed=plan.train.seed + 7919 * index)))
        assert isinstance(stack, nn.Sequential)
        return stack

    def _errors(self, module: TrainingModule, part: SpecDataModule) -> tuple[float, float]:
        """Root mean square errors on the training and the validation part, in the units of the data."""
        fit, validation = (root_mean_square(module, batches) for batches in self._both(part))
        return fit, validation

    def _both(self, part: SpecDataModule) -> list[Iterable[Any]]:
        """The batches of the training and of the validation part, both as a validation has them."""
        look = copy(part)
        look.tapes = {**part.tapes, "validation": part.tapes["train"]}
        return [look.val_dataloader(), part.val_dataloader()]

    # --- behind the stages -------------------------------------------------------------------------------------

    def _refitted(self, chosen: list[Candidate]) -> list[Candidate]:
        """Each candidate's last stage once more, from where it began, on all data, for as many epochs as were best."""
        stage = self.stages[-1]
        part = copy(self.unsplit())
        part.plan = replace(self.plan, train=stage.train)
        samples = sum(part.tapes["train"].lengths)
        self.place.say(f"refit: {samples:,} samples, the validation part included")
        return [self._refit_one(stage, part, candidate, len(chosen) - i) for i, candidate in enumerate(chosen)]

    def _refit_one(self, stage: StagePlan, part: SpecDataModule, candidate: Candidate, left: int) -> Candidate:
        label = self.label(*entry_of(candidate))
        name = f"refit-{file_name(label)}"
        limit = self.plan.train.time_limit
        allowed = None if limit is None else max(0.0, limit - self.spent) / left
        kept = self.place.progressed.outcome(name)
        if kept is None:
            made = self._refit_fit(name, stage, part, candidate, allowed)
            self.place.progressed.finish(name, as_tree(made))
        else:
            made = Candidate(**kept)
        self.spent += made.seconds
        self.rows += [{"stage": len(self.stages) + 1, "start": label, **row} for row in made.rows]
        self.place.say(f"  {label}: {made.epochs} epochs, rmse {made.fit_error:.4g}")
        return made

    def _refit_fit(
        self, name: str, stage: StagePlan, part: SpecDataModule, candidate: Candidate, allowed: float | None
    ) -> Candidate:
        if not candidate.epochs or allowed == 0:
            return replace(candidate, rows=[], seconds=0.0)
        began = time.perf_counter()
        train = replace(stage.train, time_limit=allowed, epochs=candidate.epochs, stop=None)
        plan = replace(self.plans[candidate.structure], train=train)
        stack = self._stack(candidate.structure, candidate.index)
        stack.load_state_dict(candidate.before)
        trainable(stack, stage)
        module = module_of(plan, part, stack)
        self.place.progress.epochs = plan.train.epochs
        prepared = time.perf_counter() - began
        fitted = fit_once(plan, module, part, name, self.place, keep_best=False)
        behind = time.perf_counter()
        settle(stack, part, prior=True)
        error, _ = self._errors(module, part)
        seconds = prepared + fitted.seconds + time.perf_counter() - behind
        if not error < math.inf:
            return replace(candidate, rows=fitted.rows, seconds=seconds)
        return replace(candidate, weights=weights_of(stack), fit_error=error, rows=fitted.rows, seconds=seconds)

    def _sound(self, chosen: list[Candidate]) -> list[Candidate]:
        """Who is averaged: not those whose error is far above that of the best."""
        least = min(candidate.fit_error for candidate in chosen)
        kept = [candidate for candidate in chosen if candidate.fit_error <= MUCH_WORSE * least]
        if not kept or len(kept) == len(chosen):
            return chosen[:1] if not kept else chosen
        lost = [self.label(*entry_of(candidate)) for candidate in chosen if candidate.fit_error > MUCH_WORSE * least]
        self.place.say(
            f"not averaged, because the error is more than {MUCH_WORSE:g} times the least: {'; '.join(lost)}"
        )
        return kept

    def _trained(self, chosen: list[Candidate]) -> Trained:
        plan = self.plans[chosen[0].structure]
        stacks = [self._stack(candidate.structure, candidate.index) for candidate in chosen]
        for member, candidate in zip(stacks, chosen, strict=True):
            member.load_state_dict(candidate.weights)
        tell_numbers(stacks[0], self.unsplit() if self.simulation.refit else self.data, self.place)
        stack: Any = stacks[0] if len(stacks) == 1 else Ensemble(stacks, *self._output_range())
        module = module_of(plan, self.data, stack)
        give_band(module, self.data)
        members = tuple(self.plans[candidate.structure] for candidate in chosen)
        return Trained(plan, module.cpu().eval(), self.data.normalizer.cpu(), members if len(members) > 1 else ())

    def _output_range(self) -> tuple[Tensor, Tensor]:
        """Least and largest normalised outputs of the training part, (outputs)."""
        tape = self.data.tapes["train"]
        values = torch.cat([tape.values[window.signal] for window in self.plan.model.outputs], dim=1)
        return values.amin(dim=0), values.amax(dim=0)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
