"""Mistakes are told as they are typed, in the file that they stand in."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types

from tests.lsp.editor import Editor
from tests.lsp.tanks import LIBRARY, SPEC


def test_a_sound_spec_has_no_diagnostics(editor: Editor, spec: str) -> None:
    assert editor.diagnostics(spec) == []


def test_a_mistake_is_told_where_it_was_typed_with_its_page_and_the_broken_promise(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace("Linear(width) }", "Linear(1) }"))
    (found,) = editor.diagnostics(spec)
    assert (found.code, found.severity, found.source) == ("residual-shape", types.DiagnosticSeverity.Error, "sysidc")
    assert editor.marked(spec, found.range) == "Linear(1)"
    assert found.code_description and Path(found.code_description.href.removeprefix("file://")).is_file()
    (label,) = found.related_information or []
    assert label.location.uri == spec and editor.marked(spec, label.location.range) == "@residual"
    editor.type(spec, SPEC)
    assert editor.diagnostics(spec) == []


def test_what_is_unused_is_faded(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC + "let spare = 1\n")
    (found,) = editor.diagnostics(spec)
    assert (found.severity, list(found.tags or [])) == (
        types.DiagnosticSeverity.Warning,
        [types.DiagnosticTag.Unnecessary],
    )


def test_a_mistake_behind_an_emoji_stands_at_its_utf_16_column(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace('"V"', '"😀𐌀"').replace('"m"', '"😀" inptu v'))
    found = editor.diagnostics(spec)
    assert [editor.marked(spec, entry.range) for entry in found][:1] == ["inptu"]


def test_an_unsaved_library_counts_and_its_mistakes_are_told_in_it(editor: Editor, spec: str, library: str) -> None:
    assert editor.diagnostics(spec) == []
    editor.open(library, LIBRARY)
    editor.type(library, LIBRARY.replace("GELU", "GLEU"))
    (found,) = editor.diagnostics(library)
    assert found.code == "unknown-layer" and editor.marked(library, found.range) == "GLEU"
    editor.type(library, LIBRARY.replace("mlp", "net"))
    editor.diagnostics(library)
    editor.wait_for(lambda: [entry.code for entry in editor.told[spec].diagnostics] == ["unknown-layer"])
    editor.close(library)
    editor.wait_for(lambda: not editor.told[spec].diagnostics)


def test_a_library_that_changes_on_the_disk_is_read_again(editor: Editor, spec: str, library: str) -> None:
    assert editor.diagnostics(spec) == []
    Path(library.removeprefix("file://")).unlink()
    event = types.FileEvent(library, types.FileChangeType.Deleted)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    editor.wait_for(lambda: "unreadable-use" in {entry.code for entry in editor.told[spec].diagnostics})


def test_a_closed_document_takes_its_diagnostics_along(editor: Editor, tmp_path: Path) -> None:
    uri = (tmp_path / "broken.sysid").as_uri()
    editor.open(uri, "sysid 1 let a = b c")
    assert editor.diagnostics(uri)
    editor.close(uri)
    editor.wait_for(lambda: not editor.told[uri].diagnostics)


def test_a_document_without_a_file_is_checked(editor: Editor) -> None:
    editor.open("untitled:Untitled-1", "sysid 2\n")
    assert [found.code for found in editor.diagnostics("untitled:Untitled-1")] == ["unknown-version"]
    assert editor.complete("untitled:Untitled-1", "sysid 2\n")["signals"]
    editor.close("untitled:Untitled-1")
