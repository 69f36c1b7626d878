"""What is told of a word in a stack that is no layer: unknown, or offered by an installed package and broken."""

from __future__ import annotations

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.installed import Broken, installed, known
from sysidc.compiler.program import Program
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic


def missing_layer(name: syntax.Name, program: Program) -> Diagnostic:
    found = installed(name.text)
    if isinstance(found, Broken):
        return sentences.broken_layer(found.name, found.package, found.reason, name.span)
    return sentences.unknown_layer(name.text, name.span, (*known(), *program.blocks, *program.dynamics))
