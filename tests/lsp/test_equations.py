"""The names of equations: renamed, told and offered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lsp.editor import Editor

EQUATIONS = """sysid 1
dynamics tank {
  state x1 = 5
  learn k1 = 0.03 in 0 .. 1
  let   q = k1 * sqrt(max(x1, 0.001))
  der(x1) = k1 * u - q
  y = x1
}
signals { sampling_time = 4 s  input u  output y }
model tanks: u[all], y[5] -> y[all] { tank(solver = rk4) as plant }
data { train = cascaded_tanks(samples = 1_000) }
train simulation { }
"""


@pytest.fixture
def equations(editor: Editor, tmp_path: Path) -> Iterator[str]:
    uri = (tmp_path / "equations.sysid").as_uri()
    editor.open(uri, EQUATIONS)
    assert editor.diagnostics(uri) == []
    yield uri
    editor.close(uri)


def test_equations_and_their_states_are_renamed(editor: Editor, equations: str) -> None:
    assert editor.rename(equations, "der(x|1)", "level") == {equations: EQUATIONS.replace("x1", "level")}
    assert editor.rename(equations, "{ ta|nk(", "plant2") == {
        equations: EQUATIONS.replace("tank", "plant2", 1).replace("{ tank(", "{ plant2(")
    }


def test_equations_tell_their_shape_arguments_and_functions(editor: Editor, equations: str) -> None:
    assert editor.hints(equations) == [(9, "(all, 1)")]
    assert "- 1 parameter\n" in editor.hover(equations, "{ ta|nk(")
    assert "how derivatives are integrated" in editor.hover(equations, "sol|ver")
    assert "square root" in editor.hover(equations, "sq|rt")
    assert {"rk4", "implicit"} <= set(editor.complete(equations, "solver = |rk4"))
    assert {"substeps", "initial"} <= set(editor.complete(equations, "tank(|solver"))
    assert {"x1", "k1", "u", "tanh"} <= set(editor.complete(equations, "let   q = |k1"))
