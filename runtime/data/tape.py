"""The records of one part as tensors, laid end to end, so that one gather serves a batch from all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sysidc.runtime.data.mapped import MappedSignal, joined
from sysidc.runtime.data.record import Array, Record


@dataclass(frozen=True)
class TensorRecord:
    """A record as the network sees it: `values` holds each signal as (steps, channels). `first` is the row of the
    source at step 0, `time` the seconds of the steps where they were read."""

    name: str
    values: Mapping[str, Tensor]
    time: Array | None = None
    first: int = 0

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))


@dataclass(frozen=True)
class Tape:
    """`values` holds each signal of all records as one (steps, channels); `records` are views of it, in order.

    Where a signal lies on disk it is a MappedSignal, which is sliced like a tensor and read by `windows.gather`.
    """

    values: Mapping[str, Tensor]
    records: tuple[TensorRecord, ...]

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(len(record) for record in self.records)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each record begins."""
        return tuple(accumulate(self.lengths, initial=0))[:-1]


def lay(records: Sequence[Record], dtypes: Mapping[str, torch.dtype]) -> Tape:
    """The records in the given dtypes. One record of the right dtype is not copied."""
    values = {signal: _laid([record.values[signal] for record in records], dtype) for signal, dtype in dtypes.items()}
    return _cut(values, records)


def mapped(tape: Tape, change: Callable[[str, Tensor], Tensor]) -> Tape:
    """The tape with every signal changed step by step, `change(signal, values)`: on disk when it is read."""
    return _cut({signal: _changed(signal, data, change) for signal, data in tape.values.items()}, tape.records)


def in_memory(tape: Tape) -> Tape:
    """The tape with every signal read."""
    held: Mapping[str, Any] = tape.values
    values = {signal: data.tensor() if isinstance(data, MappedSignal) else data for signal, data in held.items()}
    return _cut(values, tape.records)


def _changed(signal: str, data: Any, change: Callable[[str, Tensor], Tensor]) -> Any:
    return data.changed(partial(change, signal)) if isinstance(data, MappedSignal) else change(signal, data)


def _laid(arrays: Sequence[Any], dtype: torch.dtype) -> Any:
    """Arrays of a signal end to end: a tensor, or a mapped signal where all of them lie on disk."""
    if all(isinstance(array, MappedSignal) for array in arrays):
        return joined(arrays)
    return _joined([torch.from_numpy(np.asarray(array)) for array in arrays]).to(dtype)


def first_samples(tape: Tape, samples: int) -> Tape:
    """The first so many samples of a tape: whole records, and the first part of the one that they end in."""
    kept: list[TensorRecord] = []
    left = samples
    for record in tape.records:
        if left > 0:
            values = {signal: data[:left] for signal, data in record.values.items()}
            kept.append(TensorRecord(record.name, values, record.time, record.first))
            left -= len(kept[-1])
    return _cut({signal: data[:samples] for signal, data in tape.values.items()}, kept)


def joined_records(records: Sequence[TensorRecord]) -> Tape:
    """Records in memory laid end to end."""
    names = records[0].values
    return _cut({name: torch.cat([record.values[name] for record in records]) for name in names}, records)


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _cut(values: Mapping[str, Tensor], records: Sequence[Record | TensorRecord]) -> Tape:
    ends = list(accumulate(len(record) for record in records))
    views = tuple(
        TensorRecord(
            record.name,
            {signal: data[end - len(record) : end] for signal, data in values.items()},
            record.time,
            record.first,
        )
        for record, end in zip(records, ends, strict=True)
    )
    return Tape(values, views)
