"""Two specs compared by meaning: what counts, what does not, and whether weights of one fit the other."""

from __future__ import annotations

import pytest

from sysidc.compiler.difference import differences, weights_fit
from sysidc.compiler.lower import build_stack
from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan, from_json, to_json
from sysidc.dsl.formatter.canonical import format_source
from sysidc.dsl.source import Source
from tests.compiler.programs import spec


def plan_of(source: Source) -> Plan:
    plan = compile_source(source).plan
    assert plan is not None
    return plan


BASE = spec("Linear(8) Tanh Linear(1)", more="test { initial_steps = 3 }")

CASES = {
    "epochs": (spec("Linear(8) Tanh Linear(1)", train="simulation { epochs = 3 }"), "training", "train.epochs", True),
    "width": (spec("Linear(9) Tanh Linear(1)"), "network", "model.nodes.0.out_features", False),
    "activation": (spec("Linear(8) GELU Linear(1)"), "network", "model.nodes.1.layer", True),
    "data": (spec("Linear(8) Tanh Linear(1)", data='data { train = "b.csv" }'), "data", "data.train.0.path", True),
    "test": (spec("Linear(8) Tanh Linear(1)"), "test", "test.initial_steps", True),
    "name": (spec("Linear(8) as a Tanh Linear(1)"), "network", "model.nodes.a", False),
    "optimiser": (
        spec("Linear(8) Tanh Linear(1)", train="simulation { optimizer = SGD(lr = 0.1)  precision = float64 }"),
        "training",
        "train.optimizer.name",
        True,
    ),
}


WHOLE = {"header": "u[all], y[5] -> y[all]"}
CHAIN = spec("@correction { LinearDynamics(2) }", **WHOLE)

CHAINS = {
    "hidden": (spec("@correction(hidden = [3]) { LinearDynamics(2) }", **WHOLE), "model.nodes.0.hidden", False),
    "penalty": (spec("@correction(penalty = 2) { LinearDynamics(2) }", **WHOLE), "model.nodes.0.penalty", True),
    "start": (
        spec("@correction { LinearDynamics(2, initial = encoder) }", **WHOLE),
        "model.chain.initial",
        False,
    ),
    "stage": (
        spec("@correction { LinearDynamics(2) }", train="simulation { stage { epochs = 9 } }", **WHOLE),
        "train.simulation.stages.0.train.epochs",
        True,
    ),
}


@pytest.mark.parametrize("case", CHAINS)
def test_chains_and_stages_are_compared_too(case: str) -> None:
    other, path, fit = CHAINS[case]
    first, second = plan_of(CHAIN), plan_of(other)
    assert path in {difference.path for difference in differences(first, second)}
    assert weights_fit(first, second) is fit
    assert _loads(first, second) is fit


def test_what_holds_for_all_stages_is_told_once() -> None:
    other = spec("@correction { LinearDynamics(2) }", train="simulation { epochs = 9 }", **WHOLE)
    assert [found.path for found in differences(plan_of(CHAIN), plan_of(other))] == ["train.epochs"]


@pytest.mark.parametrize("case", CASES)
def test_a_difference_is_found_where_it_is(case: str) -> None:
    other, area, path, fit = CASES[case]
    first, second = plan_of(BASE), plan_of(other)
    found = {(difference.area, difference.path) for difference in differences(first, second)}
    assert (area, path) in found
    assert weights_fit(first, second) is fit
    assert _loads(first, second) is fit


def _loads(first: Plan, second: Plan) -> bool:
    try:
        build_stack(second).load_state_dict(build_stack(first).state_dict())
    except RuntimeError:
        return False
    return True


def test_layout_and_place_of_a_file_make_no_difference() -> None:
    moved = Source("other.sysid", format_source(BASE))
    assert differences(plan_of(BASE), plan_of(moved)) == ()


def test_a_plan_from_a_file_is_the_one_that_was_written_there() -> None:
    plan = plan_of(spec("StateSpace(hidden = [3], output_hidden = [2, 2])", "u[all], y[4] -> y[all]"))
    read = from_json(to_json(plan))
    assert differences(read, plan) == () and weights_fit(read, plan)
