"""`@correction`: a network added to the state equations and outputs of what it wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.state_rules import zero_network
from sysidc.compiler.passes.annotations.annotated import Annotated, wrapper
from sysidc.compiler.passes.chain import Reader, total_states
from sysidc.compiler.plan import Node, TensorType
from sysidc.dsl.records import replace

if TYPE_CHECKING:
    from sysidc.compiler.passes.nodes import Built

PENALTY = Argument("penalty", "float", 0.1, low=0)
CORRECTION = (Argument("hidden", "ints", (8,), low=1), PENALTY)


def correction(given: Annotated) -> Built | None:
    arrives, element, bound = given.arrives, given.element, given.bound(CORRECTION)
    traits = Reader(given.builder.program).element(replace(element, annotations=given.inside))
    if traits.corrected:
        given.findings.add(sentences.nested_correction(given.annotation.span))
    elif not traits.fits or not traits.stateful:
        given.findings.add(sentences.nothing_to_correct(given.annotation.span, element.span, traits.stateful))
    inner = given.build_inner(arrives)
    if inner is None or arrives is None or inner.node.type_out.channels == 0 or not bound.sound:
        return inner
    node = correction_around(inner, arrives, bound["hidden"], bound["penalty"])
    given.builder.context.parameters += node.parameters - inner.node.parameters
    return replace(inner, node=node, channels=None)


def correction_around(inner: Built, arrives: TensorType, hidden: tuple[int, ...], penalty: float) -> Node:
    """n_x and n_y are one network from states and inputs to states and outputs."""
    leaves = inner.node.type_out
    states = total_states((inner.node,))
    sizes = {"inputs": arrives.channels, "outputs": leaves.channels, "states": states}
    arguments = {**sizes, "hidden": hidden, "penalty": penalty}
    node = wrapper(inner, "correction", "Correction", arrives, leaves, arguments)
    network = zero_network(states + arrives.channels, hidden, states + leaves.channels)
    return replace(node, parameters=node.parameters + network)
