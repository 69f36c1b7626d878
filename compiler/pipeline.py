"""From a source to a Plan: the passes in their order. No pass imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

from sysidc.compiler import sentences
from sysidc.compiler.allowances import allow
from sysidc.compiler.dynamics.layer import check_blocks, surroundings
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.chain import (
    arriving,
    check_driven,
    check_innovations,
    check_setting,
    counted,
    find_chain,
    with_starts,
)
from sysidc.compiler.passes.data import read_data
from sysidc.compiler.passes.header import Header, at_precision, header_at, read_header
from sysidc.compiler.passes.names import check_names, warn_unused
from sysidc.compiler.passes.nodes import Built, at_double, chained, leaving, numbered
from sysidc.compiler.passes.optimizer import Choice, choose
from sysidc.compiler.passes.promise import check_learning, check_promise, check_time
from sysidc.compiler.passes.signals import Measured, read_signals
from sysidc.compiler.passes.stack import Context, StackBuilder
from sysidc.compiler.passes.sweep import read_sweep
from sysidc.compiler.passes.training import Training, read_test, read_training, train_plan
from sysidc.compiler.plan import (
    ChainPlan,
    DataPlan,
    ModelPlan,
    Node,
    Plan,
    SweepPlan,
    TensorType,
    TestPlan,
    TrainPlan,
    to_json,
)
from sysidc.compiler.program import DISK, Files, Program, load_program
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.records import dataclass, replace
from sysidc.dsl.source import Source, Span


@dataclass(frozen=True)
class Compiled:
    """`sources` are the file and what it uses."""

    source: Source
    make_plan: Callable[[], Plan] | None
    diagnostics: tuple[Diagnostic, ...]
    is_library: bool
    sources: tuple[Source, ...]

    @cached_property
    def plan(self) -> Plan | None:
        """None where there are errors or the file is a library. It is made when it is asked for."""
        return self.make_plan() if self.make_plan else None

    @property
    def has_errors(self) -> bool:
        return any(diagnostic.is_error for diagnostic in self.diagnostics)


def compile_source(source: Source, overrides: Mapping[str, object] | None = None, files: Files = DISK) -> Compiled:
    """Check a source; what it uses is read from `files`. Raises OverrideError for an override of no param."""
    findings = Findings()
    program = load_program(source, findings, overrides or {}, files)
    make_plan = None
    if not findings.has_errors:
        check_names(program, findings)
        make_plan = None if program.is_library else _check(program, findings)
    complete = not findings.has_errors and not program.is_library
    told = allow(findings, program.sources, complete=complete)
    return Compiled(source, make_plan, told, program.is_library, tuple(program.sources))


def _check(program: Program, findings: Findings) -> Callable[[], Plan] | None:
    measured = read_signals(program, findings)
    training = read_training(program, findings)
    data = read_data(program, measured, findings)
    mode = training.mode if training else "simulation"
    header = read_header(program, measured, mode, training.precision if training else None, findings)
    model = program.sections.get("model")
    chain = find_chain(program, measured, header, mode, training.initial if training else None)
    check_driven(measured, header, chain, findings)
    context = _context(program, findings, training, header, chain)
    context.surroundings = surroundings(measured, header) if header else None
    stack = StackBuilder(context)
    built: list[Built] = []
    if isinstance(model, syntax.Model):
        built, leaves = stack.build(model.elements, arriving(header, chain), program.scope, top=True)
        _judge_stack(model, context, header, built, leaves)
    check_blocks(program, context.used_blocks, findings)
    nodes = numbered(built, findings)
    if training is None:
        return None
    if header is not None:
        check_innovations(built, chain, findings)
        check_setting(training.initial, training.settings.spans.get("initial"), chain, nodes, findings)
    chain = with_starts(chain, nodes)
    choice = _choice(training, header, nodes, chain, findings)
    if choice is not None and choice.second_order and header is not None:
        training, header = replace(training, double=True), header_at(header, "float64")
        nodes = tuple(at_double(node) for node in nodes)
    rollout = (context.steps_of_rollout or 0, context.rollout_span) if context.rollout_span else None
    train = train_plan(training, header.dtype if header else "float32", rollout, choice, nodes, findings)
    test = read_test(program, mode, train, findings)
    warn_unused(program, measured, header, context.used_blocks, findings)
    sweep = read_sweep(program, findings)
    if findings.has_errors or header is None or data is None or not isinstance(model, syntax.Model):
        return None
    return partial(_plan, program, measured, training, header, model, nodes, chain, data, train, test, sweep)


def _choice(
    training: Training, header: Header | None, nodes: tuple[Node, ...], chain: ChainPlan | None, findings: Findings
) -> Choice | None:
    """The optimiser, where `train` writes none; None behind a mistake too."""
    if training.settings.values["optimizer"] is not None or findings.has_errors or header is None:
        return None
    whole = header.layout is None
    return choose(training.mode, training.settings.values, training.written, nodes, chain, whole)


def _plan(
    program: Program,
    measured: Measured,
    training: Training,
    header: Header,
    model: syntax.Model,
    nodes: tuple[Node, ...],
    chain: ChainPlan | None,
    data: DataPlan,
    train: TrainPlan,
    test: TestPlan,
    sweep: SweepPlan | None,
) -> Plan:
    signals = tuple(
        replace(signal, dtype=at_precision(signal.dtype, training.precision)) for signal in measured.signals.values()
    )
    used = {window.signal for window in (*header.inputs, *header.outputs)}
    plan = Plan(
        program.version,
        measured.sampling_time,
        tuple(signal for signal in signals if signal.name in used),
        _model_plan(model, header, nodes, chain),
        data,
        train,
        test,
        sweep=sweep,
    )
    return replace(plan, hash=plan_hash(plan))


def _context(
    program: Program,
    findings: Findings,
    training: Training | None,
    header: Header | None,
    chain: ChainPlan | None,
) -> Context:
    model = program.sections.get("model")
    span = model.header if isinstance(model, syntax.Model) else Span(program.source, 0, 0)
    same = header is not None and [window.signal for window in header.inputs] == [
        window.signal for window in header.outputs
    ]
    mode = training.mode if training else "simulation"
    horizon = header.promised.steps if header and mode == "simulation" else None
    precision = training.precision if training else None
    outputs = header.promised.channels if header else None
    dtype = header.dtype if header else "float32"
    return Context(program, findings, mode, dtype, precision, span, same, horizon, chain, outputs)


def _judge_stack(
    model: syntax.Model, context: Context, header: Header | None, built: list[Built], leaves: TensorType | None
) -> None:
    if not built and not context.findings.has_errors:
        context.findings.add(sentences.empty_stack(model.name.span))
    if header is None or leaves is None or not built or context.findings.has_errors:
        return
    if any(leaving(entry) is None for entry in built):
        return
    if not check_promise(header, built, leaves, context.findings):
        return
    _judge_rollout(context, built)
    interval = chained([(entry.node.look_back, entry.node.look_ahead) for entry in built])
    check_time(header, context.mode, interval, built[-1], context.findings)
    check_learning(model.name.span, tuple(entry.node for entry in built), context.findings)


def _judge_rollout(context: Context, built: list[Built]) -> None:
    """What follows a roll-out gets as many steps as the horizon has, and that changes in prediction mode."""
    rolled = [index for index, entry in enumerate(built) if entry.node.layer == "autoregressive_residual"]
    if context.mode != "prediction" or not rolled:
        return
    for entry in built[rolled[0] + 1 :]:
        if _is_fixed(entry.node):
            context.findings.add(sentences.fixed_after_rollout(entry.node.layer, entry.tail, built[rolled[0]].tail))
            return


def _model_plan(model: syntax.Model, header: Header, nodes: tuple[Node, ...], chain: ChainPlan | None) -> ModelPlan:
    back, ahead = chained([(node.look_back, node.look_ahead) for node in nodes])
    return ModelPlan(
        model.name.text,
        header.inputs,
        header.outputs,
        nodes,
        header.arrives,
        header.promised,
        header.dtype,
        back,
        ahead,
        not any(_is_fixed(node) for node in nodes),
        counted(nodes, chain),
        chain,
    )


def _is_fixed(node: Node) -> bool:
    return node.fixed or any(_is_fixed(child) for child in node.children)


def plan_hash(plan: Plan) -> str:
    """A hash of all that a run depends on: not of where the file lies nor of how it is laid out."""
    import hashlib  # these two are not needed to check a file
    import json

    tree = to_json(plan)
    tree["data"].pop("folder")
    tree.pop("hash")
    tree.pop("sweep")  # a trial is the run that the same params give without a sweep
    return hashlib.sha256(json.dumps(_meaning(tree), sort_keys=True).encode()).hexdigest()


def _meaning(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _meaning(item) for key, item in value.items() if key not in ("place", "chosen")}
    if isinstance(value, list):
        return [_meaning(item) for item in value]
    return value
