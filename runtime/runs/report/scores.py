"""The sections on the score: key figures, the table of metrics, the error over the horizon, the learned numbers."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from sysidc.runtime.runs.report.axes import with_unit
from sysidc.runtime.runs.report.drawing.chart import Chart, Line
from sysidc.runtime.runs.report.drawing.table import table, words
from sysidc.runtime.runs.report.evidence import Evidence, Row

INKS = 6
HEADS = {"fit": "fit [%]", "parameter": "learned number", "standard_error": "standard error"}

LEGEND = (
    "rmse and mae are in the units of the data; nrmse = rmse / standard deviation of the measurement; "
    "fit = 100 (1 &minus; nrmse); r2 = 1 &minus; nrmse&sup2;. A model that always says the mean has fit 0."
)
HORIZONS = (
    "How the error grows with the number of steps that are predicted without a new measurement. A good curve grows "
    "slowly and levels off below 1; above 1 the mean of the signal would be the better prediction."
)


def key_figures(evidence: Evidence) -> str:
    """What is asked first: how well, how large, how long."""
    shown: dict[str, str] = {}
    fits = [row["fit"] for row in evidence.score if row.get("fit") is not None]
    errors = [row["rmse"] for row in evidence.score if row.get("rmse") is not None]
    if fits:
        shown["fit" if len(fits) == 1 else "fit, mean"] = f"{np.mean(fits):.2f} %".replace("-", "\u2212")
    if errors:
        unit = evidence.plan.signal(evidence.score[0]["signal"]).unit or ""
        several = len({row["signal"] for row in evidence.score}) > 1
        shown["rmse" if len(errors) == 1 else "rmse, mean"] = f"{np.mean(errors):.4g} {'' if several else unit}".strip()
    shown["parameters"] = words(evidence.plan.model.parameters)
    shown["epochs"] = str(len(evidence.epochs))
    if "seconds" in evidence.environment:
        shown["training"] = _duration(float(evidence.environment["seconds"]))
    items = (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in shown.items())
    return f'<dl class="key">{"".join(items)}</dl>'


def scores(evidence: Evidence) -> str:
    if not evidence.score:
        return "<p>The spec names no test part, so nothing is scored.</p>"
    rows = shown_rows(evidence.score)
    return f'{table(rows, HEADS)}<p class="note">{LEGEND}</p>'


def shown_rows(score: list[Row]) -> list[Row]:
    """The rows without the columns that hold nothing."""
    empty = [name for name in score[0] if all(row.get(name) is None for row in score)]
    return [{name: value for name, value in row.items() if name not in empty} for row in score]


def horizons(evidence: Evidence) -> str:
    """The error of every signal over the horizon, nothing where fewer than two horizons are scored."""
    chart = horizon_chart({"": evidence.score}, {signal.name: signal.unit for signal in evidence.plan.signals})
    return chart.figure() if chart is not None else ""


def horizon_chart(scores: Mapping[str, list[Row]], units: Mapping[str, str | None]) -> Chart | None:
    """One line per run, record and signal: nrmse where it was asked for, else the first metric that is an error."""
    rows = [row for score in scores.values() for row in score if row.get("horizon") is not None]
    metric = next((name for name in ("nrmse", "rmse", "mae") if rows and rows[0].get(name) is not None), None)
    if metric is None or len({row["horizon"] for row in rows}) < 2:
        return None
    lines: list[Line] = []
    for run, score in scores.items():
        for key in dict.fromkeys((row["record"], row["signal"]) for row in score):
            own = [row for row in score if (row["record"], row["signal"]) == key and row.get("horizon") is not None]
            own.sort(key=lambda row: row["horizon"])
            at, values = (np.array([float(row[name]) for row in own]) for name in ("horizon", metric))
            ink, name = f"ink{len(lines) // 2 % INKS}", " ".join(filter(None, (run, *key)))
            lines += [Line(name, values, ink, at), Line("", values, ink, at, "points")]
    signals = {row["signal"] for row in rows}
    label = with_unit(metric, (units.get(*signals) or "") if metric != "nrmse" and len(signals) == 1 else "")
    title, levels = (
        "Error over the horizon",
        (1.0,) if metric == "nrmse" and max(line.y.max() for line in lines) > 0.5 else (),
    )
    return Chart(
        title,
        "steps ahead",
        label,
        tuple(lines),
        x_log=True,
        levels=levels,
        caption=HORIZONS,
        group="horizons",
        height=260,
    )


def learned_numbers(evidence: Evidence) -> str:
    """The learned numbers of equations with their standard errors; nothing where there are none."""
    if not evidence.parameters:
        return ""
    rows = [{**row, "relative": _relative(row)} for row in evidence.parameters]
    return (
        table(rows, {**HEADS, "relative": "relative [%]"})
        + '<p class="note">The standard error is how much another recording of the same length would change it. A '
        "number whose standard error is as large as itself is not determined by these data.</p>"
    )


def _relative(row: Mapping[str, Any]) -> float | None:
    value, error = row.get("value"), row.get("standard_error")
    return 100 * abs(error / value) if value and error is not None else None


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
