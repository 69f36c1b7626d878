"""Outputs that drift, and models that integrate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms.symptom import Symptom, channels, percent

EXPLAINED = 0.3
"""A straight line that explains this share of an output's variance is a drift ..."""

INPUT_DRIFT = 0.1
"""... unless a line explains this much of an input."""

NEAR_ONE = 1e-3
"""A pole that is this near to one integrates, as far as records of some thousand steps can tell."""


def drifting_outputs(records: Sequence[Record], inputs: Sequence[str], outputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each output channel of each record with a trend that no input has."""
    for record in records:
        if len(record) < 50 or any(_line(values)[0] > INPUT_DRIFT for _, values in channels(record, inputs)):
            continue
        for name, values in channels(record, outputs):
            share, change = _line(values)
            if share > EXPLAINED:
                message = (
                    f"output '{name}' of record '{record.name}' drifts by {change:.4g} from end to end, "
                    f"{percent(share)} of its variance, and no input does: a drifting sensor, or an integrating system"
                )
                numbers = {"change": change, "share": share}
                yield Symptom("drifting-output", name, record.name, message, numbers)


def integrators(poles: Iterable[complex]) -> Iterator[Symptom]:
    """One symptom for each pole of a linear model within NEAR_ONE of one."""
    for pole in poles:
        if abs(pole - 1) < NEAR_ONE:
            size = float(abs(pole))
            message = (
                f"the linear model has a pole at {size:.6g}: the output adds up its input, so that small errors grow "
                "without end and a start state is never forgotten"
            )
            yield Symptom("integrator", None, None, message, {"pole": size})


def _line(values: Array) -> tuple[float, float]:
    """The share of the variance that a straight line explains, and by how much the line rises."""
    time = np.linspace(-0.5, 0.5, len(values))
    variance = float(values.var())
    if variance == 0:
        return 0.0, 0.0
    rise = float((time * (values - values.mean())).sum() / (time**2).sum())
    return rise**2 * float((time**2).mean()) / variance, rise
