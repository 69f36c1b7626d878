"""Short specs around a block of equations, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.compiler.plan import Node
from sysidc.dsl.source import Source

SIGNALS = "sampling_time = 100 ms  input u  output y"
TANK = "state x = 5  learn k = 0.1 in 0 .. 1  "


def compiled(
    body: str,
    call: str = "tank",
    *,
    signals: str = SIGNALS,
    header: str = "u[all] -> y[all]",
    train: str = "simulation { precision = float64 }",
    more: str = "",
) -> Compiled:
    """A spec whose block `tank` has the given body and is used as `call`."""
    text = (
        f"sysid 1\n{more}\nsignals {{ {signals} }}\ndynamics tank {{ {body} }}\n"
        f'model m: {header} {{ {call} }}\ndata {{ train = "a.csv" }}\ntrain {train}\n'
    )
    return compile_source(Source("test.sysid", text, Path("test.sysid")))


def ids(body: str, call: str = "tank", **given: str) -> list[str]:
    return [diagnostic.id for diagnostic in compiled(body, call, **given).diagnostics]


def node_of(body: str, call: str = "tank", **given: str) -> Node:
    """The first node of the model."""
    found = compiled(body, call, **given)
    assert not found.has_errors, [diagnostic.message for diagnostic in found.diagnostics]
    assert found.plan is not None
    return found.plan.model.nodes[0]


def arguments_of(body: str, call: str = "tank", **given: str) -> dict[str, Any]:
    return dict(node_of(body, call, **given).arguments)
