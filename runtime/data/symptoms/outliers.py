"""Single samples of an output that lie far from all others: glitches of a sensor, which squared errors do not bear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.ndimage import median_filter

from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms.symptom import Symptom, channels

FAR = 3.0
"""An outlier is so many times the range of nearly all samples away from the samples around it."""

NEARLY_ALL = 0.01, 0.99
AROUND = 5
"""Steps whose median is what a sample is compared with: what lasts for three of them is no glitch."""


def outlying_outputs(records: Sequence[Record], inputs: Sequence[str], outputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each output channel with samples that stand alone. After the blows of an input they may."""
    for record in records:
        if any(_strikes(values) for _, values in channels(record, inputs)):
            continue
        for name, values in channels(record, outputs):
            alone = np.flatnonzero(_alone(values))
            if len(alone):
                row, value = record.first + int(alone[0]), float(values[alone[0]])
                count = f"{len(alone)} samples" if len(alone) > 1 else "a sample"
                message = (
                    f"output '{name}' of record '{record.name}' has {count} far from all others, the first of "
                    f"{value:.6g} in row {row}: leave such cells empty and say what `missing` does about gaps"
                )
                yield Symptom("outlying-output", name, record.name, message, {"row": row, "count": len(alone)})


def _strikes(u: Array) -> bool:
    """Whether an input rests but for few samples."""
    low, high = np.quantile(u, NEARLY_ALL)
    return bool(FAR * (high - low) < np.ptp(u))


def _alone(values: Array) -> Array:
    """Where a sample is far from the median of those around it, the range of nearly all samples being the measure."""
    low, high = np.quantile(values, NEARLY_ALL)
    away = np.abs(values - median_filter(values, AROUND, mode="nearest"))
    return np.asarray((high > low) & (away > FAR * (high - low)))
