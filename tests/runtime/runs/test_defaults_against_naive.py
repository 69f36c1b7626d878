"""Records for which the defaults come much nearer to the system than a training that does not look at them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sysidc.runtime.data.record import Array
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs import structure_race, structures
from sysidc.runtime.runs.candidates import Candidate
from sysidc.runtime.runs.evaluate import scored_records
from sysidc.runtime.runs.ran_away import ran_away
from sysidc.runtime.runs.structure_race import StructureRace
from sysidc.runtime.runs.structures import outlook
from tests.runtime.runs.bare_simulation import plan_of, write
from tests.runtime.runs.test_defaults import LINEAR, driven, error_of, told, trained

pytestmark = pytest.mark.usefixtures("small_race")


def cart(u: Array, start: float = 0.0) -> Array:
    """p[k+1] = p[k] + v[k], v[k+1] = 0.8 v[k] - 0.1 v[k] |v[k]| + 0.3 u[k]; the output is p."""
    p, v, y = start, 0.0, np.zeros(len(u))
    for k in range(len(u)):
        y[k] = p
        p, v = p + v, 0.8 * v - 0.1 * v * abs(v) + 0.3 * u[k]
    return y


def slow(u: Array, start: float) -> Array:
    """y[k+1] = 0.98 y[k] + 0.1 u[k]."""
    y = np.zeros(len(u))
    y[0] = start
    for k in range(len(u) - 1):
        y[k + 1] = 0.98 * y[k] + 0.1 * u[k]
    return y


def test_a_cart_that_begins_elsewhere_is_simulated_as_one_that_adds_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    u, other = rng.standard_normal(500), rng.standard_normal(500)
    write(tmp_path / "train.csv", u, cart(u) + 0.02 * rng.standard_normal(500))
    write(tmp_path / "test.csv", other[:300], cart(other, 50.0)[:300])
    plan = plan_of(tmp_path, 'train = "train.csv"  test = "test.csv"', "epochs = 8")
    found = trained(plan, tmp_path)
    monkeypatch.setattr(structure_race, "outlook", lambda *given: replace(outlook(*given), integrator=None))
    naive = trained(plan, tmp_path)
    assert told(found, "kept out of the networks") and not told(naive, "kept out of the networks")
    assert error_of(plan, found) < 0.8 * error_of(plan, naive)


def test_an_order_that_the_singular_values_hide_is_climbed_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        u = rng.standard_normal(600)
        write(tmp_path / f"{name}.csv", u, driven(driven(driven(u, pole=0.9), pole=0.5), pole=-0.7))
    plan = plan_of(tmp_path, 'train = "train.csv"  test = "test.csv"', "epochs = 4", LINEAR)
    monkeypatch.setattr(structures, "HIGHEST", 4)
    monkeypatch.setattr(structure_race, "outlook", lambda *given: replace(outlook(*given), orders=(1,)))
    found = trained(plan, tmp_path)
    monkeypatch.setattr(structures, "HIGHEST", 1)
    assert told(found, "the best has 2 states, the most that were tried")
    assert error_of(plan, found) < 0.1 * error_of(plan, trained(plan, tmp_path))


@pytest.mark.parametrize("seed", [1, 2])
def test_records_that_begin_at_different_levels_are_not_one_record(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    parts = []
    for index, (size, start) in enumerate(((120, 4.0), (60, -3.0), (90, 2.0), (150, -5.0))):
        u = rng.standard_normal(size)
        parts.append((u, slow(u, start) + 0.02 * rng.standard_normal(size)))
        write(tmp_path / f"{index}.csv", *parts[-1])
    u = rng.standard_normal(300)
    write(tmp_path / "test.csv", u, slow(u, 3.0))
    write(tmp_path / "joined.csv", *(np.concatenate(side) for side in zip(*parts, strict=True)))
    errors = []
    for files in ('["0.csv", "1.csv", "2.csv", "3.csv"]', '"joined.csv"'):
        plan = plan_of(tmp_path, f'train = {files}  test = "test.csv"', "epochs = 6", LINEAR)
        errors.append(error_of(plan, trained(plan, tmp_path)))
    assert errors[0] < 0.02 < 0.5 * errors[1]


def dead_zone(u: Array) -> Array:
    """y[k+1] = 0.8 y[k] + 0.2 (u[k] + what u[k] exceeds -1 .. 1 by)."""
    y = np.zeros(len(u))
    for k in range(len(u) - 1):
        y[k + 1] = 0.8 * y[k] + 0.2 * (2 * u[k] - np.clip(u[k], -1, 1))
    return y


def test_a_calm_validation_part_does_not_choose_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its inputs stay inside the dead zone: there all models are as good."""
    rng = np.random.default_rng(1)
    u = rng.standard_normal(500)
    u[400:] *= 0.05
    write(tmp_path / "train.csv", u, dead_zone(u) + 0.02 * rng.standard_normal(500))
    other = rng.standard_normal(500)
    write(tmp_path / "test.csv", other, dead_zone(other))
    plan = plan_of(tmp_path, 'train = "train.csv"  test = "test.csv"', "epochs = 8")
    found = trained(plan, tmp_path)
    monkeypatch.setattr(Candidate, "score", property(lambda candidate: candidate.val_error))
    manner = StructureRace.manner
    monkeypatch.setattr(StructureRace, "manner", lambda *given: manner(*given)._replace(keep="validated"))
    assert error_of(plan, found) < 0.6 * error_of(plan, trained(plan, tmp_path))


def test_a_repetition_of_the_training_input_does_not_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    u = np.tile(rng.standard_normal(150), 5)
    write(tmp_path / "train.csv", u, dead_zone(u) + 0.02 * rng.standard_normal(750))
    other = rng.standard_normal(500)
    write(tmp_path / "test.csv", other, dead_zone(other))
    plan = plan_of(tmp_path, 'train = "train.csv"  test = "test.csv"', "epochs = 8")
    found = trained(plan, tmp_path)
    monkeypatch.setattr(structure_race, "averaged", lambda data: None)
    assert error_of(plan, found) < 0.7 * error_of(plan, trained(plan, tmp_path))


def test_a_member_that_runs_away_in_the_test_does_not_spoil_the_average_and_this_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """y[k+1] = 0.8 y[k] + 0.2 tanh(u[k]), whose polynomial has no bounds; one member at least is none."""
    rng = np.random.default_rng(1)
    for name, size, samples, noise in (("train", 1.0, 300, 0.02), ("test", 3.0, 500, 0.0)):
        u = size * rng.standard_normal(samples)
        y = driven(10 * 0.2 * np.tanh(u), pole=0.8)
        write(tmp_path / f"{name}.csv", u, y + noise * rng.standard_normal(samples))
    plan = plan_of(tmp_path, 'train = "train.csv"  test = "test.csv"', "epochs = 8  ensemble = 2")
    found = trained(plan, tmp_path)
    ours = error_of(plan, found)
    (line,) = ran_away(found.trained, scored_records(plan))
    monkeypatch.setattr(Ensemble, "mean", lambda ensemble, y, inside: y.mean(dim=0))
    naive = error_of(plan, found)
    assert ours < 0.05 and not naive < 100 * ours
    assert "1 of 2 of the average leaves the range" in line.replace("member 2", "member 1")
