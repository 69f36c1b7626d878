"""The records of one part as tensors, laid end to end, so that one gather serves a batch from all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

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
    """`values` holds each signal of all records as one (steps, channels); `records` are views of it, in order."""

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
    values = {
        signal: _joined([torch.from_numpy(record.values[signal]) for record in records]).to(dtype)
        for signal, dtype in dtypes.items()
    }
    return _cut(values, records)


def mapped(tape: Tape, change: Callable[[str, Tensor], Tensor]) -> Tape:
    """The tape with every signal changed step by step, by `change(signal, values)`."""
    return _cut({signal: change(signal, data) for signal, data in tape.values.items()}, tape.records)


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
