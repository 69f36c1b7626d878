"""The scope of a block's body: its arguments where it is used, the file's names where it was written."""

from __future__ import annotations

from sysidc.compiler import sentences
from sysidc.compiler.findings import Findings
from sysidc.compiler.scope import Scope
from sysidc.dsl import syntax


def block_scope(
    element: syntax.Layer, block: syntax.Block, file_scope: Scope, scope: Scope, findings: Findings
) -> Scope | None:
    """The scope of a block's body: its arguments, evaluated where the block is used, then the file's names."""
    owner = element.name.text
    inner = Scope(findings, parent=file_scope)
    names = [parameter.name.text for parameter in block.parameters]
    given: dict[str, syntax.Expression] = {}
    for index, argument in enumerate(element.arguments):
        name = argument.name.text if argument.name else (names[index] if index < len(names) else None)
        if name is None:
            findings.add(sentences.too_many_arguments(owner, len(names), argument.span, tuple(names)))
            return None
        if name not in names:
            assert argument.name is not None
            findings.add(sentences.unknown_argument(owner, name, argument.name.span, tuple(names)))
            return None
        if name in given:
            findings.add(sentences.argument_twice(owner, name, argument.span, given[name].span))
            return None
        given[name] = argument.value
    for parameter in block.parameters:
        expression = given.get(parameter.name.text, parameter.default)
        if expression is None:
            findings.add(sentences.missing_argument(owner, parameter.name.text, element.span, ""))
            return None
        written = parameter.name.text in given
        inner.define(parameter.name.text, parameter.name.span, expression, scope if written else inner)
    return inner


def warn_unused_parameters(block: syntax.Block, inner: Scope, findings: Findings) -> None:
    for parameter in block.parameters:
        if parameter.name.text not in inner.used:
            findings.add(sentences.unused("argument", parameter.name.text, parameter.name.span))
