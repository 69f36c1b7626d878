"""The score of a trained model on the test part: one row per record, signal and horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sysidc.compiler.plan import Plan
from sysidc.runtime.data.modules import tape_of
from sysidc.runtime.data.prepare import prepare
from sysidc.runtime.data.tape import TensorRecord
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.records import predict_record

Row = dict[str, Any]


def scored_records(plan: Plan) -> tuple[TensorRecord, ...]:
    """The records of the test part in the units of the data, none where the spec names no test. Raises DataError."""
    return tape_of(plan, prepare(plan).test).records


def score(trained: Trained, records: Sequence[TensorRecord], split: str = "test") -> list[Row]:
    """Rows {split, record, signal, horizon, rmse, nrmse, r2, fit, mae}, as far as `metrics` asks for them.

    Steps count from `initial_steps` or from the first that can be predicted, whichever is later. `horizon` is None
    except in prediction mode.
    """
    plan = trained.plan
    rows = []
    for record in records:
        for horizon in plan.test.horizons or (None,):
            predicted = predict_record(trained, record.values, horizon)
            first = max(plan.test.initial_steps, predicted.first)
            for signal, values in predicted.outputs.items():
                if first >= len(record):
                    continue
                errors = scores(values[first:], record.values[signal][first:])
                named = {"split": split, "record": record.name, "signal": signal, "horizon": horizon}
                rows.append({**named, **{name: errors[name] for name in plan.test.metrics}})
    return rows


def scores(predicted: Tensor, measured: Tensor) -> Mapping[str, float]:
    """Of (steps, channels), over all channels of a signal together.

    rmse = sqrt(mean e^2), mae = mean |e|, nrmse = rmse / sqrt(mean over channels of the variance, divisor n),
    r2 = 1 - nrmse^2, fit = 100 (1 - nrmse). A signal that never moves has nrmse 0 without error, else inf.
    """
    measured = measured.double().to(predicted.device)
    error = predicted.double() - measured
    rmse = error.square().mean().sqrt()
    spread = measured.var(dim=0, correction=0).mean().sqrt()
    nrmse = torch.zeros_like(rmse) if rmse == 0 else rmse / spread
    values = {"rmse": rmse, "nrmse": nrmse, "r2": 1 - nrmse**2, "fit": 100 * (1 - nrmse), "mae": error.abs().mean()}
    return {name: float(value) for name, value in values.items()}
