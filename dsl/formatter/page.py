"""What is printed so far, and the comments that wait for their place: at, before or inside of a statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sysidc.dsl import syntax
from sysidc.dsl.formatter.alignment import INDENT, Line
from sysidc.dsl.source import Source, Span

WIDTH = 100


class Page:
    """Lines in the order of the source. `end` is where in the source the last of them ended."""

    def __init__(self, source: Source, comments: Sequence[syntax.Comment]):
        self.source = source
        self.lines: list[Line] = []
        self.comments = list(comments)
        self.end = 0

    def taken(self) -> list[Line]:
        """The lines, which leave the page."""
        lines, self.lines = self.lines, []
        return lines

    def line(self, offset: int) -> int:
        return self.source.position(min(offset, len(self.source.text)))[0]

    def single(self, span: Span) -> bool:
        """Whether it stood on one line, without a comment."""
        return self.line(span.start) == self.line(span.end) and not self._holds_comment(span)

    def add(self, line: Line, span: Span) -> None:
        """A line, with the comments that stand on the statement's last line; those inside of it come before it."""
        self.notes(span.end, line.indent)
        last = self.line(span.end)
        while self.comments and not self.comments[0].own_line and self.line(self.comments[0].span.start) == last:
            comment = self.comments.pop(0)
            line.comment = f"{line.comment}  {comment.text}" if line.comment else comment.text
        self.lines.append(line)
        self.end = max(self.end, span.end)

    # --- comments and blank lines ------------------------------------------------------------------------------

    def notes(self, before: int, indent: int) -> None:
        """The comments that stand before a place of the source, a line each."""
        for comment in self._take(before):
            self.lines.append(Line(indent, [comment.text]))

    def notes_below(self, span: Span) -> None:
        """The comments on the lines right below."""
        line = self.line(span.end)
        while self.comments and self.comments[0].own_line and self.line(self.comments[0].span.start) == line + 1:
            comment = self.comments.pop(0)
            self.lines.append(Line(0, [comment.text]))
            line += 1
            self.end = comment.span.end

    def before(self, span: Span, indent: int, gap: bool = True) -> None:
        """Blank line and comments that stand before a statement."""
        for comment in self._take(span.start):
            self._gap(comment.span, gap or bool(self.lines))
            self.lines.append(Line(indent, [comment.text]))
            self.end = comment.span.end
        self._gap(span, gap or bool(self.lines))

    def _gap(self, span: Span, wanted: bool) -> None:
        if wanted and self.end and self.line(span.start) - self.line(self.end) > 1:
            self.lines.append(Line(0, [""]))

    def _take(self, before: int) -> list[syntax.Comment]:
        taken = []
        while self.comments and self.comments[0].span.start < before:
            taken.append(self.comments.pop(0))
        return taken

    def _holds_comment(self, span: Span) -> bool:
        return any(span.start < comment.span.start < span.end for comment in self.comments)

    # --- braces ------------------------------------------------------------------------------------------------

    def braces(self, head: str, items: Sequence[Any], span: Span, indent: int, put: Put) -> None:
        """`head { ... }`: on one line where it was one and fits, else an item a line."""
        if not items and not self._holds_comment(Span(self.source, self._brace(span, items), span.end)):
            self.add(Line(indent, [f"{head} {{ }}"]), span)
            return
        text = f"{head} {{ {self._joined(items, put)} }}" if self.single(span) else None
        if text is not None and len(INDENT * indent + text) <= WIDTH:
            self.add(Line(indent, [text]), span)
        else:
            self.open_braces(head, items, span, indent, put)

    def open_braces(self, head: str, items: Sequence[Any], span: Span, indent: int, put: Put) -> None:
        """`head {`, an item a line, `}`."""
        brace = Span(self.source, span.start, self._brace(span, items) + 1)
        self.add(Line(indent, [f"{head} {{" if head else "{"]), brace)
        self.end = brace.end
        for item in items:
            self.before(item.span, indent + 1, gap=not self._just_opened())
            put(self, item, indent + 1)
        for comment in self._take(span.end):
            self._gap(comment.span, not self._just_opened())
            self.lines.append(Line(indent + 1, [comment.text]))
            self.end = comment.span.end
        self.add(Line(indent, ["}"]), span)

    def _joined(self, items: Sequence[Any], put: Put) -> str:
        """The items on one line; the comment that may stand behind the whole is left for the whole."""
        aside = Page(self.source, ())
        for item in items:
            put(aside, item, 0)
        return "  ".join("".join(line.cells).rstrip() for line in aside.lines)

    def _brace(self, span: Span, items: Sequence[Any]) -> int:
        """Where the opening brace stands: the last one before the first item, outside of comments."""
        first = items[0].span.start if items else span.end - 1
        for annotation in getattr(items[0], "annotations", ()) if items else ():
            first = min(first, annotation.span.start)
        inside = [comment.span for comment in self.comments if span.start < comment.span.start < span.end]
        place = self.source.text.rfind("{", span.start, first)
        while any(comment.start <= place < comment.end for comment in inside):
            place = self.source.text.rfind("{", span.start, place)
        return place

    def _just_opened(self) -> bool:
        return bool(self.lines) and self.lines[-1].cells[-1].endswith("{")


Put: TypeAlias = Callable[[Page, Any, int], None]
"""Prints an item on a page at an indent."""
