"""The systems behind the generators, written in the language: the same series from the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.source import Source
from sysidc.runtime.data.generators import generate
from sysidc.runtime.nn import Equations
from sysidc.runtime.nn.state import run

FOLDER = Path(__file__).resolve().parents[2] / "runtime" / "data" / "dynamics"
SAMPLES = 120
# Steps of the solver in a sampling time are the generator's own.
SUBSTEPS = {"lorenz": 3, "duffing": 15, "cascaded_tanks": 8, "bouc_wen": 10}


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def equations(name: str) -> Equations:
    entry = GENERATORS[name]
    sides = "output s = [x, y, z]" if name == "lorenz" else "input u  output y"
    header = "s[1] -> s[all]" if name == "lorenz" else "u[all] -> y[all]"
    call = f"{name}(substeps = {SUBSTEPS[name]})" if name in SUBSTEPS else name
    text = (
        f'sysid 1\nuse "{name}.sysid"\nsignals {{ sampling_time = {entry.sampling_time!r} s  {sides} }}\n'
        f'model m: {header} {{ {call} }}\ndata {{ train = "a.csv" }}\ntrain simulation {{ precision = float64 }}\n'
    )
    found = compile_source(Source("spec.sysid", text, FOLDER / "spec.sysid"))
    assert found.plan is not None, [diagnostic.message for diagnostic in found.diagnostics]
    return Equations(**found.plan.model.nodes[0].arguments)


def simulated(layer: Equations, start: np.ndarray, u: np.ndarray) -> torch.Tensor:
    first = torch.from_numpy(start) / layer.state_scale
    with torch.no_grad():
        return run(layer, first[None], torch.from_numpy(u)[None])[1][0]


def test_every_generator_is_written_in_the_language() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.sysid")) == sorted(GENERATORS)


@pytest.mark.parametrize("name", GENERATORS)
def test_the_numbers_that_are_learned_are_constants_of_the_generator(name: str) -> None:
    layer, defaults = equations(name), GENERATORS[name].defaults()
    for number, value in layer.values().items():
        assert value == pytest.approx(defaults[number], rel=1e-6), number


@pytest.mark.parametrize("name", ["duffing", "wiener_hammerstein", "bouc_wen"])
def test_a_system_at_rest_answers_as_its_generator_does(name: str) -> None:
    data = generate(name, {"samples": SAMPLES, "seed": 3})
    layer = equations(name)
    y = simulated(layer, np.zeros(layer.states), data["u"][:, None])[:, 0]
    wanted = torch.from_numpy(data["y"])
    torch.testing.assert_close(y, wanted, rtol=1e-9, atol=1e-9 * wanted.abs().max().item())


def test_the_lorenz_system_follows_its_generator_until_chaos_parts_them() -> None:
    data = generate("lorenz", {"samples": SAMPLES, "seed": 3})
    series = np.stack([data[name] for name in "xyz"], axis=1)
    found = simulated(equations("lorenz"), series[0], np.zeros((SAMPLES, 0)))
    torch.testing.assert_close(found, torch.from_numpy(series), rtol=1e-6, atol=1e-6)


def test_tanks_that_overflow_follow_their_generator_up_to_one_step_of_the_brim() -> None:
    """The generator cuts levels at the brim after every step, which no equation can say: there it lies a step ahead."""
    data = generate("cascaded_tanks", {"samples": SAMPLES, "seed": 3, "offset": 8.0})
    levels = np.random.Generator(np.random.PCG64(np.random.SeedSequence(3).spawn(3)[1])).uniform(3, 7, 2)
    y = simulated(equations("cascaded_tanks"), levels, data["u"][:, None])[:, 0]
    wanted = torch.from_numpy(data["y"])
    assert wanted.max() == 10
    assert (y - wanted).abs().max() < 0.1
    assert (y - wanted).square().mean().sqrt() < 0.02
