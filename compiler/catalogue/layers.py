"""The layers of the language, one row each: arguments, shape, dtype, time, parameter count, torch class, description.

Each rule gets the bound arguments and the shape that arrives. Names and arguments of torch layers are torch's.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.entry import Layer, Numbers, Rule
from sysidc.compiler.catalogue.rules import (
    batch_norm,
    conv1d,
    delay_line,
    embedding,
    flatten,
    frequency_linear,
    identity,
    last,
    layer_norm,
    linear,
    per_step,
    prelu,
    self_attention,
    time_series_linear,
)
from sysidc.compiler.catalogue.state_rules import (
    curve,
    linear_dynamics,
    lru,
    polynomial_state_space,
    recurrent,
    state_space,
)

OWN = "sysidc.runtime.nn."
TORCH = "torch.nn."
STATE_ACTIVATIONS = ("Tanh", "GELU", "ReLU", "SiLU", "Sigmoid")
INITIAL = ("zero", "washout", "encoder", "estimate")

Options: TypeAlias = dict[str, Any]

COUNT: Options = {"kind": "int", "low": 1}
BIAS = Argument("bias", "bool", True, about="add a learned constant")
EPS = Argument("eps", "float", 1e-5, low=0, open_low=True, about="added to the variance")
STATES = Argument("states", "int", low=1, high=1000, about="length of the state vector")
INNOVATIONS = Argument("innovations", "bool", False, about="one-step errors correct the states while it learns")
OUTPUTS = Argument(
    "outputs",
    "int",
    None,
    low=1,
    about="channels that leave; left out: the header's at the end of the stack, else as many as arrive",
)
START = Argument(
    "initial",
    "word",
    None,
    choices=INITIAL,
    about="how the state at the start of a record is found; left out: by `train`",
)
AUTO: Options = {"kind": "int|word", "choices": ("auto",), "low": 1, "high": 1000}
HIDDEN: Options = {"kind": "ints|word", "choices": ("auto",), "low": 1, "entries": (0, None)}


def activation(name: str, about: str, *arguments: Argument, numbers: Numbers = "floating") -> Layer:
    return Layer(name, TORCH + name, arguments, per_step, numbers, about)


def number(name: str, default: float, about: str, **limits: Any) -> Argument:
    return Argument(name, "float", default, about=about, **limits)


def recurrent_layer(name: str, about: str, rule: Rule, *more: Argument) -> Layer:
    arguments = (
        Argument("input_size", "int", low=1, flow="channels", about="channels that arrive"),
        Argument("hidden_size", **COUNT, about="length of the hidden state, channels that leave"),
        Argument("num_layers", "int", 1, low=1, high=100, about="cells stacked on each other"),
        *more,
        BIAS,
        Argument("dropout", "float", 0.0, low=0, high=1, open_high=True, about="between stacked cells"),
        START,
    )
    return Layer(name, OWN + name, arguments, rule, "parameters", about, stateful=True)


def state_layer(name: str, about: str, rule: Rule, *arguments: Argument) -> Layer:
    """A layer with state equations of its own; torch factors its first matrices in these two dtypes alone."""
    dtypes = ("float32", "float64")
    return Layer(
        name, OWN + name, (*arguments, OUTPUTS, START), rule, "parameters", about, stateful=True, dtypes=dtypes
    )


ROWS: tuple[Layer, ...] = (
    Layer(
        "Linear",
        TORCH + "Linear",
        (
            Argument("in_features", "int", low=1, flow="channels", about="channels that arrive"),
            Argument("out_features", **COUNT, about="channels that leave"),
            BIAS,
        ),
        linear,
        "parameters",
        "an affine map of the channels, the same at every step",
    ),
    Layer(
        "Conv1d",
        OWN + "Conv1d",
        (
            Argument("in_channels", "int", low=1, flow="channels", about="channels that arrive"),
            Argument("out_channels", **COUNT, about="channels that leave"),
            Argument("kernel_size", **COUNT, about="taps of the filter"),
            Argument("dilation", "int", 1, low=1, about="steps between taps"),
            Argument("padding", "word|string", "causal", choices=("causal", "same", "none"), about="what is padded"),
            Argument("groups", "int", 1, low=1, about="groups of channels that do not mix"),
            BIAS,
        ),
        conv1d,
        "parameters",
        "a filter bank along time, causal by default",
    ),
    Layer(
        "Embedding",
        OWN + "Embedding",
        (
            Argument("num_embeddings", **COUNT, about="how many integers there are, from 0"),
            Argument("embedding_dim", **COUNT, aliases=("dim",), about="channels for each channel"),
        ),
        embedding,
        "integers",
        "a learned vector for every integer",
    ),
    recurrent_layer("GRU", "gated recurrent unit, every step returned", recurrent(3)),
    recurrent_layer("LSTM", "long short-term memory, every step returned", recurrent(4)),
    recurrent_layer(
        "RNN",
        "plain recurrent network, every step returned",
        recurrent(1),
        Argument("nonlinearity", "string|word", "tanh", choices=("tanh", "relu"), about="of the state"),
    ),
    Layer(
        "LayerNorm",
        TORCH + "LayerNorm",
        (
            Argument("normalized_shape", "int", low=1, flow="channels", about="channels that arrive"),
            EPS,
            Argument("elementwise_affine", "bool", True, about="learn a scale and an offset per channel"),
            BIAS,
        ),
        layer_norm,
        "parameters",
        "normalises the channels of each step",
    ),
    Layer(
        "BatchNorm1d",
        OWN + "BatchNorm1d",
        (
            Argument("num_features", "int", low=1, flow="channels", about="channels that arrive"),
            EPS,
            Argument("momentum", "float", 0.1, low=0, high=1, about="of the running statistics"),
            Argument("affine", "bool", True, about="learn a scale and an offset per channel"),
            Argument("track_running_stats", "bool", True, about="keep statistics for use after training"),
        ),
        batch_norm,
        "parameters",
        "normalises each channel over batch and time",
    ),
    Layer(
        "Dropout",
        TORCH + "Dropout",
        (Argument("p", "float", 0.5, low=0, high=1, about="share of values set to zero in training"),),
        per_step,
        "floating",
        "sets random values to zero in training",
    ),
    Layer("Flatten", OWN + "Flatten", (), flatten, "any", "all steps side by side: (batch, 1, time * channels)"),
    Layer("Identity", TORCH + "Identity", (), identity, "any", "what arrives"),
    activation("ReLU", "max(x, 0)"),
    activation("ReLU6", "min(max(x, 0), 6)"),
    activation("LeakyReLU", "x above 0, a little of it below", number("negative_slope", 0.01, "slope below 0")),
    activation("ELU", "x above 0, alpha (exp(x) - 1) below", number("alpha", 1.0, "depth below 0")),
    activation("CELU", "ELU with a continuous derivative", number("alpha", 1.0, "depth below 0", low=0, open_low=True)),
    activation("SELU", "self-normalising ELU"),
    activation(
        "GELU",
        "x Phi(x), Phi the normal distribution",
        Argument("approximate", "string|word", "none", choices=("none", "tanh"), about="exact or by tanh"),
    ),
    activation("SiLU", "x sigmoid(x)"),
    activation("Mish", "x tanh(softplus(x))"),
    activation("Tanh", "hyperbolic tangent"),
    activation("Sigmoid", "1 / (1 + exp(-x))"),
    activation("LogSigmoid", "log(sigmoid(x))"),
    activation("Softsign", "x / (1 + |x|)"),
    activation(
        "Softplus",
        "log(1 + exp(beta x)) / beta",
        number("beta", 1.0, "steepness", low=0, open_low=True),
        number("threshold", 20.0, "linear above this"),
    ),
    activation("Hardtanh", "x between two bounds", number("min_val", -1.0, "lower"), number("max_val", 1.0, "upper")),
    activation("Hardsigmoid", "piecewise linear sigmoid"),
    activation("Hardswish", "piecewise quadratic SiLU"),
    activation("Tanhshrink", "x - tanh(x)"),
    activation("Softshrink", "x moved towards 0 by lambd", number("lambd", 0.5, "threshold", low=0)),
    activation("Hardshrink", "x where |x| > lambd, else 0", number("lambd", 0.5, "threshold", low=0)),
    Layer(
        "PReLU",
        TORCH + "PReLU",
        (number("init", 0.25, "slope below 0 at the start"),),
        prelu,
        "parameters",
        "x above 0, a learned share of it below",
    ),
    Layer(
        "TimeSeriesLinear",
        OWN + "TimeSeriesLinear",
        (
            Argument("steps", **COUNT, about="steps that leave"),
            Argument("width", **COUNT, about="channels that leave"),
            Argument("causal", "bool", False, about="an output step sees no later input step"),
            BIAS,
        ),
        time_series_linear,
        "parameters",
        "one affine map that mixes time and channels",
    ),
    Layer(
        "DelayLine",
        OWN + "DelayLine",
        (Argument("taps", **COUNT, about="samples side by side, the newest first"),),
        delay_line,
        "any",
        "the last samples side by side as channels",
    ),
    Layer(
        "Last",
        OWN + "Last",
        (Argument("steps", "int", 1, low=1, about="steps that are kept"),),
        last,
        "any",
        "the last steps of the window",
    ),
    Layer(
        "Scale",
        OWN + "Scale",
        (Argument("factor", "float", about="multiplies"), Argument("offset", "float", 0.0, about="is added")),
        per_step,
        "floating",
        "factor * x + offset",
    ),
    Layer(
        "SelfAttention",
        OWN + "SelfAttention",
        (
            Argument("heads", **COUNT, about="heads; they divide the channels"),
            Argument("causal", "bool", False, about="a step attends to no later step"),
        ),
        self_attention,
        "parameters",
        "multi-head self-attention over the steps of the window",
    ),
    Layer(
        "FrequencyLinear",
        OWN + "FrequencyLinear",
        (
            Argument("steps", **COUNT, about="steps that leave"),
            Argument("width", **COUNT, about="channels that leave"),
        ),
        frequency_linear,
        "parameters",
        "a linear map of the window's spectrum",
        dtypes=("float32", "float64"),
    ),
    Layer(
        "BoundedLinearUnit",
        OWN + "BoundedLinearUnit",
        (Argument("low", "float", about="lower bound"), Argument("high", "float", about="upper bound")),
        per_step,
        "floating",
        "x between two bounds",
    ),
    Layer(
        "Clip",
        OWN + "Clip",
        (Argument("low", "float", about="lower bound"), Argument("high", "float", about="upper bound")),
        per_step,
        "floating",
        "x between two bounds, such as a sensor's range",
    ),
    state_layer(
        "LinearDynamics",
        "x[k+1] = A x[k] + B u[k], y[k] = C x[k] + D u[k]",
        linear_dynamics,
        STATES,
    ),
    state_layer(
        "StateSpace",
        "x[k+1] = A x[k] + B u[k] + f(x[k], u[k]), y[k] = C x[k] + D u[k] + h(x[k], u[k])",
        state_space,
        Argument("states", default="auto", **AUTO, about="length of the state vector"),
        Argument("hidden", default="auto", **HIDDEN, about="widths of the state equation's network"),
        Argument("output_hidden", default="auto", **HIDDEN, about="widths of the output's network"),
        Argument("activation", "word", "Tanh", choices=STATE_ACTIVATIONS, about="of both"),
        INNOVATIONS,
        Argument("integrators", "int", 0, low=0, about="so many first states add up, and no network sees them"),
    ),
    state_layer(
        "PolynomialStateSpace",
        "a state space with polynomials of states and inputs",
        polynomial_state_space,
        STATES,
        Argument("degree", "int", low=2, high=10, about="highest degree of the monomials"),
        INNOVATIONS,
    ),
    state_layer("LRU", "linear recurrent unit: diagonal complex recurrence", lru, STATES),
    Layer(
        "Curve",
        OWN + "Curve",
        (Argument("shape", "call", family="curve", about="Spline(knots), Polynomial(degree) or Network(hidden)"),),
        curve,
        "parameters",
        "a static curve for each channel",
    ),
)

LAYERS: dict[str, Layer] = {row.name: row for row in ROWS}

SYSTEMS = ("LinearDynamics", "StateSpace", "PolynomialStateSpace")
"""Layers that are models of a system by themselves: one of them makes a stack a chain."""

PER_STEP = frozenset(
    row.name
    for row in ROWS
    if row.rule in (per_step, identity, linear, layer_norm, prelu, curve) and row.name != "Dropout"
)
"""Layers that map each step by itself, the same in training and in use: what may stand in a chain besides states."""
