"""A `dynamics` block where a stack names it: its arguments, its place, and the node that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sysidc.compiler import sentences as general
from sysidc.compiler.binding import Bound, bind
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.layers import LAYERS, START
from sysidc.compiler.dynamics import sentences
from sysidc.compiler.dynamics.formulas import as_lists, channel_name, is_input, parts
from sysidc.compiler.dynamics.reading import Channels
from sysidc.compiler.dynamics.resolve import Resolved, Sides, resolve
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.annotations.correction import PENALTY, correction_around
from sysidc.compiler.passes.chain import start_of
from sysidc.compiler.passes.header import Header
from sysidc.compiler.passes.nodes import Built, place_of, unknown_node
from sysidc.compiler.passes.signals import Measured
from sysidc.compiler.plan import Node, TensorType
from sysidc.compiler.program import Program
from sysidc.compiler.scope import Scope
from sysidc.dsl import syntax
from sysidc.dsl.records import dataclass, replace

if TYPE_CHECKING:
    from sysidc.compiler.passes.stack import StackBuilder

TARGET = "sysidc.runtime.nn.Equations"
SOLVERS = ("rk4", "euler", "implicit")
ARGUMENTS = (
    Argument(
        "correction", "ints|none", None, low=1, high=10_000, about="widths of a network for what the equations miss"
    ),
    Argument("penalty", "float", None, low=0, about="weight of that network's parameters in the cost"),
    START,
    Argument("solver", "word", "rk4", choices=SOLVERS, about="how derivatives are integrated"),
    Argument("substeps", "int", 1, low=1, high=10_000, about="steps of the solver in a sampling time"),
)
AROUND = ("correction", "cast", "freeze", "name", "init")


@dataclass(frozen=True)
class Surroundings:
    """What equations are judged against: the header's signals and the sampling time in seconds."""

    sides: Sides
    sampling_time: float | None


def surroundings(measured: Measured, header: Header) -> Surroundings:
    """Signals of the header, whichever of its sides they are on."""
    names = dict.fromkeys(window.signal for window in (*header.inputs, *header.outputs))
    found: dict[str, dict[str, Channels]] = {"input": {}, "output": {}}
    for name in names:
        signal = measured.signals[name]
        found[signal.role][name] = Channels(len(signal.columns), measured.spans[name])
    outputs = {window.signal: found["output"][window.signal] for window in header.outputs}
    return Surroundings(Sides(found["input"], outputs), measured.sampling_time)


def check_blocks(program: Program, used: set[str], findings: Findings) -> None:
    """Equations that no model uses, as far as they can be judged without its signals."""
    for name, block in program.dynamics.items():
        if name not in used:
            resolve(block, None, program.scope, findings)


def equations_layer(
    builder: StackBuilder, element: syntax.Layer, arrives: TensorType | None, scope: Scope, around: tuple[str, ...]
) -> Built:
    """The node of a block of equations; `around` are the annotations that it stands in, outermost first."""
    context, findings = builder.context, builder.findings
    block = context.program.dynamics[element.name.text]
    bound = bind(block.name.text, element.span, element.arguments, ARGUMENTS, scope, findings)
    given = context.surroundings
    sides = given.sides if given else None
    resolved = resolve(block, sides, context.program.scope, findings, element.name.span)
    fits = _fits(builder, element, around)
    nowhere = unknown_node(element, LAYERS["Identity"])
    if resolved is None or given is None or sides is None or arrives is None or not fits or not bound.sound:
        return nowhere
    if not _bound_fits(block, resolved, bound, given, element, findings) or not _arrives(
        builder, element, arrives, sides
    ):
        return nowhere
    if arrives.dtype != context.dtype:
        findings.add(general.dtype_mismatch(block.name.text, element.span, arrives.dtype, context.dtype))
        arrives = replace(arrives, dtype=context.dtype)
    bound = replace(bound, values={**bound.values, "initial": start_of(bound, context.chain, context.mode, findings)})
    built = Built(_node(element, resolved, bound, given, arrives), element.span)
    if not bound["correction"]:
        _warn_unread(resolved, sides, findings, corrected="correction" in around)
        return built
    penalty = PENALTY.default if bound["penalty"] is None else bound["penalty"]
    return replace(built, node=correction_around(built, arrives, bound["correction"], penalty))


def _fits(builder: StackBuilder, element: syntax.Layer, around: tuple[str, ...]) -> bool:
    """Does the block stand where the measured inputs arrive as they are?"""
    context, name, span = builder.context, element.name.text, element.name.span
    wrapper = next((wrapper for wrapper in around if wrapper not in AROUND), None)
    if context.mode != "simulation":
        mistake = sentences.dynamics_in_mode(name, context.mode, span)
    elif wrapper is not None:
        mistake = sentences.dynamics_in_wrapper(name, wrapper, span)
    elif context.nodes > 0:
        mistake = sentences.dynamics_not_first(name, span)
    else:
        context.nodes += 1
        return True
    context.nodes += 1
    builder.findings.add(mistake)
    return False


def _arrives(builder: StackBuilder, element: syntax.Layer, arrives: TensorType, sides: Sides) -> bool:
    """Do the inputs arrive alone? Known outputs are parted from them in a stack that is one state-space model."""
    if arrives.channels == sum(signal.count for signal in sides.inputs.values()):
        return True
    builder.findings.add(sentences.dynamics_outside_chain(element.name.text, element.name.span))
    return False


def _bound_fits(
    block: syntax.Dynamics,
    resolved: Resolved,
    bound: Bound,
    given: Surroundings,
    element: syntax.Layer,
    findings: Findings,
) -> bool:
    """Do the arguments and the sampling time fit the kind of the equations?"""
    name = block.name.text
    if bound.written("penalty") and not bound["correction"]:
        message = "`penalty` is the weight of a correction, and there is none"
        help = "add `correction = [8]`, or leave it out"
        findings.add(general.conflict(message, bound.spans["penalty"], "of no correction", help))
        return False
    if resolved.kind == "der":
        if given.sampling_time is None:
            findings.add(sentences.missing_sampling_time(name, element.name.span, resolved.timed))
        return given.sampling_time is not None
    needless = [argument for argument in ("solver", "substeps") if bound.written(argument)]
    for argument in needless:
        findings.add(sentences.nothing_to_integrate(argument, name, bound.spans[argument], resolved.timed))
    return not needless


def _warn_unread(resolved: Resolved, sides: Sides, findings: Findings, corrected: bool) -> None:
    """Inputs that go in and that no equation reads; a network around the equations reads all of them."""
    if corrected:
        return
    formulas = (*resolved.lets.values(), *resolved.equations.values(), *resolved.outputs.values())
    read = {channel_name(part) for formula in formulas for part in parts(formula) if is_input(part)}
    for name, signal in sides.inputs.items():
        if signal.declared and not any(f"{name}[{channel}]" in read for channel in range(signal.count)):
            findings.add(general.unused("input", name, signal.declared))


# --- the node ------------------------------------------------------------------------------------------------------


def _node(element: syntax.Layer, resolved: Resolved, bound: Bound, given: Surroundings, arrives: TensorType) -> Node:
    channels = sum(signal.count for signal in given.sides.outputs.values())
    return Node(
        "",
        "dynamics",
        TARGET,
        arguments(element.name.text, resolved, bound, given),
        arrives,
        replace(arrives, channels=channels),
        None,
        0,
        len(resolved.learn),
        place_of(element.span),
    )


def arguments(name: str, resolved: Resolved, bound: Mapping[str, Any] | Bound, given: Surroundings) -> dict[str, Any]:
    """What `Equations` is made from: plain lists and numbers, the same before and after JSON."""
    sides = given.sides
    continuous = resolved.kind == "der"
    return {
        "name": name,
        "states": [{"name": state, "start": start} for state, start in resolved.states.items()],
        "learn": [
            {"name": number, "start": start, "low": low, "high": high}
            for number, (start, low, high) in resolved.learn.items()
        ],
        "inputs": [{"name": signal, "channels": found.count} for signal, found in sides.inputs.items()],
        "outputs": [{"name": signal, "channels": found.count} for signal, found in sides.outputs.items()],
        "lets": [{"name": let, "formula": as_lists(formula)} for let, formula in resolved.lets.items()],
        "kind": resolved.kind,
        "equations": [as_lists(resolved.equations[state]) for state in resolved.states],
        "readings": [
            as_lists(resolved.outputs[signal, channel])
            for signal, found in sides.outputs.items()
            for channel in range(found.count)
        ],
        "sampling_time": given.sampling_time if continuous else None,
        "solver": bound["solver"] if continuous else None,
        "substeps": bound["substeps"] if continuous else 1,
        "initial": bound["initial"],
    }
