"""The section on bounds, in bounded mode: how often the band held the measurement, and how wide it is."""

from __future__ import annotations

import numpy as np

from sysidc.runtime.runs.analysis import coverage
from sysidc.runtime.runs.report.axes import with_unit
from sysidc.runtime.runs.report.drawing.table import table
from sysidc.runtime.runs.report.evidence import Evidence, Trace


def bounds(evidence: Evidence) -> str:
    """Nothing in the other modes."""
    bounded = evidence.plan.train.bounded
    if bounded is None:
        return ""
    rows = [
        {"record": record.name, "signal": with_unit(trace.column, trace.unit), **_row(trace)}
        for record in evidence.records
        for trace in record.traces
        if trace.lower is not None
    ]
    told = (
        f"<p>With probability {100 * (1 - bounded.delta):g} % the true value (the measurement without its noise) lies "
        "inside the band at a point, as long as the Lipschitz constant and the noise are not underestimated. The share "
        "of <em>measurements</em> inside is smaller where the noise is as large as the band. A good band is narrow "
        "beside the signal and still holds what it promises; one far wider than the error says little.</p>"
    )
    return told + (table(rows) if rows else "<p>No test record has a band.</p>")


def _row(trace: Trace) -> dict[str, object]:
    assert trace.lower is not None and trace.upper is not None
    found = coverage(trace.measured, trace.lower, trace.upper)
    if found is None:
        return {"steps": 0}
    known = np.isfinite(trace.error)
    spread = float(trace.measured[known].std())
    rmse = float(np.sqrt(np.mean(trace.error[known] ** 2)))
    return {
        "steps": found.steps,
        "measured inside [%]": 100 * found.inside,
        "mean half-width": found.half_width,
        "largest half-width": found.widest,
        "half-width / std": found.half_width / spread if spread else None,
        "half-width / rmse": found.half_width / rmse if rmse else None,
        "prediction on the edge [%]": 100 * _on_edge(trace),
    }


def _on_edge(trace: Trace) -> float:
    """The share of predictions that the band holds back."""
    assert trace.lower is not None and trace.upper is not None
    known = np.isfinite(trace.predicted)
    width = (trace.upper - trace.lower)[known]
    gap = np.minimum((trace.upper - trace.predicted)[known], (trace.predicted - trace.lower)[known])
    return float((gap <= 1e-6 * width).mean()) if known.any() else 0.0
