"""Which stacks are one state-space model, what then goes in, how its state starts, and how its parameters count."""

from __future__ import annotations

import pytest
import torch

from sysidc.compiler.lower import build_stack
from sysidc.compiler.passes.chain import flat, total_states
from sysidc.compiler.plan import Plan
from sysidc.runtime.nn import Chain
from tests.compiler.programs import compiled, ids

KNOWN = "u[all], y[5] -> y[all]"


def plan_of(stack: str, header: str = KNOWN, train: str = "simulation { }", **more: str) -> Plan:
    found = compiled(stack, header, train, **more)
    assert found.plan is not None, found.diagnostics
    return found.plan


CHAINS = {
    "linear dynamics": "LinearDynamics(2)",
    "a curve between": "LinearDynamics(2) Curve(Spline(6)) LinearDynamics(1)",
    "static layers": "Linear(3) Tanh LayerNorm PReLU StateSpace(2, hidden = [4]) Clip(-9, 9)",
    "everything auto": "StateSpace",
    "polynomial": "PolynomialStateSpace(2, degree = 3)",
    "recurrent beside a system": "LSTM(3) LinearDynamics(2)",
    "recurrent with a start": "GRU(3, initial = estimate) Linear(1)",
    "units with a start": "LRU(3, initial = washout) Linear(1)",
    "residual": "@residual { LinearDynamics(2) Tanh } Linear(1)",
    "correction": "@correction(hidden = [4, 3]) { LinearDynamics(2) Curve(Polynomial(3)) }",
    "correction inside": "Linear(2) @correction LinearDynamics(2, outputs = 3) Linear(1)",
    "repeat": "repeat 3 { LinearDynamics(1) Curve(Network([4])) }",
    "encoder": "StateSpace(2, [4], [3], initial = encoder)",
    "innovations": "StateSpace(2, hidden = [4], output_hidden = [], innovations = on)",
}


@pytest.mark.parametrize("stack", CHAINS.values(), ids=CHAINS)
def test_a_chain_receives_the_inputs_alone_and_counts_its_parameters(stack: str) -> None:
    plan = plan_of(stack)
    chain = plan.model.chain
    assert chain is not None
    assert (chain.input_channels, chain.known_channels, chain.known) == ((0,), (1,), 5)
    assert plan.model.nodes[0].type_in.channels == 1 and plan.model.type_in.channels == 2
    net = build_stack(plan)
    assert sum(parameter.numel() for parameter in net.parameters()) == plan.model.parameters
    assert isinstance(net, Chain)
    after, y = net.step(net.rest(), torch.zeros(1, dtype=torch.float64))
    assert after.shape == (total_states(plan.model.nodes),) and y.shape == (1,)


NO_CHAINS = {
    "recurrent": ("GRU(3) Linear(1)", KNOWN, "simulation { }"),
    "units": ("LRU(3)", KNOWN, "simulation { }"),
    "static": ("Linear(3) Tanh Linear(1)", KNOWN, "simulation { }"),
    "a window inside": ("DelayLine(3) LinearDynamics(2)", KNOWN, "simulation { }"),
    "statistics": ("BatchNorm1d LinearDynamics(2)", KNOWN, "simulation { }"),
    "prediction": ("LinearDynamics(2, outputs = 1) Last", "u[5], y[5] -> y[1]", "prediction { }"),
}


@pytest.mark.parametrize("case", NO_CHAINS)
def test_other_stacks_see_all_channels_and_start_at_zero(case: str) -> None:
    stack, header, train = NO_CHAINS[case]
    plan = plan_of(stack, header, train, signals="signals { input u  output y }")
    assert plan.model.chain is None
    assert plan.model.nodes[0].type_in == plan.model.type_in
    assert {node.arguments.get("initial", "zero") for node in flat(plan.model.nodes)} == {"zero"}


def test_channels_of_a_chain_stand_where_the_header_has_them() -> None:
    signals = "signals { input u  input w = [a, b]  output y = [c, d]  output z }"
    plan = plan_of("LinearDynamics(2)", "z[2], u[all], y[5], w[all] -> y[all], z[all]", signals=signals)
    chain = plan.model.chain
    assert chain is not None
    assert chain.input_channels == (1, 4, 5)
    assert chain.known_channels == (2, 3, 0)
    assert chain.known == 5
    assert plan.model.nodes[0].arguments["outputs"] == 3


def test_outputs_that_are_known_in_part_start_nothing() -> None:
    signals = "signals { input u  output y  output z }"
    header = "u[all], y[5] -> y[all], z[all]"
    chain = plan_of("LinearDynamics(2)", header, signals=signals).model.chain
    assert chain is not None
    assert (chain.known_channels, chain.known, chain.initial) == ((), 0, "zero")
    assert ids("LinearDynamics(2, initial = estimate)", header, signals=signals) == ["initial-without-outputs"]


# --- sizes -------------------------------------------------------------------------------------------------------

TWO = "signals { input u = [a, b, c]  output y = [d, e] }"

ENDS = {
    "last layer": ("LinearDynamics(4) LinearDynamics(2)", [3, 2]),
    "in a correction": ("LinearDynamics(4) @correction { LinearDynamics(2) LinearDynamics(2) }", [3, 3, 2]),
    "in a repeat": ("repeat 2 { LinearDynamics(2) }", [3, 2]),
    "before a last curve": ("LinearDynamics(4) Curve(Spline(6)) Clip(0, 9)", [2]),
    "before another layer": ("LinearDynamics(4) Curve(Spline(6)) Linear(2)", [3]),
    "in a sum": ("@residual { LinearDynamics(4) } Linear(2)", [3]),
    "written": ("LinearDynamics(4, outputs = 5) LinearDynamics(2)", [5, 2]),
}


@pytest.mark.parametrize("case", ENDS)
def test_the_layer_at_the_end_has_the_outputs_of_the_header(case: str) -> None:
    stack, outputs = ENDS[case]
    nodes = flat(plan_of(stack, signals=TWO).model.nodes)
    assert [node.arguments["outputs"] for node in nodes if node.layer == "LinearDynamics"] == outputs


def test_a_polynomial_of_degree_three_has_44_parameters() -> None:
    """9 linear ones, 3 offsets, 2 rows for the 6 + 10 monomials of degree 2 and 3 in three variables."""
    assert plan_of("PolynomialStateSpace(2, degree = 3)").model.parameters == 9 + 3 + 2 * (6 + 10)


# --- starts ------------------------------------------------------------------------------------------------------


def test_a_state_starts_by_its_own_word_then_by_that_of_train_then_by_the_header() -> None:
    stack = "LinearDynamics(2, initial = zero) LinearDynamics(2)"

    def words(header: str, train: str) -> list[str]:
        return [node.arguments["initial"] for node in plan_of(stack, header, train).model.nodes]

    assert words(KNOWN, "simulation { }") == ["zero", "estimate"]
    assert words(KNOWN, "simulation { initial = washout }") == ["zero", "washout"]
    assert words("u[all] -> y[all]", "simulation { }") == ["zero", "zero"]


STARTS = {
    "layer without outputs": ("LinearDynamics(2, initial = encoder)", "u[all] -> y[all]", "simulation { }"),
    "train without outputs": ("LinearDynamics(2)", "u[all] -> y[all]", "simulation { initial = estimate }"),
    "no chain": ("DelayLine(2) GRU(2, initial = washout) Linear(1)", KNOWN, "simulation { }"),
    "train of no chain": ("DelayLine(2) GRU(2) Linear(1)", KNOWN, "simulation { initial = estimate }"),
    "prediction": ("GRU(2, initial = estimate) Last Linear(1)", "u[5], y[5] -> y[1]", "prediction { }"),
}


@pytest.mark.parametrize("case", STARTS)
def test_a_start_that_cannot_be_found_is_refused(case: str) -> None:
    assert ids(*STARTS[case]) == ["initial-without-outputs"]


def test_a_start_without_a_state_is_refused() -> None:
    assert ids("Linear(1)", KNOWN, "simulation { initial = estimate }") == ["exclusive-settings"]


def test_washout_needs_no_known_outputs() -> None:
    chain = plan_of("LinearDynamics(2)", "u[all] -> y[all]", "simulation { initial = washout }").model.chain
    assert chain is not None and chain.initial == "washout"


# --- corrections -------------------------------------------------------------------------------------------------

CORRECTIONS = {
    "nothing with state": "@correction Linear(2) LinearDynamics(2)",
    "a window inside": "@correction { Conv1d(1, 3) LinearDynamics(2) }",
    "nested": "@correction { LinearDynamics(1) @correction LinearDynamics(2) }",
}


@pytest.mark.parametrize("stack", CORRECTIONS.values(), ids=CORRECTIONS)
def test_a_correction_wraps_state_equations_once(stack: str) -> None:
    assert ids(stack, KNOWN) == ["misplaced-correction"]


def test_states_of_a_correction_are_those_that_it_wraps() -> None:
    (node,) = plan_of("@correction { LSTM(3) LRU(2) LinearDynamics(4) }").model.nodes
    assert node.arguments["states"] == 2 * 3 + 2 * 2 + 4


# --- innovations ---------------------------------------------------------------------------------------------------

INNOVATIONS = "StateSpace(2, hidden = [], output_hidden = [], innovations = on)"


@pytest.mark.parametrize(
    ("stack", "header", "train"),
    [
        (f"{INNOVATIONS}  Linear(1)", "u[all], y[5] -> y[all]", "simulation { }"),
        (f"@correction {{ {INNOVATIONS} }}", "u[all], y[5] -> y[all]", "simulation { }"),
        (f"@residual {INNOVATIONS}", "u[all], y[5] -> y[all]", "simulation { }"),
        (INNOVATIONS, "u[4], y[4] -> y[1]", "prediction { }"),
    ],
    ids=["not last", "corrected", "wrapped", "prediction"],
)
def test_only_the_layer_that_gives_the_output_sees_its_error(stack: str, header: str, train: str) -> None:
    assert ids(stack, header, train) == ["exclusive-settings"]


def test_what_stands_before_innovations_sees_none() -> None:
    stack = f"LinearDynamics(2)  Curve(Spline(knots = 4))  {INNOVATIONS}"
    assert ids(stack, "u[all], y[5] -> y[all]", "simulation { }") == []
