"""`sysidc fmt`: one canonical layout, comments kept."""

from __future__ import annotations

import difflib
import sys
from argparse import ArgumentParser, Namespace

from sysidc.dsl.diagnostics import SpecError
from sysidc.dsl.formatter.canonical import format_source
from sysidc.dsl.source import Source
from sysidc.runtime.cli import CLEAN, FINDINGS, findings
from sysidc.runtime.cli.files import replace, sources


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="files, folders, globs, or - for stdin to stdout")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where a file would change")
    parser.add_argument("--diff", action="store_true", help="write nothing; print what would change")


def run(given: Namespace) -> int:
    return max([_one(source, given) for source in sources(given.files)], default=CLEAN)


def _one(source: Source, given: Namespace) -> int:
    try:
        text = format_source(source)
    except SpecError as error:
        findings.emit(error.diagnostics, [source], [])
        return FINDINGS
    if given.diff:
        names = (source.name, f"{source.name} (formatted)")
        pair = (source.text.splitlines(keepends=True), text.splitlines(keepends=True))
        sys.stdout.writelines(difflib.unified_diff(*pair, *names))
    if given.check or given.diff:
        if given.check and text != source.text:
            print(f"{source.name} would change", file=sys.stderr)
        return FINDINGS if given.check and text != source.text else CLEAN
    if source.path is None:
        sys.stdout.write(text)
    elif text != source.text:
        replace(source.path, text)
    return CLEAN
