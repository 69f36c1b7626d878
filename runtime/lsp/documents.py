"""The texts that an editor holds open, before the files on the disk; what was read is kept until it changes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from time import monotonic
from typing import NamedTuple, TypeAlias

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from sysidc.compiler.program import Files, UnreadableFile, read_source
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.parser import parse
from sysidc.dsl.source import Source
from sysidc.runtime.lsp.positions import Lines
from sysidc.runtime.lsp.words.frames import Word
from sysidc.runtime.lsp.words.scan import Scan, scan

MOST_FOLDERS = 5_000
"""Folders that are looked through for specs that use a library."""

KEPT = 5.0
"""Seconds for which the list of specs in the folders is kept."""

Stamp: TypeAlias = int | None
"""What changes whenever the text of a file does; None for a file that cannot be read."""


class Parsed(NamedTuple):
    tree: syntax.File
    diagnostics: tuple[Diagnostic, ...]


class Text:
    """One version of a file: its source, its lines, its words."""

    def __init__(self, uri: str, source: Source, version: Stamp, encoding: types.PositionEncodingKind):
        self.uri = uri
        self.source = source
        self.version = version
        self.lines = Lines(source.text, encoding)
        self._scan: Scan | None = None
        self._parsed: Parsed | None = None

    @property
    def words(self) -> tuple[Word, ...]:
        return self.scan.words

    @property
    def scan(self) -> Scan:
        if self._scan is None:
            self._scan = scan(self.source.text)
        return self._scan

    @property
    def parsed(self) -> Parsed:
        if self._parsed is None:
            self._parsed = Parsed(*parse(self.source))
        return self._parsed

    def word_at(self, offset: int) -> Word | None:
        """The word that the cursor touches; of two the one behind it."""
        touched = [word for word in self.words if word.start <= offset <= word.end]
        return touched[-1] if touched else None

    @property
    def used_paths(self) -> tuple[Path, ...]:
        """The files that `use` names, by their place on the disk."""
        folder = self.source.path.parent if self.source.path else Path()
        words = [word for word in self.words if word.frame.kind == "file" and word.role in ("keyword", "string")]
        named = [two.text.strip('"') for one, two in pairwise(words) if _is_use(one, two)]
        return tuple(folder / name for name in named if "\0" not in name)


def _is_use(keyword: Word, string: Word) -> bool:
    return keyword.text == "use" and keyword.role == "keyword" and string.role == "string"


class Documents(Files):
    """Open texts by URI, other files by path."""

    def __init__(self, encoding: types.PositionEncodingKind = types.PositionEncodingKind.Utf16):
        self.encoding = encoding
        self.folders: list[Path] = []
        self._open: dict[str, Text] = {}
        self._paths: dict[Path, str] = {}
        self._disk: dict[Path, Text] = {}
        self._files: tuple[Path, ...] = ()
        self._looked = -KEPT

    def open(self, uri: str, text: str, version: int) -> Text:
        """Take the text of an open document, or a new version of it."""
        path = path_of(uri)
        source = Source(str(path) if path else uri, text, path)
        self._open[uri] = Text(uri, source, version, self.encoding)
        if path is not None:
            self._paths[_resolved(path)] = uri
        return self._open[uri]

    def close(self, uri: str) -> None:
        self._open.pop(uri, None)
        self._paths = {path: known for path, known in self._paths.items() if known != uri}

    @property
    def opened(self) -> tuple[Text, ...]:
        return tuple(self._open.values())

    def text(self, uri: str) -> Text | None:
        """The text of a URI, None where no file can be read there."""
        if uri in self._open:
            return self._open[uri]
        path = path_of(uri)
        return self.at(path) if path else None

    def at(self, path: Path) -> Text | None:
        """The text of a path: the open one, else that on the disk; None where there is none."""
        resolved = _resolved(path)
        if resolved in self._paths:
            return self._open[self._paths[resolved]]
        try:
            return self._from_disk(path, resolved, str(path))
        except UnreadableFile:
            return None

    def stamp(self, path: Path) -> Stamp:
        """What a file's text was known by when it was last read."""
        resolved = _resolved(path)
        if resolved in self._paths:
            return self._open[self._paths[resolved]].version
        try:
            return resolved.stat().st_mtime_ns
        except (OSError, ValueError):
            return None

    # --- what the compiler asks for ----------------------------------------------------------------------------

    def read(self, path: Path, name: str) -> Source:
        resolved = _resolved(path)
        if resolved in self._paths:
            return self._open[self._paths[resolved]].source
        return self._from_disk(path, resolved, name).source

    def parse(self, source: Source) -> tuple[syntax.File, tuple[Diagnostic, ...]]:
        for text in (*self._open.values(), *self._disk.values()):
            if text.source is source:
                return text.parsed
        return parse(source)

    def _from_disk(self, path: Path, resolved: Path, name: str) -> Text:
        known = self._disk.get(resolved)
        stamp = self.stamp(path)
        if known is None or known.version != stamp or stamp is None:
            known = Text(uri_of(resolved), read_source(path, name), stamp, self.encoding)
            self._disk[resolved] = known
        return known

    # --- files that belong together ----------------------------------------------------------------------------

    def closure(self, text: Text) -> tuple[Text, ...]:
        """A file and all that it uses, itself first, in the order in which the compiler meets them."""
        found: dict[str, Text] = {}

        def visit(entry: Text) -> None:
            if entry.uri in found:
                return
            found[entry.uri] = entry
            for path in entry.used_paths:
                used = self.at(path)
                if used is not None:
                    visit(used)

        visit(text)
        return tuple(found.values())

    def programs(self, text: Text) -> list[tuple[Text, ...]]:
        """The closures that a file is part of: its own, then those of open files and of the folders' files of now."""
        own = self.closure(text)
        self._looked = -KEPT
        return [own, *self.users(text)]

    def users(self, text: Text) -> list[tuple[Text, ...]]:
        """The closures of other files that a file is part of."""
        others = [self.closure(root) for root in self._roots() if root.uri != text.uri]
        return [closure for closure in others if any(part.uri == text.uri for part in closure)]

    def _roots(self) -> Iterator[Text]:
        seen = set()
        for text in self.opened:
            seen.add(text.uri)
            yield text
        if monotonic() - self._looked > KEPT:
            self._looked, self._files = monotonic(), self._found()
        for path in self._files:
            found = self.at(path)
            if found is not None and found.uri not in seen and found.used_paths:
                seen.add(found.uri)
                yield found

    def _found(self) -> tuple[Path, ...]:
        """The specs in the folders of the editor, those in hidden folders and in runs left out."""
        found: dict[Path, None] = {}
        folders = self.folders or [text.source.path.parent for text in self.opened if text.source.path]
        visited = (entry for folder in dict.fromkeys(folders) for entry in os.walk(folder))
        for place, inside, names in islice(visited, MOST_FOLDERS):
            inside[:] = [name for name in inside if not name.startswith(".") and name != "node_modules"]
            if "plan.json" not in names:
                found.update(dict.fromkeys(Path(place, name) for name in names if name.endswith(".sysid")))
        return tuple(found)


def path_of(uri: str) -> Path | None:
    """The path of a file's URI, None for a document that has no file."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return Path(path) if path else None


def uri_of(path: Path) -> str:
    return from_fs_path(str(path)) or path.as_uri()


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path
