"""Diagnostics of the compiler as those of the protocol: labels as related places, ids as links to their pages."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from lsprotocol import types

from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.source import Source, Span
from sysidc.runtime.lsp.analysis import Analysis
from sysidc.runtime.lsp.documents import Documents, Text, uri_of
from sysidc.runtime.lsp.positions import Lines

SOURCE = "sysidc"
UNUSED = "unused"


def told(analysis: Analysis, documents: Documents) -> dict[str, list[types.Diagnostic]]:
    """The diagnostics of a text by the URI of the file that they are in; the text's own URI is always there."""
    found: dict[str, list[types.Diagnostic]] = {analysis.text.uri: []}
    for diagnostic in analysis.compiled.diagnostics:
        uri = uri_of_source(diagnostic.span.source, analysis, documents)
        found.setdefault(uri, []).append(converted(diagnostic, analysis, documents))
    return found


def converted(diagnostic: Diagnostic, analysis: Analysis, documents: Documents) -> types.Diagnostic:
    return types.Diagnostic(
        range=_range(diagnostic.span, analysis, documents),
        message=_message(diagnostic),
        severity=types.DiagnosticSeverity.Error if diagnostic.is_error else types.DiagnosticSeverity.Warning,
        code=diagnostic.id,
        code_description=_link(diagnostic.id),
        source=SOURCE,
        tags=[types.DiagnosticTag.Unnecessary] if diagnostic.id == UNUSED else None,
        related_information=[
            types.DiagnosticRelatedInformation(
                types.Location(
                    uri_of_source(label.span.source, analysis, documents), _range(label.span, analysis, documents)
                ),
                label.message,
            )
            for label in diagnostic.labels
        ],
    )


def uri_of_source(source: Source, analysis: Analysis, documents: Documents) -> str:
    text = _text_of(source, analysis)
    if text is not None:
        return text.uri
    found = documents.at(source.path) if source.path else None
    return found.uri if found else uri_of(source.path or Path(source.name))


def lines_of(source: Source, analysis: Analysis, documents: Documents) -> Lines:
    text = _text_of(source, analysis)
    return text.lines if text is not None else Lines(source.text, documents.encoding)


def _text_of(source: Source, analysis: Analysis) -> Text | None:
    return next((text for text in analysis.texts if text is not None and text.source is source), None)


def _range(span: Span, analysis: Analysis, documents: Documents) -> types.Range:
    """The place, one character wide at least, so that an editor has something to underline."""
    lines = lines_of(span.source, analysis, documents)
    start, end = span.start, span.end
    if start == end and start < len(span.source.text) and span.source.text[start] not in "\r\n":
        end += 1
    return lines.range(start, end)


def _message(diagnostic: Diagnostic) -> str:
    here = f": {diagnostic.here}" if diagnostic.here else ""
    lines = [diagnostic.message + here, *(f"note: {note}" for note in diagnostic.notes)]
    if diagnostic.help:
        lines.append(f"help: {diagnostic.help}")
    return "\n".join(lines)


def _link(id: str) -> types.CodeDescription | None:
    """The page of an id is a file beside the compiler."""
    page = files("sysidc.compiler.explain").joinpath("pages", f"{id}.md")
    return types.CodeDescription(Path(str(page)).resolve().as_uri()) if isinstance(page, Path) else None
