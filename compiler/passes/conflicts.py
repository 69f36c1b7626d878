"""Settings that are sound each by itself and cannot act together: judged once the stack and all settings are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.optimizers import OPTIMIZERS
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.chain import flat
from sysidc.compiler.passes.optimizer import SECOND_ORDER, without_local_derivatives
from sysidc.compiler.plan import CallPlan, Node, TrainPlan
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.source import Span

RECURRENT = ("GRU", "LSTM", "RNN")
MOMENTA = ("momentum", "betas")
WINDOWED = ("DelayLine", "BatchNorm1d", "Embedding", "PReLU")
"""Layers of one step that the runtime does not carry states around."""


def check_conflicts(train: TrainPlan, nodes: tuple[Node, ...], spans: Mapping[str, Span], findings: Findings) -> None:
    """`spans` are the places of the settings that were written."""
    if "optimizer" in spans:
        _check_optimizer(train.optimizer, spans["optimizer"], findings)
    if train.optimizer.name == "LBFGS":
        _check_alone(train, spans, findings)
    if train.optimizer.name == SECOND_ORDER and "optimizer" in spans:
        for found in _against_second_order(train, nodes, spans):
            findings.add(found)
    if train.scheduler is not None:
        _check_momentum(train.scheduler, train.optimizer, spans["scheduler"], findings)
    if train.prediction is not None and train.prediction.state == "carried":
        _check_carried(nodes, spans["state"], findings)
    if train.batch_size == 1:
        _check_single_windows(nodes, spans["batch_size"], findings)


def _check_optimizer(optimizer: CallPlan, span: Span, findings: Findings) -> None:
    given = optimizer.arguments
    if given.get("nesterov") and (given["momentum"] == 0 or given["dampening"] != 0):
        message = f"`nesterov` of `{optimizer.name}` needs a momentum above 0 and no dampening"
        findings.add(sentences.conflict(message, span, "set here", "such as `SGD(momentum = 0.9, nesterov = on)`"))
    if optimizer.name == "Rprop" and not given["etas"][0] < 1 < given["etas"][1]:
        message = "`etas` of `Rprop` are a factor below 1 and one above 1, in this order"
        findings.add(sentences.conflict(message, span, "set here", "such as `etas = [0.5, 1.2]`"))


def _check_alone(train: TrainPlan, spans: Mapping[str, Span], findings: Findings) -> None:
    """Processes that judge a step by the loss of their own windows would part ways."""
    for name, number in (("devices", train.devices), ("num_nodes", train.num_nodes)):
        if number != 1:
            message = f"`LBFGS` takes as many looks at a batch as its loss asks for, and `{name}` shares the batch"
            help = f"leave `{name}` out, or choose another optimiser, such as `AdamW`"
            findings.add(sentences.conflict(message, spans[name], "set here", help))
            return


def _against_second_order(train: TrainPlan, nodes: tuple[Node, ...], spans: Mapping[str, Span]) -> Iterator[Diagnostic]:
    """Levenberg-Marquardt minimises one sum of squares over all data, in float64, by its derivatives."""
    place = spans["optimizer"]
    first = "choose an optimiser of first order, such as `AdamW`"
    if train.mode == "bounded":
        message = f"`{SECOND_ORDER}` has no derivatives of a network that is held in a band"
        yield sentences.conflict(message, place, "not in `bounded` mode", first)
        return
    for name, help in _first_order_settings(train):
        message = f"`{SECOND_ORDER}` and this `{name}` exclude each other"
        yield sentences.conflict(message, spans.get(name, place), "for first-order training", help)
    layer = without_local_derivatives(nodes)
    if layer is not None:
        message = f"`{SECOND_ORDER}` needs local derivatives of every layer, and `{layer}` has none"
        yield sentences.conflict(message, place, f"`{layer}` is in the stack", f"leave `{layer}` out, or {first}")


def _first_order_settings(train: TrainPlan) -> Iterator[tuple[str, str]]:
    """Settings that have no meaning for sums of squares over all data, with what to do instead."""
    if train.loss.name != "MSE":
        yield "loss", "its loss is `MSE`: leave `loss` out"
    if train.scheduler is not None:
        yield "scheduler", "it has no learning rate: leave `scheduler` out"
    if train.gradient_clip is not None:
        yield "gradient_clip", "its damping bounds the step: leave `gradient_clip` out"
    if train.accelerator in ("mps", "tpu"):
        yield "accelerator", "it needs float64: choose `cpu` or `cuda`"
    if train.precision != "float64":
        yield "precision", "it computes in float64: leave `precision` out"
    if train.prediction is not None and train.prediction.autoregression is not None:
        yield "autoregression", "its sum of squares stays the same: set a fixed `horizon`"
    if train.prediction is not None and isinstance(train.prediction.teacher_forcing, CallPlan):
        yield "teacher_forcing", "its sum of squares stays the same: write `on` or `off`"


def _check_momentum(scheduler: CallPlan, optimizer: CallPlan, span: Span, findings: Findings) -> None:
    if not scheduler.arguments.get("cycle_momentum"):
        return
    if not any(argument.name in MOMENTA for argument in OPTIMIZERS[optimizer.name].arguments):
        message = f"`{scheduler.name}` moves the momentum up and down, and `{optimizer.name}` has none"
        findings.add(sentences.conflict(message, span, "set here", "write `cycle_momentum = off`"))


def _check_carried(nodes: tuple[Node, ...], span: Span, findings: Findings) -> None:
    """A state is carried by recurrent layers at the top of the stack; all others must serve a step by itself."""
    after = max((index for index, node in enumerate(nodes) if node.layer in RECURRENT), default=-1)
    for index, node in enumerate(nodes):
        if node.layer == "autoregressive_residual":
            return  # told where the mode's settings are read
        end = node.layer == "Last" and index > after
        if node.layer not in RECURRENT and not end and not _serves_a_step(node):
            message = f"`state = carried` takes one step at a time, and `{node.layer}` needs a window"
            help = "leave `state` out: every step then sees its window"
            findings.add(sentences.conflict(message, span, "set here", help))
            return


def _serves_a_step(node: Node) -> bool:
    if node.children:
        return all(_serves_a_step(child) for child in node.children)
    alone = (node.look_back, node.look_ahead) == (0, 0) and not node.fixed
    return alone and node.layer not in WINDOWED


def _check_single_windows(nodes: tuple[Node, ...], span: Span, findings: Findings) -> None:
    for node in flat(nodes):
        if node.layer == "BatchNorm1d" and node.type_in.steps == 1:
            message = "`BatchNorm1d` sees one step of one window and has no statistics to normalise by"
            findings.add(sentences.conflict(message, span, "one window", "write `batch_size = 2` at least"))
            return
