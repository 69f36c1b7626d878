"""What mends a spec at a stroke: fixes and the canonical layout."""

from __future__ import annotations

from lsprotocol import types

from sysidc.dsl.formatter.canonical import format_source
from sysidc.dsl.source import Source
from tests.lsp.editor import Editor
from tests.lsp.tanks import SPEC


def test_a_fix_is_a_quick_fix(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace("AdamW", "AdmW"))
    (fix,) = [action for action in editor.actions(spec) if action.kind == types.CodeActionKind.QuickFix]
    assert fix.title == "write `AdamW`" and fix.diagnostics and fix.diagnostics[0].code == "unknown-optimizer"
    assert fix.edit and fix.edit.changes and editor.edited(spec, list(fix.edit.changes[spec])) == SPEC


def test_all_safe_fixes_are_one_action(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace("epochs = 3", "epochs = 3;").replace("half = width", "half = width;"))
    (fix,) = editor.actions(spec, only=["source.fixAll"])
    assert fix.edit and fix.edit.changes and editor.edited(spec, list(fix.edit.changes[spec])) == SPEC


def test_formatting_gives_the_canonical_layout(editor: Editor, spec: str) -> None:
    assert editor.formatted(spec) == format_source(Source("tanks.sysid", SPEC)) != SPEC


def test_formatting_leaves_a_broken_file_alone(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace("half = width", "half = "))
    assert editor.formatted(spec) == editor.texts[spec]
