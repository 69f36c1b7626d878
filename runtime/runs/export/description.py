"""What an exported file says about itself: signals, windows, units, scale, and where its state starts."""

from __future__ import annotations

import json
from typing import Any

from sysidc.compiler.plan import Plan
from sysidc.runtime.runs.model import Trained

FORMAT_VERSION = "1.0"


def description(trained: Trained, start: list[float] | None = None) -> dict[str, str]:
    """Flat, every value a string: the plan's hash, and JSON for the rest. `start` is the state of a step form."""
    plan = trained.plan
    told: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "model": plan.model.name,
        "mode": plan.train.mode,
        "plan": plan.hash,
        "sampling_time": plan.sampling_time,
        "inputs": _windows(plan, "inputs"),
        "outputs": _windows(plan, "outputs"),
        "scale": {
            signal.name: {
                "shift": trained.normalizer.shift(signal.name).tolist(),
                "scale": trained.normalizer.scale(signal.name).tolist(),
            }
            for signal in plan.signals
        },
    }
    if start is not None:
        told["start"] = start
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}


def _windows(plan: Plan, side: str) -> list[dict[str, Any]]:
    found = []
    for window in getattr(plan.model, side):
        signal = plan.signal(window.signal)
        columns = {"signal": signal.name, "role": signal.role, "columns": list(signal.columns), "unit": signal.unit}
        found.append({**columns, "dtype": signal.dtype, "steps": window.steps if window.steps else "all"})
    return found
