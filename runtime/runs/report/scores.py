"""The sections on the score: key figures, the table of metrics, the error over the horizon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

import numpy as np

from sysidc.runtime.data.record import Array
from sysidc.runtime.runs.report.axes import with_unit
from sysidc.runtime.runs.report.drawing.chart import Chart, Line
from sysidc.runtime.runs.report.drawing.scale import fitting
from sysidc.runtime.runs.report.drawing.table import table, words
from sysidc.runtime.runs.report.evidence import Evidence, Row

INKS = 6
HEADS = {"fit": "fit [%]"}

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
        shown[_named("fit", len(fits))] = f"{np.mean(fits):.2f} %".replace("-", "\u2212")
    if errors:
        unit = evidence.plan.signal(evidence.score[0]["signal"]).unit or ""
        several = len({row["signal"] for row in evidence.score}) > 1
        shown[_named("rmse", len(errors))] = f"{np.mean(errors):.4g} {'' if several else unit}".strip()
    shown["parameters"] = words(evidence.plan.model.parameters)
    shown["epochs"] = str(len(evidence.epochs))
    if "seconds" in evidence.environment:
        shown["training"] = _duration(float(evidence.environment["seconds"]))
    items = (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in shown.items())
    return f'<dl class="key">{"".join(items)}</dl>'


def _named(metric: str, rows: int) -> str:
    return metric if rows == 1 else f"{metric}, mean of {rows}"


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
    metric = next((name for name in ("nrmse", "rmse", "mae") if any(row.get(name) is not None for row in rows)), None)
    if metric is None or len({row["horizon"] for row in rows}) < 2:
        return None
    lines = [
        line
        for number, (name, at, values) in enumerate(_over_horizons(scores, metric))
        for line in (
            Line(name, values, f"ink{number % INKS}", at),
            Line("", values, f"ink{number % INKS}", at, "points"),
        )
    ]
    signals = {row["signal"] for row in rows}
    unit = units.get(*signals) if metric != "nrmse" and len(signals) == 1 else None
    reaches_one = metric == "nrmse" and any((line.y > 0.5).any() for line in lines)
    return Chart(
        "Error over the horizon",
        "steps ahead",
        with_unit(metric, unit or ""),
        tuple(lines),
        x_log=True,
        x_scale=fitting([line.x for line in lines if line.x is not None], log=True, margin=0.02),
        levels=(1.0,) if reaches_one else (),
        caption=HORIZONS,
        group="horizons",
        height=260,
    )


def _over_horizons(scores: Mapping[str, list[Row]], metric: str) -> Iterator[tuple[str, Array, Array]]:
    """(name, horizons, values) of every run, record and signal; what is not finite was written as null."""
    for run, score in scores.items():
        rows = sorted((row for row in score if row.get("horizon") is not None), key=lambda row: int(row["horizon"]))
        for record, signal in dict.fromkeys((row["record"], row["signal"]) for row in rows):
            own = [row for row in rows if (row["record"], row["signal"]) == (record, signal)]
            at = np.array([float(row["horizon"]) for row in own])
            values = np.array([np.nan if row.get(metric) is None else row[metric] for row in own], dtype=float)
            yield " ".join(filter(None, (run, record, signal))), at, values


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
