"""Quick fixes: the fixes of the diagnostics at a place, and all safe ones of a file at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lsprotocol import types

from sysidc.dsl.diagnostics import Diagnostic, Edit
from sysidc.runtime.lsp.analysis import Analysis
from sysidc.runtime.lsp.documents import Documents
from sysidc.runtime.lsp.findings import converted, lines_of, uri_of_source

FIX_ALL = types.CodeActionKind.SourceFixAll
FIX_ALL_HERE = f"{FIX_ALL.value}.sysidc"


def actions(
    analysis: Analysis, documents: Documents, range: types.Range, only: Sequence[str] | None
) -> list[types.CodeAction]:
    """What mends the mistakes that touch a range. `only` holds the kinds of action that are wanted, None for all."""
    found: list[types.CodeAction] = []
    if _wanted(types.CodeActionKind.QuickFix.value, only):
        found += [
            _quick_fix(diagnostic, analysis, documents)
            for diagnostic in _touching(analysis, range)
            if diagnostic.fix is not None
        ]
    if _wanted(FIX_ALL_HERE, only):
        found += _fix_all(analysis, documents)
    return found


def _wanted(kind: str, only: Sequence[str] | None) -> bool:
    return only is None or any(kind == wanted or kind.startswith(f"{wanted}.") for wanted in only)


def _touching(analysis: Analysis, range: types.Range) -> Iterable[Diagnostic]:
    lines = analysis.text.lines
    start, end = lines.offset(range.start), lines.offset(range.end)
    for diagnostic in analysis.compiled.diagnostics:
        span = diagnostic.span
        if span.source is analysis.text.source and span.start <= end and start <= span.end:
            yield diagnostic


def _quick_fix(diagnostic: Diagnostic, analysis: Analysis, documents: Documents) -> types.CodeAction:
    assert diagnostic.fix is not None
    return types.CodeAction(
        title=diagnostic.fix.message,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[converted(diagnostic, analysis, documents)],
        is_preferred=diagnostic.fix.safe,
        edit=_workspace_edit(diagnostic.fix.edits, analysis, documents),
    )


def _fix_all(analysis: Analysis, documents: Documents) -> list[types.CodeAction]:
    """The safe fixes of the file that do not overlap."""
    edits: list[Edit] = []
    for diagnostic in analysis.compiled.diagnostics:
        fix = diagnostic.fix
        if fix is None or not fix.safe or any(edit.span.source is not analysis.text.source for edit in fix.edits):
            continue
        if not any(_overlap(edit, taken) for edit in fix.edits for taken in edits):
            edits += fix.edits
    if not edits:
        return []
    edit = _workspace_edit(edits, analysis, documents)
    return [types.CodeAction(title="Apply all safe fixes", kind=FIX_ALL_HERE, edit=edit)]


def _overlap(left: Edit, right: Edit) -> bool:
    if left.span.start == right.span.start:
        return True
    return left.span.start < right.span.end and right.span.start < left.span.end


def _workspace_edit(edits: Iterable[Edit], analysis: Analysis, documents: Documents) -> types.WorkspaceEdit:
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in edits:
        uri = uri_of_source(edit.span.source, analysis, documents)
        range = lines_of(edit.span.source, analysis, documents).span(edit.span)
        changes.setdefault(uri, []).append(types.TextEdit(range, edit.text))
    return types.WorkspaceEdit(changes=changes)
