"""The band's settings in the units of the data: what the network sees is normalised, what users know is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sysidc.compiler.plan import BoundedPlan, Plan, SignalPlan
from sysidc.runtime.data.prepare import prepare
from sysidc.runtime.data.record import Array, Record


def in_data_units(plan: Plan) -> list[tuple[str, str]]:
    """bandwidth, radius, lipschitz and noise as far as they are numbers, each with its unit, for every input channel.

    Reads the training part. Raises DataError.
    """
    bounded = plan.train.bounded
    if bounded is None or plan.data.normalize == "none":
        return []
    records = prepare(plan).train
    inputs = plan.signal(plan.model.inputs[0].signal)
    output = plan.signal(plan.model.outputs[0].signal)
    height = float(scale(records, output, plan.data.normalize)[0])
    widths = scale(records, inputs, plan.data.normalize)
    return _rows(bounded, inputs, output, widths, height)


def scale(records: Sequence[Record], signal: SignalPlan, kind: str) -> Array:
    """What one normalised unit is in the units of the data, per channel: as Normalizer has it, without torch."""
    values = np.concatenate([record.values[signal.name] for record in records])
    if not np.issubdtype(values.dtype, np.floating):
        return np.ones(values.shape[1])
    values = values.astype(np.float64)
    span = values.max(axis=0) - values.min(axis=0)
    size = values.std(axis=0) if kind == "standard" else span / 2
    return np.where(span > 0, size, 1.0)


def _rows(
    bounded: BoundedPlan, inputs: SignalPlan, output: SignalPlan, widths: Array, height: float
) -> list[tuple[str, str]]:
    unit, rise = inputs.unit or "", output.unit or ""
    rows = [("bandwidth", _each(inputs, bounded.bandwidth * widths, unit))]
    if bounded.radius is not None:
        rows.append(("radius", _each(inputs, bounded.radius * widths, unit)))
    if isinstance(bounded.lipschitz, float):
        slope = f"{rise}/{unit}" if rise and unit else ""
        rows.append(("lipschitz", _each(inputs, bounded.lipschitz * height / widths, slope)))
    if isinstance(bounded.noise, float):
        rows.append(("noise", f"{bounded.noise * height:.4g} {rise}".rstrip()))
    return rows


def _each(inputs: SignalPlan, values: Array, unit: str) -> str:
    told = [f"{value:.4g} {unit}".rstrip() for value in values]
    if len(told) == 1:
        return told[0]
    return ", ".join(f"{column}: {value}" for column, value in zip(inputs.columns, told, strict=True))
