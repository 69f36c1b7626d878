"""One finding about a record, and how its signals are named and read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sysidc.runtime.data.record import Array, Record


@dataclass(frozen=True)
class Symptom:
    """`message` is the whole sentence; `numbers` holds what it tells by name, steps and rows counted from 0.

    `signal` and `record` are None where the finding is about none in particular. A channel of several is written u[1].
    """

    id: str
    signal: str | None
    record: str | None
    message: str
    numbers: Mapping[str, float] = field(default_factory=dict)


def channels(record: Record, signals: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """Every channel as its name and its values (steps,) in float64, values that are not finite interpolated.

    A channel with fewer than two finite values is left out.
    """
    for signal in signals:
        values = record.values[signal]
        for channel in range(values.shape[1]):
            column = values[:, channel].astype(np.float64)
            finite = np.isfinite(column)
            if finite.sum() >= 2:
                steps = np.arange(len(column))
                yield channel_name(signal, channel, values), np.interp(steps, steps[finite], column[finite])


def channel_name(signal: str, channel: int, values: Array) -> str:
    return signal if values.shape[1] == 1 else f"{signal}[{channel}]"


def joined(records: Sequence[Record], signals: Sequence[str]) -> dict[str, Array]:
    """Every channel over all records, end to end."""
    parts: dict[str, list[Array]] = {}
    for record in records:
        for name, values in channels(record, signals):
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def moves(values: Array) -> bool:
    """Whether a channel is anything but constant, rounding apart."""
    return bool(np.ptp(values) > 1e-9 * np.abs(values).max())


def percent(share: float) -> str:
    """A share as text: 0.034 is "3.4 %"."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


def runs(marked: Array) -> tuple[Array, Array]:
    """First step and length of each uninterrupted run of True: marked (steps,) -> two of (runs,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2] - edges[::2]
