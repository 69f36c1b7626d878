"""Candidates raced at a reduced rate: a thinned-out record, longer steps of equations, and whether that was allowed."""

from __future__ import annotations

from copy import copy

import torch
from torch import Tensor, nn

from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.tape import Tape, TensorRecord, joined_records
from sysidc.runtime.nn.equations import Equations

APART = 1.5
"""Errors at the two rates that differ by more than this factor are not of the same model."""
FEWEST = 10
"""Samples that a thinned-out record must have for each known step."""


def at_every(part: SpecDataModule, count: int) -> SpecDataModule:
    """The same data with every `count`-th sample of the training and the validation part, inputs as their means from
    there to the next: held inputs move the states by these, up to the curvature of the equations."""
    if count == 1:
        return part
    thinned = copy(part)
    tapes = {split: _thinned(part, part.tapes[split], count) for split in ("train", "validation")}
    thinned.tapes = {**part.tapes, **tapes}
    return thinned


def is_long_enough(part: SpecDataModule, count: int) -> bool:
    """Whether every record keeps enough samples to tell its start and more."""
    chain = part.plan.model.chain
    least = FEWEST * (1 + (chain.known if chain is not None else 0))
    return all(length // count >= least for length in part.tapes["train"].lengths)


def step_over(stack: nn.Module, count: int) -> None:
    """Let equations step from every `count`-th sample to the next."""
    for layer in stack.modules():
        if isinstance(layer, Equations):
            layer.step_over(count)


def agree(reduced: float, full: float) -> bool:
    """Whether the error at the reduced rate is that at the full rate, which the same numbers make."""
    return reduced / APART <= full <= APART * reduced


def _thinned(part: SpecDataModule, tape: Tape, count: int) -> Tape:
    records = []
    for record in tape.records:
        whole = len(record) // count * count
        values = {
            name: _means(data[:whole], count) if part.role(name) == "input" else data[:whole:count]
            for name, data in record.values.items()
        }
        times = None if record.time is None else record.time[:whole:count]
        records.append(TensorRecord(record.name, values, times, record.first))
    return joined_records(records) if records else tape


def _means(values: Tensor, count: int) -> Tensor:
    floating = values if values.is_floating_point() else values.to(torch.get_default_dtype())
    return floating.reshape(-1, count, values.shape[1]).mean(dim=1)
