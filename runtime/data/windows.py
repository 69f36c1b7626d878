"""Windows of records without copying the records: index arithmetic, strided views, and one gather per batch.

A window is told by its anchor: the index of the first step that is predicted, k+1 in the header's terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import accumulate
from typing import TypeAlias

import torch
from torch import Tensor
from torch.utils.data import Dataset

from sysidc.compiler.windows import Layout, Placed
from sysidc.runtime.data.mapped import MappedSignal
from sysidc.runtime.data.tape import Tape

Batch: TypeAlias = tuple[Tensor, ...]


class Anchors:
    """The anchors of all windows of several records: per record `counts[r]` of them, `stride` apart, from
    `firsts[r]` on."""

    def __init__(self, firsts: Sequence[int], counts: Sequence[int], stride: int = 1):
        self.firsts = torch.tensor(firsts)
        self.ends = torch.tensor(list(accumulate(counts)))
        self.starts = self.ends - torch.tensor(counts)
        self.stride = stride
        self.total = sum(counts)

    def __len__(self) -> int:
        return self.total

    def at(self, indices: Tensor) -> Tensor:
        """indices (batch,) counted over all records -> anchors (batch,)."""
        if len(self.firsts) == 1:
            return self.firsts[0] + indices * self.stride
        record = torch.bucketize(indices, self.ends, right=True)
        return self.firsts[record] + (indices - self.starts[record]) * self.stride


def anchors_of(lengths: Sequence[int], layout: Layout, stride: int = 1) -> Anchors:
    """The windows of records that lie end to end, none of which crosses a border."""
    offsets = list(accumulate(lengths, initial=0))[:-1]
    counts = [window_count(length, layout, stride) for length in lengths]
    return Anchors([offset + layout.known for offset in offsets], counts, stride)


def window_count(length: int, layout: Layout, stride: int = 1) -> int:
    """How many windows, `stride` apart from the first that fits, a record of `length` steps holds."""
    return 0 if length < layout.span else (length - layout.span) // stride + 1


def end_to_end(length: int, layout: Layout) -> Iterator[tuple[int, int]]:
    """(anchor, skip) of windows that predict every step of a record exactly once.

    The last window ends with the record; its first `skip` output steps were predicted by the one before.
    """
    anchor = layout.known
    while anchor + layout.horizon <= length:
        yield anchor, 0
        anchor += layout.horizon
    last = length - layout.horizon
    if layout.known <= last < anchor < length:
        yield last, anchor - last


class WindowDataset(Dataset[Batch]):
    """Windows of one length: (x, y) or, with `future` input windows, (x, y, u).

    x (batch, T, channels) is the stack's input, y (batch, M, channels) the output window. `__getitems__` gives a whole
    batch at once; use it with a collate that changes nothing.
    """

    def __init__(self, tape: Tape, layout: Layout, stride: int = 1, future: tuple[Placed, ...] = ()):
        self.values, self.layout, self.future = tape.values, layout, future
        self.anchors = anchors_of(tape.lengths, layout, stride)

    def on(self, device: torch.device) -> WindowDataset:
        """The same windows of signals that live on a device, gathered there; signals on disk stay where they are."""
        if not any(isinstance(data, MappedSignal) for data in self.values.values()):
            self.values = {signal: data.to(device) for signal, data in self.values.items()}
        return self

    def __len__(self) -> int:
        return len(self.anchors)

    def __getitem__(self, index: int) -> Batch:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return tuple(tensor[0] for tensor in self.__getitems__([index % len(self)]))

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        anchors = self.anchors.at(torch.as_tensor(indices))
        return windows_at(self.values, self.layout, anchors, self.future)


class RecordDataset(Dataset[Batch]):
    """One window per record: (x, y) with T and M as long as the record allows.

    `layout_of(length)` places the windows. A batch holds records of one length.
    """

    def __init__(self, tape: Tape, layout_of: Callable[[int], Layout]):
        self.values, self.layout_of = tape.values, layout_of
        self.lengths, self.offsets = tape.lengths, tape.offsets

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> Batch:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return tuple(tensor[0] for tensor in self.__getitems__([index % len(self)]))

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        length = self.lengths[indices[0]]
        assert all(self.lengths[index] == length for index in indices), "records of several lengths in one batch"
        layout = self.layout_of(length)
        anchors = torch.tensor([self.offsets[index] + layout.known for index in indices])
        return windows_at(self.values, layout, anchors)


class GatherDataset(Dataset[list[Tensor]]):
    """Any windows of any signals of one record: a list of (batch, steps, channels), one for each of `windows`."""

    def __init__(self, values: Mapping[str, Tensor], windows: Sequence[Placed], anchors: Anchors):
        self.values, self.windows, self.anchors = values, windows, anchors

    def __len__(self) -> int:
        return len(self.anchors)

    def __getitem__(self, index: int) -> list[Tensor]:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return [tensor[0] for tensor in self.__getitems__([index % len(self)])]

    def __getitems__(self, indices: Sequence[int]) -> list[Tensor]:
        anchors = self.anchors.at(torch.as_tensor(indices))
        return [gather(self.values[window.signal], anchors, window) for window in self.windows]


def windows_at(values: Mapping[str, Tensor], layout: Layout, anchors: Tensor, future: tuple[Placed, ...] = ()) -> Batch:
    """The windows with these anchors (batch,) out of signals (steps, channels): (x, y), or (x, y, u) with `future`."""
    x = stack_input(values, layout, anchors)
    y = side_by_side([gather(values[item.signal], anchors, item) for item in layout.outputs])
    if not future:
        return x, y
    return x, y, side_by_side([gather(values[item.signal], anchors, item) for item in future])


def stack_input(values: Mapping[str, Tensor], layout: Layout, anchors: Tensor) -> Tensor:
    """x (batch, T, channels): the channels in header order, 0 outside a signal's own window."""
    parts = [gather(values[item.signal], anchors, item) for item in layout.inputs]
    padded = [
        part
        if item.steps == layout.steps
        else torch.nn.functional.pad(part, (0, 0, item.first - layout.first, layout.last - item.last))
        for part, item in zip(parts, layout.inputs, strict=True)
    ]
    return side_by_side(padded)


def gather(values: Tensor | MappedSignal, anchors: Tensor, window: Placed) -> Tensor:
    """values (steps, channels) -> (batch, window.steps, channels), the only copy that is made of the data."""
    if isinstance(values, MappedSignal):
        return values.windows(anchors + (window.first - 1), window.steps)
    every_window = values.unfold(0, window.steps, 1).transpose(1, 2)
    return every_window[anchors + (window.first - 1)]


def side_by_side(parts: Sequence[Tensor]) -> Tensor:
    """Joined along channels, promoted as torch promotes."""
    if len(parts) == 1:
        return parts[0]
    dtype = reduce(torch.promote_types, (part.dtype for part in parts))
    return torch.cat([part.to(dtype) for part in parts], dim=2)
