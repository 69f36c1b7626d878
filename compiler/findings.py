"""Where passes leave what they found: every mistake once, in the order of the text."""

from __future__ import annotations

from sysidc.dsl.diagnostics import Diagnostic


class Findings:
    """Collects diagnostics; the same mistake at the same place (a block used twice) is kept once.

    A name that nothing defines is told where it is first met: its definition is one mistake, however often it is used.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int, int, str], Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        span = diagnostic.span
        key = (diagnostic.id, span.source.name, span.start, span.end, diagnostic.message)
        if diagnostic.id == "unknown-name":
            key = (diagnostic.id, "", 0, 0, diagnostic.message)
        self._found.setdefault(key, diagnostic)

    def extend(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    @property
    def has_errors(self) -> bool:
        return any(diagnostic.is_error for diagnostic in self._found.values())

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings, by file in the order they were met, then by place."""
        files = list(dict.fromkeys(diagnostic.span.source.name for diagnostic in self._found.values()))
        return tuple(
            sorted(
                self._found.values(),
                key=lambda diagnostic: (files.index(diagnostic.span.source.name), diagnostic.span.start),
            )
        )
