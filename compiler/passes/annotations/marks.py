"""`@freeze`, `@init` and `@name`: what changes a node and puts no module around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysidc.compiler import sentences
from sysidc.compiler.binding import bind
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.initialisations import INITS
from sysidc.compiler.passes.annotations.annotated import Annotated
from sysidc.compiler.plan import CallPlan, Node
from sysidc.dsl import syntax
from sysidc.dsl.records import replace

if TYPE_CHECKING:
    from sysidc.compiler.passes.nodes import Built

LABEL = Argument("name", "string")
VECTORS_ONLY = ("LayerNorm", "BatchNorm1d", "PReLU")


def freeze(given: Annotated) -> Built | None:
    given.refuse_arguments()
    inner = given.build_inner(given.arrives)
    if inner is None:
        return None
    if inner.node.parameters == 0 and inner.node.type_out.channels:
        given.findings.add(sentences.nothing_to_change("freeze", given.annotation.span, inner.tail))
    return replace(inner, node=replace(inner.node, freeze=True))


def init(given: Annotated) -> Built | None:
    inner, call = given.build_inner(given.arrives), _init_call(given)
    if inner is None or call is None:
        return inner
    if inner.node.type_out.channels and not _has_weights(inner.node):
        given.findings.add(sentences.nothing_to_change("init", given.annotation.span, inner.tail))
    return replace(inner, node=replace(inner.node, init=call))


def _has_weights(node: Node) -> bool:
    """Whether a node has parameters of two or more axes, which are what an initialisation fills."""
    if node.children:
        return any(_has_weights(child) for child in node.children)
    return node.parameters > 0 and node.layer not in VECTORS_ONLY


def _init_call(given: Annotated) -> CallPlan | None:
    """`@init(xavier_uniform, gain = 2)`: the name first, then its arguments under torch's names."""
    arguments = given.annotation.arguments
    word = arguments[0].value if arguments and arguments[0].name is None else None
    if not isinstance(word, syntax.Name):
        given.findings.add(sentences.init_needs_name(given.annotation.span))
        return None
    row = INITS.get(word.text.removesuffix("_"))
    if row is None:
        given.findings.add(sentences.unknown_member("initialisation", word.text, word.span, tuple(INITS)))
        return None
    bound = bind(row.name, given.annotation.span, arguments[1:], row.arguments, given.scope, given.findings)
    if not bound.sound:
        return None
    ends = (bound["a"], bound["b"]) if row.name in ("uniform", "trunc_normal") else (0, 1)
    if ends[0] >= ends[1]:
        given.findings.add(sentences.empty_range(given.annotation.span, *ends))
        return None
    return CallPlan(row.name, row.target, dict(bound.values))


def name(given: Annotated) -> Built | None:
    inner, bound = given.build_inner(given.arrives), given.bound((LABEL,))
    if inner is None or not bound.sound:
        return inner
    return given.builder.named(inner, bound["name"], bound.spans["name"])
