"""Turns the parser's tree into the frozen nodes of syntax.py with exact spans: one method per rule of the grammar."""

from __future__ import annotations

import math
import re
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from sysidc.dsl import reader, syntax
from sysidc.dsl.records import dataclass, replace
from sysidc.dsl.source import Source, Span

if TYPE_CHECKING:
    import lark

Token: TypeAlias = "lark.Token | reader.Token"
Tree: TypeAlias = "lark.Tree[lark.Token] | reader.Tree"

DEEPEST = 200
MOST_DIGITS = 300
NUMBER = re.compile(r"(?P<digits>[0-9][0-9_.]*(?:[eE][+-]?[0-9]+)?)[ \t]*(?P<unit>\S*)")


class Unbuildable(Enum):
    TOO_DEEP = "nested too deep"
    NUMBER_TOO_LARGE = "a number too large"
    PLACEHOLDER = "a word that recovery put in"


class UnbuildableError(Exception):
    """The form is right, and yet no node can hold it. `span` is the place."""

    def __init__(self, reason: Unbuildable, span: Span):
        super().__init__(reason.value)
        self.reason = reason
        self.span = span


@dataclass(frozen=True)
class Part(syntax.Node):
    """What stands between two brackets, on its way into the node that owns it."""

    items: tuple[Any, ...]


class Builder:
    """Builds the nodes of one source. Methods get the span, then the rule's children, None for a left-out part."""

    def __init__(self, source: Source):
        self.source = source
        self.depth = 0

    def build(self, tree: Tree) -> Any:
        """The node that `tree` stands for. Raises UnbuildableError."""
        if self.depth >= DEEPEST:
            raise UnbuildableError(Unbuildable.TOO_DEEP, self.span(tree))
        self.depth += 1
        try:
            children = [
                child if child is None or isinstance(child, str) else self.build(child) for child in tree.children
            ]
        finally:
            self.depth -= 1
        return getattr(self, tree.data)(self.span(tree), *children)

    def span(self, tree: Tree) -> Span:
        if tree.meta.empty:
            return Span(self.source, 0, 0)
        return Span(self.source, tree.meta.start_pos, tree.meta.end_pos)

    # --- values ----------------------------------------------------------------------------------------------------

    def word(self, span: Span, token: Token) -> syntax.Name:
        _refuse_placeholder(span, token)
        return syntax.Name(span, str(token))

    layer_name = target = word

    def name(self, span: Span, word: syntax.Name) -> syntax.Name:
        return word

    def number(self, span: Span, token: Token) -> syntax.Number:
        _refuse_placeholder(span, token)
        match = NUMBER.fullmatch(token)
        assert match is not None, token
        digits = match["digits"].replace("_", "")
        if len(digits) > MOST_DIGITS or math.isinf(float(digits)):
            raise UnbuildableError(Unbuildable.NUMBER_TOO_LARGE, span)
        return syntax.Number(span, int(digits) if digits.isdigit() else float(digits), match["unit"] or None)

    def version(self, span: Span, token: Token) -> syntax.Number:
        start = token.start_pos or 0
        return self.number(Span(self.source, start, start + len(token)), token)

    def string(self, span: Span, token: Token) -> syntax.String:
        _refuse_placeholder(span, token)
        return syntax.String(span, str(token)[1:-1])

    def list(self, span: Span, *items: syntax.Expression | None) -> syntax.List:
        return syntax.List(span, _present(items))

    def parenthesised(self, span: Span, inner: syntax.Expression) -> syntax.Expression:
        """Parentheses belong to the place of an operation; around a single word they say nothing."""
        single = isinstance(inner, syntax.Number | syntax.String | syntax.Name)
        return inner if single else replace(inner, span=span)

    def range(self, span: Span, low: syntax.Expression, high: syntax.Expression) -> syntax.Range:
        return syntax.Range(span, low, high)

    def arrow(self, span: Span, left: syntax.Expression, right: syntax.Expression) -> syntax.Arrow:
        return syntax.Arrow(span, left, right)

    def minus(self, span: Span, operand: syntax.Expression) -> syntax.Unary:
        return syntax.Unary(span, "-", operand)

    def plus(self, span: Span, operand: syntax.Expression) -> syntax.Unary:
        return syntax.Unary(span, "+", operand)

    def add(self, span: Span, left: syntax.Expression, right: syntax.Expression) -> syntax.Binary:
        return syntax.Binary(span, "+", left, right)

    def subtract(self, span: Span, left: syntax.Expression, right: syntax.Expression) -> syntax.Binary:
        return syntax.Binary(span, "-", left, right)

    def multiply(self, span: Span, left: syntax.Expression, right: syntax.Expression) -> syntax.Binary:
        return syntax.Binary(span, "*", left, right)

    def divide(self, span: Span, left: syntax.Expression, right: syntax.Expression) -> syntax.Binary:
        return syntax.Binary(span, "/", left, right)

    def floor_divide(self, span: Span, left: syntax.Expression, right: syntax.Expression) -> syntax.Binary:
        return syntax.Binary(span, "//", left, right)

    def raise_to(self, span: Span, left: syntax.Expression, right: syntax.Expression) -> syntax.Binary:
        return syntax.Binary(span, "**", left, right)

    def call(self, span: Span, name: syntax.Name, arguments: Part) -> syntax.Call:
        return syntax.Call(span, name, arguments.items)

    def index(self, span: Span, name: syntax.Name, index: syntax.Expression) -> syntax.Index:
        return syntax.Index(span, name, index)

    def arguments(self, span: Span, *items: syntax.Argument | None) -> Part:
        return Part(span, _present(items))

    def positional(self, span: Span, value: syntax.Expression) -> syntax.Argument:
        return syntax.Argument(span, None, value)

    def named(self, span: Span, name: syntax.Name, value: syntax.Expression) -> syntax.Argument:
        return syntax.Argument(span, name, value)

    # --- definitions -----------------------------------------------------------------------------------------------

    def file(self, span: Span, version: syntax.Number | None, *items: syntax.Item) -> syntax.File:
        return syntax.File(span, version, items)

    def param(
        self, span: Span, name: syntax.Name, value: syntax.Expression, domain: syntax.Domain | None
    ) -> syntax.Param:
        return syntax.Param(span, name, value, domain)

    def domain(self, span: Span, values: syntax.List | syntax.Range) -> syntax.Domain:
        return syntax.Domain(span, values)

    def log_domain(self, span: Span, values: syntax.List | syntax.Range) -> syntax.Domain:
        return syntax.Domain(span, values, log=True)

    def let(self, span: Span, name: syntax.Name, value: syntax.Expression) -> syntax.Let:
        return syntax.Let(span, name, value)

    def use(self, span: Span, path: Token) -> syntax.Use:
        start = path.start_pos or 0
        return syntax.Use(span, self.string(Span(self.source, start, start + len(path)), path))

    def setting(self, span: Span, key: syntax.Name, value: syntax.Expression) -> syntax.Setting:
        return syntax.Setting(span, key, value)

    def signals(self, span: Span, *items: syntax.Setting | syntax.Signal) -> syntax.Signals:
        return syntax.Signals(span, items)

    def input(self, span: Span, *parts: Any) -> syntax.Signal:
        return self.signal(span, "input", *parts)

    def output(self, span: Span, *parts: Any) -> syntax.Signal:
        return self.signal(span, "output", *parts)

    def signal(
        self,
        span: Span,
        role: str,
        name: syntax.Name,
        columns: Part | None,
        dtype: syntax.Name | None,
        unit: syntax.String | None,
    ) -> syntax.Signal:
        return syntax.Signal(span, role, name, columns.items if columns else None, dtype, unit)

    def columns(self, span: Span, *columns: syntax.Name | syntax.String) -> Part:
        return Part(span, columns)

    def unit(self, span: Span, token: Token) -> syntax.String:
        return self.string(span, token)

    def block(self, span: Span, name: syntax.Name, parameters: Part | None, stack: Part) -> syntax.Block:
        return syntax.Block(span, name, parameters.items if parameters else (), stack.items)

    def parameters(self, span: Span, *parameters: syntax.Parameter | None) -> Part:
        return Part(span, _present(parameters))

    def parameter(self, span: Span, name: syntax.Name, default: syntax.Expression | None) -> syntax.Parameter:
        return syntax.Parameter(span, name, default)

    # --- stacks ----------------------------------------------------------------------------------------------------

    def model(self, span: Span, name: syntax.Name, inputs: Part, outputs: Part, stack: Part) -> syntax.Model:
        return syntax.Model(span, name, inputs.items, outputs.items, stack.items, inputs.span.to(outputs.span))

    def windows(self, span: Span, *windows: syntax.Window) -> Part:
        return Part(span, windows)

    def window(self, span: Span, signal: syntax.Name, steps: syntax.Expression) -> syntax.Window:
        return syntax.Window(span, signal, steps)

    def stack(self, span: Span, *elements: syntax.Element) -> Part:
        return Part(span, elements)

    def layer(
        self, span: Span, annotations: Part | None, name: syntax.Name, arguments: Part | None, label: syntax.Name | None
    ) -> syntax.Layer:
        own = name.span.to(arguments.span) if arguments else name.span
        return syntax.Layer(own, name, arguments.items if arguments else (), _items(annotations), label)

    def group(self, span: Span, annotations: Part, stack: Part, label: syntax.Name | None) -> syntax.Group:
        return syntax.Group(stack.span, stack.items, annotations.items, label)

    def repeat(
        self, span: Span, annotations: Part | None, repeated: syntax.Repeat, label: syntax.Name | None
    ) -> syntax.Repeat:
        return replace(repeated, annotations=_items(annotations), label=label)

    def repeated(self, span: Span, count: syntax.Expression, stack: Part) -> syntax.Repeat:
        return syntax.Repeat(span, count, stack.items)

    def label(self, span: Span, name: syntax.Name) -> syntax.Name:
        return name

    def annotations(self, span: Span, *annotations: syntax.Annotation) -> Part:
        return Part(span, annotations)

    def annotation(self, span: Span, name: syntax.Name, arguments: Part | None) -> syntax.Annotation:
        return syntax.Annotation(span, name, _items(arguments))

    # --- equations -------------------------------------------------------------------------------------------------

    def dynamics(self, span: Span, name: syntax.Name, *items: Any) -> syntax.Dynamics:
        """A `state` line of several states becomes several State items."""
        flat = (part for item in items for part in (item.items if isinstance(item, Part) else (item,)))
        return syntax.Dynamics(span, name, tuple(flat))

    def states(self, span: Span, *states: syntax.State) -> Part:
        return Part(span, states)

    def state(self, span: Span, name: syntax.Name, value: syntax.Expression) -> syntax.State:
        return syntax.State(span, name, value)

    def learn(
        self, span: Span, name: syntax.Name, value: syntax.Expression, range: syntax.Range | None
    ) -> syntax.Learn:
        return syntax.Learn(span, name, value, range)

    def equation(self, span: Span, target: syntax.Name, value: syntax.Expression) -> syntax.Equation:
        return syntax.Equation(span, None, target, None, value)

    def channel_equation(
        self, span: Span, target: syntax.Name, index: syntax.Expression, value: syntax.Expression
    ) -> syntax.Equation:
        return syntax.Equation(span, None, target, index, value)

    def function_equation(
        self, span: Span, function: syntax.Name, target: syntax.Name, value: syntax.Expression
    ) -> syntax.Equation:
        return syntax.Equation(span, function, target, None, value)

    # --- sections of settings --------------------------------------------------------------------------------------

    def train(self, span: Span, keyword: Span, mode: syntax.Name, *items: syntax.Setting) -> syntax.Section:
        return syntax.Section(span, "train", keyword, mode, items)

    def section(self, span: Span, keyword: Span, *items: syntax.Setting) -> syntax.Section:
        return syntax.Section(span, keyword.text, keyword, None, items)

    def train_keyword(self, span: Span, token: Token) -> Span:
        return span

    section_keyword = train_keyword

    def stage(self, span: Span, *settings: syntax.Setting) -> syntax.Stage:
        return syntax.Stage(span, settings)


def _refuse_placeholder(span: Span, token: Token) -> None:
    """What recovery put in for a missing word must not reach the tree."""
    if token == "":
        raise UnbuildableError(Unbuildable.PLACEHOLDER, span)


def _present(items: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item for item in items if item is not None)


def _items(part: Part | None) -> tuple[Any, ...]:
    return part.items if part else ()
