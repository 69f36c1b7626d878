"""Several runs on one page: scores side by side, learning curves and errors over one another, what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from sysidc.compiler.difference import differences
from sysidc.runtime.runs.analysis import spectrum
from sysidc.runtime.runs.report.axes import frequency_label, time_axis, with_unit
from sysidc.runtime.runs.report.drawing.chart import Chart, Line
from sysidc.runtime.runs.report.drawing.table import table
from sysidc.runtime.runs.report.evidence import Evidence, RecordTraces, Row, Trace, read_evidence
from sysidc.runtime.runs.report.learning import column, positions, starts
from sysidc.runtime.runs.report.page import page
from sysidc.runtime.runs.report.records import MOST_RECORDS, VALUES
from sysidc.runtime.runs.report.residuals import LEAST
from sysidc.runtime.runs.report.scores import INKS, horizon_chart

Runs = Mapping[str, Evidence]

BETTER = {"rmse": min, "nrmse": min, "mae": min, "r2": max, "fit": max}
"""Which of several values of a metric is the best."""

LEARNING = (
    "Losses are those of the normalised signals: comparable where data, loss and normalisation are the same, and in "
    "prediction mode the horizon of validation."
)
ERRORS = (
    "Measured &minus; model of every run. The largest lies at the back. A better run is nearer to 0 everywhere, not "
    "only on average."
)
SPECTRA = "At which frequencies a run is better: the lower line. The grey line is the measured signal itself."


def comparison(folders: Sequence[Path]) -> str:
    """The page of several finished runs, in the order given. Raises RunError."""
    runs = {name: read_evidence(folder) for name, folder in zip(labels(folders), folders, strict=True)}
    head = f'<h1>{len(runs)} runs</h1><p class="quiet">{escape(", ".join(runs))}</p>'
    horizons = _horizons(runs)
    sections = [
        ("score", "Score", _scores(runs)),
        ("horizons", "Error over the horizon", horizons),
        ("runs", "Runs", _overview(runs)),
        ("differences", "What differs", _differences(runs)),
        ("learning", "Learning", _learning(runs)),
        ("records", "Errors", _records(runs)),
    ]
    return page(f"{len(runs)} runs", head, sections)


def labels(folders: Sequence[Path]) -> list[str]:
    """The folders' own names, with as much of the path in front as tells them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [f"{part[-1]} ({number})" for number, part in enumerate(parts, start=1)]


def _scores(runs: Runs) -> str:
    """One row per record, signal, horizon and metric, one column per run, the best of each row marked."""
    found: dict[tuple[Any, ...], dict[str, float]] = {}
    for run, evidence in runs.items():
        for row in evidence.score:
            key = tuple(row.get(name) for name in ("split", "record", "signal", "horizon"))
            for metric in BETTER:
                if row.get(metric) is not None:
                    found.setdefault((*key, metric), {})[run] = row[metric]
    if not found:
        return "<p>None of the runs has a score.</p>"
    rows: list[Row] = []
    best: dict[int, str] = {}
    for (split, record, signal, horizon, metric), values in found.items():
        if len(values) > 1 and len(set(values.values())) > 1:
            best[len(rows)] = BETTER[metric](values, key=values.__getitem__)
        named = {"split": split, "record": record, "signal": signal, "horizon": horizon, "metric": metric}
        if all(key[3] is None for key in found):
            del named["horizon"]
        rows.append({**named, **{run: _digits(values.get(run)) for run in runs}})
    return table(rows, best=best)


def _digits(value: float | None) -> str | None:
    """Four digits that count: the rows of this table have units of their own."""
    return None if value is None else f"{value:#.4g}".replace("-", "\u2212")


def _overview(runs: Runs) -> str:
    rows = [
        {
            "run": run,
            "mode": evidence.plan.train.mode,
            "parameters": evidence.plan.model.parameters,
            "optimizer": evidence.plan.train.optimizer.name,
            "epochs": len(evidence.epochs),
            "seconds": evidence.environment.get("seconds"),
            "device": evidence.environment.get("device"),
            "seed": evidence.plan.train.seed,
            "plan": evidence.plan.hash[:12],
        }
        for run, evidence in runs.items()
    ]
    return table(rows)


def _differences(runs: Runs) -> str:
    """Every value in which any plan differs from the first one's."""
    (first, evidence), *others = runs.items()
    found: dict[str, dict[str, str]] = {}
    for run, other in others:
        for difference in differences(evidence.plan, other.plan):
            found.setdefault(difference.path, {first: difference.first})[run] = difference.second
    if not found:
        return "<p>The plans do not differ in meaning.</p>"
    rows = [{"setting": path, **{run: told.get(run, told[first]) for run in runs}} for path, told in found.items()]
    return table(rows, wraps=True)


def _learning(runs: Runs) -> str:
    """The validation loss of every run; of several starts, those of one run in one ink."""
    lines = []
    for index, (run, evidence) in enumerate(runs.items()):
        values, at = column(evidence.epochs, "val_loss"), positions(evidence.epochs)
        for number, start in enumerate(starts(evidence.epochs)):
            lines.append(Line("" if number else run, values[start], f"ink{index % INKS}", at[start]))
    if not lines:
        return "<p>No epoch is recorded.</p>"
    title, label = "Validation loss", "loss (normalised)"
    return Chart(
        title, "epoch", label, tuple(lines), y_log=True, caption=LEARNING, group="learning", height=300
    ).figure()


def _horizons(runs: Runs) -> str:
    units = {signal.name: signal.unit for evidence in runs.values() for signal in evidence.plan.signals}
    chart = horizon_chart({run: evidence.score for run, evidence in runs.items()}, units)
    return chart.figure() if chart is not None else ""


# --- errors of the records that several runs share -----------------------------------------------------------------


def _records(runs: Runs) -> str:
    """Errors and their spectra over one another, for every record and signal that more than one run was tested on."""
    shared: dict[tuple[str, str], dict[str, tuple[RecordTraces, Trace]]] = {}
    for run, evidence in runs.items():
        for record in evidence.records:
            for trace in record.traces:
                if np.isfinite(trace.error).sum() >= LEAST:
                    shared.setdefault((record.name, trace.column), {})[run] = record, trace
    shown = [item for item in shared.items() if len(item[1]) > 1][:MOST_RECORDS]
    most = VALUES // max(1, sum(len(found) for _, found in shown))
    inks = {run: f"ink{index % INKS}" for index, run in enumerate(runs)}
    parts = [_errors(*name, found, inks, most) for name, found in shown]
    return "".join(parts) or "<p>No test record is shared by two runs.</p>"


def _errors(
    name: str, column: str, found: dict[str, tuple[RecordTraces, Trace]], inks: Mapping[str, str], most: int
) -> str:
    record, trace = next(iter(found.values()))
    start, step, label = time_axis(record)
    ordered = sorted(found, key=lambda run: -float(np.nanmean(found[run][1].error ** 2)))
    lines = tuple(Line(run, found[run][1].error, inks[run]) for run in ordered)
    group = f"record {name} {column}"
    title, y_label = f"{name}, {column}: error", with_unit("error", trace.unit)
    errors = Chart(
        title, label, y_label, lines, (), start, step, levels=(0.0,), caption=ERRORS, group=group, height=260, most=most
    )
    spectra = [_spectrum("measured", record, trace, trace.measured, "measured")]
    spectra += [_spectrum(run, *both, both[1].error, inks[run]) for run, both in found.items()]
    density = Chart(
        f"{name}, {column}: spectrum of the error",
        frequency_label(record.sampling_time),
        "amplitude density",
        tuple(spectra),
        x_log=True,
        y_log=True,
        caption=SPECTRA,
        group=f"spectrum {name} {column}",
        height=260,
    )
    return errors.figure() + density.figure()


def _spectrum(name: str, record: RecordTraces, trace: Trace, values: np.ndarray[Any, Any], ink: str) -> Line:
    known = np.isfinite(trace.error)
    frequencies, density = spectrum(values[known], record.sampling_time or 1.0)
    return Line(name, density, ink, frequencies)
