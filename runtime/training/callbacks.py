"""The callbacks of prediction training under one roof."""

from sysidc.runtime.training.length_callbacks import (
    MultiStepAutoRegressionLengthScheduler,
    StepAutoRegressionLengthScheduler,
)
from sysidc.runtime.training.plateau_callbacks import (
    CombinedAutoRegressionCallback,
    IncreaseAutoRegressionLengthOnPlateau,
)
from sysidc.runtime.training.teacher_forcing import CyclicTeacherForcing

__all__ = [
    "CombinedAutoRegressionCallback",
    "CyclicTeacherForcing",
    "IncreaseAutoRegressionLengthOnPlateau",
    "MultiStepAutoRegressionLengthScheduler",
    "StepAutoRegressionLengthScheduler",
]
