"""Params, lets, units and arithmetic: what an expression is worth, and which ones have no value."""

from __future__ import annotations

import pytest

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.program import OverrideError
from tests.compiler.programs import compiled, ids, spec

WORTH = {
    "2 + 3 * 4": 14,
    "(2 + 3) * 4": 20,
    "7 // 2": 3,
    "2 ** 3 ** 2": 512,
    "-2 + 10": 8,
    "1e2": 100,
    "1_000 / 10": 100,
    "64 * 25 %": 16,
    "10 s / 2 s": 5,
    "4 s * 2 Hz": 8,
}


@pytest.mark.parametrize("expression", WORTH)
def test_arithmetic(expression: str) -> None:
    plan = compiled("Linear(n) Linear(1)", more=f"let n = {expression}").plan
    assert plan is not None
    assert plan.model.nodes[0].arguments["out_features"] == WORTH[expression]


WORTHLESS = {
    "1 / 0": "division-by-zero",
    "5 // 0": "division-by-zero",
    "2 ** 10 ** 9": "number-too-large",
    "10 ** 300 * 10 ** 300": "number-too-large",
    "(-8) ** 0.5": "no-real-result",
    "4 s + 2": "mixed-units",
    "4 s + 2 Hz": "mixed-units",
    '"a" + 1': "wrong-kind",
    "n + 1": "circular-definition",
    "width + 1": "unknown-name",
}


@pytest.mark.parametrize("expression", WORTHLESS)
def test_an_expression_without_a_value_is_told_once(expression: str) -> None:
    assert ids("Linear(n) Linear(1)", more=f"let n = {expression}") == [WORTHLESS[expression]]


@pytest.mark.parametrize(
    ("written", "seconds"), [("4 s", 4.0), ("20 ms", 0.02), ("51.2 kHz", None), ("10 min", 600.0)], ids=str
)
def test_sampling_time_in_seconds(written: str, seconds: float | None) -> None:
    key = "sampling_rate" if written.endswith("Hz") else "sampling_time"
    plan = compiled(signals=f"signals {{ {key} = {written}  input u  output y }}").plan
    assert plan is not None
    assert plan.sampling_time == pytest.approx(1 / 51200 if seconds is None else seconds, rel=1e-15)


def test_a_unit_word_is_a_name_where_it_is_set() -> None:
    plan = compiled(train="simulation { epochs = 4\n seed = 3 }").plan
    assert plan is not None
    assert (plan.train.epochs, plan.train.seed) == (4, 3)


def test_set_overrides_a_declared_param_and_what_follows_from_it() -> None:
    source = spec("Linear(half) Linear(1)", more="param width = 32 in [16, 64]\nlet half = width // 2")
    plan = compile_source(source, {"width": 64}).plan
    assert plan is not None
    assert plan.model.nodes[0].arguments["out_features"] == 32


@pytest.mark.parametrize("name", ["half", "wdith"], ids=["a let", "not declared"])
def test_nothing_but_a_param_may_be_overridden(name: str) -> None:
    source = spec("Linear(half) Linear(1)", more="param width = 32\nlet half = width // 2")
    with pytest.raises(OverrideError, match=name):
        compile_source(source, {name: 3})


def test_blocks_have_defaults_and_arguments_of_their_own() -> None:
    block = "block mlp(n, factor = 2) { @residual { Linear(factor * n) GELU Linear(n) } }"
    plan = compiled("Linear(8) mlp(8) mlp(8, factor = 4) Linear(1)", more=block).plan
    assert plan is not None
    small, large = plan.model.nodes[1], plan.model.nodes[2]
    assert small.children[0].children[0].arguments["out_features"] == 16
    assert large.children[0].children[0].arguments["out_features"] == 32


BLOCKS = {
    "itself": ("block a { a }", "recursive-block"),
    "each other": ("block a { b }\nblock b { a }", "recursive-block"),
    "missing argument": ("block a(n) { Linear(n) Linear(1) }", "missing-argument"),
    "shadows a layer": ("block GELU { Linear(1) }\nblock a { Linear(1) }", "reserved-name"),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_wrong_blocks(case: str) -> None:
    more, id = BLOCKS[case]
    assert ids("a", more=more) == [id]


def test_unused_definitions_are_warnings() -> None:
    found = compiled(
        more="param a = 1\nlet b = 2\nblock c { Linear(1) }", signals="signals { input u input v output y }"
    )
    assert found.plan is not None
    assert sorted(d.message.split("`")[1] for d in found.diagnostics) == ["a", "b", "c", "v"]


def test_layout_of_a_file_does_not_change_its_hash() -> None:
    one, other = spec(), spec(more="# a comment")
    assert compile_source(one).plan.hash == compile_source(other).plan.hash  # type: ignore[union-attr]
    assert compile_source(one).plan.hash != compile_source(spec("Linear(1, bias = off)")).plan.hash  # type: ignore[union-attr]


def test_a_param_that_only_a_let_needs_is_used() -> None:
    assert ids("Linear(half) Linear(1)", more="param width = 32\nlet half = width // 2") == []


def test_a_share_is_a_number_from_0_to_1() -> None:
    plan = compiled("Linear(4) Dropout(20 %) Linear(1)").plan
    assert plan is not None
    assert plan.model.nodes[1].arguments["p"] == pytest.approx(0.2)
    assert ids("LeakyReLU(20 %) Linear(1)") == ["wrong-kind"]
