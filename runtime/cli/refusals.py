"""What is said where a verb cannot run: a file, an override, data or a run that will not do; exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sysidc.compiler.foreign import ForeignLayerError
from sysidc.compiler.plan import Place
from sysidc.compiler.program import OverrideError, UnreadableFile
from sysidc.dsl.diagnostics import Diagnostic, Severity
from sysidc.dsl.source import Source, Span


@contextmanager
def refusals() -> Iterator[None]:
    """Turns a mistake of the user that kept a verb from running into its message on stderr."""
    try:
        yield
    except (OverrideError, UnreadableFile) as error:
        print(f"error: {error}", file=sys.stderr)
    except ForeignLayerError as error:
        print(f"error[broken-layer]: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("torch", "lightning", "safetensors", "pandas", "scipy"):
            raise
        print(f"error: this needs {error.name}, which is not installed", file=sys.stderr)
        print('  = help: pip install "sysidc[train]"', file=sys.stderr)
    except _told() as error:
        _tell(error)


def _told() -> tuple[type[Exception], ...]:
    """DataError and RunError, where they can have been raised: their modules are not imported for this."""
    homes = {"DataError": "sysidc.runtime.data.errors", "RunError": "sysidc.runtime.runs.mistakes"}
    return tuple(getattr(sys.modules[home], name) for name, home in homes.items() if home in sys.modules)


def _tell(error: Exception) -> None:
    place = getattr(error, "place", None)
    found = diagnostic(error.id, error.message, place, error.help) if place else None  # type: ignore[attr-defined]
    if found is not None:
        from sysidc.runtime.cli.findings import draw

        print(draw(found, sys.stderr), file=sys.stderr)
        return
    print(f"error[{error.id}]: {error.message}", file=sys.stderr)  # type: ignore[attr-defined]
    if error.help:  # type: ignore[attr-defined]
        print(f"  = help: {error.help}", file=sys.stderr)  # type: ignore[attr-defined]


def diagnostic(id: str, message: str, place: Place, help: str | None) -> Diagnostic | None:
    """A mistake in the data as a diagnostic at its place in the spec; None where the spec is not there any more."""
    from sysidc.runtime.cli.files import read

    try:
        source = read(place.file)
    except UnreadableFile:
        return None
    if place.end_line > len(source.line_starts):
        return None
    return Diagnostic(id, Severity.ERROR, message, span_of(source, place), help=help)


def span_of(source: Source, place: Place) -> Span:
    start = source.line_starts[place.line - 1] + place.column - 1
    end = source.line_starts[place.end_line - 1] + place.end_column - 1
    return Span(source, start, max(start, end))
