"""A solver that cannot follow equations is told with what cures it, and the cure cures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sysidc.runtime.cli import main
from sysidc.runtime.nn import Equations
from sysidc.runtime.nn.state import run
from sysidc.runtime.solvers.integration import euler, runge_kutta
from sysidc.runtime.solvers.simulation_problem import Records
from sysidc.runtime.solvers.stiffness import amplification, stiffness
from tests.dynamics.blocks import arguments_of

FAST = "state x = 0, z = 0  learn a = 90  learn b = 0.5  der(x) = a * (u - x)  der(z) = x - b * z  y = z"
SLOW = FAST.replace("90", "9")
SPEC = """sysid 1
signals {{ sampling_time = 100 ms  input u  output y }}
dynamics tank {{ {body} }}
model m: u[all] -> y[all] {{ tank{arguments} }}
data {{ train = duffing(samples = 200)  test = 30 %  validation = 20 % }}
train simulation {{ epochs = 2  optimizer = LevenbergMarquardt()  precision = float64 }}
"""


def told(body: str, call: str = "tank") -> list[str]:
    u = torch.ones(1, 50, 1)
    return stiffness(nn.Sequential(Equations(**arguments_of(body, call))), [Records(u, u[:, :0], u, 0)])


@pytest.mark.parametrize("pole", [-0.5, -2.7, -2.9, -10.0])
@pytest.mark.parametrize(("solver", "step"), [("rk4", runge_kutta), ("euler", euler)])
def test_the_amplification_is_what_one_step_of_the_solver_does(solver: str, step: Any, pole: float) -> None:
    (after,) = step(lambda x: (pole * x[0],), (torch.ones((), dtype=torch.float64),), 1.0)
    torch.testing.assert_close(amplification(solver, torch.tensor(complex(pole), dtype=torch.complex128)), after.abs())


def test_the_block_its_state_the_time_constant_and_both_cures_are_named() -> None:
    (sentence,) = told(FAST)
    assert sentence.startswith(
        "tank: rk4 cannot follow the state `x` in steps of 0.1 s, its time constant falls to 0.011 s"
    )
    assert sentence.endswith("write `solver = implicit` or `substeps = 4`")


def test_friction_is_found_where_the_motion_turns_though_no_sample_lies_there() -> None:
    """It starts fast, and chatters between two speeds at which the friction is flat."""
    body = "state p = 0, v = 2  learn f = 1  der(p) = v  der(v) = 2 * u - f * tanh(v / 0.001) - 0.1 * p  y = p"
    layer, u = Equations(**arguments_of(body)).double(), torch.zeros(1, 80, 1).double()
    assert stiffness(nn.Sequential(layer), [Records(u, u[:, :0], u, 0)]) == []
    with torch.no_grad():
        states = run(layer, layer.rest()[None].double(), u)[0]
    (sentence,) = stiffness(nn.Sequential(layer), [Records(u, u[:, :0], u, 0, states)])
    assert "the state `v`" in sentence and "falls to 0.001 s" in sentence and "`solver = implicit`" in sentence


@pytest.mark.parametrize("call", ["tank(substeps = 4)", "tank(solver = implicit)"])
def test_what_is_proposed_cures(call: str) -> None:
    assert told(FAST, call) == []


def test_equations_that_a_solver_follows_are_not_spoken_of() -> None:
    assert told(SLOW) == []
    assert told("state x = 1  learn a = 0.8  next(x) = -9 * a * x + u  y = x") == [], "discrete time has no steps"


def test_far_too_fast_equations_are_left_to_the_implicit_solver() -> None:
    (sentence,) = told(FAST.replace("90", "1e5"))
    assert sentence.endswith("write `solver = implicit`")


def test_a_training_that_diverges_at_every_start_ends_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.sysid").write_text(SPEC.format(body=FAST, arguments=""), encoding="utf-8")
    assert main(["train", "m.sysid"]) == 2
    said = capsys.readouterr().err
    assert "leaves the finite numbers at every start" in said and "substeps = 4" in said
    assert not list(Path("runs").glob("[!.]*")), "there is no run without numbers"
    Path("m.sysid").write_text(SPEC.format(body=FAST, arguments="(substeps = 4)"), encoding="utf-8")
    assert main(["train", "m.sysid", "--quiet"]) == 0
    assert re.search(r"rmse +nrmse", capsys.readouterr().out)
