"""What happens to a stack before and after a fit: units, start, prior of the states, what learns and what does not."""

from __future__ import annotations

import torch
from torch import nn

from sysidc.compiler.plan import StagePlan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.normalizer import Normalizer
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.correction import Correction
from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.nn.state import state_layers, step
from sysidc.runtime.solvers.hankel import Pair
from sysidc.runtime.solvers.simulation_problem import Records, SimulationProblem
from sysidc.runtime.training.linear_start import remember
from sysidc.runtime.training.starts import Starts

BLOCK = 20
"""Steps of past and future of a subspace estimate that the file does not ask for."""


def prepare(stack: nn.Module, part: SpecDataModule, normalizer: Normalizer, starts: Starts, index: int) -> str:
    """Put a new stack at the start of candidate `index`; returns what was done, in words."""
    if not isinstance(stack, Chain):
        return "random weights"
    _tell_units(stack, part, normalizer)
    return starts.begin(stack, records_of_part(part), index)


def begin(stack: nn.Module, data: SpecDataModule) -> str:
    """Put the stack of a training that races nothing at the start of its only candidate; in words."""
    simulation = data.plan.train.simulation
    assert simulation is not None, "only simulations have chains"
    block = BLOCK if simulation.init is None else simulation.init.arguments["block"]
    told = prepare(stack, data, data.normalizer, Starts(simulation.linear_start, block, data.plan.train.seed), 0)
    settle(stack, data, prior=True)
    return told


def _tell_units(stack: Chain, part: SpecDataModule, normalizer: Normalizer) -> None:
    """Layers that compute in the units of the data are told what the normalised signals stand for."""
    plan = part.plan
    inputs = [window.signal for window in plan.model.inputs if part.role(window.signal) == "input"]
    outputs = [window.signal for window in plan.model.outputs]
    for module in stack.modules():
        if isinstance(module, Equations):
            module.in_units_of(*normalizer.join(inputs), *normalizer.join(outputs))


def records_of_part(part: SpecDataModule) -> list[Records]:
    """The records of the training part as a chain runs over them, from their first to their last step."""
    plan = part.plan
    known = plan.model.chain.known if plan.model.chain is not None else 0
    inputs = [window.signal for window in plan.model.inputs if part.role(window.signal) == "input"]
    outputs = [window.signal for window in plan.model.outputs]
    dtype = getattr(torch, plan.model.dtype)
    records = []
    for record in part.train_records:
        u, y = (
            torch.cat([record.values[name] for name in names], dim=1)[None].to(dtype)
            if names
            else torch.zeros(1, len(record), 0, dtype=dtype)
            for names in (inputs, outputs)
        )
        records.append(Records(u, y[:, :known], y[:, known:], 0))
    return records


def pairs_of_part(part: SpecDataModule, most: int) -> list[Pair]:
    """u (time, inputs) and y (time, outputs) of the first `most` steps of each training record, float64."""
    pairs = []
    for item in records_of_part(part):
        measured = torch.cat([item.known, item.y], dim=1)
        u, y = (side[0, :most].double().numpy() for side in (item.u, measured))
        pairs.append((u, y))
    return pairs


def settle(stack: nn.Module, part: SpecDataModule, prior: bool) -> None:
    """Take the prior of a chain's start, and the units of corrections that are still zero, from what it simulates."""
    if not isinstance(stack, Chain) or not stack.states:
        return
    records = records_of_part(part)
    if prior and stack.initial == "estimate":
        remember(stack, records)
    standardise(stack, records)


def standardise(stack: Chain, records: list[Records]) -> None:
    fresh = [layer for layer in stack.modules() if isinstance(layer, Correction) and _is_zero(layer)]
    if not fresh:
        return
    SimulationProblem(stack, records, 1.0).squared_error()
    seen = [(item.states[:, :-1], item.u) for item in records if item.states is not None]
    if not seen:
        return
    x = torch.cat([states.flatten(0, 1) for states, _ in seen])
    u = torch.cat([inputs.flatten(0, 1) for _, inputs in seen])
    first = 0
    for module in stack:
        last = first + sum(layer.states for layer in state_layers(module))
        if isinstance(module, Correction) and module in fresh:
            module.standardise(x[:, first:last], u)
        with torch.no_grad():
            u = _outputs(module, x[:, first:last], u)
        first = last


def _outputs(module: nn.Module, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    return step(module, x, u)[1]


def _is_zero(correction: Correction) -> bool:
    last = list(correction.network.parameters())[-1]
    return bool((last == 0).all())


def trainable(stack: nn.Module, stage: StagePlan) -> None:
    """Let learn what a stage lets learn: corrections where it has them on, and no child that it freezes.

    What `@freeze` holds stays as it is in every stage.
    """
    for module in stack.modules():
        if isinstance(module, Correction):
            module.network.requires_grad_(stage.correction)
    for name in stage.freeze:
        stack.get_submodule(name).requires_grad_(False)
