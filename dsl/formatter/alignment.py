"""Lines of text whose cells and comments stand in columns, and long values broken over several lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

INDENT = "  "


@dataclass
class Line:
    """One printed line. `cells` are aligned with those of the neighbours of the same `run`; `comment` stands behind.

    `more` are further lines of a long value; they begin `offset` characters into the last cell.
    """

    indent: int
    cells: list[str]
    run: str = ""
    comment: str = ""
    more: tuple[str, ...] = ()
    offset: int = 0

    def text(self) -> str:
        first = INDENT * self.indent + "".join(self.cells).rstrip()
        margin = " " * (len(INDENT * self.indent + "".join(self.cells[:-1])) + self.offset)
        return "\n".join((first, *(margin + line for line in self.more)))


def finish(lines: list[Line]) -> str:
    """Align cells and comments of neighbouring lines; at most one blank line in a row, none at the ends."""
    for run in _runs(lines, lambda line: line.run):
        _align(run)
    texts = _with_comments(lines)
    kept = [text for index, text in enumerate(texts) if text or (index and texts[index - 1])]
    return "\n".join(kept).strip("\n") + "\n"


def _runs(lines: list[Line], key: Callable[[Line], str]) -> list[list[Line]]:
    """Neighbouring lines of one kind; comments of their own between them do not part them, blank lines do."""
    runs: list[list[Line]] = []
    last: tuple[str, int] | None = None
    for line in lines:
        if line.cells[0].startswith("#"):
            continue
        place = (key(line), line.indent)
        if key(line) and place == last:
            runs[-1].append(line)
        elif key(line):
            runs.append([line])
        last = place
    return runs


def _align(run: list[Line]) -> None:
    for column in range(max(len(line.cells) for line in run) - 1):
        filled = [line for line in run if len(line.cells) > column + 1]
        width = max((len(line.cells[column]) for line in filled), default=0)
        for line in filled:
            line.cells[column] = line.cells[column].ljust(width)


def _with_comments(lines: list[Line]) -> list[str]:
    """The comments behind the lines of one block stand in one column."""
    texts = [line.text() for line in lines]
    block: list[int] = []
    for index, line in enumerate([*lines, Line(0, [""])]):
        ends = index == len(lines) or not line.text() or line.indent != lines[block[0]].indent if block else False
        if ends:
            _put_comments(lines, texts, block)
            block = []
        if index < len(lines) and line.comment:
            block.append(index)
    return texts


def _put_comments(lines: list[Line], texts: list[str], block: list[int]) -> None:
    column = max(len(texts[index]) for index in block) + 2
    for index in block:
        texts[index] = texts[index].ljust(column) + lines[index].comment


# --- long values -------------------------------------------------------------------------------------------------


def listed(texts: list[str]) -> list[str]:
    """The items of a list, one a line."""
    lines = [text + "," for text in texts[:-1]] + [texts[-1] + "]"]
    lines[0] = "[" + lines[0]
    return lines


def filled(opening: str, texts: list[str], width: int) -> list[str]:
    """The arguments of a call over several lines, as many on each as fit."""
    lines = [texts[0]]
    for text in texts[1:]:
        if len(lines[-1]) + len(text) + len(", )") <= width:
            lines[-1] += f", {text}"
        else:
            lines[-1] += ","
            lines.append(text)
    lines[0] = opening + lines[0]
    lines[-1] += ")"
    return lines
