"""The model drawn as a graph: every layer once, joined from input to output, in each of the three formats."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from sysidc.compiler.graph import GRAPHS, dot, mermaid, svg
from sysidc.compiler.plan import Plan
from tests.compiler.programs import compiled

STACK = "Linear(8) as encoder @residual { Linear(16) Tanh Linear(8) } Linear(1)"


@pytest.fixture
def plan() -> Plan:
    found = compiled(STACK).plan
    assert found is not None
    return found


@pytest.mark.parametrize("name", GRAPHS)
def test_every_layer_stands_in_the_graph(name: str, plan: Plan) -> None:
    text = GRAPHS[name](plan)
    assert text.count("Linear") == 4
    assert text.count("Tanh") == 1
    assert "@residual" in text
    assert "as encoder" in text


def test_mermaid_joins_input_and_output(plan: Plan) -> None:
    arrows = [line.strip() for line in mermaid(plan).splitlines() if "-->" in line]
    assert arrows == ["n1_0 --> n1_1", "n1_1 --> n1_2", "input --> n0", "n0 --> n1", "n1 --> n2", "n2 --> output"]


def test_dot_has_a_cluster_for_a_wrapper(plan: Plan) -> None:
    text = dot(plan)
    assert "subgraph cluster_n1" in text
    assert text.count("{") == text.count("}")


def test_svg_is_well_formed_and_holds_its_boxes(plan: Plan) -> None:
    root = ElementTree.fromstring(svg(plan))
    wide, high = float(root.get("width", 0)), float(root.get("height", 0))
    boxes = [element for element in root.iter() if element.tag.endswith("rect")]
    assert len(boxes) == 8
    for box in boxes:
        x, y = float(box.get("x", -1)), float(box.get("y", -1))
        assert 0 <= x <= x + float(box.get("width", 0)) <= wide
        assert 0 <= y <= y + float(box.get("height", 0)) <= high
