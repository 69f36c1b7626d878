"""Annotations: what `@cast`, `@residual`, `@correction`, `@freeze` and their like make of a node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sysidc.compiler import sentences
from sysidc.compiler.binding import bind
from sysidc.compiler.catalogue import installed
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.entry import Layer
from sysidc.compiler.catalogue.settings import DTYPES
from sysidc.compiler.catalogue.state_rules import zero_network
from sysidc.compiler.catalogue.training import INITS
from sysidc.compiler.dtypes import is_floating
from sysidc.compiler.passes.chain import Reader, total_states
from sysidc.compiler.passes.header import at_precision
from sysidc.compiler.plan import CallPlan, Node, TensorType
from sysidc.compiler.scope import Scope, Unknown, evaluate
from sysidc.compiler.values import ArrowValue
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Edit, Fix
from sysidc.dsl.records import replace

if TYPE_CHECKING:
    from sysidc.compiler.passes.nodes import Built
    from sysidc.compiler.passes.stack import StackBuilder
    from sysidc.compiler.program import Program

WRAPPERS = "sysidc.runtime.nn."
ANNOTATIONS = ("cast", "residual", "autoregressive_residual", "freeze", "init", "name", "correction")
STEPS = Argument("steps", "int", None, low=1, high=100_000)
LABEL = Argument("name", "string")
PENALTY = Argument("penalty", "float", 0.1, low=0)
CORRECTION = (Argument("hidden", "ints", (8,), low=1), PENALTY)
VECTORS_ONLY = ("LayerNorm", "BatchNorm1d", "PReLU")

Inner = Callable[["TensorType | None"], "Built | None"]


def wrap(
    builder: StackBuilder,
    annotation: syntax.Annotation,
    element: syntax.Element,
    arrives: TensorType | None,
    scope: Scope,
    top: bool,
    build_inner: Inner,
) -> Built | None:
    """What `annotation` makes of the node that `build_inner` builds from the type that reaches it."""
    match annotation.name.text:
        case "cast":
            return _cast(builder, annotation, element, arrives, scope, build_inner)
        case "residual":
            _no_arguments(builder, annotation)
            return _residual(builder, annotation, arrives, build_inner)
        case "autoregressive_residual":
            return _rollout(builder, annotation, arrives, scope, top, build_inner)
        case "freeze":
            _no_arguments(builder, annotation)
            return _frozen(builder, annotation, build_inner(arrives))
        case "init":
            return _initialised(builder, annotation, scope, build_inner(arrives))
        case "name":
            return _named(builder, annotation, scope, build_inner(arrives))
        case "correction":
            return _corrected(builder, annotation, element, arrives, scope, build_inner)
    builder.findings.add(sentences.unknown_annotation(annotation.name.text, annotation.name.span, ANNOTATIONS))
    return build_inner(None)


def _no_arguments(builder: StackBuilder, annotation: syntax.Annotation) -> None:
    if annotation.arguments:
        owner = f"@{annotation.name.text}"
        builder.findings.add(sentences.too_many_arguments(owner, 0, annotation.arguments[0].span, ()))


# --- @cast -----------------------------------------------------------------------------------------------------


def _cast(
    builder: StackBuilder,
    annotation: syntax.Annotation,
    element: syntax.Element,
    arrives: TensorType | None,
    scope: Scope,
    build_inner: Inner,
) -> Built | None:
    dtypes = _cast_dtypes(builder, annotation, scope)
    if dtypes is None or arrives is None:
        return build_inner(None)
    in_dtype, out_dtype = dtypes
    inside = element.annotations[element.annotations.index(annotation) + 1 :]
    inner = build_inner(replace(arrives, dtype=_lifted(builder, element, inside, in_dtype, out_dtype)))
    if inner is None or inner.node.type_out.channels == 0:
        return inner
    leaves = replace(inner.node.type_out, dtype=out_dtype)
    node = _wrapper(inner, "cast", "CastWrapper", arrives, leaves, {"in_dtype": in_dtype, "out_dtype": out_dtype})
    return replace(inner, node=node)


def _lifted(
    builder: StackBuilder,
    element: syntax.Element,
    inside: tuple[syntax.Annotation, ...],
    in_dtype: str,
    out_dtype: str,
) -> str:
    """The dtype that reaches the wrapped layers: a layer that computes in floating point gets its own dtype.

    What CastWrapper does (runtime/nn/lifting.py), told from the text.
    """
    numbers = numbers_of_wrapper(inside) or first_numbers(builder.program, element, set())
    if numbers in (None, "any", "integers"):
        return in_dtype
    if has_numbers_of_its_own(builder.program, element, set()):
        return builder.context.dtype
    if is_floating(in_dtype):
        return in_dtype
    return out_dtype if is_floating(out_dtype) else "float32"


def has_numbers_of_its_own(program: Program, element: syntax.Element, seen: set[str]) -> bool:
    """Whether a layer of the element keeps numbers in the model's dtype: parameters, or the constants of a Scale."""
    entry = _entry(program, element)
    if entry is not None:
        return entry.numbers in ("parameters", "integers") or entry.name == "Scale"
    return any(has_numbers_of_its_own(program, part, seen) for part in opened(program, element, seen))


def first_numbers(program: Program, element: syntax.Element, seen: set[str]) -> str | None:
    """What the first layer of an element that does more than move values computes with; None where all move them."""
    entry = _entry(program, element)
    if entry is not None:
        return None if entry.numbers == "any" else entry.numbers
    for part in opened(program, element, seen):
        found = numbers_of_wrapper(part.annotations) or first_numbers(program, part, seen)
        if found is not None:
            return found
    return None


def _entry(program: Program, element: syntax.Element) -> Layer | None:
    if not isinstance(element, syntax.Layer) or element.name.text in (*program.blocks, *program.dynamics):
        return None
    return installed.layer(element.name.text)


def numbers_of_wrapper(annotations: tuple[syntax.Annotation, ...]) -> str | None:
    """What the outermost wrapper computes with: a cast takes any dtype, a sum needs both of its sides in one."""
    numbers = {"cast": "any", "residual": "floating", "autoregressive_residual": "floating"}
    return next((numbers[note.name.text] for note in annotations if note.name.text in numbers), None)


def opened(program: Program, element: syntax.Element, seen: set[str]) -> tuple[syntax.Element, ...]:
    """What stands inside an element; a block is opened once, because a second time it tells nothing new."""
    if not isinstance(element, syntax.Layer):
        return element.elements
    name = element.name.text
    if name in seen or name not in program.blocks:
        return ()
    seen.add(name)
    return program.blocks[name].elements


def _cast_dtypes(builder: StackBuilder, annotation: syntax.Annotation, scope: Scope) -> tuple[str, str] | None:
    if len(annotation.arguments) != 1 or annotation.arguments[0].name is not None:
        builder.findings.add(sentences.cast_needs_arrow(annotation.span))
        return None
    written = annotation.arguments[0].value
    try:
        plain = evaluate(written, scope).plain
    except Unknown:
        return None
    if not isinstance(plain, ArrowValue) or not isinstance(written, syntax.Arrow):
        builder.findings.add(sentences.cast_needs_arrow(annotation.span))
        return None
    sound = True
    for dtype, node in ((plain.left, written.left), (plain.right, written.right)):
        if dtype not in DTYPES:
            builder.findings.add(sentences.unknown_dtype(dtype, node.span, DTYPES))
            sound = False
    precision = builder.context.precision
    return (at_precision(plain.left, precision), at_precision(plain.right, precision)) if sound else None


# --- @residual -------------------------------------------------------------------------------------------------


def _residual(
    builder: StackBuilder, annotation: syntax.Annotation, arrives: TensorType | None, build_inner: Inner
) -> Built | None:
    ends, builder.ends = builder.ends, False  # a sum has the channels that arrive
    inner = build_inner(arrives)
    builder.ends = ends
    if inner is None or arrives is None:
        return inner
    leaves = inner.node.type_out
    if leaves.channels == 0:
        return inner
    if (leaves.steps, leaves.channels, leaves.cut) != (arrives.steps, arrives.channels, arrives.cut):
        fix = _resize(inner, arrives.channels) if leaves.steps == arrives.steps else None
        builder.findings.add(sentences.residual_shape(annotation.span, inner.tail, arrives, leaves, fix))
    elif leaves.dtype != arrives.dtype:
        builder.findings.add(sentences.residual_dtype(annotation.span, inner.tail, arrives, leaves))
    back, ahead = inner.node.look_back, inner.node.look_ahead
    node = _wrapper(inner, "residual", "ResidualConnectionWrapper", arrives, arrives, {})
    back = None if back is None else max(back, 0)
    ahead = None if ahead is None else max(ahead, 0)
    return replace(inner, node=replace(node, look_back=back, look_ahead=ahead), channels=None)


def _resize(inner: Built, channels: int) -> Fix | None:
    if inner.channels is None or not inner.channels.text.replace("_", "").isdigit():
        return None
    return Fix(f"end the branch with {channels} channels", (Edit(inner.channels, str(channels)),))


# --- @autoregressive_residual ------------------------------------------------------------------------------------


def _rollout(
    builder: StackBuilder,
    annotation: syntax.Annotation,
    arrives: TensorType | None,
    scope: Scope,
    top: bool,
    build_inner: Inner,
) -> Built | None:
    context = builder.context
    bound = bind("@autoregressive_residual", annotation.span, annotation.arguments, (STEPS,), scope, builder.findings)
    steps = bound["steps"] if bound.sound else None
    _rollout_fits(builder, annotation, top)
    inner = build_inner(arrives)
    if inner is None or arrives is None or inner.node.type_out.channels == 0:
        return inner
    leaves = inner.node.type_out
    wanted = TensorType(1, arrives.channels, arrives.dtype)
    if (leaves.steps, leaves.channels, leaves.dtype) != (1, arrives.channels, arrives.dtype):
        fix = _resize(inner, arrives.channels) if leaves.steps == 1 and leaves.dtype == arrives.dtype else None
        builder.findings.add(sentences.rollout_shape(annotation.span, inner.tail, wanted, leaves, fix))
    context.steps_of_rollout = steps or 0
    context.rollout_span = annotation.span
    if steps and context.horizon and steps != context.horizon:
        builder.findings.add(sentences.rollout_length(steps, context.horizon, annotation.span, context.header_span))
    length = 1 if context.mode == "prediction" else context.horizon or 1
    out = TensorType(length, arrives.channels, arrives.dtype)
    arguments = {"steps": steps or length}
    node = _wrapper(inner, "autoregressive_residual", "AutoregressiveResidualWrapper", arrives, out, arguments)
    return replace(inner, node=replace(node, look_back=None, look_ahead=0, fixed=True), channels=None)


def _rollout_fits(builder: StackBuilder, annotation: syntax.Annotation, top: bool) -> None:
    context = builder.context
    if context.mode == "bounded":
        builder.findings.add(sentences.rollout_in_bounded(annotation.span))
    elif not top:
        builder.findings.add(sentences.rollout_inside(annotation.span))
    elif context.steps_of_rollout is not None:
        builder.findings.add(sentences.rollout_twice(annotation.span))
    elif not context.same_signals:
        builder.findings.add(sentences.rollout_signals(annotation.span, context.header_span))


# --- @correction -------------------------------------------------------------------------------------------------


def _corrected(
    builder: StackBuilder,
    annotation: syntax.Annotation,
    element: syntax.Element,
    arrives: TensorType | None,
    scope: Scope,
    build_inner: Inner,
) -> Built | None:
    bound = bind("@correction", annotation.span, annotation.arguments, CORRECTION, scope, builder.findings)
    inside = element.annotations[element.annotations.index(annotation) + 1 :]
    traits = Reader(builder.program).element(replace(element, annotations=inside))
    if traits.corrected:
        builder.findings.add(sentences.nested_correction(annotation.span))
    elif not traits.fits or not traits.stateful:
        builder.findings.add(sentences.nothing_to_correct(annotation.span, element.span, traits.stateful))
    inner = build_inner(arrives)
    if inner is None or arrives is None or inner.node.type_out.channels == 0 or not bound.sound:
        return inner
    node = correction_around(inner, arrives, bound["hidden"], bound["penalty"])
    builder.context.parameters += node.parameters - inner.node.parameters
    return replace(inner, node=node, channels=None)


def correction_around(inner: Built, arrives: TensorType, hidden: tuple[int, ...], penalty: float) -> Node:
    """n_x and n_y are one network from states and inputs to states and outputs."""
    leaves = inner.node.type_out
    states = total_states((inner.node,))
    sizes = {"inputs": arrives.channels, "outputs": leaves.channels, "states": states}
    arguments = {**sizes, "hidden": hidden, "penalty": penalty}
    node = _wrapper(inner, "correction", "Correction", arrives, leaves, arguments)
    network = zero_network(states + arrives.channels, hidden, states + leaves.channels)
    return replace(node, parameters=node.parameters + network)


# --- @freeze, @init, @name -----------------------------------------------------------------------------------------


def _frozen(builder: StackBuilder, annotation: syntax.Annotation, inner: Built | None) -> Built | None:
    if inner is None:
        return None
    if inner.node.parameters == 0 and inner.node.type_out.channels:
        builder.findings.add(sentences.nothing_to_change("freeze", annotation.span, inner.tail))
    return replace(inner, node=replace(inner.node, freeze=True))


def _initialised(
    builder: StackBuilder, annotation: syntax.Annotation, scope: Scope, inner: Built | None
) -> Built | None:
    call = _init_call(builder, annotation, scope)
    if inner is None or call is None:
        return inner
    if inner.node.type_out.channels and not has_weights(inner.node):
        builder.findings.add(sentences.nothing_to_change("init", annotation.span, inner.tail))
    return replace(inner, node=replace(inner.node, init=call))


def has_weights(node: Node) -> bool:
    """Whether a node has parameters of two or more axes, which are what an initialisation fills."""
    if node.children:
        return any(has_weights(child) for child in node.children)
    return node.parameters > 0 and node.layer not in VECTORS_ONLY


def _init_call(builder: StackBuilder, annotation: syntax.Annotation, scope: Scope) -> CallPlan | None:
    """`@init(xavier_uniform, gain = 2)`: the name first, then its arguments under torch's names."""
    arguments = annotation.arguments
    name = arguments[0].value if arguments and arguments[0].name is None else None
    if not isinstance(name, syntax.Name):
        builder.findings.add(sentences.init_needs_name(annotation.span))
        return None
    row = INITS.get(name.text.removesuffix("_"))
    if row is None:
        builder.findings.add(sentences.unknown_member("initialisation", name.text, name.span, tuple(INITS)))
        return None
    bound = bind(row.name, annotation.span, arguments[1:], row.arguments, scope, builder.findings)
    if not bound.sound:
        return None
    ends = (bound["a"], bound["b"]) if row.name in ("uniform", "trunc_normal") else (0, 1)
    if ends[0] >= ends[1]:
        builder.findings.add(sentences.empty_range(annotation.span, *ends))
        return None
    return CallPlan(row.name, row.target, dict(bound.values))


def _named(builder: StackBuilder, annotation: syntax.Annotation, scope: Scope, inner: Built | None) -> Built | None:
    bound = bind("@name", annotation.span, annotation.arguments, (LABEL,), scope, builder.findings)
    if inner is None or not bound.sound:
        return inner
    return builder.named(inner, bound["name"], bound.spans["name"])


def _wrapper(
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
