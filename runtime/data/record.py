"""What a source gives: one uninterrupted recording of the signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Record:
    """`values` holds each signal as (steps, channels) in its dtype, `time` the seconds of the steps if they were read.

    `first` is the row of the source that became step 0. A `piece` is what a gap left over of a longer recording
    (`missing = split`): where it is too short for a window it may be left out.
    """

    name: str
    values: Mapping[str, Array]
    time: Array | None = None
    first: int = 0
    piece: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def part(self, first: int, end: int) -> Record:
        """Steps first .. end, the end excluded, without copying."""
        values = {signal: array[first:end] for signal, array in self.values.items()}
        time = None if self.time is None else self.time[first:end]
        return Record(self.name, values, time, self.first + first, self.piece)


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """numpy's dtype of that name. bfloat16, which numpy has not, is held as float32."""
    return np.dtype("float32" if dtype == "bfloat16" else dtype)
