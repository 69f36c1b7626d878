"""What a model leaves to be learned brings networks of two layers into the race, and noise does not."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest

from sysidc.compiler.lower import build_stack, several_steps_at_once
from sysidc.compiler.plan import Plan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.record import Array
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.runs import open_race
from sysidc.runtime.runs.fitting import Workplace
from sysidc.runtime.runs.left_over import MUCH, left_over
from sysidc.runtime.runs.progress import Progress
from sysidc.runtime.runs.resume import Progressed
from sysidc.runtime.runs.structure_race import REFIT, StructureRace
from sysidc.runtime.runs.structures import deeper
from sysidc.runtime.runs.train import Outcome, fit
from sysidc.runtime.training.preparation import records_of_part
from sysidc.runtime.training.starts import Starts
from tests.runtime.runs.bare_simulation import plan_of, write

pytestmark = pytest.mark.usefixtures("small_race")


def tank(u: Array, full: float) -> Array:
    """x[k+1] = 0.9 x[k] + 0.2 u[k] between -full and full: what does not fit in is lost for good."""
    x = np.zeros(len(u))
    for k in range(len(u) - 1):
        x[k + 1] = np.clip(0.9 * x[k] + 0.2 * u[k], -full, full)
    return x


@pytest.mark.parametrize("full", [0.4, np.inf])
def test_the_error_of_a_linear_model_can_be_foretold_where_a_tank_is_full_and_not_where_it_never_is(
    full: float, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    u = rng.standard_normal(1500)
    write(tmp_path / "a.csv", u, tank(u, full) + 0.02 * rng.standard_normal(1500))
    plan = plan_of(tmp_path, 'train = "a.csv"', model="StateSpace(states = 1, hidden = [], output_hidden = [])")
    data, stack = _data(plan), build_stack(plan)
    assert isinstance(stack, Chain)
    Starts(True, 20, 0).begin(stack, records_of_part(data), 0)
    share = left_over(stack, data.unsplit())
    assert share > 3 * MUCH if full < np.inf else share < 0.5 * MUCH


@pytest.mark.parametrize("full", [0.5, np.inf])
def test_networks_of_two_layers_join_where_a_tank_is_full_and_come_nearer_to_it(full: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    u = np.repeat(rng.standard_normal(75), 4)
    write(tmp_path / "a.csv", u, tank(u, full) + 0.005 * rng.standard_normal(300))
    plan = plan_of(tmp_path, 'train = "a.csv"', "epochs = 6")
    place = Workplace(tmp_path, tmp_path, Progress(6, True), Progressed(tmp_path), [])
    race = StructureRace(plan, _data(plan), place)
    ranked = race.stage(1, race.stages[1], [("2 states, linear", 0)])
    joined = race.joined(1, race.stages[1], ranked)
    if full == np.inf:
        assert joined == ranked
        return
    assert joined[0].structure == "2 states, two layers in f" and joined[0].score < 0.6 * ranked[0].score


def test_only_what_the_file_leaves_open_becomes_deeper(tmp_path: Path) -> None:
    names = {
        model: [item.name for item in deeper(plan_of(tmp_path, 'train = "a.csv"', model=model), [2])]
        for model in ("StateSpace", "StateSpace(output_hidden = [])", "StateSpace(hidden = [4])")
    }
    two = ["2 states, two layers in f"]
    assert list(names.values()) == [two, two, []]


@pytest.mark.parametrize("louder", [1.0, 4.0])
def test_what_is_taken_goes_on_with_the_validation_part_where_that_shows_something_new(
    louder: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of the record the input is louder, and the tank full."""
    monkeypatch.setattr(open_race, "FEW", 300)
    rng = np.random.default_rng(2)
    u = 0.2 * rng.standard_normal(500)
    u[400:] *= louder
    write(tmp_path / "a.csv", u, tank(u, 0.4) + 0.02 * rng.standard_normal(500))
    plan = plan_of(tmp_path, 'train = "a.csv"', f"epochs = {REFIT + 1}", "StateSpace(hidden = [], output_hidden = [])")
    found = _trained(plan, tmp_path)
    again = any(line.startswith("refit: 500 samples") for line in found.log)
    assert again == any(f": {REFIT} epochs, rmse" in line for line in found.log) == (louder > 1)


def _data(plan: Plan) -> SpecDataModule:
    return SpecDataModule(plan, several=several_steps_at_once(plan))


def _trained(plan: Plan, folder: Path) -> Outcome:
    folder = Path(mkdtemp(dir=folder))
    return fit(plan, _data(plan), folder, folder, quiet=True)
