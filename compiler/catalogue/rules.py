"""Shape, time and parameter count of every layer, in closed form; no rule imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysidc.compiler.catalogue.entry import (
    ALL_THE_PAST,
    EVERY_STEP,
    WHOLE_WINDOW,
    Effect,
    Misfit,
    Shape,
)

Arguments = Mapping[str, Any]


def identity(arguments: Arguments, shape: Shape) -> Effect:
    return Effect(shape, EVERY_STEP, 0, {})


def per_step(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    """A function of each value, without parameters."""
    bounds = [(name, arguments[name]) for name in ("low", "high", "min_val", "max_val") if name in arguments]
    if bounds and not bounds[0][1] < bounds[1][1]:
        (low, _), (high, _) = bounds
        return Misfit("empty-range", high, f"`{low}` must be below `{high}`", f"not above {bounds[0][1]:g}")
    return Effect(shape, EVERY_STEP, 0, dict(arguments))


def prelu(arguments: Arguments, shape: Shape) -> Effect:
    return Effect(shape, EVERY_STEP, 1, dict(arguments))


def linear(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    inputs, outputs = arguments["in_features"] or shape.channels, arguments["out_features"]
    if inputs != shape.channels:
        return size_mismatch("in_features", inputs, shape.channels)
    count = outputs * (inputs + arguments["bias"])
    return Effect(with_channels(shape, outputs), EVERY_STEP, count, {**arguments, "in_features": inputs})


def conv1d(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    inputs, outputs, size = (
        arguments["in_channels"] or shape.channels,
        arguments["out_channels"],
        arguments["kernel_size"],
    )
    groups = arguments["groups"]
    if inputs != shape.channels:
        return size_mismatch("in_channels", inputs, shape.channels)
    if inputs % groups or outputs % groups:
        message = f"{groups} groups do not divide {inputs} channels in and {outputs} out"
        return Misfit("size-mismatch", "groups", message, "does not divide both")
    reach = arguments["dilation"] * (size - 1)
    count = outputs * (inputs // groups * size + arguments["bias"])
    call = {**arguments, "in_channels": inputs}
    if arguments["padding"] == "causal":
        return Effect(with_channels(shape, outputs), (reach, 0), count, call)
    if arguments["padding"] == "same":
        return Effect(with_channels(shape, outputs), (reach // 2, reach - reach // 2), count, call)
    if shape.steps is None:
        return Effect(Shape(None, outputs, shape.cut + reach), (reach, 0), count, call)
    if shape.steps <= reach:
        message = f"a filter of {reach + 1} steps does not fit into a window of {shape.steps}"
        return Misfit("window-too-short", "kernel_size", message, f"reaches over {reach + 1} steps")
    return Effect(Shape(shape.steps - reach, outputs), (reach, 0), count, call)


def embedding(arguments: Arguments, shape: Shape) -> Effect:
    count = arguments["num_embeddings"] * arguments["embedding_dim"]
    call = {**arguments, "channels": shape.channels}
    return Effect(with_channels(shape, shape.channels * arguments["embedding_dim"]), EVERY_STEP, count, call)


def layer_norm(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    size = arguments["normalized_shape"] or shape.channels
    if size != shape.channels:
        return size_mismatch("normalized_shape", size, shape.channels)
    count = arguments["elementwise_affine"] * size * (1 + arguments["bias"])
    return Effect(shape, EVERY_STEP, count, {**arguments, "normalized_shape": size})


def batch_norm(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    size = arguments["num_features"] or shape.channels
    if size != shape.channels:
        return size_mismatch("num_features", size, shape.channels)
    if shape.steps == 1 and not arguments["track_running_stats"]:
        message = "a single step of a single window has no statistics; running ones are needed to use the model"
        return Misfit("window-too-short", "track_running_stats", message, "one step arrives")
    # without running statistics, torch normalises by those of the window that it sees, in use as in training
    time = EVERY_STEP if arguments["track_running_stats"] else WHOLE_WINDOW
    return Effect(shape, time, arguments["affine"] * 2 * size, {**arguments, "num_features": size})


def flatten(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    if shape.steps is None:
        return _fixed_length("Flatten")
    return Effect(Shape(1, shape.steps * shape.channels), WHOLE_WINDOW, 0, {}, fixed=True)


def time_series_linear(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    if shape.steps is None:
        return _fixed_length("TimeSeriesLinear")
    steps, width, causal = arguments["steps"], arguments["width"], arguments["causal"]
    if causal and steps > shape.steps:
        message = f"{steps} causal steps cannot be made from a window of {shape.steps}"
        return Misfit("window-too-short", "steps", message, f"more than the {shape.steps} that arrive")
    count = width * shape.channels * steps * shape.steps + arguments["bias"] * steps * width
    call = {**arguments, "in_steps": shape.steps, "in_channels": shape.channels}
    return Effect(Shape(steps, width), ALL_THE_PAST if causal else WHOLE_WINDOW, count, call, fixed=True)


def frequency_linear(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    if shape.steps is None:
        return _fixed_length("FrequencyLinear")
    steps, width = arguments["steps"], arguments["width"]
    count = 2 * (shape.steps // 2 + 1) * shape.channels * (steps // 2 + 1) * width
    call = {**arguments, "in_steps": shape.steps, "in_channels": shape.channels}
    return Effect(Shape(steps, width), WHOLE_WINDOW, count, call, fixed=True)


def delay_line(arguments: Arguments, shape: Shape) -> Effect:
    taps = arguments["taps"]
    return Effect(with_channels(shape, shape.channels * taps), (taps - 1, 0), 0, dict(arguments))


def last(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    if shape.steps is None:
        return _fixed_length("Last")
    if arguments["steps"] > shape.steps:
        message = f"the last {arguments['steps']} steps of a window of {shape.steps} do not exist"
        return Misfit("window-too-short", "steps", message, f"more than the {shape.steps} that arrive")
    return Effect(Shape(arguments["steps"], shape.channels), EVERY_STEP, 0, dict(arguments), fixed=True)


def self_attention(arguments: Arguments, shape: Shape) -> Effect | Misfit:
    channels, heads = shape.channels, arguments["heads"]
    if channels % heads:
        message = f"{heads} heads do not divide {channels} channels"
        return Misfit("size-mismatch", "heads", message, f"does not divide the {channels} channels that arrive")
    time = ALL_THE_PAST if arguments["causal"] else WHOLE_WINDOW
    count = 4 * channels * (channels + 1)
    return Effect(shape, time, count, {**arguments, "channels": channels})


def with_channels(shape: Shape, channels: int) -> Shape:
    return Shape(shape.steps, channels, shape.cut)


def size_mismatch(argument: str, written: int, arrives: int) -> Misfit:
    message = f"`{argument} = {written}` is written, {arrives} channels arrive"
    here = f"promises {written} channels, {arrives} arrive"
    help = f"write {arrives}, or leave the size out: the flow decides it"
    return Misfit("size-mismatch", argument, message, here, help, mend=str(arrives))


def _fixed_length(layer: str) -> Misfit:
    message = f"`{layer}` needs a fixed number of steps, the header's window is `[all]`"
    help = "give the window a length, such as `u[128]`, or use a layer that works at any length (Conv1d, GRU)"
    return Misfit("fixed-length", None, message, "works on one length of window only", help)
