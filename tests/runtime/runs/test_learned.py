"""A run tells what it learned and how well that is known: in its files, in `show`, and in the report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sysidc.runtime.cli import main
from sysidc.runtime.runs.report import report

SPEC = """sysid 1
signals { sampling_time = 100 ms  input u  output y "m" }
dynamics tank {
  state x1 = 1
  learn alpha = 0.8 in 0 .. 1
  learn b = 0.5
  learn c = 2
  next(x1) = alpha * x1 + b * c * u
  y = x1
}
model m: u[all] -> y[all] { tank(correction = [2]) }
data { train = "a.csv"  test = 30 %  validation = 20 %  normalize = standard }
train simulation { epochs = 5  optimizer = LevenbergMarquardt()  precision = float64 }
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a first-order system with two numbers of which only the product matters."""
    folder = tmp_path_factory.mktemp("learned")
    random = np.random.default_rng(0)
    u, x, rows = random.normal(size=400), 1.0, ["u,y"]
    for now in u:
        rows.append(f"{now},{x + 0.05 * random.normal()}")
        x = 0.7 * x + 1.2 * now
    (folder / "a.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "m.sysid").write_text(SPEC, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "m.sysid", "--quiet"]) == 0
    (run,) = (folder / "runs").iterdir()
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "run")


def test_numbers_stand_first_with_errors_and_then_every_entry_of_a_tensor(run: Path) -> None:
    rows = json.loads((run / "parameters.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in rows[:4]] == ["alpha", "b", "c", "0.network.0.weight[0,0]"]
    assert abs(rows[0]["value"] - 0.7) < 4 * rows[0]["standard_error"] < 0.1
    assert [row["standard_error"] for row in rows[1:3]] == [None, None]


def test_what_the_data_leave_open_and_what_it_costs_stand_beside_them(run: Path) -> None:
    told = json.loads((run / "uncertainty.json").read_text(encoding="utf-8"))
    assert told["undetermined"] == [{"names": ["b", "c"], "directions": 1, "form": "b * c"}]
    assert [(row["split"], row["signal"]) for row in told["band"]] == [("train", "y"), ("test", "y")]
    assert all(0.001 < row["half_width"] < 0.05 for row in told["band"]), "below the noise, in the units of the data"


def test_show_tells_a_run_with_its_score_and_what_it_learned(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(run)]) == 0
    told = capsys.readouterr().out
    assert "learn alpha = 0.7" in told and "alpha                    = 0.7" in told
    assert "b and c only matter as the product b * c: the data do not tell them apart" in told
    assert "score\n  split  record  signal  rmse" in told and "\nsimulation error band" in told


def test_show_json_of_a_run_is_its_plan(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--json", str(run)]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["name"] == "m"


def test_show_refuses_folders_that_are_no_runs_and_params_of_runs(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(tmp_path)]) == 2
    assert "plan.json" in capsys.readouterr().err
    assert main(["show", str(run), "--set", "k=1"]) == 2
    assert "show the spec" in capsys.readouterr().err
    (run / "uncertainty.json").write_text("{", encoding="utf-8")
    assert main(["show", str(run)]) == 2
    assert "uncertainty.json" in capsys.readouterr().err


def test_the_report_shows_the_equations_with_the_learned_numbers_in_them(run: Path) -> None:
    text = report(run)
    value = json.loads((run / "parameters.json").read_text(encoding="utf-8"))[0]["value"]
    section = text[text.index('<section id="equations">') :]
    section = section[: section.index("</section>")]
    assert f"<mn>{value:g}</mn>" in section and "correction" in section
    assert "k counts samples" in section and "seconds" not in section
    assert "only matter as the product" in text and "Simulation error band" in text


def test_a_report_without_numbers_shows_the_equations_with_their_names(run: Path) -> None:
    (run / "parameters.json").unlink()
    (run / "uncertainty.json").unlink()
    text = report(run)
    assert "<mi>\N{GREEK SMALL LETTER ALPHA}</mi>" in text and '<section id="numbers">' not in text
