"""Records as people have them: several channels, lengths that differ, inputs that say nothing; trained on or named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sysidc
from sysidc.runtime.data.errors import DataError

Array = np.ndarray
NOISE = 0.01
LAYER = "StateSpace(states = 2, hidden = [], output_hidden = [4])"
KNOWN = "u[all], v[all], y[5], z[5] -> y[all], z[all]"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds a test record of 150 samples, in which both inputs move."""
    monkeypatch.chdir(tmp_path)
    write("t", 150, seed=9)
    return tmp_path


def simulated(u: Array) -> Array:
    """Two inputs, two states, two outputs, of which the first is bent."""
    x, outputs = np.zeros(2), []
    for now in u:
        outputs.append([x[0] + 0.1 * x[0] ** 2, x[1]])
        x = np.array([0.7 * x[0] + 0.2 * x[1] + now[0], -0.2 * x[0] + 0.6 * x[1] + 0.5 * now[1]])
    return np.array(outputs)


def write(name: str, samples: int, seed: int, change: Callable[[Array], object] = lambda u: None) -> None:
    random = np.random.default_rng(seed)
    u = random.standard_normal((samples, 2))
    change(u)
    table = np.hstack([u, simulated(u) + NOISE * random.standard_normal((samples, 2))])
    np.savetxt(f"{name}.csv", table, delimiter=",", header="u,v,y,z", comments="")


def trained(data: str, settings: str = "epochs = 12", stack: str = LAYER, header: str = KNOWN) -> sysidc.Run:
    text = (
        "sysid 1\nsignals { input u : float64  input v : float64  output y : float64  output z : float64 }\n"
        f"model m: {header} {{ {stack} }}\n"
        f'data {{ {data}  test = "t.csv" }}\ntrain simulation {{ {settings} }}\ntest {{ initial_steps = 20 }}\n'
    )
    Path("m.sysid").write_text(text, encoding="utf-8")
    return sysidc.load("m.sysid").train()


def errors(run: sysidc.Run) -> list[float]:
    return [float(row["rmse"]) for row in run.metrics]


def log(run: sysidc.Run) -> str:
    return (run.path / "log").read_text(encoding="utf-8")


def test_several_inputs_and_outputs_are_learned_from_records_of_different_lengths(folder: Path) -> None:
    write("a", 300, 1)
    write("b", 120, 2)
    write("c", 20, 3)
    run = trained('train = ["a.csv", "c.csv"]  validation = "b.csv"')
    assert max(errors(run)) < 3 * NOISE


def test_a_record_shorter_than_the_washout_gives_what_it_has(folder: Path) -> None:
    """Of a record from rest at most a quarter is washed out."""
    write("a", 300, 1)
    write("b", 120, 2)
    write("c", 20, 3)
    settings, header = "epochs = 12  initial = washout", "u[all], v[all] -> y[all], z[all]"
    run = trained('train = ["a.csv", "c.csv"]  validation = "b.csv"', settings, header=header)
    assert max(errors(run)) < 3 * NOISE


def test_a_record_too_short_for_a_part_of_its_own_is_refused_with_a_place_and_a_cure(folder: Path) -> None:
    write("a", 300, 1)
    write("c", 20, 3)
    with pytest.raises(
        DataError, match="the validation part of record 'c' has 4 samples; one window needs 6"
    ) as caught:
        trained('train = ["a.csv", "c.csv"]')
    assert caught.value.place is not None and caught.value.place.line == 4
    assert caught.value.help is not None and "leave the record out" in caught.value.help


def constant(u: Array) -> None:
    u[:, 1] = 1


def collinear(u: Array) -> None:
    u[:, 1] = 2 * u[:, 0]


@pytest.mark.parametrize("change", [constant, collinear], ids=lambda change: change.__name__)
def test_an_input_that_says_nothing_is_named_and_costs_no_linear_start(
    change: Callable[[Array], object], folder: Path
) -> None:
    """Where it moves as it did in training, the model is as good as the noise."""
    write("a", 300, 1, change)
    write("t", 150, 9, change)
    run = trained('train = "a.csv"  validation = 20 %')
    assert "warning: input 'v'" in log(run) and "linear model of 2 states" in log(run)
    assert max(errors(run)) < 3 * NOISE


def test_parameters_that_say_the_same_twice_do_not_stop_an_iteration(folder: Path) -> None:
    """J'J has the rank of one linear map, its parameters are those of three."""
    write("a", 300, 1)
    stack = "LinearDynamics(states = 2, outputs = 3)  Linear(4)  Linear(2)"
    run = trained('train = "a.csv"  validation = 20 %', "epochs = 25", stack)
    alone = trained('train = "a.csv"  validation = 20 %', "epochs = 25", "LinearDynamics(states = 2)  Linear(2)")
    assert max(errors(run)) < 1.1 * max(errors(alone))
    assert sysidc.open_run(run.path).metrics and (run.path / "uncertainty.json").is_file()


def test_an_output_that_never_moves_is_named_once_and_the_other_is_learned(folder: Path) -> None:
    write("a", 300, 1)
    table = np.loadtxt("a.csv", delimiter=",", skiprows=1)
    table[:, 3] = 3.0
    np.savetxt("a.csv", table, delimiter=",", header="u,v,y,z", comments="")
    run = trained('train = "a.csv"  validation = 20 %')
    assert log(run).count("warning: output 'z' of record 'a' is 3 from end to end") == 1
    assert errors(run)[0] < 3 * NOISE
