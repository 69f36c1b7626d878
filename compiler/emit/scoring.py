"""`predict()` and `score()` of the emitted program: what the trained model says about whole records."""

from __future__ import annotations

from collections.abc import Sequence

from sysidc.compiler.emit.header import runs_freely
from sysidc.compiler.emit.piece import Piece, plain
from sysidc.compiler.emit.values import literal
from sysidc.compiler.plan import Plan

MAIN = '''def main() -> None:
    """Train and score; with --weights only score what was trained before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, help="weights of a finished run")
    given = parser.parse_args()
    if given.weights is None:
        experiment, scale = train()
        save_weights(Path("weights.safetensors"), experiment, scale)
    else:
        experiment, scale = load_experiment(given.weights)
    score(experiment, scale)'''


def predict(plan: Plan) -> Piece:
    """The function from a record in the units of the data to its prediction."""
    prediction = plan.train.prediction
    extra = f", horizon: int = {prediction.validation_horizon}" if prediction is not None else ""
    body, targets = _by_mode(plan)
    told = ", each from outputs measured up to `horizon` steps before it" if prediction is not None else ""
    lines = [
        f"def predict(experiment: Experiment, scale: Scales, record: Record{extra}) -> Tensor:",
        f'    """(steps, outputs) in the units of the data, NaN in the first steps{told}."""',
        "    (record,) = normalised([record], scale)",
        *(f"    {line}" for line in body),
        "    return in_data_units(y, scale, OUTPUT_SIGNALS)",
    ]
    if len(lines[1]) > 88:
        lines[1:2] = ['    """(steps, outputs) in the units of the data, NaN in the first steps.', ""]
        lines[3:3] = ["    Each step is predicted from outputs measured up to `horizon` steps before it.", '    """']
    return Piece("\n".join(lines), (*targets, *plain("series", "in_data_units", "normalised")))


def _by_mode(plan: Plan) -> tuple[list[str], tuple[str, ...]]:
    if plan.train.prediction is not None:
        return ["y = ahead(experiment, record, INPUTS, OUTPUTS, MEASURED, horizon)"], plain("prediction", "ahead")
    if plan.train.bounded is not None:
        return ["y, *_ = held_in_band(experiment, record, INPUTS, OUTPUTS)"], plain("bounded", "held_in_band")
    if runs_freely(plan):
        return ["y = free_run(experiment.model, record, INPUT_SIGNALS, KNOWN)"], plain("simulation", "free_run")
    fed = any(plan.signal(window.signal).role == "output" for window in plan.model.inputs)
    name = "by_own_windows" if fed else "by_windows"
    return [f"y = {name}(experiment.model, record, INPUTS, OUTPUTS)"], plain("simulation", name)


def score(plan: Plan, members: Sequence[str]) -> Piece:
    """`score()`, `load_experiment()` and `main()`; `members` are the functions that build the models which a run
    averages."""
    channels = [len(plan.signal(window.signal).columns) for window in plan.model.outputs]
    several, more = _averaged(plan, sum(channels), members)
    text = "\n\n\n".join([_errors(plan, channels), _loaded(several), MAIN])
    return Piece(text, (*plain("scoring", "errors", "save_weights", "load_weights"), *more))


def _errors(plan: Plan, channels: list[int]) -> str:
    """`score()`: a line for each record, horizon and signal of so many channels."""
    prediction = plan.train.prediction
    horizons = [] if prediction is None else list(plan.test.horizons or [prediction.validation_horizon])
    given, told = (", horizon", " ({horizon} ahead)") if horizons else ("", "")
    over = [f"    for horizon in {literal(horizons)}:"] if horizons else []
    block = [
        f"parts = predict(experiment, scale, record{given}).split({literal(channels)}, dim=1)",
        "for name, y in zip(OUTPUT_SIGNALS, parts, strict=True):",
        f"    found = errors(y, record[name], first={plan.test.initial_steps})",
        '    told = ", ".join(f"{key} = {value:.5g}" for key, value in found.items())',
        f'    print(f"test record {{number}}, {{name}}{told}: {{told}}")',
    ]
    lines = [
        "def score(experiment: Experiment, scale: Scales) -> None:",
        '    """Print the errors on the test part, in the units of the data."""',
        "    for number, record in enumerate(load_records()[2]):",
        *(f"    {line}" for line in over),
        *(" " * (12 if over else 8) + line for line in block),
    ]
    return "\n".join(lines)


def _loaded(several: Sequence[str]) -> str:
    """`load_experiment()`, with the lines that make one model of several."""
    lines = [
        "def load_experiment(weights: Path) -> tuple[Experiment, Scales]:",
        '    """The experiment with the weights of a finished run."""',
        "    ones = {name: torch.ones(len(own), dtype=torch.float64) for name, own in COLUMNS.items()}",
        "    experiment = make_experiment({name: (one - one, one) for name, one in ones.items()})",
        *several,
        "    scale = load_weights(weights, experiment)",
        "    return experiment.eval(), scale",
    ]
    return "\n".join(lines)


def _averaged(plan: Plan, outputs: int, built: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The mean of several models: those of a run, or as many as weights may have."""
    simulation = plan.train.simulation
    if not built and (simulation is None or simulation.ensemble == 1):
        return [], ()
    if built:
        members = "members = [" + ", ".join(f"{name}()" for name in built) + "]"
    else:
        members = "members = [build_model() for _ in range(members_in(weights))]"
    lines = [
        f"    {members}",
        "    if members:",
        f"        range_of_outputs = torch.zeros({outputs}, dtype=torch.{plan.model.dtype})",
        "        experiment.model = Ensemble(members, range_of_outputs, range_of_outputs)",
    ]
    counted = () if built else plain("stages", "members_in")
    return lines, (*counted, "sysidc.runtime.nn.ensemble.Ensemble")
