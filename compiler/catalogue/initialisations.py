"""Where a training starts: initialisations of torch.nn.init by name, and linear starts."""

from __future__ import annotations

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.member import POSITIVE, Member, real, table, whole

NONLINEARITIES = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu")
GAIN = real("gain", 1.0, **POSITIVE)
FAN = (
    real("a", 0.0),
    Argument("mode", "string|word", "fan_in", choices=("fan_in", "fan_out")),
    Argument("nonlinearity", "string|word", "leaky_relu", choices=NONLINEARITIES),
)


def init(name: str, about: str, *arguments: Argument) -> Member:
    return Member(name, f"torch.nn.init.{name}_", arguments, about)


INITS = table(
    init("uniform", "uniform between a and b", real("a", 0.0), real("b", 1.0)),
    init("normal", "normal", real("mean", 0.0), real("std", 1.0, low=0)),
    init(
        "trunc_normal",
        "normal within a and b",
        real("mean", 0.0),
        real("std", 1.0, **POSITIVE),
        real("a", -2.0),
        real("b", 2.0),
    ),
    init("constant", "one value", real("val")),
    init("ones", "1"),
    init("zeros", "0"),
    init("eye", "the identity, for matrices"),
    init("orthogonal", "a random orthogonal matrix", GAIN),
    init("xavier_uniform", "Glorot, uniform", GAIN),
    init("xavier_normal", "Glorot, normal", GAIN),
    init("kaiming_uniform", "He, uniform", *FAN),
    init("kaiming_normal", "He, normal", *FAN),
    init("sparse", "mostly zeros, for matrices", real("sparsity", high=1, low=0), real("std", 0.01, **POSITIVE)),
)

LINEAR_STARTS = table(
    Member(
        "Subspace",
        "sysidc.runtime.solvers.Subspace",
        (whole("block", 20, low=2, high=1000, about="block rows of the Hankel matrices"),),
        "subspace estimate of a linear model, refined on its output error",
    ),
)
