"""A diagnostic is a value: what is wrong, where, why, and how to mend it. Drawing it is another module's work."""

from __future__ import annotations

from enum import Enum

from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Label:
    """A second place that explains the first, with a few words."""

    span: Span
    message: str


@dataclass(frozen=True)
class Edit:
    """Replace the characters of `span` by `text`."""

    span: Span
    text: str


@dataclass(frozen=True)
class Fix:
    """Edits that mend the mistake. `safe` ones keep the meaning that the author evidently had."""

    message: str
    edits: tuple[Edit, ...]
    safe: bool = False


@dataclass(frozen=True)
class Diagnostic:
    """One mistake, told once.

    `id` is the kebab-case word that `explain` knows; `message` one sentence in the user's words; `span` the primary
    place, with the few words `here`; `labels` the places of the promise that it breaks.
    """

    id: str
    severity: Severity
    message: str
    span: Span
    here: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fix: Fix | None = None

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def error(
    id: str,
    message: str,
    span: Span,
    here: str = "",
    *,
    labels: tuple[Label, ...] = (),
    notes: tuple[str, ...] = (),
    help: str | None = None,
    fix: Fix | None = None,
) -> Diagnostic:
    """A mistake: nothing is built from the file."""
    return Diagnostic(id, Severity.ERROR, message, span, here, labels, notes, help, fix)


def warning(
    id: str,
    message: str,
    span: Span,
    here: str = "",
    *,
    labels: tuple[Label, ...] = (),
    notes: tuple[str, ...] = (),
    help: str | None = None,
    fix: Fix | None = None,
) -> Diagnostic:
    """What is sound and probably not meant; a comment can allow it."""
    return Diagnostic(id, Severity.WARNING, message, span, here, labels, notes, help, fix)


class SpecError(Exception):
    """A spec with mistakes. `diagnostics` tells them all; the message is the first one with its place."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]):
        self.diagnostics = diagnostics
        errors = [diagnostic for diagnostic in diagnostics if diagnostic.is_error] or list(diagnostics)
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{first.span}: {first.message} [{first.id}]{more}")
