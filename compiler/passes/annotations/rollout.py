"""`@autoregressive_residual`: a one-step model rolled out on its own predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.passes.annotations.annotated import Annotated, resize, wrapper
from sysidc.compiler.plan import TensorType
from sysidc.dsl.records import replace

if TYPE_CHECKING:
    from sysidc.compiler.passes.nodes import Built

STEPS = Argument("steps", "int", None, low=1, high=100_000)


def rollout(given: Annotated) -> Built | None:
    context, arrives, bound = given.builder.context, given.arrives, given.bound((STEPS,))
    steps = bound["steps"] if bound.sound else None
    _judge_place(given)
    inner = given.build_inner(arrives)
    if inner is None or arrives is None or inner.node.type_out.channels == 0:
        return inner
    leaves = inner.node.type_out
    wanted = TensorType(1, arrives.channels, arrives.dtype)
    if (leaves.steps, leaves.channels, leaves.dtype) != (1, arrives.channels, arrives.dtype):
        fix = resize(inner, arrives.channels) if leaves.steps == 1 and leaves.dtype == arrives.dtype else None
        given.findings.add(sentences.rollout_shape(given.annotation.span, inner.tail, wanted, leaves, fix))
    context.steps_of_rollout = steps or 0
    context.rollout_span = given.annotation.span
    if steps and context.horizon and steps != context.horizon:
        given.findings.add(sentences.rollout_length(steps, context.horizon, given.annotation.span, context.header_span))
    length = 1 if context.mode == "prediction" else context.horizon or 1
    out = TensorType(length, arrives.channels, arrives.dtype)
    arguments = {"steps": steps or length}
    node = wrapper(inner, "autoregressive_residual", "AutoregressiveResidualWrapper", arrives, out, arguments)
    return replace(inner, node=replace(node, look_back=None, look_ahead=0, fixed=True), channels=None)


def _judge_place(given: Annotated) -> None:
    context = given.builder.context
    if context.mode == "bounded":
        given.findings.add(sentences.rollout_in_bounded(given.annotation.span))
    elif not given.top:
        given.findings.add(sentences.rollout_inside(given.annotation.span))
    elif context.steps_of_rollout is not None:
        given.findings.add(sentences.rollout_twice(given.annotation.span))
    elif not context.same_signals:
        given.findings.add(sentences.rollout_signals(given.annotation.span, context.header_span))
