"""An emitted program needs no sysidc, builds the same stack and trains it to the same weights."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

import sysidc
from sysidc.compiler.emit.tidy import find_ruff
from sysidc.runtime.cli import main
from sysidc.runtime.cli.compile import write_program
from sysidc.runtime.runs.mistakes import RunError
from tests.emit.programs import OWN, SHARED, TRAININGS, layer_specs, without_sysidc, write_data

BUILD = """
import importlib.util, pathlib, torch
found = {}
for path in sorted(pathlib.Path().glob("*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    program = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = program
    spec.loader.exec_module(program)
    model, x = program.build_model().eval(), torch.load(path.with_suffix(".x"))
    with torch.no_grad():
        found[path.stem] = (model.state_dict(), model(x))
torch.save(found, "found.pt")
"""
TRAIN = """
import contextlib, importlib.util, pathlib, io
for path in sorted(pathlib.Path().glob("*.py")):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    program = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = program
    spec.loader.exec_module(program)
    experiment, scale = program.train()
    program.save_weights(path.with_suffix(".weights"), experiment, scale)
    print(path.stem)
    program.score(*program.load_experiment(path.with_suffix(".weights")))
"""


OPEN = "main_state_space"
"""The example that leaves sizes to its training: it is compiled from a run, see below."""
EXAMPLES = {f"{path.parents[1].name}_{path.stem}": path for path in (*OWN, *SHARED)}
EXAMPLES.pop(OPEN)


def example_input(plan: Any) -> torch.Tensor:
    """Something of the stack's input type, of two records."""
    arrives = plan.model.type_in
    shape = (2, arrives.steps or 60, arrives.channels)
    generator = torch.Generator().manual_seed(0)
    if arrives.dtype.startswith("int"):
        return torch.randint(0, 4, shape, generator=generator)
    return torch.randn(shape, generator=generator, dtype=getattr(torch, arrives.dtype))


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, sysidc.Spec]:
    """All examples, and one spec for each layer."""
    folder = tmp_path_factory.mktemp("specs")
    write_data(folder)
    found = {name: sysidc.load(path) for name, path in EXAMPLES.items()}
    for name, text in layer_specs().items():
        path = folder / f"{name}.sysid"
        path.write_text(text, encoding="utf-8")
        found[name] = sysidc.load(path)
    return found


@pytest.fixture(scope="module")
def programs(specs: dict[str, sysidc.Spec], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs, each with an input for its model."""
    folder = tmp_path_factory.mktemp("programs")
    for name, spec in specs.items():
        write_program(spec.plan, folder / f"{name}.py")
        torch.save(example_input(spec.plan), folder / f"{name}.x")
    return folder


@pytest.fixture(scope="module")
def built(programs: Path) -> Mapping[str, tuple[dict[str, torch.Tensor], torch.Tensor]]:
    """Weights and outputs of every model, made without sysidc."""
    without_sysidc(BUILD, programs)
    found: dict[str, Any] = torch.load(programs / "found.pt")
    return found


NAMES = [*EXAMPLES, *layer_specs()]


@pytest.mark.parametrize("name", NAMES)
def test_a_program_builds_the_same_stack(name: str, specs: Any, built: Any, programs: Path) -> None:
    weights, y = built[name]
    stack = specs[name].build().eval()
    own = stack.state_dict()
    assert list(weights) == list(own)
    for key, value in own.items():
        assert_close(weights[key], value, rtol=0, atol=0, equal_nan=True)
    with torch.no_grad():
        assert_close(y, stack(torch.load(programs / f"{name}.x")), rtol=1e-12, atol=0, equal_nan=True)


@pytest.mark.skipif(find_ruff() is None, reason="ruff is not installed")
@pytest.mark.parametrize("elsewhere", [False, True], ids=["in a project", "without a configuration"])
def test_a_program_passes_ruff_where_it_was_written(
    specs: dict[str, sysidc.Spec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    ruff = find_ruff()
    assert ruff is not None
    if elsewhere:
        monkeypatch.chdir(tmp_path)
    for name in EXAMPLES:
        write_program(specs[name].plan, tmp_path / f"{name}.py")
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run([ruff, *arguments, "--no-cache", str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_programs_train_to_the_weights_and_scores_of_their_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_data(tmp_path)
    for name, text in TRAININGS.items():
        Path(f"{name}.sysid").write_text(text, encoding="utf-8")
        assert main(["compile", f"{name}.sysid", "-o", f"programs/{name}.py"]) == 0
    told = without_sysidc(TRAIN, tmp_path / "programs")
    for name in TRAININGS:
        run = sysidc.load(f"{name}.sysid").train()
        weights, own = load_file(f"programs/{name}.weights"), load_file(run.path / "weights.safetensors")
        assert weights.keys() == own.keys()
        for key, value in own.items():
            assert_close(weights[key], value, rtol=1e-5, atol=1e-6)
        assert_scores_told(run.metrics, told)


def assert_scores_told(rows: Any, told: str) -> None:
    """Every rmse of a run stands in what a program prints."""
    printed = [float(number) for number in re.findall(r" rmse = ([^,]+)", told)]
    for row in rows:
        assert any(number == pytest.approx(row["rmse"], rel=1e-3) for number in printed), (row, printed)


def test_comments_name_the_lines_of_the_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.sysid").write_text(layer_specs()["Tanh"], encoding="utf-8")
    assert main(["compile", "m.sysid", "-o", "m.py"]) == 0
    text = (tmp_path / "m.py").read_text()
    assert "nn.Tanh()" in text and "# m.sysid:3" in text and "# m.sysid:4" in text and "sysidc" not in text


def test_what_cannot_be_written_out_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.sysid").write_text(layer_specs()["Tanh"].replace('"a.csv"', '"a.csv" missing = split'))
    assert main(["compile", str(tmp_path / "m.sysid"), "-o", str(tmp_path / "m.py")]) == 2
    assert "error[not-compiled]: `missing = split`" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["m.sysid"]
    with pytest.raises(RunError, match="sizes that are left to the training"):
        write_program(sysidc.load(OWN[0].with_name("state_space.sysid")).plan, tmp_path / "m.py")
    with pytest.raises(RunError, match="no name of a Python file"):
        write_program(sysidc.load(OWN[0]).plan, tmp_path / "m.txt")


UNTRAINED = {
    "stages in prediction mode": ("prediction", "stage { epochs = 1 }  stage { epochs = 1 }"),
    "LevenbergMarquardt in prediction mode": ("prediction", "optimizer = LevenbergMarquardt"),
    "stages with an optimizer": ("simulation", "stage { optimizer = Adam }  stage { optimizer = LBFGS }"),
}


@pytest.mark.parametrize("told", UNTRAINED)
def test_what_a_program_does_not_train_is_told_in_it_and_on_stderr(
    told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mode, settings = UNTRAINED[told]
    spec = tmp_path / "m.sysid"
    spec.write_text(
        "sysid 1\nsignals { input u  output y }\nmodel m: u[4] -> y[1] { Flatten  Linear(1) }\n"
        f'data {{ train = "a.csv" }}\ntrain {mode} {{ {settings} }}\n',
        encoding="utf-8",
    )
    assert main(["compile", str(spec), "-o", str(tmp_path / "m.py")]) == 0
    assert f"not written out: {told}" in capsys.readouterr().err
    text = (tmp_path / "m.py").read_text()
    assert f"Not written out: {told}" in text and "SystemExit" in text


def test_the_program_of_a_run_has_the_sizes_that_its_training_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.sysid").write_text(
        "sysid 1\nsignals { input u  output y }\nmodel m: u[all], y[5] -> y[all] { StateSpace(2, auto, []) }\n"
        "data { train = duffing(samples = 200)  test = 20 % }\ntrain simulation { epochs = 1 }\n",
        encoding="utf-8",
    )
    run = sysidc.load("m.sysid").train()
    assert main(["compile", str(run.path), "-o", "program/program_of_a_run.py"]) == 0
    monkeypatch.syspath_prepend(tmp_path / "program")
    program = importlib.import_module("program_of_a_run")
    program.score(*program.load_experiment(run.path / "weights.safetensors"))
    assert_scores_told(run.metrics, capsys.readouterr().out)
