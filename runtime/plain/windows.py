"""Windows of records, the order in which they are drawn, and the loaders that Lightning reads.

A window of a signal is (signal, first, last), steps counted from k, the last one whose output is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from sysidc.runtime.plain.series import Record

Window: TypeAlias = tuple[str, int, int]


class Windows(Dataset[tuple[Tensor, ...]]):
    """(x, y), or (x, y, u) with `future` inputs: whole batches at once, no window crossing two records.

    x (batch, time, channels) holds the `inputs` side by side, 0 outside a signal's own window; y (batch, M, channels)
    the `outputs` at k+1 .. k+M. Windows lie `stride` steps apart.
    """

    def __init__(
        self,
        records: Sequence[Record],
        inputs: Sequence[Window],
        outputs: Sequence[Window],
        stride: int = 1,
        future: Sequence[Window] = (),
    ) -> None:
        self.inputs, self.outputs, self.future = inputs, outputs, future
        self.values = {name: torch.cat([record[name] for record in records]) for name in records[0]}
        self.first = min(first for _, first, _ in inputs)
        self.last = max(last for _, _, last in inputs)
        known = max(0, 1 - self.first)
        ahead = max(self.last, *(last for _, _, last in outputs))
        anchors, offset = [], 0
        for record in records:
            length = len(next(iter(record.values())))
            anchors.append(torch.arange(offset + known, offset + length - ahead + 1, stride))
            offset += length
        self.anchors = torch.cat(anchors)

    def __len__(self) -> int:
        return len(self.anchors)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(tensor[0] for tensor in self.__getitems__([index]))

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, ...]:
        anchors = self.anchors[torch.as_tensor(indices)]
        x = stacked([self.padded(window, anchors) for window in self.inputs])
        y = stacked([self.gathered(window, anchors) for window in self.outputs])
        if not self.future:
            return x, y
        return x, y, stacked([self.gathered(window, anchors) for window in self.future])

    def gathered(self, window: Window, anchors: Tensor) -> Tensor:
        """A signal's own window, (batch, steps, channels); an anchor is the index of step k+1."""
        name, first, last = window
        return self.values[name][anchors[:, None] - 1 + torch.arange(first, last + 1)]

    def padded(self, window: Window, anchors: Tensor) -> Tensor:
        """The same with zeros up to the whole window."""
        _, first, last = window
        own = self.gathered(window, anchors)
        return torch.nn.functional.pad(own, (0, 0, first - self.first, self.last - last))


class WholeRecords(Dataset[tuple[Tensor, ...]]):
    """(x, y), one window per record: x (steps, channels) holds the inputs at every step and the outputs in `known` in
    their so many known steps, 0 elsewhere; y (M, channels) everything after these."""

    def __init__(
        self, records: Sequence[Record], inputs: Sequence[str], outputs: Sequence[str], known: dict[str, int]
    ) -> None:
        self.records, self.inputs, self.outputs, self.known = records, inputs, outputs, known
        self.first = max(known.values(), default=0)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        record = self.records[index]
        x = [shown(record[name], self.first, self.known.get(name)) for name in self.inputs]
        y = [record[name][self.first :] for name in self.outputs]
        return stacked(x), stacked(y)


def shown(values: Tensor, first: int, known: int | None) -> Tensor:
    """An input as it is; an output only in its `known` steps before step `first`."""
    if known is None:
        return values
    seen = torch.zeros_like(values)
    seen[first - known : first] = values[first - known : first]
    return seen


def stacked(parts: Sequence[Tensor]) -> Tensor:
    """Joined along channels, promoted as torch promotes."""
    dtype = parts[0].dtype
    for part in parts[1:]:
        dtype = torch.promote_types(dtype, part.dtype)
    return torch.cat([part.to(dtype) for part in parts], dim=-1)


class ShuffledBatches(Sampler[list[int]]):
    """Batches of indices in an order that follows from the seed and the epoch alone.

    A last batch of one sample is left out: layers like BatchNorm refuse it.
    """

    def __init__(self, count: int, batch_size: int, seed: int, epoch: int = 0) -> None:
        alone = count > 1 and batch_size > 1 and count % batch_size == 1
        self.count, self.kept, self.batch_size = count, count - alone, batch_size
        self.seed, self.epoch = seed, epoch

    def __len__(self) -> int:
        return math.ceil(self.kept / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        mixed = np.random.SeedSequence((self.seed, self.epoch)).generate_state(1)
        self.epoch += 1
        order = torch.randperm(self.count, generator=torch.Generator().manual_seed(int(mixed[0])))
        for batch in torch.split(order[: self.kept], self.batch_size):
            yield batch.tolist()


class EqualLengths(Sampler[list[int]]):
    """Batches of records of one length, in an order that follows from the seed and the epoch alone, or as they come."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int | None = None) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.arange(len(self.lengths))
        if self.seed is not None:
            mixed = np.random.SeedSequence((self.seed, self.epoch)).generate_state(1)
            order = torch.randperm(len(order), generator=torch.Generator().manual_seed(int(mixed[0])))
        self.epoch += 1
        waiting: dict[int, list[int]] = {}
        for index in order.tolist():
            batch = waiting.setdefault(self.lengths[index], [])
            batch.append(index)
            if len(batch) == self.batch_size:
                yield waiting.pop(self.lengths[index])
        yield from waiting.values()

    def __len__(self) -> int:
        counts = [self.lengths.count(length) for length in set(self.lengths)]
        return sum(math.ceil(count / self.batch_size) for count in counts)


def by_length(dataset: WholeRecords, batch_size: int, seed: int | None = None) -> DataLoader[Any]:
    """A loader of whole records; with a seed in a new order each epoch."""
    lengths = [len(next(iter(record.values()))) for record in dataset.records]
    return DataLoader(dataset, batch_sampler=EqualLengths(lengths, batch_size, seed), generator=torch.Generator())


def shuffled(dataset: Windows, batch_size: int, seed: int, epoch: int = 0) -> DataLoader[Any]:
    """The training loader: all windows, in a new order each epoch."""
    batches = ShuffledBatches(len(dataset), batch_size, seed, epoch)
    return DataLoader(dataset, batch_sampler=batches, collate_fn=as_it_is, generator=torch.Generator())


def in_order(dataset: Windows, batch_size: int) -> DataLoader[Any]:
    """The validation loader: all windows as they lie in time."""
    return DataLoader(dataset, batch_size, collate_fn=as_it_is, generator=torch.Generator())


def as_it_is(batch: Any) -> Any:
    """The data sets hand out whole batches."""
    return batch
