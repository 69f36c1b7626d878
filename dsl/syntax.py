"""The syntax tree: frozen nodes named as the grammar's rules, each with its span. It holds form, never meaning."""

from __future__ import annotations

from typing import TypeAlias

from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Span


@dataclass(frozen=True)
class Node:
    span: Span


# --- expressions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number(Node):
    """`32`, `1e-3`, `32_000`, `4 s`, `20 %`. `value` is the number as written, `unit` its unit word or "%"."""

    value: int | float
    unit: str | None = None


@dataclass(frozen=True)
class String(Node):
    value: str


@dataclass(frozen=True)
class Name(Node):
    """A bare word: a param, a let, a column, a choice such as `standard`, or `on`, `off`, `none`, `all`."""

    text: str


@dataclass(frozen=True)
class List(Node):
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Range(Node):
    """`low .. high`."""

    low: Expression
    high: Expression


@dataclass(frozen=True)
class Arrow(Node):
    """`int64 -> float32`, the argument of @cast."""

    left: Expression
    right: Expression


@dataclass(frozen=True)
class Unary(Node):
    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary(Node):
    """`left operator right`, operator one of + - * / // **."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Index(Node):
    """`u[0]`."""

    name: Name
    index: Expression


@dataclass(frozen=True)
class Argument(Node):
    """Positional where `name` is None."""

    name: Name | None
    value: Expression


@dataclass(frozen=True)
class Call(Node):
    """`AdamW(lr = 1e-3)`; `arguments` is empty for `Name()`."""

    name: Name
    arguments: tuple[Argument, ...]


Expression: TypeAlias = Number | String | Name | List | Range | Arrow | Unary | Binary | Index | Call


# --- stacks ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Annotation(Node):
    """`@residual`, `@cast(int64 -> float32)`. The span covers the @ and the arguments."""

    name: Name
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Layer(Node):
    """A layer or a use of a block or of equations: `GELU`, `Linear(20) as readout`, `mlp(32)`.

    The span covers name and arguments, not annotations nor label.
    """

    name: Name
    arguments: tuple[Argument, ...]
    annotations: tuple[Annotation, ...] = ()
    label: Name | None = None


@dataclass(frozen=True)
class Group(Node):
    """`{ ... }` after annotations. The span covers the braces and what is between them."""

    elements: tuple[Element, ...]
    annotations: tuple[Annotation, ...] = ()
    label: Name | None = None


@dataclass(frozen=True)
class Repeat(Node):
    """`repeat 3 { ... }`. The span covers `repeat` to the closing brace."""

    count: Expression
    elements: tuple[Element, ...]
    annotations: tuple[Annotation, ...] = ()
    label: Name | None = None


Element: TypeAlias = Layer | Group | Repeat


# --- sections --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Domain(Node):
    """What follows `in`: a List or a Range, the latter perhaps on a logarithmic scale."""

    values: List | Range
    log: bool = False


@dataclass(frozen=True)
class Param(Node):
    name: Name
    value: Expression
    domain: Domain | None = None


@dataclass(frozen=True)
class Let(Node):
    name: Name
    value: Expression


@dataclass(frozen=True)
class Use(Node):
    path: String


@dataclass(frozen=True)
class Setting(Node):
    key: Name
    value: Expression


@dataclass(frozen=True)
class Signal(Node):
    """`input w = ["w1", "w2"] : float32 "V"`. `columns` is None where the signal's name is the column."""

    role: str
    name: Name
    columns: tuple[Name | String, ...] | None
    dtype: Name | None
    unit: String | None


@dataclass(frozen=True)
class Signals(Node):
    items: tuple[Setting | Signal, ...]


@dataclass(frozen=True)
class Parameter(Node):
    """An argument that a block declares, required where `default` is None."""

    name: Name
    default: Expression | None


@dataclass(frozen=True)
class Block(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    elements: tuple[Element, ...]


@dataclass(frozen=True)
class State(Node):
    """One `x1 = 5` of a `state` line."""

    name: Name
    value: Expression


@dataclass(frozen=True)
class Learn(Node):
    """`learn k1 = 0.03 in 0 .. 1`."""

    name: Name
    value: Expression
    range: Range | None


@dataclass(frozen=True)
class Equation(Node):
    """`der(x) = ...`, `next(x) = ...` (function given), `y = ...` or `y[0] = ...` (function None)."""

    function: Name | None
    target: Name
    index: Expression | None
    value: Expression


@dataclass(frozen=True)
class Dynamics(Node):
    name: Name
    items: tuple[State | Learn | Let | Equation, ...]


@dataclass(frozen=True)
class Window(Node):
    """`u[128]`; `steps` is Name("all") for the whole record."""

    signal: Name
    steps: Expression


@dataclass(frozen=True)
class Model(Node):
    """`header` spans from the first window of the left to the last one of the right-hand side."""

    name: Name
    inputs: tuple[Window, ...]
    outputs: tuple[Window, ...]
    elements: tuple[Element, ...]
    header: Span


@dataclass(frozen=True)
class Stage(Node):
    items: tuple[Setting, ...]


@dataclass(frozen=True)
class Section(Node):
    """`data`, `train MODE`, `test` or `sweep`; `mode` is None except for `train`. `keyword` spans the first word."""

    kind: str
    keyword: Span
    mode: Name | None
    items: tuple[Setting | Stage, ...]


Item: TypeAlias = Param | Let | Use | Signals | Block | Dynamics | Model | Section


@dataclass(frozen=True)
class Comment(Node):
    """`text` holds the # too. `own_line` tells a comment on a line of its own from one behind code."""

    text: str
    own_line: bool


@dataclass(frozen=True)
class File(Node):
    """`version` is the number behind `sysid`, None where the first line is missing."""

    version: Number | None
    items: tuple[Item, ...]
    comments: tuple[Comment, ...] = ()
