"""The outline of a file: sections with what they define, and what may be folded."""

from __future__ import annotations

from itertools import groupby

from lsprotocol import types

from sysidc.dsl import syntax
from sysidc.dsl.source import Span
from sysidc.runtime.lsp.documents import Text

KIND = types.SymbolKind


def symbols(text: Text) -> list[types.DocumentSymbol]:
    """The items of a file in their order; those that a mistake of form hides are left out."""
    return [found for item in text.parsed.tree.items if (found := _item(text, item)) is not None]


def folds(text: Text) -> list[types.FoldingRange]:
    """Braces and runs of comments over several lines."""
    found = []
    position = text.lines.position
    for item in _braces(text):
        first, last = position(item.start).line, position(item.end).line
        if last > first:
            found.append(types.FoldingRange(first, last - 1 if last - 1 > first else last))
    return found + _comments(text)


def _item(text: Text, item: syntax.Item) -> types.DocumentSymbol | None:
    match item:
        case syntax.Param(name=name):
            return _symbol(text, name.text, KIND.Variable, item.span, name.span, f"= {item.value.span.text}")
        case syntax.Let(name=name):
            return _symbol(text, name.text, KIND.Constant, item.span, name.span, f"= {item.value.span.text}")
        case syntax.Use(path=path):
            return _symbol(text, path.value or "use", KIND.Module, item.span, path.span, "use")
        case syntax.Signals(items=items):
            return _section(text, "signals", item.span, [_signal(text, entry) for entry in items])
        case syntax.Block(name=name, elements=elements):
            inside = [child for element in elements for child in _element(text, element)]
            return _symbol(text, name.text, KIND.Function, item.span, name.span, "block", inside)
        case syntax.Dynamics(name=name, items=items):
            inside = [child for entry in items if (child := _statement(text, entry)) is not None]
            return _symbol(text, name.text, KIND.Function, item.span, name.span, "dynamics", inside)
        case syntax.Model(name=name, elements=elements):
            inside = [child for element in elements for child in _element(text, element)]
            return _symbol(text, name.text, KIND.Class, item.span, name.span, f"model {item.header.text}", inside)
        case syntax.Section(kind=kind, mode=mode, items=items):
            title = f"{kind} {mode.text}" if mode else kind
            return _section(text, title, item.span, [_setting(text, entry) for entry in items], item.keyword)


def _signal(text: Text, item: syntax.Setting | syntax.Signal) -> types.DocumentSymbol:
    if isinstance(item, syntax.Setting):
        return _setting(text, item)
    return _symbol(text, item.name.text, KIND.Interface, item.span, item.name.span, item.role)


def _setting(text: Text, item: syntax.Setting | syntax.Stage) -> types.DocumentSymbol:
    if isinstance(item, syntax.Stage):
        keyword = Span(item.span.source, item.span.start, item.span.start + len("stage"))
        inside = [_setting(text, entry) for entry in item.items]
        return _symbol(text, "stage", KIND.Namespace, item.span, keyword, "", inside)
    return _symbol(text, item.key.text, KIND.Property, item.span, item.key.span, _clipped(item.value.span.text))


def _element(text: Text, element: syntax.Element) -> list[types.DocumentSymbol]:
    """A layer; what a group or a repeat holds stands for it."""
    if isinstance(element, syntax.Layer):
        name = element.label.text if element.label else element.name.text
        return [_symbol(text, name, KIND.Object, element.span, element.name.span, _clipped(element.span.text))]
    return [child for inner in element.elements for child in _element(text, inner)]


def _statement(
    text: Text, item: syntax.State | syntax.Learn | syntax.Let | syntax.Equation
) -> types.DocumentSymbol | None:
    if isinstance(item, syntax.Equation):
        name = f"{item.function.text}({item.target.text})" if item.function else item.target.text
        return _symbol(text, name, KIND.Operator, item.span, item.target.span, _clipped(item.value.span.text))
    kinds = {syntax.State: "state", syntax.Learn: "learn", syntax.Let: "let"}
    return _symbol(text, item.name.text, KIND.Variable, item.span, item.name.span, kinds[type(item)])


def _section(
    text: Text, title: str, span: Span, inside: list[types.DocumentSymbol], keyword: Span | None = None
) -> types.DocumentSymbol:
    first = keyword or Span(span.source, span.start, span.start + len(title))
    return _symbol(text, title, KIND.Namespace, span, first, "", inside)


def _symbol(
    text: Text,
    name: str,
    kind: types.SymbolKind,
    span: Span,
    name_span: Span,
    detail: str,
    children: list[types.DocumentSymbol] | None = None,
) -> types.DocumentSymbol:
    whole = Span(span.source, min(span.start, name_span.start), max(span.end, name_span.end))
    return types.DocumentSymbol(
        name, kind, text.lines.span(whole), text.lines.span(name_span), detail, children=children
    )


def _clipped(text: str, most: int = 60) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 3] + "..."


def _braces(text: Text) -> list[Span]:
    """Pairs of braces, by the marks of the text: they fold in a file with mistakes, too."""
    found, opened = [], []
    inside = [(word.start, word.end) for word in text.words if word.role in ("string", "comment")]
    skipped = {offset for start, end in inside for offset in range(start, end)}
    for offset, character in enumerate(text.source.text):
        if character not in "{}" or offset in skipped:
            continue
        if character == "{":
            opened.append(offset)
        elif opened:
            found.append(Span(text.source, opened.pop(), offset + 1))
    return sorted(found, key=lambda span: span.start)


def _comments(text: Text) -> list[types.FoldingRange]:
    lines = sorted({text.lines.position(word.start).line for word in text.words if _alone(text, word.start, word.role)})
    runs = [list(run) for _, run in groupby(enumerate(lines), lambda entry: entry[1] - entry[0])]
    ends = [(run[0][1], run[-1][1]) for run in runs]
    return [
        types.FoldingRange(first, last, kind=types.FoldingRangeKind.Comment) for first, last in ends if last > first
    ]


def _alone(text: Text, start: int, role: str) -> bool:
    if role != "comment":
        return False
    line = text.lines.starts[text.lines.position(start).line]
    return not text.source.text[line:start].strip()
