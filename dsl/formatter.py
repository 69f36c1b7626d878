"""One canonical layout: sections in order, two blanks of indent, aligned `=`, every comment at its statement.

What stood on one line stays on one line where it fits; what stood on several stays so. The result parses to the same
tree, holds the same comments, and formats to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from sysidc.dsl import printing, syntax
from sysidc.dsl.alignment import INDENT, Line, filled, finish, listed
from sysidc.dsl.diagnostics import SpecError
from sysidc.dsl.parser import parse
from sysidc.dsl.source import Source, Span

WIDTH = 100
ORDER = ("use", "definition", "signals", "block", "dynamics", "model", "data", "train", "test", "sweep")


def format_source(source: Source) -> str:
    """The canonical text of a source. Raises SpecError where it does not parse."""
    file, diagnostics = parse(source)
    if any(diagnostic.is_error for diagnostic in diagnostics):
        raise SpecError(diagnostics)
    text = _Printer(source, file).print()
    again, _ = parse(Source(source.name, text))
    assert meaning(again) == meaning(file), "the formatter changed the meaning of a file"
    assert comment_texts(again) == comment_texts(file), "the formatter lost a comment"
    return text


def meaning(node: Any) -> Any:
    """A tree without its places and comments; the items of a file in canonical order."""
    if isinstance(node, syntax.File):
        items = sorted(node.items, key=_rank)
        return (node.version.value if node.version else None, tuple(meaning(item) for item in items))
    if isinstance(node, tuple):
        return tuple(meaning(item) for item in node)
    if is_dataclass(node):
        places = ("span", "keyword", "header")
        values = [getattr(node, field.name) for field in fields(node) if field.name not in places]
        return (type(node).__name__, *(meaning(value) for value in values))
    return node


def comment_texts(file: syntax.File) -> list[str]:
    return sorted(comment.text.rstrip() for comment in file.comments)


def _rank(item: syntax.Item) -> int:
    return ORDER.index(_kind(item))


def _kind(item: syntax.Item) -> str:
    if isinstance(item, syntax.Param | syntax.Let):
        return "definition"
    return item.kind if isinstance(item, syntax.Section) else type(item).__name__.lower()


class _Printer:
    def __init__(self, source: Source, file: syntax.File):
        self.source = source
        self.file = file
        self.lines: list[Line] = []
        self.comments = list(file.comments)
        self.end = 0

    def print(self) -> str:
        parts = [self._head()]
        groups = self._items()
        kinds = [kind for kind, _ in groups]
        for index, (kind, lines) in enumerate(groups):
            same_run = index > 0 and kind == kinds[index - 1] and kind in ("use", "definition")
            joined = same_run and lines[0].cells != [""]
            parts.append(lines if joined else [Line(0, [""]), *lines])
        lines = [line for part in parts for line in part]
        return finish(lines)

    # --- file --------------------------------------------------------------------------------------------------

    def _head(self) -> list[Line]:
        """The version with the comments that stand right around it."""
        version = self.file.version
        if version is None:
            return []
        lines = [Line(0, [comment.text]) for comment in self._take(version.span.start)]
        head = Line(0, [f"sysid {version.value}"])
        self._trail(head, version.span)
        lines.append(head)
        self.end = version.span.end
        line = self._line(version.span.end)
        while self.comments and self.comments[0].own_line and self._line(self.comments[0].span.start) == line + 1:
            comment = self.comments.pop(0)
            lines.append(Line(0, [comment.text]))
            line += 1
            self.end = comment.span.end
        return lines

    def _items(self) -> list[tuple[str, list[Line]]]:
        """Every item's lines with what belongs to it, in canonical order."""
        found: list[tuple[str, list[Line]]] = []
        for item in self.file.items:
            self.lines = []
            self._before(item.span, 0, gap=bool(found) and _kind(item) in ("use", "definition"))
            self._item(item)
            found.append((_kind(item), self.lines))
        self.lines = []
        for comment in self._take(len(self.source.text) + 1):
            self.lines.append(Line(0, [comment.text]))
        rest = self.lines
        found.sort(key=lambda entry: ORDER.index(entry[0]))
        return [*found, ("rest", rest)] if rest else found

    def _item(self, item: syntax.Item) -> None:
        match item:
            case syntax.Use(path=path):
                self._add(Line(0, [f"use {path.span.text}"]), item.span)
            case syntax.Param(name=name, value=value, domain=domain):
                behind = f" {printing.domain(domain)}" if domain else ""
                cells = ["param ", f"{name.text} ", f"= {printing.expression(value)}{behind}"]
                self._add(Line(0, cells, "definition"), item.span)
            case syntax.Let(name=name, value=value):
                self._add(
                    Line(0, ["let ", f"{name.text} ", f"= {printing.expression(value)}"], "definition"), item.span
                )
            case syntax.Signals(items=items):
                self._braces("signals", items, item.span, 0, self._signal_item)
            case syntax.Block(elements=elements):
                self._stack(printing.block_head(item), elements, item.span, 0)
            case syntax.Model(elements=elements):
                self._stack(printing.header(item), elements, item.span, 0)
            case syntax.Dynamics(name=name):
                self._dynamics(f"dynamics {name.text}", item)
            case syntax.Section(kind=kind, mode=mode, items=items):
                self._braces(f"{kind} {mode.text}" if mode else kind, items, item.span, 0, self._setting)

    # --- comments and blank lines ------------------------------------------------------------------------------

    def _line(self, offset: int) -> int:
        return self.source.position(min(offset, len(self.source.text)))[0]

    def _take(self, before: int) -> list[syntax.Comment]:
        taken = []
        while self.comments and self.comments[0].span.start < before:
            taken.append(self.comments.pop(0))
        return taken

    def _before(self, span: Span, indent: int, gap: bool = True) -> None:
        """Blank line and comments that stand before a statement."""
        for comment in self._take(span.start):
            self._gap(comment.span, gap or bool(self.lines))
            self.lines.append(Line(indent, [comment.text]))
            self.end = comment.span.end
        self._gap(span, gap or bool(self.lines))

    def _gap(self, span: Span, wanted: bool = True) -> None:
        if wanted and self.end and self._line(span.start) - self._line(self.end) > 1:
            self.lines.append(Line(0, [""]))

    def _trail(self, line: Line, span: Span) -> None:
        """Put the comments that stand on the statement's last line behind it, those inside it before it."""
        inside = self._take(span.end)
        for comment in inside:
            self.lines.append(Line(line.indent, [comment.text]))
        last = self._line(span.end)
        while self.comments and not self.comments[0].own_line and self._line(self.comments[0].span.start) == last:
            comment = self.comments.pop(0)
            line.comment = f"{line.comment}  {comment.text}" if line.comment else comment.text

    def _add(self, line: Line, span: Span) -> None:
        self._trail(line, span)
        self.lines.append(line)
        self.end = max(self.end, span.end)

    # --- braces ------------------------------------------------------------------------------------------------

    def _braces(
        self, head: str, items: Sequence[Any], span: Span, indent: int, put: Callable[[Any, int], None]
    ) -> None:
        """`head { ... }`: on one line where it was one and fits, else an item a line."""
        single = self._single(span)
        if not items and not self._holds_comment(Span(self.source, self._brace(span, items), span.end)):
            self._add(Line(indent, [f"{head} {{ }}"]), span)
            return
        if single:
            inner = self._joined(items, put)
            text = f"{head} {{ {inner} }}"
            if len(INDENT * indent + text) <= WIDTH:
                self._add(Line(indent, [text]), span)
                return
        self._open(head, items, span, indent)
        for item in items:
            self._before(item.span, indent + 1, gap=not self._just_opened())
            put(item, indent + 1)
        self._close(span, indent)

    def _joined(self, items: Sequence[Any], put: Callable[[Any, int], None]) -> str:
        """The items on one line; the comment that may stand behind the whole is left for the whole."""
        kept = self.lines, self.comments, self.end
        self.lines, self.comments = [], []
        for item in items:
            put(item, 0)
        texts = ["".join(line.cells).rstrip() for line in self.lines]
        self.lines, self.comments, self.end = kept
        return "  ".join(texts)

    def _single(self, span: Span) -> bool:
        return self._line(span.start) == self._line(span.end) and not self._holds_comment(span)

    def _holds_comment(self, span: Span) -> bool:
        return any(span.start < comment.span.start < span.end for comment in self.comments)

    def _open(self, head: str, items: Sequence[Any], span: Span, indent: int) -> None:
        brace = self._brace(span, items)
        line = Line(indent, [f"{head} {{"])
        self._trail(line, Span(self.source, span.start, brace + 1))
        self.lines.append(line)
        self.end = brace + 1

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

    def _close(self, span: Span, indent: int) -> None:
        for comment in self._take(span.end):
            self._gap(comment.span, not self._just_opened())
            self.lines.append(Line(indent + 1, [comment.text]))
            self.end = comment.span.end
        self._add(Line(indent, ["}"]), span)

    # --- statements --------------------------------------------------------------------------------------------

    def _setting(self, item: syntax.Setting | syntax.Stage, indent: int) -> None:
        if isinstance(item, syntax.Stage):
            self._braces("stage", item.items, item.span, indent, self._setting)
            return
        first, *more = self._wrapped(item.value, len(INDENT * indent + item.key.text) + len(" = "))
        offset = len("= ") + (1 + first.index("[") if first.startswith("[") else 1 + first.find("("))
        self._add(Line(indent, [f"{item.key.text} ", f"= {first}"], "setting", "", tuple(more), offset), item.span)

    def _wrapped(self, value: syntax.Expression, column: int) -> list[str]:
        """The lines of a value: a list of several lines keeps an item a line, a long call fills its lines."""
        flat = printing.expression(value)
        long = column + len(flat) > WIDTH
        if isinstance(value, syntax.List) and value.items and (long or not self._single(value.span)):
            texts = [printing.expression(item) for item in value.items]
            return listed(texts)
        if isinstance(value, syntax.Call) and value.arguments and long:
            texts = [printing.argument(item) for item in value.arguments]
            return filled(f"{value.name.text}(", texts, WIDTH - column - len(value.name.text) - 1)
        return [flat]

    def _signal_item(self, item: syntax.Setting | syntax.Signal, indent: int) -> None:
        if isinstance(item, syntax.Setting):
            self._setting(item, indent)
            return
        name = item.name.text + (f" = {printing.columns(item)}" if item.columns is not None else "")
        rest = (f": {item.dtype.text}" if item.dtype else "") + (f" {item.unit.span.text}" if item.unit else "")
        self._add(Line(indent, [f"{item.role} ", f"{name} ", rest], "signal"), item.span)

    def _dynamics(self, head: str, item: syntax.Dynamics) -> None:
        self._braces(head, _statements(item.items, self.source), item.span, 0, self._statement)

    def _statement(self, item: Any, indent: int) -> None:
        match item:
            case _States(states=states):
                starts = ", ".join(f"{state.name.text} = {printing.expression(state.value)}" for state in states)
                self._add(Line(indent, [f"state {starts}"]), item.span)
            case syntax.Learn(name=name, value=value, range=bounds):
                cells = [f"learn {name.text} ", f"= {printing.expression(value)} "]
                cells += [f"in {printing.expression(bounds)}"] if bounds else []
                self._add(Line(indent, cells, "learn"), item.span)
            case syntax.Let(name=name, value=value):
                self._add(Line(indent, [f"let   {name.text} ", f"= {printing.expression(value)}"], "let"), item.span)
            case syntax.Equation(function=function, target=target, index=index, value=value):
                place = target.text + (f"[{printing.expression(index)}]" if index else "")
                left = f"{function.text}({place})" if function else place
                self._add(Line(indent, [f"{left} = {printing.expression(value)}"]), item.span)

    # --- stacks ------------------------------------------------------------------------------------------------

    def _stack(self, head: str, elements: tuple[syntax.Element, ...], span: Span, indent: int) -> None:
        rows = _rows(elements, self._line)
        self._braces(head, rows, span, indent, self._row)

    def _row(self, row: _Row, indent: int) -> None:
        """Elements that stood on one line, two blanks apart."""
        texts = [self._flat(element) for element in row.elements]
        joined = None if None in texts else "  ".join(text for text in texts if text)
        if joined is not None and len(INDENT * indent + joined) <= WIDTH:
            self._add(Line(indent, [joined]), row.span)
            return
        for element in row.elements:
            self._before(_whole(element), indent, gap=False)
            self._element(element, indent)

    def _flat(self, element: syntax.Element) -> str | None:
        """The element on one line; None where it stood on several."""
        if not self._single(_whole(element)):
            return None
        words = [printing.annotation(annotation) for annotation in element.annotations]
        if isinstance(element, syntax.Layer):
            words.append(printing.layer(element))
        else:
            parts = [self._flat(inner) for inner in element.elements]
            if None in parts:
                return None
            inner = "  ".join(part for part in parts if part)
            words.append(f"{_repeat_head(element)}{{ {inner} }}" if inner else f"{_repeat_head(element)}{{ }}")
        return " ".join(words) + _label(element)

    def _element(self, element: syntax.Element, indent: int) -> None:
        """An element that takes several lines, or one that stands alone."""
        flat = self._flat(element)
        if flat is not None and len(INDENT * indent + flat) <= WIDTH:
            self._add(Line(indent, [flat]), _whole(element))
            return
        pending = self._annotations(element, indent)
        if isinstance(element, syntax.Layer):
            self._add(Line(indent, [pending + printing.layer(element) + _label(element)]), element.span)
            return
        head = (pending + _repeat_head(element)).rstrip()
        rows = _rows(element.elements, self._line)
        self._open_bare(head, rows, element.span, indent)
        for row in rows:
            self._before(row.span, indent + 1, gap=not self._just_opened())
            self._row(row, indent + 1)
        self._close(element.span, indent)
        self.lines[-1].cells[-1] += _label(element)

    def _annotations(self, element: syntax.Element, indent: int) -> str:
        """Annotations that stood on lines of their own keep them; the others stand before the element."""
        if not element.annotations:
            return ""
        pending = ""
        starts = [annotation.span.start for annotation in element.annotations[1:]] + [element.span.start]
        for annotation, following in zip(element.annotations, starts, strict=True):
            pending += printing.annotation(annotation) + " "
            if self._line(annotation.span.end) != self._line(following):
                self._add(Line(indent, [pending.rstrip()]), annotation.span)
                self._before(Span(self.source, following, following), indent, gap=False)
                pending = ""
        return pending

    def _open_bare(self, head: str, rows: list[_Row], span: Span, indent: int) -> None:
        brace = self._brace(span, rows)
        line = Line(indent, [f"{head} {{" if head else "{"])
        self._trail(line, Span(self.source, span.start, brace + 1))
        self.lines.append(line)
        self.end = brace + 1


@dataclass(frozen=True)
class _Row:
    """Elements of a stack that began on one line."""

    elements: tuple[syntax.Element, ...]

    @property
    def span(self) -> Span:
        return _whole(self.elements[0]).to(_whole(self.elements[-1]))


@dataclass(frozen=True)
class _States:
    """The starts of one `state` line."""

    states: tuple[syntax.State, ...]

    @property
    def span(self) -> Span:
        return self.states[0].span.to(self.states[-1].span)


def _whole(element: syntax.Element) -> Span:
    """An element with its annotations and its label."""
    span = element.annotations[0].span.to(element.span) if element.annotations else element.span
    return span.to(element.label.span) if element.label else span


def _label(element: syntax.Element) -> str:
    return f" as {element.label.text}" if element.label else ""


def _repeat_head(element: syntax.Element) -> str:
    return f"repeat {printing.expression(element.count)} " if isinstance(element, syntax.Repeat) else ""


def _rows(elements: tuple[syntax.Element, ...], line: Callable[[int], int]) -> list[_Row]:
    rows: list[list[syntax.Element]] = []
    for element in elements:
        if rows and line(_whole(rows[-1][-1]).end) == line(_whole(element).start):
            rows[-1].append(element)
        else:
            rows.append([element])
    return [_Row(tuple(row)) for row in rows]


def _statements(items: tuple[Any, ...], source: Source) -> list[Any]:
    """The items of a dynamics block, the starts of one `state` line together."""
    found: list[Any] = []
    for item in items:
        previous = found[-1] if found else None
        if not isinstance(item, syntax.State):
            found.append(item)
        elif isinstance(previous, _States) and "," in source.text[previous.span.end : item.span.start]:
            found[-1] = _States((*previous.states, item))
        else:
            found.append(_States((item,)))
    return found
