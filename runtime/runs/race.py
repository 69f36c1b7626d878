"""The stages of a training: candidates are raced, the best go on, are refitted and averaged."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sysidc.compiler.plan import Plan, StagePlan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs.candidate_fit import Fitter, Manner, Task, stack_of
from sysidc.runtime.runs.candidates import Candidate, Entry, entry_of, file_name
from sysidc.runtime.runs.epochs import Row
from sysidc.runtime.runs.fitting import Workplace, module_of
from sysidc.runtime.runs.learned import tell_numbers
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.reduced_rate import agree, is_long_enough
from sysidc.runtime.runs.side_by_side import SideBySide
from sysidc.runtime.runs.stage_data import allowance, give_band, race_of
from sysidc.runtime.training.preparation import BLOCK
from sysidc.runtime.training.starts import Starts

EARLY_SHARE = 0.6
"""Of the time that is left, what a stage may take that is not the last."""

REFIT_SHARE = 0.7
"""Of the time that is left, what the last stage may take where a refit follows."""

MUCH_WORSE = 2.0
"""A model whose error on what it was fitted to is this many times that of the best is not averaged with it."""


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
        self.plans = {"": plan}
        self.whole: SpecDataModule | None = None
        self.rows: list[Row] = []
        self.spared: list[Candidate] = []
        self.spent = 0.0
        self.at_full_rate = False
        self.open()
        self.stages = self.simulation.stages
        starts = Starts(self.simulation.linear_start, self.block, plan.train.seed)
        self.fitter = Fitter(plan, self.data, starts, self.whole)
        self.helpers = SideBySide(self.fitter, place, place.jobs)
        self.spent += time.perf_counter() - began

    def run(self) -> tuple[Trained, list[Row], float]:
        with self.helpers:
            chosen = self._raced()
        chosen = self._sound(chosen)
        shared = f", the work of {self.helpers.jobs} processes together" if self.helpers.began else ""
        self.place.say(f"trained {len(self.rows)} epochs in {self.spent:.1f} s{shared}")
        return self._trained(chosen), self.rows, self.spent

    def _raced(self) -> list[Candidate]:
        going: list[Candidate | Entry] = [
            (name, index) for name in self.plans for index in range(self.stages[0].starts)
        ]
        ranked: list[Candidate] = []
        for number, stage in enumerate(self.stages):
            ranked = self.joined(number, stage, self.stage(number, stage, going))
            going = self.going_on(number, ranked[: self.kept(stage)])
        chosen = self.chosen(ranked)
        if len(self.plans) > 1:
            self.place.say(f"taken: {'; '.join(self.label(*entry_of(candidate)) for candidate in chosen)}")
        return self._refitted(chosen) if self.simulation.refit else chosen

    # --- what a race of structures does otherwise ----------------------------------------------------------------

    def open(self) -> None:
        """Before anything is fitted."""

    def judged(self, made: Candidate) -> Candidate:
        """A candidate behind a fit."""
        return made

    def joined(self, number: int, stage: StagePlan, ranked: list[Candidate]) -> list[Candidate]:
        """The candidates behind a stage and those that join them there, the best first."""
        return ranked

    def kept(self, stage: StagePlan) -> int:
        """How many outlive a stage."""
        return stage.keep

    def going_on(self, number: int, kept: list[Candidate]) -> list[Candidate | Entry]:
        """Who enters the next stage."""
        return list(kept)

    def chosen(self, ranked: list[Candidate]) -> list[Candidate]:
        """Who is refitted and averaged."""
        return ranked[: max(1, self.averaged)]

    @property
    def averaged(self) -> int:
        """How many models are averaged."""
        return self.simulation.ensemble

    def manner(self, number: int, structure: str) -> Manner:
        """How a candidate is fitted in a stage."""
        return Manner()

    def rank(self, candidate: Candidate) -> float:
        """What is least of the best."""
        return candidate.score

    @property
    def much_worse(self) -> float:
        """Times the least error that a candidate misses which is not averaged."""
        return MUCH_WORSE

    def spare(self, others: list[Candidate]) -> list[Candidate]:
        """Of those that are not averaged who stands in where all others run away."""
        return []

    def missed(self, candidate: Candidate) -> float:
        """What a candidate misses of what it was fitted to."""
        return candidate.fit_error

    def output_range(self) -> tuple[Tensor, Tensor]:
        """Least and largest normalised outputs of the training part, (outputs); one that never moves has a width of its
        unit."""
        tape = self.data.tapes["train"]
        values = torch.cat([tape.values[window.signal] for window in self.plan.model.outputs], dim=1)
        low, high = values.amin(dim=0), values.amax(dim=0)
        still = (high <= low).to(low) / 2
        return low - still, high + still

    def label(self, structure: str, index: int) -> str:
        """How a candidate is called."""
        return f"start {index + 1}"

    # --- a stage -----------------------------------------------------------------------------------------------

    def stage(self, number: int, stage: StagePlan, going: list[Candidate | Entry]) -> list[Candidate]:
        """The candidates behind a stage, the best first."""
        part = self.fitter.part(stage)
        samples = sum(part.tapes["train"].lengths)
        told = f"stage {number + 1} of {len(self.stages)}: {samples:,} samples, {_count(len(going), 'candidate')}"
        self.place.say(told + (", corrections learn" if stage.correction else ""))
        behind: list[Candidate] = []
        before = self.spent
        for position, candidate in enumerate(going):
            left = len(going) - position
            share = self._allowed(number, left)
            if share == 0 and behind and isinstance(candidate, tuple):
                self.place.say(f"  the time is up: {_count(left, 'candidate')} not tried")
                break
            allowed = allowance(share, stage, self.plan.train.time_limit, (self.spent, self.spent - before), left)
            at_rate = self._at_rate(stage, part)
            tasks = [self._task(number, at_rate, other, allowed) for other in going[position:]]
            self.helpers.offer(tasks, [made.seconds for made in behind])
            behind.append(self.judged(self._run(number, tasks[0], part)))
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

    def _task(self, number: int, stage: StagePlan, candidate: Candidate | Entry, allowed: float | None) -> Task:
        structure, index = entry_of(candidate)
        label = self.label(structure, index)
        name = f"stage-{number + 1}-{file_name(label)}"
        plan, manner = self.plans[structure], self.manner(number, structure)
        return Task(name, label, plan, stage, candidate, allowed, manner)

    def _run(self, number: int, task: Task, part: SpecDataModule) -> Candidate:
        made = self._once(task, part)
        self._tell(number, task.label, made)
        if task.stage.decimate == 1 or agree(made.every_error, made.fit_error):
            return made
        self.at_full_rate = True
        self.place.say(
            f"  {task.label}: at one sample in {task.stage.decimate} the error is {made.every_error:.4g}, at all of "
            f"them {made.fit_error:.4g}: these are not the same equations, the race goes on at the full rate"
        )
        left = None if task.allowed is None else max(0.0, task.allowed - made.seconds)
        full = replace(task.stage, decimate=1)
        again = self._once(replace(task, name=f"{task.name}-full-rate", stage=full, allowed=left), part)
        self._tell(number, task.label, again)
        return again

    def _once(self, task: Task, part: SpecDataModule) -> Candidate:
        """A fit, here or by a process beside this one, or what is kept of it."""
        self.helpers.wait(task.name)
        return self.fitter.once(task, part, self.place)

    def _at_rate(self, stage: StagePlan, part: SpecDataModule) -> StagePlan:
        """The stage learns from one sample in so many; from all where that was found to lead astray, or leaves few."""
        if stage.decimate == 1:
            return stage
        if not self.at_full_rate and not is_long_enough(part, stage.decimate):
            self.place.say(f"  one sample in {stage.decimate} would be too few: all of them are learned from")
            self.at_full_rate = True
        return replace(stage, decimate=1) if self.at_full_rate else stage

    def _tell(self, number: int, label: str, made: Candidate) -> None:
        self.spent += made.seconds
        self.rows += [{"stage": number + 1, "start": label, **row} for row in made.rows]
        told = f"  {label}: {len(made.rows)} epochs in {made.seconds:.1f} s, "
        reduced = "" if made.every == 1 else f", {made.every_error:.4g} at one sample in {made.every}"
        self.place.say(told + f"rmse {made.fit_error:.4g} in training, {made.val_error:.4g} in validation{reduced}")

    # --- behind the stages -------------------------------------------------------------------------------------

    def _refitted(self, chosen: list[Candidate]) -> list[Candidate]:
        """Each candidate's last stage once more, from where it began, on all data, for as many epochs as were best."""
        stage = self.stages[-1]
        part = self.fitter.part(stage, refit=True)
        samples = sum(part.tapes["train"].lengths)
        self.place.say(f"refit: {samples:,} samples, the validation part included")
        behind: list[Candidate] = []
        for position in range(len(chosen)):
            tasks = [self._refit_task(stage, candidate, len(chosen) - position) for candidate in chosen[position:]]
            self.helpers.offer(tasks, [made.seconds for made in behind])
            made = self._once(tasks[0], part)
            self.spent += made.seconds
            self.rows += [{"stage": len(self.stages) + 1, "start": tasks[0].label, **row} for row in made.rows]
            self.place.say(f"  {tasks[0].label}: {made.epochs} epochs, rmse {made.fit_error:.4g}")
            behind.append(made)
        return behind

    def _refit_task(self, stage: StagePlan, candidate: Candidate, left: int) -> Task:
        label = self.label(*entry_of(candidate))
        limit = self.plan.train.time_limit
        allowed = None if limit is None else max(0.0, limit - self.spent) / left
        name, plan = f"refit-{file_name(label)}", self.plans[candidate.structure]
        return Task(name, label, plan, stage, candidate, allowed, refit=True)

    def _sound(self, chosen: list[Candidate]) -> list[Candidate]:
        """Who is averaged: not those whose error is far above that of the best. They are `spared` for records in which
        all others run away."""
        limit = self.much_worse * min(map(self.missed, chosen))
        kept = [candidate for candidate in chosen if self.missed(candidate) <= limit]
        if not kept or len(kept) == len(chosen):
            return chosen[:1] if not kept else chosen
        others = [candidate for candidate in chosen if not self.missed(candidate) <= limit]
        lost = [self.label(*entry_of(candidate)) for candidate in others]
        self.place.say(
            f"not averaged, because the error is more than {self.much_worse:g} times the least: {'; '.join(lost)}"
        )
        self.spared = self.spare(others)
        return kept

    def _trained(self, chosen: list[Candidate]) -> Trained:
        plan = self.plans[chosen[0].structure]
        chosen = [*chosen, *self.spared]
        stacks = [stack_of(self.plans[candidate.structure], candidate.index) for candidate in chosen]
        for member, candidate in zip(stacks, chosen, strict=True):
            member.load_state_dict(candidate.weights)
        tell_numbers(stacks[0], self.fitter.unsplit() if self.simulation.refit else self.data, self.place)
        stack: Any = stacks[0] if len(stacks) == 1 else Ensemble(stacks, *self.output_range(), len(self.spared))
        module = module_of(plan, self.data, stack)
        give_band(module, self.data)
        members = tuple(self.plans[candidate.structure] for candidate in chosen)
        members = members if len(members) > 1 else ()
        return Trained(plan, module.cpu().eval(), self.data.normalizer.cpu(), members, self._range_in_units())

    def _range_in_units(self) -> list[list[float]] | None:
        """The range of the training outputs that a simulation is held against, in the units of the data."""
        if self.plan.model.chain is None:
            return None
        shift, scale = self.data.normalizer.join([window.signal for window in self.plan.model.outputs])
        return [(end.double().cpu() * scale.cpu() + shift.cpu()).tolist() for end in self.output_range()]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
