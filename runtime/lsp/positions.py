"""Character offsets of a text and the positions of the protocol: lines from 0, columns in the units agreed upon."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

from lsprotocol import types

from sysidc.dsl.source import Span

UNITS = {
    types.PositionEncodingKind.Utf8: lambda text: len(text.encode("utf-8", "surrogatepass")),
    types.PositionEncodingKind.Utf16: lambda text: len(text) + sum(character > "\uffff" for character in text),
    types.PositionEncodingKind.Utf32: len,
}
"""How many units a text has in each encoding of positions."""

LINE_BREAK = re.compile(r"\r\n|\n|\r")


class Lines:
    """A text cut into the lines that the protocol counts: a lone carriage return ends one, too."""

    def __init__(self, text: str, encoding: types.PositionEncodingKind = types.PositionEncodingKind.Utf16):
        self.text = text
        self.count = UNITS[encoding]

    @cached_property
    def starts(self) -> list[int]:
        return [0, *(match.end() for match in LINE_BREAK.finditer(self.text))]

    @cached_property
    def is_plain(self) -> bool:
        """Every encoding counts the same."""
        return self.text.isascii()

    def position(self, offset: int) -> types.Position:
        """Where the character at `offset` stands; offsets behind the text are its end."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self.starts, offset) - 1
        start = self.starts[line]
        return types.Position(line, offset - start if self.is_plain else self.count(self.text[start:offset]))

    def offset(self, position: types.Position) -> int:
        """The character at a position; a position behind the end of its line is that end."""
        if position.line >= len(self.starts):
            return len(self.text)
        start, end = self.starts[position.line], self._end(position.line)
        if self.is_plain:
            return min(start + position.character, end)
        units = 0
        for offset in range(start, end):
            if units >= position.character:
                return offset
            units += self.count(self.text[offset])
        return end

    def range(self, start: int, end: int) -> types.Range:
        return types.Range(self.position(start), self.position(end))

    def span(self, span: Span) -> types.Range:
        return self.range(span.start, span.end)

    def _end(self, line: int) -> int:
        """The end of a line without its line break."""
        if line + 1 == len(self.starts):
            return len(self.text)
        end = self.starts[line + 1] - 1
        return end - 1 if self.text[end - 1 : end + 1] == "\r\n" else end
