"""What a training tells of its parameters: values, standard errors, what the data leave open, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from sysidc.compiler.lower import is_second_order
from sysidc.compiler.values import number
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.nn.one_step_ahead import has_innovations
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.fitting import Workplace
from sysidc.runtime.runs.folder import PARAMETERS, UNCERTAINTY, write_json
from sysidc.runtime.runs.uncertainty import sentence
from sysidc.runtime.solvers.simulation_band import half_widths
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from sysidc.runtime.solvers.standard_errors import Knowledge, knowledge
from sysidc.runtime.solvers.stiffness import stiffness
from sysidc.runtime.training.preparation import records_of_part
from sysidc.runtime.training.second_order import settled

MOST_PARAMETERS = 500
"""Of a model whose every parameter is told."""
BAND_SAMPLES = 20_000
"""First samples of each record that the band is taken from."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Learned:
    """What the data tell of the parameters, rows {split, record, signal, half_width}, which is the mean standard
    deviation of the simulated outputs in the units of the data, and what to write where a solver cannot follow."""

    told: Knowledge
    bands: tuple[Row, ...]
    hints: tuple[str, ...]


def tell_numbers(stack: nn.Module, part: SpecDataModule, place: Workplace) -> None:
    """What is known of a model's parameters, into the run's folder; the numbers of equations are also said."""
    require_finite(stack, part)
    told = learned_numbers(stack, part)
    if told is None:
        return
    write_learned(place.folder, told)
    for line in lines_of(told):
        place.say(line)


def learned_numbers(stack: nn.Module, part: SpecDataModule) -> Learned | None:
    """What the records of the training part tell of a stack's parameters.

    None where they are many, where neither equations nor second-order training make their errors known, where the model
    is trained one step ahead, and where the simulation leaves the finite numbers.
    """
    if not isinstance(stack, Chain) or not _is_told(stack, part):
        return None
    problem = settled(SimulationProblem(stack, records_of_part(part), 1.0), stack)
    if not problem.squared_error() < float("inf"):
        return None
    assert isinstance(problem, SimulationProblem)
    told = knowledge(problem)
    hints = stiffness(stack, problem.records)
    return Learned(told, tuple(_bands(stack, part, told)), tuple(hints))


def require_finite(stack: nn.Module, part: SpecDataModule) -> None:
    """Raises RunError where even the best candidate's equations leave the finite numbers on the training part."""
    if not isinstance(stack, Chain) or not any(isinstance(layer, Equations) for layer in stack.modules()):
        return
    records = records_of_part(part)
    if not SimulationProblem(stack, records, 1.0).squared_error() < float("inf"):
        raise mistakes.equations_diverged(stiffness(stack, records))


def _is_told(stack: Chain, part: SpecDataModule) -> bool:
    learns = [value for value in stack.parameters() if value.requires_grad]
    if not learns or has_innovations(stack) or sum(value.numel() for value in learns) > MOST_PARAMETERS:
        return False
    return is_second_order(part.plan) or any(isinstance(layer, Equations) for layer in stack.modules())


def _bands(stack: Chain, part: SpecDataModule, told: Knowledge) -> Iterator[Row]:
    plan = part.plan
    signals = [plan.signal(window.signal) for window in plan.model.outputs]
    columns = [column for signal in signals for column in signal.columns]
    scale = part.normalizer.join([signal.name for signal in signals])[1].tolist()
    for split in ("train", "test"):
        look = copy(part)
        look.tapes = {**part.tapes, "train": part.tapes[split]}
        for record, item in zip(look.train_records, records_of_part(look), strict=True):
            item = _begun(item)
            if item.u.shape[1] <= stack.known:
                continue
            widths = half_widths(SimulationProblem(stack, [item], 1.0), item, told.root).mean(dim=(0, 1))
            for column, width, unit in zip(columns, widths.tolist(), scale, strict=True):
                yield {"split": split, "record": record.name, "signal": column, "half_width": width * unit}


def _begun(item: Records) -> Records:
    """The first samples of a record."""
    end = BAND_SAMPLES - (item.u.shape[1] - item.y.shape[1])
    return replace(item, u=item.u[:, :BAND_SAMPLES], y=item.y[:, : max(0, end)])


def write_learned(folder: Path, learned: Learned) -> None:
    """`parameters.json` and `uncertainty.json` of a run folder."""
    told = learned.told
    write_json(
        folder / PARAMETERS, [{"name": e.name, "value": e.value, "standard_error": e.error} for e in told.estimates]
    )
    groups = zip(told.undetermined, told.directions, told.forms, strict=True)
    undetermined = [{"names": list(names), "directions": count, "form": form} for names, count, form in groups]
    write_json(folder / UNCERTAINTY, {"undetermined": undetermined, "band": list(learned.bands)})


def lines_of(learned: Learned) -> list[str]:
    """One line for each number of equations, and one for each group of them that the data do not tell apart."""
    estimates = [estimate for estimate in learned.told.estimates if estimate.equation]
    width = max((len(estimate.name) for estimate in estimates), default=0)
    lines = [f"  {estimate.name:<{width}} = {number(estimate.value)} +- {estimate.error:.2g}" for estimate in estimates]
    named = {estimate.name for estimate in estimates}
    groups = zip(learned.told.undetermined, learned.told.directions, learned.told.forms, strict=True)
    lines += [f"  {sentence(group, count, form)}" for group, count, form in groups if named.intersection(group)]
    return lines + [f"  {hint}" for hint in learned.hints]
