"""A spec that is to be run: sound, with its warnings told, or refused with its findings."""

from __future__ import annotations

from collections.abc import Mapping

from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.runtime.cli import findings
from sysidc.runtime.cli.files import read


def sound(file: str, words: Mapping[str, str]) -> Compiled | None:
    """The spec with overrides put in; None where its findings, which are printed, leave nothing to run."""
    compiled = compile_source(read(file), words)
    told = list(compiled.diagnostics)
    if compiled.is_library:
        from sysidc.runtime.runs.mistakes import library

        told.append(library(compiled.source))
    if compiled.plan is None:
        findings.emit(told, compiled.sources, [])
        return None
    findings.note(told)
    return compiled
