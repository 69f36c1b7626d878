"""Two specs compared by meaning: what counts, what does not, and whether weights of one fit the other."""

from __future__ import annotations

import pytest

from sysidc.compiler.difference import differences, weights_fit
from sysidc.compiler.lower import build_stack
from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.dsl.formatter import format_source
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
