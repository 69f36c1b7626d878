"""A layer of the catalogue where a stack names it: its arguments, the dtype that it needs, and what it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysidc.compiler import sentences
from sysidc.compiler.binding import Bound, bind
from sysidc.compiler.catalogue import installed
from sysidc.compiler.catalogue.entry import Effect, Layer, Misfit, Numbers, Shape
from sysidc.compiler.dtypes import is_floating
from sysidc.compiler.passes.chain import start_of
from sysidc.compiler.passes.nodes import Built, layer_node, unknown_node
from sysidc.compiler.passes.settings import with_calls
from sysidc.compiler.plan import TensorType
from sysidc.compiler.scope import Scope
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic, Edit, Fix
from sysidc.dsl.records import replace
from sysidc.dsl.source import Span

if TYPE_CHECKING:
    from sysidc.compiler.passes.stack import StackBuilder

MOST_NODES = 10_000
MOST_PARAMETERS = 1_000_000_000
MOST_VALUES = 1_000_000_000
DTYPES_OF_INDEX = ("int64", "int32", "int16", "int8", "uint8")


def catalogue_layer(
    builder: StackBuilder, element: syntax.Layer, entry: Layer, arrives: TensorType | None, scope: Scope
) -> Built | None:
    """The node of a layer; one of unknown type behind a mistake, None where the stack has too many layers."""
    builder.context.nodes += 1
    if builder.context.nodes > MOST_NODES:
        builder.stop(sentences.too_many_layers(element.span, MOST_NODES))
        return None
    bound = bind(entry.name, element.span, element.arguments, entry.arguments, scope, builder.findings)
    bound = with_calls(bound, entry.arguments, builder.findings)
    if not bound.sound or arrives is None:
        return unknown_node(element, entry)
    bound = _completed(builder, entry, bound)
    arrives = _matching_dtype(builder, element, entry, bound, arrives)
    effect = installed.effect(entry, bound.values, Shape(arrives.steps, arrives.channels, arrives.cut))
    if isinstance(effect, installed.Broken):
        broken = sentences.broken_layer(effect.name, effect.package, effect.reason, element.name.span)
        builder.findings.add(broken)
        return unknown_node(element, entry)
    if isinstance(effect, Misfit):
        builder.findings.add(_misfit(effect, entry, element, bound, arrives))
        return unknown_node(element, entry)
    if _is_too_large(builder, element, entry, effect):
        return unknown_node(element, entry)
    dtype = builder.context.dtype if entry.numbers == "integers" else arrives.dtype
    return layer_node(element, entry, bound, effect, arrives, dtype)


def _completed(builder: StackBuilder, entry: Layer, bound: Bound) -> Bound:
    """With what the rest of the file decides: the start of a state, and how many outputs end the stack."""
    values = dict(bound.values)
    if entry.stateful:
        values["initial"] = start_of(bound, builder.context.chain, builder.context.mode, builder.findings)
    if "outputs" in values and values["outputs"] is None and builder.ends:
        values["outputs"] = builder.context.outputs
    return replace(bound, values=values)


def _is_too_large(builder: StackBuilder, element: syntax.Layer, entry: Layer, effect: Effect) -> bool:
    """Sizes that no memory holds; 4 GB of parameters are what this version builds."""
    builder.context.parameters += effect.parameters
    values = (effect.shape.steps or 1) * effect.shape.channels + (effect.time[0] or 0)
    if builder.context.parameters > MOST_PARAMETERS:
        what, found, most = "parameters of the model", builder.context.parameters, MOST_PARAMETERS
    elif values > MOST_VALUES:
        what, found, most = "numbers of one window", values, MOST_VALUES
    else:
        return False
    builder.stop(sentences.too_large(entry.name, element.span, what, found, most))
    return True


def _matching_dtype(
    builder: StackBuilder, element: syntax.Layer, entry: Layer, bound: Bound, arrives: TensorType
) -> TensorType:
    """The type that arrives, with the dtype that the layer needs where a mistake was reported."""
    numbers = "floating" if _keeps_no_numbers(entry, bound) else entry.numbers
    wanted = _wanted_dtype(numbers, arrives.dtype, builder.context.dtype)
    if wanted is None:
        if entry.dtypes and arrives.dtype not in entry.dtypes:
            builder.findings.add(sentences.no_such_dtype(entry.name, element.span, arrives.dtype, entry.dtypes))
        return arrives
    builder.findings.add(sentences.dtype_mismatch(entry.name, element.span, arrives.dtype, wanted))
    return replace(arrives, dtype=wanted)


def _keeps_no_numbers(entry: Layer, bound: Bound) -> bool:
    """A normalisation without learned scale and running statistics takes any floating dtype."""
    switches = ("elementwise_affine", "affine", "track_running_stats")
    given = [bound[name] for name in switches if name in bound.values]
    return bool(given) and not any(given)


def _wanted_dtype(numbers: Numbers, arrives: str, parameters: str) -> str | None:
    """The dtype that the layer needs instead of the one that arrives; None where that fits."""
    match numbers:
        case "parameters":
            return None if arrives == parameters else parameters
        case "floating":
            return None if is_floating(arrives) else parameters
        case "integers":
            return None if arrives in DTYPES_OF_INDEX else "int64"
        case "any":
            return None


def _misfit(found: Misfit, entry: Layer, element: syntax.Layer, bound: Bound, arrives: TensorType) -> Diagnostic:
    """The diagnostic of a layer that cannot take what arrives."""
    span = bound.spans.get(found.argument or "", element.span)
    fix = None
    if found.mend and found.argument in bound.spans:
        fix = Fix(f"write {found.mend}", (Edit(_value_span(element, span), found.mend),))
    return sentences.layer_misfit(found.id, entry.name, found.message, span, found.here, found.help, str(arrives), fix)


def _value_span(element: syntax.Layer, span: Span) -> Span:
    for argument in element.arguments:
        if argument.span is span:
            return argument.value.span
    return span
