"""Data of a spec and of Python: sources, parts, scale, windows and the data modules. Importing it imports no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sysidc.runtime.data.errors import DataError

if TYPE_CHECKING:
    from sysidc.runtime.data.modules import SpecDataModule
    from sysidc.runtime.data.normalizer import Normalizer
    from sysidc.runtime.data.prediction_module import PredictionDataModule
    from sysidc.runtime.data.simulation_module import SimulationDataModule

__all__ = ["DataError", "Normalizer", "PredictionDataModule", "SimulationDataModule", "SpecDataModule"]

_HOMES = {
    "Normalizer": "normalizer",
    "PredictionDataModule": "prediction_module",
    "SimulationDataModule": "simulation_module",
    "SpecDataModule": "modules",
}

if not TYPE_CHECKING:  # a type checker would otherwise believe in every name

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
