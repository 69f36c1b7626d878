"""`sysidc show`: the spec with every default in its place, and what becomes of the data from layer to layer."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sysidc.compiler.dynamics.wording import lines_of
from sysidc.compiler.graph import GRAPHS
from sysidc.compiler.passes.chain import flat, is_stateful, total_states
from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import (
    CallPlan,
    DomainPlan,
    Node,
    Plan,
    SimulationPlan,
    SourcePlan,
    SplitPlan,
    StagePlan,
    SweepPlan,
    WindowPlan,
    to_json,
)
from sysidc.compiler.program import OverrideError
from sysidc.dsl.formatter.canonical import format_source
from sysidc.runtime.cli import CLEAN, FINDINGS, findings
from sysidc.runtime.cli.files import add_set, overrides, read
from sysidc.runtime.tables import aligned


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a spec, or the folder of a run")
    parser.add_argument("--json", action="store_true", help="print the Plan")
    parser.add_argument("--graph", choices=tuple(GRAPHS), help="print the model as a graph")
    add_set(parser)


def run(given: Namespace) -> int:
    if os.path.isdir(given.file):
        return _run_folder(given)
    compiled = compile_source(read(given.file), overrides(given.set))
    if compiled.plan is not None:
        print(_printed(compiled.plan, given))
        findings.note(compiled.diagnostics)
        return CLEAN
    if not given.json and compiled.is_library:
        sys.stdout.write(format_source(compiled.source))
    findings.note(compiled.diagnostics)
    return FINDINGS if compiled.has_errors else CLEAN


def _run_folder(given: Namespace) -> int:
    """A run is shown as its plan, its equations with what was learned, and its results. Raises RunError."""
    from sysidc.runtime.cli.show_run import learned_of, plan_of, results

    folder = Path(given.file)
    if given.set:
        raise OverrideError("--set changes a spec, and a run has been trained: show the spec instead")
    plan = plan_of(folder)
    if given.json or given.graph:
        print(_printed(plan, given))
        return CLEAN
    print("\n\n".join([shown(plan, learned_of(folder)), *results(folder)]))
    return CLEAN


def _printed(plan: Plan, given: Namespace) -> str:
    if given.json:
        return json.dumps(to_json(plan), indent=2)
    return GRAPHS[given.graph](plan) if given.graph else shown(plan)


def shown(plan: Plan, learned: Mapping[str, float] | None = None) -> str:
    """The resolved settings, the layer table and the receptive field as text; with `learned` numbers in equations."""
    sections = {
        "signals": _signals(plan),
        "data": _data(plan),
        f"train {plan.train.mode}": _training(plan),
        "test": _fields(plan.test),
    }
    stages = plan.train.stages if plan.train.simulation is None else plan.train.simulation.stages
    if stages:
        sections["stages"] = _stages(stages)
    if plan.train.bounded is not None and plan.data.normalize != "none":
        sections["the band in the units of the data"] = _band(plan)
    if plan.sweep is not None:
        sections["sweep"] = _sweep(plan.sweep)
    blocks = [_block(name, rows) for name, rows in sections.items()]
    return "\n\n".join([*blocks[:1], _layers(plan), *_equations(plan, learned), *blocks[1:]])


def _block(name: str, rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(key) for key, _ in rows)
    return "\n".join([name, *(f"  {key:<{width}}  {value}" for key, value in rows)])


def _signals(plan: Plan) -> list[tuple[str, str]]:
    time = plan.sampling_time
    rows = [("sampling_time", "unknown" if time is None else f"{time:g} s")]
    for signal in plan.signals:
        columns = ", ".join(signal.columns)
        rows.append((f"{signal.role} {signal.name}", f"{columns} : {signal.dtype} {signal.unit or ''}".rstrip()))
    return rows


# --- layers ------------------------------------------------------------------------------------------------------


def _layers(plan: Plan) -> str:
    model = plan.model
    table = [("layer", "name", "in", "out", "parameters"), *_rows(model.nodes, 0)]
    header = f"model {model.name}: {_windows(model.inputs)} -> {_windows(model.outputs)}"
    facts = [f"  parameters       {model.parameters}", f"  receptive field  {receptive_field(plan)}"]
    facts += [f"  states           {line}" for line in state_lines(plan)]
    return "\n".join([header, *(f"  {line}" for line in aligned(table)), *facts])


def state_lines(plan: Plan) -> list[str]:
    """How many states each layer has and how they start; for a chain how many there are in all."""
    lines = list(_starts(plan.model.nodes, ""))
    chain = plan.model.chain
    if chain is None:
        return lines
    known = f" from {chain.known} known steps" if chain.initial in ("estimate", "encoder") else ""
    return [f"{total_states(plan.model.nodes)} in one chain, start by {chain.initial}{known}", *lines]


def _starts(nodes: Sequence[Node], prefix: str) -> Iterator[str]:
    for node in nodes:
        if is_stateful(node):
            count = total_states((node,))
            yield f"{prefix}{node.name} {node.layer}: {count}, initial = {node.arguments.get('initial', 'zero')}"
        yield from _starts(node.children, f"{prefix}{node.name}.")


def _equations(plan: Plan, learned: Mapping[str, float] | None = None) -> list[str]:
    """The equations of the stack, resolved."""
    blocks = [node.arguments for node in flat(plan.model.nodes) if node.layer == "dynamics"]
    return ["\n  ".join([f"dynamics {given['name']}", *lines_of(given, learned)]) for given in blocks]


def _rows(nodes: Sequence[Node], depth: int) -> Iterator[tuple[str, ...]]:
    for node in nodes:
        name = "  " * depth + node.layer
        yield name, node.name, str(node.type_in), str(node.type_out), str(node.parameters)
        yield from _rows(node.children, depth + 1)


def receptive_field(plan: Plan) -> str:
    """How many input steps an output step depends on, in steps and in seconds."""
    back, ahead = plan.model.look_back, plan.model.look_ahead
    if back is None or ahead is None:
        steps = plan.model.type_in.steps
        return "the whole record" if steps is None else f"the whole window, {_steps(plan, steps)}"
    after = f" ({back} before, {ahead} after)" if ahead else ""
    return _steps(plan, back + 1 + ahead) + after


def _steps(plan: Plan, steps: int) -> str:
    told = f"{steps} step{'' if steps == 1 else 's'}"
    return told if plan.sampling_time is None else f"{told} = {steps * plan.sampling_time:g} s"


def _windows(windows: Sequence[WindowPlan]) -> str:
    return ", ".join(f"{window.signal}[{'all' if window.steps is None else window.steps}]" for window in windows)


# --- settings ----------------------------------------------------------------------------------------------------


def _data(plan: Plan) -> list[tuple[str, str]]:
    data = plan.data
    return [
        ("train", ", ".join(map(_source, data.train))),
        ("validation", _split(data.validation)),
        ("test", _split(data.test)),
        ("normalize", data.normalize),
        ("missing", data.missing),
    ]


def _split(split: SplitPlan) -> str:
    if split.share is not None:
        return f"{100 * split.share:g} %"
    return str(split.samples) if split.samples is not None else ", ".join(map(_source, split.sources)) or "none"


def _source(source: SourcePlan) -> str:
    if source.path is None:
        return _call(source.name or "", source.options)
    options = {name: value for name, value in source.options.items() if value is not None and name != "format"}
    return f'"{source.path}"' + (f" ({_arguments(options)})" if options else "")


def _training(plan: Plan) -> list[tuple[str, str]]:
    parts = ("mode", "prediction", "bounded", "simulation", "chosen", "stages")
    rows = [row for row in _fields(plan.train) if row[0] not in parts]
    why = f" (chosen: {plan.train.chosen})" if plan.train.chosen else ""
    rows = [(name, value + why if name == "optimizer" else value) for name, value in rows]
    if plan.train.simulation is not None:
        return rows + _simulation(plan, plan.train.simulation)
    own = plan.train.prediction or plan.train.bounded
    return rows if own is None else rows + _fields(own)


def _simulation(plan: Plan, simulation: SimulationPlan) -> list[tuple[str, str]]:
    """What the whole training has besides its stages; where a state starts, only if there is one."""
    given = {"refit": _value(simulation.refit), "ensemble": str(simulation.ensemble)}
    filled = _leaves_sizes(plan.model.nodes) and "stage" not in simulation.written and len(simulation.stages) == 1
    rows = [
        (word, "left to the race" if filled and word not in simulation.written else value)
        for word, value in given.items()
    ]
    if plan.model.chain is None:
        return rows
    start = "linear, where a layer has linear dynamics" if simulation.linear_start else "none"
    init = start if simulation.init is None else _value(simulation.init)
    return [("init", init), ("initial", plan.model.chain.initial), *rows]


def _leaves_sizes(nodes: Sequence[Node]) -> bool:
    return any("auto" in node.arguments.values() or _leaves_sizes(node.children) for node in nodes)


def _stages(stages: Sequence[StagePlan]) -> list[tuple[str, str]]:
    """The stages below each other, each with what may differ from stage to stage."""
    own = "horizon" if stages[0].train.prediction is not None else "correction"
    table: list[tuple[str, ...]] = [("segments", "starts", "keep", "epochs", "optimizer", own, "freeze")]
    for stage in stages:
        samples = str(stage.segments or "all") + (f", one in {stage.decimate}" if stage.decimate > 1 else "")
        cells = (samples, stage.starts, stage.keep, stage.train.epochs, stage.train.optimizer.name)
        prediction = stage.train.prediction
        differs = _value(stage.correction) if prediction is None else str(prediction.horizon)
        table.append((*map(str, cells), differs, _value(stage.freeze)))
    return list(zip(["", *map(str, range(1, len(table)))], aligned(table), strict=True))


def _band(plan: Plan) -> list[tuple[str, str]]:
    """Only bounded mode needs the data for this, and only then are they read."""
    from sysidc.runtime.cli.band_units import in_data_units
    from sysidc.runtime.data.errors import DataError

    try:
        return in_data_units(plan)
    except DataError as error:
        return [("unknown", error.message)]


def _sweep(sweep: SweepPlan) -> list[tuple[str, str]]:
    return [*((f"param {domain.param}", _domain(domain)) for domain in sweep.domains), *_fields(sweep)[1:]]


def _domain(domain: DomainPlan) -> str:
    if domain.values is not None:
        return f"in {_value(domain.values)}"
    return f"in {_value(domain.low)} .. {_value(domain.high)}" + (" log" if domain.log else "")


def _fields(value: Any) -> list[tuple[str, str]]:
    return [(field.name, _value(getattr(value, field.name))) for field in dataclasses.fields(value)]


def _value(value: Any) -> str:
    if isinstance(value, CallPlan):
        return _call(value.name, value.arguments)
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _call(name: str, arguments: Mapping[str, Any]) -> str:
    return f"{name}({_arguments(arguments)})"


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_value(value)}" for name, value in arguments.items())
