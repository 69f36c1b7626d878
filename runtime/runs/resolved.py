"""The text of a spec as it was run: overridden params replaced, libraries in place, data paths seen from the run."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from sysidc.compiler.plan import Plan, SourcePlan
from sysidc.compiler.program import in_words
from sysidc.dsl import syntax
from sysidc.dsl.parser import parse
from sysidc.dsl.source import Source, Span
from sysidc.runtime.runs.folder import seen_from

VERSION_LINE = re.compile(r"\A\ufeff?\s*sysid\s+1[ \t]*\r?\n?")


def resolved_text(sources: tuple[Source, ...], plan: Plan, overrides: Mapping[str, object], folder: Path) -> str:
    """The first of `sources` as one self-contained text that holds from `folder`; comments are kept.

    A library stands where the first `use` named it.
    """
    paths = {source.path for source in _file_sources(plan) if source.path and not PurePath(source.path).is_absolute()}
    moved = {path: seen_from(folder, Path(plan.data.folder) / path) for path in paths}
    libraries = {source.path.resolve(): source for source in sources[1:] if source.path is not None}
    return _Resolver(libraries, {name: in_words(value) for name, value in overrides.items()}, moved).text(sources[0])


class _Resolver:
    def __init__(self, libraries: dict[Path, Source], overrides: dict[str, str], moved: dict[str, str]):
        self.libraries, self.overrides, self.moved = libraries, overrides, moved

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
            case syntax.Param(name=name, value=value) if name.text in self.overrides:
                written = self.overrides[name.text]
                path = self.moved.get(written.strip('"'))
                yield value.span, f'"{path}"' if path and written.startswith('"') else written
            case syntax.Param() | syntax.Let() | syntax.Section():
                for string in _strings(item):
                    if string.value in self.moved:
                        yield string.span, f'"{self.moved[string.value]}"'

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
