"""Text to syntax tree: every mistake of form is reported once, and all that could be read is returned."""

from __future__ import annotations

from typing import Any

from sysidc.dsl import sentences, syntax
from sysidc.dsl.building import Builder, Tree, Unbuildable, UnbuildableError
from sysidc.dsl.comments import deepest_bracket, find_comments
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.reader import read
from sysidc.dsl.source import Source, Span

DEEPEST_BRACKETS = 50
SENTENCES = {
    Unbuildable.TOO_DEEP: sentences.too_deep,
    Unbuildable.NUMBER_TOO_LARGE: sentences.number_too_large,
}


def parse(source: Source) -> tuple[syntax.File, tuple[Diagnostic, ...]]:
    """The file's tree and what is wrong with its form. Items that cannot be read are left out of the tree."""
    span = Span(source, 0, len(source.text))
    tree, found = _read(source, "file")
    if tree is None:
        return syntax.File(span, None, ()), found
    nodes, unbuildable = _build_each(source, tree.children)
    found += unbuildable
    version, items = nodes[0], nodes[1:]
    left_out: Any = tree.children[0]
    if left_out is None:
        found += (sentences.missing_version(source),)
    file = syntax.File(span, version, tuple(item for item in items if item is not None), find_comments(source))
    return file, tuple(sorted(found, key=lambda diagnostic: diagnostic.span.start))


def parse_expression(source: Source) -> tuple[syntax.Expression | None, tuple[Diagnostic, ...]]:
    """A single value, as in `--set width=64`; None where there is a mistake."""
    tree, found = _read(source, "value")
    if tree is None or found:
        return None, found
    nodes, unbuildable = _build_each(source, [tree])
    return nodes[0], unbuildable


def _read(source: Source, start: str) -> tuple[Tree | None, tuple[Diagnostic, ...]]:
    too_deep = deepest_bracket(source, DEEPEST_BRACKETS)
    if too_deep is not None:
        return None, (sentences.too_deep(too_deep),)
    tree = read(source.text, start)
    if tree is not None:
        return tree, ()
    from sysidc.dsl.recovery.mending import recover  # a clean file is read without it and without Lark

    return recover(source, start)


def _build_each(source: Source, trees: list[Any]) -> tuple[list[Any], tuple[Diagnostic, ...]]:
    """One node per tree, None for a part that was left out or that no node can hold."""
    nodes: list[Any] = []
    found: list[Diagnostic] = []
    for tree in trees:
        try:
            nodes.append(Builder(source).build(tree) if tree is not None else None)
        except UnbuildableError as error:
            nodes.append(None)
            if error.reason in SENTENCES:
                found.append(SENTENCES[error.reason](error.span))
    return nodes, tuple(found)
