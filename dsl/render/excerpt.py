"""One line of a source as a terminal shows it: tabs widened, controls replaced, endless lines cut around a place."""

from __future__ import annotations

import unicodedata

from sysidc.dsl.records import dataclass

TAB = "    "
WIDEST = 160
BEFORE = 40
CUT = "..."


@dataclass(frozen=True)
class Excerpt:
    """`text` as shown; `columns[i]` is where character i of the line stands, one entry more than characters."""

    text: str
    columns: tuple[int, ...]
    first: int

    def column(self, character: int) -> int:
        """The shown column of a character of the line, counted from 0; places that were cut off move to the edge."""
        inside = min(max(character - self.first, 0), len(self.columns) - 1)
        return self.columns[inside]


def excerpt(line: str, place: int) -> Excerpt:
    """The line, or some WIDEST characters of it around `place`."""
    first, last = 0, len(line)
    if len(line) > WIDEST:
        first = max(0, min(place - BEFORE, len(line) - WIDEST))
        last = first + WIDEST
    shown = [_shown(character) for character in line[first:last]]
    start = CUT if first else ""
    columns = [len(start)]
    for text in shown:
        columns.append(columns[-1] + _width(text))
    return Excerpt(start + "".join(shown) + (CUT if last < len(line) else ""), tuple(columns), first)


def _shown(character: str) -> str:
    if character == "\t":
        return TAB
    return character if character.isprintable() else "\ufffd"


def _width(text: str) -> int:
    """Terminal columns: East Asian wide characters take two, combining marks none."""
    if len(text) > 1:
        return len(text)
    if unicodedata.combining(text):
        return 0
    return 2 if unicodedata.east_asian_width(text) in ("W", "F") else 1
