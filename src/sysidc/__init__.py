"""The names that people import: `load`, `open_run` and the classes for use without a spec, each fetched when asked for.

Importing sysidc imports neither torch nor lark nor pydantic, so that `sysidc check` starts quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sysidc.dsl.diagnostics import SpecError
    from sysidc.runtime.api import Run, Spec, load, open_run
    from sysidc.runtime.bounded import kernel_regression, kernel_regression_bounds
    from sysidc.runtime.data import PredictionDataModule, SimulationDataModule
    from sysidc.runtime.nn import AutoregressiveResidualWrapper, CastWrapper, ResidualConnectionWrapper
    from sysidc.runtime.training import (
        CombinedAutoRegressionCallback,
        CyclicTeacherForcing,
        IncreaseAutoRegressionLengthOnPlateau,
        LightningPredictionTrainingModule,
        LightningSimulationTrainingModule,
        MultiStepAutoRegressionLengthScheduler,
        StepAutoRegressionLengthScheduler,
    )
    from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule

__version__ = "0.1.0"

__all__ = [
    "AutoregressiveResidualWrapper",
    "BoundedSimulationTrainingModule",
    "CastWrapper",
    "CombinedAutoRegressionCallback",
    "CyclicTeacherForcing",
    "IncreaseAutoRegressionLengthOnPlateau",
    "LightningPredictionTrainingModule",
    "LightningSimulationTrainingModule",
    "MultiStepAutoRegressionLengthScheduler",
    "PredictionDataModule",
    "ResidualConnectionWrapper",
    "Run",
    "SimulationDataModule",
    "Spec",
    "SpecError",
    "StepAutoRegressionLengthScheduler",
    "__version__",
    "kernel_regression",
    "kernel_regression_bounds",
    "load",
    "open_run",
]

_HOMES = {
    "AutoregressiveResidualWrapper": "sysidc.runtime.nn",
    "BoundedSimulationTrainingModule": "sysidc.runtime.training.bounded",
    "CastWrapper": "sysidc.runtime.nn",
    "CombinedAutoRegressionCallback": "sysidc.runtime.training",
    "CyclicTeacherForcing": "sysidc.runtime.training",
    "IncreaseAutoRegressionLengthOnPlateau": "sysidc.runtime.training",
    "LightningPredictionTrainingModule": "sysidc.runtime.training",
    "LightningSimulationTrainingModule": "sysidc.runtime.training",
    "MultiStepAutoRegressionLengthScheduler": "sysidc.runtime.training",
    "PredictionDataModule": "sysidc.runtime.data",
    "ResidualConnectionWrapper": "sysidc.runtime.nn",
    "Run": "sysidc.runtime.api",
    "SimulationDataModule": "sysidc.runtime.data",
    "Spec": "sysidc.runtime.api",
    "SpecError": "sysidc.dsl.diagnostics",
    "StepAutoRegressionLengthScheduler": "sysidc.runtime.training",
    "kernel_regression": "sysidc.runtime.bounded",
    "kernel_regression_bounds": "sysidc.runtime.bounded",
    "load": "sysidc.runtime.api",
    "open_run": "sysidc.runtime.api",
}

if not TYPE_CHECKING:  # a type checker would otherwise believe in every name

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'sysidc' has no attribute {name!r}")
        value = getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
