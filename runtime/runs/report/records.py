"""The section on test records: measured against predicted, the error over time, its spectrum, the inputs."""

from __future__ import annotations

from html import escape

import numpy as np

from sysidc.runtime.runs.report.axes import counted, time_axis, with_unit
from sysidc.runtime.runs.report.drawing.chart import Band, Chart, Line
from sysidc.runtime.runs.report.evidence import Evidence, RecordTraces, Trace

MOST_RECORDS = 8
VALUES = 230_000
"""Numbers of all records together that the page carries for zooming: below one megabyte."""

ZOOM = (
    "Drag across a chart to zoom in, double click to see all again; from the keyboard + &minus; 0 and the arrows. "
    "Charts of one record move together."
)
FIT = (
    "A good model lies on the measurement so closely that only one line is seen; what is left shows in the error below."
)
SHARE = "RMSE (dashed) {rmse}, {share} of the standard deviation of the measurement. "
ERROR = "A good error has no pattern, no trend, and grows nowhere with the signal."


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
    for number, trace in enumerate(record.traces):
        first = index == number == 0
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
                caption=FIT if first else "",
                group=f"record {index}",
                height=300,
                most=most,
            ).figure()
        )
        parts.append(_error(trace, record, index, most, first))
    for name, unit, values in record.inputs:
        line = Line(name, values, "input")
        title, y_label, group = f"{name}: input", with_unit(name, unit), f"record {index}"
        parts.append(
            Chart(title, label, y_label, (line,), (), start, step, group=group, height=150, most=most).figure()
        )
    return "".join(parts)


def _error(trace: Trace, record: RecordTraces, index: int, most: int, first: bool) -> str:
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
        caption=SHARE.format(rmse=f"{rmse:.4g}", share=f"{100 * rmse / spread:.3g} %") + (ERROR if first else "")
        if spread
        else "",
        group=f"record {index}",
        height=180,
        most=most,
    ).figure()
