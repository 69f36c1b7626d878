"""From a Plan to torch: the stack, the training module of the mode and its callbacks. Runs only on sound Plans."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sysidc.compiler.catalogue.installed import is_foreign
from sysidc.compiler.catalogue.state_rules import nominal
from sysidc.compiler.dtypes import FLOATING
from sysidc.compiler.foreign import foreign_module
from sysidc.compiler.plan import CallPlan, Node, Plan

if TYPE_CHECKING:
    import lightning.pytorch as pl
    from torch import Tensor, nn

    from sysidc.runtime.training import Feedback

TRAINING_MODULES = {
    "simulation": "sysidc.runtime.training.LightningSimulationTrainingModule",
    "prediction": "sysidc.runtime.training.LightningPredictionTrainingModule",
    "bounded": "sysidc.runtime.training.BoundedSimulationTrainingModule",
}
FUSED = ("Adam", "AdamW", "SGD", "Adagrad")
WHOLE_STEPS = ("LBFGS", "LevenbergMarquardt")
TWO_AXES_ONLY = ("eye", "sparse")


def located(path: str) -> Any:
    """The class or function at a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


# --- the stack ---------------------------------------------------------------------------------------------------


def build_stack(plan: Plan, device: str | None = None) -> nn.Sequential:
    """The model as nn.Sequential with named children, in the dtype of the plan.

    Weights depend on the plan's seed alone; torch's random state stays as it was.
    """
    import torch

    default = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.train.seed)
        try:
            torch.set_default_dtype(getattr(torch, plan.model.dtype))
            with torch.device(device or "cpu"):
                return _chained(plan) if plan.model.chain else _sequence(plan.model.nodes)
        finally:
            torch.set_default_dtype(default)


def _chained(plan: Plan) -> nn.Sequential:
    """The stack as one state-space model; the plan's Chain tells which channels go in and which start its state."""
    chain = plan.model.chain
    assert chain is not None
    modules = {node.name: _module(node) for node in plan.model.nodes}
    build = located("sysidc.runtime.nn.Chain")
    return build(modules, chain.input_channels, chain.known_channels, chain.known, chain.initial)  # type: ignore[no-any-return]


def _module(node: Node) -> nn.Module:
    module = foreign_module(node) if is_foreign(node.layer, node.target) else _own_module(node)
    if node.init is not None:
        initialise(module, node.init)
    if node.freeze:
        module.requires_grad_(False)
    return module


def _own_module(node: Node) -> nn.Module:
    arguments = {name: _value(name, value) for name, value in nominal(node.arguments).items()}
    target = located(node.target)
    if not node.children:
        module = target(**arguments)
    elif node.layer == "stack":
        module = _sequence(node.children)
    else:
        module = target(_module(node.children[0]), **arguments)
    return module  # type: ignore[no-any-return]


def _sequence(children: tuple[Node, ...]) -> nn.Sequential:
    import torch

    sequence = torch.nn.Sequential()
    for child in children:
        sequence.add_module(child.name, _module(child))
    return sequence


def _value(name: str, value: Any) -> Any:
    import torch

    return getattr(torch, value) if name in ("in_dtype", "out_dtype") else value


def initialise(module: nn.Module, call: CallPlan) -> None:
    """Fill the weights of a module, which are its parameters of two or more axes; biases stay as torch made them."""
    fill = functools.partial(located(call.target), **call.arguments)
    for parameter in module.parameters():
        if parameter.ndim == 2 or (parameter.ndim > 2 and call.name not in TWO_AXES_ONLY):
            _fill(parameter, fill)


def _fill(parameter: nn.Parameter, fill: Callable[[Tensor], object]) -> None:
    """In float32 where the parameter has half of it: torch factors no matrices of 16 bits."""
    import torch

    if parameter.dtype.itemsize > 2:
        fill(parameter)
        return
    with torch.no_grad():
        wide = parameter.float()
        fill(wide)
        parameter.copy_(wide)


# --- the training module -----------------------------------------------------------------------------------------


def several_steps_at_once(plan: Plan) -> bool:
    """Whether the module itself may take several optimiser steps per batch, which is faster for small networks.

    Where a scaler, a closure or several devices stand between a loss and its step, Lightning does it, one by one.
    """
    train = plan.train
    alone = train.devices == 1 and train.num_nodes == 1
    return train.precision in FLOATING and alone and train.optimizer.name not in WHOLE_STEPS and not _whole(plan)


def is_second_order(plan: Plan) -> bool:
    """Whether one optimiser step takes the whole training part."""
    return plan.train.optimizer.name == "LevenbergMarquardt"


def _whole(plan: Plan) -> bool:
    return plan.model.outputs[0].steps is None


def training_module(
    plan: Plan,
    stack: nn.Sequential,
    output_scale: Tensor | None = None,
    steps_per_epoch: int | None = None,
    several: bool = False,
) -> pl.LightningModule:
    """The LightningModule of the plan's mode around a stack, with factories of its optimiser and scheduler.

    `steps_per_epoch` is needed by OneCycleLR where it is not told how many steps there are. With `several` the module
    takes the steps of a batch of many windows by itself (see `several_steps_at_once`).
    """
    train = plan.train
    loss = located(train.loss.target)(**train.loss.arguments)
    optimizer = functools.partial(located(train.optimizer.target), **_optimizer_arguments(plan))
    scheduler = _scheduler(plan, steps_per_epoch)
    shared = {
        "scheduler_interval": train.scheduler_interval,
        "monitor": train.scheduler_monitor or "val_loss",
        "output_scale": output_scale,
        "batch_size": train.batch_size if several else None,
        "gradient_clip": train.gradient_clip if several else None,
    }
    if is_second_order(plan):
        shared["second_order"] = True
    module = located(TRAINING_MODULES[train.mode])
    return module(stack, optimizer, scheduler, loss, **shared, **_mode_arguments(plan))  # type: ignore[no-any-return]


def is_growing(metric: str) -> bool:
    """Whether a metric is better when larger: a fit, and nothing else that is logged."""
    return metric.endswith("fit")


def _optimizer_arguments(plan: Plan) -> dict[str, Any]:
    """The arguments as the plan has them; where torch has one kernel for the whole step, that is used."""
    fused = plan.train.optimizer.name in FUSED and plan.model.dtype in ("float32", "float64")
    one_kernel = {"fused": True} if fused and plan.train.accelerator in ("cpu", "cuda") else {}
    return {**plan.train.optimizer.arguments, **one_kernel}


def _scheduler(plan: Plan, steps_per_epoch: int | None) -> functools.partial[Any] | None:
    call = plan.train.scheduler
    if call is None:
        return None
    arguments = dict(call.arguments)
    if call.name == "OneCycleLR" and arguments["total_steps"] is None:
        arguments["total_steps"] = plan.train.epochs * (steps_per_epoch or 1)
    if plan.train.scheduler_monitor is not None and is_growing(plan.train.scheduler_monitor):
        arguments["mode"] = "max"
    return functools.partial(located(call.target), **arguments)


def _mode_arguments(plan: Plan) -> Mapping[str, Any]:
    if plan.train.prediction is not None:
        forcing = plan.train.prediction.teacher_forcing
        return {
            "teacher_forcing": forcing if isinstance(forcing, bool) else True,
            "feedback": feedback(plan),
            "state": plan.train.prediction.state,
        }
    if plan.train.bounded is not None:
        bounded = plan.train.bounded
        names = ("bandwidth", "lipschitz", "delta", "noise", "neighbours", "radius", "bound_during_training")
        more = ("bound_crossing_penalty", "max_reinit", "reinit_tolerance")
        return {
            "kernel": located(bounded.kernel.target),
            "redraw": functools.partial(redraw, plan),
            **{name: getattr(bounded, name) for name in (*names, *more)},
        }
    return {}


def redraw(plan: Plan, stack: nn.Module) -> None:
    """New initial weights from torch's random state, what `@init` asks for included; frozen layers keep theirs."""
    located("sysidc.runtime.training.redraw.redraw_parameters")(stack)
    for node in plan.model.nodes:
        _initialise_again(node, stack.get_submodule(node.name))


def _initialise_again(node: Node, module: nn.Module) -> None:
    for child, inner in zip(node.children, module.children(), strict=bool(node.children)):
        _initialise_again(child, inner)
    if node.init is not None:
        initialise(module, node.init)


def feedback(plan: Plan) -> Feedback:
    """Which channels of the window are measured inputs and which are fed back."""
    layout = located("sysidc.runtime.data.layouts.window_layout")(plan)
    return located("sysidc.runtime.training.feedback_of")(layout)  # type: ignore[no-any-return]


# --- callbacks ---------------------------------------------------------------------------------------------------


def callbacks(plan: Plan) -> list[pl.Callback]:
    """Early stopping, time limit, growing horizon and cyclic teacher forcing, as far as the plan asks for them."""
    train = plan.train
    found: list[pl.Callback] = []
    if train.stop is not None:
        mode = "max" if is_growing(train.stop.arguments["monitor"]) else "min"
        found.append(located(train.stop.target)(**train.stop.arguments, mode=mode))
    if train.time_limit is not None:
        timer = located("lightning.pytorch.callbacks.Timer")
        found.append(timer(timedelta(seconds=train.time_limit), interval="step", verbose=False))
    if train.prediction is not None:
        if train.prediction.autoregression is not None:
            found.append(_autoregression(train.prediction.autoregression))
        if isinstance(train.prediction.teacher_forcing, CallPlan):
            call = train.prediction.teacher_forcing
            found.append(located(call.target)(**call.arguments))
    return found


def _autoregression(call: CallPlan) -> pl.Callback:
    arguments = dict(call.arguments)
    if "length_factor" in arguments:  # the class keeps the reference toolbox's name
        arguments["ar_length_factor"] = arguments.pop("length_factor")
    return located(call.target)(**arguments)  # type: ignore[no-any-return]
