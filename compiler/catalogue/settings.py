"""The settings of every section, with defaults under which a short spec trains well."""

from __future__ import annotations

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.functions import CURVES, KERNELS, LOSSES
from sysidc.compiler.catalogue.initialisations import LINEAR_STARTS
from sysidc.compiler.catalogue.layers import INITIAL
from sysidc.compiler.catalogue.member import Member
from sysidc.compiler.catalogue.optimizers import OPTIMIZERS
from sysidc.compiler.catalogue.schedules import AUTOREGRESSION, METRICS, SCHEDULERS, STOPS, TEACHER_FORCING
from sysidc.dsl.records import dataclass, replace

LONGEST_HORIZON = 100_000
MODES = ("simulation", "prediction", "bounded")
PRECISIONS = ("float64", "float32", "bfloat16", "float16")
MIXED_PRECISIONS = ("16-mixed", "bf16-mixed")
EVERY_PRECISION = (*PRECISIONS, *MIXED_PRECISIONS)
SCALES = ("standard", "minmax")
LOGGERS = ("csv", "tensorboard", "mlflow", "wandb")
STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")
SCORES = ("rmse", "nrmse", "r2", "fit", "mae")
DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")

FAMILIES: dict[str, dict[str, Member]] = {
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "scheduler": SCHEDULERS,
    "stop": STOPS,
    "kernel": KERNELS,
    "autoregression": AUTOREGRESSION,
    "teacher forcing": TEACHER_FORCING,
    "linear start": LINEAR_STARTS,
    "curve": CURVES,
}
"""What a setting of kind "call" may name."""


@dataclass(frozen=True)
class Setting:
    """`modes` are the training modes that know it."""

    argument: Argument
    modes: tuple[str, ...] = MODES

    @property
    def name(self) -> str:
        return self.argument.name


def named(*rows: Setting) -> dict[str, Setting]:
    return {row.name: row for row in rows}


def call(name: str, family: str, default: object, kinds: str = "call", about: str = "") -> Argument:
    return Argument(name, kinds, default, family=family, about=about)


def only(mode: str, *arguments: Argument) -> tuple[Setting, ...]:
    return tuple(Setting(argument, (mode,)) for argument in arguments)


SIGNALS = named(
    Setting(Argument("sampling_time", "time", None, low=1e-15, high=1e9, about="time from sample to sample")),
    Setting(Argument("sampling_rate", "rate", None, low=1e-9, high=1e15, about="samples per second")),
)

SPLIT = Argument("validation", "share|int|file|files", None, low=0, open_low=True)

DATA = named(
    Setting(Argument("train", "file|files", about="records to learn from")),
    Setting(replace(SPLIT, name="test", about="records that score the trained model, or the last part of `train`")),
    Setting(replace(SPLIT, about="the part that chooses the weights, from the end of every record")),
    Setting(Argument("normalize", "word|none", "standard", choices=SCALES, about="fitted on training data")),
    Setting(Argument("missing", "word", "error", choices=("error", "interpolate", "split"), about="what NaNs mean")),
)

CSV_OPTIONS = (
    Argument("path", "string", about="path, relative to the spec"),
    Argument("rows", "range", None, low=0, about="data rows from 0, end excluded"),
    Argument("separator", "string", ",", about="between columns"),
    Argument("time", "column", None, about="a column that is checked against the sampling time"),
    Argument("record", "column", None, about="a column whose changes separate records"),
)
FILE_OPTIONS = tuple(option for option in CSV_OPTIONS if option.name != "separator")
ENDINGS = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".npz": "npz",
    ".npy": "npy",
    ".mat": "mat",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
}
"""The ending of a file's name -> the reader that it stands for."""

FILE_READERS: dict[str, tuple[Argument, ...]] = {
    "csv": CSV_OPTIONS,
    "parquet": FILE_OPTIONS,
    "npz": FILE_OPTIONS,
    "npy": FILE_OPTIONS,
    "mat": FILE_OPTIONS,
    "hdf5": FILE_OPTIONS,
}
"""Calls that name a file and say more about it."""

BENCHMARK = (Argument("name", "string", about="a data set of the package nonlinear_benchmarks"),)

TRAIN_COMMON = (
    call("loss", "loss", "MSE", about="what is made small"),
    call("optimizer", "optimizer", None, about="how it is made small"),
    call("scheduler", "scheduler", None, "call|none", about="how the learning rate changes"),
    Argument("epochs", "int", None, low=1, about="passes over the training part"),
    Argument("batch_size", "int", 64, low=1, about="windows per optimiser step"),
    call("stop", "stop", None, "call|none", about="when to end early"),
    Argument("gradient_clip", "float|none", None, low=0, open_low=True, about="largest norm of the gradient"),
    Argument("time_limit", "time|none", None, low=0, open_low=True, high=1e8, about="longest training"),
    Argument("seed", "int", 0, low=0, high=2**32 - 1, about="of weights, data order and starts"),
    Argument("precision", "word|string|none", None, choices=EVERY_PRECISION, about="of every floating dtype"),
    Argument("accelerator", "word|string", "cpu", choices=("cpu", "cuda", "gpu", "mps", "tpu", "auto"), about="where"),
    Argument("devices", "int|word", 1, low=1, choices=("auto",), about="how many of them, on each node"),
    Argument("strategy", "word|string", "auto", choices=STRATEGIES, about="how several devices share one training"),
    Argument("num_nodes", "int", 1, low=1, about="machines that share one training"),
    Argument("loggers", "words|none", ("csv",), entries=(0, None), choices=LOGGERS, about="where metrics go"),
)

TRAIN_PREDICTION = (
    Argument("horizon", "int", None, low=1, high=LONGEST_HORIZON, about="steps unrolled on own predictions"),
    Argument(
        "validation_horizon",
        "int",
        None,
        low=1,
        high=LONGEST_HORIZON,
        about="horizon of val_loss, the same in every epoch",
    ),
    call("teacher_forcing", "teacher forcing", False, "bool|call", about="measured instead of predicted values"),
    call("autoregression", "autoregression", None, "call|none", about="how the horizon grows"),
    Argument("state", "word", "window", choices=("window", "carried"), about="of recurrent layers, from step to step"),
)

TRAIN_BOUNDED = (
    call("kernel", "kernel", None, about="weights of the kernel regression"),
    Argument("lipschitz", "float|word", "estimate", low=0, choices=("estimate",), about="largest slope of the system"),
    Argument(
        "delta", "float", 0.1, low=0, high=1, open_low=True, open_high=True, about="the band holds with 1 - delta"
    ),
    Argument("noise", "float|word", "estimate", low=0, choices=("estimate",), about="standard deviation"),
    Argument("neighbours", "int", None, low=1, about="samples that the regression sees"),
    Argument("radius", "float", None, low=0, open_low=True, about="distance within which it sees samples"),
    Argument("bound_during_training", "bool", False, about="hold predictions in the band while training"),
    Argument("bound_crossing_penalty", "float", 0.0, low=0, about="weight of leaving the band in the loss"),
    Argument("max_reinit", "int", 0, low=0, about="redraws of the initial weights"),
    Argument("reinit_tolerance", "float|share", 0.0, low=0, high=1, about="share that may lie outside the band"),
)

TRAIN_STAGES = (
    Argument("starts", "int", 1, low=1, high=10_000, about="candidates, raced in the first stage"),
    Argument("keep", "int", None, low=1, about="candidates that go on to the next stage"),
    Argument(
        "segments",
        "lengths|length",
        None,
        low=1,
        entries=(1, 100),
        about="first samples of the training part, stage by stage",
    ),
    Argument("freeze", "columns|none", (), entries=(0, None), about="layers that stay as they are, by name"),
)

TRAIN_SIMULATION = (
    call("init", "linear start", None, "call|none", about="linear model to start from"),
    Argument("refit", "bool", False, about="the last stage once more with all data"),
    Argument("ensemble", "int", 1, low=1, about="candidates that are refitted and averaged"),
    Argument("initial", "word", None, choices=INITIAL, about="how the state at the start of a record is found"),
    Argument("correction", "bool", None, about="train the corrections; off: they stay at zero"),
    Argument("decimate", "int", 1, low=1, high=10_000, about="learn from one sample in so many, with longer steps"),
)

WHOLE_TRAINING = (
    "seed",
    "precision",
    "accelerator",
    "devices",
    "strategy",
    "num_nodes",
    "loggers",
    "validation_horizon",
    "state",
    "kernel",
    "lipschitz",
    "delta",
    "noise",
    "neighbours",
    "radius",
    "max_reinit",
    "reinit_tolerance",
    "init",
    "refit",
    "ensemble",
    "initial",
)
"""Settings that a stage cannot have of its own: those of the machine, and those of the model that all stages train."""

TRAIN = named(
    *(Setting(argument) for argument in (*TRAIN_COMMON, *TRAIN_STAGES)),
    *only("prediction", *TRAIN_PREDICTION),
    *only("bounded", *TRAIN_BOUNDED),
    *only("simulation", *TRAIN_SIMULATION),
)

TEST = named(
    Setting(Argument("initial_steps", "int", 0, low=0, about="read at the start of a record, left out of the score")),
    Setting(Argument("metrics", "words", SCORES, choices=SCORES, about="columns of the score")),
    Setting(
        Argument("horizons", "ints", None, low=1, high=LONGEST_HORIZON, about="steps ahead that are scored"),
        ("prediction",),
    ),
)

SWEEP = named(
    Setting(Argument("trials", "int", 20, low=1, about="runs")),
    Setting(Argument("metric", "word", "rmse", choices=(*SCORES, *METRICS), about="what chooses")),
    Setting(Argument("sampler", "word", "TPE", choices=("TPE", "random", "grid"), about="how values are drawn")),
    Setting(Argument("pruner", "word|none", "hyperband", choices=("hyperband",), about="how weak trials end early")),
    Setting(Argument("seed", "int", 0, low=0, about="of the sampler")),
    Setting(Argument("time_limit", "time|none", None, low=0, open_low=True, about="longest sweep")),
    Setting(Argument("jobs", "int", 1, low=1, about="trials side by side")),
)
