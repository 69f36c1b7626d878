"""What a stage trains on, and what it may take: its part of the data, its band and its time, in every mode."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from sysidc.compiler.lower import several_steps_at_once
from sysidc.compiler.plan import Plan, SimulationPlan, StagePlan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule
from sysidc.runtime.training.step import TrainingModule


def race_of(plan: Plan) -> SimulationPlan | None:
    """The stages of a training with what goes with them; None for prediction and bounded mode without stages.

    These two start from random weights, and neither refit nor average.
    """
    if plan.train.simulation is not None or not plan.train.stages:
        return plan.train.simulation
    return SimulationPlan(None, False, None, plan.train.stages, refit=False, ensemble=1)


def part_of(data: SpecDataModule, plan: Plan, stage: StagePlan) -> SpecDataModule:
    """The segment of a stage, handed out as the stage's own settings want it."""
    part = data.segment(stage.segments)
    part.plan = replace(plan, train=stage.train)
    part.several = several_steps_at_once(part.plan)
    return part


def anew(part: SpecDataModule) -> SpecDataModule:
    """The same data before their first epoch, at the horizon that the plan begins with: one for each fit."""
    fresh = copy(part)
    prediction = part.plan.train.prediction
    fresh.go_on(0, 0 if prediction is None else prediction.horizon)
    return fresh


def give_band(module: TrainingModule, part: SpecDataModule) -> None:
    """A bounded network is judged against the band of the data that it learns from, before and after a fit."""
    if isinstance(module, BoundedSimulationTrainingModule):
        module.prepare_from(anew(part))


def allowance(
    shared: float | None, stage: StagePlan, whole: float | None, spent: tuple[float, float], left: int
) -> float | None:
    """Seconds for one of the `left` candidates of a stage: what it is `shared` of the whole time limit, or its part of
    the stage's own. `spent` are the seconds of the training and of the stage until now."""
    own = stage.train.time_limit
    if own is None or own == whole:
        return shared
    rest = own - spent[1] if whole is None else min(own - spent[1], whole - spent[0])
    return max(0.0, rest) / left
