"""How findings leave the process: drawn for people on stdout, or in a format for machines, several at once."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TextIO

from sysidc.compiler.program import UnreadableFile
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.render import text
from sysidc.dsl.source import Source

FORMATS = ("text", "json", "sarif", "github", "junit")
"""The modules of sysidc.dsl.render."""


def draw(diagnostic: Diagnostic, stream: TextIO) -> str:
    """One finding as text, coloured where `stream` is a terminal."""
    return text.draw(diagnostic, colour=coloured(stream))


def coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


def output(word: str) -> tuple[str, Path | None]:
    """`FORMAT` or `FORMAT=PATH` of a command line."""
    name, _, path = word.partition("=")
    if name not in FORMATS:
        raise ArgumentTypeError(f"{name!r} is no format; formats: {', '.join(FORMATS)}")
    return name, Path(path) if path else None


def emit(
    diagnostics: Sequence[Diagnostic], sources: Sequence[Source], outputs: Sequence[tuple[str, Path | None]]
) -> None:
    """Write the findings in every format asked for, to its file or to stdout. Raises UnreadableFile."""
    for name, path in outputs or [("text", None)]:
        if path is None and name == "text":
            sys.stdout.write(text.render(diagnostics, sources, colour=coloured(sys.stdout)))
            continue
        rendered = import_module(f"sysidc.dsl.render.{name}").render(diagnostics, sources)
        if path is None:
            sys.stdout.write(rendered)
        else:
            _write(path, rendered)


def _write(path: Path, rendered: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be written: {error.strerror}") from None


def note(diagnostics: Sequence[Diagnostic]) -> None:
    """Draw findings on stderr, beside the work that goes on."""
    for diagnostic in diagnostics:
        print(draw(diagnostic, sys.stderr), end="\n\n", file=sys.stderr)


def summary(diagnostics: Sequence[Diagnostic], files: int) -> str:
    """`1 error, 0 warnings in 1 file`."""
    errors = sum(diagnostic.is_error for diagnostic in diagnostics)
    told = [(errors, "error"), (len(diagnostics) - errors, "warning")]
    counts = ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in told)
    return f"{counts} in {files} file{'' if files == 1 else 's'}"
