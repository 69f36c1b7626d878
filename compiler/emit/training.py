"""The experiment of the emitted program: the module of the mode, its optimiser, its callbacks, and the fit."""

from __future__ import annotations

from typing import Any

from sysidc.compiler.dtypes import FLOATING
from sysidc.compiler.emit.data import scale_name
from sysidc.compiler.emit.header import layout, spans_record
from sysidc.compiler.emit.inlining import Import
from sysidc.compiler.emit.piece import NotEmitted, Piece, bare, plain
from sysidc.compiler.emit.stack import every
from sysidc.compiler.emit.stages import batches, is_second_order, is_staged, left_out, stages
from sysidc.compiler.emit.values import call, keywords, literal
from sysidc.compiler.plan import CallPlan, Plan

FUSED = ("Adam", "AdamW", "SGD", "Adagrad")
BASES = {"simulation": ("simulation", "Simulation"), "bounded": ("bounded", "Bounded")}
WORTH_SHARING = 2_000_000
LOGGERS = {"csv": "CSVLogger", "tensorboard": "TensorBoardLogger", "mlflow": "MLFlowLogger", "wandb": "WandbLogger"}
CALLBACKS = "lightning.pytorch.callbacks"
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
            *_lines("optimizer = ", _optimizer(plan), 8),
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
        *_lines("scheduler = ", made, 8),
        f"        schedule = {{{settings}}}",
        '        return {"optimizer": optimizer, "lr_scheduler": schedule}',
    ]


# --- the fit -----------------------------------------------------------------------------------------------------


def fit(plan: Plan) -> Piece:
    """`make_experiment()`, `train()` and, where that has stages, `fit()` for one of them."""
    made = _module(plan)
    index = ", index: int = 0" if is_staged(plan) else ""
    told = "The experiment before training; each start has random weights of its own." if index else ""
    maker = "\n".join(
        [
            f"def make_experiment(scale: Scales{index}) -> Experiment:",
            f'    """{told or "The experiment before training."}"""',
            *made.text.split("\n"),
        ]
    )
    trained = _elsewhere(plan) if left_out(plan) else _in_stages(plan) if is_staged(plan) else _training(plan)
    targets = (*made.targets, *trained.targets, *plain("series", "Scales", "normalised"))
    return Piece(f"{maker}\n\n\n{trained.text}", targets, trained.imports)


def _elsewhere(plan: Plan) -> Piece:
    lines = [
        "def train() -> tuple[Experiment, Scales]:",
        '    """Not written out; the weights of a run are read with --weights."""',
        f'    raise SystemExit("{left_out(plan)}: not part of this file, give --weights of a run")',
    ]
    return Piece("\n".join(lines))


def _prepared(plan: Plan) -> list[str]:
    """The records in the scale that the network sees."""
    return [
        *(["    torch.set_num_threads(1)  # a network this small is faster on one"] if _is_small(plan) else []),
        "    train_records, validation_records, _ = load_records()",
        f"    scale = {scale_name(plan)}(train_records)",
        "    train_records = normalised(train_records, scale)",
        "    validation_records = normalised(validation_records, scale)",
    ]


def _in_stages(plan: Plan) -> Piece:
    data, order, callbacks = batches(plan), stages(plan), _callbacks(plan, staged=True)
    settings = ["max_epochs=epochs", *_trainer_settings(plan)[1:], callbacks.text]
    trainer = call("pl.Trainer", settings, 4 + len("trainer = "), split=True)
    limited = plan.train.time_limit is not None
    fit_one = [
        "def fit(",
        "    experiment: Training,",
        "    train: list[Record],",
        "    validation: list[Record],",
        "    epochs: int,",
        "    seconds: float | None = None,",
        ") -> KeepBest:",
        '    """One stage of one start; the weights with the lowest val_loss are kept."""',
        "    torch.manual_seed(SEED)",
        "    kept = KeepBest()",
        *([] if limited else ["    assert seconds is None"]),
        *_lines("trainer = ", trainer, 4),
        "    judged = validation_batches(validation) if validation else None",
        "    trainer.fit(experiment, training_batches(train), judged)",
        "    return kept",
    ]
    whole = [
        "def train() -> tuple[Experiment, Scales]:",
        '    """Train on the data of the spec, stage after stage, each from the best of the one before."""',
        *_prepared(plan),
        *(f"    {line}" if line else line for line in order.text.split("\n")),
    ]
    text = "\n\n\n".join([data.text, "\n".join(fit_one), "\n".join(whole)])
    own = (*plain("series", scale_name(plan)), *plain("training", "Training"))
    targets = (*data.targets, *order.targets, *callbacks.targets, *own)
    imports = (*data.imports, *callbacks.imports, Import("lightning.pytorch", None, "pl"))
    return Piece(text, targets, imports)


def _training(plan: Plan) -> Piece:
    data = _loaders(plan)
    callbacks = _callbacks(plan)
    trainer = call("pl.Trainer", [*_trainer_settings(plan), callbacks.text], 4 + len("trainer = "), split=True)
    lines = [
        "def train() -> tuple[Experiment, Scales]:",
        '    """Train on the data of the spec; the weights with the lowest val_loss are kept."""',
        *_prepared(plan),
        *data.text.split("\n"),
        "    torch.manual_seed(SEED)",
        "    experiment = make_experiment(scale)",
        *_before(plan),
        *_lines("trainer = ", trainer, 4),
        f"    trainer.fit(experiment, {_given(plan)})",
        "    return experiment, scale",
    ]
    loaders = [batches(plan).text] if is_second_order(plan) else []
    text = "\n\n\n".join([*_horizon(plan), *loaders, "\n".join(lines)])
    targets = (*data.targets, *callbacks.targets, *plain("series", scale_name(plan)))
    return Piece(text, targets, (*data.imports, *callbacks.imports, Import("lightning.pytorch", None, "pl")))


def _module(plan: Plan) -> Piece:
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
        lines += _lines("band = ", call("Band", [bare(bounded.kernel.target), *settings], 11), 4)
        arguments += ["band", f"bound_during_training={bounded.bound_during_training}"]
        arguments += [f"crossing_penalty={bounded.bound_crossing_penalty!r}"]
        targets += [bounded.kernel.target, "sysidc.runtime.bounded.band.Band"]
        if bounded.max_reinit:
            targets += [f"sysidc.runtime.training.redraw.{name}" for name in ("redraw_parameters", "keep_best_draw")]
            targets += plain("bounded", "share_outside")
    lines += _lines("return ", call("Experiment", arguments, 11), 4)
    return Piece("\n".join(lines), tuple(targets))


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


def _loaders(plan: Plan) -> Piece:
    size = plan.train.batch_size
    if plan.train.prediction is not None:
        prediction = plan.train.prediction
        settings = {"horizon": prediction.horizon, "validation_horizon": prediction.validation_horizon}
        arguments = [
            *("train_records", "validation_records", "INPUTS", "OUTPUTS", "MEASURED"),
            *keywords({**settings, "batch_size": size}),
            "seed=SEED",
        ]
        made = _lines("data = ", call("PredictionData", arguments, 11), 4)
        return Piece("\n".join(made), plain("prediction", "PredictionData"))
    if is_second_order(plan):
        return _all_at_once(plan)
    if spans_record(plan):
        made = [
            "    windows = WholeRecords(train_records, INPUT_SIGNALS, OUTPUT_SIGNALS, KNOWN)",
            "    checked = WholeRecords(validation_records, INPUT_SIGNALS, OUTPUT_SIGNALS, KNOWN)",
            f"    train_loader = by_length(windows, {size}, SEED)",
            f"    val_loader = by_length(checked, {size}) if validation_records else None",
        ]
        return Piece("\n".join(made), plain("windows", "WholeRecords", "by_length"))
    kind = "IndexedWindows" if plan.train.bounded is not None else "Windows"
    horizon = layout(plan).horizon
    stride = f", stride={horizon}" if horizon > 1 else ""
    made = [
        f"    windows = {kind}(train_records, INPUTS, OUTPUTS)",
        f"    train_loader = shuffled(windows, {size}, SEED)",
        "    val_loader = None",
        "    if validation_records:",
        f"        checked = Windows(validation_records, INPUTS, OUTPUTS{stride})",
        f"        val_loader = in_order(checked, {size})",
    ]
    targets = (*plain("windows", "Windows", "shuffled", "in_order"), *plain("bounded", "IndexedWindows"))
    return Piece("\n".join(made), targets if kind == "IndexedWindows" else targets[:-1])


def _all_at_once(plan: Plan) -> Piece:
    """Loaders of second-order training, whose step sees all windows."""
    data = batches(plan)
    made = [
        "    train_loader = training_batches(train_records)",
        "    val_loader = validation_batches(validation_records) if validation_records else None",
    ]
    return Piece("\n".join(made), data.targets, data.imports)


def _before(plan: Plan) -> list[str]:
    """What bounded mode does before it trains: the band, and the best of several initial weights."""
    bounded = plan.train.bounded
    if bounded is None:
        return []
    lines = [
        f"    experiment.fit_band(windows, lipschitz={literal(bounded.lipschitz)}, noise={literal(bounded.noise)})"
    ]
    if bounded.max_reinit:
        if any(node.init is not None for node in plan.model.nodes):
            raise NotEmitted("`@init` together with `max_reinit` cannot be compiled yet", "leave one of them out")
        share = "lambda: share_outside(experiment, checked)"
        settings = ["experiment.model", "redraw_parameters", share, f"draws={bounded.max_reinit}"]
        settings += [f"tolerance={bounded.reinit_tolerance!r}"]
        drawn = call("keep_best_draw", settings, 8)
        lines += ["    if validation_records:", *(f"        {line}" for line in drawn)]
    return lines


def _given(plan: Plan) -> str:
    return "datamodule=data" if plan.train.prediction is not None else "train_loader, val_loader"


def _trainer_settings(plan: Plan) -> list[str]:
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
    made = [
        {
            "csv": 'CSVLogger("logs")',
            "tensorboard": 'TensorBoardLogger("logs")',
            "mlflow": f"MLFlowLogger({literal(plan.model.name)})",
            "wandb": f"WandbLogger({literal(plan.model.name)}, offline=True)",
        }[name]
        for name in plan.train.loggers
    ]
    return f"logger=[{', '.join(made)}]" if made else "logger=False"


def _callbacks(plan: Plan, staged: bool = False) -> Piece:
    """Of a whole training, or of `fit()`, where stops need a validation part and the time is given."""
    train = plan.train
    made = ["kept" if staged else "KeepBest()", "PrintEpochs()"]
    targets, imports = [*plain("training", "KeepBest", "PrintEpochs")], []
    for name in train.loggers:
        imports.append(Import("lightning.pytorch.loggers", LOGGERS[name]))
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
        forcing, growth = train.prediction.teacher_forcing, train.prediction.autoregression
        if growth is not None and growth.name in ("Step", "MultiStep"):
            made.append("GrowingHorizon(horizon_at)")
            targets += plain("prediction", "GrowingHorizon")
        elif growth is not None:
            made.append("\n".join(call(bare(growth.target), keywords(_renamed(growth)), 12)))
            targets.append(growth.target)
        if isinstance(forcing, CallPlan):
            made.append(f"{bare(forcing.target)}({', '.join(keywords(forcing.arguments))})")
            targets.append(forcing.target)
    listed = call("", made, 8)
    text = "\n".join(["callbacks=[" + listed[0][1:], *listed[1:]])
    return Piece(text[:-1] + "]", tuple(targets), tuple(imports))


def _renamed(growth: CallPlan) -> dict[str, Any]:
    """The class keeps the reference toolbox's name of one argument."""
    names = {"length_factor": "ar_length_factor"}
    return {names.get(name, name): value for name, value in growth.arguments.items()}


def _horizon(plan: Plan) -> list[str]:
    """`horizon_at(epoch)` of a schedule that depends on the epoch alone."""
    prediction = plan.train.prediction
    growth = None if prediction is None else prediction.autoregression
    if prediction is None or growth is None or growth.name not in ("Step", "MultiStep"):
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


def _is_small(plan: Plan) -> bool:
    horizon = plan.train.prediction.validation_horizon if plan.train.prediction is not None else 1
    return plan.model.parameters * plan.train.batch_size * horizon < WORTH_SHARING


def _flat(lines: list[str]) -> str:
    """A call on one line."""
    return lines[0] if len(lines) == 1 else lines[0] + " ".join(line.strip() for line in lines[1:-1])[:-1] + ")"


def _lines(start: str, lines: list[str], spaces: int) -> list[str]:
    """`start` before a call, indented."""
    whole = [start + lines[0], *lines[1:]]
    return [" " * spaces + line for text in whole for line in text.split("\n")]
