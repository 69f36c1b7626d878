"""Each symptom is found where it was planted, told with its numbers, and none on a clean record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from sysidc.runtime.data.generators import generate
from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms import Symptom, symptoms
from sysidc.runtime.data.symptoms.delay import dead_time
from sysidc.runtime.data.symptoms.inputs import input_changes
from sysidc.runtime.data.symptoms.period import repetition
from sysidc.runtime.data.symptoms.quantisation import grid_step
from sysidc.runtime.solvers.linear_model import LinearModel

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def filtered(u: Array, noise: float = 0.01) -> Array:
    """A lightly damped second-order answer with noise, of about unit size."""
    y = np.asarray(signal.lfilter([0.0, 0.2, 0.1], [1.0, -1.4, 0.7], u))
    return y + noise * np.random.default_rng(99).standard_normal(len(y))


def record(name: str, u: Array, y: Array, time: Array | None = None, first: int = 0) -> Record:
    return Record(name, {"u": u[:, None] if u.ndim == 1 else u, "y": y[:, None]}, time, first)


def white(steps: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(steps)


def clean(name: str, steps: int = 2000, seed: int = 0) -> Record:
    u = white(steps, seed)
    return record(name, u, filtered(u))


def found(train: Record, validation: Record | None = None, test: Record | None = None) -> list[Symptom]:
    parts = [[part] if part is not None else [] for part in (train, validation, test)]
    return symptoms(parts[0], parts[1], parts[2], ["u"], ["y"])


def only(train: Record, validation: Record | None = None, test: Record | None = None) -> Symptom:
    """The one symptom that there is."""
    told = found(train, validation, test)
    assert len(told) == 1, told
    return told[0]


def changed(plant: Callable[[Array, Array], None], steps: int = 2000) -> Record:
    """A clean record after `plant(u, y)` has changed its columns in place; row 100 of the file is its step 0."""
    u = white(steps, 0)
    y = filtered(u)
    plant(u, y)
    return record("r", u, y, first=100)


@pytest.mark.parametrize("excitation", ["multisine", "noise", "prbs"])
@pytest.mark.parametrize("system", ["duffing", "wiener_hammerstein", "bouc_wen", "cascaded_tanks"])
def test_a_generated_record_is_without_symptoms(system: str, excitation: str) -> None:
    columns = generate(system, {"excitation": excitation, "samples": 3000, "noise": 0.002})
    pieces = [record("r", columns["u"], columns["y"]).part(*ends) for ends in ((0, 2000), (2000, 2500), (2500, 3000))]
    assert [told.id for told in found(*pieces)] == []


def test_missing_values_are_counted() -> None:
    def plant(u: Array, y: Array) -> None:
        y[[40, 41, 70]] = np.nan

    told = only(changed(plant))
    assert (told.id, told.signal, told.record) == ("missing-values", "y", "r")
    assert told.message == "'y' in record 'r' has 3 values that are no number, the first in row 140"


def test_a_stuck_sensor_is_told_with_its_place() -> None:
    def plant(u: Array, y: Array) -> None:
        y[500:620] = y[500]

    told = only(changed(plant))
    assert (told.id, told.numbers["row"], told.numbers["steps"]) == ("stuck-output", 600, 120)
    assert "for 120 steps from row 600 while the input moves" in told.message


def test_samples_that_stand_alone_are_told_and_peaks_that_last_are_not() -> None:
    def glitches(u: Array, y: Array) -> None:
        y[[210, 400]] += [40.0, -1e6]

    (told,) = (item for item in found(changed(glitches)) if item.id == "outlying-output")
    assert (told.numbers["row"], told.numbers["count"]) == (310, 2)
    struck = np.zeros(1000)
    struck[5] = 30.0
    assert "outlying-output" not in [told.id for told in found(record("r", struck, filtered(struck, noise=0.001)))]


def test_an_output_at_rest_under_an_input_at_rest_is_not_stuck() -> None:
    u = np.repeat(white(20, 0), 200)
    y = np.round(filtered(u, noise=0.0), 4)
    assert "stuck-output" not in [told.id for told in found(record("r", u, y))]


def test_an_output_that_never_moves_is_told() -> None:
    u = white(500, 0)
    assert only(record("r", u, np.full(500, 3.0))).message == "output 'y' of record 'r' is 3 from end to end"


@pytest.mark.parametrize(("end", "word"), [(1, "largest"), (-1, "smallest")])
def test_an_output_cut_off_at_a_limit_is_saturated(end: int, word: str) -> None:
    u = np.asarray(signal.lfilter([0.2], [1.0, -0.8], white(4000, 0)))
    y = filtered(u, noise=0.0)
    limit = float(np.quantile(end * y, 0.97))
    told = only(record("r", u, end * np.minimum(end * y, limit)))
    assert told.id == "saturated-output"
    assert told.message.startswith(f"output 'y' is at its {word} value {end * limit:.6g} in 3")


def test_an_output_that_settles_between_two_levels_is_not_saturated() -> None:
    u = np.repeat(np.sign(white(60, 0)), 80)
    y = np.asarray(signal.lfilter([0.5], [1, -0.5], u))
    assert "saturated-output" not in [told.id for told in found(record("r", u, y))]


@pytest.mark.parametrize("step", [0.02, 0.1])
def test_the_step_of_a_quantised_output_is_named(step: float) -> None:
    u = white(1500, 0)
    told = only(record("r", u, step * np.round(filtered(u) / step) + 0.3))
    assert told.id == "quantised-output"
    assert told.message.startswith(f"output 'y' moves in steps of {step:.3g},")
    assert told.numbers["step"] == pytest.approx(step)


def test_a_grid_is_read_although_the_file_was_rounded() -> None:
    values = 0.343e-3 * np.round(300 * white(5000, 0))
    assert grid_step(np.array([float(f"{value:.9g}") for value in values])) == pytest.approx(0.343e-3, rel=1e-6)
    assert grid_step(white(5000, 0)) is None
    assert grid_step(np.sign(white(100, 0))) is None


@pytest.mark.parametrize(
    ("u", "changes"),
    [
        (np.repeat([0.0, 1.0, 0.0], 100), 2),
        (np.repeat(np.arange(5.0), 50), 4),
        (np.sin(np.linspace(0, 6 * np.pi, 5000)), 7),
        (np.concatenate([np.zeros(50), np.linspace(0, 1, 200), np.ones(50)]), 1),
    ],
    ids=["a pulse", "a staircase", "three slow periods", "a ramp"],
)
def test_changes_of_an_input_are_counted(u: Array, changes: int) -> None:
    assert input_changes(u) == changes
    told = [symptom for symptom in found(record("r", u, filtered(u))) if symptom.id == "few-input-changes"]
    assert [symptom.numbers["changes"] for symptom in told] == [changes]


def test_changes_add_up_over_records() -> None:
    u = np.repeat([0.0, 1.0, 0.0], 100)
    records = [record(name, u + 0.1 * index, filtered(u)) for index, name in enumerate("abcdef")]
    assert "few-input-changes" not in [told.id for told in symptoms(records, [], [], ["u"], ["y"])]


def test_constant_and_collinear_inputs_are_named() -> None:
    a, b = white(1000, 0), white(1000, 1)
    u = np.stack([a, b, 2 * a - b + 1.0, np.full(1000, 5.0)], axis=1)
    told = found(record("r", u, filtered(a + b)))
    assert [(symptom.id, symptom.signal) for symptom in told] == [
        ("constant-input", "u[3]"),
        ("collinear-inputs", "u[2]"),
    ]
    assert told[1].message.startswith("input 'u[2]' follows from 'u[0]' and 'u[1]' to ")


def test_a_test_input_beyond_the_training_range_is_told() -> None:
    u = white(1000, 5)
    u[800:] *= 3
    told = only(clean("r"), test=record("arrow", u, filtered(u)))
    assert (told.id, told.record) == ("outside-training-range", "arrow")
    assert told.numbers["row"] >= 800
    assert told.numbers["excess"] > 0.3


def test_a_validation_part_with_little_excitation_is_told() -> None:
    u = 0.3 * white(500, 5)
    told = only(clean("r"), record("tail", u, filtered(u)))
    assert told.id == "calm-validation"
    assert told.message.startswith("input 'u' moves only 29 % as much in the validation part")


def test_a_test_record_that_was_trained_on_is_told() -> None:
    told = only(clean("a"), test=clean("b"))
    assert told.message.startswith("test record 'b' holds the same values as training record 'a'")


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_period_is_found_under_noise(noise: float) -> None:
    u = np.tile(white(257, 0), 4)[:1000] + noise * white(1000, 1)
    told = only(record("r", u, filtered(u)))
    assert (told.id, told.numbers["period"]) == ("periodic-input", 257)
    assert "repeats every 257 steps, 3.89 times" in told.message


def test_slow_and_aperiodic_inputs_have_no_period() -> None:
    assert repetition(white(1000, 0)[:, None]) is None
    assert repetition(np.cumsum(white(1000, 0))[:, None]) is None
    assert repetition(np.linspace(0, 1, 1000)[:, None]) is None
    assert repetition(np.ones((1000, 1))) is None
    assert repetition(np.full((7, 1), 0.1)) is None
    two = np.stack([np.tile(white(100, 0), 6), np.tile(white(150, 1), 4)], axis=1)
    assert repetition(two) == 300


@pytest.mark.parametrize("steps", [3, 7, 40])
def test_a_dead_time_is_counted(steps: int) -> None:
    u = white(2000, 0)
    late = np.concatenate([np.zeros(steps), u[:-steps]])
    y = signal.lfilter([1.0], [1.0, -0.8], late) + 0.02 * white(2000, 1)
    told = only(record("r", u, np.asarray(y)))
    assert (told.id, told.numbers["steps"]) == ("delay", steps)


def test_without_an_answer_there_is_no_dead_time() -> None:
    assert dead_time(white(2000, 0), white(2000, 1)) is None
    assert dead_time(white(20, 0), white(20, 1)) is None


def test_a_drift_that_no_input_has_is_told() -> None:
    def plant(u: Array, y: Array) -> None:
        y += np.linspace(0, 5, len(y))

    told = only(changed(plant))
    assert told.id == "drifting-output"
    assert told.numbers["change"] == pytest.approx(5, abs=0.1)


def test_a_pole_near_one_integrates() -> None:
    one = np.ones((1, 1))
    for pole, count in ((0.9995, 1), (0.99, 0)):
        told = symptoms([clean("r")], [], [], ["u"], ["y"], linear=LinearModel(pole * one, one, one, 0 * one))
        assert [symptom.id for symptom in told] == count * ["integrator"]


def test_times_that_jump_or_run_at_another_rate_are_told() -> None:
    u = white(1000, 0)
    time = 0.01 * np.arange(1000) + 1.7e3
    jumped = time + np.where(np.arange(1000) >= 300, 0.05, 0.0)
    for times, sampling_time, ids in (
        (time, 0.01, []),
        (jumped, 0.01, ["irregular-sampling"]),
        (time, 0.02, ["other-sampling-time"]),
    ):
        told = symptoms([record("r", u, filtered(u), times)], [], [], ["u"], ["y"], sampling_time)
        assert [symptom.id for symptom in told] == ids
    told = symptoms([record("r", u, filtered(u), jumped)], [], [], ["u"], ["y"])
    assert "moves by 0.01 s, but not in 1 of 999 steps; the worst is 0.06 s to row 300" in told[0].message


def test_empty_and_tiny_records_are_passed_over() -> None:
    for steps in (0, 1, 2, 3, 5):
        tiny = record("tiny", white(steps, 0), white(steps, 1))
        assert all(np.isfinite(list(told.numbers.values())).all() for told in found(tiny, tiny, tiny))


def test_records_without_inputs_are_looked_at_too() -> None:
    y = filtered(white(1000, 0))
    y[100] = np.nan
    told = symptoms([Record("r", {"y": y[:, None]})], [], [], [], ["y"])
    assert [symptom.id for symptom in told] == ["missing-values"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the benchmark files are not here")
@pytest.mark.parametrize(
    ("train", "test", "ids"),
    [
        ("wiener_hammerstein_train", "wiener_hammerstein_test", ["quantised-output"]),
        ("silverbox_train", "silverbox_test_multisine", []),
        ("silverbox_train", "silverbox_test_arrow_full", ["outside-training-range"]),
        ("cascaded_tanks_train", "cascaded_tanks_test", ["saturated-output"]),
    ],
)
def test_the_benchmarks_show_what_is_known_of_them(train: str, test: str, ids: list[str]) -> None:
    parts = [np.loadtxt(SHARED / f"{name}.csv", delimiter=",", skiprows=1) for name in (train, test)]
    records = [record(name, values[:, 0], values[:, 1]) for name, values in zip((train, test), parts, strict=True)]
    told = found(records[0], test=records[1])
    assert [symptom.id for symptom in told] == ids
    if ids == ["quantised-output"]:
        assert told[0].numbers["step"] == pytest.approx(0.343e-3, rel=0.01)
    if "saturated-output" in ids:
        assert told[0].numbers["limit"] == pytest.approx(10.0)
