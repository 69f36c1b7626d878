"""Every layer of the catalogue and every example as a torch file and an ONNX file, or a sentence why not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import sysidc
from sysidc.runtime.runs.export.files import export
from sysidc.runtime.runs.export.record_form import RecordForm
from sysidc.runtime.runs.export.tracing import record_example
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.model import RunModel, Trained
from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule
from tests.emit.programs import OWN, SHARED, layer_specs

ALL = "SYSIDC_EXPORTS" in os.environ
"""A graph takes a second or two; without this variable every fifth is made."""
EXAMPLES = {f"{path.parents[1].name}_{path.stem}": path for path in (*OWN, *SHARED)}
OPEN = {"main_state_space"}
"""Examples whose sizes only a training finds."""
NAMES = [*layer_specs(), *sorted(EXAMPLES.keys() - OPEN)]
REASONS = ("initial = estimate", "aten.linear")
"""A start that is searched for; weights of complex numbers (FrequencyLinear), which ONNX has none of."""
SHIFT, SCALE = 0.3, 2.0
"""Of every floating signal: training outputs are about as large as their sum."""
SOME = NAMES if ALL else NAMES[::5]


def untrained(name: str, folder: Path, precision: str = "float64") -> Trained:
    """A model with its first weights and a scale; in bounded mode with a band. `precision` is that of a layer."""
    path = EXAMPLES.get(name)
    if path is None:
        path = folder / "layer.sysid"
        path.write_text(layer_specs()[name].replace("float64", precision), encoding="utf-8")
    made = Trained.untrained(sysidc.load(path).plan)
    for signal in made.plan.signals:
        if signal.dtype.startswith("float"):
            made.normalizer.shift(signal.name).fill_(SHIFT)
            made.normalizer.scale(signal.name).fill_(SCALE)
    if isinstance(made.module, BoundedSimulationTrainingModule):
        steps = made.plan.model.inputs[0].steps
        points = torch.randn(60, steps or 1, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        made.module.prepare(points, points.sum(dim=1).tanh())
    return made


def example(run: Trained) -> Tensor:
    x = record_example(run.plan)
    return x * 2 + 0.5 if x.is_floating_point() else x.abs() % 4


@pytest.mark.parametrize("name", NAMES)
def test_the_record_form_of_everything_is_the_model(name: str, tmp_path: Path) -> None:
    run = untrained(name, tmp_path)
    x = example(run)
    try:
        form = RecordForm(run)
    except RunError as refusal:
        assert refusal.id == "not-exported" and "initial = estimate" in str(refusal)
        return
    close = 1e-10 if run.plan.model.dtype == "float64" else 1e-6
    with torch.no_grad():
        assert_close(form(x), RunModel(run)(x), rtol=close, atol=close, equal_nan=True)


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_a_graph_of_everything_is_written_or_refused_in_a_sentence(kind: str, name: str, tmp_path: Path) -> None:
    """A millionth of the outputs' size in float32: what the order of sums changes in the models themselves."""
    if kind == "onnx":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    run = untrained(name, tmp_path, "float32")  # for which onnxruntime has all operations
    path = tmp_path / ("model.pt2" if kind == "torch" else "model.onnx")
    try:
        export(run, kind, path)
    except RunError as refusal:
        assert refusal.id == "not-exported" and not path.exists()
        assert any(reason in str(refusal) for reason in REASONS), refusal
        return
    x = example(run)
    found = torch.export.load(path).module()(x) if kind == "torch" else by_onnxruntime(path, x)
    expected = RecordForm(run)(x)
    size = max(float(expected.abs().max()), SHIFT + SCALE)
    assert_close(found, expected, rtol=0, atol=1e-6 * size, equal_nan=True)


def by_onnxruntime(path: Path, x: Tensor) -> Tensor:
    import onnxruntime  # type: ignore[import-untyped, unused-ignore]

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x.numpy()})
    return torch.from_numpy(y)
