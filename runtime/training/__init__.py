"""The training modules, the callbacks that steer them, and the scoring of what they trained."""

from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule
from sysidc.runtime.training.callbacks import (
    CombinedAutoRegressionCallback,
    CyclicTeacherForcing,
    IncreaseAutoRegressionLengthOnPlateau,
    MultiStepAutoRegressionLengthScheduler,
    StepAutoRegressionLengthScheduler,
)
from sysidc.runtime.training.feedback import Feedback, feedback_of
from sysidc.runtime.training.free_run import predict_ahead, simulate, simulate_by_windows, simulate_freely
from sysidc.runtime.training.prediction import LightningPredictionTrainingModule
from sysidc.runtime.training.simulation import LightningSimulationTrainingModule
from sysidc.runtime.training.stops import BestWeights

__all__ = [
    "BestWeights",
    "BoundedSimulationTrainingModule",
    "CombinedAutoRegressionCallback",
    "CyclicTeacherForcing",
    "Feedback",
    "IncreaseAutoRegressionLengthOnPlateau",
    "LightningPredictionTrainingModule",
    "LightningSimulationTrainingModule",
    "MultiStepAutoRegressionLengthScheduler",
    "StepAutoRegressionLengthScheduler",
    "feedback_of",
    "predict_ahead",
    "simulate",
    "simulate_by_windows",
    "simulate_freely",
]
