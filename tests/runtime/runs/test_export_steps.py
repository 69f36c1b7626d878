"""The step form of every layer of the catalogue: step by step what the record form says, or a sentence why not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import sysidc
from sysidc.compiler.catalogue.layers import LAYERS
from sysidc.runtime.runs.export.record_form import RecordForm
from sysidc.runtime.runs.export.step_form import StepForm, WindowStep, step_form
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.model import Trained
from tests.emit.programs import CURVES, WRITTEN

SPEC = """sysid 1
signals {{ input u = [a, b]{dtype}  output y = [c, d] }}
model m: u[{window}] -> y[{horizon}] {{ {layers} }}
data {{ train = "a.csv" }}
train simulation {{ optimizer = Adam  precision = float64 }}
"""
OF_WINDOWS = {"Flatten", "TimeSeriesLinear", "Last", "FrequencyLinear"}
"""Layers of a fixed number of steps: a step says what the window says that ends there."""
NO_STEP = {"SelfAttention", "Conv1d"}
"""Layers that look at the whole record, or, as Conv1d is written here, at later steps."""
CALLS = {name: WRITTEN.get(name, name) for name in LAYERS} | {
    "Embedding": "Embedding(5, 4)",
    "causal Conv1d": "Conv1d(3, 3, dilation = 2)",
    "feedthrough": "LinearDynamics(3, initial = washout)",
} | {call: call for call in CURVES}  # fmt: skip


def made(call: str, windows: bool) -> Trained:
    """A model of the layer with its first weights, moved so that nothing starts at zero, and a scale."""
    embeds = call.startswith("Embedding")
    layers = " ".join(["" if embeds else "Linear(2)", call, "Flatten  Linear(2)" if windows else "Linear(2)"])
    window, horizon = ("6", "1") if windows else ("all", "all")
    text = SPEC.format(layers=layers, dtype=" : int64" if embeds else "", window=window, horizon=horizon)
    Path("m.sysid").write_text(text, encoding="utf-8")
    run = Trained.untrained(sysidc.load("m.sysid").plan)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in run.stack.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    if not embeds:
        run.normalizer.shift("u").fill_(0.3)
    run.normalizer.scale("y").fill_(0.7)
    return run


def measured(run: Trained, steps: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    if run.plan.model.type_in.dtype == "int64":
        return torch.randint(0, 5, (2, steps, 2), generator=generator)
    return torch.randn(2, steps, 2, generator=generator, dtype=torch.float64)


@torch.no_grad()
def stepped(form: StepForm, u: torch.Tensor) -> torch.Tensor:
    x, found = form.start.expand(len(u), -1), []
    for now in u.unbind(1):
        y, x = form(now, x)
        found.append(y)
    return torch.stack(found, dim=1)


@pytest.mark.parametrize("name", list(CALLS))
def test_steps_are_the_record(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = made(CALLS[name], name in OF_WINDOWS)
    if name in NO_STEP:
        with pytest.raises(RunError, match="cannot run step by step"):
            step_form(run)
        return
    form, record, u = step_form(run), RecordForm(run), measured(run, 14)
    y = stepped(form, u)
    if not isinstance(form, WindowStep):
        assert_close(y, record(u), rtol=1e-10, atol=1e-10)
        return
    for end in range(6, 15):
        assert_close(y[:, end - 1], record(u[:, end - 6 : end])[:, -1], rtol=1e-10, atol=1e-10)
