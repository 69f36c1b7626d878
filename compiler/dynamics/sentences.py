"""All sentences about equations: one constructor per mistake in a `dynamics` block, named after it."""

from __future__ import annotations

from collections.abc import Sequence

from sysidc.compiler.meant import meant
from sysidc.dsl.diagnostics import Diagnostic, Label, error
from sysidc.dsl.source import Span


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# --- names -------------------------------------------------------------------------------------------------------


def unknown_in_formula(name: str, block: str, span: Span, known: Sequence[str]) -> Diagnostic:
    message = f"`{name}` is no state, learned number, let, param or input that `{block}` knows"
    return meant("unknown-name", message, name, span, known, "not known here", f"known: {_listed(known)}")


def output_in_formula(name: str, block: str, span: Span) -> Diagnostic:
    message = f"`{name}` is what `{block}` computes, so its equations cannot read it"
    return error("unknown-name", message, span, "an output", help="write the states that it is made of")


def unknown_function(name: str, span: Span, known: Sequence[str]) -> Diagnostic:
    message = f"there is no function `{name}` in equations"
    return meant("unknown-function", message, name, span, known, "not known here", f"known: {_listed(known)}")


def left_hand_function(name: str, span: Span) -> Diagnostic:
    message = f"`{name}(...)` stands on the left of an equation only"
    help = "write the right-hand side out, or give it a name with `let`"
    return error("unknown-function", message, span, "no function of formulas", help=help)


def wrong_arity(name: str, found: int, wanted: str, span: Span) -> Diagnostic:
    given = f"{found} argument" + ("" if found == 1 else "s")
    return error("wrong-arity", f"`{name}` takes {wanted}, not {found}", span, given)


def named_argument(name: str, span: Span) -> Diagnostic:
    message = f"the arguments of `{name}` have no names"
    return error("wrong-arity", message, span, "a named argument", help="write the value alone")


def function_name(name: str, span: Span) -> Diagnostic:
    message = f"`{name}` is a function of equations"
    return error("reserved-name", message, span, "cannot be defined", help="choose another name")


def no_formula(shown: str, span: Span) -> Diagnostic:
    return error("wrong-kind", f"{shown} is no part of a formula", span, "a number is expected")


# --- channels ----------------------------------------------------------------------------------------------------


def whole_signal(name: str, channels: int, span: Span) -> Diagnostic:
    message = f"`{name}` has {channels} channels, and a formula works with one of them"
    return error("channel-index", message, span, "which one?", help=f"write `{name}[0]` .. `{name}[{channels - 1}]`")


def channel_out_of_range(name: str, channels: int, shown: str, span: Span, declared: Span | None) -> Diagnostic:
    most = "its channel is 0" if channels == 1 else f"its channels are 0 .. {channels - 1}"
    labels = (Label(declared, f"has {channels} channel" + ("" if channels == 1 else "s")),) if declared else ()
    return error("channel-index", f"`{name}` has no channel {shown}", span, most, labels=labels)


def index_of_number(name: str, kind: str, span: Span) -> Diagnostic:
    message = f"the {kind} `{name}` is one number and has no channels"
    return error("channel-index", message, span, "nothing to pick from", help=f"write `{name}`")


# --- equations ---------------------------------------------------------------------------------------------------


def no_states(block: str, span: Span) -> Diagnostic:
    help = "add `state x = 0` and its equation `der(x) = ...` or `next(x) = ...`"
    return error("missing-state", f"the equations `{block}` have no state", span, "nothing to move", help=help)


def state_without_equation(name: str, function: str, span: Span) -> Diagnostic:
    help = f"add `{function}({name}) = ...`"
    return error("missing-equation", f"the state `{name}` has no equation", span, "never moves", help=help)


def output_without_equation(shown: str, block: str, span: Span, declared: Span | None) -> Diagnostic:
    labels = (Label(declared, "promised here"),) if declared else ()
    message = f"`{block}` does not say what the output `{shown}` is"
    return error("missing-equation", message, span, "is used here", labels=labels, help=f"add `{shown} = ...` to it")


def equation_twice(shown: str, span: Span, first: Span) -> Diagnostic:
    label = Label(first, "the first one")
    return error("duplicate-equation", f"`{shown}` has two equations", span, "a second one", labels=(label,))


def wrong_target(name: str, kind: str, span: Span, declared: Span | None, help: str) -> Diagnostic:
    labels = (Label(declared, f"declared as {kind}"),) if declared else ()
    message = f"`{name}` is {kind}, which no equation sets"
    return error("wrong-target", message, span, "cannot stand on the left", labels=labels, help=help)


def unknown_target(name: str, what: str, span: Span, known: Sequence[str]) -> Diagnostic:
    help = f"known: {_listed(known)}" if known else f"there is no {what}"
    return meant("wrong-target", f"`{name}` is no {what} here", name, span, known, "not known here", help)


def unknown_side(name: str, span: Span) -> Diagnostic:
    message = f"`{name}(...)` cannot stand on the left of an equation"
    help = "`der(x) = ...` is a derivative in time, `next(x) = ...` the value one sample later"
    return meant("wrong-target", message, name, span, ("der", "next"), "not known here", help)


def mixed_time(name: str, span: Span, other: str, first: Span) -> Diagnostic:
    label = Label(first, f"`{other}` is used here")
    message = "`der` and `next` stand in one block"
    help = "a block is in continuous time (`der`) or moves from sample to sample (`next`)"
    return error("mixed-time", message, span, f"`{name}` here", labels=(label,), help=help)


def algebraic_loop(way: Sequence[str], span: Span) -> Diagnostic:
    note = ", which needs ".join(f"`{step}`" for step in way).replace(", which needs", " needs", 1)
    message = f"the let `{way[0]}` needs its own value"
    help = "break the loop with a state"
    return error("algebraic-loop", message, span, "closes a loop", notes=(note,), help=help)


# --- numbers -----------------------------------------------------------------------------------------------------


def start_outside_range(name: str, start: str, low: str, high: str, span: Span, range: Span) -> Diagnostic:
    label = Label(range, f"{low} .. {high}")
    message = f"`{name}` starts at {start}, outside its range"
    return error("start-outside-range", message, span, "the start value", labels=(label,))


def range_of_one(name: str, shown: str, span: Span) -> Diagnostic:
    message = f"the range of `{name}` holds the number {shown} alone, so there is nothing to learn"
    return error("empty-range", message, span, "low .. high", help=f"write `let {name} = {shown}`")


# --- the block as a layer ----------------------------------------------------------------------------------------


def missing_sampling_time(block: str, span: Span, equation: Span) -> Diagnostic:
    label = Label(equation, "a derivative in seconds")
    message = f"`{block}` is in continuous time, but the file does not say how long a step is"
    help = "add `sampling_time = 1 s` to `signals`"
    return error("missing-sampling-time", message, span, "needs a sampling time", labels=(label,), help=help)


def nothing_to_integrate(name: str, block: str, span: Span, equation: Span) -> Diagnostic:
    label = Label(equation, "moves from sample to sample")
    message = f"`{name}` means nothing for `{block}`, whose equations are in discrete time"
    return error("nothing-to-integrate", message, span, "no derivative here", labels=(label,), help="leave it out")


def dynamics_in_mode(block: str, mode: str, span: Span) -> Diagnostic:
    message = f"the equations `{block}` are simulated from their own state, which `train {mode}` has no use for"
    help = "write `train simulation`; known outputs on the left of the header start the state"
    return error("misplaced-dynamics", message, span, "runs in free simulation", help=help)


def dynamics_not_first(block: str, span: Span) -> Diagnostic:
    message = f"the equations `{block}` read the input signals, but something else arrives here"
    help = "let them be the first layer; write what comes before them as equations too"
    return error("misplaced-dynamics", message, span, "not the first layer", help=help)


def dynamics_in_wrapper(block: str, wrapper: str, span: Span) -> Diagnostic:
    message = f"the equations `{block}` cannot stand inside `@{wrapper}`"
    help = "`@correction`, `@cast`, `@freeze` and `@name` go around equations"
    return error("misplaced-dynamics", message, span, f"inside `@{wrapper}`", help=help)


def dynamics_outside_chain(block: str, span: Span) -> Diagnostic:
    message = f"known outputs reach the equations `{block}` as if they were inputs, because of the layers behind them"
    help = "behind equations keep to layers of single steps and layers with state, or leave the outputs on the left out"
    return error("misplaced-dynamics", message, span, "reads the input signals alone", help=help)
