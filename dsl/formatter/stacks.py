"""Stacks of layers: what stood on one line stays on one where it fits, annotations and groups keep their lines."""

from __future__ import annotations

from sysidc.dsl import syntax
from sysidc.dsl.formatter import printing
from sysidc.dsl.formatter.alignment import INDENT, Line
from sysidc.dsl.formatter.page import WIDTH, Page
from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Span


def stack(page: Page, head: str, elements: tuple[syntax.Element, ...], span: Span) -> None:
    """A block or a model."""
    page.braces(head, _rows(page, elements), span, 0, _row)


@dataclass(frozen=True)
class _Row:
    """Elements of a stack that began on one line."""

    elements: tuple[syntax.Element, ...]

    @property
    def span(self) -> Span:
        return _whole(self.elements[0]).to(_whole(self.elements[-1]))


def _rows(page: Page, elements: tuple[syntax.Element, ...]) -> list[_Row]:
    rows: list[list[syntax.Element]] = []
    for element in elements:
        if rows and page.line(_whole(rows[-1][-1]).end) == page.line(_whole(element).start):
            rows[-1].append(element)
        else:
            rows.append([element])
    return [_Row(tuple(row)) for row in rows]


def _row(page: Page, row: _Row, indent: int) -> None:
    """Elements that stood on one line, two blanks apart."""
    texts = [_flat(page, element) for element in row.elements]
    joined = None if None in texts else "  ".join(text for text in texts if text)
    if joined is not None and len(INDENT * indent + joined) <= WIDTH:
        page.add(Line(indent, [joined]), row.span)
        return
    for element in row.elements:
        page.before(_whole(element), indent, gap=False)
        _element(page, element, indent)


def _flat(page: Page, element: syntax.Element) -> str | None:
    """The element on one line; None where it stood on several."""
    if not page.single(_whole(element)):
        return None
    words = [printing.annotation(annotation) for annotation in element.annotations]
    if isinstance(element, syntax.Layer):
        words.append(printing.layer(element))
    else:
        parts = [_flat(page, inner) for inner in element.elements]
        if None in parts:
            return None
        inner = "  ".join(part for part in parts if part)
        words.append(f"{_repeat_head(element)}{{ {inner} }}" if inner else f"{_repeat_head(element)}{{ }}")
    return " ".join(words) + _label(element)


def _element(page: Page, element: syntax.Element, indent: int) -> None:
    """An element that takes several lines, or one that stands alone."""
    flat = _flat(page, element)
    if flat is not None and len(INDENT * indent + flat) <= WIDTH:
        page.add(Line(indent, [flat]), _whole(element))
        return
    pending = _annotations(page, element, indent)
    if isinstance(element, syntax.Layer):
        page.add(Line(indent, [pending + printing.layer(element) + _label(element)]), element.span)
        return
    head = (pending + _repeat_head(element)).rstrip()
    page.open_braces(head, _rows(page, element.elements), element.span, indent, _row)
    page.lines[-1].cells[-1] += _label(element)


def _annotations(page: Page, element: syntax.Element, indent: int) -> str:
    """Annotations that stood on lines of their own keep them; the others stand before the element."""
    if not element.annotations:
        return ""
    pending = ""
    starts = [annotation.span.start for annotation in element.annotations[1:]] + [element.span.start]
    for annotation, following in zip(element.annotations, starts, strict=True):
        pending += printing.annotation(annotation) + " "
        if page.line(annotation.span.end) != page.line(following):
            page.add(Line(indent, [pending.rstrip()]), annotation.span)
            page.before(Span(page.source, following, following), indent, gap=False)
            pending = ""
    return pending


def _whole(element: syntax.Element) -> Span:
    """An element with its annotations and its label."""
    span = element.annotations[0].span.to(element.span) if element.annotations else element.span
    return span.to(element.label.span) if element.label else span


def _label(element: syntax.Element) -> str:
    return f" as {element.label.text}" if element.label else ""


def _repeat_head(element: syntax.Element) -> str:
    return f"repeat {printing.expression(element.count)} " if isinstance(element, syntax.Repeat) else ""
