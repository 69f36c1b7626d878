"""All sentences of the checker's diagnostics: one constructor per mistake of meaning, named after it.

The mistakes of form have theirs in sysidc.dsl.sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

from sysidc.compiler.dtypes import is_floating
from sysidc.compiler.meant import choices, meant, unknown
from sysidc.compiler.plan import TensorType
from sysidc.dsl.diagnostics import Diagnostic, Fix, Label, error, warning
from sysidc.dsl.source import Span


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _batch(shape: TensorType) -> str:
    """A tensor's shape as the user thinks of it: (batch, time, channels)."""
    length = str(shape.steps) if shape.steps is not None else "all" + (f" - {shape.cut}" if shape.cut else "")
    return f"(batch, {length}, {shape.channels})"


# --- files, sections, names --------------------------------------------------------------------------------------


def unknown_version(span: Span) -> Diagnostic:
    message = f"`{span.text}` is a version of the language that this program does not know"
    return error("unknown-version", message, span, "version 1 is the only one", help="write `sysid 1`")


def missing_section(kind: str, span: Span) -> Diagnostic:
    forms = {
        "signals": "signals { input u  output y }",
        "model": "model NAME: u[128] -> y[1] { ... }",
        "data": 'data { train = "a.csv" }',
        "train": "train simulation { }",
    }
    return error("missing-section", f"the file has no `{kind}` section", span, help=f"add `{forms[kind]}`")


def duplicate_section(kind: str, span: Span, first: Span) -> Diagnostic:
    label = Label(first, "the first one")
    return error("duplicate-section", f"`{kind}` occurs twice", span, "a second one", labels=(label,))


def section_in_library(kind: str, span: Span) -> Diagnostic:
    message = f"a file that is brought in by `use` holds a `{kind}` section"
    help = "a library has params, lets, blocks and dynamics only"
    return error("section-in-library", message, span, "not part of a library", help=help)


def unreadable_use(path: str, span: Span, reason: str) -> Diagnostic:
    help = "paths are relative to the file that names them"
    return error("unreadable-use", f"`{path}` cannot be used: {reason}", span, "named here", help=help)


def use_too_deep(path: str, span: Span, deepest: int) -> Diagnostic:
    message = f"`{path}` is used by a file that is used by a file, more than {deepest} of them"
    return error("too-deep", message, span, "too deep from here on")


def circular_use(path: str, span: Span) -> Diagnostic:
    help = "move what both need into a third file"
    return error("circular-use", f"`{path}` uses a file that uses it in turn", span, "closes the circle", help=help)


def duplicate_definition(name: str, span: Span, first: Span) -> Diagnostic:
    label = Label(first, "first defined here")
    return error("duplicate-definition", f"`{name}` is defined twice", span, "a second time", labels=(label,))


def reserved_name(name: str, span: Span) -> Diagnostic:
    return error(
        "reserved-name", f"`{name}` is a word of the language", span, "cannot be defined", help="choose another name"
    )


def shadowed_layer(name: str, span: Span) -> Diagnostic:
    return error(
        "reserved-name", f"`{name}` is the name of a layer", span, "cannot be defined", help="choose another name"
    )


def circular_definition(name: str, way: Sequence[str], span: Span) -> Diagnostic:
    note = ", which needs ".join(f"`{step}`" for step in way).replace(", which needs", " needs", 1)
    return error("circular-definition", f"`{name}` is defined by itself", span, "needs its own value", notes=(note,))


def definition_too_deep(name: str, span: Span, deepest: int) -> Diagnostic:
    message = f"`{name}` is the end of a chain of more than {deepest} definitions that need each other"
    return error("too-deep", message, span, "too deep from here on", help="define a value before those that need it")


def unused(kind: str, name: str, span: Span) -> Diagnostic:
    return warning("unused", f"the {kind} `{name}` is used nowhere", span, "never used", help="remove it")


def missing_mode(span: Span, modes: Sequence[str]) -> Diagnostic:
    help = " or ".join(f"`train {mode}`" for mode in modes)
    return error("missing-mode", "`train` names no training mode", span, "a mode is expected behind it", help=help)


# --- values ------------------------------------------------------------------------------------------------------


def unknown_value(name: str, span: Span, known: Sequence[str], wanted: str = "a number") -> Diagnostic:
    message = f"`{name}` is neither a param nor a let"
    return unknown("unknown-name", message, name, span, known, "" if known else f"{wanted} is expected")


def not_a_number(shown: str, span: Span, why: str) -> Diagnostic:
    return error("wrong-kind", f"{shown} is not a number: {why}", span, "a number is expected")


def mixed_units(span: Span, operator: str, left: str, right: str) -> Diagnostic:
    return error("mixed-units", f"{left} {operator} {right} has no meaning", span, "the units do not fit")


def division_by_zero(span: Span) -> Diagnostic:
    return error("division-by-zero", "this divides by zero", span, "the divisor is 0")


def number_too_large(span: Span) -> Diagnostic:
    return error("number-too-large", "this number is larger than a computer counts", span, "out of range")


def no_real_result(span: Span) -> Diagnostic:
    return error("no-real-result", "this has no real value", span, "not a real number")


def empty_range(span: Span, low: float, high: float) -> Diagnostic:
    return error("empty-range", f"the range begins at {low:g} and ends before, at {high:g}", span, "low .. high")


def index_outside_dynamics(span: Span) -> Diagnostic:
    return error("misplaced-index", "channels are picked inside `dynamics` only", span, "has no meaning here")


def bad_arrow(span: Span) -> Diagnostic:
    return error("cast-needs-dtypes", "an arrow joins two dtypes", span, "such as `int64 -> float32`")


def empty_domain(name: str, span: Span) -> Diagnostic:
    return error("empty-domain", f"the param `{name}` may have no value at all", span, "an empty list")


def log_domain(low: str, span: Span) -> Diagnostic:
    return error("log-domain", f"a logarithmic range cannot begin at {low}", span, "must begin above 0")


def nothing_to_search(span: Span) -> Diagnostic:
    message = "the sweep has nothing to search: no param has a domain"
    help = "give one, such as `param width = 32 in [16, 32, 64]`"
    return error("nothing-to-search", message, span, "searches the params' domains", help=help)


def grid_over_range(name: str, span: Span, sampler: Span | None) -> Diagnostic:
    labels = (Label(sampler, "tries every value"),) if sampler is not None else ()
    help = "list the values, or take `sampler = random`"
    message = f"a grid cannot try every value of `{name}`"
    return error("grid-over-range", message, span, "has no end", labels=labels, help=help)


# --- arguments and settings --------------------------------------------------------------------------------------


def unknown_argument(owner: str, name: str, span: Span, known: Sequence[str]) -> Diagnostic:
    message = f"`{owner}` has no argument `{name}`" + ("" if known else "; it takes none")
    return unknown("unknown-argument", message, name, span, known)


def argument_twice(owner: str, name: str, span: Span, first: Span) -> Diagnostic:
    label = Label(first, "first given here")
    return error("duplicate-argument", f"`{owner}` is given `{name}` twice", span, "a second time", labels=(label,))


def too_many_arguments(owner: str, most: int, span: Span, known: Sequence[str]) -> Diagnostic:
    message = f"`{owner}` takes {_count(most, 'argument')} at most" if most else f"`{owner}` takes no arguments"
    return error("too-many-arguments", message, span, "one too many", help=choices(known))


def missing_argument(owner: str, name: str, span: Span, about: str) -> Diagnostic:
    help = f"`{name}`: {about}" if about else None
    return error("missing-argument", f"`{owner}` needs `{name}`", span, f"`{name}` is missing", help=help)


def unknown_choice(owner: str, name: str, word: str, span: Span, choices: Sequence[str]) -> Diagnostic:
    message = f"`{word}` is none of the values of `{name}` of `{owner}`"
    return unknown("unknown-choice", message, word, _inside_quotes(span), choices)


def _inside_quotes(span: Span) -> Span:
    return Span(span.source, span.start + 1, span.end - 1) if span.text.startswith('"') else span


def wrong_kind(owner: str, name: str, shown: str, span: Span, wanted: str) -> Diagnostic:
    return error("wrong-kind", f"`{name}` of `{owner}` is {wanted}, not {shown}", span, f"{wanted} is expected")


def out_of_range(owner: str, name: str, shown: str, span: Span, allowed: str) -> Diagnostic:
    return error("out-of-range", f"`{name}` of `{owner}` is {allowed}, not {shown}", span, f"must be {allowed}")


def wrong_entries(owner: str, name: str, found: int, span: Span, entries: tuple[int, int | None]) -> Diagnostic:
    least, most = entries
    wanted = _count(least, "value") + ("" if least == most else " at least")
    message = f"`{name}` of `{owner}` is a list of {wanted}, not of {found}"
    return error("wrong-kind", message, span, f"{_count(found, 'value')}")


def conflict(message: str, span: Span, here: str, help: str) -> Diagnostic:
    """Settings or arguments that are sound each by itself."""
    return error("exclusive-settings", message, span, here, help=help)


def unknown_setting(section: str, key: str, span: Span, known: Sequence[str]) -> Diagnostic:
    return unknown("unknown-setting", f"`{section}` has no setting `{key}`", key, span, known)


def setting_twice(key: str, span: Span, first: Span) -> Diagnostic:
    label = Label(first, "first set here")
    return error("duplicate-setting", f"`{key}` is set twice", span, "a second time", labels=(label,))


def setting_of_other_mode(key: str, span: Span, mode: str, modes: Sequence[str]) -> Diagnostic:
    message = f"`{key}` means nothing in `{mode}` mode"
    return error("wrong-mode", message, span, f"a setting of `{'` and `'.join(modes)}`")


def missing_setting(section: str, name: str, span: Span, about: str) -> Diagnostic:
    return error("missing-setting", f"`{section}` needs `{name}`", span, help=f"`{name}`: {about}")


def unknown_member(family: str, name: str, span: Span, known: Sequence[str]) -> Diagnostic:
    return unknown(f"unknown-{family.replace(' ', '-')}", f"there is no {family} `{name}`", name, span, known)


def stage_outside_train(span: Span) -> Diagnostic:
    return error("misplaced-stage", "a stage is a part of a training", span, "belongs into `train`")


# --- signals and header ------------------------------------------------------------------------------------------


def unknown_dtype(name: str, span: Span, known: Sequence[str]) -> Diagnostic:
    return unknown("unknown-dtype", f"there is no dtype `{name}`", name, span, known)


def empty_column(span: Span) -> Diagnostic:
    return error("wrong-kind", "a column has a name, not an empty text", span, "an empty name")


def column_of_both(column: str, span: Span, first: Span) -> Diagnostic:
    label = Label(first, "and is read here")
    message = f"the column `{column}` goes in as an input and is the output to compute"
    return error("answer-in-window", message, span, "the model would see its answer", labels=(label,))


def sampling_twice(span: Span, first: Span) -> Diagnostic:
    label = Label(first, "and here")
    message = "the sampling is given twice, as a rate and as a time"
    return error("duplicate-setting", message, span, "once is enough", labels=(label,))


def unknown_signal(name: str, span: Span, known: Sequence[str]) -> Diagnostic:
    return unknown("unknown-signal", f"`{name}` is no signal of this file", name, span, known)


def input_as_output(name: str, span: Span, declared: Span) -> Diagnostic:
    label = Label(declared, "declared as an input")
    message = f"the input `{name}` cannot be what the model computes"
    return error("input-as-output", message, span, "outputs stand behind the arrow", labels=(label,))


def whole_output_on_left(name: str, span: Span) -> Diagnostic:
    message = f"`{name}[all]` on the left would tell the model its own answer"
    return error("answer-in-window", message, span, "how many steps are known?", help=f"write `{name}[50]`")


def unequal_outputs(span: Span, first: Span) -> Diagnostic:
    label = Label(first, "has another length")
    message = "the windows behind the arrow differ in length"
    return error("unequal-outputs", message, span, "all need the same length", labels=(label,))


def half_whole(span: Span, output: Span) -> Diagnostic:
    label = Label(output, "the output's window")
    message = "the windows of inputs and outputs are the whole record, or none of them is"
    help = "write `[all]` on both sides, or a number of steps on both"
    return error("half-whole-record", message, span, "does not fit the output", labels=(label,), help=help)


def nothing_whole(output: Span) -> Diagnostic:
    message = "no input on the left lasts as long as the record that is to be simulated"
    help = "give the model an input of `[all]`; a system without inputs is trained in prediction mode, or as equations"
    return error("half-whole-record", message, output, "follows no input", help=help)


def integer_output(name: str, dtype: str, span: Span, declared: Span) -> Diagnostic:
    label = Label(declared, f"declared as {dtype}")
    message = f"the output `{name}` is {dtype}; a network is trained towards real numbers"
    return error(
        "integer-output", message, span, "is computed by the model", labels=(label,), help="declare it as float32"
    )


def one_step_header(mode: str, span: Span) -> Diagnostic:
    help = "`horizon` says how many steps are trained" if mode == "prediction" else None
    return error("one-step-header", f"in `{mode}` mode the header promises one step", span, "must be [1]", help=help)


def not_predicted(name: str, span: Span, outputs: Span) -> Diagnostic:
    label = Label(outputs, f"`{name}` is not among them")
    message = f"the output `{name}` goes in but is not computed, so later steps would lack it"
    help = f"add `{name}` behind the arrow, or declare it as an input"
    return error("not-predicted", message, span, "known up to the first step only", labels=(label,), help=help)


def bounded_inputs(span: Span) -> Diagnostic:
    message = "in `bounded` mode exactly one input signal goes in"
    help = "the kernel regression sees a finite memory of one input"
    return error("bounded-inputs", message, span, "one input signal is needed", help=help)


def bounded_outputs(channels: int, span: Span) -> Diagnostic:
    message = f"in `bounded` mode the output has one channel, not {channels}"
    return error("bounded-outputs", message, span, f"{channels} channels")


# --- the stack ---------------------------------------------------------------------------------------------------


def empty_stack(span: Span) -> Diagnostic:
    return error("empty-stack", "the model has no layers", span, "an empty stack")


def no_parameters(span: Span) -> Diagnostic:
    return error(
        "no-parameters", "the model has nothing to learn", span, "no layer has parameters", help="add a `Linear`"
    )


def no_gradient(span: Span) -> Diagnostic:
    message = "the model has nothing to learn: its parameters are frozen, or come before a cast to integers"
    return error("no-parameters", message, span, "no parameter can move", help="leave one layer free to learn")


def unknown_layer(name: str, span: Span, known: Sequence[str]) -> Diagnostic:
    return unknown("unknown-layer", f"there is no layer or block `{name}`", name, span, known)


def broken_layer(name: str, package: str, reason: str, span: Span) -> Diagnostic:
    message = f"the package {package} offers the layer `{name}`, and it cannot be used"
    help = "mend or update the package; `sysidc layers` tells all that it offers"
    return error("broken-layer", message, span, "no layer to build", notes=(reason,), help=help)


def unknown_annotation(name: str, span: Span, known: Sequence[str]) -> Diagnostic:
    return unknown("unknown-annotation", f"there is no annotation `@{name}`", name, span, known)


def recursive_block(name: str, span: Span, declared: Span) -> Diagnostic:
    label = Label(declared, "declared here")
    return error("recursive-block", f"the block `{name}` uses itself", span, "a block within itself", labels=(label,))


def stack_too_deep(span: Span, deepest: int) -> Diagnostic:
    return error("too-deep", f"the stack nests deeper than {deepest} levels", span, "too deep from here on")


def too_large(layer: str, span: Span, what: str, found: int, most: int) -> Diagnostic:
    message = f"`{layer}` brings the {what} to {found:_}, more than the {most:_} that sysidc builds"
    return error("too-large", message, span, f"{found:_} {what}", help="check the sizes")


def too_many_layers(span: Span, most: int) -> Diagnostic:
    return error("too-many-layers", f"the stack has more than {most} layers", span, "one too many")


def taken_name(name: str, span: Span) -> Diagnostic:
    message = f"`{name}` cannot be the name of a layer: torch's containers use it themselves"
    return error("taken-name", message if name else "a layer's name cannot be empty", span, "choose another name")


def duplicate_label(name: str, span: Span, first: Span) -> Diagnostic:
    label = Label(first, "the first one")
    return error("duplicate-definition", f"two layers are named `{name}`", span, "a second one", labels=(label,))


def layer_misfit(
    id: str, layer: str, message: str, span: Span, here: str, help: str | None, arrives: str, fix: Fix | None
) -> Diagnostic:
    told = message if message.startswith(f"`{layer}`") else f"`{layer}`: {message}"
    return error(id, told, span, here, notes=(f"{arrives} arrives",), help=help, fix=fix)


def dtype_mismatch(layer: str, span: Span, arrives: str, wanted: str) -> Diagnostic:
    message = f"`{layer}` computes with {wanted}, {arrives} arrives"
    # a layer of integers is cast on its way in, and computes in the dtype of the parameters
    cast = f"{arrives} -> {wanted}" if is_floating(wanted) else f"{wanted} -> {arrives}"
    return error("dtype-mismatch", message, span, f"receives {arrives}", help=f"put `@cast({cast})` before it")


def no_such_dtype(layer: str, span: Span, arrives: str, dtypes: Sequence[str]) -> Diagnostic:
    message = f"`{layer}` computes with {' or '.join(dtypes)}, {arrives} arrives"
    help = "put a `@cast` around it, or choose another `precision`"
    return error("dtype-mismatch", message, span, f"receives {arrives}", help=help)


def cast_needs_arrow(span: Span) -> Diagnostic:
    message = "`@cast` takes two dtypes and an arrow between them"
    return error("cast-needs-dtypes", message, span, "such as `@cast(int64 -> float32)`")


def residual_shape(
    annotation: Span, tail: Span, arrives: TensorType, leaves: TensorType, fix: Fix | None
) -> Diagnostic:
    other_channels = leaves.channels != arrives.channels
    size, wanted = (leaves.channels, arrives.channels) if other_channels else (leaves.steps, arrives.steps)
    if other_channels:
        what = f"returns {_count(leaves.channels, 'channel')}, its input has {arrives.channels}"
    else:
        what = f"returns {leaves.steps} steps, its input has {arrives.steps}"
    stretched = f"; torch would stretch {size} to {wanted} silently" if size == 1 else ""
    return error(
        "residual-shape",
        f"the residual branch {what}",
        tail,
        f"the branch ends as {_batch(leaves)}",
        labels=(Label(annotation, f"is added to {_batch(arrives)}"),),
        notes=(f"a sum needs equal shapes{stretched}",),
        help="end the branch as it started",
        fix=fix,
    )


def residual_dtype(annotation: Span, tail: Span, arrives: TensorType, leaves: TensorType) -> Diagnostic:
    message = f"the residual branch returns {leaves.dtype}, its input is {arrives.dtype}"
    label = Label(annotation, f"is added to {arrives.dtype}")
    help = "cast before the residual, so that both sides are of one dtype"
    return error("residual-dtype", message, tail, f"ends as {leaves.dtype}", labels=(label,), help=help)


def rollout_shape(annotation: Span, tail: Span, wanted: TensorType, leaves: TensorType, fix: Fix | None) -> Diagnostic:
    returned, step = f"{_batch(leaves)} {leaves.dtype}", f"{_batch(wanted)} {wanted.dtype}"
    message = f"the one-step model returns {returned}, one step of the window is {step}"
    label = Label(annotation, f"adds it to the last step, {step}")
    help = "end with one step (`Flatten` or `Last`) and as many channels as go in"
    return error("rollout-shape", message, tail, f"ends as {_batch(leaves)}", labels=(label,), help=help, fix=fix)


def rollout_in_bounded(span: Span) -> Diagnostic:
    message = "`@autoregressive_residual` has nothing to feed back in `bounded` mode"
    return error("rollout-misplaced", message, span, "no output goes in")


def rollout_inside(span: Span) -> Diagnostic:
    message = "`@autoregressive_residual` stands at the top level of the model only"
    return error("rollout-misplaced", message, span, "inside another annotation or group")


def fixed_after_rollout(layer: str, span: Span, rollout: Span) -> Diagnostic:
    message = f"`{layer}` serves a fixed number of steps, and the roll-out before it has as many as the horizon"
    label = Label(rollout, "is rolled out")
    help = "put it inside the roll-out, before its last layer"
    return error("rollout-misplaced", message, span, "one length only", labels=(label,), help=help)


def rollout_twice(span: Span) -> Diagnostic:
    return error("rollout-misplaced", "a model rolls itself out once", span, "a second roll-out")


def rollout_signals(span: Span, header: Span) -> Diagnostic:
    message = "`@autoregressive_residual` feeds back all that goes in, so both sides of the header must be the same"
    label = Label(header, "left and right differ")
    help = "leave it out: prediction mode rolls out models with inputs by itself"
    return error("rollout-signals", message, span, "has no future inputs in its window", labels=(label,), help=help)


def rollout_horizon(steps: int, span: Span, setting: Span | None) -> Diagnostic:
    labels = (Label(setting, "sets another number of steps"),) if setting else ()
    message = f"`steps = {steps}` is fixed, but the training asks for other horizons"
    help = "leave `steps` out: it follows the horizon"
    return error("rollout-horizon", message, span, f"always {steps} steps", labels=labels, help=help)


def rollout_length(steps: int, promised: int, span: Span, header: Span) -> Diagnostic:
    label = Label(header, f"promises {_count(promised, 'step')}")
    message = f"`@autoregressive_residual` makes {_count(steps, 'step')}, the header promises {promised}"
    return error(
        "rollout-horizon", message, span, f"{_count(steps, 'step')}", labels=(label,), help="leave `steps` out"
    )


def carried_rollout(span: Span, rollout: Span) -> Diagnostic:
    label = Label(rollout, "starts anew on every window")
    message = "`state = carried` and `@autoregressive_residual` exclude each other"
    help = "leave one of them out: prediction mode rolls out without the annotation too"
    return error("carried-rollout", message, span, "a window is rolled out instead", labels=(label,), help=help)


def nothing_to_correct(span: Span, inside: Span, stateful: bool) -> Diagnostic:
    message = "`@correction` adds to state equations, and what it wraps has no state"
    if stateful:
        message = "`@correction` wraps layers with state and layers that act on each step alone, and no others"
    label = Label(inside, "is wrapped")
    help = "put it around a `LinearDynamics`, a `StateSpace` or another layer with state"
    return error("misplaced-correction", message, span, "has nothing to add to", labels=(label,), help=help)


def nested_correction(span: Span) -> Diagnostic:
    message = "a correction inside another one: both would learn the same"
    return error("misplaced-correction", message, span, "keep one of them")


def initial_without_outputs(word: str, span: Span) -> Diagnostic:
    message = f"`initial = {word}` reads the first measured outputs, and the header does not know them"
    help = "put every output on the left too, such as `y[50]`, or write `initial = zero` or `washout`"
    return error("initial-without-outputs", message, span, "no known outputs", help=help)


def no_chain_to_start(word: str, mode: str, span: Span) -> Diagnostic:
    if mode == "simulation":
        message = f"`initial = {word}` needs a stack of layers with state and layers that act on each step alone"
    else:
        message = f"`initial = {word}` belongs to `simulation` mode; in `{mode}` mode a state starts at zero"
    return error("initial-without-outputs", message, span, "every window starts at zero", help="leave it out")


def misplaced_setting(key: str, span: Span) -> Diagnostic:
    message = f"`{key}` belongs to the whole training and not to one of its stages"
    return error("misplaced-setting", message, span, "cannot change between stages", help="write it before the stages")


def unknown_child(name: str, span: Span, known: Sequence[str]) -> Diagnostic:
    message = f"the model has no layer named `{name}` at its top level"
    here = "" if known else "give a layer a name: `Linear(1) as readout`"
    return unknown("unknown-name", message, name, span, known, here)


def nothing_to_change(annotation: str, span: Span, tail: Span) -> Diagnostic:
    what = "parameters" if annotation == "freeze" else "weights of two axes"
    label = Label(tail, f"has no {what}")
    return warning(
        f"nothing-to-{annotation}", f"`@{annotation}` has no effect", span, f"acts on {what}", labels=(label,)
    )


def init_needs_name(span: Span) -> Diagnostic:
    message = "`@init` takes the name of an initialisation first"
    return error("init-needs-name", message, span, "such as `@init(xavier_uniform)`")


# --- the promise -------------------------------------------------------------------------------------------------


def header_shape(
    tail: Span, promise: Span, leaves: TensorType, promised: TensorType, window: int | None, fix: Fix | None
) -> Diagnostic:
    if leaves.channels != promised.channels:
        message = f"the stack ends with {_count(leaves.channels, 'channel')}, the header promises {promised.channels}"
        help: str | None = f"end with `Linear({promised.channels})`"
    else:
        steps = "all" if promised.steps is None else promised.steps
        message = f"the stack ends with {leaves.steps or 'all'} steps, the header promises {steps}"
        help = (
            f"keep all {window} steps of the window (the last {steps} are taken) or end with {steps}"
            if window
            else None
        )
    label = Label(promise, f"promises {_batch(promised)}")
    return error("header-shape", message, tail, f"ends as {_batch(leaves)}", labels=(label,), help=help, fix=fix)


def header_dtype(tail: Span, promise: Span, leaves: TensorType, promised: TensorType) -> Diagnostic:
    label = Label(promise, f"promises {promised.dtype}")
    message = f"the stack ends as {leaves.dtype}, the header promises {promised.dtype}"
    help = f"cast at the end: `@cast({leaves.dtype} -> {promised.dtype})` before the last layer"
    return error("header-dtype", message, tail, f"ends as {leaves.dtype}", labels=(label,), help=help)


def acausal(tail: Span, promise: Span, ahead: int | None) -> Diagnostic:
    steps = "all later steps of the record" if ahead is None else f"up to {_count(ahead, 'step')} after them"
    message = f"outputs depend on inputs that come later: {steps}"
    label = Label(promise, "these steps")
    help = "use causal layers (`causal = on`, `padding = causal`), or accept a model that cannot run step by step"
    return warning("acausal", message, tail, "sees later inputs", labels=(label,), help=help)


def short_window(span: Span, window: int, field: int) -> Diagnostic:
    message = f"the window has {_count(window, 'step')}, one output of the stack depends on {field}"
    note = f"the {_count(field - window, 'step')} before the window are zeros"
    help = f"lengthen the window to {field} steps, or look back less"
    return warning("short-window", message, span, _count(window, "step"), notes=(note,), help=help)


# --- data and training -------------------------------------------------------------------------------------------


def unknown_format(path: str, span: Span, endings: Sequence[str]) -> Diagnostic:
    message = f'"{path}" has an ending that sysidc does not read'
    return error("unknown-format", message, span, help=f"known: {', '.join(endings)}")


def generator_column(generator: str, column: str, span: Span, columns: Sequence[str], source: Span) -> Diagnostic:
    message = f"`{generator}` makes no column `{column}`"
    label = Label(source, f"makes {', '.join(columns)}")
    return error("unknown-column", message, span, "read from the generated data", labels=(label,))


def whole_split(name: str, span: Span) -> Diagnostic:
    return error("out-of-range", f"`{name}` leaves nothing to learn from", span, "must be below 100 %")


def nothing_left(name: str, span: Span, other: Span) -> Diagnostic:
    label = Label(other, "together with this")
    message = f"`{name}` leaves nothing to learn from"
    return error("out-of-range", message, span, "100 % or more together", labels=(label,))


def uncapped_horizon(span: Span, most: int) -> Diagnostic:
    message = f"the horizon grows beyond {most} steps; it needs a cap below the length of a record"
    return error("uncapped-horizon", message, span, "grows without end", help="set `max_length`")


def no_neighbours(span: Span) -> Diagnostic:
    message = "`bounded` mode needs one of `neighbours` and `radius`"
    return error("missing-setting", message, span, "neither is set", help="such as `neighbours = 64`")


def neighbours_and_radius(span: Span, other: Span) -> Diagnostic:
    label = Label(other, "and here")
    message = "`neighbours` and `radius` exclude each other"
    return error("exclusive-settings", message, span, "set here", labels=(label,), help="keep one of them")


# --- comments that allow -----------------------------------------------------------------------------------------


def allow_without_reason(id: str, span: Span) -> Diagnostic:
    message = f"`{id}` is allowed without a reason"
    return warning("allow-without-reason", message, span, "why?", help=f"write `# sysidc: allow {id} REASON`")


def unneeded_allow(id: str, span: Span, line: int) -> Diagnostic:
    message = f"there is no `{id}` on line {line} that could be allowed"
    return warning("unneeded-allow", message, span, "silences nothing", help="remove the comment")


def allow_of_error(id: str, span: Span, warnings: Sequence[str]) -> Diagnostic:
    message = f"`{id}` is an error, and only warnings can be allowed"
    return warning("allow-of-error", message, span, "silences nothing", help=choices(warnings))


def unknown_allow(id: str, span: Span, warnings: Sequence[str]) -> Diagnostic:
    message = f"there is no warning `{id}`" if id else "the comment does not say which warning is allowed"
    return meant("unknown-allow", message, id, span, warnings, "silences nothing", choices(warnings), warning)
