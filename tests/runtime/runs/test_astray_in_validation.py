"""Second-order training goes on while its model runs away on the validation part, and gives up where it stays so."""

from __future__ import annotations

from pathlib import Path

from sysidc.runtime.runs.epochs import PATIENCE
from sysidc.runtime.runs.train import Outcome
from tests.runtime.runs.bare_simulation import plan_of
from tests.runtime.runs.test_defaults import told, trained


def polynomial(folder: Path, samples: int) -> Outcome:
    """A polynomial of three states on a hysteresis, which it cannot follow for long."""
    (folder / "none.csv").write_text("u,y\n" + "0,0\n" * 50, encoding="utf-8")
    data = f'train = bouc_wen(samples = {samples}, seed = 2)  test = "none.csv"'
    return trained(plan_of(folder, data, "epochs = 15", "PolynomialStateSpace(states = 3, degree = 3)"), folder)


def test_a_model_that_runs_away_in_validation_at_first_comes_through(tmp_path: Path) -> None:
    outcome = polynomial(tmp_path, 2_000)
    errors = [row["val_rmse"] for row in outcome.rows]
    assert errors[0] is None and len(errors) == 15
    found = [error for error in errors if error is not None]
    assert min(found) < 0.6 * found[0] and not told(outcome, "lost") and not told(outcome, "stopped")


def test_one_that_stays_away_is_given_up_and_keeps_its_best_weights(tmp_path: Path) -> None:
    outcome = polynomial(tmp_path, 1_200)
    errors = [row["val_rmse"] for row in outcome.rows]
    assert errors[-PATIENCE:] == [None] * PATIENCE and errors[-PATIENCE - 1] is not None
    assert told(outcome, "stopped: the validation loss became") and told(outcome, "fewer states or a lower degree")
