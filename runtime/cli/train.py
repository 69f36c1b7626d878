"""`sysidc train`: a spec goes in, a run folder comes out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from sysidc.compiler.pipeline import compile_source
from sysidc.runtime.cli import CLEAN, FINDINGS, findings
from sysidc.runtime.cli.files import add_set, overrides, read
from sysidc.runtime.cli.results import add_output, tell


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where run folders go (default: runs)")
    parser.add_argument("--quiet", action="store_true", help="say nothing before the score")
    add_set(parser)
    add_output(parser)


def run(given: Namespace) -> int:
    words = overrides(given.set)
    compiled = compile_source(read(given.file), words)
    told = list(compiled.diagnostics)
    if compiled.is_library:
        from sysidc.runtime.runs.mistakes import library

        told.append(library(compiled.source))
    if compiled.plan is None:
        findings.emit(told, compiled.sources, [])
        return FINDINGS
    findings.note(told)
    from sysidc.runtime.runs.folder import read_metrics
    from sysidc.runtime.runs.processes import rank
    from sysidc.runtime.runs.train import train

    path = train(compiled, words, Path(given.runs), given.quiet)
    if rank(compiled.plan):  # the first process tells
        return CLEAN
    tell(path, read_metrics(path), given.output)
    return CLEAN
