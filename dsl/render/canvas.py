"""A grid of characters with colours, on which underlines and the words under them are put."""

from __future__ import annotations

from enum import Enum


class Ink(Enum):
    """ANSI's select-graphic-rendition codes."""

    PLAIN = ""
    BOLD = "1"
    ERROR = "1;31"
    WARNING = "1;33"
    FRAME = "1;34"
    ADDED = "32"
    REMOVED = "31"


def ink(text: str, colour: Ink, wanted: bool) -> str:
    """`text` in a colour where colours are wanted."""
    return f"\x1b[{colour.value}m{text}\x1b[0m" if wanted and text and colour is not Ink.PLAIN else text


class Canvas:
    """Rows grow as they are written on; later writing covers earlier."""

    def __init__(self) -> None:
        self.rows: list[list[tuple[str, Ink]]] = []

    def put(self, row: int, column: int, text: str, colour: Ink) -> None:
        while len(self.rows) <= row:
            self.rows.append([])
        cells = self.rows[row]
        cells.extend([(" ", Ink.PLAIN)] * (column + len(text) - len(cells)))
        for offset, character in enumerate(text):
            cells[column + offset] = (character, colour)

    def lines(self, colours: bool) -> list[str]:
        return [_line(cells, colours) for cells in self.rows]


def _line(cells: list[tuple[str, Ink]], colours: bool) -> str:
    """Neighbours of one colour share its code."""
    parts: list[tuple[str, Ink]] = []
    for character, colour in cells:
        if parts and parts[-1][1] is colour:
            parts[-1] = (parts[-1][0] + character, colour)
        else:
            parts.append((character, colour))
    return "".join(ink(text, colour, colours) for text, colour in parts)
