"""Numerics that fit a model to whole records: linear models by subspace methods, starts for cascades of blocks."""

from sysidc.runtime.solvers.block_starts import block_from_poles, random_poles, several_between, splits
from sysidc.runtime.solvers.cascade_starts import CascadeStart, cascade_starts
from sysidc.runtime.solvers.levenberg_marquardt import LevenbergMarquardt
from sysidc.runtime.solvers.linear_model import LinearModel, fit_percent, series
from sysidc.runtime.solvers.orthonormal_basis import orthonormal_basis, with_numerator
from sysidc.runtime.solvers.output_error import fit_inputs, fit_start, simulation_error
from sysidc.runtime.solvers.pole_products import pole_products
from sysidc.runtime.solvers.static_curve import StaticCurve, static_curve
from sysidc.runtime.solvers.subspace import SubspaceEstimate, subspace

__all__ = [
    "CascadeStart",
    "LevenbergMarquardt",
    "LinearModel",
    "StaticCurve",
    "SubspaceEstimate",
    "block_from_poles",
    "cascade_starts",
    "fit_inputs",
    "fit_percent",
    "fit_start",
    "orthonormal_basis",
    "pole_products",
    "random_poles",
    "series",
    "several_between",
    "simulation_error",
    "splits",
    "static_curve",
    "subspace",
    "with_numerator",
]
