"""A name leads to its definition and to all its uses, and is renamed with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.lsp.editor import Editor
from tests.lsp.tanks import LIBRARY, SPEC


@pytest.mark.parametrize(
    ("words", "line"),
    [("mlp(wi|dth", 2), ("Conv1d(ha|lf", 3), ("tanks: |u[128]", 7), ("-> |y[16]", 8)],
)
def test_a_name_leads_to_its_definition(words: str, line: int, editor: Editor, spec: str) -> None:
    (found,) = editor.define(spec, words)
    assert (found.uri, found.range.start.line) == (spec, line)


def test_a_block_leads_to_the_library(editor: Editor, spec: str, library: str) -> None:
    (found,) = editor.define(spec, "ml|p(")
    assert (found.uri, found.range.start) == (library, types.Position(1, 6))


def test_a_name_of_a_library_leads_to_the_file_that_uses_it(editor: Editor, spec: str, library: str) -> None:
    editor.open(library, LIBRARY.replace("Linear(size)", "Linear(half)"))
    (found,) = editor.define(library, "Linear(ha|lf")
    assert (found.uri, found.range.start.line) == (spec, 3)
    assert library in {place.uri for place in editor.refer(spec, "let ha|lf")}
    editor.close(library)


def test_a_layer_of_the_language_leads_nowhere(editor: Editor, spec: str) -> None:
    assert editor.define(spec, "Conv|1d") == []


def test_references_are_found_everywhere(editor: Editor, spec: str, library: str) -> None:
    assert len(editor.refer(spec, "param wid|th")) == 5
    editor.open(library, LIBRARY)
    assert sorted(found.uri for found in editor.refer(library, "block ml|p")) == sorted([library, spec])
    editor.close(library)


def test_a_param_is_renamed_with_all_its_uses(editor: Editor, spec: str) -> None:
    renamed = editor.rename(spec, "let half = wid|th", "size")
    assert renamed == {spec: SPEC.replace("width", "size")}


def test_a_let_is_renamed_with_all_its_uses(editor: Editor, spec: str) -> None:
    assert editor.rename(spec, "let ha|lf", "narrow") == {spec: SPEC.replace("half", "narrow")}


def test_a_block_is_renamed_in_the_library_and_in_what_uses_it(editor: Editor, spec: str, library: str) -> None:
    renamed = editor.rename(spec, "ml|p(", "tower")
    assert renamed == {spec: SPEC.replace("mlp", "tower"), library: LIBRARY.replace("mlp", "tower")}


def test_a_renamed_library_reaches_files_that_are_not_open(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "user.sysid").write_text(SPEC.replace("blocks.sysid", "./lib.sysid"), encoding="utf-8")
    library = (tmp_path / "lib.sysid").as_uri()
    editor.open(library, LIBRARY)
    renamed = editor.rename(library, "block ml|p", "tower")
    assert set(renamed) == {library, (tmp_path / "user.sysid").as_uri()}
    editor.close(library)


def test_an_argument_of_a_block_is_renamed_inside_of_it_alone(editor: Editor, spec: str, library: str) -> None:
    editor.type(spec, SPEC.replace("mlp(width)", "mlp(size = width, depth = 2)"))
    renamed = editor.rename(spec, "mlp(si|ze", "units")
    assert renamed[library] == LIBRARY.replace("size", "units")
    assert renamed[spec] == editor.texts[spec].replace("mlp(size", "mlp(units")


def test_a_renamed_signal_keeps_its_column(editor: Editor, spec: str) -> None:
    renamed = editor.rename(spec, "input  |u", "voltage")
    assert "input  voltage = u : float32" in renamed[spec] and "tanks: voltage[128], y[16]" in renamed[spec]


@pytest.mark.parametrize("name", ["half", "2x", "none", "standard", "a b", "train"])
def test_a_rename_that_would_change_the_meaning_is_refused(name: str, editor: Editor, spec: str) -> None:
    with pytest.raises(JsonRpcException, match="`"):
        editor.rename(spec, "param wid|th", name)
