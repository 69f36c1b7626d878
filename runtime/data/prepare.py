"""From a Plan to the records of its three parts, each judged long enough. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

from sysidc.compiler.horizons import largest_length
from sysidc.compiler.plan import DataPlan, Plan, SignalPlan, SourcePlan, SplitPlan
from sysidc.runtime.data.benchmarks import Part
from sysidc.runtime.data.embedded import check_embedded
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.layouts import at_horizon, free_run_layout, known_outputs, spans_record, window_layout
from sysidc.runtime.data.record import Record
from sysidc.runtime.data.sources import load
from sysidc.runtime.data.splits import Needs, Parts, split


def prepare(plan: Plan) -> Parts:
    """The records of the training, validation and test part, in the units of the data. Raises DataError."""
    data = plan.data
    try:
        return split(
            load_records(plan, data.train),
            data.validation,
            official_test(data),
            needs(plan),
            lambda sources: load_records(plan, sources, "test" if sources is not data.validation.sources else "train"),
        )
    except DataError as error:
        raise error.at(data.train[0].place) from None


def official_test(data: DataPlan) -> SplitPlan:
    """The test part as written; where nothing was, a benchmark brings its own."""
    benchmarks = tuple(source for source in data.train if source.kind == "benchmark")
    return SplitPlan(sources=benchmarks) if data.test == SplitPlan() and benchmarks else data.test


def load_records(plan: Plan, sources: Sequence[SourcePlan], part: Part = "train") -> list[Record]:
    """The records of sources with the signals that the model's header names; `part` chooses between the two of a
    benchmark. Raises DataError."""
    records = load(
        sources,
        signals=header_signals(plan),
        folder=plan.data.folder,
        sampling_time=plan.sampling_time,
        missing=plan.data.missing,
        part=part,
    )
    check_embedded(plan, records)
    return records


def header_signals(plan: Plan) -> tuple[SignalPlan, ...]:
    """The signals on both sides of the header, in the order of the spec."""
    named = {window.signal for window in plan.model.inputs + plan.model.outputs}
    return tuple(signal for signal in plan.signals if signal.name in named)


def needs(plan: Plan) -> Needs:
    """How many samples each part needs: one window, and in the test one step to be scored."""
    scored = plan.test.initial_steps + 1
    if spans_record(plan):
        window = _whole_record_minimum(plan)
        return Needs(window, window, max(window, scored))
    layout = window_layout(plan)
    if plan.train.prediction is not None:
        horizons = (training_horizon(plan), plan.train.prediction.validation_horizon, *plan.test.horizons)
        train, validation, *tested = (at_horizon(layout, horizon).span for horizon in horizons)
        return Needs(train, validation, max((scored, *(tested or [validation]))), "one window with its horizon")
    free_run = plan.train.mode == "simulation" and plan.model.any_length
    return Needs(layout.span, layout.span, max(layout.known + 1 if free_run else layout.span, scored))


def training_horizon(plan: Plan) -> int:
    """The longest horizon that prediction training can reach in its epochs."""
    prediction = plan.train.prediction
    assert prediction is not None
    schedule = prediction.autoregression
    if schedule is None:
        return prediction.horizon
    return largest_length(schedule.name, schedule.arguments, prediction.horizon, plan.train.epochs)


def _whole_record_minimum(plan: Plan) -> int:
    """The shortest record with one step to predict and every window of fixed length inside."""
    windows = [window.steps or 0 for window in plan.model.inputs + plan.model.outputs]
    shortest = max(known_outputs(plan) + 1, *windows, 2)
    return max(shortest, free_run_layout(plan, shortest).span)
