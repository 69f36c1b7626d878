"""`train()` of the emitted program, with the loaders that it reads, and `fit()` where a training has stages."""

from __future__ import annotations

from sysidc.compiler.emit.data import scale_name
from sysidc.compiler.emit.header import layout, spans_record
from sysidc.compiler.emit.piece import NotEmitted, Piece, plain
from sysidc.compiler.emit.stages import batches, is_second_order, is_staged, left_out, stages
from sysidc.compiler.emit.trainer import growing_horizon, trainer
from sysidc.compiler.emit.values import call, indented, keywords, literal, started
from sysidc.compiler.plan import Plan

WORTH_SHARING = 2_000_000


def train(plan: Plan) -> Piece:
    """`train()` and, where it has stages, `fit()` for one of them."""
    trained = _elsewhere(plan) if left_out(plan) else _in_stages(plan) if is_staged(plan) else _at_once(plan)
    return Piece(trained.text, (*trained.targets, *plain("series", "Scales", "normalised")), trained.imports)


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
    data, order, made = batches(plan), stages(plan), trainer(plan, staged=True)
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
        made.text,
        "    judged = validation_batches(validation) if validation else None",
        "    trainer.fit(experiment, training_batches(train), judged)",
        "    return kept",
    ]
    whole = [
        "def train() -> tuple[Experiment, Scales]:",
        '    """Train on the data of the spec, stage after stage, each from the best of the one before."""',
        *_prepared(plan),
        *indented([order.text], 4),
    ]
    text = "\n\n\n".join([data.text, "\n".join(fit_one), "\n".join(whole)])
    own = (*plain("series", scale_name(plan)), *plain("training", "Training"))
    targets = (*data.targets, *order.targets, *made.targets, *own)
    return Piece(text, targets, (*data.imports, *made.imports))


def _at_once(plan: Plan) -> Piece:
    data, made = _loaders(plan), trainer(plan)
    lines = [
        "def train() -> tuple[Experiment, Scales]:",
        '    """Train on the data of the spec; the weights with the lowest val_loss are kept."""',
        *_prepared(plan),
        data.text,
        "    torch.manual_seed(SEED)",
        "    experiment = make_experiment(scale)",
        *_before(plan),
        made.text,
        f"    trainer.fit(experiment, {_given(plan)})",
        "    return experiment, scale",
    ]
    loaders = [batches(plan).text] if is_second_order(plan) else []
    text = "\n\n\n".join([*growing_horizon(plan), *loaders, "\n".join(lines)])
    targets = (*data.targets, *made.targets, *plain("series", scale_name(plan)))
    return Piece(text, targets, (*data.imports, *made.imports))


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
        made = started("data = ", call("PredictionData", arguments, 11), 4)
        return Piece("\n".join(made), plain("prediction", "PredictionData"))
    if is_second_order(plan):
        return _all_windows(plan)
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


def _all_windows(plan: Plan) -> Piece:
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


def _is_small(plan: Plan) -> bool:
    horizon = plan.train.prediction.validation_horizon if plan.train.prediction is not None else 1
    return plan.model.parameters * plan.train.batch_size * horizon < WORTH_SHARING
