"""What the checker proves about equations: every mistake with its own id, alone, and sound blocks without any."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import from_json, to_json
from sysidc.dsl.source import Source
from tests.dynamics.blocks import TANK, arguments_of, compiled, ids, node_of

MOVED = TANK + "der(x) = u - k * x  "
TWO = "sampling_time = 1 s  input u = [a, b]  output y = [c, d]"

MISTAKES = {
    "unknown name": ("unknown-name", TANK + "der(x) = u - c * x  y = x"),
    "misspelt name": ("unknown-name", TANK + "learn gain = 1  der(x) = u * gian - k * x + gain  y = x"),
    "output read": ("unknown-name", TANK + "der(x) = u - k * y  y = x"),
    "unused learn": ("unused", MOVED + "learn c = 1  y = x"),
    "unused let": ("unused", MOVED + "let q = k * x  y = x"),
    "unused state": ("unused", MOVED + "state z = 0  der(z) = x - z  y = x"),
    "two idle states that need each other": ("unused", MOVED + "state z = 0, w = 0  der(z) = w  der(w) = z  y = x"),
    "state without equation": ("missing-equation", TANK + "y = k * x + u"),
    "output without equation": ("missing-equation", MOVED),
    "second equation": ("duplicate-equation", MOVED + "der(x) = u  y = x"),
    "output twice": ("duplicate-equation", MOVED + "y = x  y[0] = 2 * x"),
    "state on the left": ("wrong-target", TANK + "x = u - k * x  y = x"),
    "input on the left": ("wrong-target", MOVED + "u = 1  y = x"),
    "derivative of an input": ("wrong-target", MOVED + "der(u) = 1  y = x"),
    "let on the left": ("wrong-target", MOVED + "let q = k * x  q = 1  y = q"),
    "learned number on the left": ("wrong-target", MOVED + "k = 1  y = x"),
    "derivative of a let": ("wrong-target", MOVED + "let q = k * x  der(q) = 1  y = q"),
    "unknown output": ("wrong-target", MOVED + "z = x"),
    "unknown function on the left": ("wrong-target", TANK + "diff(x) = u - k * x  y = x"),
    "both times": ("mixed-time", TANK + "state z = 0  der(x) = z - k * x  next(z) = u  y = x"),
    "lets in a circle": ("algebraic-loop", MOVED + "let a = b * k  let b = a + 1  y = x + a"),
    "let of itself": ("algebraic-loop", MOVED + "let a = a + 1  y = x + a"),
    "unknown function": ("unknown-function", TANK + "der(x) = u - k * cbrt(x)  y = x"),
    "derivative in a formula": ("unknown-function", TANK + "der(x) = u - k * der(x)  y = x"),
    "another block called": ("unknown-function", TANK + "der(x) = u - k * tank(x)  y = x"),
    "too many arguments": ("wrong-arity", TANK + "der(x) = u - k * sqrt(x, 2)  y = x"),
    "too few arguments": ("wrong-arity", TANK + "der(x) = u - max(k)  y = x"),
    "no arguments": ("wrong-arity", TANK + "der(x) = u - k * exp()  y = x"),
    "argument with a name": ("wrong-arity", TANK + "der(x) = u - k * clip(x, lo = 0, hi = 1)  y = x"),
    "division by zero": ("division-by-zero", TANK + "der(x) = u - k * x / (2 - 2)  y = x"),
    "division by a let of zero": ("division-by-zero", TANK + "let z = 1 - 1  der(x) = u - k * x / z  y = x + z"),
    "logarithm of nothing": ("no-real-result", TANK + "der(x) = u - k * x * log(0 - 1)  y = x"),
    "start outside the range": ("start-outside-range", "state x = 5  learn k = 2 in 0 .. 1  der(x) = u - k * x  y = x"),
    "range of one number": ("empty-range", "state x = 5  learn k = 1 in 1 .. 1  der(x) = u - k * x  y = x"),
    "range that ends before": ("empty-range", "state x = 5  learn k = 1 in 2 .. 0  der(x) = u - k * x  y = x"),
    "name of a function": ("reserved-name", "state exp = 5  learn k = 1  der(exp) = u - k * exp  y = exp"),
    "word of the language": ("reserved-name", MOVED + "learn on = 1  y = x"),
    "name twice": ("duplicate-definition", MOVED + "learn x = 1  y = x"),
    "name of an input": ("duplicate-definition", "state u = 1  learn k = 1  der(u) = -k * u  y = u"),
    "index of a state": ("channel-index", MOVED + "y = x[0]"),
    "channel out of range": ("channel-index", TANK + "der(x) = u[1] - k * x  y = x"),
    "text in a formula": ("wrong-kind", TANK + 'der(x) = u - k * "x"  y = x'),
    "no state": ("missing-state", "learn k = 1  y = k * u"),
}


@pytest.mark.parametrize(("id", "body"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_equations_is_told_once(id: str, body: str) -> None:
    assert ids(body) == [id]


CHANNELS = {
    "input as a whole": "der(x) = u - k * x  y[0] = x  y[1] = x",
    "output as a whole": "der(x) = u[0] - k * x + u[1]  y = x",
    "channel that is not there": "der(x) = u[0] + u[1] - k * x  y[0] = x  y[1] = x  y[2] = x",
    "part of a channel": "der(x) = u[0.5] + u[1] - k * x  y[0] = x  y[1] = x",
}


@pytest.mark.parametrize("body", CHANNELS.values(), ids=CHANNELS)
def test_signals_of_several_channels_need_an_index(body: str) -> None:
    assert ids(TANK + body, signals=TWO) == ["channel-index"]


def test_every_channel_of_an_output_needs_its_formula() -> None:
    found = compiled(TANK + "der(x) = u[0] + u[1] - k * x  y[0] = x", signals=TWO).diagnostics
    assert [(one.id, "`y[1]`" in one.message) for one in found] == [("missing-equation", True)]


CALLS = {
    "unknown argument": ("unknown-argument", "tank(step = 2)"),
    "two solvers": ("duplicate-argument", "tank(solver = rk4, solver = euler)"),
    "unknown solver": ("unknown-choice", "tank(solver = rk5)"),
    "no substeps": ("out-of-range", "tank(substeps = 0)"),
    "penalty of nothing": ("exclusive-settings", "tank(penalty = 0.3)"),
    "second layer": ("misplaced-dynamics", "Linear(1)  tank"),
    "inside a residual": ("misplaced-dynamics", "@residual { tank }"),
}


@pytest.mark.parametrize(("id", "call"), CALLS.values(), ids=CALLS)
def test_a_wrong_use_of_equations_is_told_once(id: str, call: str) -> None:
    assert ids(MOVED + "y = x", call) == [id]


def test_equations_belong_into_a_simulation() -> None:
    found = ids(MOVED + "y = x", header="u[4], y[4] -> y[1]", train="prediction { }")
    assert found == ["misplaced-dynamics"]


def test_an_input_that_no_equation_reads_is_a_warning_unless_a_network_reads_it() -> None:
    body, signals = TANK + "der(x) = -k * x + u  y = x", "sampling_time = 1 s  input u  input w  output y"
    assert ids(body, signals=signals, header="u[all], w[all] -> y[all]") == ["unused"]
    assert ids(body, "tank(correction = [4])", signals=signals, header="u[all], w[all] -> y[all]") == []


def test_the_seconds_of_a_derivative_need_a_sampling_time_and_samples_need_none() -> None:
    assert ids(MOVED + "y = x", signals="input u  output y") == ["missing-sampling-time"]
    assert ids(TANK + "next(x) = u - k * x  y = x", signals="input u  output y") == []


def test_params_and_lets_of_the_file_become_numbers_and_times_count_in_seconds() -> None:
    body = "state x = level  learn k = 0.1 in 0 .. most  der(x) = u - k * x / tau  y = min(x, 2 * level)"
    given = arguments_of(body, more="param level = 5 in 1 .. 9  let most = 2 * level  param tau = 20 ms")
    assert given["states"] == [{"name": "x", "start": 5.0}]
    assert given["learn"] == [{"name": "k", "start": 0.1, "low": 0.0, "high": 10.0}]
    assert given["equations"] == [["-", ["input", "u", 0], ["/", ["*", "k", "x"], 0.02]]]
    assert given["readings"] == [["min", "x", 10.0]]
    assert given["sampling_time"] == 0.1


def test_lets_stand_in_the_order_in_which_they_can_be_computed() -> None:
    given = arguments_of(TANK + "let a = b + c  let b = 2 * c  let c = k * x  der(x) = u - a  y = x")
    assert [row["name"] for row in given["lets"]] == ["c", "b", "a"]


def test_a_state_may_be_called_like_the_output_that_measures_it() -> None:
    assert ids("state y = 0, v = 0  learn k = 1  der(y) = v  der(v) = u - k * y  y = y") == []


def test_a_correction_among_the_arguments_is_the_annotation_around_the_equations() -> None:
    inside = node_of(MOVED + "y = x", "tank(correction = [8, 4], penalty = 0.3)")
    around = node_of(MOVED + "y = x", "@correction(hidden = [8, 4], penalty = 0.3) { tank }")
    assert (inside.layer, inside.target, inside.arguments) == (around.layer, around.target, around.arguments)
    assert inside.parameters == around.parameters
    assert inside.children[0].arguments == around.children[0].arguments


def test_two_corrections_around_each_other_are_one_mistake() -> None:
    assert len(ids(MOVED + "y = x", "@correction { tank(correction = [8]) }")) == 1


def test_the_plan_holds_equations_through_json() -> None:
    plan = compiled(MOVED + "let q = k * x  y = max(x, q, 0)").plan
    assert plan is not None
    tree = json.loads(json.dumps(to_json(plan)))
    assert from_json(tree).model.nodes[0].arguments == plan.model.nodes[0].arguments


def test_a_library_of_equations_is_checked_without_signals() -> None:
    text = "sysid 1\ndynamics tank { state x = 1  learn k = 1 in 2 .. 3  der(x) = pump - k * cbrt(x)  level = x }\n"
    found = compile_source(Source("library.sysid", text, Path("library.sysid")))
    assert [one.id for one in found.diagnostics] == ["start-outside-range", "unknown-function"]
    mended = text.replace("k = 1 in", "k = 2 in").replace("cbrt", "sqrt")
    assert compile_source(Source("library.sysid", mended, Path("library.sysid"))).diagnostics == ()


def test_a_block_that_no_model_uses_is_judged_too() -> None:
    found = ids(MOVED + "y = x", more="dynamics other { state z = 1  der(z) = cbrt(z)  w = z }")
    assert found == ["unknown-function"]


def test_checking_equations_leaves_torch_alone() -> None:
    code = "import sys; from tests.dynamics.blocks import ids; ids('state x = 1 learn k = 1 der(x) = u - k * x y = x');"
    done = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules)"], capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr


def test_a_thousand_lets_that_need_each_other_are_told_not_crashed_on() -> None:
    lets = " ".join(f"let a{index} = a{index + 1} + 1" for index in range(1000))
    assert ids(MOVED + lets + " let a1000 = k  y = x + a0") == ["too-deep"]
