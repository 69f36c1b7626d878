"""An exported model says what the run's model says, in the units of the data; its step form, step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor
from torch.testing import assert_close

import sysidc
from sysidc.runtime.cli import main
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs.export.files import DESCRIPTION, export
from sysidc.runtime.runs.export.record_form import RecordForm
from sysidc.runtime.runs.export.step_form import EnsembleStep, StepForm, step_form
from sysidc.runtime.runs.export.tracing import record_example, trace
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.model import RunModel, Trained
from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule

HEAD = "sysid 1 signals { sampling_time = 20 ms  input u  output y } "
DATA = 'data { train = "data/a.csv"  test = 30 %  validation = 20 %  normalize = standard } '
SIMULATION = "train simulation { epochs = 1  optimizer = Adam  precision = float64 }"
MOTION = "dynamics cart {{ state x = 0.5, v = 0.1  learn k = 0.8 in 0 .. 2  der(x) = v  der(v) = {force}  y = x }} "
SMOOTH = MOTION.format(force="u - k * tanh(2 * x) - 0.3 * v")
STICKING = MOTION.format(force="u - k * tanh(50 * v) - x")
MODELS = {
    "filter": "model m: u[8] -> y[4] { Conv1d(3, 4, dilation = 2)  @residual { DelayLine(2)  Linear(3) }  Linear(1) } "
    + SIMULATION,
    "recurrent": "model m: u[12], y[5] -> y[7] { GRU(3)  LSTM(2)  Linear(1) } " + SIMULATION,
    "states": "model m: u[all] -> y[all] { StateSpace(2, [4], [])  Clip(-3, 3) } " + SIMULATION,
    "equations": "dynamics tank { state x = 0.5  learn k = 0.8 in 0 .. 2  der(x) = u - k * tanh(20 * x)  y = x } "
    "model m: u[all] -> y[all] { tank } " + SIMULATION,
    "motion": SMOOTH + "model m: u[all] -> y[all] { cart(solver = rk4, substeps = 2) } " + SIMULATION,
    "friction": STICKING + "model m: u[all] -> y[all] { cart(solver = implicit) } " + SIMULATION,
    "windows": "model m: u[6] -> y[1] { TimeSeriesLinear(2, 3)  Flatten  Linear(1) } " + SIMULATION,
    "regressors": "model m: u[4], y[2] -> y[1] { Flatten  Linear(4)  Tanh  Linear(1) } "
    "train prediction { epochs = 1  precision = float64 }",
    "bounded": "model m: u[3] -> y[1] { Flatten  Linear(1) } train bounded { "
    "kernel = Epanechnikov(bandwidth = 0.5)  neighbours = 16  epochs = 1  precision = float64 }",
}


def untrained(text: str) -> Trained:
    """A model with its first weights, and a scale that changes something; in bounded mode with a band."""
    Path("m.sysid").write_text(HEAD + DATA + text, encoding="utf-8")
    made = Trained.untrained(sysidc.load("m.sysid").plan)
    for name, shift, scale in (("u", 0.3, 2.0), ("y", -0.2, 0.7)):
        made.normalizer.shift(name).fill_(shift)
        made.normalizer.scale(name).fill_(scale)
    if isinstance(made.module, BoundedSimulationTrainingModule):
        points = torch.randn(60, 3, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        made.module.prepare(points, points.sum(dim=1).tanh())
    return made


def in_data_units(run: Trained) -> Tensor:
    return record_example(run.plan) * 2 + 0.5


@pytest.mark.parametrize("name", [name for name in MODELS if name != "friction"])
def test_the_record_form_is_the_model_of_the_run(specs: Path, name: str) -> None:
    run = untrained(MODELS[name])
    x = in_data_units(run)
    with torch.no_grad():
        assert_close(RecordForm(run)(x), RunModel(run)(x), rtol=1e-10, atol=1e-10)


def stepped(form: StepForm, u: Tensor) -> Tensor:
    """Outputs (batch, time, outputs) over u (batch, time, channels), one step after the other."""
    x, found = form.start.expand(len(u), -1), []
    for now in u.unbind(1):
        y, x = form(now, x)
        found.append(y)
    return torch.stack(found, dim=1)


@pytest.mark.parametrize("name", ["filter", "recurrent", "states", "equations", "motion"])
def test_steps_from_the_start_of_a_record_are_the_record(specs: Path, name: str) -> None:
    run = untrained(MODELS[name])
    x = in_data_units(run)
    y = RecordForm(run)(x)
    if x.shape[2] == 2:
        x[:, 5:, 1] = torch.nan  # what the record form does not look at was not measured
    assert_close(stepped(step_form(run), x)[:, -y.shape[1] :], y, rtol=1e-9, atol=1e-9)


def averaged(text: str, bound: float) -> Trained:
    """Three stacks with weights of their own as one; the normalised training outputs lay within -bound .. bound."""
    plan = untrained(text).plan
    made = Trained.untrained(plan, (plan,) * 3)
    made.normalizer.scale("y").fill_(0.7)
    assert isinstance(made.stack, Ensemble)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in made.stack.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    made.stack.low.fill_(-bound)
    made.stack.high.fill_(bound)
    made.stack.behind[-1] = 0.5
    return made


@torch.no_grad()
def _alone(run: Trained, x: Tensor) -> list[Tensor]:
    """What each member makes of records, normalised."""
    z = torch.nan_to_num(RecordForm(run).units.encode(x))
    return [member(z) for member in run.stack.members]  # type: ignore[union-attr]


@pytest.mark.parametrize("place", [1, 2], ids=["one stays", "all leave"])
@pytest.mark.parametrize("name", ["recurrent", "states", "filter"])
def test_a_step_of_an_ensemble_is_the_end_of_the_record_so_far(specs: Path, name: str, place: int) -> None:
    """Members that leave their range on the way are left out from there on, as of a record that ends there."""
    x = in_data_units(untrained(MODELS[name])).repeat(1, 3, 1)
    x[:, 5:, 1:] = torch.nan
    peaks = sorted(float(y.abs().max()) for y in _alone(averaged(MODELS[name], 1.0), x))
    run = averaged(MODELS[name], 0.9 * peaks[2 - place] / 3)
    record, step = RecordForm(run), step_form(run)
    assert isinstance(step, EnsembleStep)
    state = step.start.expand(2, -1)
    for now in range(x.shape[1]):
        found, state = step(x[:, now], state)
        if now >= (run.plan.model.type_in.steps or 1) - 1:
            assert_close(found, record(x[:, : now + 1])[:, -1], rtol=1e-9, atol=1e-9)
    outside = state[:, -3:] > 0
    assert bool(outside.any()) and bool(outside.all(dim=1).any()) == (place == 2)


@pytest.mark.parametrize(("kind", "step"), [("onnx", False), ("torch", True)], ids=["record", "step"])
def test_an_ensemble_is_written_as_it_runs(specs: Path, kind: str, step: bool) -> None:
    """`export` compares what it wrote with the model."""
    if kind == "onnx":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    path = Path("model.onnx" if kind == "onnx" else "model.pt2")
    export(averaged(MODELS["states"].replace("float64", "float32"), 0.05), kind, path, step)
    assert path.stat().st_size > 0


@pytest.mark.parametrize("name", ["windows", "regressors", "bounded"])
def test_a_step_says_what_the_window_says_that_ends_there(specs: Path, name: str) -> None:
    run = untrained(MODELS[name])
    form, window = step_form(run), RecordForm(run)
    steps = run.plan.model.type_in.steps
    assert steps is not None
    u = torch.randn(2, 12, run.plan.model.type_in.channels, generator=torch.Generator().manual_seed(1)).double()
    found = stepped(form, u)
    for end in range(steps, 12):
        assert_close(found[:, end - 1 : end], window(u[:, end - steps : end]), rtol=1e-9, atol=1e-9)


def test_an_output_that_was_not_measured_is_the_own_prediction(specs: Path) -> None:
    run = untrained(MODELS["regressors"])
    form = step_form(run)
    u = torch.randn(1, 10, 2, generator=torch.Generator().manual_seed(1)).double()
    free = u.clone()
    free[:, 6:, 1] = torch.nan
    simulated = stepped(form, free)
    for step in range(6, 10):
        u[:, step, 1] = simulated[:, step - 1, 0]
    assert_close(simulated, stepped(form, u))


@pytest.mark.parametrize(("name", "step"), [("states", False), ("equations", False), ("bounded", True)])
def test_a_torch_file_holds_the_model_and_tells_about_it(specs: Path, name: str, step: bool) -> None:
    run = untrained(MODELS[name])
    export(run, "torch", Path("model.pt2"), step)
    told = {DESCRIPTION: ""}
    program = torch.export.load("model.pt2", extra_files=told)
    form = step_form(run) if step else RecordForm(run)
    x = in_data_units(run)
    given = (x[:, 0], form.start.expand(2, -1).clone()) if isinstance(form, StepForm) else (torch.cat([x, x, x], 1),)
    assert_close(program.module()(*given), form(*given), rtol=1e-9, atol=1e-9)
    about = json.loads(told[DESCRIPTION])
    assert about["plan"] == run.plan.hash and json.loads(about["inputs"])[0]["columns"] == ["u"]
    assert ("start" in about) == step


@pytest.mark.parametrize(
    ("name", "step"), [("filter", False), ("states", False), ("regressors", True), ("motion", False)]
)
def test_an_onnx_file_says_the_same_at_any_length(specs: Path, name: str, step: bool) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    run = untrained(MODELS[name].replace("float64", "float32"))  # onnxruntime has no Conv in float64
    export(run, "onnx", Path("model.onnx"), step)
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    x = in_data_units(run)
    form: Any = step_form(run) if step else RecordForm(run)
    given = {"u": x[:, 0], "x": form.start.expand(2, -1)} if step else {"x": torch.cat([x, x, x], 1)[:, :-1]}
    found = session.run(None, {key: value.numpy() for key, value in given.items()})
    expected = form(*given.values())
    for value, wanted in zip(found, expected if step else [expected], strict=True):
        np.testing.assert_allclose(value, wanted.numpy(), rtol=1e-5, atol=1e-6)
    assert json.loads(session.get_modelmeta().custom_metadata_map["outputs"])[0]["unit"] is None


def test_a_step_of_stiff_equations_is_that_of_the_run(specs: Path) -> None:
    """A record of them is a search inside a loop, which is refused in a sentence; their step is not."""
    run = untrained(MODELS["friction"])
    with pytest.raises(RunError, match="implicit solver searches in every step"):
        export(run, "torch", Path("record.pt2"))
    form, u = step_form(run), in_data_units(run)
    with torch.no_grad():
        assert_close(stepped(form, u), RunModel(run)(u), rtol=1e-7, atol=1e-8)


def test_safetensors_hold_weights_scale_and_description(specs: Path) -> None:
    run = untrained(MODELS["windows"])
    export(run, "safetensors", Path("model.safetensors"))
    with safe_open("model.safetensors", framework="pt") as file:
        assert set(file.keys()) == set(run.state())
        assert file.metadata()["plan"] == run.plan.hash
        assert json.loads(file.metadata()["scale"])["u"]["scale"] == run.normalizer.scale("u").tolist()


REFUSED = {
    "estimate": ("model m: u[all], y[5] -> y[all] { LinearDynamics(2, initial = estimate) } " + SIMULATION, False),
    "later steps": ("model m: u[8] -> y[4] { Conv1d(3, 3, padding = same)  Linear(1) } " + SIMULATION, True),
    "fed back": ("model m: u[8], y[4] -> y[4] { TimeSeriesLinear(4, 1) } " + SIMULATION, True),
}


@pytest.mark.parametrize(("text", "step"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_exported_is_refused_in_a_sentence(specs: Path, text: str, step: bool) -> None:
    run = untrained(text)
    with pytest.raises(RunError) as refusal:
        export(run, "torch", Path("model.pt2"), step)
    assert refusal.value.id == "not-exported" and not Path("model.pt2").exists()


def test_a_file_that_differs_from_the_model_is_refused(specs: Path) -> None:
    run = untrained(MODELS["windows"])
    graph = trace(RecordForm(run), run.plan)
    (y,) = graph.expected()
    graph.check([y], "the file")
    with pytest.raises(RunError, match=r"differs from the model by 0\.01"):
        graph.check([y * 1.01], "the file")
    with pytest.raises(RunError, match="no name of a onnx file"):
        export(run, "onnx", Path("model.txt"))


def test_a_run_folder_is_enough_to_export(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = sysidc.load("simulation.sysid").train()
    assert main(["export", str(run.path), "--format", "torch", "-o", "model.pt2", "--step"]) == 0
    assert main(["export", str(run.path), "--format", "safetensors", "-o", "model.pt2"]) == 2
    assert "end it in .safetensors" in capsys.readouterr().err
    torch.export.load("model.pt2")
