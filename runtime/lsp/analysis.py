"""What the compiler makes of an open file, kept until the file or one that it uses changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sysidc.compiler.passes.nodes import chained
from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.compiler.plan import Node, Plan
from sysidc.compiler.program import OverrideError
from sysidc.dsl.source import Source
from sysidc.runtime.lsp.documents import Documents, Text


class PlacedNode(NamedTuple):
    """A node with the characters of the text that it was written as.

    `inner` tells a node whose wrapper ends at the same character; `reach` is the look-back and look-ahead from the
    output of the node to the input of the model, None where the node is part of a wrapper.
    """

    start: int
    end: int
    node: Node
    inner: bool
    reach: tuple[int | None, int | None] | None


class Analysis(NamedTuple):
    """The compiled text; `texts` are all that it depends on, None for a file that could not be read."""

    text: Text
    compiled: Compiled
    texts: tuple[Text | None, ...]


class Shapes(NamedTuple):
    """The nodes of the last version that had no mistakes, at their places in the version of now."""

    plan: Plan
    nodes: tuple[PlacedNode, ...]


class Analyst:
    """Compiles texts when they are asked about, each version once."""

    def __init__(self, documents: Documents):
        self.documents = documents
        self._known: dict[str, Analysis] = {}
        self._sound: dict[str, tuple[Text, Shapes]] = {}

    def analyse(self, text: Text) -> Analysis:
        """What the compiler finds in a text."""
        known = self._known.get(text.uri)
        texts = self._texts(text)
        if known is not None and known.text is text and _identical(known.texts, texts):
            return known
        compiled = _compiled(text.source, self.documents)
        analysis = Analysis(text, compiled, texts)
        self._known[text.uri] = analysis
        if compiled.plan is not None:
            nodes = tuple(_placed(compiled.plan.model.nodes, text.source))
            self._sound[text.uri] = (text, Shapes(compiled.plan, nodes))
        return analysis

    def forget(self, uri: str) -> None:
        self._known.pop(uri, None)
        self._sound.pop(uri, None)

    def shapes(self, text: Text) -> Shapes | None:
        """The nodes of the last sound version, moved to where their text stands now; None before there was one."""
        if text.uri not in self._sound:
            return None
        old, shapes = self._sound[text.uri]
        if old is text:
            return shapes
        return Shapes(shapes.plan, _moved(shapes.nodes, old.source.text, text.source.text))

    def _texts(self, text: Text) -> tuple[Text | None, ...]:
        """The texts of a closure, and a None for each file that is used and cannot be read."""
        closure = self.documents.closure(text)
        missing = (self.documents.at(path) for part in closure for path in part.used_paths)
        return (*closure, *(found for found in missing if found is None))


def _compiled(source: Source, documents: Documents) -> Compiled:
    try:
        return compile_source(source, files=documents)
    except OverrideError:  # nothing is overridden here
        raise AssertionError("an override without one") from None


def _identical(left: Sequence[Text | None], right: Sequence[Text | None]) -> bool:
    return len(left) == len(right) and all(one is two for one, two in zip(left, right, strict=True))


def _placed(nodes: Sequence[Node], source: Source) -> Iterator[PlacedNode]:
    """The nodes that were written in `source`, outer ones first."""
    for index, node in enumerate(nodes):
        reach = chained([(entry.look_back, entry.look_ahead) for entry in nodes[: index + 1]])
        yield from _placed_node(node, source, None, reach)


def _placed_node(
    node: Node, source: Source, outer_end: int | None, reach: tuple[int | None, int | None] | None
) -> Iterator[PlacedNode]:
    place, end = node.place, None
    if place.file == source.name and place.end_line <= len(source.line_starts):
        start = source.line_starts[place.line - 1] + place.column - 1
        end = source.line_starts[place.end_line - 1] + place.end_column - 1
        yield PlacedNode(start, end, node, end == outer_end, reach)
    for child in node.children:
        yield from _placed_node(child, source, end if end is not None else outer_end, None)


def _moved(nodes: tuple[PlacedNode, ...], old: str, new: str) -> tuple[PlacedNode, ...]:
    """The nodes before and behind what was changed between two texts."""
    before = _common(old, new)
    behind = _common(old[before:][::-1], new[before:][::-1])
    shift, last = len(new) - len(old), len(old) - behind
    kept = [placed for placed in nodes if placed.end <= before]
    kept += [
        placed._replace(start=placed.start + shift, end=placed.end + shift) for placed in nodes if placed.start >= last
    ]
    return tuple(kept)


def _common(left: str, right: str) -> int:
    """How many characters two texts begin with in common."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if left[:middle] == right[:middle] else (low, middle - 1)
    return low
