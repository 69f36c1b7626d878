"""Trainings in stages: `fit()` for one of them, and `train()` that calls them one after the other."""

from __future__ import annotations

from dataclasses import fields

from sysidc.compiler.emit.header import layout, measured_inputs, spans_record
from sysidc.compiler.emit.imports import Import
from sysidc.compiler.emit.piece import Piece, plain, where
from sysidc.compiler.emit.stack import every
from sysidc.compiler.emit.values import call, keywords, literal
from sysidc.compiler.plan import Plan, StagePlan

STARTS = "sysidc.runtime.training.starts.Starts"
BLOCK = 20
EARLY_SHARE, REFIT_SHARE = 0.6, 0.7
"""Of the time that is left, what a stage may take that is not the last, and the last one before a refit."""
SECOND_ORDER = "LevenbergMarquardt"


def is_second_order(plan: Plan) -> bool:
    return plan.train.optimizer.name == SECOND_ORDER


def is_staged(plan: Plan) -> bool:
    """Whether there is more to the training than one fit from random weights."""
    simulation = plan.train.simulation
    if simulation is None:
        return False
    first, *later = simulation.stages
    several = bool(later) or first.starts > 1 or simulation.refit or simulation.ensemble > 1
    return several or plan.model.chain is not None or first.segments is not None


def left_out(plan: Plan) -> str | None:
    """What of the training a program does not do, None where it does all of it."""
    mode = plan.train.mode
    if mode != "simulation" and is_second_order(plan):
        return f"{SECOND_ORDER} in {mode} mode"
    if plan.train.stages:
        return f"stages in {mode} mode"
    simulation = plan.train.simulation
    stages = simulation.stages if simulation is not None else ()
    if any(stage.decimate > 1 for stage in stages):
        return "stages at a reduced rate"
    if any(_own_settings(plan, stage) for stage in stages):
        return "stages with an optimizer or other settings of their own"
    return None


def _own_settings(plan: Plan, stage: StagePlan) -> bool:
    shared = [field.name for field in fields(stage.train)]
    for name in ("epochs", "simulation", "stages", "chosen"):
        shared.remove(name)
    return any(getattr(stage.train, name) != getattr(plan.train, name) for name in shared)


def batches(plan: Plan) -> Piece:
    """`training_batches()` and `validation_batches()` of a list of records."""
    size, names = plan.train.batch_size, "INPUT_SIGNALS, OUTPUT_SIGNALS, KNOWN"
    if spans_record(plan):
        dataset = whole = f"WholeRecords(records, {names})"
        loader, judged = ("all_records", "") if is_second_order(plan) else ("by_length", f", {size}, SEED"), "by_length"
        targets = plain("windows", "WholeRecords", "by_length")
    else:
        horizon = layout(plan).horizon
        stride = f", stride={horizon}" if horizon > 1 else ""
        whole = f"Windows(records, INPUTS, OUTPUTS{stride})"
        laid_out = is_second_order(plan) and plan.model.chain is not None
        dataset = whole if laid_out else "Windows(records, INPUTS, OUTPUTS)"
        loader, judged = ("all_windows", "") if is_second_order(plan) else ("shuffled", f", {size}, SEED"), "in_order"
        targets = plain("windows", "Windows", "in_order")
    name, more = loader
    told = "all of them at once" if is_second_order(plan) else "in a new order each epoch"
    lines = [
        "def training_batches(records: list[Record]) -> DataLoader[Any]:",
        f'    """What a training sees of records, {told}."""',
        f"    return {name}({dataset}{more})",
        "",
        "",
        "def validation_batches(records: list[Record]) -> DataLoader[Any]:",
        '    """What a model is judged by, as it lies in time."""',
        f"    return {judged}({whole}, {size})",
    ]
    file = "second_order" if is_second_order(plan) else "windows"
    imports = (Import("torch.utils.data", "DataLoader"), Import("typing", "Any"))
    return Piece("\n".join(lines), (*targets, *plain(file, name)), imports)


def stages(plan: Plan) -> Piece:
    """The lines of `train()` behind the records and their scale, which end with the experiment."""
    simulation = plan.train.simulation
    assert simulation is not None
    chain = plan.model.chain
    kind = "Stages" if chain is None else "ChainStages"
    arguments = [
        "lambda index: make_experiment(scale, index)",
        "fit",
        *("validation_batches", "train_records", "validation_records"),
        *([] if plan.train.time_limit is None else [f"limit={plan.train.time_limit!r}"]),
    ]
    begun, targets = _begin(plan) if chain is not None else ("", ())
    if chain is not None:
        arguments += [f"inputs={literal(measured_inputs(plan))}", "outputs=OUTPUT_SIGNALS", f"known={chain.known}"]
        arguments += [f"begin={begun}.begin"]
    lines = ["stages = " + "\n".join(call(kind, arguments, 13, split=True))]
    lines += [f"ranked = [Candidate(index) for index in range({simulation.stages[0].starts})]"]
    for number, stage in enumerate(simulation.stages):
        going = "ranked" if not number else f"ranked[:{simulation.stages[number - 1].keep}]"
        made = call("stages.stage", [going, *_stage(plan, number, stage)], 13, where(stage.place))
        lines.append("ranked = " + "\n".join(made))
    lines.append(f"chosen = ranked[:{max(1, simulation.ensemble)}]")
    if simulation.refit:
        learned = _learned(plan, simulation.stages[-1])
        lines.append("chosen = " + "\n".join(call("stages.refit", ["chosen", *keywords(learned)], 13)))
    lines.append("return stages.finished(chosen, OUTPUT_SIGNALS), scale")
    return Piece("\n".join(lines), (*targets, *plain("stages", kind, "Candidate")))


def _stage(plan: Plan, number: int, stage: StagePlan) -> list[str]:
    simulation = plan.train.simulation
    assert simulation is not None
    given: dict[str, object] = {"epochs": stage.train.epochs}
    given |= {} if stage.segments is None else {"samples": stage.segments}
    given |= _learned(plan, stage)
    last = number == len(simulation.stages) - 1
    if plan.train.time_limit is not None and (not last or simulation.refit):
        given["share"] = REFIT_SHARE if last else EARLY_SHARE
    return keywords(given)


def _learned(plan: Plan, stage: StagePlan) -> dict[str, object]:
    corrected = any(node.layer == "correction" for node in every(plan.model.nodes))
    given: dict[str, object] = {"correction": stage.correction} if corrected else {}
    return given | ({"freeze": list(stage.freeze)} if stage.freeze else {})


def _begin(plan: Plan) -> tuple[str, tuple[str, ...]]:
    """What puts a chain at its start."""
    simulation = plan.train.simulation
    assert simulation is not None
    block = simulation.init.arguments["block"] if simulation.init is not None else BLOCK
    if any(node.layer == "dynamics" for node in every(plan.model.nodes)):
        inputs = literal(measured_inputs(plan))
        return f"EquationStarts({block}, SEED, scale, {inputs}, OUTPUT_SIGNALS)", plain("starts", "EquationStarts")
    return f"Starts(linear={simulation.linear_start}, block={block}, seed=SEED)", (STARTS,)
