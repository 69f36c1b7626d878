"""Values that are no numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sysidc.runtime.data.record import Record
from sysidc.runtime.data.symptoms.symptom import Symptom, channel_name


def missing_values(records: Sequence[Record], signals: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each channel of each record that holds NaN or infinite values."""
    for record in records:
        for signal in signals:
            values = record.values[signal]
            if np.issubdtype(values.dtype, np.inexact):
                for channel in np.flatnonzero(~np.isfinite(values).all(axis=0)):
                    gaps = np.flatnonzero(~np.isfinite(values[:, channel]))
                    yield _missing(record, channel_name(signal, int(channel), values), len(gaps), int(gaps[0]))


def _missing(record: Record, name: str, count: int, step: int) -> Symptom:
    row = record.first + step
    held = "a value that is" if count == 1 else f"{count} values that are"
    message = f"'{name}' in record '{record.name}' has {held} no number, the first in row {row}"
    return Symptom("missing-values", name, record.name, message, {"count": count, "row": row})
