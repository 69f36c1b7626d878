"""Losses, optimisers, learning-rate schedulers, kernels and callbacks by name: torch's own names and arguments."""

from __future__ import annotations

from typing import Any, TypeAlias

from sysidc.compiler.catalogue.arguments import REQUIRED, Argument
from sysidc.dsl.records import dataclass

Limits: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Callable:
    """One row: the word of the language, the dotted path that is called, its arguments, a description.

    `interval` tells a scheduler that steps with every batch ("step") from one that steps with every epoch;
    `monitors` one that needs a metric.
    """

    name: str
    target: str
    arguments: tuple[Argument, ...]
    about: str
    interval: str = "epoch"
    monitors: bool = False


def real(name: str, default: Any = REQUIRED, **limits: Any) -> Argument:
    return Argument(name, "float", default, **limits)


def whole(name: str, default: Any = REQUIRED, **limits: Any) -> Argument:
    return Argument(name, "int", default, **limits)


def flag(name: str, default: bool) -> Argument:
    return Argument(name, "bool", default)


def table(*rows: Callable) -> dict[str, Callable]:
    return {row.name: row for row in rows}


POSITIVE: Limits = {"low": 0, "open_low": True}
SHARE: Limits = {"low": 0, "high": 1, "open_high": True}
PAIR = (2, 2)

# --- losses ----------------------------------------------------------------------------------------------------

LOSSES = table(
    Callable("MSE", "torch.nn.MSELoss", (), "mean squared error"),
    Callable("L1", "torch.nn.L1Loss", (), "mean absolute error"),
    Callable("SmoothL1", "torch.nn.SmoothL1Loss", (real("beta", 1.0, low=0),), "squared below beta, absolute above"),
    Callable("Huber", "torch.nn.HuberLoss", (real("delta", 1.0, **POSITIVE),), "squared below delta, linear above"),
)

# --- optimisers ------------------------------------------------------------------------------------------------


def optimizer(name: str, about: str, lr: float, *arguments: Argument) -> Callable:
    rows = (real("lr", lr, **POSITIVE), *arguments)
    return Callable(name, f"torch.optim.{name}", rows, about)


def adam_family(name: str, about: str, lr: float, weight_decay: float, *more: Argument) -> Callable:
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
    Callable(
        "LevenbergMarquardt",
        "sysidc.runtime.solvers.LevenbergMarquardt",
        (real("damping", 1e-2, **POSITIVE),),
        "damped Gauss-Newton on the whole error, in float64",
    ),
)

METRICS = ("train_loss", "val_loss", "val_rmse", "val_nrmse", "val_fit")

# --- learning-rate schedulers ----------------------------------------------------------------------------------


def scheduler(name: str, about: str, *arguments: Argument, interval: str = "epoch", monitors: bool = False) -> Callable:
    target = f"torch.optim.lr_scheduler.{name}"
    return Callable(name, target, arguments, about, interval, monitors)


ANNEAL = Argument("anneal_strategy", "string|word", "cos", choices=("cos", "linear"))

SCHEDULERS = table(
    scheduler("StepLR", "lr times gamma every step_size epochs", whole("step_size", low=1), real("gamma", 0.1, low=0)),
    scheduler(
        "MultiStepLR",
        "lr times gamma at each milestone",
        Argument("milestones", "ints", low=1),
        real("gamma", 0.1, low=0),
    ),
    scheduler(
        "ConstantLR", "a smaller lr at first", real("factor", 1 / 3, low=0, high=1), whole("total_iters", 5, low=0)
    ),
    scheduler(
        "LinearLR",
        "lr from one factor to another",
        real("start_factor", 1 / 3, high=1, **POSITIVE),
        real("end_factor", 1.0, low=0, high=1),
        whole("total_iters", 5, low=1),
    ),
    scheduler("ExponentialLR", "lr times gamma every epoch", real("gamma", low=0)),
    scheduler("PolynomialLR", "lr down to 0 as a power", whole("total_iters", 5, low=1), real("power", 1.0, low=0)),
    scheduler("CosineAnnealingLR", "half a cosine down to eta_min", whole("T_max", low=1), real("eta_min", 0.0, low=0)),
    scheduler(
        "CosineAnnealingWarmRestarts",
        "cosines that start anew",
        whole("T_0", low=1),
        whole("T_mult", 1, low=1),
        real("eta_min", 0.0, low=0),
    ),
    scheduler(
        "CyclicLR",
        "lr up and down between two bounds, every batch",
        real("base_lr", **POSITIVE),
        real("max_lr", **POSITIVE),
        whole("step_size_up", 2000, low=1),
        Argument("step_size_down", "int|none", None, low=1),
        Argument("mode", "string|word", "triangular", choices=("triangular", "triangular2", "exp_range")),
        real("gamma", 1.0, low=0),
        flag("cycle_momentum", False),
        interval="step",
    ),
    scheduler(
        "OneCycleLR",
        "one rise and one fall over the whole training, every batch",
        real("max_lr", **POSITIVE),
        Argument("total_steps", "int|none", None, low=1, about="left out: epochs times batches"),
        real("pct_start", 0.3, low=0, high=1),
        ANNEAL,
        flag("cycle_momentum", True),
        real("base_momentum", 0.85, low=0),
        real("max_momentum", 0.95, low=0),
        real("div_factor", 25.0, **POSITIVE),
        real("final_div_factor", 1e4, **POSITIVE),
        flag("three_phase", False),
        interval="step",
    ),
    scheduler(
        "ReduceLROnPlateau",
        "lr times factor when a metric stops improving",
        Argument("mode", "string|word", "min", choices=("min", "max")),
        real("factor", 0.1, high=1, open_high=True, **POSITIVE),
        whole("patience", 10, low=0),
        real("threshold", 1e-4, low=0),
        Argument("threshold_mode", "string|word", "rel", choices=("rel", "abs")),
        whole("cooldown", 0, low=0),
        real("min_lr", 0.0, low=0),
        real("eps", 1e-8, low=0),
        Argument("monitor", "string|word", "val_loss", choices=METRICS),
        monitors=True,
    ),
)

# --- stops -----------------------------------------------------------------------------------------------------

STOPS = table(
    Callable(
        "EarlyStopping",
        "lightning.pytorch.callbacks.EarlyStopping",
        (
            whole("patience", 10, low=1, about="epochs without improvement before the end"),
            real("min_delta", 0.0, low=0, about="smallest change that counts"),
            Argument("monitor", "string|word", "val_loss", choices=METRICS, about="metric that is watched"),
        ),
        "ends the training when a metric stops improving",
        monitors=True,
    ),
)

# --- kernels ---------------------------------------------------------------------------------------------------


def kernel(name: str, formula: str) -> Callable:
    bandwidth = real("bandwidth", about="half-width of the kernel, in the units of the network's input", **POSITIVE)
    return Callable(name, f"sysidc.runtime.bounded.kernels.{name.lower()}", (bandwidth,), formula)


KERNELS = table(
    kernel("Box", "1/2 for |u| <= 1"),
    kernel("Epanechnikov", "3/4 (1 - u^2)"),
    kernel("Triangular", "1 - |u|"),
    kernel("Quartic", "15/16 (1 - u^2)^2"),
    kernel("Triweight", "35/32 (1 - u^2)^3"),
    kernel("Tricube", "70/81 (1 - |u|^3)^3"),
    kernel("Cosine", "pi/4 cos(pi u / 2)"),
)

# --- autoregression and teacher forcing ------------------------------------------------------------------------

CALLBACKS = "sysidc.runtime.training."
CAP = Argument("max_length", "int|none", None, low=1, about="largest horizon")

AUTOREGRESSION = table(
    Callable(
        "Step",
        CALLBACKS + "StepAutoRegressionLengthScheduler",
        (whole("step_size", low=1, about="epochs"), whole("gamma", 2, low=1, about="factor"), CAP),
        "horizon times gamma every step_size epochs",
    ),
    Callable(
        "MultiStep",
        CALLBACKS + "MultiStepAutoRegressionLengthScheduler",
        (Argument("milestones", "ints", low=1, about="epochs"), whole("gamma", 2, low=1, about="factor"), CAP),
        "horizon times gamma at each milestone",
    ),
    Callable(
        "OnPlateau",
        CALLBACKS + "IncreaseAutoRegressionLengthOnPlateau",
        (
            whole("patience", 3, low=1, about="epochs without improvement"),
            whole("factor", 2, low=1, about="factor of the horizon"),
            CAP,
            Argument("monitor", "string|word", "val_loss", choices=METRICS),
            real("threshold", 1e-4, low=0),
            Argument("threshold_mode", "string|word", "rel", choices=("rel", "abs")),
        ),
        "horizon times factor when a metric stops improving",
        monitors=True,
    ),
    Callable(
        "Combined",
        CALLBACKS + "CombinedAutoRegressionCallback",
        (
            Argument("cycles", "words", choices=("learning_rate", "teacher_forcing", "length")),
            whole("patience", 2, low=1),
            real("lr_factor", 0.1, high=1, **POSITIVE),
            whole("length_factor", 2, low=1),
            CAP,
            flag("reset_learning_rate", False),
            flag("reset_teacher_forcing", False),
            Argument("monitor", "string|word", "val_loss", choices=METRICS),
            real("threshold", 1e-4, low=0),
            Argument("threshold_mode", "string|word", "rel", choices=("rel", "abs")),
        ),
        "learning rate, teacher forcing and horizon change in turn on a plateau",
        monitors=True,
    ),
)

TEACHER_FORCING = table(
    Callable(
        "Cyclic",
        CALLBACKS + "CyclicTeacherForcing",
        (whole("cycle_in_epochs", low=1, about="epochs between changes"),),
        "on and off in turn",
    ),
)

# --- initialisations -------------------------------------------------------------------------------------------

NONLINEARITIES = ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu")
GAIN = real("gain", 1.0, **POSITIVE)
FAN = (
    real("a", 0.0),
    Argument("mode", "string|word", "fan_in", choices=("fan_in", "fan_out")),
    Argument("nonlinearity", "string|word", "leaky_relu", choices=NONLINEARITIES),
)


def init(name: str, about: str, *arguments: Argument) -> Callable:
    return Callable(name, f"torch.nn.init.{name}_", arguments, about)


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

# --- linear starts and curves ------------------------------------------------------------------------------------

LINEAR_STARTS = table(
    Callable(
        "Subspace",
        "sysidc.runtime.solvers.Subspace",
        (whole("block", 20, low=2, high=1000, about="block rows of the Hankel matrices"),),
        "subspace estimate of a linear model, refined on its output error",
    ),
)

CURVE = "sysidc.runtime.nn.Curve"

CURVES = table(
    Callable(
        "Spline",
        CURVE,
        (whole("knots", 24, low=4, high=10_000, about="coefficients"),),
        "cubic B-spline, linear in its parameters, straight outside of the data",
    ),
    Callable("Polynomial", CURVE, (whole("degree", 3, low=1, high=30, about="highest power"),), "polynomial"),
    Callable(
        "Network",
        CURVE,
        (Argument("hidden", "ints", (8,), low=1, about="widths"),),
        "tanh network of one number, beside a straight line",
    ),
)
