"""Whether a training has stages or candidates, and which race these run."""

from __future__ import annotations

from sysidc.compiler.plan import Plan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs.epochs import Row
from sysidc.runtime.runs.fitting import Workplace
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.processes import is_shared
from sysidc.runtime.runs.race import Race
from sysidc.runtime.runs.stage_data import race_of
from sysidc.runtime.runs.structure_race import StructureRace
from sysidc.runtime.runs.structures import is_open


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
    kind = StructureRace if is_open(plan) else Race
    return kind(plan, data, place).run()
