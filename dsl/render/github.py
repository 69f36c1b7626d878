"""Diagnostics as workflow commands, which GitHub shows beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.source import Source

IN_MESSAGES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
IN_PROPERTIES = IN_MESSAGES | str.maketrans({":": "%3A", ",": "%2C"})


def render(diagnostics: Sequence[Diagnostic], files: Sequence[Source] = ()) -> str:
    """One command a line."""
    return "".join(_command(diagnostic) + "\n" for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    (line, column), (end_line, end_column) = diagnostic.span.start_position, diagnostic.span.end_position
    properties: dict[str, object] = {"file": diagnostic.span.source.name, "line": line, "endLine": end_line}
    if line == end_line:  # columns are refused where a span takes several lines
        properties |= {"col": column, "endColumn": max(column, end_column - 1)}
    properties["title"] = diagnostic.id
    words = ",".join(f"{key}={str(value).translate(IN_PROPERTIES)}" for key, value in properties.items())
    return f"::{diagnostic.severity.value} {words}::{_message(diagnostic).translate(IN_MESSAGES)}"


def _message(diagnostic: Diagnostic) -> str:
    notes = [f"note: {note}" for note in diagnostic.notes]
    help = [f"help: {diagnostic.help}"] if diagnostic.help else []
    return "\n".join(filter(None, [diagnostic.message, diagnostic.here, *notes, *help]))
