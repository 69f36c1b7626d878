"""`@residual`: the input added to what a branch returns, whose shapes and dtypes are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysidc.compiler import sentences
from sysidc.compiler.passes.annotations.annotated import Annotated, resize, wrapper
from sysidc.dsl.records import replace

if TYPE_CHECKING:
    from sysidc.compiler.passes.nodes import Built


def residual(given: Annotated) -> Built | None:
    given.refuse_arguments()
    builder, arrives = given.builder, given.arrives
    ends, builder.ends = builder.ends, False  # a sum has the channels that arrive
    inner = given.build_inner(arrives)
    builder.ends = ends
    if inner is None or arrives is None:
        return inner
    leaves = inner.node.type_out
    if leaves.channels == 0:
        return inner
    if (leaves.steps, leaves.channels, leaves.cut) != (arrives.steps, arrives.channels, arrives.cut):
        fix = resize(inner, arrives.channels) if leaves.steps == arrives.steps else None
        given.findings.add(sentences.residual_shape(given.annotation.span, inner.tail, arrives, leaves, fix))
    elif leaves.dtype != arrives.dtype:
        given.findings.add(sentences.residual_dtype(given.annotation.span, inner.tail, arrives, leaves))
    back, ahead = inner.node.look_back, inner.node.look_ahead
    node = wrapper(inner, "residual", "ResidualConnectionWrapper", arrives, arrives, {})
    back = None if back is None else max(back, 0)
    ahead = None if ahead is None else max(ahead, 0)
    return replace(inner, node=replace(node, look_back=back, look_ahead=ahead), channels=None)
