"""Definitions are taken from files with all that they lean on, and nothing of the house stays behind."""

from __future__ import annotations

import ast

import pytest

from sysidc.compiler.emit.imports import Import, import_lines
from sysidc.compiler.emit.inlining import inline
from sysidc.compiler.emit.values import call, literal

WRAPPER = "sysidc.runtime.nn.CastWrapper"


def test_definitions_stand_behind_what_they_lean_on() -> None:
    inlined = inline([WRAPPER, "sysidc.runtime.data.systems.cascaded_tanks"])
    texts = inlined.texts()
    order = list(texts)
    for key, leads in inlined.leads.items():
        for lead in leads.values():
            assert order.index(lead) <= order.index(key)
    ast.parse("\n".join(texts.values()))


def test_a_name_of_two_files_is_told_apart() -> None:
    """Both the recurrent layers and the simulated systems call something `State`."""
    inlined = inline(["sysidc.runtime.nn.GRU", "sysidc.runtime.data.systems.duffing"])
    nodes = [node for text in inlined.texts().values() for node in ast.walk(ast.parse(text))]
    assert {"State", "IntegrateState"} <= {node.id for node in nodes if isinstance(node, ast.Name)}


def test_docstrings_are_cut_to_what_they_begin_with() -> None:
    (text,) = [text for key, text in inline([WRAPPER]).texts().items() if key[1] == "CastWrapper"]
    assert "y = (m(x as in_dtype)) as out_dtype." in text and " -> " in text
    assert "type: ignore" not in text


def test_imports_stand_as_isort_has_them() -> None:
    lines = import_lines([Import("torch"), Import("torch", "nn"), Import("torch", "Tensor"), Import("math")])
    assert lines == "import math\n\nimport torch\nfrom torch import Tensor, nn"


@pytest.mark.parametrize("value", [1, 0.1, "a b", None, True, (1,), [1.0, 2.0], {"a": (1, 2)}, 1e-8, float("inf")])
def test_literals_are_read_back_as_they_were(value: object) -> None:
    assert eval(literal(value)) == value


def test_a_call_that_is_too_long_has_one_line_for_each_argument() -> None:
    assert call("f", ["a=1", "b=2"], comment="x:1") == ["f(a=1, b=2)  # x:1"]
    assert call("f", ["a" * 50, "b" * 50], comment="x:1") == ["f(  # x:1", f"    {'a' * 50},", f"    {'b' * 50},", ")"]
