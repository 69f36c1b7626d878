"""An annotation in front of an element, and the node of a module that wraps another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sysidc.compiler import sentences
from sysidc.compiler.binding import Bound, bind
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.findings import Findings
from sysidc.compiler.plan import Node, TensorType
from sysidc.compiler.scope import Scope
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Edit, Fix
from sysidc.dsl.records import dataclass, replace

if TYPE_CHECKING:
    from sysidc.compiler.passes.nodes import Built
    from sysidc.compiler.passes.stack import StackBuilder

WRAPPERS = "sysidc.runtime.nn."


@dataclass(frozen=True)
class Annotated:
    """`arrives` is the type that reaches the annotation, `build_inner` makes the node of what it wraps from the type
    that reaches that; `top` tells that it stands at the top level of the model."""

    builder: StackBuilder
    annotation: syntax.Annotation
    element: syntax.Element
    arrives: TensorType | None
    scope: Scope
    top: bool
    build_inner: Callable[[TensorType | None], Built | None]

    @property
    def findings(self) -> Findings:
        return self.builder.findings

    @property
    def inside(self) -> tuple[syntax.Annotation, ...]:
        """The annotations between this one and the element."""
        return self.element.annotations[self.element.annotations.index(self.annotation) + 1 :]

    def bound(self, table: tuple[Argument, ...]) -> Bound:
        """The annotation's arguments."""
        name = f"@{self.annotation.name.text}"
        return bind(name, self.annotation.span, self.annotation.arguments, table, self.scope, self.findings)

    def refuse_arguments(self) -> None:
        if self.annotation.arguments:
            owner = f"@{self.annotation.name.text}"
            self.findings.add(sentences.too_many_arguments(owner, 0, self.annotation.arguments[0].span, ()))


def wrapper(
    inner: Built, layer: str, target: str, arrives: TensorType, leaves: TensorType, arguments: dict[str, Any]
) -> Node:
    """A wrapper takes over the name that its module was given."""
    child = inner.node
    return replace(
        child,
        layer=layer,
        target=WRAPPERS + target,
        arguments=arguments,
        type_in=arrives,
        type_out=leaves,
        children=(replace(child, name="module"),),
        freeze=False,
        init=None,
    )


def resize(inner: Built, channels: int) -> Fix | None:
    """Writes another number of channels where the last layer has its own."""
    if inner.channels is None or not inner.channels.text.replace("_", "").isdigit():
        return None
    return Fix(f"end the branch with {channels} channels", (Edit(inner.channels, str(channels)),))
