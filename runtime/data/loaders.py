"""In which order windows are drawn: from a seed and the epoch alone, whatever the workers and the global state do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler

DRAWN_AT_ONCE = 1 << 20
"""So many indices are shuffled as a list; the order of more of them is computed piece by piece, in constant memory."""

PIECE = 1 << 15
ROUNDS = 6


class EpochOrder(Sampler[int]):
    """0 .. count - 1 in an order drawn from (seed, epoch). Each pass moves on by one epoch; Lightning may set it.

    `drop` indices are left out at the end.
    """

    def __init__(self, count: int, seed: int, drop: int = 0, epoch: int = 0):
        self.count, self.seed, self.drop, self.epoch = count, seed, drop, epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count - self.drop

    def __iter__(self) -> Iterator[int]:
        if self.count > DRAWN_AT_ONCE:
            yield from self._permuted()
            return
        # torch's generator reads 32 bits of its seed, so the two numbers are mixed rather than put side by side.
        mixed = np.random.SeedSequence((self.seed, self.epoch)).generate_state(1)
        generator = torch.Generator().manual_seed(int(mixed[0]))
        self.epoch += 1
        yield from torch.randperm(self.count, generator=generator)[: len(self)].tolist()

    def _permuted(self) -> Iterator[int]:
        keys = np.random.SeedSequence((self.seed, self.epoch)).generate_state(ROUNDS, np.uint64)
        self.epoch += 1
        for first in range(0, len(self), PIECE):
            yield from permuted(np.arange(first, min(first + PIECE, len(self))), self.count, keys).tolist()


def permuted(indices: npt.NDArray[Any], count: int, keys: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Where a permutation of 0 .. count - 1 takes the indices.

    A Feistel network over the two halves of an index's bits is a permutation whatever its rounds compute; indices that
    leave the range go round again until they are back in it. Source: Black and Rogaway, Ciphers with arbitrary finite
    domains (2002), method 3.
    """
    half = np.uint64(-(-(count - 1).bit_length() // 2))
    mask = (np.uint64(1) << half) - np.uint64(1)
    places = indices.astype(np.uint64)
    outside = np.ones(len(places), dtype=bool)
    while outside.any():
        left, right = places[outside] >> half, places[outside] & mask
        for key in keys:
            mixed = (right + key) * np.uint64(0x9E3779B97F4A7C15)
            left, right = right, left ^ ((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(11)) & mask
        places[outside] = (left << half) | right
        outside = places >= np.uint64(count)
    return places.astype(np.int64)


class RankShare(Sampler[list[int]]):
    """Of each batch, which all processes draw alike, the windows of process `rank` of `world`.

    Every process gets equally many, so that the mean over the processes is the mean over the batch: up to world - 1
    windows of an uneven batch are left out, and a last batch of which each process would get a single one. `counts` are
    the windows that fill batches of `batch_size` together.
    """

    def __init__(self, batches: Sampler[list[int]], counts: Sequence[int], batch_size: int, rank: int, world: int):
        self.batches, self.counts, self.batch_size, self.rank, self.world = batches, counts, batch_size, rank, world

    @property
    def sampler(self) -> Any:
        """The order, for whoever sets its epoch."""
        return self.batches.sampler  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return sum(count // self.batch_size + self._serves(count % self.batch_size) for count in self.counts)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches:
            if self._serves(len(batch)):
                yield batch[self.rank : len(batch) - len(batch) % self.world : self.world]

    def _serves(self, windows: int) -> bool:
        each = windows // self.world
        return each > 1 or (each == 1 and self.batch_size == self.world)


class EqualLengths(Sampler[list[int]]):
    """Batches of records of one length, in the order of `sampler`."""

    def __init__(self, sampler: Sampler[int] | Sequence[int], batch_size: int, lengths: Sequence[int]):
        self.sampler, self.batch_size, self.lengths = sampler, batch_size, lengths

    @property
    def counts(self) -> list[int]:
        """Records of each length."""
        return [self.lengths.count(length) for length in set(self.lengths)]

    def __len__(self) -> int:
        return sum(-(-count // self.batch_size) for count in self.counts)

    def __iter__(self) -> Iterator[list[int]]:
        waiting: dict[int, list[int]] = defaultdict(list)
        for index in self.sampler:
            batch = waiting[self.lengths[index]]
            batch.append(index)
            if len(batch) == self.batch_size:
                yield waiting.pop(self.lengths[index])
        yield from waiting.values()


def lone_sample(count: int, batch_size: int) -> int:
    """1 where the last of several batches would hold a single sample, which layers like BatchNorm1d refuse, else 0."""
    return int(count > 1 and batch_size > 1 and count % batch_size == 1)


def training_loader(
    dataset: Dataset[Any],
    count: int,
    batch_size: int,
    seed: int,
    epoch: int = 0,
    n_workers: int = 0,
    batches_at_once: int = 1,
    processes: tuple[int, int] = (0, 1),
) -> DataLoader[Any]:
    """All windows in a new order each epoch, a last batch of one sample left out.

    `batches_at_once` neighbouring batches are handed out together, for a module that takes them apart by itself. Of
    several `processes` (rank, world) each gets `batch_size` windows of a batch of all.
    """
    rank, world = processes
    if world == 1:
        order = EpochOrder(count, seed, lone_sample(count, batch_size), epoch)
        return shuffled_loader(dataset, order, batch_size * batches_at_once, n_workers)
    shared = BatchSampler(EpochOrder(count, seed, epoch=epoch), batch_size * world, drop_last=False)
    return batched(dataset, RankShare(shared, [count], batch_size * world, rank, world), n_workers)


def shuffled_loader(dataset: Dataset[Any], order: EpochOrder, batch_size: int, n_workers: int = 0) -> DataLoader[Any]:
    """The windows in the order given, which moves on by itself."""
    return batched(dataset, BatchSampler(order, batch_size, drop_last=False), n_workers)


def ordered_loader(
    dataset: Dataset[Any], count: int, batch_size: int, n_workers: int = 0, processes: tuple[int, int] = (0, 1)
) -> DataLoader[Any]:
    """All windows as they lie in time; of several `processes` (rank, world) each gets a stretch of them."""
    rank, world = processes
    shares = world if count >= world else 1  # where there are fewer windows than processes, each gets them all
    stretch = range(count * rank // shares, count * (rank + 1) // shares) if shares > 1 else range(count)
    return batched(dataset, BatchSampler(stretch, batch_size, drop_last=False), n_workers)


def batched(dataset: Dataset[Any], batches: Sampler[list[int]], n_workers: int = 0) -> DataLoader[Any]:
    """A loader of whole batches made by the dataset's `__getitems__`.

    It has a generator of its own: DataLoader would else draw the workers' seed from the global one.
    """
    return DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=as_it_is,
        num_workers=n_workers,
        generator=torch.Generator().manual_seed(0),
    )


def as_one(batches: list[Any]) -> DataLoader[Any]:
    """A loader that hands out all batches together, once an epoch."""
    return DataLoader([batches], batch_size=None, collate_fn=as_it_is)  # type: ignore[arg-type]


def as_it_is(batch: Any) -> Any:
    """The collate of datasets that hand out whole batches."""
    return batch
