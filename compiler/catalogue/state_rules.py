"""Shape, time and parameter count of the layers with state, and of the curves that stand between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from sysidc.compiler.catalogue.entry import ALL_THE_PAST, EVERY_STEP, Effect, Misfit, Rule, Shape
from sysidc.compiler.catalogue.rules import Arguments, size_mismatch, with_channels

NOMINAL: dict[str, Any] = {"states": 3, "hidden": (8,), "output_hidden": ()}
"""What `auto` counts as until the race has chosen."""
ENCODER_WIDTH = 16


def recurrent(gates: int) -> Rule:
    """GRU, LSTM and RNN differ in the number of gates alone."""

    def rule(arguments: Arguments, shape: Shape) -> Effect | Misfit:
        inputs, hidden = arguments["input_size"] or shape.channels, arguments["hidden_size"]
        if inputs != shape.channels:
            return size_mismatch("input_size", inputs, shape.channels)
        layers, biases = arguments["num_layers"], 2 * arguments["bias"]
        count = gates * hidden * (inputs + hidden + biases) + (layers - 1) * gates * hidden * (2 * hidden + biases)
        call = _started({**arguments, "input_size": inputs})
        return Effect(with_channels(shape, hidden), ALL_THE_PAST, count, call)

    return rule


def linear_dynamics(arguments: Arguments, shape: Shape) -> Effect:
    return _system(arguments, shape, _matrices(arguments["states"], *_ends(arguments, shape)))


def state_space(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    """`auto` is counted as NOMINAL has it."""
    given = nominal(arguments)
    states, hidden_states, (inputs, outputs) = given["states"], given["integrators"], _ends(arguments, shape)
    if hidden_states > states:
        return Misfit("size-mismatch", "integrators", f"{hidden_states} of {states} states integrate", "more than all")
    shown = states - hidden_states + inputs
    count = _matrices(states, inputs, outputs) + states + outputs + outputs * states * given["innovations"]
    count += zero_network(shown, given["hidden"], states) if given["hidden"] else 0
    count += zero_network(shown, given["output_hidden"], outputs) if given["output_hidden"] else 0
    return _system(arguments, shape, count)


def polynomial_state_space(arguments: Arguments, shape: Shape) -> Effect:
    """E has a row for each state and a column for each monomial of degree 2 .. degree in states and inputs; K, with
    innovations, a row for each state and a column for each output."""
    states, (inputs, outputs) = arguments["states"], _ends(arguments, shape)
    variables = states + inputs
    columns = math.comb(variables + arguments["degree"], variables) - 1 - variables + outputs * arguments["innovations"]
    count = _matrices(states, inputs, outputs) + states + outputs + states * columns
    return _system(arguments, shape, count)


def lru(arguments: Arguments, shape: Shape) -> Effect:
    """The complex B and C are stored as real pairs."""
    states, (inputs, outputs) = arguments["states"], _ends(arguments, shape)
    count = 2 * states + 2 * states * inputs + 2 * outputs * states + outputs * inputs
    return _system(arguments, shape, count)


def curve(arguments: Arguments, shape: Shape) -> Effect:
    name, given = arguments["shape"].name, arguments["shape"].arguments
    match name:
        case "Spline":
            count = given["knots"]
        case "Polynomial":
            count = given["degree"] + 1
        case _:
            widths = (1, *given["hidden"], 1)
            count = 1 + sum(after * (before + 1) for before, after in pairwise(widths))
    call = {"channels": shape.channels, "shape": name, **given}
    return Effect(shape, EVERY_STEP, shape.channels * count, call)


def zero_network(inputs: int, hidden: Sequence[int], outputs: int) -> int:
    """Parameters of a network whose last layer has no bias, so that it can start at zero."""
    widths = (inputs, *hidden)
    return sum(after * (before + 1) for before, after in pairwise(widths)) + widths[-1] * outputs


def encoder(states: int, seen: int) -> int:
    """Parameters of the map from `seen` known numbers to the states at the start: a line and a small network."""
    return (states + ENCODER_WIDTH) * seen + ENCODER_WIDTH * (1 + states)


def nominal(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with a size in the place of every `auto`."""
    return {name: NOMINAL[name] if value == "auto" and name in NOMINAL else value for name, value in arguments.items()}


def states_of(layer: str, arguments: Mapping[str, Any]) -> int:
    """Real states of a layer with state: an LSTM has h and c, an LRU real and imaginary parts."""
    if layer == "dynamics":
        return len(arguments["states"])
    if "hidden_size" in arguments:
        per_unit = 2 if layer == "LSTM" else 1
        return int(per_unit * arguments["num_layers"] * arguments["hidden_size"])
    given = nominal(arguments)["states"]
    states = given if isinstance(given, int) else len(given)
    return 2 * states if layer == "LRU" else states


def _ends(arguments: Arguments, shape: Shape) -> tuple[int, int]:
    """Channels that arrive and leave: as many as arrive, where nothing else is known."""
    return shape.channels, arguments["outputs"] or shape.channels


def _matrices(states: int, inputs: int, outputs: int) -> int:
    """A, B, C and D."""
    return (states + inputs) * (states + outputs)


def _system(arguments: Arguments, shape: Shape, count: int) -> Effect:
    inputs, outputs = _ends(arguments, shape)
    call = _started({"inputs": inputs, **arguments, "outputs": outputs})
    return Effect(with_channels(shape, outputs), ALL_THE_PAST, count, call)


def _started(call: dict[str, Any]) -> dict[str, Any]:
    return {**call, "initial": call["initial"] or "zero"}
