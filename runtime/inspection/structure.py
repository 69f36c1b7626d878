"""Which model a recording asks for, and why: the stack, its windows and its training as lines of a spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sysidc.runtime.data.symptoms.symptom import percent
from sysidc.runtime.inspection import mistakes, sentences
from sysidc.runtime.inspection.cascade import Cascade
from sysidc.runtime.inspection.findings import Findings
from sysidc.runtime.inspection.order import BLOCK

MOST_STATES = 12
"""Levenberg-Marquardt is slow beyond so many states, and a long delay is better read from a window."""

WIDEST_WINDOW = 200
"""Inputs that a window holds at most, besides those of a delay."""

LONG_RECORD, FIRST_SEGMENT, LAST_SEGMENT = 12_000, 8_000, 40_000
SHORT_RECORD = 3_000
"""Samples of the training part above which it grows in stages, and below which several candidates are averaged."""

TRAINED = 0.6
"""The share of a record that is left for training behind validation and test."""

VALIDATED = 0.15
"""The share of a record that is certainly left for the validation: 20 % of what the test leaves."""

Line = tuple[str, str]
"""A line of a spec and the reason for it, which may be empty."""


@dataclass(frozen=True)
class Structure:
    """`inputs`, `known` and `outputs` are the header's window lengths as text, None for a side that is left out."""

    mode: str
    reasons: tuple[str, ...]
    inputs: str | None
    known: str | None
    outputs: str
    layers: tuple[Line, ...]
    train: tuple[Line, ...]
    test: tuple[Line, ...] = ()
    params: tuple[Line, ...] = ()
    normalize: Line = ("standard", "fitted on the training part; scores are in the units of the file")
    merged_inputs: bool = field(default=False)


def choose(found: Findings, mode: str | None) -> Structure:
    """`mode` None lets the recording choose: simulation, or prediction where there is no input. Raises DataError."""
    roles = found.recording.roles
    mode = mode or ("simulation" if roles.inputs else "prediction")
    if mode != "prediction" and not roles.inputs:
        raise mistakes.no_input_for(found.recording.path, mode)
    return BY_MODE[mode](found)


def _simulation(found: Findings) -> Structure:
    delay = max(found.delays, default=0)
    if found.order is not None and found.order.states == 0 and not delay:
        return _static(found)
    if found.cascade is not None and found.cascade.clear:
        return _blocks(found, found.cascade)
    states = (2 if found.order is None else found.order.states) + sum(found.delays)
    if states > MOST_STATES or (found.order is not None and found.order.states == 0):
        return _window(found)
    return _chain(found, states)


def _static(found: Findings) -> Structure:
    outputs = len(found.recording.roles.outputs)
    reason = "no memory: the outputs follow the inputs of the same step, states do not help"
    epochs = ("param epochs = 20", "")
    train = (("optimizer = LevenbergMarquardt(damping = 1e-2)", ""), *_ending(found))
    return Structure(
        "simulation",
        (reason, *_linear_reason(found)),
        "1",
        None,
        "1",
        _network(found, outputs, 16),
        train,
        params=(epochs,),
    )


def _window(found: Findings) -> Structure:
    """The last inputs side by side, long enough for the delay and for what follows it."""
    delay, length = max(found.delays), 0 if found.response is None else found.response.length
    room = max(delay + 1, int(VALIDATED * _shortest(found)) - 2)
    steps = min(room, delay + min(WIDEST_WINDOW, max(4, length + 2 - delay)))
    why = f"the inputs act after up to {sentences.counted(delay, 'step')}, and for {steps} steps in all"
    layers = (("Flatten", "the window as one long vector"), *_network(found, len(found.recording.roles.outputs), 32))
    train = (
        ("optimizer = AdamW(lr = 3e-3)", ""),
        ("scheduler = CosineAnnealingLR(T_max = epochs)", ""),
        *_ending(found),
    )
    params = (("param memory = " + str(steps), why), ("param epochs = 30", ""))
    return Structure("simulation", (why, *_linear_reason(found)), "memory", None, "1", layers, train, params=params)


def _network(found: Findings, outputs: int, width: int) -> tuple[Line, ...]:
    if found.linear:
        return ((f"Linear({outputs})", "linear: a network would have nothing to learn"),)
    return ((f"Linear({width})", ""), ("Tanh", ""), (f"Linear({width})", ""), ("Tanh", ""), (f"Linear({outputs})", ""))


def _blocks(found: Findings, cascade: Cascade) -> Structure:
    """A cascade, whose start its training finds by itself; two signals tell what the curve does between the samples."""
    told = next(symptom.message for symptom in found.told if symptom.id == "cascade")
    between = "two signals half a step apart: they tell what the curve does between samples"
    layers = (
        (f"LinearDynamics(states = {cascade.states}, outputs = 2)", between),
        ("Curve(Spline(knots = 24))", ""),
        (f"LinearDynamics(states = {cascade.states})", ""),
    )
    return _trained_at_once(found, 2 * cascade.states, (told, *_linear_reason(found)), layers, ())


def _chain(found: Findings, states: int) -> Structure:
    block = BLOCK if found.order is None else found.order.block
    init = (f"init = Subspace(block = {block})", "starts from the linear model")
    reasons = (_order_reason(found, states), *_linear_reason(found))
    return _trained_at_once(found, states, reasons, (_system(found, states),), (init,))


def _trained_at_once(
    found: Findings, states: int, reasons: tuple[str, ...], system: tuple[Line, ...], init: tuple[Line, ...]
) -> Structure:
    """Whole records by Levenberg-Marquardt."""
    layers: list[Line] = [*system]
    roles = found.recording.roles
    normalize = Structure.normalize
    if found.has("saturated-output") and len(roles.outputs) == 1:
        layers.append(("Clip(-1, 1)", "the sensor's range, in normalised units; without a saturation leave it out"))
        normalize = ("minmax", "the range of the training part becomes -1 .. 1, where Clip cuts")
    train: list[Line] = [
        ("optimizer = LevenbergMarquardt(damping = 1e-2)", "few parameters: second order, in float64"),
        *init,
        ("initial = estimate", "the start state of a record comes from its first outputs"),
        *_stages(found),
        ("time_limit = 5 min", ""),
        ("seed = 0", "the same file trains to the same weights"),
    ]
    known = str(_known(found, states))
    epochs = 30 if found.linear or found.recording.rows * TRAINED > LONG_RECORD else 60
    test = ((f"initial_steps = {known}", "read at the start of a record, left out of the score"),)
    params = ((f"param epochs = {epochs}", ""),)
    return Structure("simulation", reasons, "all", known, "all", tuple(layers), tuple(train), test, params, normalize)


def _system(found: Findings, states: int) -> Line:
    if found.linear:
        return f"LinearDynamics(states = {states})", "linear: a network would have nothing to learn"
    samples = TRAINED * found.recording.rows
    width = 4 if samples < 800 else 8 if samples < 6_000 else 12
    output = width // 2 if samples >= 800 else 0
    hidden = f"hidden = [{width}], output_hidden = [{output}]" if output else f"hidden = [{width}], output_hidden = []"
    return f"StateSpace(states = {states}, {hidden})", "linear matrices, and networks for what they miss"


def _stages(found: Findings) -> list[Line]:
    samples = int(TRAINED * found.recording.rows)
    if found.linear:
        return [("epochs = epochs", "")]
    if samples > LONG_RECORD:
        last = "all" if samples <= LAST_SEGMENT else f"{LAST_SEGMENT:_}"
        return [
            (f"stage {{ segments = [{FIRST_SEGMENT:_}] starts = 4 epochs = epochs }}", "candidates race on a part"),
            (f"stage {{ segments = [{last}] epochs = epochs }}", "the best goes on with more"),
        ]
    if samples < SHORT_RECORD:
        return [
            ("starts = 6", "few samples: several candidates,"),
            ("keep = 3", ""),
            ("ensemble = 3", "of which the best three are averaged"),
            ("epochs = epochs", ""),
        ]
    return [("starts = 3", "candidates; the best one is kept"), ("epochs = epochs", "")]


def _known(found: Findings, states: int) -> int:
    """Steps whose outputs start the state: a few for each state, a small part of the shortest record."""
    return max(2, min(max(5, 3 * states), _shortest(found) // 20))


def _prediction(found: Findings) -> Structure:
    roles, delay = found.recording.roles, max(found.delays, default=0)
    states = 3 if found.order is None else max(1, found.order.states)
    autonomous = not roles.inputs
    past = 8 if autonomous else max(2, states + 1)
    driving = None if autonomous else "memory"
    layers = (("Flatten", "the window as one long vector"), *_network(found, len(roles.outputs), 32))
    large = found.recording.rows > 20_000
    room = int(VALIDATED * _shortest(found)) - delay - 2 * past  # steps that the validation part leaves for a horizon
    train = (
        ("optimizer = AdamW(lr = 5e-3)", ""),
        ("scheduler = CosineAnnealingLR(T_max = epochs)", ""),
        *_horizon(room),
        (f"batch_size = {256 if large else 64}", ""),
        ("epochs = epochs", ""),
        ("seed = 0", "the same file trains to the same weights"),
    )
    params: list[Line] = [] if autonomous else [(f"param memory = {delay + past}", _memory_reason(found, delay, past))]
    params.append(
        (f"param past = {past}", "outputs that the model sees" + ("" if autonomous else ", one more than states"))
    )
    params.append(("param epochs = 30", ""))
    reasons = _linear_reason(found) if not autonomous else ("no input: the model predicts the outputs from their past",)
    scored = ", ".join(str(steps) for steps in (1, 8, 32) if steps <= max(1, room))
    horizons = ((f"horizons = [{scored}]", "steps ahead that are scored"),)
    return Structure("prediction", reasons, driving, "past", "1", layers, train, horizons, tuple(params))


def _horizon(room: int) -> tuple[Line, ...]:
    longest = next((steps for steps in (16, 4) if steps <= room), 1)
    if longest == 1:
        return (("horizon = 1", "the record is too short for more"),)
    growing = f"autoregression = Step(step_size = 10, gamma = 4, max_length = {longest})"
    return ("horizon = 1", "one step on its own predictions at first,"), (
        growing,
        "four times as many every ten epochs",
    )


def _shortest(found: Findings) -> int:
    return min(len(record) for record in found.recording.records)


def _memory_reason(found: Findings, delay: int, past: int) -> str:
    return f"inputs that the model sees: a delay of {delay} steps and {past} more" if delay else "inputs that it sees"


def _bounded(found: Findings) -> Structure:
    roles = found.recording.roles
    if len(roles.outputs) != 1:
        raise mistakes.bounded_wants_one(found.recording.path, len(roles.inputs), len(roles.outputs))
    length = 3 if found.response is None else found.response.length
    memory = max(1, min(10, length))
    why = f"the linear answer to an impulse is over after {sentences.counted(length, 'step')}"
    if length > memory:
        why += f"; the band is wide over so many, and {memory} are seen"
    train = (
        ("kernel = Epanechnikov(bandwidth = 0.3)", "near samples weigh more; in normalised units"),
        ("lipschitz = estimate", "largest slope of the system, taken from the data"),
        ("delta = 0.1", "the band holds with probability 1 - delta"),
        ("noise = estimate", "standard deviation, taken from the data"),
        ("neighbours = 64", "samples that the regression sees"),
        ("bound_during_training = on", ""),
        ("optimizer = Adam(lr = 3e-3)", ""),
        *_ending(found),
    )
    network = (("Linear(32)", ""), ("ReLU", ""), ("Linear(32)", ""), ("ReLU", ""), ("Linear(1)", ""))
    params = (("param memory = " + str(memory), why), ("param epochs = 20", ""))
    layers = (("Flatten", "the window as one long vector"), *network)
    return Structure("bounded", (why,), "memory", None, "1", layers, train, params=params, merged_inputs=True)


def _ending(found: Findings) -> tuple[Line, ...]:
    batch = (("batch_size = 256", ""),) if found.recording.rows > 20_000 else ()
    return (*batch, ("epochs = epochs", ""), ("seed = 0", "the same file trains to the same weights"))


def _order_reason(found: Findings, states: int) -> str:
    if found.order is None:
        return "2 states are a guess: the record is too short to tell an order"
    reason = f"order {found.order.states}: {sentences.order_reason(found.order)}"
    delay = sum(found.delays)
    return reason + (f"; {states} states in all, a delay of {delay} steps takes {delay} of them" if delay else "")


def _linear_reason(found: Findings) -> tuple[str, ...]:
    if found.linearity is None:
        return ()
    told = next(symptom.message for symptom in found.told if symptom.id == "linearity")
    missed = f"the best linear model misses {percent(found.linearity.missed)} of the outputs' movement"
    return (told,) if found.linear else (told, f"a score to beat: {missed}")


BY_MODE: dict[str, Callable[[Findings], Structure]] = {
    "simulation": _simulation,
    "prediction": _prediction,
    "bounded": _bounded,
}
