"""Diagnostics as JSON, format version 1.0: lines and columns count from 1, columns count characters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sysidc.dsl.diagnostics import Diagnostic, Fix, Label
from sysidc.dsl.source import Source, Span

FORMAT_VERSION = "1.0"


def render(diagnostics: Sequence[Diagnostic], files: Sequence[Source]) -> str:
    """One JSON object and a line break; `files` are all that were checked."""
    errors = sum(diagnostic.is_error for diagnostic in diagnostics)
    tree = {
        "format_version": FORMAT_VERSION,
        "files": len(files),
        "errors": errors,
        "warnings": len(diagnostics) - errors,
        "diagnostics": [_diagnostic(diagnostic) for diagnostic in diagnostics],
    }
    return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "id": diagnostic.id,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "file": diagnostic.span.source.name,
        "range": _range(diagnostic.span),
        "labels": [_label(label, diagnostic.span.source) for label in _with_here(diagnostic)],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fix": _fix(diagnostic.fix) if diagnostic.fix else None,
    }


def _with_here(diagnostic: Diagnostic) -> tuple[Label, ...]:
    """The words under the primary place come first."""
    here = (Label(diagnostic.span, diagnostic.here),) if diagnostic.here else ()
    return (*here, *diagnostic.labels)


def _label(label: Label, home: Source) -> dict[str, Any]:
    """A label names its file only where it lies in another one."""
    elsewhere = {"file": label.span.source.name} if label.span.source.name != home.name else {}
    return {"range": _range(label.span), "message": label.message, **elsewhere}


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{"range": _range(edit.span), "text": edit.text} for edit in fix.edits]
    return {"message": fix.message, "safe": fix.safe, "edits": edits}


def _range(span: Span) -> dict[str, dict[str, int]]:
    ends = {"start": span.start_position, "end": span.end_position}
    return {name: {"line": line, "column": column} for name, (line, column) in ends.items()}
