"""The train and test sections: settings of every mode, those of the mode itself, and the rules among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.schedules import SCHEDULERS
from sysidc.compiler.catalogue.settings import LONGEST_HORIZON, MIXED_PRECISIONS, MODES, TEST, TRAIN
from sysidc.compiler.dtypes import FLOATING
from sysidc.compiler.findings import Findings
from sysidc.compiler.horizons import largest_length
from sysidc.compiler.passes.conflicts import check_conflicts
from sysidc.compiler.passes.optimizer import Choice, default_call, default_epochs, written_second_order
from sysidc.compiler.passes.settings import Settings, read_settings
from sysidc.compiler.passes.stages import Stage, check_shared, drafts_of, read_stages, simulation_plan, stage_plans
from sysidc.compiler.plan import BoundedPlan, CallPlan, Node, PredictionPlan, StagePlan, TestPlan, TrainPlan
from sysidc.compiler.program import Program
from sysidc.dsl import syntax
from sysidc.dsl.records import dataclass, replace
from sysidc.dsl.source import Span


@dataclass(frozen=True)
class Training:
    """The train section as it was read: its mode, settings and stages.

    `double` tells that the optimiser which the model got needs float64.
    """

    mode: str
    settings: Settings
    keyword: Span
    items: tuple[syntax.Setting, ...] = ()
    stages: tuple[Stage, ...] = ()
    double: bool = False

    @property
    def precision(self) -> str | None:
        """The dtype that replaces every floating dtype of the file; None where none does."""
        precision = self.settings.values["precision"]
        if precision in FLOATING:
            return precision  # type: ignore[no-any-return]
        written = (self.settings.values["optimizer"], *(stage.settings.values["optimizer"] for stage in self.stages))
        return "float64" if self.double or written_second_order(written) else None

    @property
    def written(self) -> set[str]:
        """Names of the settings that `train` or one of its stages writes."""
        return {*self.settings.spans, *(name for stage in self.stages for name in stage.settings.spans)}

    @property
    def initial(self) -> str | None:
        return self.settings.values["initial"] if self.mode == "simulation" else None

    @property
    def horizon(self) -> int | None:
        return self.settings.values["horizon"] if self.mode == "prediction" else None


def read_training(program: Program, findings: Findings) -> Training | None:
    section = program.sections.get("train")
    if not isinstance(section, syntax.Section):
        return None
    mode = _mode(section, findings)
    items = tuple(item for item in section.items if isinstance(item, syntax.Setting))
    settings = read_settings("train", items, TRAIN, program.scope, findings, mode)
    if mode is None:
        return None
    stages = read_stages(section, mode, program.scope, findings)
    return Training(mode, settings, section.keyword, items, stages)


def _mode(section: syntax.Section, findings: Findings) -> str | None:
    if section.mode is None:
        findings.add(sentences.missing_mode(section.keyword, MODES))
        return None
    if section.mode.text not in MODES:
        findings.add(sentences.unknown_member("training mode", section.mode.text, section.mode.span, MODES))
        return None
    return section.mode.text


def train_plan(
    training: Training,
    dtype: str,
    rollout: tuple[int, Span] | None,
    choice: Choice | None,
    nodes: tuple[Node, ...],
    findings: Findings,
) -> TrainPlan:
    """The settings as a plan, judged together; `dtype` is that of the parameters, `rollout` the steps written at
    @autoregressive_residual (0: none) with their place, `choice` the optimiser where none is written."""
    settings = training.settings

    def plan_of(values: Mapping[str, Any], spans: Mapping[str, Span], told: Findings = findings) -> TrainPlan:
        plan = _settings_plan(values, training.mode, dtype, choice, nodes)
        if training.mode == "prediction":
            plan = replace(plan, prediction=_prediction(values, spans, training.keyword, plan.epochs, rollout, told))
        if training.mode == "bounded":
            plan = replace(plan, bounded=_bounded(training, values, told))
        check_conflicts(plan, nodes, spans, told)
        return plan

    drafts = drafts_of(settings, training.items, training.keyword, training.stages, findings)
    check_shared(settings, drafts, nodes, findings)
    # what a stage inherits is judged in the stage
    plan = plan_of(settings.values, settings.spans, Findings() if training.stages else findings)
    if training.mode == "simulation":
        return replace(plan, simulation=simulation_plan(settings, drafts, plan_of, nodes, findings))
    if len(drafts) == 1 and not drafts[0].says_more:
        return plan
    return _with_stages(plan, stage_plans(settings, drafts, plan_of, nodes, findings))


def _with_stages(plan: TrainPlan, stages: tuple[StagePlan, ...]) -> TrainPlan:
    """Every stage validates at the same horizon, so that their losses can be compared; weights are drawn once."""
    if plan.prediction is not None:
        horizon = max(stage.train.prediction.validation_horizon for stage in stages if stage.train.prediction)
        plan, *trains = (
            replace(train, prediction=replace(train.prediction, validation_horizon=horizon))
            for train in (plan, *(stage.train for stage in stages))
            if train.prediction
        )
    else:
        trains = [
            replace(stage.train, bounded=replace(stage.train.bounded, max_reinit=0))
            if index and stage.train.bounded
            else stage.train
            for index, stage in enumerate(stages)
        ]
    stages = tuple(replace(stage, train=train) for stage, train in zip(stages, trains, strict=True))
    return replace(plan, stages=stages)


def _settings_plan(
    values: Mapping[str, Any], mode: str, dtype: str, choice: Choice | None, nodes: tuple[Node, ...]
) -> TrainPlan:
    """The settings that every mode has."""
    scheduler = _scheduler(values["scheduler"])
    optimizer = values["optimizer"] or (choice.optimizer if choice else default_call("AdamW"))
    return TrainPlan(
        mode,
        values["loss"],
        optimizer,
        scheduler[0],
        scheduler[1],
        scheduler[2],
        values["epochs"] or default_epochs(optimizer, nodes),
        values["batch_size"],
        values["stop"],
        values["gradient_clip"],
        values["time_limit"],
        values["seed"],
        values["precision"] if values["precision"] in MIXED_PRECISIONS else dtype,
        values["accelerator"],
        values["devices"],
        tuple(values["loggers"] or ()),
        chosen=None if values["optimizer"] or choice is None else choice.reason,
        strategy=values["strategy"],
        num_nodes=values["num_nodes"],
    )


def _scheduler(call: CallPlan | None) -> tuple[CallPlan | None, str, str | None]:
    """The scheduler without the argument that is not torch's, its interval and the metric that it watches."""
    if call is None:
        return None, "epoch", None
    arguments = dict(call.arguments)
    monitor = arguments.pop("monitor", None)
    return CallPlan(call.name, call.target, arguments), SCHEDULERS[call.name].interval, monitor


# --- prediction ------------------------------------------------------------------------------------------------


def _prediction(
    values: Mapping[str, Any],
    spans: Mapping[str, Span],
    keyword: Span,
    epochs: int,
    rollout: tuple[int, Span] | None,
    findings: Findings,
) -> PredictionPlan:
    horizon = values["horizon"] or (rollout[0] if rollout and rollout[0] else 1)
    autoregression = values["autoregression"]
    if rollout and rollout[0] and (autoregression or rollout[0] != horizon):
        setting = spans.get("autoregression") or spans.get("horizon")
        findings.add(sentences.rollout_horizon(rollout[0], rollout[1], setting))
    largest = largest_horizon(horizon, autoregression, epochs)
    if largest > LONGEST_HORIZON:
        findings.add(sentences.uncapped_horizon(spans.get("autoregression", keyword), LONGEST_HORIZON))
        largest = horizon
    if values["state"] == "carried" and rollout:
        findings.add(sentences.carried_rollout(spans["state"], rollout[1]))
    return PredictionPlan(
        horizon,
        values["validation_horizon"] or largest,
        values["teacher_forcing"],
        autoregression,
        values["state"],
    )


def largest_horizon(horizon: int, autoregression: CallPlan | None, epochs: int) -> int:
    """The largest horizon that a schedule reaches in the given epochs; a number above LONGEST_HORIZON where it would
    go on beyond that."""
    if autoregression is None:
        return horizon
    arguments = dict(autoregression.arguments)
    if arguments["max_length"] is None:
        arguments["max_length"] = LONGEST_HORIZON + 1
    return largest_length(autoregression.name, arguments, horizon, epochs)


# --- bounded ---------------------------------------------------------------------------------------------------


def _bounded(training: Training, values: Mapping[str, Any], findings: Findings) -> BoundedPlan:
    """`values` are those of a stage; what it may not set is judged where `train` sets it."""
    spans = training.settings.spans
    complete = training.settings.complete
    if complete and "kernel" not in spans:
        about = "weights of the kernel regression, such as `Epanechnikov(bandwidth = 0.2)`"
        findings.add(sentences.missing_setting("train bounded", "kernel", training.keyword, about))
    if "neighbours" in spans and "radius" in spans:
        findings.add(sentences.neighbours_and_radius(spans["radius"], spans["neighbours"]))
    elif complete and "neighbours" not in spans and "radius" not in spans:
        findings.add(sentences.no_neighbours(training.keyword))
    kernel = values["kernel"]
    arguments: dict[str, Any] = dict(kernel.arguments) if isinstance(kernel, CallPlan) else {"bandwidth": 1.0}
    bandwidth = arguments.pop("bandwidth")
    return BoundedPlan(
        CallPlan(kernel.name, kernel.target, arguments) if isinstance(kernel, CallPlan) else CallPlan("", ""),
        bandwidth,
        values["lipschitz"],
        values["delta"],
        values["noise"],
        values["neighbours"],
        values["radius"],
        values["bound_during_training"],
        values["bound_crossing_penalty"],
        values["max_reinit"],
        values["reinit_tolerance"],
    )


# --- test ------------------------------------------------------------------------------------------------------


def read_test(program: Program, mode: str, train: TrainPlan, findings: Findings) -> TestPlan:
    section = program.sections.get("test")
    items: tuple[syntax.Setting, ...] = ()
    if isinstance(section, syntax.Section):
        items = tuple(item for item in section.items if isinstance(item, syntax.Setting))
    settings = read_settings("test", items, TEST, program.scope, findings, mode)
    horizons: tuple[int, ...] = ()
    if train.prediction is not None:
        horizons = settings.values["horizons"] or tuple(sorted({1, train.prediction.validation_horizon}))
    return TestPlan(settings.values["initial_steps"], settings.values["metrics"], horizons)
