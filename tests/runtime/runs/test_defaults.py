"""The defaults of a training against naive ones, on small records that are made to lead these astray."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest

from sysidc.compiler.lower import several_steps_at_once
from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import Plan
from sysidc.dsl.source import Source
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.record import Array
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs import structure_race, structures
from sysidc.runtime.runs.candidates import Candidate
from sysidc.runtime.runs.evaluate import score, scored_records
from sysidc.runtime.runs.fitting import Workplace
from sysidc.runtime.runs.progress import Progress
from sysidc.runtime.runs.resume import Progressed
from sysidc.runtime.runs.structures import Outlook
from sysidc.runtime.runs.train import Outcome, fit
from sysidc.runtime.training.starts import MANY
from tests.runtime.runs.bare_simulation import plan_of, write

LINEAR = "StateSpace(hidden = [], output_hidden = [])"


pytestmark = pytest.mark.usefixtures("small_race")


def trained(plan: Plan, folder: Path) -> Outcome:
    folder = Path(mkdtemp(dir=folder))
    return fit(plan, SpecDataModule(plan, several=several_steps_at_once(plan)), folder, folder, quiet=True)


def error_of(plan: Plan, outcome: Outcome) -> float:
    return float(score(outcome.trained, scored_records(plan))[0]["rmse"])


def driven(u: Array, disturbance: Array | float = 0.0, bent: float = 0.0, pole: float = 0.97) -> Array:
    """y[k+1] = pole y[k] + 0.1 u[k] + disturbance[k] + bent (u[k]^2 - 1), y[0] = 0."""
    y = np.zeros(len(u))
    moved = 0.1 * u + disturbance + bent * (u**2 - 1)
    for k in range(len(u) - 1):
        y[k + 1] = pole * y[k] + moved[k]
    return y


def told(outcome: Outcome, words: str) -> bool:
    return any(words in line for line in outcome.log)


def saturating(u: Array, disturbance: Array | float = 0.0) -> Array:
    """y[k+1] = 0.95 tanh(1.1 y[k]) + 0.3 u[k] + disturbance[k], y[0] = 0."""
    y = np.zeros(len(u))
    driven = 0.3 * u + disturbance
    for k in range(len(u) - 1):
        y[k + 1] = 0.95 * np.tanh(1.1 * y[k]) + driven[k]
    return y


@pytest.mark.parametrize(
    ("system", "model"), [(driven, LINEAR), (saturating, "StateSpace(states = 1)")], ids=["linear", "bent"]
)
def test_process_noise_brings_innovations_into_the_race_which_come_nearer_to_the_system(
    system: Callable[[Array, Array | float], Array], model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system answers without the noise is the measure."""
    rng = np.random.default_rng(0)
    u, noise, other = (rng.standard_normal(samples) for samples in (600, 600, 1000))
    noise -= noise.mean()  # what it adds up to is a level that no record of this length tells
    write(tmp_path / "train.csv", u, system(u, (0.1 if system is driven else 0.2) * noise))
    write(tmp_path / "test.csv", other, system(other, 0.0))
    plan = plan_of(tmp_path, 'train = "train.csv"  test = "test.csv"', "epochs = 6", model)
    found = trained(plan, tmp_path)
    monkeypatch.setattr(structure_race, "is_wrong", lambda *_: False)
    naive = trained(plan, tmp_path)
    assert told(found, "something unmeasured drives the system") and not told(naive, "innovations")
    assert error_of(plan, found) < 0.8 * error_of(plan, naive)


@pytest.mark.parametrize(("missed", "taken"), [(1.015, 1), (1.03, 2)], ids=["about as good", "worse"])
def test_a_linear_model_that_foretells_about_as_well_as_the_best_is_taken_alone(
    missed: float, taken: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    u = rng.standard_normal(400)
    write(tmp_path / "a.csv", u, driven(u, pole=0.6) + 0.01 * rng.standard_normal(400))
    plan = plan_of(tmp_path, 'train = "a.csv"', model="StateSpace(states = 2, innovations = on)")
    race = structure_race.StructureRace(
        plan, SpecDataModule(plan, several=several_steps_at_once(plan)), _place(tmp_path, plan)
    )
    race.innovating = True
    errors = {"2 states, network in f": 1.0, "2 states, linear": missed}
    ranked = [Candidate(name, 0, {}, {}, 1.0, 1.0, 1, 0.0, [], ahead=error) for name, error in errors.items()]
    assert len(race.chosen(ranked)) == taken
    assert taken == 2 or race.chosen(ranked)[0].structure == "2 states, linear"


def test_what_no_structure_says_is_not_taken_for_process_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One state foretells the next step of three slow ones well, and cannot simulate them."""
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        u = rng.standard_normal(600)
        y = driven(driven(driven(u, pole=0.9), pole=0.9), pole=0.9)
        write(tmp_path / f"{name}.csv", u, y + 1e-3 * y.std() * rng.standard_normal(600))
    monkeypatch.setattr(structures, "HIGHEST", 1)
    monkeypatch.setattr(structure_race, "outlook", lambda *_: Outlook((1,), None))
    plan = plan_of(tmp_path, 'train = "train.csv"  test = "test.csv"', "epochs = 6", LINEAR)
    found = trained(plan, tmp_path)
    monkeypatch.setattr(structure_race, "is_wrong", lambda *_: False)
    assert told(found, "they simulate worse, and stay behind")
    assert error_of(plan, found) == error_of(plan, trained(plan, tmp_path))


def test_a_bent_system_is_not_left_to_the_structure_that_a_linear_fit_suggests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    u = rng.standard_normal(500)
    write(tmp_path / "a.csv", u, driven(u, bent=0.1, pole=0.6) + 0.01 * rng.standard_normal(500))
    plan = plan_of(tmp_path, 'train = "a.csv"  test = 200', "epochs = 3")
    found = trained(plan, tmp_path)
    monkeypatch.setattr(structures, "NETWORKS", {"linear": ((), ())})
    monkeypatch.setattr(structures, "_polynomial", lambda node, order: node)
    (alone,) = (item for item in structures.structures(plan, [1]) if item.name == "1 states, linear")
    naive = trained(alone.plan, tmp_path)
    assert error_of(plan, found) < 0.5 * error_of(plan, naive)


@pytest.mark.parametrize(("settings", "errors"), [("", (1.0, 1.15, 1.25)), ("ensemble = 4", (1.0, 1.9, 2.1))])
def test_models_that_are_worse_than_the_best_are_not_averaged_and_this_is_said(
    settings: str, errors: tuple[float, ...], tmp_path: Path
) -> None:
    """Where the file says how many are averaged only those that are far worse."""
    rng = np.random.default_rng(0)
    u = rng.standard_normal(400)
    write(tmp_path / "a.csv", u, driven(u, pole=0.6) + 0.01 * rng.standard_normal(400))
    plan = plan_of(tmp_path, 'train = "a.csv"', f"epochs = 2  {settings}")
    race = structure_race.StructureRace(
        plan, SpecDataModule(plan, several=several_steps_at_once(plan)), _place(tmp_path, plan)
    )
    made = [
        Candidate("2 states, network in f", k, {}, {}, error, 1.0, 1, 0.0, [])
        for k, error in enumerate((*errors, float("inf")))
    ]
    assert [candidate.index for candidate in race._sound(made)] == [0, 1]
    assert "not averaged" in race.place.log[-1] and "start 3" in race.place.log[-1]


def _place(folder: Path, plan: Plan) -> Workplace:
    return Workplace(folder, folder, Progress(plan.train.epochs, True), Progressed(folder), [])


def test_the_worse_of_fit_and_validation_chooses() -> None:
    lucky, honest = (Candidate("", k, {}, {}, *errors, 1, 0.0, []) for k, errors in enumerate([(3.0, 0.1), (1.0, 1.1)]))
    assert min((lucky, honest), key=lambda item: item.val_error) is lucky
    assert min((lucky, honest), key=lambda item: item.score) is honest
    assert Candidate("", 2, {}, {}, float("nan"), 0.1, 1, 0.0, []).score == float("inf")


def test_a_periodic_record_is_trained_on_its_average_and_validated_on_inputs_that_it_has_not_seen(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    u = np.tile(rng.standard_normal(150), 5)
    write(tmp_path / "p.csv", u, driven(u, pole=0.6) + 0.1 * rng.standard_normal(750))
    plan = plan_of(tmp_path, 'train = "p.csv"', "epochs = 3", LINEAR)
    outcome = trained(plan, tmp_path)
    assert told(outcome, "the input repeats every 150 steps") and told(outcome, "stage 1 of 3: 130 samples")
    other = rng.standard_normal(500)
    write(tmp_path / "test.csv", other, driven(other, pole=0.6))
    assert error_of(plan_of(tmp_path, 'train = "p.csv"  test = "test.csv"', "epochs = 3", LINEAR), outcome) < 0.04


def test_the_time_limit_ends_the_whole_race_not_its_fits_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    u = rng.standard_normal(600)
    write(tmp_path / "a.csv", u, driven(u, bent=0.1, pole=0.6) + 0.01 * rng.standard_normal(600))
    outcome = trained(plan_of(tmp_path, 'train = "a.csv"', "time_limit = 50 ms  starts = 3"), tmp_path)
    assert told(outcome, "the time is up") and np.isfinite(outcome.rows[-1]["val_loss"] if outcome.rows else 0.0)
    assert sum("linear model of" in line for line in outcome.log) < 9


def test_records_of_different_lengths_and_offsets_train_one_model_with_a_start_each(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = rng.standard_normal(700)
    y = driven(whole) + 0.01 * rng.standard_normal(700)
    for name, first, last in (("a", 100, 400), ("b", 400, 490), ("test", 490, 700)):
        write(tmp_path / f"{name}.csv", whole[first:last], y[first:last])
    plan = plan_of(tmp_path, 'train = ["a.csv", "b.csv"]  test = "test.csv"', "epochs = 6", LINEAR)
    assert error_of(plan, trained(plan, tmp_path)) < 0.03


def test_an_unstable_system_starts_from_a_stable_linear_model_and_ends_in_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    u = 0.1 * rng.standard_normal(240)
    write(tmp_path / "a.csv", u, driven(u, pole=1.02))
    plan = plan_of(tmp_path, 'train = "a.csv"  test = 40', "epochs = 3", LINEAR)
    assert np.isfinite(error_of(plan, trained(plan, tmp_path)))


@pytest.mark.parametrize("kind", ["constant", "collinear"])
def test_inputs_that_tell_nothing_are_warned_about_and_trained_on(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    u = np.ones(300) if kind == "constant" else rng.standard_normal(300)
    table = np.stack([u, 2 * u, driven(u) + 0.01 * rng.standard_normal(300)], axis=1)
    np.savetxt(tmp_path / "a.csv", table, delimiter=",", header="u,v,y", comments="")
    text = (
        "sysid 1\nsignals { input u : float64  input v : float64  output y : float64 }\n"
        f'data {{ train = "a.csv"  test = 60 }}\nmodel m: u[all], v[all], y[10] -> y[all] {{ {LINEAR} }}\n'
        "train simulation { epochs = 2 }\n"
    )
    path = tmp_path / "test.sysid"
    compiled = compile_source(Source(str(path), text, path))
    assert compiled.plan is not None, [finding.message for finding in compiled.diagnostics]
    outcome = trained(compiled.plan, tmp_path)
    assert told(outcome, "warning: input 'u' is 1 throughout" if kind == "constant" else "follows from 'u'")
    assert np.isfinite(error_of(compiled.plan, outcome))
    assert isinstance(outcome.trained.stack, Ensemble) or outcome.rows


def test_an_output_that_never_moves_is_named_and_simulated(tmp_path: Path) -> None:
    """Nothing is missed: what is known of the parameters stays a number."""
    u = np.random.default_rng(0).standard_normal(200)
    write(tmp_path / "a.csv", u, np.full(200, 3.0))
    plan = plan_of(tmp_path, 'train = "a.csv"  test = 50', "epochs = 2", LINEAR)
    outcome = trained(plan, tmp_path)
    assert told(outcome, "is 3 from end to end") and not told(outcome, "runs away")
    assert error_of(plan, outcome) == 0


@pytest.mark.parametrize("settings", ["epochs = 2", "epochs = 2  starts = 1"], ids=["left out", "written"])
def test_networks_of_many_states_that_go_on_begin_once_more_unless_the_file_says_how_often(
    settings: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    u = rng.standard_normal(600)
    write(tmp_path / "a.csv", u, driven(u, bent=0.1) + 0.01 * rng.standard_normal(600))
    outcome = trained(plan_of(tmp_path, 'train = "a.csv"', settings, f"StateSpace(states = {MANY})"), tmp_path)
    again = [line for line in outcome.log if "network in f, start 2" in line and "in levelled coordinates" in line]
    assert len(again) == ("starts" not in settings)
