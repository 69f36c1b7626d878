"""What changes from epoch to epoch, and what ends a training: learning rate, horizon, teacher forcing, stops."""

from __future__ import annotations

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.member import POSITIVE, Member, flag, real, table, whole

METRICS = ("train_loss", "val_loss", "val_rmse", "val_nrmse", "val_fit")
"""What a schedule or a stop may watch."""


def scheduler(name: str, about: str, *arguments: Argument, interval: str = "epoch", monitors: bool = False) -> Member:
    target = f"torch.optim.lr_scheduler.{name}"
    return Member(name, target, arguments, about, interval, monitors)


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

CALLBACKS = "sysidc.runtime.training."
CAP = Argument("max_length", "int|none", None, low=1, about="largest horizon")

AUTOREGRESSION = table(
    Member(
        "Step",
        CALLBACKS + "StepAutoRegressionLengthScheduler",
        (whole("step_size", low=1, about="epochs"), whole("gamma", 2, low=1, about="factor"), CAP),
        "horizon times gamma every step_size epochs",
    ),
    Member(
        "MultiStep",
        CALLBACKS + "MultiStepAutoRegressionLengthScheduler",
        (Argument("milestones", "ints", low=1, about="epochs"), whole("gamma", 2, low=1, about="factor"), CAP),
        "horizon times gamma at each milestone",
    ),
    Member(
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
    Member(
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
    Member(
        "Cyclic",
        CALLBACKS + "CyclicTeacherForcing",
        (whole("cycle_in_epochs", low=1, about="epochs between changes"),),
        "on and off in turn",
    ),
)

STOPS = table(
    Member(
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
