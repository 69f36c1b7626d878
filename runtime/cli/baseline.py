"""Findings that are known already, in a JSON file: told apart by what they say, not by where they stand."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from sysidc.compiler.program import UnreadableFile, read_source
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.runtime.cli.files import replace

FORMAT_VERSION = "1.0"
FIELDS = ("file", "id", "message", "line")
"""`file` is relative to the baseline's folder, `line` the text of the line, without the blanks around it."""

Finding: TypeAlias = tuple[str, ...]


def unknown(found: Sequence[Diagnostic], path: Path) -> list[Diagnostic]:
    """The findings that the baseline does not hold; one that it holds once is known once. Raises UnreadableFile."""
    known = Counter(_read(path))
    left = []
    for diagnostic in found:
        finding = _finding(diagnostic, path)
        if known[finding]:
            known[finding] -= 1
        else:
            left.append(diagnostic)
    return left


def write(found: Sequence[Diagnostic], path: Path) -> None:
    """Make `found` what is known. Raises UnreadableFile."""
    findings = [dict(zip(FIELDS, finding, strict=True)) for finding in sorted(_finding(entry, path) for entry in found)]
    tree = {"format_version": FORMAT_VERSION, "findings": findings}
    replace(path, json.dumps(tree, indent=2, ensure_ascii=False) + "\n")


def _finding(diagnostic: Diagnostic, baseline: Path) -> Finding:
    source = diagnostic.span.source
    line = source.line(diagnostic.span.start_position[0]).strip()
    return (_file(source.name, source.path, baseline), diagnostic.id, diagnostic.message, line)


def _file(name: str, path: Path | None, baseline: Path) -> str:
    if path is None:
        return name
    try:
        return Path(os.path.relpath(path.resolve(), baseline.resolve().parent)).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()


def _read(path: Path) -> list[Finding]:
    try:
        tree: Any = json.loads(read_source(path).text)
        if tree["format_version"] != FORMAT_VERSION:
            raise UnreadableFile(f"{path} is a baseline of another version of sysidc")
        return [tuple(str(entry[field]) for field in FIELDS) for entry in tree["findings"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableFile(f"{path} is no baseline of sysidc; --update-baseline writes one") from None
