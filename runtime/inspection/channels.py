"""The signals of a recording as matrices for least squares: gaps bridged, means off, scaled to unit size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sysidc.runtime.data.record import Record
from sysidc.runtime.data.symptoms.symptom import channels
from sysidc.runtime.solvers.hankel import Pair
from sysidc.runtime.solvers.recurrence import Floats

LONGEST = 24_000
"""Of longer recordings so many samples are looked at, in pieces from all over them."""

PIECES = 3


@dataclass(frozen=True)
class Channels:
    """`records` are u (time, inputs) and y (time, outputs), each channel with mean 0 and standard deviation 1 over all;
    `y_scale` (outputs,) gives the outputs their units back."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    records: tuple[Pair, ...]
    y_scale: Floats

    @property
    def samples(self) -> int:
        return sum(len(u) for u, _ in self.records)

    def delayed(self, delays: Sequence[int]) -> Channels:
        """Each input as it was so many steps before, the first steps left out."""
        most = max(delays, default=0)
        shifted = [
            (np.stack([u[most - d : len(u) - d, i] for i, d in enumerate(delays)], axis=1), y[most:])
            for u, y in self.records
        ]
        return replace(self, records=tuple(shifted))


def prepared(records: Sequence[Record], inputs: Sequence[str], outputs: Sequence[str]) -> Channels:
    """Records in which a column holds fewer than two numbers are left out."""
    pairs = []
    for record in records:
        sides = [[values for _, values in channels(record, names)] for names in (inputs, outputs)]
        if len(sides[0]) == len(inputs) and len(sides[1]) == len(outputs):
            u = np.stack(sides[0], axis=1) if inputs else np.zeros((len(record), 0))
            pairs.append((u, np.stack(sides[1], axis=1)))
    scales = [_moments([pair[side] for pair in pairs]) for side in (0, 1)]
    scaled = [tuple((pair[side] - scales[side][0]) / scales[side][1] for side in (0, 1)) for pair in pairs]
    return Channels(tuple(inputs), tuple(outputs), tuple(_pieces([(u, y) for u, y in scaled])), scales[1][1])


def _moments(signals: Sequence[Floats]) -> tuple[Floats, Floats]:
    together = np.concatenate(signals)
    spread = together.std(axis=0)
    return together.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _pieces(records: list[Pair]) -> list[Pair]:
    """Records whole while they are short enough together, else stretches of them that are."""
    total = sum(len(u) for u, _ in records)
    if total <= LONGEST:
        return records
    kept = []
    for u, y in records:
        size = max(2, LONGEST * len(u) // total // PIECES)
        for start in np.linspace(0, len(u) - size, PIECES).astype(int):
            kept.append((u[start : start + size], y[start : start + size]))
    return kept
