"""What is said about sampling, order, linearity and noise, in sentences with numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sysidc.runtime.data.symptoms.symptom import Symptom, percent
from sysidc.runtime.inspection.cascade import Cascade
from sysidc.runtime.inspection.linearity import NEGLIGIBLE, Linearity
from sysidc.runtime.inspection.order import Order
from sysidc.runtime.inspection.recording import Recording

ORDINALS = ("zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

EXPLAINS_NOTHING = 0.97
"""A linear model that misses this share of the outputs is none."""


def sampling(recording: Recording) -> Symptom:
    clock, records = recording.clock, len(recording.records)
    apart = f" in {records} records" if records > 1 else ""
    if clock is None:
        told = f"{recording.rows} samples{apart}; no column tells the time, so the sampling time is unknown"
        return Symptom("sampling", None, None, told, {"samples": recording.rows})
    numbers = {"samples": recording.rows, "sampling_time": clock.sampling_time, "records": records}
    told = f"{recording.rows} samples{apart}, every {duration(clock.sampling_time)}"
    if clock.uniform and clock.jumps:
        told += f"; the time jumps {times(clock.jumps)}, where one record ends and the next begins"
    if not clock.uniform:
        told += f" usually, but not in {clock.jumps} steps: a model wants uniform sampling"
        if clock.repeated:
            told += f"; {clock.repeated} steps stand still or go back"
    return Symptom("sampling", recording.roles.time, None, told, numbers)


def order(found: Order, delays: Sequence[int], sampling_time: float | None) -> Iterator[Symptom]:
    if found.states == 0:
        told = (
            f"the outputs follow the inputs of the same step: a gain without memory misses {percent(found.missed[0])}, "
            "states do not help"
        )
        yield Symptom("order", None, None, told, {"states": 0, "missed": found.missed[0]})
        return
    missed = found.missed[found.states]
    numbers = {"states": found.states, "missed": missed, "delay_states": sum(delays)}
    told = f"a linear model needs {counted(found.states, 'state')}: {order_reason(found)}"
    if any(delays):
        told += f"; the delay takes {sum(delays)} more"
    yield Symptom("order", None, None, told, numbers)
    slowest = float(np.abs(found.model.poles()).max())
    if 0 < slowest < 1:
        steps = -1 / np.log(slowest)
        seconds = "" if sampling_time is None else f", {duration(float(f'{steps * sampling_time:.3g}'))}"
        told = f"its slowest time constant is {steps:.3g} steps{seconds}"
        yield Symptom("time-constant", None, None, told, {"steps": float(steps)})
    if missed > EXPLAINS_NOTHING:
        told = f"the linear model misses {percent(missed)} of the outputs' movement: it explains next to nothing"
        yield Symptom("unexplained", None, None, told, {"missed": missed})


def order_reason(found: Order) -> str:
    """Why so many states."""
    ratio, states = found.ratio, found.states
    missed = f"it misses {percent(found.missed[states])} of the outputs' movement"
    if len(found.missed) > states + 1 and np.isfinite(found.missed[states + 1]):
        missed += f", one state more {percent(found.missed[states + 1])}"
    if states > 1 and np.isfinite(found.missed[states - 1]):
        missed += f", one less {percent(found.missed[states - 1])}"
    if ratio is not None and ratio >= 1.5 and states + 1 < len(ORDINALS):
        return f"the {ORDINALS[states]} singular value is {ratio:.2g} times the {ORDINALS[states + 1]}; {missed}"
    return missed


def linearity(found: Linearity, noise: float | None, saturated: Sequence[str | None]) -> Symptom:
    numbers = {"missed": found.missed, "with_powers": found.with_powers, "explained": found.explained}
    level = "" if noise is None else f" (the noise is {percent(noise)})"
    missed = f"on steps held back the best linear fit misses {percent(found.missed)} of the outputs' movement{level}"
    if found.missed <= NEGLIGIBLE:
        told = f"linear enough: {missed}"
    elif found.linear and saturated:
        told = f"nonlinear at least where it saturates: {missed}"
    elif found.linear:
        told = f"linear: {missed}, and powers of states and inputs explain {share(found.explained)} of that"
    else:
        told = f"nonlinear: {missed}, and powers of states and inputs explain {percent(found.explained)} of its square"
    return Symptom("linearity", None, None, told, numbers)


def cascade(found: Cascade) -> Symptom:
    blocks = f"a curve between two linear blocks of {counted(found.states, 'state')}"
    told = (
        f"{blocks}: before any training it misses {percent(found.missed)} of the output's movement, a linear model of "
        f"{2 * found.states} states {percent(found.linear)}"
    )
    return Symptom("cascade", None, None, told, {"missed": found.missed, "linear": found.linear})


def noise(level: float) -> Symptom:
    told = f"the outputs differ by {percent(level)} of their movement from one period of the input to the next: noise"
    return Symptom("noise", None, None, told, {"level": level})


def share(value: float) -> str:
    return "nothing" if value < 0.005 else f"only {percent(value)}"


def duration(seconds: float) -> str:
    """In a unit in which the number is near one."""
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= size * (3 if size > 1 else 0.9999):
            return f"{seconds / size:.6g} {unit}"
    return f"{seconds:.6g} s"


def counted(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
