"""Optimisers by torch's own names and arguments, and the one of this house."""

from __future__ import annotations

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.member import PAIR, POSITIVE, SHARE, Member, flag, real, table, whole


def optimizer(name: str, about: str, lr: float, *arguments: Argument) -> Member:
    rows = (real("lr", lr, **POSITIVE), *arguments)
    return Member(name, f"torch.optim.{name}", rows, about)


def adam_family(name: str, about: str, lr: float, weight_decay: float, *more: Argument) -> Member:
    betas = Argument("betas", "floats", (0.9, 0.999), entries=PAIR, **SHARE)
    decay = real("weight_decay", weight_decay, low=0)
    return optimizer(name, about, lr, betas, real("eps", 1e-8, low=0), decay, *more)


DECAY = real("weight_decay", 0.0, low=0)

OPTIMIZERS = table(
    adam_family("Adam", "adaptive moments", 1e-3, 0.0, flag("amsgrad", False)),
    adam_family("AdamW", "Adam with decoupled weight decay", 1e-3, 1e-2, flag("amsgrad", False)),
    adam_family("Adamax", "Adam with the infinity norm", 2e-3, 0.0),
    adam_family("NAdam", "Adam with Nesterov momentum", 2e-3, 0.0, real("momentum_decay", 4e-3, low=0)),
    adam_family("RAdam", "Adam with a rectified variance", 1e-3, 0.0, flag("decoupled_weight_decay", False)),
    optimizer(
        "SGD",
        "stochastic gradient descent",
        1e-3,
        real("momentum", 0.0, low=0),
        real("dampening", 0.0, low=0),
        DECAY,
        flag("nesterov", False),
    ),
    optimizer(
        "RMSprop",
        "gradients scaled by their running root mean square",
        1e-2,
        real("alpha", 0.99, **SHARE),
        real("eps", 1e-8, low=0),
        DECAY,
        real("momentum", 0.0, low=0),
        flag("centered", False),
    ),
    optimizer(
        "Adagrad",
        "gradients scaled by the root of their summed squares",
        1e-2,
        real("lr_decay", 0.0, low=0),
        DECAY,
        real("initial_accumulator_value", 0.0, low=0),
        real("eps", 1e-10, low=0),
    ),
    optimizer("Adadelta", "Adagrad with a window", 1.0, real("rho", 0.9, **SHARE), real("eps", 1e-6, low=0), DECAY),
    optimizer("Adafactor", "Adam with factored second moments", 1e-2, DECAY),
    optimizer(
        "ASGD",
        "averaged stochastic gradient descent",
        1e-2,
        real("lambd", 1e-4, low=0),
        real("alpha", 0.75, low=0),
        real("t0", 1e6, low=0),
        DECAY,
    ),
    optimizer(
        "Rprop",
        "resilient backpropagation, for full batches",
        1e-2,
        Argument("etas", "floats", (0.5, 1.2), entries=PAIR, **POSITIVE),
        Argument("step_sizes", "floats", (1e-6, 50.0), entries=PAIR, **POSITIVE),
    ),
    optimizer(
        "LBFGS",
        "limited-memory quasi-Newton, several evaluations a step",
        1.0,
        whole("max_iter", 20, low=1),
        Argument("max_eval", "int|none", None, low=1),
        real("tolerance_grad", 1e-7, low=0),
        real("tolerance_change", 1e-9, low=0),
        whole("history_size", 100, low=1),
        Argument("line_search_fn", "string|word|none", None, choices=("strong_wolfe",)),
    ),
    Member(
        "LevenbergMarquardt",
        "sysidc.runtime.solvers.LevenbergMarquardt",
        (real("damping", 1e-2, **POSITIVE),),
        "damped Gauss-Newton on the whole error, in float64",
    ),
)
