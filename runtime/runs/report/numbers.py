"""The section on learned parameters: how well they are known, what the data leave open, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from sysidc.runtime.runs.report.drawing.table import table
from sysidc.runtime.runs.report.evidence import Evidence
from sysidc.runtime.runs.uncertainty import is_number

HEADS = {"standard_error": "standard error", "relative": "relative [%]", "half_width": "mean standard deviation"}
ERRORS = (
    "The standard error is how much another recording of the same length would change it; none is given where the data "
    "do not determine it. A number whose standard error is as large as itself is hardly determined by these data."
)
BAND = (
    "How far the simulated output may be off because the parameters are known only so well; the noise of a measurement "
    "and what the model cannot say come on top."
)


def numbers(evidence: Evidence) -> str:
    """Nothing where the run tells nothing of its parameters."""
    told = evidence.uncertainty
    if not told.parameters:
        return ""
    rows = [{**row, "relative": _relative(row)} for row in told.parameters]
    own = [row for row in rows if is_number(row["name"])]
    entries = [row for row in rows if not is_number(row["name"])]
    parts = [table(own, HEADS) if own else ""]
    if entries:
        parts.append(f"<details><summary>{len(entries)} entries of tensors</summary>{table(entries, HEADS)}</details>")
    parts.append(f'<p class="note">{ERRORS}</p>')
    if told.undetermined:
        parts.append(f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in told.sentences())}</ul>")
    if told.bands:
        parts.append(f'<h3>Simulation error band</h3>{table(told.bands, HEADS)}<p class="note">{BAND}</p>')
    return "".join(parts)


def _relative(row: Mapping[str, Any]) -> float | None:
    value, error = row.get("value"), row.get("standard_error")
    return 100 * abs(error / value) if value and error is not None else None
