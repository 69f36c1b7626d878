"""Reads a file and the libraries it uses into one Program: all definitions by name, one scope, each section once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.layers import LAYERS
from sysidc.compiler.findings import Findings
from sysidc.compiler.scope import CONSTANTS, Scope
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.parser import parse, parse_expression
from sysidc.dsl.records import dataclass, field
from sysidc.dsl.source import Source, Span

RESERVED = (*CONSTANTS, "all")
REQUIRED_SECTIONS = ("signals", "model", "data", "train")
DEEPEST_USE = 20
LARGEST_FILE = 1_048_576


class OverrideError(Exception):
    """An override that cannot be taken: no such param, or a value that is none."""


class UnreadableFile(Exception):
    """A file that cannot be read as text; the message says why."""


@dataclass
class Program:
    """Definitions of a file and of the libraries it uses; `sections` holds the root file's own sections by kind,
    `fixed` the params that were overridden."""

    source: Source
    scope: Scope
    version: int = 1
    params: dict[str, syntax.Param] = field(default_factory=dict)
    lets: dict[str, syntax.Let] = field(default_factory=dict)
    blocks: dict[str, syntax.Block] = field(default_factory=dict)
    dynamics: dict[str, syntax.Dynamics] = field(default_factory=dict)
    sections: dict[str, syntax.Signals | syntax.Model | syntax.Section] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    fixed: set[str] = field(default_factory=set)

    @property
    def is_library(self) -> bool:
        return not self.sections

    @property
    def folder(self) -> Path:
        return self.source.path.parent if self.source.path else Path()


def read_source(path: Path, name: str | None = None) -> Source:
    """The text of a file. Raises UnreadableFile with a sentence that says what is wrong."""
    try:
        if path.is_dir():
            raise UnreadableFile(f"{name or path} is a folder")
        if path.stat().st_size > LARGEST_FILE:
            raise UnreadableFile(
                f"{name or path} is larger than {LARGEST_FILE // 1_000_000} MB; a spec is a short text"
            )
        if path.exists() and not path.is_file():
            raise UnreadableFile(f"{name or path} is no ordinary file")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UnreadableFile(f"{name or path} does not exist") from None
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{name or path} is not UTF-8 text: byte {error.start} does not fit") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableFile(f"{name or path} cannot be read: {reason}") from None
    return Source(name or str(path), text, path)


class Files:
    """Where the files of a spec are read: on the disk. An editor puts the texts before it that are open there."""

    def read(self, path: Path, name: str) -> Source:
        """A file that is used. Raises UnreadableFile."""
        return read_source(path, name)

    def parse(self, source: Source) -> tuple[syntax.File, tuple[Diagnostic, ...]]:
        return parse(source)


DISK = Files()


def load_program(source: Source, findings: Findings, overrides: Mapping[str, object], files: Files = DISK) -> Program:
    """Parse `source` and what it uses. Raises OverrideError for an override that names no param."""
    program = Program(source, Scope(findings))
    _Loader(program, findings, files).load(source, opened=())
    if not program.is_library and not findings.has_errors:
        _require_sections(program, findings)
    for name, value in overrides.items():
        _override(program, name, value)
    return program


class _Loader:
    def __init__(self, program: Program, findings: Findings, files: Files):
        self.files = files
        self.program = program
        self.findings = findings
        self.loaded: set[Path] = set()
        self.places: dict[tuple[str, str], Span] = {}

    def load(self, source: Source, opened: tuple[Path, ...]) -> None:
        file, diagnostics = self.files.parse(source)
        self.findings.extend(diagnostics)
        self.program.sources.append(source)
        root = not opened
        if root and file.version is not None:
            self._check_version(file.version)
        here = (*opened, source.path.resolve() if source.path else Path(source.name))
        for item in file.items:
            self._take(item, source, here, root)

    def _check_version(self, version: syntax.Number) -> None:
        if version.value != 1 or version.unit or not isinstance(version.value, int):
            self.findings.add(sentences.unknown_version(version.span))

    def _take(self, item: syntax.Item, source: Source, opened: tuple[Path, ...], root: bool) -> None:
        match item:
            case syntax.Use():
                self._use(item, source, opened)
            case syntax.Param() | syntax.Let():
                self._define_value(item)
            case syntax.Block() | syntax.Dynamics():
                self._define_stack(item)
            case _:
                self._section(item, root)

    def _use(self, item: syntax.Use, source: Source, opened: tuple[Path, ...]) -> None:
        folder = source.path.parent if source.path else Path()
        path = folder / item.path.value
        if len(opened) > DEEPEST_USE:
            self.findings.add(sentences.use_too_deep(item.path.value, item.path.span, DEEPEST_USE))
            return
        try:
            resolved = path.resolve()
            if resolved in opened:
                self.findings.add(sentences.circular_use(item.path.value, item.path.span))
                return
            if resolved in self.loaded:
                return
            used = self.files.read(path, _shown(source, item.path.value))
        except (UnreadableFile, OSError, RuntimeError, ValueError) as error:
            self.findings.add(sentences.unreadable_use(item.path.value, item.path.span, str(error)))
            return
        self.loaded.add(resolved)
        self.load(used, opened)

    def _define_value(self, item: syntax.Param | syntax.Let) -> None:
        name = item.name.text
        if name in RESERVED:
            self.findings.add(sentences.reserved_name(name, item.name.span))
            return
        if not self._first("value", item.name):
            return
        if isinstance(item, syntax.Param):
            self.program.params[name] = item
        else:
            self.program.lets[name] = item
        self.program.scope.define(name, item.name.span, item.value)

    def _define_stack(self, item: syntax.Block | syntax.Dynamics) -> None:
        name = item.name.text
        if name in LAYERS:
            self.findings.add(sentences.shadowed_layer(name, item.name.span))
            return
        if not self._first("stack", item.name):
            return
        if isinstance(item, syntax.Block):
            self.program.blocks[name] = item
        else:
            self.program.dynamics[name] = item

    def _first(self, kind: str, name: syntax.Name) -> bool:
        first = self.places.setdefault((kind, name.text), name.span)
        if first is not name.span:
            self.findings.add(sentences.duplicate_definition(name.text, name.span, first))
            return False
        return True

    def _section(self, item: syntax.Signals | syntax.Model | syntax.Section, root: bool) -> None:
        kind = item.kind if isinstance(item, syntax.Section) else type(item).__name__.lower()
        span = Span(item.span.source, item.span.start, item.span.start + len(kind))
        if not root:
            self.findings.add(sentences.section_in_library(kind, span))
            return
        first = self.places.setdefault(("section", kind), span)
        if first is not span:
            self.findings.add(sentences.duplicate_section(kind, span, first))
            return
        self.program.sections[kind] = item


def _shown(source: Source, path: str) -> str:
    """The path of a used file as it is shown: relative to where the user stands, as the first file's path is."""
    return str(Path(source.name).parent / path)


def _require_sections(program: Program, findings: Findings) -> None:
    for kind in REQUIRED_SECTIONS:
        if kind not in program.sections:
            findings.add(sentences.missing_section(kind, _end(program.source)))


def _end(source: Source) -> Span:
    end = len(source.text.rstrip())
    return Span(source, max(0, end - 1), end)


def _override(program: Program, name: str, value: object) -> None:
    if name not in program.params:
        known = ", ".join(program.params) or "none"
        kind = "a let, which may not be overridden" if name in program.lets else "not a param of this file"
        raise OverrideError(f"`{name}` is {kind}; params: {known}")
    text = in_words(value)
    expression, diagnostics = parse_expression(Source(f"--set {name}", text))
    if expression is None or diagnostics:
        raise OverrideError(f"`{text}` is no value for the param `{name}`")
    program.scope.define(name, program.params[name].name.span, expression)
    program.fixed.add(name)


def in_words(value: object) -> str:
    """A Python value in the language's own words; strings are taken as they are written on the command line."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(in_words(item) for item in value) + "]"
    return str(value)
