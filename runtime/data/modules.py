"""The data of a compiled spec as Lightning sees it: records, split, scale, windows and the order they come in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from sysidc.compiler.lower import is_second_order
from sysidc.compiler.plan import Plan, SplitPlan
from sysidc.runtime.data import mistakes
from sysidc.runtime.data.layouts import at_horizon, future_inputs, spans_record, window_layout
from sysidc.runtime.data.loaders import (
    EpochOrder,
    EqualLengths,
    RankShare,
    as_one,
    batched,
    lone_sample,
    ordered_loader,
    training_loader,
)
from sysidc.runtime.data.normalizer import Normalizer
from sysidc.runtime.data.prepare import header_signals, prepare
from sysidc.runtime.data.record import Record
from sysidc.runtime.data.tape import Tape, TensorRecord, first_samples, in_memory, lay, mapped
from sysidc.runtime.data.windows import Batch, RecordDataset, WindowDataset

MOST_AT_ONCE = 32  # batches; more save nothing and keep Ctrl-C and the time limit waiting
MOST_ELEMENTS = 1 << 22  # numbers in the windows handed out together

Split: TypeAlias = Literal["train", "validation", "test"]


class SpecDataModule(LightningDataModule):
    """Loads, splits and normalises the data of a Plan; hands out windows as batches.

    Batches are (x, y), in prediction mode with input signals (x, y, u): x (batch, T, channels) the stack's input,
    y (batch, M, outputs), u (batch, M - 1, inputs), all normalised. `train_records`, `validation_records` and
    `test_records` are normalised tensors. `n_forward_time_steps` is the training horizon of prediction mode; setting
    it takes effect with the next training loader. With `several` a training batch holds the windows of as many
    optimiser steps as are cheap to hand out together. Raises DataError.
    """

    def __init__(self, plan: Plan, n_workers: int = 0, normalizer: Normalizer | None = None, several: bool = False):
        super().__init__()
        self.plan, self.n_workers, self.several = plan, n_workers, several
        parts = prepare(plan)
        train, validation, test = (
            tape_of(plan, records, stays_on_disk(plan)) for records in (parts.train, parts.validation, parts.test)
        )
        self.normalizer = Normalizer.fit(train.values, plan.data.normalize) if normalizer is None else normalizer
        self.tapes: dict[str, Tape] = {
            "train": mapped(train, self.normalizer.encode),
            "validation": mapped(validation, self.normalizer.encode),
            "test": mapped(test, self.normalizer.encode),
        }
        prediction = plan.train.prediction
        self.n_forward_time_steps = 0 if prediction is None else prediction.horizon
        self._passed = 0

    def go_on(self, epoch: int, horizon: int) -> None:
        """The next training loader is that of `epoch`, counted from 0, with the horizon that it had before."""
        self._passed = epoch
        self.n_forward_time_steps = horizon

    @property
    def train_records(self) -> tuple[TensorRecord, ...]:
        return self.tapes["train"].records

    @property
    def validation_records(self) -> tuple[TensorRecord, ...]:
        return self.tapes["validation"].records

    @property
    def test_records(self) -> tuple[TensorRecord, ...]:
        return self.tapes["test"].records

    def windows(self, split: Split) -> int:
        """How many windows the loader of a part gives."""
        return len(self.dataset(split)) if self.tapes[split].records else 0

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one training epoch, at the present horizon."""
        if is_second_order(self.plan):
            return 1
        dataset, size = self.dataset("train"), self.plan.train.batch_size
        if isinstance(dataset, RecordDataset) or self.processes[1] > 1:
            return len(self._training_loader(epoch=0))
        return -(-(len(dataset) - lone_sample(len(dataset), size)) // size)

    @property
    def processes(self) -> tuple[int, int]:
        """(rank, world): which of the processes that share the training this is, and how many they are."""
        trainer = self.trainer
        if trainer is not None:
            return trainer.global_rank, trainer.world_size
        devices, nodes = self.plan.train.devices, self.plan.train.num_nodes
        return 0, devices * nodes if isinstance(devices, int) else nodes

    @property
    def batches_at_once(self) -> int:
        """How many optimiser steps a training batch serves: fewer where windows are long or rolled out far."""
        if not self.several or spans_record(self.plan):
            return 1
        layout = window_layout(self.plan)
        elements = self.plan.train.batch_size * (layout.steps + self.n_forward_time_steps) * len(layout.inputs)
        return max(1, min(MOST_AT_ONCE // max(1, self.n_forward_time_steps), MOST_ELEMENTS // elements))

    def train_dataloader(self) -> DataLoader[Any]:
        """Every window once, shuffled by the plan's seed and the epoch; for second-order training all of them as one
        list of batches."""
        if is_second_order(self.plan):
            return as_one(self.whole())
        loader = self._training_loader(self._passed)
        self._passed += 1
        return loader

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        return self._ordered_loader("validation")

    def test_dataloader(self) -> DataLoader[Any] | list[Any]:
        return self._ordered_loader("test")

    def whole(self) -> list[Batch]:
        """The training part, of several processes the stretch that belongs to this one, in batches of windows of one
        length; for a stack with states laid end to end."""
        dataset = self.dataset("train")
        rank, world = self.processes
        if world > max(1, len(dataset)):
            raise mistakes.too_few_records(len(dataset), world)
        mine = range(len(dataset) * rank // world, len(dataset) * (rank + 1) // world)
        batches: Iterable[Sequence[int]] = [mine]
        if isinstance(dataset, RecordDataset):
            batches = EqualLengths(mine, len(mine), dataset.lengths)
        return [dataset.__getitems__(batch) for batch in batches]

    def role(self, signal: str) -> str:
        """ "input" or "output"."""
        return next(item.role for item in self.plan.signals if item.name == signal)

    def unsplit(self) -> SpecDataModule:
        """The same data with the validation part joined to the training part, whole records as they were."""
        joined = copy(self)
        data = self.plan.data
        whole = replace(data, train=data.train + data.validation.sources, validation=SplitPlan())
        parts = prepare(replace(self.plan, data=whole))
        train = mapped(tape_of(self.plan, parts.train), self.normalizer.encode)
        joined.tapes = {**self.tapes, "train": train, "validation": Tape({}, ())}
        return joined

    def segment(self, samples: int | None) -> SpecDataModule:
        """The same data with the first so many samples of the training part, all of them for None."""
        shorter = copy(self)
        if samples is not None:
            shorter.tapes = {**self.tapes, "train": first_samples(self.tapes["train"], samples)}
        return shorter

    def dataset(self, split: Split) -> WindowDataset | RecordDataset:
        """The windows of a part: at every step in training; laid end to end else, in prediction mode a quarter of the
        horizon apart. Raises DataError where the training horizon outgrew a record."""
        tape = self.tapes[split]
        if spans_record(self.plan):
            return RecordDataset(tape, lambda length: window_layout(self.plan, length))
        layout = window_layout(self.plan)
        prediction = self.plan.train.prediction
        if prediction is None:
            every = split == "train" and not (is_second_order(self.plan) and self.plan.model.chain)
            return WindowDataset(tape, layout, stride=1 if every else layout.horizon)
        horizon = self.n_forward_time_steps if split == "train" else prediction.validation_horizon
        layout = at_horizon(layout, horizon)
        for record in tape.records:
            if split == "train" and len(record) < layout.span:
                raise mistakes.horizon_too_long(horizon, record.name, layout.span, len(record))
        stride = 1 if split == "train" else max(1, horizon // 4)
        return WindowDataset(tape, layout, stride, future_inputs(layout, horizon))

    def _training_loader(self, epoch: int) -> DataLoader[Any]:
        dataset, train = self.dataset("train"), self.plan.train
        if isinstance(dataset, RecordDataset):
            return batched(dataset, self._whole_records(dataset, epoch), self.n_workers)
        if self.trainer is not None and self.trainer.strategy.root_device.type == "cuda" and not self.n_workers:
            dataset = dataset.on(self.trainer.strategy.root_device)
        size, count = train.batch_size, len(dataset)
        at_once = self.batches_at_once
        return training_loader(dataset, count, size, train.seed, epoch, self.n_workers, at_once, self.processes)

    def _whole_records(self, dataset: RecordDataset, epoch: int) -> EqualLengths | RankShare:
        order = EpochOrder(len(dataset), self.plan.train.seed, epoch=epoch)
        rank, world = self.processes
        size = self.plan.train.batch_size * world
        batches = EqualLengths(order, size, dataset.lengths)
        if world == 1:
            return batches
        share = RankShare(batches, batches.counts, size, rank, world)
        if not len(share):
            raise mistakes.too_few_records(len(dataset), world)
        return share

    def _ordered_loader(self, split: Split) -> DataLoader[Any] | list[Any]:
        if not self.tapes[split].records:
            return []
        dataset, size = self.dataset(split), self.plan.train.batch_size
        if isinstance(dataset, RecordDataset):
            batches = EqualLengths(range(len(dataset)), size, dataset.lengths)
            return batched(dataset, batches, self.n_workers)
        return ordered_loader(dataset, len(dataset), size, self.n_workers, self.processes)


def tape_of(plan: Plan, records: list[Record], on_disk: bool = False) -> Tape:
    """The records as tensors in the dtypes of the plan, in the units of the data; with `on_disk` those that lie there
    are left there."""
    if not records:
        return Tape({}, ())
    tape = lay(records, {signal.name: getattr(torch, signal.dtype) for signal in header_signals(plan)})
    return tape if on_disk else in_memory(tape)


def stays_on_disk(plan: Plan) -> bool:
    """Whether the training reads its records window by window, and not as a whole."""
    return plan.train.mode != "bounded" and plan.model.chain is None and not is_second_order(plan)
