"""What a trained model says about a whole record, in the units of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sysidc.compiler.lower import feedback
from sysidc.runtime.data.layouts import free_run_layout, known_outputs, spans_record, window_layout
from sysidc.runtime.data.normalizer import Normalizer
from sysidc.runtime.data.windows import stack_input
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.training import predict_ahead, simulate
from sysidc.runtime.training.bounded import ROWS_AT_ONCE, BoundedSimulationTrainingModule

Series = dict[str, Tensor]


@dataclass(frozen=True)
class Predicted:
    """Each output signal as (steps, channels), float64, NaN before step `first`; in bounded mode the band too."""

    first: int
    outputs: Series
    lower: Series | None = None
    upper: Series | None = None
    kernel: Series | None = None


def predict_record(trained: Trained, values: Mapping[str, Tensor], horizon: int | None = None) -> Predicted:
    """What the model predicts for a record, each signal (steps, channels) in the units of the data.

    Simulation reads no measured output besides the initial steps; in prediction mode every step is predicted from
    outputs measured up to `horizon` steps before it. A record without a step that can be predicted gives NaN.
    """
    encoded = {name: trained.normalizer.encode(name, data) for name, data in values.items()}
    steps = len(next(iter(values.values())))
    if isinstance(trained.module, BoundedSimulationTrainingModule):
        return _bounded(trained, trained.module, encoded, steps)
    if trained.plan.train.prediction is not None:
        return _ahead(trained, encoded, horizon or trained.plan.train.prediction.validation_horizon)
    return _simulated(trained, encoded, steps)


def _simulated(trained: Trained, encoded: Series, steps: int) -> Predicted:
    plan = trained.plan
    layout = free_run_layout(plan, steps) if spans_record(plan) else window_layout(plan)
    y = simulate(trained.stack, encoded, layout, plan.model.any_length)
    # a free run predicts from the first step whose output is not given; an unpadded filter swallows a few more
    first = known_outputs(plan) if plan.model.any_length else layout.known
    missing = int(torch.isnan(y[:, 0]).long().cumprod(dim=0).sum())
    if missing < steps:  # a model that returns no number at all has a score: NaN
        first = max(first, missing)
    return Predicted(first, decoded(trained, y))


def _ahead(trained: Trained, encoded: Series, horizon: int) -> Predicted:
    plan = trained.plan
    assert plan.train.prediction is not None
    layout = window_layout(plan)
    state = plan.train.prediction.state
    y = predict_ahead(trained.stack, encoded, layout, feedback(plan), horizon, state)
    return Predicted(layout.known + horizon - 1, decoded(trained, y))


@torch.no_grad()
def _bounded(trained: Trained, module: BoundedSimulationTrainingModule, encoded: Series, steps: int) -> Predicted:
    layout = window_layout(trained.plan)
    found: list[Tensor] = []
    module.eval()
    for anchors in torch.split(torch.arange(layout.known, steps), ROWS_AT_ONCE):
        x = stack_input(encoded, layout, anchors)
        kernel, lower, upper = module.band(x)
        y = module.raw(x).to(lower).clamp(lower, upper)
        found.append(torch.stack([part[:, 0, 0] for part in (y, lower, upper, kernel)]))
    whole = torch.full((4, steps, 1), torch.nan, dtype=torch.float64)
    if found:
        whole[:, layout.known :, 0] = torch.cat(found, dim=1)
    return Predicted(layout.known, *(decoded(trained, part) for part in whole))


def decoded(trained: Trained, y: Tensor) -> Series:
    """(steps, outputs) as the network gives it -> each output signal in the units of the data."""
    y = y.detach().cpu().double()
    signals = [window.signal for window in trained.plan.model.outputs]
    parts = torch.split(y, [len(trained.plan.signal(signal).columns) for signal in signals], dim=1)
    return {name: in_data_units(trained.normalizer, name, part) for name, part in zip(signals, parts, strict=True)}


def in_data_units(normalizer: Normalizer, signal: str, values: Tensor) -> Tensor:
    return values * normalizer.scale(signal) + normalizer.shift(signal)
