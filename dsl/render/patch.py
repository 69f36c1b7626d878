"""A fix as whole lines: which are taken out and which come in."""

from __future__ import annotations

from sysidc.dsl.diagnostics import Edit, Fix
from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Source


@dataclass(frozen=True)
class Hunk:
    """From line `number` on, `removed` makes room for `added`."""

    number: int
    removed: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def last_number(self) -> int:
        return self.number + max(len(self.removed), len(self.added), 1) - 1


def hunks(fix: Fix) -> list[Hunk]:
    """The fix line by line; edits on the same or on neighbouring lines share a hunk."""
    found: list[list[Edit]] = []
    for edit in sorted(fix.edits, key=lambda edit: (edit.span.source.name, edit.span.start)):
        last = found[-1][-1] if found else None
        together = last is not None and last.span.source is edit.span.source
        if last is not None and together and edit.span.start_position[0] <= last.span.end_position[0] + 1:
            found[-1].append(edit)
        else:
            found.append([edit])
    return [_hunk(edits[0].span.source, edits) for edits in found]


def _hunk(source: Source, edits: list[Edit]) -> Hunk:
    first = edits[0].span.start_position[0]
    last = max(edit.span.end_position[0] for edit in edits)
    start = source.line_starts[first - 1]
    end = source.line_starts[last] if last < len(source.line_starts) else len(source.text)
    text, place = "", start
    for edit in edits:
        text += source.text[place : edit.span.start] + edit.text
        place = edit.span.end
    return _changed(first, _lines(source.text[start:end]), _lines(text + source.text[place:end]))


def _lines(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def _changed(number: int, old: list[str], new: list[str]) -> Hunk:
    """Without the lines that stay at both ends."""
    while old and new and old[0] == new[0]:
        old, new, number = old[1:], new[1:], number + 1
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return Hunk(number, tuple(old), tuple(new))
