"""The Plan: one frozen, JSON-serialisable value that holds everything the runtime needs.

`show --json` prints it, `lower` builds from it, a run folder stores it. Values are str, int, float, bool, None, tuples
and the dataclasses of this file; a length of None means "the whole record".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sysidc.dsl.records import dataclass, field

PLAN_VERSION = 1


@dataclass(frozen=True)
class Place:
    """Where in the text a thing was written: lines and columns from 1."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class SignalPlan:
    """A measured signal: its role ("input" or "output"), the columns of its channels, torch dtype name, unit label."""

    name: str
    role: str
    columns: tuple[str, ...]
    dtype: str
    unit: str | None


@dataclass(frozen=True)
class WindowPlan:
    """`steps` samples of a signal, None for `all`."""

    signal: str
    steps: int | None


@dataclass(frozen=True)
class TensorType:
    """(batch, steps, channels) of a dtype. With `steps` None the length is that of the record less `cut` steps."""

    steps: int | None
    channels: int
    dtype: str
    cut: int = 0

    def __str__(self) -> str:
        length = str(self.steps) if self.steps is not None else "all" + (f"-{self.cut}" if self.cut else "")
        return f"({length}, {self.channels}) {self.dtype}"


@dataclass(frozen=True)
class CallPlan:
    """A named thing with resolved arguments: `target` is the dotted path of the class or function that is called.

    `arguments` holds keyword arguments under the target's own names. `name` is the word of the language.
    """

    name: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """One child of a stack.

    `target` is called with `arguments`; a wrapper gets the module made of `children` as its first argument (one child
    as it is, several as nn.Sequential). dtype arguments are names ("int64"). `look_back` and `look_ahead` tell which
    input steps an output step depends on, None meaning all of the window; `fixed` a node that serves the length it was
    built for and no other.
    """

    name: str
    layer: str
    target: str
    arguments: Mapping[str, Any]
    type_in: TensorType
    type_out: TensorType
    look_back: int | None
    look_ahead: int | None
    parameters: int
    place: Place
    children: tuple[Node, ...] = ()
    fixed: bool = False
    freeze: bool = False
    init: CallPlan | None = None


@dataclass(frozen=True)
class ChainPlan:
    """A stack that is one state-space model: the known outputs start its state and do not go into its first layer.

    `input_channels` and `known_channels` are channels of the header's tensor, the latter in the order of the header's
    right-hand side (empty where the header knows no outputs); the first `known` steps are known. `initial` is how the
    state at the start is found; a layer with state has its own word among its arguments.
    """

    input_channels: tuple[int, ...]
    known_channels: tuple[int, ...]
    known: int
    initial: str

    @property
    def inputs(self) -> int:
        return len(self.input_channels)

    @property
    def outputs(self) -> int:
        return len(self.known_channels)


@dataclass(frozen=True)
class ModelPlan:
    """The stack: `any_length` tells that each output step follows an input step at any length of the record.

    `type_in` is the header's tensor; with a `chain` the first node receives its input channels alone.
    """

    name: str
    inputs: tuple[WindowPlan, ...]
    outputs: tuple[WindowPlan, ...]
    nodes: tuple[Node, ...]
    type_in: TensorType
    type_out: TensorType
    dtype: str
    look_back: int | None
    look_ahead: int | None
    any_length: bool
    parameters: int
    chain: ChainPlan | None = None


@dataclass(frozen=True)
class SourcePlan:
    """Where records come from.

    kind "file": `path` (may be a glob, relative to the spec's folder) with options rows (first, end), separator, time,
    record. kind "generator": `name` with arguments. kind "benchmark": `name` of the data set.
    """

    kind: str
    path: str | None
    name: str | None
    options: Mapping[str, Any]
    place: Place


@dataclass(frozen=True)
class SplitPlan:
    """A part of the data: `share` of every record's end, its last `samples`, or `sources` of its own; None of the
    three: there is no such part."""

    share: float | None = None
    samples: int | None = None
    sources: tuple[SourcePlan, ...] = ()


@dataclass(frozen=True)
class DataPlan:
    folder: str
    train: tuple[SourcePlan, ...]
    validation: SplitPlan
    test: SplitPlan
    normalize: str
    missing: str


@dataclass(frozen=True)
class PredictionPlan:
    """`teacher_forcing` is a bool or a CallPlan (Cyclic); `validation_horizon` is always a number."""

    horizon: int
    validation_horizon: int
    teacher_forcing: bool | CallPlan
    autoregression: CallPlan | None
    state: str


@dataclass(frozen=True)
class BoundedPlan:
    """`noise` and `lipschitz` are numbers or "estimate"; exactly one of `neighbours` and `radius` is given."""

    kernel: CallPlan
    bandwidth: float
    lipschitz: float | str
    delta: float
    noise: float | str
    neighbours: int | None
    radius: float | None
    bound_during_training: bool
    bound_crossing_penalty: float
    max_reinit: int
    reinit_tolerance: float


@dataclass(frozen=True)
class StagePlan:
    """A stage of a training: the settings of `train`, those of the whole training included.

    It learns from the first `segments` samples of the training part (None: all of them). `starts` candidates enter it
    (later stages: those that the stage before kept), the best `keep` leave it. `correction` tells whether the
    corrections learn, `freeze` names children of the stack that stay as they are. Of the samples it takes every
    `decimate`-th, and equations step that far.
    """

    train: TrainPlan
    segments: int | None
    starts: int
    keep: int
    correction: bool
    freeze: tuple[str, ...]
    place: Place
    decimate: int = 1


@dataclass(frozen=True)
class SimulationPlan:
    """`init` is the linear start that was asked for; without it `linear_start` tells whether one is made where a layer
    has linear dynamics. `initial` is the setting of `train` (None: left out). There is always a stage. Of a model whose
    sizes are raced `written` names what the file itself says of the candidates; the rest is filled in by what the
    records show."""

    init: CallPlan | None
    linear_start: bool
    initial: str | None
    stages: tuple[StagePlan, ...]
    refit: bool
    ensemble: int
    written: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainPlan:
    """Settings of every mode, and those of the mode itself. `scheduler_interval` is "epoch" or "step"; `time_limit` is
    in seconds; `scheduler` and `stop` hold `monitor` where they need one. `chosen` says why the optimiser was chosen,
    where the file left it to the model. `stages` are those of prediction and bounded mode, none where one fit is all;
    a simulation has its own."""

    mode: str
    loss: CallPlan
    optimizer: CallPlan
    scheduler: CallPlan | None
    scheduler_interval: str
    scheduler_monitor: str | None
    epochs: int
    batch_size: int
    stop: CallPlan | None
    gradient_clip: float | None
    time_limit: float | None
    seed: int
    precision: str
    accelerator: str
    devices: int | str
    loggers: tuple[str, ...]
    prediction: PredictionPlan | None = None
    bounded: BoundedPlan | None = None
    simulation: SimulationPlan | None = None
    chosen: str | None = None
    strategy: str = "auto"
    num_nodes: int = 1
    stages: tuple[StagePlan, ...] = ()


@dataclass(frozen=True)
class TestPlan:
    initial_steps: int
    metrics: tuple[str, ...]
    horizons: tuple[int, ...]


@dataclass(frozen=True)
class DomainPlan:
    """What a sweep may give a param: one of `values`, or a number of low .. high, both ends included, drawn evenly in
    its logarithm where `log` and a whole one where `whole`. Values and `start`, which the file gives, are numbers or
    words of the language."""

    param: str
    start: int | float | str
    values: tuple[int | float | str, ...] | None
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    whole: bool = False

    @property
    def points(self) -> Sequence[int | float | str] | None:
        """All values, None for a range of real numbers."""
        if self.values is not None:
            return self.values
        if not self.whole:
            return None
        assert isinstance(self.low, int) and isinstance(self.high, int)
        return range(self.low, self.high + 1)


@dataclass(frozen=True)
class SweepPlan:
    """How the domains are searched; `metric` is that of the validation part, `time_limit` in seconds."""

    domains: tuple[DomainPlan, ...]
    trials: int
    metric: str
    sampler: str
    pruner: str | None
    seed: int
    time_limit: float | None
    jobs: int


@dataclass(frozen=True)
class Plan:
    """`sampling_time` is in seconds, None where the file gives none. `hash` covers all that the run depends on, and
    therefore not `sweep`, which is None where no param is left to search."""

    language: int
    sampling_time: float | None
    signals: tuple[SignalPlan, ...]
    model: ModelPlan
    data: DataPlan
    train: TrainPlan
    test: TestPlan
    hash: str = ""
    plan_version: int = PLAN_VERSION
    sweep: SweepPlan | None = None

    def signal(self, name: str) -> SignalPlan:
        return next(signal for signal in self.signals if signal.name == name)


def to_json(plan: Plan) -> dict[str, Any]:
    """The Plan as a tree of dicts, lists and plain values."""
    from dataclasses import asdict  # a check does without it

    tree: dict[str, Any] = _plain(asdict(plan))
    return tree


def from_json(tree: dict[str, Any]) -> Plan:
    """The Plan again, every value judged by pydantic. Raises pydantic.ValidationError where the tree is no Plan."""
    from pydantic import TypeAdapter

    return TypeAdapter(Plan).validate_python(tree)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
