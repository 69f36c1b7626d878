"""Names that no build would meet: bodies of unused blocks, definitions that nothing uses, values that are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from sysidc.compiler import sentences
from sysidc.compiler.catalogue import installed
from sysidc.compiler.dynamics.layer import check_blocks
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.annotations.wrap import ANNOTATIONS
from sysidc.compiler.passes.header import Header
from sysidc.compiler.passes.rows import missing_layer, row_of
from sysidc.compiler.passes.signals import Measured
from sysidc.compiler.program import Program
from sysidc.compiler.scope import Unknown, evaluate
from sysidc.compiler.values import Interval, describe
from sysidc.dsl import syntax


def check_names(program: Program, findings: Findings) -> None:
    """Judge every definition on its own, used or not: its value, its domain, the layers that a block names."""
    for name in (*program.params, *program.lets):
        _evaluate(name, program)
    for param in program.params.values():
        if param.domain is not None:
            _check_domain(param, program, findings)
    for block in program.blocks.values():
        _check_block(block, program, findings)
    if program.is_library:
        check_blocks(program, set(), findings)
    program.scope.forget()


def _evaluate(name: str, program: Program) -> None:
    definition = program.params.get(name) or program.lets[name]
    with suppress(Unknown):  # what is wrong with it has been reported
        program.scope.lookup(name, definition.name.span)


def _check_domain(param: syntax.Param, program: Program, findings: Findings) -> None:
    domain = param.domain
    assert domain is not None
    try:
        plain = evaluate(domain.values, program.scope).plain
    except Unknown:
        return
    if isinstance(plain, tuple) and not plain:
        findings.add(sentences.empty_domain(param.name.text, domain.values.span))
    if domain.log and isinstance(plain, Interval) and plain.low <= 0:
        findings.add(sentences.log_domain(describe(plain.low), domain.values.span))


def _check_block(block: syntax.Block, program: Program, findings: Findings) -> None:
    seen: dict[str, syntax.Name] = {}
    for parameter in block.parameters:
        name = parameter.name.text
        if name in seen:
            findings.add(sentences.duplicate_definition(name, parameter.name.span, seen[name].span))
        seen.setdefault(name, parameter.name)
    own = (*program.blocks, *program.dynamics)
    for element in _elements(block.elements):
        named = isinstance(element, syntax.Layer) and element.name.text not in own
        if isinstance(element, syntax.Layer) and named and installed.layer(element.name.text) is None:
            findings.add(missing_layer(element.name, program))
        for annotation in element.annotations:
            if annotation.name.text not in ANNOTATIONS:
                findings.add(sentences.unknown_annotation(annotation.name.text, annotation.name.span, ANNOTATIONS))
    _check_arguments(block, program, findings)


def _check_arguments(block: syntax.Block, program: Program, findings: Findings) -> None:
    """Argument names of the layers in a block, which an unused block would hide."""
    for element in _elements(block.elements):
        entry = row_of(element, program)
        if entry is None or not isinstance(element, syntax.Layer):
            continue
        names = [name for argument in entry.arguments for name in (argument.name, *argument.aliases)]
        for argument in element.arguments:
            if argument.name is not None and argument.name.text not in names:
                findings.add(
                    sentences.unknown_argument(entry.name, argument.name.text, argument.name.span, tuple(names))
                )


def _elements(elements: tuple[syntax.Element, ...]) -> Iterator[syntax.Element]:
    for element in elements:
        yield element
        if isinstance(element, syntax.Group | syntax.Repeat):
            yield from _elements(element.elements)


def warn_unused(
    program: Program, measured: Measured, header: Header | None, used_blocks: set[str], findings: Findings
) -> None:
    """Definitions of the file itself that nothing uses."""
    if findings.has_errors:
        return
    own = program.source
    for kind, names in (("param", program.params), ("let", program.lets)):
        for name, item in names.items():
            if name not in program.scope.used and item.span.source is own:
                findings.add(sentences.unused(kind, name, item.name.span))
    for kind, stacks in (("block", program.blocks), ("dynamics", program.dynamics)):
        for name, stack in stacks.items():
            if name not in used_blocks and stack.span.source is own:
                findings.add(sentences.unused(kind, name, stack.name.span))
    if header is not None:
        names_of_header = {window.signal for window in (*header.inputs, *header.outputs)}
        for name, span in measured.spans.items():
            if name not in names_of_header:
                findings.add(sentences.unused("signal", name, span))
