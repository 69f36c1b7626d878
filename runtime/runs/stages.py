"""The stages of a training: candidates are raced, the best go on, are refitted and averaged."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from sysidc.compiler.lower import build_stack
from sysidc.compiler.plan import Plan, StagePlan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs.candidates import Candidate, Entry, as_tree, entry_of, file_name, root_mean_square, weights_of
from sysidc.runtime.runs.epochs import Row
from sysidc.runtime.runs.fitting import Workplace, fit_once, module_of
from sysidc.runtime.runs.learned import tell_numbers
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.open_race import opened
from sysidc.runtime.runs.periodic_records import averaged
from sysidc.runtime.runs.processes import is_shared
from sysidc.runtime.runs.record_warnings import record_warnings
from sysidc.runtime.runs.stage_data import allowance, anew, give_band, part_of, race_of
from sysidc.runtime.runs.structures import draws, is_open, outlook, structures, with_innovations
from sysidc.runtime.runs.wrong_loss import is_wrong, one_step_error
from sysidc.runtime.training.preparation import BLOCK, prepare, settle, trainable
from sysidc.runtime.training.starts import Starts
from sysidc.runtime.training.step import TrainingModule

EARLY_SHARE = 0.6
"""Of the time that is left, what a stage may take that is not the last."""

REFIT_SHARE = 0.7
"""Of the time that is left, what the last stage may take where a refit follows."""


NEAR = 1.25
"""A simulation error of so many times the least is about as good where something unmeasured drives the system."""

INNOVATIONS = 3
"""So many of the best structures are raced with innovations, too."""

MUCH_WORSE = 2.0
"""A model whose error on what it was fitted to is this many times that of the best is not averaged with it."""


def is_raced(plan: Plan) -> bool:
    """Whether a training has more to it than one fit from random weights."""
    simulation = race_of(plan)
    if simulation is None or is_shared(plan):
        return False
    if plan.train.simulation is None:
        return True
    stages = simulation.stages
    first, *later = stages
    several = bool(later) or first.starts > 1 or simulation.refit or simulation.ensemble > 1
    return several or plan.model.chain is not None or first.segments is not None


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
        init = self.simulation.init
        block = init.arguments["block"] if init is not None else BLOCK
        self.starts = Starts(self.simulation.linear_start, block, plan.train.seed)
        self.plans = {"": plan}
        self.spent = 0.0
        self.rows: list[Row] = []
        self.whole: SpecDataModule | None = None
        self.integrating = False
        if plan.train.mode == "simulation":
            self._say_all(record_warnings(plan, sum(data.tapes["train"].lengths)))
        if is_open(plan):
            self._open(block)
        self.stages = self.simulation.stages

    def _open(self, block: int) -> None:
        """Fill in what the plan leaves open, by what the records show."""
        found = averaged(self.data) if self.plan.data.validation.share else None
        if found is not None:
            self.data, self.whole = found.data, found.whole
            self.place.say(found.told)
        seen = outlook(self.data, block)
        self.integrating = seen.integrator is not None
        if seen.integrator is not None:
            self.place.say(f"{seen.integrator}; trained on growing segments, to the end of all epochs")
        self.plans = {structure.name: structure.plan for structure in structures(self.plan, seen.orders)}
        samples = sum(self.data.tapes["train"].lengths)
        self.simulation = opened(self.simulation, samples, self.integrating)

    def _say_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.place.say(line)

    def run(self) -> tuple[Trained, list[Row], float]:
        going: list[Candidate | Entry] = [
            (name, index) for name in self.plans for index in range(self.stages[0].starts)
        ]
        ranked: list[Candidate] = []
        for number, stage in enumerate(self.stages):
            ranked = self._stage(number, stage, going)
            if not number and len(self.plans) > 1 and not self.integrating:
                ranked = self._with_innovations(stage, ranked)
            going = self._going_on(number, ranked[: stage.keep])
        chosen = [item for item in ranked if item.structure == ranked[0].structure][: max(1, self.simulation.ensemble)]
        if self.simulation.refit:
            chosen = self._refitted(chosen)
        chosen = self._sound(chosen)
        self.place.say(f"trained {len(self.rows)} epochs in {self.spent:.1f} s")
        return self._trained(chosen), self.rows, self.spent

    def _going_on(self, number: int, kept: list[Candidate]) -> list[Candidate | Entry]:
        """Who enters the next stage; behind the race of structures further starts of the best one join, where the
        next stage has more of them and they differ."""
        following = self.stages[number + 1].starts if number + 1 < len(self.stages) else 0
        alike = self.simulation.linear_start and not draws(self.plans[kept[0].structure])
        if len(self.plans) == 1 or following <= len(kept) or alike:
            return list(kept)
        more = range(self.stages[0].starts, self.stages[0].starts + following - len(kept))
        return [*kept, *((kept[0].structure, index) for index in more)]

    def _with_innovations(self, stage: StagePlan, ranked: list[Candidate]) -> list[Candidate]:
        """The candidates of the race, and where simulation error is the wrong loss the best ones with innovations.

        These come first where their simulation error is about that of the others, which were fitted to it: it says
        little there, and theirs are the more certain parameters.
        """
        error = one_step_error(self.data)
        least = min(candidate.fit_error for candidate in ranked)
        if not is_wrong([least], error):
            return ranked
        self.place.say(
            f"the simulation error of every structure stays above {least:.4g}, {least / (error or 1):.2g} times the "
            "one-step error: something unmeasured drives the system; structures with innovations join the race"
        )
        names = [candidate.structure for candidate in ranked]
        made = {f"{name}, innovations": with_innovations(self.plans[name]) for name in names}
        more = {name: plan for name, plan in made.items() if plan is not None}
        more = dict(list(more.items())[:INNOVATIONS])
        self.plans = {**self.plans, **more}
        joined = self._stage(0, stage, [(name, 0) for name in more]) if more else []
        everyone = sorted([*ranked, *joined], key=lambda candidate: candidate.score)
        near = [item for item in everyone if item.structure in more and item.score <= NEAR * everyone[0].score]
        return near + [item for item in everyone if not any(item is other for other in near)]

    # --- a stage -----------------------------------------------------------------------------------------------

    def _stage(self, number: int, stage: StagePlan, going: list[Candidate | Entry]) -> list[Candidate]:
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
            best = "; ".join(self._label(*entry_of(candidate)) for candidate in ranked[: stage.keep])
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
        label = self._label(structure, index)
        name = f"stage-{number + 1}-{file_name(label)}"
        kept = self.place.progressed.outcome(name)
        if kept is None:
            made = self._fit(name, stage, part, candidate, allowed)
            self.place.progressed.finish(name, as_tree(made))
        else:
            made = Candidate(**kept)
        self.spent += made.seconds
        self.rows += [{"stage": number + 1, "start": label, **row} for row in made.rows]
        told = f"  {label}: {len(made.rows)} epochs in {made.seconds:.1f} s, "
        self.place.say(told + f"rmse {made.fit_error:.4g} in training, {made.val_error:.4g} in validation")
        return made

    def _fit(
        self, name: str, stage: StagePlan, part: SpecDataModule, candidate: Candidate | Entry, allowed: float | None
    ) -> Candidate:
        began = time.perf_counter()
        part = anew(part)
        structure, index = entry_of(candidate)
        plan = replace(self.plans[structure], train=replace(stage.train, time_limit=allowed))
        first = isinstance(candidate, tuple)
        stack = self._stack(structure, index)
        if isinstance(candidate, tuple):
            told = prepare(stack, part, self.data.normalizer, self.starts, index)
            self.place.say(f"  {self._label(structure, index)}: {told}")
        else:
            stack.load_state_dict(candidate.weights)
        trainable(stack, stage)
        settle(stack, part, prior=first)
        module = module_of(plan, part, stack)
        give_band(module, part)
        before = weights_of(stack)
        errors = self._errors(module, part)
        lead = time.perf_counter() - began
        rows, seconds, epochs = self._trained_rows(plan, module, part, name, errors)
        settle(stack, part, prior=True)
        reached = self._errors(module, part)
        if not max(reached) < math.inf:
            stack.load_state_dict(before)
            reached = errors
        return Candidate(structure, index, weights_of(stack), before, *reached, epochs, lead + seconds, rows)

    def _trained_rows(
        self, plan: Plan, module: TrainingModule, part: SpecDataModule, name: str, errors: tuple[float, float]
    ) -> tuple[list[Row], float, int]:
        """The learning curve, seconds and kept epoch (0: none was better than the start) of a fit."""
        limit = plan.train.time_limit
        if limit is not None and limit <= 0:
            return [], 0.0, 0
        self.place.progress.epochs = plan.train.epochs
        start = weights_of(module.module)
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

    def _label(self, structure: str, index: int) -> str:
        """How a candidate is called: by its structure where these are raced, by its start where there are several."""
        start = f"start {index + 1}"
        return (
            start
            if not structure
            else structure
            if self.stages[0].starts == 1 and not index
            else f"{structure}, {start}"
        )

    def _stack(self, structure: str, index: int) -> nn.Sequential:
        """The stack of a candidate, at the random weights of its own seed."""
        plan = self.plans[structure]
        stack = build_stack(replace(plan, train=replace(plan.train, seed=plan.train.seed + 7919 * index)))
        assert isinstance(stack, nn.Sequential)
        return stack

    def _errors(self, module: TrainingModule, part: SpecDataModule) -> tuple[float, float]:
        """Root mean square errors on the training and the validation part, in the units of the data."""
        look = copy(part)
        look.tapes = {**part.tapes, "validation": part.tapes["train"]}
        return root_mean_square(module, look.val_dataloader()), root_mean_square(module, part.val_dataloader())

    # --- behind the stages -------------------------------------------------------------------------------------

    def _refitted(self, chosen: list[Candidate]) -> list[Candidate]:
        """Each candidate's last stage once more, from where it began, on all data, for as many epochs as were best."""
        stage = self.stages[-1]
        part = copy(self._unsplit())
        part.plan = replace(self.plan, train=stage.train)
        samples = sum(part.tapes["train"].lengths)
        self.place.say(f"refit: {samples:,} samples, the validation part included")
        return [self._refit_one(stage, part, candidate, len(chosen) - i) for i, candidate in enumerate(chosen)]

    def _unsplit(self) -> SpecDataModule:
        """Training and validation part as one."""
        return self.data.unsplit() if self.whole is None else self.whole

    def _refit_one(self, stage: StagePlan, part: SpecDataModule, candidate: Candidate, left: int) -> Candidate:
        label = self._label(*entry_of(candidate))
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
            return candidate
        train = replace(stage.train, time_limit=allowed, epochs=candidate.epochs, stop=None)
        plan = replace(self.plans[candidate.structure], train=train)
        stack = self._stack(candidate.structure, candidate.index)
        stack.load_state_dict(candidate.before)
        trainable(stack, stage)
        module = module_of(plan, part, stack)
        self.place.progress.epochs = plan.train.epochs
        fitted = fit_once(plan, module, part, name, self.place, keep_best=False)
        settle(stack, part, prior=True)
        error, _ = self._errors(module, part)
        if not error < math.inf:
            return candidate
        return replace(candidate, weights=weights_of(stack), fit_error=error, rows=fitted.rows, seconds=fitted.seconds)

    def _sound(self, chosen: list[Candidate]) -> list[Candidate]:
        """Who is averaged: not those whose error is far above that of the best."""
        least = min(candidate.fit_error for candidate in chosen)
        kept = [candidate for candidate in chosen if candidate.fit_error <= MUCH_WORSE * least]
        if not kept or len(kept) == len(chosen):
            return chosen[:1] if not kept else chosen
        lost = [self._label(*entry_of(candidate)) for candidate in chosen if candidate.fit_error > MUCH_WORSE * least]
        self.place.say(
            f"not averaged, because the error is more than {MUCH_WORSE:g} times the least: {'; '.join(lost)}"
        )
        return kept

    def _trained(self, chosen: list[Candidate]) -> Trained:
        plan = self.plans[chosen[0].structure]
        stacks = [self._stack(candidate.structure, candidate.index) for candidate in chosen]
        for member, candidate in zip(stacks, chosen, strict=True):
            member.load_state_dict(candidate.weights)
        tell_numbers(stacks[0], self._unsplit() if self.simulation.refit else self.data, self.place)
        stack: Any = stacks[0] if len(stacks) == 1 else Ensemble(stacks, *self._output_range())
        module = module_of(plan, self.data, stack)
        give_band(module, self.data)
        return Trained(plan, module.cpu().eval(), self.data.normalizer.cpu())

    def _output_range(self) -> tuple[Tensor, Tensor]:
        """Least and largest normalised outputs of the training part, (outputs)."""
        tape = self.data.tapes["train"]
        values = torch.cat([tape.values[window.signal] for window in self.plan.model.outputs], dim=1)
        return values.amin(dim=0), values.amax(dim=0)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
