"""The device that a plan trains on."""

from __future__ import annotations

import torch

from sysidc.compiler.plan import Plan
from sysidc.runtime.runs import mistakes


def device_of(plan: Plan) -> str:
    """The device that the plan trains on. Raises RunError where this machine has none."""
    wanted = plan.train.accelerator
    if wanted in ("cuda", "gpu") and not torch.cuda.is_available() and not _has_mps(wanted):
        raise mistakes.no_device(wanted, "torch finds no GPU")
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise mistakes.no_device(wanted, "torch finds no Metal device")
    if wanted in ("cuda", "gpu", "auto") and torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name(0)})"
    return "mps" if wanted != "cpu" and torch.backends.mps.is_available() else "cpu"


def _has_mps(wanted: str) -> bool:
    return wanted == "gpu" and torch.backends.mps.is_available()
