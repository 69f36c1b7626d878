"""A sensor that stands still while the input moves, and records that occur twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms.symptom import Symptom, channels, runs

LONG = 25
"""A run of equal values counts from this many steps."""

UNUSUAL = 8
"""A run counts if it is this many times as long as nearly all the others: a coarse sensor has many short ones."""

MOVING = 0.25
"""The input moves if it covers this share of its range in the meantime."""


def stuck_outputs(records: Sequence[Record], inputs: Sequence[str], outputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each output channel with a long run of one value, not its extreme, under a moving input."""
    for record in records:
        driving = [values for _, values in channels(record, inputs)]
        for name, values in channels(record, outputs):
            if np.ptp(values) == 0 and len(values) >= LONG:
                message = f"output '{name}' of record '{record.name}' is {values[0]:z.6g} from end to end"
                yield Symptom("constant-output", name, record.name, message, {"value": float(values[0])})
            else:
                yield from _stuck(record, name, values, driving)


def repeated_records(parts: Sequence[tuple[str, Sequence[Record]]]) -> Iterator[Symptom]:
    """One symptom for each pair of records, of whatever parts ("train", records), that hold the same values."""
    placed = [(part, record) for part, records in parts for record in records]
    for (part, record), (other_part, other) in combinations(placed, 2):
        if len(record) == len(other) and len(record) > 1 and _equal(record, other):
            message = f"{other_part} record '{other.name}' holds the same values as {part} record '{record.name}'"
            if part != other_part:
                message += ": its score says nothing about new data"
            yield Symptom("repeated-record", None, other.name, message, {"steps": len(record)})


def _equal(record: Record, other: Record) -> bool:
    return record.values.keys() == other.values.keys() and all(
        np.array_equal(values, other.values[signal]) for signal, values in record.values.items()
    )


def _stuck(record: Record, name: str, values: Array, driving: Sequence[Array]) -> Iterator[Symptom]:
    starts, lengths = runs(np.diff(values) == 0)
    lengths = lengths + 1
    inside = (values[starts] > values.min()) & (values[starts] < values.max())
    usual = np.sort(lengths)[: max(1, round(0.99 * len(lengths)) - 1)].max(initial=1) if len(lengths) > 1 else 1
    long = inside & (lengths >= max(LONG, UNUSUAL * usual))
    found = [
        (int(start), int(length))
        for start, length in zip(starts[long], lengths[long], strict=True)
        if any(_moves(u, start, start + length) for u in driving)
    ]
    if found:
        start, length = max(found, key=lambda run: run[1])
        row, value = record.first + start, float(values[start])
        often = f" (and {len(found) - 1} times more)" if len(found) > 1 else ""
        message = (
            f"output '{name}' of record '{record.name}' stays at exactly {value:.6g} for {length} steps from row {row}"
            f"{often} while the input moves: a stuck sensor?"
        )
        numbers = {"row": row, "steps": length, "value": value, "count": len(found)}
        yield Symptom("stuck-output", name, record.name, message, numbers)


def _moves(u: Array, first: int, end: int) -> bool:
    return bool(np.ptp(u[first:end]) >= MOVING * np.ptp(u) > 0)
