"""One canonical layout: sections in order, two blanks of indent, aligned `=`, every comment at its statement.

What stood on one line stays on one line where it fits; what stood on several stays so. The result parses to the same
tree, holds the same comments, and formats to itself.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import SpecError
from sysidc.dsl.formatter import printing
from sysidc.dsl.formatter.alignment import Line, finish
from sysidc.dsl.formatter.page import Page
from sysidc.dsl.formatter.stacks import stack
from sysidc.dsl.formatter.statements import dynamics, setting, signal_item
from sysidc.dsl.parser import parse
from sysidc.dsl.source import Source

ORDER = ("use", "definition", "signals", "block", "dynamics", "model", "data", "train", "test", "sweep")
CLOSE = ("use", "definition")
"""Kinds of items that stand without blank lines between them."""


def format_source(source: Source) -> str:
    """The canonical text of a source. Raises SpecError where it does not parse."""
    file, diagnostics = parse(source)
    if any(diagnostic.is_error for diagnostic in diagnostics):
        raise SpecError(diagnostics)
    text = _laid_out(Page(source, file.comments), file)
    again, _ = parse(Source(source.name, text))
    assert meaning(again) == meaning(file), "the formatter changed the meaning of a file"
    assert comment_texts(again) == comment_texts(file), "the formatter lost a comment"
    return text


def meaning(node: Any) -> Any:
    """A tree without its places and comments; the items of a file in canonical order."""
    if isinstance(node, syntax.File):
        items = sorted(node.items, key=lambda item: ORDER.index(_kind(item)))
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


def _kind(item: syntax.Item) -> str:
    if isinstance(item, syntax.Param | syntax.Let):
        return "definition"
    return item.kind if isinstance(item, syntax.Section) else type(item).__name__.lower()


def _laid_out(page: Page, file: syntax.File) -> str:
    lines = _head(page, file.version)
    last = ""
    for kind, own in _items(page, file):
        joined = kind == last and kind in CLOSE and own[0].cells != [""]
        lines += own if joined else [Line(0, [""]), *own]
        last = kind
    return finish(lines)


def _head(page: Page, version: syntax.Number | None) -> list[Line]:
    """The version with the comments that stand right around it."""
    if version is None:
        return []
    page.notes(version.span.start, 0)
    page.add(Line(0, [f"sysid {version.value}"]), version.span)
    page.notes_below(version.span)
    return page.taken()


def _items(page: Page, file: syntax.File) -> list[tuple[str, list[Line]]]:
    """Every item's lines with what belongs to it, in canonical order."""
    found: list[tuple[str, list[Line]]] = []
    for item in file.items:
        page.before(item.span, 0, gap=bool(found) and _kind(item) in CLOSE)
        _item(page, item)
        found.append((_kind(item), page.taken()))
    found.sort(key=lambda entry: ORDER.index(entry[0]))
    page.notes(len(page.source.text) + 1, 0)
    rest = page.taken()
    return [*found, ("rest", rest)] if rest else found


def _item(page: Page, item: syntax.Item) -> None:
    match item:
        case syntax.Use(path=path):
            page.add(Line(0, [f"use {path.span.text}"]), item.span)
        case syntax.Param(name=name, value=value, domain=domain):
            behind = f" {printing.domain(domain)}" if domain else ""
            cells = ["param ", f"{name.text} ", f"= {printing.expression(value)}{behind}"]
            page.add(Line(0, cells, "definition"), item.span)
        case syntax.Let(name=name, value=value):
            page.add(Line(0, ["let ", f"{name.text} ", f"= {printing.expression(value)}"], "definition"), item.span)
        case syntax.Signals(items=items):
            page.braces("signals", items, item.span, 0, signal_item)
        case syntax.Block(elements=elements):
            stack(page, printing.block_head(item), elements, item.span)
        case syntax.Model(elements=elements):
            stack(page, printing.header(item), elements, item.span)
        case syntax.Dynamics(name=name):
            dynamics(page, f"dynamics {name.text}", item)
        case syntax.Section(kind=kind, mode=mode, items=items):
            page.braces(f"{kind} {mode.text}" if mode else kind, items, item.span, 0, setting)
