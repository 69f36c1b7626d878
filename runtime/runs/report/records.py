"""The section on test records: measured against predicted, the error over time, its spectrum, the inputs."""

from __future__ import annotations

from html import escape

import numpy as np

from sysidc.runtime.runs.analysis import spectrum
from sysidc.runtime.runs.report.axes import counted, frequency_label, time_axis, with_unit
from sysidc.runtime.runs.report.drawing.chart import Band, Chart, Line
from sysidc.runtime.runs.report.evidence import Evidence, RecordTraces, Trace

MOST_RECORDS = 8
VALUES = 250_000
"""Numbers of all records together that the page carries for zooming: below one megabyte."""

LEAST = 64
"""Steps below which a spectrum says nothing."""

ZOOM = (
    "Drag across a chart to zoom in, double click to see all again; from the keyboard + &minus; 0 and the arrows. Charts of "
    "one record move together."
)
FIT = (
    "A good model lies on the measurement so closely that only one line is seen; what is left shows in the error below."
)
ERROR = (
    "A good error has no pattern and no trend, and is small beside the measured signal: {share} of its standard "
    "deviation here. The dashed lines are &plusmn; the RMSE."
)
SPECTRUM = (
    "Where the error comes near the measured signal, the model explains nothing at that frequency; a good error lies "
    "well below it wherever the signal has power."
)


def records(evidence: Evidence) -> str:
    """Linked charts of every test record; of many the first few."""
    shown = evidence.records[:MOST_RECORDS]
    series = sum(4 * len(record.traces) + len(record.inputs) for record in shown)
    parts = [_record(record, index, VALUES // max(1, series), evidence) for index, record in enumerate(shown)]
    hidden = len(evidence.records) - len(shown)
    if hidden:
        parts.append(f'<p class="note">{counted(hidden, "more record")} in the folder predictions/ of the run.</p>')
    if shown:
        parts.insert(0, f'<p class="note screen">{ZOOM}</p>')
    return "".join(parts) or "<p>The spec names no test part, so there is nothing to compare with.</p>"


def _record(record: RecordTraces, index: int, most: int, evidence: Evidence) -> str:
    start, step, label = time_axis(record)
    verb = "predicted" if evidence.plan.train.prediction else "simulated"
    parts = [f"<h3>{escape(record.name)}</h3>"]
    for trace in record.traces:
        bands = () if trace.lower is None or trace.upper is None else (Band("band", trace.lower, trace.upper),)
        lines = (Line("measured", trace.measured, "measured"), Line(verb, trace.predicted, "predicted"))
        parts.append(
            Chart(
                f"{trace.column}: measured and {verb}",
                label,
                with_unit(trace.column, trace.unit),
                lines,
                bands,
                start,
                step,
                caption=FIT,
                group=f"record {index}",
                height=300,
                most=most,
            ).figure()
        )
        parts.append(_error(trace, record, index, most))
    for name, unit, values in record.inputs:
        lines = (Line(name, values, "input"),)
        title, y_label, group = f"{name}: input", with_unit(name, unit), f"record {index}"
        parts.append(Chart(title, label, y_label, lines, (), start, step, group=group, height=150, most=most).figure())
    spectra = [_spectrum(trace, record) for trace in record.traces]
    return "".join([*parts, f'<div class="grid">{"".join(spectra)}</div>'])


def _error(trace: Trace, record: RecordTraces, index: int, most: int) -> str:
    start, step, label = time_axis(record)
    error = trace.error[np.isfinite(trace.error)]
    if not error.size:
        return ""
    rmse = float(np.sqrt(np.mean(error**2)))
    spread = float(trace.measured[np.isfinite(trace.error)].std())
    return Chart(
        f"{trace.column}: error",
        label,
        with_unit("error", trace.unit),
        (Line("measured \u2212 model", trace.error, "error"),),
        (),
        start,
        step,
        levels=(-rmse, 0.0, rmse),
        caption=ERROR.format(share=f"{100 * rmse / spread:.3g} %" if spread else "no share"),
        group=f"record {index}",
        height=180,
        most=most,
    ).figure()


def _spectrum(trace: Trace, record: RecordTraces) -> str:
    known = np.isfinite(trace.error)
    if known.sum() < LEAST:
        return ""
    lines = []
    for name, values, ink in (("measured", trace.measured, "measured"), ("error", trace.error, "error")):
        frequencies, density = spectrum(values[known], record.sampling_time or 1.0, 8)
        lines.append(Line(name, density, ink, frequencies))
    return Chart(
        f"{trace.column}: spectrum",
        frequency_label(record.sampling_time),
        "amplitude density",
        tuple(lines),
        x_log=True,
        y_log=True,
        caption=SPECTRUM,
        group=f"spectrum {record.name} {trace.column}",
    ).figure()
