"""What a spec looks like in the editor: its outline, its folds, its colours."""

from __future__ import annotations

from tests.lsp.editor import Editor
from tests.lsp.tanks import SPEC


def test_the_outline_names_sections_and_what_they_define(editor: Editor, spec: str) -> None:
    found = {symbol.name: symbol for symbol in editor.symbols(spec)}
    assert list(found) == ["blocks.sysid", "width", "half", "signals", "tanks", "data", "train simulation"]
    assert [child.name for child in found["signals"].children or []] == ["sampling_time", "u", "y"]
    assert [child.name for child in found["tanks"].children or []][-1] == "readout"


def test_braces_fold(editor: Editor, spec: str) -> None:
    lines = SPEC.split("\n")
    assert [lines[fold.start_line].partition(" ")[0] for fold in editor.folds(spec)] == [
        "signals",
        "model",
        "data",
        "train",
    ]


def test_colours_tell_what_words_are_there_for(editor: Editor, spec: str) -> None:
    found = {text: (kind, modifiers) for text, kind, modifiers in editor.colours(spec)}
    assert found["Conv1d"] == ("class", ("defaultLibrary",))
    assert found["mlp"] == ("function", ())
    assert found["residual"][0] == "decorator"
    assert found["normalize"][0] == "property"
    assert found["standard"][0] == "enumMember"
    assert found["lr"][0] == "parameter"
    assert found["4 s"][0] == "number"
    assert found["# 😀 more is slower"][0] == "comment"
