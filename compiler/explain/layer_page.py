"""The page of a layer, made from its row in the catalogue: arguments, shape, time, dtype, torch class, an example."""

from __future__ import annotations

from sysidc.compiler.binding import bind
from sysidc.compiler.catalogue.entry import ALL_THE_PAST, EVERY_STEP, WHOLE_WINDOW, Effect, Layer, Shape
from sysidc.compiler.catalogue.installed import effect, package_of
from sysidc.compiler.explain.argument_table import argument_table, code
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.settings import with_calls
from sysidc.compiler.scope import Scope
from sysidc.dsl import syntax
from sysidc.dsl.parser import parse_expression
from sysidc.dsl.source import Source

ARRIVES = Shape(16, 4)
"""What reaches the layer of every example: (batch, 16, 4)."""

EXAMPLES = {
    "Linear": "Linear(20)",
    "Conv1d": "Conv1d(8, 3, dilation = 2)",
    "Embedding": "Embedding(10, 4)",
    "GRU": "GRU(16)",
    "LSTM": "LSTM(16)",
    "RNN": "RNN(16)",
    "Dropout": "Dropout(0.1)",
    "TimeSeriesLinear": "TimeSeriesLinear(8, 2)",
    "DelayLine": "DelayLine(5)",
    "Last": "Last(2)",
    "Scale": "Scale(0.1, offset = 2)",
    "SelfAttention": "SelfAttention(2, causal = on)",
    "FrequencyLinear": "FrequencyLinear(8, 2)",
    "BoundedLinearUnit": "BoundedLinearUnit(-1, 1)",
    "Clip": "Clip(0, 10)",
    "LinearDynamics": "LinearDynamics(3)",
    "StateSpace": "StateSpace(4, hidden = [16])",
    "PolynomialStateSpace": "PolynomialStateSpace(2, degree = 3)",
    "LRU": "LRU(16)",
    "Curve": "Curve(Spline(knots = 24))",
}
"""How a layer is written; one without needed arguments is written by its name."""

SAME = "(batch, time, channels) stays as it is"
SHAPES = {
    "Linear": "(batch, time, in_features) becomes (batch, time, out_features)",
    "Conv1d": "(batch, time, in_channels) becomes (batch, time, out_channels); with `padding = none` the first "
    "dilation * (kernel_size - 1) steps fall away",
    "Embedding": "(batch, time, channels) of integers becomes (batch, time, channels * embedding_dim)",
    "GRU": "(batch, time, input_size) becomes (batch, time, hidden_size)",
    "LSTM": "(batch, time, input_size) becomes (batch, time, hidden_size)",
    "RNN": "(batch, time, input_size) becomes (batch, time, hidden_size)",
    "Flatten": "(batch, time, channels) becomes (batch, 1, time * channels)",
    "TimeSeriesLinear": "(batch, time, channels) becomes (batch, steps, width)",
    "FrequencyLinear": "(batch, time, channels) becomes (batch, steps, width)",
    "DelayLine": "(batch, time, channels) becomes (batch, time, taps * channels), zeros before the window",
    "Last": "(batch, time, channels) becomes (batch, steps, channels)",
    **dict.fromkeys(
        ("LinearDynamics", "StateSpace", "PolynomialStateSpace", "LRU"),
        "(batch, time, channels) becomes (batch, time, outputs); left out, `outputs` is what the header promises where "
        "nothing behind the layer changes it, and as many as arrive anywhere else",
    ),
}

EQUATIONS = {
    "LinearDynamics": """```
x[k+1] = A x[k] + B u[k]
y[k]   = C x[k] + D u[k]
```

A stable start is drawn, or made by a linear start (`init`). Source: Ljung, System Identification, 2nd ed. (1999).""",
    "StateSpace": """```
x[k+1] = A x[k] + B u[k] + b_x + f(x[k], u[k])
y[k]   = C x[k] + D u[k] + b_y + h(x[k], u[k])
```

f and h are networks with the widths `hidden` and `output_hidden`, an empty list meaning none; both start at zero, so
the layer starts as linear dynamics. With `innovations` the error e[k] = y[k] - y^[k] corrects the state, and the state
equation sees x[k] + K e[k]: it is trained one step ahead and simulated with e = 0. The first `integrators` states,
which a linear start makes those that add up the others, are kept out of f and h. What is `auto` (left out, or written)
is raced in the training; it counts as 3 states and `hidden = [8]` until then.""",
    "PolynomialStateSpace": """```
x[k+1] = A x[k] + B u[k] + b_x + E m(x[k], u[k])
y[k]   = C x[k] + D u[k] + b_y
```

m holds every monomial of degree 2 to `degree` in states and inputs together; E starts at zero. `innovations` as in
`StateSpace`. Source: Paduart et al., Automatica 46 (2010).""",
    "LRU": """```
z[k+1] = l z[k] + sqrt(1 - |l|^2) B u[k]
y[k]   = Re(C z[k+1]) + D u[k]
```

z is complex of length `states`, l = exp(-exp(nu) + i exp(theta)) lies inside the unit circle; the layer's states are
the real and imaginary parts. In a chain, alone or with a `Linear` behind it, it starts as a linear model (`init`).
Source: Orvieto et al. (2023).""",
    "Curve": """`Spline(knots = 24)` is a cubic B-spline, linear in its parameters and straight outside of the data;
`Polynomial(degree = 3)` has `degree + 1` coefficients; `Network(hidden = [8])` is a tanh network of one number beside a
straight line. Each channel has a curve of its own, which starts as the identity.""",
}
"""What a layer computes, where its one line is not enough."""

NUMBERS = {
    "parameters": "computes in the dtype of the parameters, which has to arrive",
    "floating": "takes any floating dtype and keeps it",
    "any": "moves values only: any dtype, which stays",
    "integers": "takes integers and returns the dtype of the parameters",
}


def layer_page(layer: Layer) -> str:
    found = effect_of(layer)
    package = package_of(layer.name)
    facts = [f"Shape: {shape_words(layer)}."] if package is None else [f"Package: {package}."]
    if found is not None:
        facts.append(f"Time: {time_words(found.time)}.")
        facts.append(f"Length: {'built for one length of window' if found.fixed else 'works at any length'}.")
    facts.append(f"Dtype: {NUMBERS[layer.numbers]}.")
    facts.append(f"Builds: {code(layer.target)}.")
    parts = [f"# {layer.name}", f"A layer: {layer.about}.", f"    {example(layer)}"]
    parts += [] if found is None else [_outcome(found)]
    parts += [EQUATIONS[layer.name]] if layer.name in EQUATIONS else []
    parts += [argument_table(layer.arguments), "\n".join(f"- {fact}" for fact in facts)]
    return "\n\n".join(parts) + "\n"


def example(layer: Layer) -> str:
    """The layer as a user writes it."""
    return EXAMPLES.get(layer.name, layer.example or layer.name)


def effect_of(layer: Layer) -> Effect | None:
    """What the example makes of ARRIVES; None where an installed layer's does not fit there."""
    findings = Findings()
    expression, _ = parse_expression(Source(layer.name, example(layer)))
    if expression is None:
        return None
    given = expression.arguments if isinstance(expression, syntax.Call) else ()
    bound = bind(layer.name, expression.span, given, layer.arguments, Scope(findings), findings)
    bound = with_calls(bound, layer.arguments, findings)
    found = effect(layer, bound.values, ARRIVES) if bound.sound else None
    return found if isinstance(found, Effect) else None


def shape_words(layer: Layer) -> str:
    return SHAPES.get(layer.name, SAME)


def time_words(time: tuple[int | None, int | None]) -> str:
    """A dependency interval: "an output step depends on its own input step and 4 before it"."""
    match time:
        case _ if time == EVERY_STEP:
            return "an output step depends on its own input step alone"
        case _ if time == WHOLE_WINDOW:
            return "an output step depends on the whole window"
        case _ if time == ALL_THE_PAST:
            return "an output step depends on its own input step and all before it"
        case (back, 0):
            return f"an output step depends on its own input step and {back} before it, in the example"
        case (back, ahead):
            return f"an output step depends on its own input step, {back} before it and {ahead} after it"


def _outcome(effect: Effect) -> str:
    arrives, leaves = ARRIVES, effect.shape
    count = f"{effect.parameters} parameter{'' if effect.parameters == 1 else 's'}"
    return (
        f"makes (batch, {leaves.steps}, {leaves.channels}) of (batch, {arrives.steps}, {arrives.channels}), "
        f"with {count}."
    )
