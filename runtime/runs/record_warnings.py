"""What no method can mend in the records of a training, told before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from sysidc.compiler.plan import Plan
from sysidc.runtime.data.prepare import header_signals, prepare
from sysidc.runtime.data.record import Record
from sysidc.runtime.data.splits import Parts
from sysidc.runtime.data.symptoms import Symptom, symptoms

SERIOUS = (
    "constant-input",
    "collinear-inputs",
    "few-input-changes",
    "constant-output",
    "stuck-output",
    "quantised-output",
    "outlying-output",
    "repeated-record",
    "calm-validation",
    "outside-training-range",
)
"""Of all symptoms those that spoil a simulation whatever the model is."""

MOST_ALIKE = 3
"""So many warnings of one kind are told in full."""

MOST_SAMPLES = 1_000_000
"""Longer records are not read once more for their warnings."""


def record_warnings(plan: Plan, samples: int) -> list[str]:
    """One line for each serious symptom in the records of a plan, whose training part has so many samples."""
    return [f"warning: {line}" for line in _lines(_serious(plan, prepare(plan)))] if samples <= MOST_SAMPLES else []


def _serious(plan: Plan, parts: Parts) -> list[Symptom]:
    inputs, outputs = (
        [signal.name for signal in header_signals(plan) if signal.role == role] for role in ("input", "output")
    )
    found = symptoms(_read(parts.train), _read(parts.validation), _read(parts.test), inputs, outputs)
    serious = {symptom.message: symptom for symptom in found if symptom.id in SERIOUS}
    return list(serious.values())  # parts of one record say the same


def _read(records: Sequence[Record]) -> list[Record]:
    """Records in memory: those that stay on disk give windows and no arrays. A longer one stays unread."""
    return [
        replace(record, values={name: np.asarray(values) for name, values in record.values.items()})
        for record in records
        if len(record) <= MOST_SAMPLES
    ]


def _lines(found: Sequence[Symptom]) -> Iterator[str]:
    told: Counter[str] = Counter()
    for symptom in found:
        told[symptom.id] += 1
        if told[symptom.id] <= MOST_ALIKE:
            yield symptom.message
    for kind, count in told.items():
        if count > MOST_ALIKE:
            yield f"{count - MOST_ALIKE} more of the kind '{kind}'"
