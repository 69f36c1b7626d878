"""`sysidc check`: what is wrong with specs, without importing torch."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.dsl.diagnostics import Diagnostic, Severity
from sysidc.dsl.source import Span
from sysidc.runtime.cli import CLEAN, FINDINGS, findings
from sysidc.runtime.cli.files import add_set, overrides, sources


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="files, folders, globs, or - for stdin")
    parser.add_argument("--data", action="store_true", help="read the data, too, and split it")
    parser.add_argument("--deny", choices=("warnings",), help="warnings count as findings")
    formats = "|".join(findings.FORMATS) + "[=PATH]"
    told = "several at once"
    parser.add_argument("--output", action="append", type=findings.output, default=[], metavar=formats, help=told)
    add_set(parser)


def run(given: Namespace) -> int:
    given_sources = sources(given.files)
    words = overrides(given.set)
    compiled = [compile_source(source, words) for source in given_sources]
    found = _once([diagnostic for result in compiled for diagnostic in _found(result, given.data)])
    findings.emit(found, given_sources, given.output)
    print(findings.summary(found, len(given_sources)), file=sys.stderr)
    counted = found if given.deny else [diagnostic for diagnostic in found if diagnostic.is_error]
    return FINDINGS if counted else CLEAN


def _found(compiled: Compiled, with_data: bool) -> tuple[Diagnostic, ...]:
    if not with_data or compiled.plan is None:
        return compiled.diagnostics
    return (*compiled.diagnostics, *_in_data(compiled))


def _in_data(compiled: Compiled) -> list[Diagnostic]:
    """What the data of a sound spec hold against it: at most one mistake, told at the source that it is in."""
    from sysidc.runtime.cli.refusals import span_of
    from sysidc.runtime.data.errors import DataError
    from sysidc.runtime.data.prepare import prepare

    assert compiled.plan is not None
    try:
        prepare(compiled.plan)
    except DataError as error:
        named = {source.name: source for source in compiled.sources}
        at_start = Span(compiled.source, 0, 1)
        known = error.place is not None and error.place.file in named
        span = span_of(named[error.place.file], error.place) if known and error.place else at_start
        return [Diagnostic(error.id, Severity.ERROR, error.message, span, help=error.help)]
    return []


def _once(found: list[Diagnostic]) -> list[Diagnostic]:
    """A library that several files use tells its findings once."""
    seen: dict[tuple[object, Diagnostic], Diagnostic] = {}
    for diagnostic in found:
        path = diagnostic.span.source.path
        key = (path.resolve() if isinstance(path, Path) else diagnostic.span.source.name, diagnostic)
        seen.setdefault(key, diagnostic)
    return list(seen.values())
