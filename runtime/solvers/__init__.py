"""Numerics that fit a model to whole records: linear models by subspace methods, starts for cascades of blocks."""

from sysidc.runtime.solvers.linear_model import LinearModel, fit_percent, recurrence, series
from sysidc.runtime.solvers.output_error import fit_inputs, fit_start, simulation_error
from sysidc.runtime.solvers.subspace import SubspaceEstimate, subspace

__all__ = [
    "LinearModel",
    "SubspaceEstimate",
    "fit_inputs",
    "fit_percent",
    "fit_start",
    "recurrence",
    "series",
    "simulation_error",
    "subspace",
]
