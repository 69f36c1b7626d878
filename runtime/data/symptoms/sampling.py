"""Times at which the samples were taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sysidc.runtime.data.record import Record
from sysidc.runtime.data.symptoms.symptom import Symptom

TOLERANCE = 1e-3
"""Steps of time may differ by this share of the sampling time."""


def irregular_sampling(records: Sequence[Record], sampling_time: float | None) -> Iterator[Symptom]:
    """One symptom for each record whose times stand still, jump, or pass at another rate than `sampling_time` (s)."""
    for record in records:
        if record.time is None or len(record.time) < 2:
            continue
        steps = np.diff(np.asarray(record.time, dtype=np.float64))
        usual = float(np.median(steps))
        resolution = 4 * float(np.spacing(np.abs(record.time).max()))
        wrong = np.flatnonzero(~(np.abs(steps - usual) <= TOLERANCE * abs(usual) + resolution))
        if len(wrong):
            worst = int(wrong[np.argmax(np.abs(steps[wrong] - usual))])
            row, step = record.first + worst + 1, float(steps[worst])
            message = (
                f"the time of record '{record.name}' moves by {usual:.6g} s, but not in {len(wrong)} of {len(steps)} "
                f"steps; the worst is {step:.6g} s to row {row}"
            )
            numbers = {"usual": usual, "count": len(wrong), "worst": step, "row": row}
            yield Symptom("irregular-sampling", None, record.name, message, numbers)
        elif sampling_time is not None and abs(usual - sampling_time) > TOLERANCE * sampling_time:
            message = f"record '{record.name}' was sampled every {usual:.6g} s, not every {sampling_time:.6g} s"
            yield Symptom("other-sampling-time", None, record.name, message, {"usual": usual, "given": sampling_time})
