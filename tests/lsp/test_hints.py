"""The shape behind every layer, while a spec is being typed."""

from __future__ import annotations

from tests.lsp.editor import Editor
from tests.lsp.tanks import SPEC

LINE = SPEC[: SPEC.index("  Conv1d")].count("\n")
SHAPES = [
    (LINE, "(128, 16)"),
    (LINE + 1, "(128, 32)"),
    (LINE + 2, "(128, 32)"),
    (LINE + 2, "(128, 32)"),
    (LINE + 2, "(128, 32)"),
    (LINE + 2, "(128, 32)"),
    (LINE + 3, "(128, 1)"),
]


def test_the_shape_stands_behind_every_layer(editor: Editor, spec: str) -> None:
    assert editor.hints(spec) == SHAPES


def test_shapes_stay_while_a_mistake_is_being_typed(editor: Editor, spec: str) -> None:
    assert editor.hints(spec) == SHAPES
    editor.type(spec, SPEC.replace("\nsignals", "\nlet x = (\n\nsignals"))
    editor.diagnostics(spec)
    assert editor.hints(spec) == [(line + 2, label) for line, label in SHAPES]


def test_shapes_follow_a_param_after_a_pause(editor: Editor, spec: str) -> None:
    assert editor.hints(spec) == SHAPES
    before = editor.refreshed
    editor.type(spec, SPEC.replace("width = 32", "width = 64"))
    editor.wait_for(lambda: editor.refreshed > before)
    assert editor.hints(spec)[:2] == [(LINE, "(128, 32)"), (LINE + 1, "(128, 64)")]
