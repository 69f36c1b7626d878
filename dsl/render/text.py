"""Diagnostics for people, in the shape that rustc made familiar: the line, what is wrong under it, why, and the fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.records import dataclass
from sysidc.dsl.render.canvas import Canvas, Ink, ink
from sysidc.dsl.render.excerpt import excerpt
from sysidc.dsl.render.patch import hunks
from sysidc.dsl.source import Source, Span


def render(diagnostics: Sequence[Diagnostic], files: Sequence[Source] = (), *, colour: bool = False) -> str:
    """Every diagnostic, a blank line behind each. `colour` adds ANSI codes."""
    return "".join(draw(diagnostic, colour=colour) + "\n\n" for diagnostic in diagnostics)


def draw(diagnostic: Diagnostic, *, colour: bool = False) -> str:
    """One diagnostic, without a line break at its end."""
    return "\n".join(line.rstrip() for line in _Drawing(diagnostic, colour).lines())


@dataclass(frozen=True)
class _Mark:
    """An underline and the words that belong to it."""

    span: Span
    message: str
    primary: bool

    @property
    def line(self) -> int:
        return self.span.start_position[0]

    def columns(self, length: int) -> tuple[int, int]:
        """First and last + 1 character on its line of `length`; a span of several lines ends with its first."""
        first = self.span.start_position[1] - 1
        end_line, end_column = self.span.end_position
        last = end_column - 1 if end_line == self.line else length
        return first, max(last, first + 1)


class _Drawing:
    def __init__(self, diagnostic: Diagnostic, colour: bool):
        self.diagnostic = diagnostic
        self.colour = colour
        self.kind = Ink.ERROR if diagnostic.is_error else Ink.WARNING
        labels = (_Mark(label.span, label.message, False) for label in diagnostic.labels)
        self.marks = [_Mark(diagnostic.span, diagnostic.here, True), *labels]
        self.hunks = hunks(diagnostic.fix) if diagnostic.fix else []
        numbers = [mark.line for mark in self.marks] + [hunk.last_number for hunk in self.hunks]
        self.gutter = len(str(max(numbers)))

    def lines(self) -> Iterator[str]:
        word = f"{self.diagnostic.severity.value}[{self.diagnostic.id}]"
        yield ink(word, self.kind, self.colour) + ink(f": {self.diagnostic.message}", Ink.BOLD, self.colour)
        for source in dict.fromkeys(mark.span.source for mark in self.marks):
            yield from self._file([mark for mark in self.marks if mark.span.source is source])
        yield self._bar()
        yield from self._words()

    def _file(self, marks: list[_Mark]) -> Iterator[str]:
        arrow = "-->" if marks[0].primary else ":::"
        yield f"{' ' * self.gutter}{self._frame(arrow)} {marks[0].span}"
        yield self._bar()
        source, previous = marks[0].span.source, None
        for number in sorted({mark.line for mark in marks}):
            if previous is not None and number == previous + 2:
                yield from self._row(source, previous + 1, [])
            elif previous is not None and number > previous + 2:
                yield self._frame("...")
            yield from self._row(source, number, [mark for mark in marks if mark.line == number])
            previous = number

    def _row(self, source: Source, number: int, marks: list[_Mark]) -> Iterator[str]:
        """A line of the source and what is drawn under it."""
        line = source.line(number)
        places = [mark.columns(len(line)) for mark in marks]
        shown = excerpt(line, min((first for first, _ in places), default=0))
        yield f"{self._frame(f'{number:>{self.gutter}} |')} {shown.text}"
        drawn = [
            (mark, shown.column(first), max(shown.column(last), shown.column(first) + 1))
            for mark, (first, last) in zip(marks, places, strict=True)
        ]
        for under in self._under(drawn):
            yield f"{self._bar()} {under}"

    def _under(self, drawn: list[tuple[_Mark, int, int]]) -> list[str]:
        """Underlines; the words of the rightmost stand behind it, those of the others hang below."""
        if not drawn:
            return []
        canvas = Canvas()
        for mark, first, last in sorted(drawn, key=lambda entry: entry[0].primary):
            canvas.put(0, first, ("^" if mark.primary else "-") * (last - first), self._ink(mark))
        from_right = sorted(drawn, key=lambda entry: (entry[1], entry[2]), reverse=True)
        rightmost, _, end = from_right[0]
        inline = end == max(last for _, _, last in drawn)
        if inline and rightmost.message:
            canvas.put(0, end + 1, rightmost.message, self._ink(rightmost))
        hanging = [(mark, first) for mark, first, _ in from_right[1 if inline else 0 :] if mark.message]
        for row, (mark, first) in enumerate(hanging, start=2):
            for above in range(1, row):
                canvas.put(above, first, "|", self._ink(mark))
            canvas.put(row, first, mark.message, self._ink(mark))
        return canvas.lines(self.colour)

    def _words(self) -> Iterator[str]:
        for note in self.diagnostic.notes:
            yield self._equals("note", note)
        help = self.diagnostic.help or (self.diagnostic.fix.message if self.diagnostic.fix else None)
        if help:
            yield self._equals("help", help)
        for hunk in self.hunks:
            yield self._bar()
            yield from self._signed(hunk.number, "-", hunk.removed, Ink.REMOVED)
            yield from self._signed(hunk.number, "+", hunk.added, Ink.ADDED)
        yield self._equals("more", f"sysidc explain {self.diagnostic.id}")

    def _signed(self, start: int, sign: str, texts: tuple[str, ...], colour: Ink) -> Iterator[str]:
        for number, text in enumerate(texts, start=start):
            shown = f"{sign} {excerpt(text, 0).text}"
            yield f"{self._frame(f'{number:>{self.gutter}}')} {ink(shown, colour, self.colour)}"

    def _equals(self, word: str, text: str) -> str:
        head, *rest = text.splitlines() or [""]
        lines = [f"{' ' * self.gutter} {self._frame('=')} {ink(f'{word}:', Ink.BOLD, self.colour)} {head}"]
        return "\n".join([*lines, *(" " * (self.gutter + len(word) + 5) + line for line in rest)])

    def _bar(self) -> str:
        return self._frame(f"{' ' * self.gutter} |")

    def _frame(self, text: str) -> str:
        return ink(text, Ink.FRAME, self.colour)

    def _ink(self, mark: _Mark) -> Ink:
        return self.kind if mark.primary else Ink.FRAME
