"""The stages of a training that leaves structures open: short races of them all before what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sysidc.compiler.plan import SimulationPlan, StagePlan
from sysidc.runtime.runs.candidates import Candidate


@dataclass(frozen=True)
class Heat:
    """A race over the first `samples` for so many epochs at most, which `kept` candidates outlive."""

    samples: int
    epochs: int
    kept: int


HEATS = (Heat(2_000, 12, 4), Heat(6_000, 40, 2))
"""Of all structures: much is told by little; of the best: what they learn late."""

GROWING, ALL = (300, 1_500), 1_000
"""Samples of the first stages for an integrator, whose errors add up over a record; all structures outlive these."""

FEW, FEW_STARTS = 2_000, 4
"""Below so many samples so many models are averaged."""

MORE_STARTS = 2
"""Further starts of the best structure in the last heat."""

SAME = 1.01
"""Errors that are no further apart than this are the same: of such models the smallest is taken."""


def opened(simulation: SimulationPlan, samples: int, integrating: bool = False) -> SimulationPlan:
    """The stages of a training that leaves structures open and writes none: first the heats of `HEATS`.

    What is taken is refitted on all data where the validation part shows what the training part does not. On records
    of fewer than `FEW` samples several of the best candidates are, and are averaged: there a validation part can hardly
    tell good from lucky. Where the records come from an integrator the segments grow and no stage stops early.
    What the file itself says (`written`) is left as it is.
    """
    last, *more = simulation.stages
    written = simulation.written
    if more or "stage" in written:
        return simulation
    several = _averaged(simulation, samples)
    heats = [_heat(last, heat, written) for heat in HEATS]
    growing = [
        replace(heats[0], segments=size, keep=heats[0].keep if "keep" in written else ALL)
        for size in GROWING
        if integrating and size < (last.segments or samples)
    ]
    kept = heats[-1].keep if "keep" in written else max(several, heats[-1].keep)
    entering = 2 * several if several > 1 else max(last.starts, heats[0].keep + MORE_STARTS)
    heats[-1] = replace(heats[-1], keep=kept, starts=heats[0].keep if "starts" in written else entering)
    refit = simulation.refit if "refit" in written else True
    stages = (*growing, *heats, replace(last, starts=1, keep=several))
    return replace(simulation, stages=stages, refit=refit, ensemble=several)


def _averaged(simulation: SimulationPlan, samples: int) -> int:
    """How many models are averaged."""
    if "ensemble" in simulation.written or samples >= FEW:
        return simulation.ensemble
    return min(FEW_STARTS, simulation.stages[0].keep) if "keep" in simulation.written else FEW_STARTS


def _heat(last: StagePlan, heat: Heat, written: Sequence[str]) -> StagePlan:
    train = replace(last.train, epochs=min(heat.epochs, last.train.epochs))
    samples = heat.samples if last.segments is None else min(last.segments, heat.samples)
    return replace(last, train=train, segments=samples, keep=last.keep if "keep" in written else heat.kept)


def with_the_smallest(ranked: Sequence[Candidate], kept: int, rank: Callable[[Candidate], float]) -> list[Candidate]:
    """Candidates, the best first; the smallest of those that are as good as the best is among the first `kept`."""
    near = [candidate for candidate in ranked if rank(candidate) <= SAME * rank(ranked[0])]
    return _among_the_first(ranked, kept, min(near, key=lambda candidate: candidate.size))


def with_a_tame_one(ranked: Sequence[Candidate], kept: int, tame: Callable[[Candidate], bool]) -> list[Candidate]:
    """Candidates, the best first; the best of the `tame` ones is among the first `kept`, where these are several: an
    average of models that may all run away is none."""
    best = next((candidate for candidate in ranked if tame(candidate)), None)
    return list(ranked) if best is None or kept < 2 else _among_the_first(ranked, kept, best)


def _among_the_first(ranked: Sequence[Candidate], kept: int, wanted: Candidate) -> list[Candidate]:
    """Candidates in their order; `wanted` is the last of the first `kept` where it would not be one of them."""
    if any(wanted is candidate for candidate in ranked[:kept]):
        return list(ranked)
    others = [candidate for candidate in ranked if candidate is not wanted]
    return [*others[: kept - 1], wanted, *others[kept - 1 :]]
