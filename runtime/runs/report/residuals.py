"""The section on residuals: is there anything left that the model could still have explained?"""

from __future__ import annotations

import math
from html import escape

import numpy as np

from sysidc.runtime.data.record import Array
from sysidc.runtime.runs.analysis import Correlation, autocorrelation, cross_correlation, ljung_box, spectrum
from sysidc.runtime.runs.report.axes import counted, frequency_label, with_unit
from sysidc.runtime.runs.report.drawing.chart import HALF, Chart, Line
from sysidc.runtime.runs.report.drawing.scale import Scale
from sysidc.runtime.runs.report.drawing.table import table
from sysidc.runtime.runs.report.evidence import Evidence, RecordTraces, Trace
from sysidc.runtime.runs.report.records import MOST_RECORDS

LAGS = 25
LEAST = 4 * LAGS
"""Steps below which a correlation says nothing."""

WHITE = "White noise stays inside the 99 % band (dashed) at about 99 of 100 lags."
CROSS = (
    "Bars at lags &ge; 0 that leave the 99 % band (dashed) mean that the residual still follows from the input's past: "
    "a better model exists. At lags &lt; 0 they point to feedback in the experiment."
)
SPECTRUM = (
    "Where the error comes near the measured signal, the model explains nothing at that frequency; a good error lies "
    "well below it wherever the signal has power."
)
HISTOGRAM = (
    "The dashed line is the normal density with the same mean and standard deviation. A good histogram is symmetric "
    "about 0; heavy tails mean rare large errors."
)


def residuals(evidence: Evidence) -> str:
    """A table for all records and charts for the first few."""
    rows: list[dict[str, object]] = []
    parts: list[str] = []
    prediction = evidence.plan.train.prediction
    horizon = prediction.validation_horizon if prediction is not None else None
    for record in evidence.records:
        for trace in record.traces:
            known = np.isfinite(trace.error)
            if known.sum() < LEAST:
                continue
            inputs = {name: values[known] for name, _, values in record.inputs if np.isfinite(values[known]).all()}
            rows.append(_row(record, trace, trace.error[known], inputs))
            if len(rows) <= MOST_RECORDS:
                parts.append(_charts(record, trace, inputs, horizon, told=not parts))
    if not rows:
        return f"<p>A residual of at least {LEAST} steps is needed; the test part has none.</p>"
    return "".join([_introduction(evidence), table(rows), *parts])


def _introduction(evidence: Evidence) -> str:
    plan = evidence.plan
    if plan.train.prediction is None:
        told = (
            "The residual is measured &minus; simulated. A simulation has no model of the noise: its residual may be "
            "coloured (lags of the autocorrelation outside the band) although nothing about the input is left in it. "
            "What counts here is the cross-correlation with the inputs."
        )
    else:
        horizon = plan.train.prediction.validation_horizon
        told = f"The residual is measured &minus; predicted {counted(horizon, 'step')} ahead. " + (
            "That of a good model is white and independent of the inputs."
            if horizon == 1
            else f"Even that of a perfect model is correlated over the first {counted(horizon - 1, 'lag')}; beyond "
            "them it should be white."
        )
    return f"<p>{told}</p>"


def _row(record: RecordTraces, trace: Trace, error: Array, inputs: dict[str, Array]) -> dict[str, object]:
    found = autocorrelation(error, LAGS)
    row: dict[str, object] = {"record": record.name, "signal": with_unit(trace.column, trace.unit), "steps": len(error)}
    row |= {"mean": float(error.mean()), "std": float(error.std()), "largest": float(np.abs(error).max())}
    row |= {f"lags outside, of {LAGS}": found.outside, "Ljung\u2013Box p": ljung_box(error, LAGS)}
    for name, values in inputs.items():
        row[f"outside with {name}, of {2 * LAGS + 1}"] = cross_correlation(error, values, LAGS).outside
    return row


def _charts(record: RecordTraces, trace: Trace, inputs: dict[str, Array], horizon: int | None, told: bool) -> str:
    """`told`: with words under each chart that say what a good one looks like."""
    error = trace.error[np.isfinite(trace.error)]
    marks = ((horizon - 0.5, f"{horizon} steps ahead"),) if horizon and 1 < horizon <= LAGS else ()
    charts = [
        _correlation(autocorrelation(error, LAGS), "Autocorrelation of the residual", WHITE if told else "", marks),
        *(
            _correlation(
                cross_correlation(error, values, LAGS), f"Cross-correlation with {name}", CROSS if told else ""
            )
            for name, values in inputs.items()
        ),
        _histogram(error, with_unit("error", trace.unit), HISTOGRAM if told else ""),
        _spectrum(trace, record, SPECTRUM if told else ""),
    ]
    head = f"<h3>{escape(record.name)}: {escape(trace.column)}</h3>"
    return f'{head}<div class="grid">{"".join(chart.figure() for chart in charts)}</div>'


def _correlation(found: Correlation, title: str, caption: str, marks: tuple[tuple[float, str], ...] = ()) -> Chart:
    line = Line("", found.values, "ink0", found.lags.astype(float), "stems")
    return Chart(
        title,
        "lag [steps]",
        "correlation",
        (line,),
        x_scale=Scale(found.lags[0] - 0.7, found.lags[-1] + 0.7),
        levels=(-found.band, 0.0, found.band),
        marks=marks,
        caption=f"{counted(found.outside, 'lag')} of {len(found.lags)} outside. {caption}",
        width=HALF,
    )


def _histogram(error: Array, label: str, caption: str) -> Chart:
    """By the rule of Freedman and Diaconis, between 10 and 60 bars; the farthest errors are counted, not drawn."""
    quarter, three = np.percentile(error, [25, 75])
    reach = 4 * (three - quarter) or math.inf
    drawn = error[(error >= quarter - reach) & (error <= three + reach)]
    wide, span = 2 * (three - quarter) / len(error) ** (1 / 3), float(np.ptp(drawn))
    bars = min(60, max(10, math.ceil(span / wide))) if wide > 0 else 10
    counts, edges = np.histogram(drawn, bars)
    density = counts / (len(error) * (edges[1] - edges[0]))
    lines = [Line("steps", density, "ink0", (edges[1:] + edges[:-1]) / 2, "bars")]
    if error.std() > 0:
        at = np.linspace(edges[0], edges[-1], 121)
        normal = np.exp(-0.5 * ((at - error.mean()) / error.std()) ** 2) / (error.std() * math.sqrt(2 * math.pi))
        lines.append(Line("normal", normal, "reference", at))
    beyond = len(error) - len(drawn)
    caption = (f"{counted(beyond, 'step')} beyond the edges. " if beyond else "") + caption
    return Chart("Histogram of the residual", label, "density", tuple(lines), caption=caption, width=HALF)


def _spectrum(trace: Trace, record: RecordTraces, caption: str) -> Chart:
    known = np.isfinite(trace.error)
    lines = []
    for name, values, ink in (("measured", trace.measured, "measured"), ("error", trace.error, "error")):
        frequencies, density = spectrum(values[known], record.sampling_time or 1.0, 8)
        lines.append(Line(name, density, ink, frequencies))
    return Chart(
        "Spectrum",
        frequency_label(record.sampling_time),
        "amplitude density",
        tuple(lines),
        x_log=True,
        y_log=True,
        caption=caption,
        group=f"spectrum {record.name} {trace.column}",
        width=HALF,
    )
