"""`Experiment`, the LightningModule of the mode with its optimiser and schedule, and `make_experiment()`."""

from __future__ import annotations

from typing import Any

from sysidc.compiler.emit.header import layout
from sysidc.compiler.emit.imports import Import
from sysidc.compiler.emit.piece import Piece, bare, plain
from sysidc.compiler.emit.stack import every
from sysidc.compiler.emit.stages import is_second_order, is_staged, left_out
from sysidc.compiler.emit.values import call, keywords, literal, started
from sysidc.compiler.plan import Plan

FUSED = ("Adam", "AdamW", "SGD", "Adagrad")
BASES = {"simulation": ("simulation", "Simulation"), "bounded": ("bounded", "Bounded")}
STATEFUL = ("GRU", "LSTM", "RNN", "LinearDynamics", "StateSpace", "PolynomialStateSpace", "LRU", "dynamics")


def experiment(plan: Plan) -> Piece:
    """The LightningModule with the optimiser and the scheduler of the spec."""
    file, base = _base(plan)
    trained = left_out(plan) is None
    lines = [
        f"class Experiment({base}):",
        f'    """{plan.model.name} in {plan.train.mode} mode, as the spec has it."""',
    ]
    if trained:
        lines += [
            "",
            "    def configure_optimizers(self) -> Any:",
            "        parameters = [weight for weight in self.parameters() if weight.requires_grad]",
            *started("optimizer = ", _optimizer(plan), 8),
            *_schedule(plan),
        ]
    own = (plan.train.optimizer.target,) if trained and is_second_order(plan) else ()
    return Piece("\n".join(lines), (*plain(file, base), *own), (Import("typing", "Any"),) if trained else ())


def _base(plan: Plan) -> tuple[str, str]:
    prediction = plan.train.prediction
    if plan.train.mode == "simulation":
        return _simulation(plan)
    if prediction is None:
        return BASES[plan.train.mode]
    if any(node.layer == "autoregressive_residual" for node in plan.model.nodes):
        return "prediction", "SelfRolling"
    return "prediction", "Carried" if prediction.state == "carried" else "Prediction"


def _simulation(plan: Plan) -> tuple[str, str]:
    chain = plan.model.chain is not None
    if not is_second_order(plan):
        return ("second_order", "ChainSimulation") if chain else ("simulation", "Simulation")
    nodes = every(plan.model.nodes)
    if chain or any(node.layer in STATEFUL for node in nodes):
        return "second_order", "ChainLeastSquares"
    curved = any(node.layer == "Curve" for node in nodes)
    return "second_order", "CurvedLeastSquares" if curved else "WindowLeastSquares"


def _optimizer(plan: Plan) -> list[str]:
    train = plan.train
    if is_second_order(plan):
        arguments = ["parameters", *keywords(train.optimizer.arguments)]
        return call(bare(train.optimizer.target), arguments, 8 + len("optimizer = "))
    fused = train.optimizer.name in FUSED and plan.model.dtype in ("float32", "float64")
    one_kernel = {"fused": True} if fused and train.accelerator in ("cpu", "cuda") else {}
    arguments = keywords({**train.optimizer.arguments, **one_kernel})
    return call(train.optimizer.target, ["parameters", *arguments], 8 + len("optimizer = "))


def _schedule(plan: Plan) -> list[str]:
    train = plan.train
    if train.scheduler is None:
        return ["        return optimizer"]
    given: dict[str, Any] = dict(train.scheduler.arguments)
    if train.scheduler_monitor is not None and train.scheduler_monitor.endswith("fit"):
        given["mode"] = "max"
    total = train.scheduler.name == "OneCycleLR" and given["total_steps"] is None
    arguments = [
        "total_steps=int(self.trainer.estimated_stepping_batches)" if total and name == "total_steps" else written
        for name, written in zip(given, keywords(given), strict=True)
    ]
    made = call(train.scheduler.target, ["optimizer", *arguments], 8 + len("scheduler = "))
    monitor = train.scheduler_monitor or "val_loss"
    settings = f'"scheduler": scheduler, "interval": {literal(train.scheduler_interval)}, "monitor": {literal(monitor)}'
    return [
        *started("scheduler = ", made, 8),
        f"        schedule = {{{settings}}}",
        '        return {"optimizer": optimizer, "lr_scheduler": schedule}',
    ]


def make_experiment(plan: Plan) -> Piece:
    """The function, with an index of the start where a training has several."""
    several = is_staged(plan)
    told = "; each start has random weights of its own" if several else ""
    body, targets = _made(plan)
    lines = [
        f"def make_experiment(scale: Scales{', index: int = 0' if several else ''}) -> Experiment:",
        f'    """The experiment before training{told}."""',
        *body,
    ]
    return Piece("\n".join(lines), targets)


def _made(plan: Plan) -> tuple[list[str], tuple[str, ...]]:
    """The lines that make it, and what they name."""
    loss = f"nn.{bare(plan.train.loss.target)}({', '.join(keywords(plan.train.loss.arguments))})"
    built = "build_model(SEED + 7919 * index)" if is_staged(plan) else "build_model()"
    arguments = [built, loss, "error_scale"]
    targets: list[str] = []
    lines = ["    error_scale = torch.cat([scale[name][1] for name in OUTPUT_SIGNALS]).float()"]
    if plan.train.prediction is not None:
        steps, places = _channels(plan)
        forcing = plan.train.prediction.teacher_forcing
        starts = forcing if isinstance(forcing, bool) else True
        arguments += [f"steps={literal(steps)}", f"fed_back={literal(places)}", f"teacher_forcing={starts}"]
    if plan.train.bounded is not None:
        bounded = plan.train.bounded
        kept = {name: getattr(bounded, name) for name in ("bandwidth", "delta", "neighbours", "radius")}
        settings = keywords({name: value for name, value in kept.items() if value is not None})
        lines += started("band = ", call("Band", [bare(bounded.kernel.target), *settings], 11), 4)
        arguments += ["band", f"bound_during_training={bounded.bound_during_training}"]
        arguments += [f"crossing_penalty={bounded.bound_crossing_penalty!r}"]
        targets += [bounded.kernel.target, "sysidc.runtime.bounded.band.Band"]
        if bounded.max_reinit:
            targets += [f"sysidc.runtime.training.redraw.{name}" for name in ("redraw_parameters", "keep_best_draw")]
            targets += plain("bounded", "share_outside")
    lines += started("return ", call("Experiment", arguments, 11), 4)
    return lines, tuple(targets)


def _channels(plan: Plan) -> tuple[list[int], list[int | None]]:
    """Per channel of the window: the steps of its own window, and its place among the predicted outputs."""
    placed = layout(plan)
    places: dict[str, range] = {}
    first = 0
    for window in placed.outputs:
        places[window.signal] = range(first, first + window.channels)
        first += window.channels
    steps: list[int] = []
    fed_back: list[int | None] = []
    for window in placed.inputs:
        steps += [window.steps] * window.channels
        fed_back += list(places[window.signal]) if window.role == "output" else [None] * window.channels
    return steps, fed_back
