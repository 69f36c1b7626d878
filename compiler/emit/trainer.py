"""`pl.Trainer(...)` of the emitted program: its settings, loggers and callbacks, and the horizon that grows."""

from __future__ import annotations

from typing import Any

from sysidc.compiler.dtypes import FLOATING
from sysidc.compiler.emit.imports import Import
from sysidc.compiler.emit.piece import Piece, bare, plain
from sysidc.compiler.emit.stages import is_second_order
from sysidc.compiler.emit.values import call, keywords, literal, started
from sysidc.compiler.plan import CallPlan, Plan, PredictionPlan

LOGGERS = {
    "csv": 'CSVLogger("logs")',
    "tensorboard": 'TensorBoardLogger("logs")',
    "mlflow": "MLFlowLogger({model})",
    "wandb": "WandbLogger({model}, offline=True)",
}
CALLBACKS = "lightning.pytorch.callbacks"
BY_EPOCH = ("Step", "MultiStep")
"""Growths of the horizon that depend on the epoch alone."""


def trainer(plan: Plan, staged: bool = False) -> Piece:
    """The lines that make it: for a whole training, or inside of `fit()`, which is told the epochs."""
    called, (epochs, *settings) = _callbacks(plan, staged), _settings(plan)
    arguments = ["max_epochs=epochs" if staged else epochs, *settings, called.text]
    made = call("pl.Trainer", arguments, 4 + len("trainer = "), split=True)
    imports = (*called.imports, Import("lightning.pytorch", None, "pl"))
    return Piece("\n".join(started("trainer = ", made, 4)), called.targets, imports)


def _settings(plan: Plan) -> list[str]:
    train = plan.train
    precision = train.precision if train.precision not in FLOATING else None
    growing = train.prediction is not None and train.prediction.autoregression is not None
    settings: dict[str, Any] = {
        "max_epochs": train.epochs,
        "accelerator": train.accelerator,
        "devices": train.devices,
        **({"strategy": train.strategy} if train.strategy != "auto" else {}),
        **({"num_nodes": train.num_nodes} if train.num_nodes != 1 else {}),
        **({"precision": precision} if precision is not None else {}),
        **({"gradient_clip_val": train.gradient_clip} if train.gradient_clip is not None else {}),
        **({"reload_dataloaders_every_n_epochs": 1} if growing else {}),
        **({"inference_mode": False} if is_second_order(plan) else {}),
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return [*keywords(settings), _loggers(plan)]


def _loggers(plan: Plan) -> str:
    made = [LOGGERS[name].format(model=literal(plan.model.name)) for name in plan.train.loggers]
    return f"logger=[{', '.join(made)}]" if made else "logger=False"


def _callbacks(plan: Plan, staged: bool) -> Piece:
    """Of a whole training, or of `fit()`, where stops need a validation part and the time is given."""
    train = plan.train
    made = ["kept" if staged else "KeepBest()", "PrintEpochs()"]
    targets, imports = [*plain("training", "KeepBest", "PrintEpochs")], []
    for name in train.loggers:
        imports.append(Import("lightning.pytorch.loggers", LOGGERS[name].partition("(")[0]))
    if train.stop is not None:
        mode = "max" if train.stop.arguments["monitor"].endswith("fit") else "min"
        stop = call("EarlyStopping", keywords({**train.stop.arguments, "mode": mode}), 12)
        made.append(f"*([{_flat(stop)}] if validation else [])" if staged else "\n".join(stop))
        imports.append(Import(CALLBACKS, "EarlyStopping"))
    if train.time_limit is not None:
        seconds = "seconds" if staged else repr(train.time_limit)
        timer = f'Timer(timedelta(seconds={seconds}), interval="step")'
        made.append(f"*([] if seconds is None else [{timer}])" if staged else timer)
        imports += [Import(CALLBACKS, "Timer"), Import("datetime", "timedelta")]
    if train.prediction is not None:
        changes, named = _changes(train.prediction)
        made, targets = [*made, *changes], [*targets, *named]
    listed = call("", made, 8)
    text = "\n".join(["callbacks=[" + listed[0][1:], *listed[1:]])
    return Piece(text[:-1] + "]", tuple(targets), tuple(imports))


def _changes(prediction: PredictionPlan) -> tuple[list[str], list[str]]:
    """Callbacks that change the horizon or teacher forcing from epoch to epoch, and what they name."""
    made: list[str] = []
    targets: list[str] = []
    forcing, growth = prediction.teacher_forcing, prediction.autoregression
    if growth is not None and growth.name in BY_EPOCH:
        made.append("GrowingHorizon(horizon_at)")
        targets += plain("prediction", "GrowingHorizon")
    elif growth is not None:
        made.append("\n".join(call(bare(growth.target), keywords(_renamed(growth)), 12)))
        targets.append(growth.target)
    if isinstance(forcing, CallPlan):
        made.append(f"{bare(forcing.target)}({', '.join(keywords(forcing.arguments))})")
        targets.append(forcing.target)
    return made, targets


def _renamed(growth: CallPlan) -> dict[str, Any]:
    """The class keeps the reference toolbox's name of one argument."""
    names = {"length_factor": "ar_length_factor"}
    return {names.get(name, name): value for name, value in growth.arguments.items()}


def growing_horizon(plan: Plan) -> list[str]:
    """`horizon_at(epoch)` of a schedule that depends on the epoch alone."""
    prediction = plan.train.prediction
    growth = None if prediction is None else prediction.autoregression
    if prediction is None or growth is None or growth.name not in BY_EPOCH:
        return []
    given = growth.arguments
    if growth.name == "Step":
        times = f"epoch // {given['step_size']}"
        about = f"times {given['gamma']} every {given['step_size']} epochs"
    else:
        times = f"sum(epoch >= milestone for milestone in {literal(list(given['milestones']))})"
        about = f"times {given['gamma']} at each milestone"
    grown = f"{prediction.horizon} * {given['gamma']} ** ({times})"
    cap = given.get("max_length")
    told = about if cap is None else f"{about}, at most {cap}"
    lines = ["def horizon_at(epoch: int) -> int:", f'    """{prediction.horizon} steps, {told}."""']
    return ["\n".join([*lines, f"    return {grown if cap is None else f'min({grown}, {cap})'}"])]


def _flat(lines: list[str]) -> str:
    """A call on one line."""
    return lines[0] if len(lines) == 1 else lines[0] + " ".join(line.strip() for line in lines[1:-1])[:-1] + ")"
