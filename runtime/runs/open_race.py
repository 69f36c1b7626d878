"""The stages of a training that leaves structures open: a short race of them all before what was asked for."""

from __future__ import annotations

from dataclasses import replace

from sysidc.compiler.plan import SimulationPlan

RACE_SAMPLES, RACE_EPOCHS, KEPT = 6_000, 20, 2
"""Of the race of structures: how much data and how many epochs each gets, how many go on."""

GROWING, ALL = (300, 1_500), 1_000
"""Samples of the first stages for an integrator, whose errors add up over a record; all structures outlive these."""

FEW, FEW_STARTS = 2_000, 4
"""Below so many samples so many models are averaged."""


def opened(simulation: SimulationPlan, samples: int, integrating: bool = False) -> SimulationPlan:
    """The stages of a training that leaves structures open and has one stage: first a short race of all of them.

    On records of fewer than `FEW` samples the best structure is started several times more, refitted on all data and
    averaged: there a validation part can hardly tell good from lucky. Where the records come from an integrator the
    segments grow and no stage stops early.
    """
    last, *more = simulation.stages
    if more:
        return simulation
    if integrating:
        last = replace(last, train=replace(last.train, stop=None))
    short = replace(last.train, epochs=min(RACE_EPOCHS, last.train.epochs))
    race = replace(last, train=short, segments=_least(last.segments, RACE_SAMPLES), keep=KEPT)
    growing = tuple(
        replace(race, segments=size, keep=ALL) for size in GROWING if integrating and size < (last.segments or samples)
    )
    if samples >= FEW:
        return replace(simulation, stages=(*growing, race, replace(last, starts=KEPT, keep=1)))
    several = max(FEW_STARTS, simulation.ensemble)
    final = replace(last, starts=several, keep=several)
    return replace(simulation, stages=(*growing, replace(race, keep=1), final), refit=True, ensemble=several)


def _least(segments: int | None, samples: int) -> int:
    return samples if segments is None else min(segments, samples)
