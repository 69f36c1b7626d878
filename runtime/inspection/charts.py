"""The charts of a recording: signals, spectra, coherence, impulse responses, singular values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms.symptom import channels
from sysidc.runtime.inspection.findings import Findings
from sysidc.runtime.runs.analysis import spectrum
from sysidc.runtime.runs.report.axes import UNITS, frequency_label
from sysidc.runtime.runs.report.drawing.chart import HALF, Chart, Kind, Line

MOST_SIGNALS, INKS = 8, 6
"""Channels that have a chart of their own, and colours that lines are told apart by."""

ORDERS = 12
"""Singular values that are drawn."""


def charts(found: Findings) -> list[Chart]:
    """Those for which the recording has enough samples, the wide ones first."""
    record = max(found.recording.records, key=len)
    return [*_signals(found, record), *_spectra(found, record), *_coherence(found), *_responses(found), *_orders(found)]


def _signals(found: Findings, record: Record) -> Iterator[Chart]:
    step, label = _time(record, found.recording.sampling_time)
    roles = found.recording.roles
    for name in (*roles.inputs, *roles.outputs)[:MOST_SIGNALS]:
        role = found.recording.role(name)
        line = Line("", record.values[name][:, 0], "input" if role == "input" else "predicted")
        title = f"{role.capitalize()} {name} of record {record.name}"
        yield Chart(title, label, name, (line,), start=step * record.first, step=step, group="signals", height=190)


def _time(record: Record, sampling_time: float | None) -> tuple[float, str]:
    if sampling_time is None:
        return 1.0, "row"
    seconds, unit = next((s, unit) for least, s, unit in UNITS if len(record) * sampling_time >= least)
    return sampling_time / seconds, f"time [{unit}]"


def _spectra(found: Findings, record: Record) -> Iterator[Chart]:
    roles, time = found.recording.roles, found.recording.sampling_time
    lines = []
    for index, (name, values) in enumerate(list(channels(record, (*roles.inputs, *roles.outputs)))[:INKS]):
        frequencies, density = spectrum(values, time or 1.0)
        lines.append(Line(name, density, f"ink{index}", frequencies))
    yield Chart("Spectra", frequency_label(time), "density", tuple(lines), x_log=True, y_log=True, width=HALF)


def _coherence(found: Findings) -> Iterator[Chart]:
    from scipy import signal

    measured = found.measured
    if not measured.inputs:
        return
    u, y = max(measured.records, key=lambda pair: len(pair[0]))
    piece = min(1024, len(u) // 6)
    if piece < 16:
        return
    rate = 1 / (found.recording.sampling_time or 1.0)
    lines: list[Line] = []
    for i, q in _pairs(found):
        frequencies, coherence = signal.coherence(u[:, i], y[:, q], fs=rate, nperseg=piece)
        name = f"{measured.inputs[i]} to {measured.outputs[q]}"
        lines.append(Line(name, coherence[1:], f"ink{len(lines)}", frequencies[1:]))
    label = frequency_label(found.recording.sampling_time)
    caption = "Where it is below 1 there is noise, another input, or a nonlinearity."
    yield Chart(
        "Coherence", label, "coherence", tuple(lines), x_log=True, levels=(0.0, 1.0), caption=caption, width=HALF
    )


def _responses(found: Findings) -> Iterator[Chart]:
    """Of the linear model, or by least squares where there is none, which a slow input makes rough."""
    levels: tuple[float, ...] = (0.0,)
    if found.order is not None and found.order.states:
        values, title = _of_model(found), "Impulse responses of the linear model"
        caption = "In standard deviations of inputs and outputs."
    elif found.response is not None:
        values = found.response.values[: max(20, found.response.length + 5)]
        chance = 2.5758 * float(found.response.chance.max())
        title, levels = "Impulse responses by least squares", (-chance, chance)
        caption = "In standard deviations; between the dashed lines it may be chance."
    else:
        return
    kind: Kind = "stems" if values[0].size == 1 else "line"  # stems of several pairs would hide one another
    names = [(i, q, f"{found.measured.inputs[i]} to {found.measured.outputs[q]}") for i, q in _pairs(found)]
    lines = tuple(Line(name, values[:, q, i], f"ink{n}", None, kind) for n, (i, q, name) in enumerate(names))
    yield Chart(title, "step", "answer", lines, levels=levels, caption=caption, width=HALF)


def _of_model(found: Findings) -> Array:
    """(steps, outputs, inputs), the delays put back, until little is left of it."""
    assert found.order is not None
    values = found.order.model.impulse_response(200)
    energy = (values**2).sum(axis=(1, 2))[::-1].cumsum()[::-1]
    last = max(12, int((energy > 1e-3 * energy[0]).sum()))
    longest = last + max(found.delays, default=0)
    shifted = np.zeros((longest, *values.shape[1:]))
    for i, delay in enumerate(found.delays):
        shifted[delay : delay + last, :, i] = values[:last, :, i]
    return shifted


def _orders(found: Findings) -> Iterator[Chart]:
    if found.order is None:
        return
    values: Array = found.order.estimate.singular_values[:ORDERS]
    line = Line("", values, "ink0", np.arange(1, len(values) + 1), "stems")
    caption = "Canonical correlations of past and future: those of states stand out."
    marks = ((found.order.states, f"order {found.order.states}"),) if found.order.states else ()
    yield Chart("Singular values", "order", "singular value", (line,), marks=marks, caption=caption, width=HALF)


def _pairs(found: Findings) -> list[tuple[int, int]]:
    """Inputs and outputs, as many pairs as there are colours."""
    return [(i, q) for q in range(len(found.measured.outputs)) for i in range(len(found.measured.inputs))][:INKS]
