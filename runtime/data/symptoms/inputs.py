"""Inputs that cannot tell a model: constant, collinear, or moved too seldom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms.symptom import Symptom, channels, joined, moves, percent, runs

FEW = 10
"""An input should change more often than this."""

OWN = 0.01
"""The share of an input's movement that the others must leave unexplained."""

STEP = 0.01
"""A change from one sample to the next counts from this share of the range."""

TURN = 0.1
"""A slow movement counts as a change when it turns by this share of the range."""


def poor_inputs(records: Sequence[Record], inputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each input channel that is constant, a combination of others, or seldom moved."""
    driving = joined(records, inputs)
    moving = {}
    for name, values in driving.items():
        if not moves(values):
            message = f"input '{name}' is {values[0]:z.6g} throughout: the records say nothing about what it does"
            yield Symptom("constant-input", name, None, message, {"value": float(values[0])})
        else:
            moving[name] = values
    yield from _collinear(moving)
    for name in moving:
        changes = sum(
            input_changes(u) for record in records for channel, u in channels(record, inputs) if channel == name
        )
        if changes < FEW:
            often = {0: "never", 1: "once", 2: "twice"}.get(changes, f"{changes} times")
            message = f"input '{name}' changes only {often} in the training records: too little to tell dynamics from"
            yield Symptom("few-input-changes", name, None, message, {"changes": changes})


def input_changes(values: Array) -> int:
    """How often an input jumps or, if it moves slowly, turns."""
    width = float(np.ptp(values))
    if width == 0:
        return 0
    steps = np.diff(values) / width
    jumps = len(runs(steps > STEP)[0]) + len(runs(steps < -STEP)[0])
    return max(jumps, _turns(values / width))


def _turns(values: Array) -> int:
    """Movements in one direction between turning points, smaller ones than TURN left out."""
    turning = np.flatnonzero(np.diff(np.sign(np.diff(values))) != 0) + 1
    points = values[np.concatenate([[0], turning, [len(values) - 1]])]
    count, extreme, direction = 0, points[0], 0
    for point in points[1:]:
        if direction and (point - extreme) * direction >= 0:
            extreme = point
        elif abs(point - extreme) >= TURN:
            count, extreme, direction = count + 1, point, (1 if point > extreme else -1)
    return count


def _collinear(driving: dict[str, Array]) -> Iterator[Symptom]:
    names = list(driving)
    for index, name in enumerate(names[1:], start=1):
        others = np.stack([driving[other] - driving[other].mean() for other in names[:index]], axis=1)
        values = driving[name] - driving[name].mean()
        shares = np.linalg.lstsq(others, values, rcond=1e-12)[0]
        own = float((values - others @ shares).std() / values.std())
        if own < OWN:
            parts = np.abs(shares) * others.std(axis=0)
            used = [f"'{other}'" for other, part in zip(names, parts, strict=False) if part > OWN * values.std()]
            message = (
                f"input '{name}' follows from {' and '.join(used)} to {percent(own)}: "
                "what each of them does cannot be told apart"
            )
            yield Symptom("collinear-inputs", name, None, message, {"own_share": own})
