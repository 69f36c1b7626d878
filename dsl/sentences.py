"""All sentences of diagnostics: one constructor per mistake, named after it."""

from __future__ import annotations

from sysidc.dsl.diagnostics import Diagnostic, Edit, Fix, Severity
from sysidc.dsl.source import Source, Span


def _error(id: str, message: str, span: Span, here: str = "", **more: object) -> Diagnostic:
    return Diagnostic(id, Severity.ERROR, message, span, here, **more)  # type: ignore[arg-type]


# --- form ------------------------------------------------------------------------------------------------------------


def missing_version(source: Source) -> Diagnostic:
    start = 1 if source.text.startswith("\ufeff") else 0
    span = Span(source, start, start)
    fix = Fix("begin the file with the version of the language", (Edit(span, "sysid 1\n"),), safe=True)
    return _error("missing-version", "the file does not say which version of the language it uses", span, fix=fix)


def too_deep(span: Span, limit: int) -> Diagnostic:
    return _error("too-deep", f"this nests deeper than {limit} levels", span)


def number_too_large(span: Span) -> Diagnostic:
    return _error("number-too-large", "this number is larger than any that a computer counts with", span)


def unbuildable(reason: str, span: Span, limit: int) -> Diagnostic:
    return number_too_large(span) if reason == "number-too-large" else too_deep(span, limit)


def unexpected(span: Span) -> Diagnostic:
    return _error("syntax", "this does not belong here", span)


# --- names, values, shapes: the compiler's sentences ------------------------------------------------------------
