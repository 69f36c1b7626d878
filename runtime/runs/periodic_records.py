"""Records whose input repeats itself: their periods are averaged, so that validation repeats no training input.

An average period closes on itself: what is known or washed out at the start of a part lies before it, and all of its
steps count. Of short periods little would be left otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from sysidc.compiler.plan import Plan
from sysidc.runtime.data.layouts import known_outputs
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.symptoms.period import repetition
from sysidc.runtime.data.tape import Tape, TensorRecord
from sysidc.runtime.training.second_order import WASHOUT

SHORTEST = 50
"""Steps that a period needs to be split."""

LONGEST = 1_000_000


@dataclass(frozen=True)
class Averaged:
    """Data whose records are averaged periods, split inside, the same without a split, and what was done in words."""

    data: SpecDataModule
    whole: SpecDataModule
    told: str


def averaged(data: SpecDataModule) -> Averaged | None:
    """The data with every record's periods averaged; None where a record has no two full periods.

    Of three or more periods the first one is left out: the transient of the start is in it.
    """
    if not data.validation_records or sum(data.tapes["train"].lengths) > LONGEST:
        return None
    inputs = [window.signal for window in data.plan.model.inputs if data.role(window.signal) == "input"]
    whole = data.unsplit()
    records = []
    for record in whole.train_records:
        period = _period(record, inputs)
        if period is None:
            return None
        records.append(_average(record, period))
    if not records:
        return None
    share = 1 - (data.plan.data.validation.share or 0.0)
    before = _steps_before(data.plan)
    train, validation, both = (
        _tape([_part(record, round(first * len(record)), round(last * len(record)), before) for record in records])
        for first, last in ((0.0, share), (share, 1.0), (0.0, 1.0))
    )
    split = copy(data)
    split.tapes = {**data.tapes, "train": train, "validation": validation}
    whole.tapes = {**whole.tapes, "train": both}
    return Averaged(split, whole, _told(records, share))


def _told(records: Sequence[TensorRecord], share: float) -> str:
    periods = " and ".join(sorted({f"{len(record):,}" for record in records}))
    return (
        f"the input repeats every {periods} steps: trained on {100 * share:.0f} % of the average period, "
        "validated on the rest of it, because a repetition of the training input would flatter the model"
    )


def _period(record: TensorRecord, inputs: Sequence[str]) -> int | None:
    """The period of a record's inputs, None where a split inside it would be too short."""
    if not inputs or len(record) > LONGEST:
        return None
    period = repetition(torch.cat([record.values[name] for name in inputs], dim=1).double().numpy())
    return period if period is not None and period >= SHORTEST and len(record) >= 2 * period else None


def _average(record: TensorRecord, period: int) -> TensorRecord:
    count = len(record) // period
    first = (len(record) - count * period) if count < 3 else len(record) - (count - 1) * period
    values = {
        name: data[first:].reshape(-1, period, data.shape[1]).mean(dim=0).clone()
        for name, data in record.values.items()
    }
    return TensorRecord(record.name, values, None, record.first + first)


def _steps_before(plan: Plan) -> Callable[[int], int]:
    """How many steps a part of so many has before it that count for no error: the known ones, or those washed out."""
    known, chain = known_outputs(plan), plan.model.chain
    washed = chain is not None and chain.initial == "washout"
    return lambda steps: known or (min(WASHOUT, steps // 3) if washed else 0)


def _part(record: TensorRecord, first: int, last: int, before: Callable[[int], int]) -> TensorRecord:
    """A part of a period behind the steps before it: before the first step of a period lies its last one."""
    steps = torch.arange(first - before(last - first), last) % len(record)
    values: dict[str, Tensor] = {name: data[steps] for name, data in record.values.items()}
    return TensorRecord(record.name, values, None, record.first + first)


def _tape(records: Sequence[TensorRecord]) -> Tape:
    names = records[0].values
    return Tape({name: torch.cat([record.values[name] for record in records]) for name in names}, tuple(records))
