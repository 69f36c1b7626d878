"""How findings leave the process: drawn for people on stdout, or in a format for machines, several at once."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from sysidc.dsl.diagnostics import Diagnostic, Severity
from sysidc.dsl.source import Source, Span

Renderer = Callable[[Sequence[Diagnostic], Sequence[Source]], str]

RED, YELLOW, BOLD, PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"


def draw(diagnostic: Diagnostic, stream: TextIO) -> str:
    """One finding as text, coloured where `stream` is a terminal."""
    kind, place = diagnostic.severity.value, diagnostic.span
    line, column = place.start_position
    gutter = " " * len(str(line))
    text = place.source.line(line)
    width = max(1, min(place.end - place.start, len(text) - column + 1))
    lines = [
        f"{kind}[{diagnostic.id}]: {diagnostic.message}",
        f"{gutter}--> {place}",
        f"{gutter} |",
        f"{line} | {text}".rstrip(),
        f"{gutter} | {' ' * (column - 1)}{'^' * width} {diagnostic.here}".rstrip(),
    ]
    lines += [f"{gutter} : {label.span}: {label.message}" for label in diagnostic.labels]
    lines += [f"{gutter} = note: {note}" for note in diagnostic.notes]
    lines += [f"{gutter} = help: {diagnostic.help}"] if diagnostic.help else []
    if coloured(stream):
        colour = RED if diagnostic.is_error else YELLOW
        lines[0] = f"{BOLD}{colour}{kind}[{diagnostic.id}]{PLAIN}{BOLD}: {diagnostic.message}{PLAIN}"
    return "\n".join(lines)


def coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


def as_json(diagnostics: Sequence[Diagnostic], sources: Sequence[Source]) -> str:
    """The format of `check --output json`, version 1.0."""
    tree = {
        "format_version": "1.0",
        "files": len(sources),
        "errors": count(diagnostics, Severity.ERROR),
        "warnings": count(diagnostics, Severity.WARNING),
        "diagnostics": [_tree(diagnostic) for diagnostic in diagnostics],
    }
    return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"


def as_text(diagnostics: Sequence[Diagnostic], sources: Sequence[Source]) -> str:
    return "".join(f"{draw(diagnostic, sys.stdout)}\n\n" for diagnostic in diagnostics)


FORMATS: dict[str, Renderer] = {"text": as_text, "json": as_json}


def output(word: str) -> tuple[str, Path | None]:
    """`FORMAT` or `FORMAT=PATH` of a command line."""
    name, _, path = word.partition("=")
    if name not in FORMATS:
        raise ArgumentTypeError(f"{name!r} is no format; formats: {', '.join(FORMATS)}")
    return name, Path(path) if path else None


def emit(
    diagnostics: Sequence[Diagnostic], sources: Sequence[Source], outputs: Sequence[tuple[str, Path | None]]
) -> None:
    """Write the findings in every format asked for, to its file or to stdout."""
    for name, path in outputs or [("text", None)]:
        text = FORMATS[name](diagnostics, sources)
        if path is None:
            sys.stdout.write(text)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def note(diagnostics: Sequence[Diagnostic]) -> None:
    """Draw warnings beside the work that goes on."""
    for diagnostic in diagnostics:
        print(draw(diagnostic, sys.stderr), end="\n\n", file=sys.stderr)


def summary(diagnostics: Sequence[Diagnostic], files: int) -> str:
    """`1 error, 0 warnings in 1 file`."""
    told = [(count(diagnostics, Severity.ERROR), "error"), (count(diagnostics, Severity.WARNING), "warning")]
    counts = ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in told)
    return f"{counts} in {files} file{'' if files == 1 else 's'}"


def count(diagnostics: Sequence[Diagnostic], severity: Severity) -> int:
    return sum(diagnostic.severity is severity for diagnostic in diagnostics)


def _tree(diagnostic: Diagnostic) -> dict[str, Any]:
    fix = diagnostic.fix
    edits = [{"range": _range(edit.span), "text": edit.text} for edit in fix.edits] if fix else []
    return {
        "id": diagnostic.id,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "file": diagnostic.span.source.name,
        "range": _range(diagnostic.span),
        "labels": [{"range": _range(label.span), "message": label.message} for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fix": {"message": fix.message, "edits": edits} if fix else None,
    }


def _range(span: Span) -> dict[str, dict[str, int]]:
    ends = {"start": span.start_position, "end": span.end_position}
    return {name: {"line": line, "column": column} for name, (line, column) in ends.items()}
