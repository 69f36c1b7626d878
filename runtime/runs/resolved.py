"""The text of a spec as it was run: overridden params replaced, libraries in place, data paths seen from the run."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from glob import glob
from pathlib import Path, PurePath

from sysidc.compiler.plan import Plan, SourcePlan
from sysidc.compiler.program import in_words
from sysidc.dsl import syntax
from sysidc.dsl.parser import parse
from sysidc.dsl.source import Source, Span
from sysidc.runtime.runs.folder import seen_from

QUOTED = re.compile(r'"([^"]*)"')
VERSION_LINE = re.compile(r"\A\ufeff?\s*sysid\s+1[ \t]*\r?\n?")


def resolved_text(sources: tuple[Source, ...], plan: Plan, overrides: Mapping[str, object], folder: Path) -> str:
    """The first of `sources` as one self-contained text that holds from `folder`; comments are kept.

    A library stands where the first `use` named it.
    """
    paths = {source.path for source in _file_sources(plan) if source.path and not PurePath(source.path).is_absolute()}
    moves = _Moves(frozenset(paths), Path(plan.data.folder), folder)
    libraries = {source.path.resolve(): source for source in sources[1:] if source.path is not None}
    return _Resolver(libraries, {name: in_words(value) for name, value in overrides.items()}, moves).text(sources[0])


@dataclasses.dataclass(frozen=True)
class _Moves:
    """How the `paths` that a spec in `here` reads are written in a spec that lies in `there`."""

    paths: frozenset[str]
    here: Path
    there: Path

    def written(self, path: str) -> str:
        return f'"{seen_from(self.there, self.here / path)}"'

    def of(self, strings: Iterable[syntax.String]) -> Iterator[tuple[Span, str]]:
        for string in strings:
            if string.value in self.paths:
                yield string.span, self.written(string.value)

    def among(self, choices: Iterable[syntax.String]) -> Iterator[tuple[Span, str]]:
        """Of the choices of a param that holds a path those that name files, too."""
        for string in choices:
            relative = not PurePath(string.value).is_absolute()
            if string.value in self.paths or (relative and glob(str(self.here / string.value), recursive=True)):
                yield string.span, self.written(string.value)


class _Resolver:
    def __init__(self, libraries: dict[Path, Source], overrides: dict[str, str], moves: _Moves):
        self.libraries, self.overrides, self.moves = libraries, overrides, moves

    def text(self, source: Source) -> str:
        file, _ = parse(source)
        edits = [edit for item in file.items for edit in self._edits(item, source)]
        text = source.text
        for span, replacement in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
            text = text[: span.start] + replacement + text[span.end :]
        return text

    def _edits(self, item: syntax.Item, source: Source) -> Iterator[tuple[Span, str]]:
        match item:
            case syntax.Use():
                yield item.span, self._library(item, source)
            case syntax.Param():
                yield from self._param(item)
            case syntax.Let() | syntax.Section():
                yield from self.moves.of(_strings(item))

    def _param(self, item: syntax.Param) -> Iterator[tuple[Span, str]]:
        given = self.overrides.get(item.name.text)
        if given is None:
            values = {string.value for string in _strings(item.value)}
            yield from self.moves.of(_strings(item.value))
        else:
            values = {found[1] for found in QUOTED.finditer(given)}
            yield item.value.span, QUOTED.sub(lambda found: self._quoted(found[1]), given)
        if values & self.moves.paths:
            yield from self.moves.among(_strings(item.domain))

    def _quoted(self, text: str) -> str:
        return self.moves.written(text) if text in self.moves.paths else f'"{text}"'

    def _library(self, item: syntax.Use, source: Source) -> str:
        path = (source.path.parent if source.path else Path()) / item.path.value
        library = self.libraries.pop(path.resolve(), None)
        if library is None:  # named before, and its text stands there
            return f"# {item.path.value}: see above"
        return f"# from {item.path.value}\n" + VERSION_LINE.sub("", self.text(library)).rstrip() + "\n"


def _strings(node: object) -> Iterator[syntax.String]:
    if isinstance(node, syntax.String):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from _strings(item)
    elif isinstance(node, syntax.Node):
        for field in dataclasses.fields(node):
            yield from _strings(getattr(node, field.name))


def _file_sources(plan: Plan) -> tuple[SourcePlan, ...]:
    data = plan.data
    return (*data.train, *data.validation.sources, *data.test.sources)
