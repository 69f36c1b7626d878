"""Diagnostics as SARIF 2.1.0, the format of code-scanning services.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0 (2020).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from sysidc.dsl.diagnostics import Diagnostic, Edit, Fix
from sysidc.dsl.source import Source, Span

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
URI_CHARACTERS = "/:@!$&'()*+,;=~-._"


def render(diagnostics: Sequence[Diagnostic], files: Sequence[Source]) -> str:
    """One run; columns count characters, and every file that was checked is an artifact."""
    ids = list(dict.fromkeys(diagnostic.id for diagnostic in diagnostics))
    rules = [{"id": id, "help": {"text": f"sysidc explain {id}"}} for id in ids]
    run = {
        "tool": {"driver": {"name": "sysidc", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(file)}} for file in files],
        "results": [_result(diagnostic, ids.index(diagnostic.id)) for diagnostic in diagnostics],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    sentences = [diagnostic.message, diagnostic.here, *diagnostic.notes, diagnostic.help or ""]
    related = [
        {"id": number, "message": {"text": label.message}, **_location(label.span)}
        for number, label in enumerate(diagnostic.labels, start=1)
    ]
    return {
        "ruleId": diagnostic.id,
        "ruleIndex": rule,
        "level": diagnostic.severity.value,
        "message": {"text": "\n".join(filter(None, sentences))},
        "locations": [_location(diagnostic.span)],
        **({"relatedLocations": related} if related else {}),
        **({"fixes": [_fix(diagnostic.fix)]} if diagnostic.fix else {}),
    }


def _location(span: Span) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.source)}, "region": _region(span)}}


def _region(span: Span) -> dict[str, int]:
    (line, column), (end_line, end_column) = span.start_position, span.end_position
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _fix(fix: Fix) -> dict[str, Any]:
    """One change per file that the edits touch."""
    by_file: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_file.setdefault(_uri(edit.span.source), []).append(edit)
    changes = [
        {"artifactLocation": {"uri": uri}, "replacements": [_replacement(edit) for edit in edits]}
        for uri, edits in by_file.items()
    ]
    return {"description": {"text": fix.message}, "artifactChanges": changes}


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}


def _uri(source: Source) -> str:
    """The path as it was given, with the characters that a URI allows."""
    return quote(source.name.replace("\\", "/"), safe=URI_CHARACTERS)
