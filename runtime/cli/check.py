"""`sysidc check`: what is wrong with specs, without importing torch."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.dsl.diagnostics import Diagnostic, Severity
from sysidc.dsl.source import Source, Span
from sysidc.runtime.cli import CLEAN, COULD_NOT_RUN, FINDINGS, findings
from sysidc.runtime.cli.files import add_set, overrides, sources


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="files, folders, globs, or - for stdin")
    parser.add_argument("--data", action="store_true", help="read the data, too, and split it")
    parser.add_argument("--fix", action="store_true", help="apply the safe fixes; the text of stdin goes to stdout")
    parser.add_argument("--deny", choices=("warnings",), help="warnings count as findings")
    parser.add_argument("--select", action="extend", type=ids, default=[], metavar="ID,ID", help="tell only these")
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="findings that are known and not told again")
    parser.add_argument("--update-baseline", action="store_true", help="make all that is found now the baseline")
    formats = "|".join(findings.FORMATS) + "[=PATH]"
    told = "several at once"
    parser.add_argument("--output", action="append", type=findings.output, default=[], metavar=formats, help=told)
    add_set(parser)


def ids(word: str) -> tuple[str, ...]:
    """`ID,ID` of a command line."""
    from sysidc.compiler.explain.book import diagnostic_ids
    from sysidc.compiler.explain.data_page import DATA_PAGES
    from sysidc.dsl.spelling import closest

    known = (*diagnostic_ids(), *DATA_PAGES)
    given = tuple(id.strip() for id in word.split(",") if id.strip())
    for id in given:
        if id not in known:
            near = closest(id, known)
            raise ArgumentTypeError(f"{id!r} is no diagnostic" + (f"; did you mean {near}?" if near else ""))
    return given


def run(given: Namespace) -> int:
    wrong = _at_odds(given)
    if wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return COULD_NOT_RUN
    given_sources = sources(given.files)
    words = overrides(given.set)
    if given.fix:
        given_sources = _fix(given_sources, words, frozenset(given.select))
    found = _once([found for source in given_sources for found in _found(compile_source(source, words), given.data)])
    found = [diagnostic for diagnostic in found if not given.select or diagnostic.id in given.select]
    left = _not_known(found, given)
    _emit(left, given_sources, given)
    known = f", {len(found) - len(left)} known" if given.baseline else ""
    print(findings.summary(left, len(given_sources)) + known, file=sys.stderr)
    counted = left if given.deny else [diagnostic for diagnostic in left if diagnostic.is_error]
    return FINDINGS if counted else CLEAN


def _at_odds(given: Namespace) -> str | None:
    """What is wrong with options that are sound each by itself."""
    if given.update_baseline and given.baseline is None:
        return "--update-baseline needs --baseline FILE"
    on_stdout = [name for name, path in given.output if path is None and name != "text"]
    if given.fix and "-" in given.files and on_stdout:
        return f"--fix prints the fixed text of stdin; write --output {on_stdout[0]}=PATH"
    return None


def _fix(given_sources: list[Source], words: dict[str, str], selected: frozenset[str]) -> list[Source]:
    from sysidc.runtime.cli.fixing import fix_all

    fixed, applied = fix_all(given_sources, words, selected)
    if applied:
        print(f"{applied} fix{'' if applied == 1 else 'es'} applied", file=sys.stderr)
    return fixed


def _emit(left: list[Diagnostic], given_sources: list[Source], given: Namespace) -> None:
    """Where stdout holds the fixed text of stdin, what is left to tell people goes to stderr."""
    texts = [source.text for source in given_sources if source.path is None] if given.fix else []
    if not texts:
        findings.emit(left, given_sources, given.output)
        return
    sys.stdout.write("".join(texts))
    to_files = [(name, path) for name, path in given.output if path is not None]
    if to_files:
        findings.emit(left, given_sources, to_files)
    if len(to_files) == len(given.output) > 0:
        return
    findings.note(left)


def _not_known(found: list[Diagnostic], given: Namespace) -> list[Diagnostic]:
    """What the baseline does not hold, after it was written where that is asked for."""
    if given.baseline is None:
        return found
    from sysidc.runtime.cli import baseline

    if given.update_baseline:
        baseline.write(found, given.baseline)
    return baseline.unknown(found, given.baseline)


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
