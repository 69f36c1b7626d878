"""Signals that stay on disk: columns of memory-mapped files, checked piece by piece and read window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from sysidc.runtime.data import columns, mistakes
from sysidc.runtime.data.record import Array, Record, numpy_dtype
from sysidc.runtime.data.table import Table

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from sysidc.compiler.plan import SignalPlan

PIECE = 1 << 20
"""Steps that are in memory together while a signal is read through."""


@dataclass(frozen=True)
class MappedSignal:
    """(steps, channels) of a signal, in stretches that lie end to end, each with an array on disk for every channel.

    `change`, step by step, is applied to what is read; `dtype` is torch's name of what comes out. Slices and lengths
    are those of an array, and `tensor` reads it all.
    """

    stretches: tuple[tuple[Array, ...], ...]
    dtype: str
    change: Callable[[Tensor], Tensor] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return sum(len(stretch[0]) for stretch in self.stretches), len(self.stretches[0])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, steps: slice) -> MappedSignal:
        first, end, _ = steps.indices(len(self))
        offsets = accumulate((len(stretch[0]) for stretch in self.stretches), initial=0)
        cut = (
            tuple(array[max(0, first - offset) : max(0, end - offset)] for array in stretch)
            for stretch, offset in zip(self.stretches, offsets, strict=False)
        )
        kept = tuple(stretch for stretch in cut if len(stretch[0]))
        return replace(self, stretches=kept or (tuple(array[:0] for array in self.stretches[0]),))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self.tensor().numpy()

    def is_floating_point(self) -> bool:
        return self.torch_dtype.is_floating_point

    @property
    def torch_dtype(self) -> torch.dtype:
        import torch

        return getattr(torch, self.dtype)  # type: ignore[no-any-return]

    def changed(self, change: Callable[[Tensor], Tensor]) -> MappedSignal:
        """The signal as `change` makes it, step by step, when it is read."""
        before = self.change
        return replace(self, change=change if before is None else lambda values: change(before(values)))

    def windows(self, firsts: Tensor, steps: int) -> Tensor:
        """(batch, steps, channels): the windows that begin at the steps `firsts` (batch,)."""
        import torch

        starts = firsts.numpy()
        ends = np.array(list(accumulate(len(stretch[0]) for stretch in self.stretches)))
        kind = np.result_type(*(array.dtype for stretch in self.stretches for array in stretch))
        read = np.empty((len(starts), steps, self.shape[1]), dtype=kind)
        where = np.searchsorted(ends, starts, side="right")
        for index in np.unique(where):
            chosen = np.flatnonzero(where == index)
            stretch = self.stretches[index]
            inside = starts[chosen] - (ends[index] - len(stretch[0]))
            at = inside[:, None] + np.arange(steps)
            for channel, array in enumerate(stretch):
                read[chosen, :, channel] = array[at]
        return self._made(torch.from_numpy(read))

    def pieces(self) -> Iterator[Tensor]:
        """The signal from its beginning to its end, (steps, channels) at a time."""
        import torch

        for stretch in self.stretches:
            for first in range(0, len(stretch[0]), PIECE):
                read = np.stack([array[first : first + PIECE] for array in stretch], axis=1)
                yield self._made(torch.from_numpy(read))

    def tensor(self) -> Tensor:
        import torch

        return torch.cat(list(self.pieces())) if len(self) else self.windows(torch.zeros(0, dtype=torch.int64), 0)[0:0]

    def _made(self, values: Tensor) -> Tensor:
        values = values.to(self.torch_dtype)
        return values if self.change is None else self.change(values)


def joined(signals: Sequence[MappedSignal]) -> MappedSignal:
    """Several recordings of a signal end to end."""
    return replace(signals[0], stretches=tuple(stretch for signal in signals for stretch in signal.stretches))


def mapped_record(
    table: Table, name: str, rows: tuple[int, int], signals: Sequence[SignalPlan], missing: str, time: Array | None
) -> Record:
    """The rows of a table as a record that stays on disk; every value is judged. Raises DataError."""
    first, end = rows
    if end - first < 2:
        raise mistakes.one_row(table.path, name)
    if missing != "error":
        raise mistakes.mapped_gaps(table.path, missing)
    values: dict[str, Any] = {}
    for signal in signals:
        for column in signal.columns:
            _judge(table, column, first, end, signal.dtype)
        stretch = tuple(table.columns[column][first:end] for column in signal.columns)
        values[signal.name] = MappedSignal((stretch,), signal.dtype)
    return Record(name, values, time, table.first + first)


def _judge(table: Table, column: str, first: int, end: int, dtype: str) -> None:
    """Every value of a column is there, finite and of the dtype."""
    array = table.columns[column]
    if array.dtype.kind not in "biuf":
        raise mistakes.not_a_number(table.path, column, table.row(first), array[first])
    unchanged = array.dtype == numpy_dtype(dtype) and array.dtype.kind != "f"
    for start in range(first, end, PIECE):
        piece = np.asarray(array[start : min(start + PIECE, end)])
        if piece.dtype.kind == "f" and (bad := np.flatnonzero(~np.isfinite(piece))).size:
            at = int(bad[0])
            row = table.row(start + at)
            if np.isnan(piece[at]):
                raise mistakes.missing_value(table.path, column, row, int(np.isnan(piece).sum()))
            raise mistakes.infinite_value(table.path, column, row)
        if not unchanged:
            columns.cast(table, column, piece, dtype, start)
