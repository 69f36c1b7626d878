"""The row of the catalogue that a word in a stack names, and what is told where it names none."""

from __future__ import annotations

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.entry import Layer
from sysidc.compiler.catalogue.installed import Broken, installed, known, layer
from sysidc.compiler.program import Program
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic


def row_of(element: syntax.Element, program: Program) -> Layer | None:
    """The row of a layer; a block of the same name comes before that of an installed package."""
    if not isinstance(element, syntax.Layer) or element.name.text in (*program.blocks, *program.dynamics):
        return None
    return layer(element.name.text)


def missing_layer(name: syntax.Name, program: Program) -> Diagnostic:
    """Unknown, or offered by an installed package and broken."""
    found = installed(name.text)
    if isinstance(found, Broken):
        return sentences.broken_layer(found.name, found.package, found.reason, name.span)
    return sentences.unknown_layer(name.text, name.span, (*known(), *program.blocks, *program.dynamics))
