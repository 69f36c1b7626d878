"""Layers that another package brings: found without torch, judged like the language's own, held to their row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sysidc
from sysidc.compiler.catalogue import installed
from sysidc.compiler.catalogue.installed import rows
from sysidc.compiler.explain.layer_page import layer_page
from sysidc.compiler.foreign import ForeignLayerError
from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.schema import schema
from sysidc.dsl.source import Source
from sysidc.runtime.cli import main

ROWS = """
from sysidc.catalogue import REQUIRED, Argument, Effect, Layer, Misfit, Shape


def moving_average(arguments, shape):
    taps = arguments["taps"]
    if shape.steps is not None and taps > shape.steps:
        return Misfit("window-too-short", "taps", f"{taps} taps, {shape.steps} steps", "too many")
    weights = shape.channels * taps
    return Effect(shape, (taps - 1, 0), weights, {"channels": shape.channels, "taps": taps})


MOVING_AVERAGE = Layer(
    "MovingAverage", "filters.layers.MovingAverage",
    (Argument("taps", "int", REQUIRED, low=1, about="samples that are weighed"),),
    moving_average, "parameters", "a learned moving average of each channel", example="MovingAverage(5)",
)
DEAD_ZONE = Layer(
    "DeadZone", "filters.layers.DeadZone", (Argument("width", "float", 0.1, low=0, about="of the zone"),),
    lambda arguments, shape: Effect(shape, (0, 0), 0, dict(arguments)), "floating", "nothing near 0", per_step=True,
)
LIAR = Layer(
    "Liar", "filters.layers.Ahead", (), lambda arguments, shape: Effect(shape, (0, 0), 0, {}), "floating", "looks ahead"
)
RAISES = Layer("Raises", "filters.layers.Ahead", (), lambda arguments, shape: 1 / 0, "floating", "fails")
"""
LAYERS = """
import torch
from torch import nn


class MovingAverage(nn.Module):
    def __init__(self, channels, taps):
        super().__init__()
        self.weights = nn.Parameter(torch.full((channels, 1, taps), 1 / taps))

    def forward(self, x):
        x = nn.functional.pad(x.mT, (self.weights.shape[-1] - 1, 0))
        return nn.functional.conv1d(x, self.weights, groups=len(self.weights)).mT


class DeadZone(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, x):
        return nn.functional.softshrink(x, self.width)


class Ahead(nn.Module):
    def forward(self, x):
        return torch.roll(x, -1, dims=1)
"""
ENTRY_POINTS = """[sysidc.layers]
MovingAverage = filters.rows:MOVING_AVERAGE
DeadZone = filters.rows:DEAD_ZONE
Liar = filters.rows:LIAR
Raises = filters.rows:RAISES
Heavy = filters.heavy:MOVING_AVERAGE
Loud = filters.loud:LOUD
Gone = filters.nowhere:GONE
Misnamed = filters.rows:DEAD_ZONE
Linear = filters.rows:LINEAR
"""
SPEC = """sysid 1
signals {{ input u  output y }}
model filtered: {header} {{ {stack} }}
data {{ train = wiener_hammerstein(samples = 300)  test = 30 %  validation = 20 % }}
train simulation {{ {train} }}
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which the package `filters` is installed; what is known of installed packages is forgotten."""
    site = tmp_path / "site"
    files = {"rows.py": ROWS, "layers.py": LAYERS, "heavy.py": "import torch\nfrom filters.rows import *\n"}
    files["loud.py"] = "print('hello')\nraise SystemExit\n"
    for name, text in {**files, "__init__.py": ""}.items():
        _write(site / "filters" / name, text)
    _write(site / "filters-1.2.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: filters\nVersion: 1.2\n")
    _write(site / "filters-1.2.dist-info" / "entry_points.txt", ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))
    _forget()
    yield site
    for name in [name for name in sys.modules if name.partition(".")[0] == "filters"]:
        del sys.modules[name]
    _forget()


def _forget() -> None:
    installed.installed.cache_clear()
    installed.offered.cache_clear()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _spec(stack: str, header: str = "u[16] -> y[1]", train: str = "epochs = 2") -> str:
    return SPEC.format(stack=stack, header=header, train=train)


def _ids(text: str) -> list[str]:
    return [diagnostic.id for diagnostic in compile_source(Source("filtered.sysid", text)).diagnostics]


def test_shape_count_and_receptive_field_follow_the_row(packages: Path) -> None:
    compiled = compile_source(Source("filtered.sysid", _spec("Linear(3)  MovingAverage(5)  DeadZone  Linear(1)")))
    assert compiled.diagnostics == () and compiled.plan is not None
    average = compiled.plan.model.nodes[1]
    assert (average.parameters, average.look_back, average.type_out.channels) == (15, 4, 3)
    assert average.arguments == {"channels": 3, "taps": 5}


@pytest.mark.parametrize(
    ("stack", "id"),
    [
        ("MovingAverage(0)  Linear(1)", "out-of-range"),
        ("MovingAverage  Linear(1)", "missing-argument"),
        ("MovingAverage(taps = 5, gain = 2)  Linear(1)", "unknown-argument"),
        ("MovingAverage(40)  Linear(1)", "window-too-short"),
        ("MovingAvrage(4)  Linear(1)", "unknown-layer"),
        ("Raises  Linear(1)", "broken-layer"),
        ("Gone  Linear(1)", "broken-layer"),
        ("Loud  Linear(1)", "broken-layer"),
        ("Misnamed  Linear(1)", "broken-layer"),
    ],
)
def test_a_mistake_is_told_like_one_with_a_layer_of_the_language(
    packages: Path, stack: str, id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _ids(_spec(stack)) == [id]
    assert capsys.readouterr().out == ""


def test_a_broken_layer_names_its_package_and_the_reason(packages: Path) -> None:
    (found,) = compile_source(Source("filtered.sysid", _spec("Gone  Linear(1)"))).diagnostics
    assert "filters 1.2" in found.message
    assert "`filters.nowhere:GONE` cannot be imported: ModuleNotFoundError" in found.notes[0]


def test_two_packages_that_offer_one_name_are_both_named(packages: Path) -> None:
    _write(packages / "others-2.0.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: others\nVersion: 2.0\n")
    _write(
        packages / "others-2.0.dist-info" / "entry_points.txt", "[sysidc.layers]\nDeadZone = filters.rows:DEAD_ZONE\n"
    )
    _forget()
    (found,) = compile_source(Source("filtered.sysid", _spec("DeadZone  Linear(1)"))).diagnostics
    assert "filters 1.2 and others 2.0" in found.message


def test_a_block_of_the_file_comes_before_an_installed_layer(packages: Path) -> None:
    text = _spec("DeadZone  Linear(1)").replace("model", "block DeadZone() { Linear(7) }\nmodel")
    plan = compile_source(Source("filtered.sysid", text)).plan
    assert plan is not None and plan.model.nodes[0].layer == "Linear"


def test_a_check_finds_the_layer_without_torch_and_tells_a_row_that_needs_it(packages: Path) -> None:
    _write(packages.parent / "a.sysid", _spec("MovingAverage(5)  Linear(1)"))
    _write(packages.parent / "b.sysid", _spec("Heavy  Linear(1)"))
    program = (
        "import sys\nfrom sysidc.runtime.cli import main\n"
        "main(['check', 'a.sysid'])\nprint('torch' in sys.modules)\nmain(['check', 'b.sysid'])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(packages), *sys.path])}
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, cwd=packages.parent, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[0] == "False"
    assert "importing `filters.heavy` imports torch" in told.stdout


def test_layers_explain_and_schema_know_them_and_name_what_is_broken(
    packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["layers", "average"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("MovingAverage(5)  ") and "[filters 1.2]" in told.out
    names = {line.partition("layer `")[2].partition("`")[0] for line in told.err.splitlines() if "error" in line}
    assert names >= {"Gone", "Misnamed", "Linear"} and "MovingAverage" not in names
    page = layer_page(next(row for row in rows() if row.name == "DeadZone"))
    assert "| `width` |" in page and "filters 1.2" in page and "its own input step alone" in page
    assert schema()["layers"]["MovingAverage"]["package"] == "filters 1.2"


def test_the_built_layer_is_the_class_and_what_breaks_its_rows_promise_is_refused(packages: Path) -> None:
    path = packages.parent / "a.sysid"
    _write(path, _spec("MovingAverage(5)  Linear(1)"))
    layer = sysidc.load(path).build()[0]
    assert type(layer).__module__ == "filters.layers"
    assert [tuple(weights.shape) for weights in layer.parameters()] == [(1, 1, 5)]
    _write(path, _spec("Liar  Linear(1)"))
    with pytest.raises(ForeignLayerError, match="depends on the input 1 steps after it, which is not promised"):
        sysidc.load(path).build()


def test_a_mapping_of_each_step_stands_between_layers_with_state_and_learns_in_second_order(packages: Path) -> None:
    text = _spec(
        "LinearDynamics(states = 2)  DeadZone(0.01)  LinearDynamics(states = 2)",
        "u[all], y[10] -> y[all]",
        "epochs = 2",
    )
    plan = compile_source(Source("filtered.sysid", text)).plan
    assert plan is not None and plan.model.chain is not None
    assert plan.train.optimizer.name == "LevenbergMarquardt"
    average = compile_source(Source("filtered.sysid", _spec("MovingAverage(5)  Linear(1)"))).plan
    assert average is not None and average.train.optimizer.name == "AdamW"


def test_it_trains_its_program_imports_it_and_a_run_says_when_it_is_gone(
    packages: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(packages.parent)
    _write(Path("a.sysid"), _spec("MovingAverage(5)  Linear(4)  DeadZone  Linear(1)"))
    assert main(["train", "a.sysid", "--output", "json"]) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    environment = json.loads(Path(run, "environment.json").read_text(encoding="utf-8"))
    assert environment["packages"]["filters"] == "1.2"
    assert main(["compile", "a.sysid", "-o", "plain.py"]) == 0
    program = Path("plain.py").read_text(encoding="utf-8")
    assert "import filters.layers\n" in program and "filters.layers.MovingAverage(channels=1, taps=5)" in program
    packages.rename("elsewhere")
    for name in [name for name in sys.modules if name.startswith("filters")]:
        monkeypatch.delitem(sys.modules, name)
    _forget()
    assert main(["test", run]) == 2
    assert "error[broken-layer]: `MovingAverage` of the package filters cannot be built" in capsys.readouterr().err
