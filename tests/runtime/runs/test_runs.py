"""A run folder holds all that scoring and predicting need, and appears whole or not at all."""

import json
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.testing import assert_close

import sysidc
from sysidc.runtime.cli import main
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.runs.evaluate import score, scored_records, scores
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.predict import write_columns

FILES = "environment.json log metrics.csv metrics.json plan.json predictions report.html spec.sysid weights.safetensors"
MODES = pytest.mark.parametrize("mode", ["simulation", "prediction", "bounded"])


@MODES
def test_a_run_scored_again_from_its_folder_has_the_same_numbers(specs: Path, mode: str) -> None:
    run = sysidc.load(f"{mode}.sysid").train()
    assert sorted(file.name for file in run.path.iterdir()) == FILES.split()
    again = sysidc.open_run(run.path)
    assert score(again.trained, scored_records(again.plan)) == json.loads((run.path / "metrics.json").read_text())


@MODES
def test_the_learning_curve_tells_the_seconds_behind_every_epoch(specs: Path, mode: str) -> None:
    began = time.perf_counter()
    run = sysidc.load(f"{mode}.sysid").train()
    seconds = pd.read_csv(run.path / "metrics.csv")["seconds"]
    assert seconds.is_monotonic_increasing and seconds.iloc[0] > 0 and seconds.iloc[-1] < time.perf_counter() - began


@MODES
def test_a_run_moves_together_with_its_data(specs: Path, mode: str) -> None:
    before = sysidc.load(f"{mode}.sysid").train().metrics
    (specs / "elsewhere").mkdir()
    for name in ("data", "runs"):
        shutil.move(specs / name, specs / "elsewhere" / name)
    run = sysidc.open_run(next((specs / "elsewhere/runs").iterdir()))
    assert score(run.trained, scored_records(run.plan)) == before


@MODES
def test_equal_seeds_give_equal_weights_whatever_torch_drew_before(specs: Path, mode: str) -> None:
    first = sysidc.load(f"{mode}.sysid").train(runs="one").trained.state()
    torch.rand(7)
    second = sysidc.load(f"{mode}.sysid").train(runs="two").trained.state()
    assert first.keys() == second.keys()
    for name in first:
        assert_close(first[name], second[name], rtol=0, atol=0)


def test_the_resolved_spec_trains_to_the_same_weights(specs: Path) -> None:
    run = sysidc.load("simulation.sysid", width=2).train()
    text = (run.path / "spec.sysid").read_text()
    assert "param width = 2\n" in text and '"../../data/a.csv"' in text and "# measured" in text
    again = sysidc.load(run.path / "spec.sysid").train(runs="again")
    assert again.metrics == run.metrics


def test_a_library_is_put_where_it_was_used(specs: Path) -> None:
    (specs / "parts.sysid").write_text("sysid 1\nparam width = 4  # wide\n", encoding="utf-8")
    text = (specs / "simulation.sysid").read_text().replace("param width = 4", 'use "parts.sysid"')
    (specs / "using.sysid").write_text(text, encoding="utf-8")
    run = sysidc.load("using.sysid", width=3).train()
    (specs / "parts.sysid").unlink()
    assert "param width = 3  # wide" in (run.path / "spec.sysid").read_text()
    assert sysidc.load(run.path / "spec.sysid").plan.model.parameters == run.plan.model.parameters


def test_the_model_works_in_the_units_of_the_data(specs: Path) -> None:
    run = sysidc.load("simulation.sysid").train()
    frame = pd.read_csv(next((run.path / "predictions").iterdir()))
    x = torch.tensor(frame["u"].to_numpy(dtype=np.float32))[None, :8, None]
    expected = torch.tensor(frame["y_predicted"].to_numpy(dtype=np.float32))[None, 4:8, None]
    assert_close(run.model(x).detach(), expected, rtol=1e-4, atol=1e-5)


def test_bounded_predictions_lie_inside_their_band(specs: Path) -> None:
    run = sysidc.load("bounded.sysid").train()
    frame = run.predict("data/a.csv")
    assert list(frame) == ["step", "u", "y", "y_predicted", "y_lower", "y_upper", "y_kernel"]
    assert np.isnan(frame["y_predicted"].to_numpy()).sum() == 2
    known = frame.dropna()
    assert np.all(known["y_lower"] <= known["y_predicted"]) and np.all(known["y_predicted"] <= known["y_upper"])
    np.testing.assert_allclose(known["y_upper"] - known["y_kernel"], known["y_kernel"] - known["y_lower"])


def test_simulation_reads_no_measured_output(specs: Path) -> None:
    run = sysidc.load("simulation.sysid").train()
    with_outputs = run.predict("data/a.csv")
    frame = pd.read_csv("data/a.csv")[["u"]]
    frame.to_csv("inputs.csv", index=False)
    alone = run.predict("inputs.csv")
    assert list(alone) == ["step", "time", "u", "y_predicted"]
    np.testing.assert_array_equal(alone["y_predicted"].to_numpy(), with_outputs["y_predicted"].to_numpy())


def test_prediction_scores_one_row_per_horizon_with_the_metrics_asked_for(specs: Path) -> None:
    rows = sysidc.load("prediction.sysid").train().metrics
    assert [row["horizon"] for row in rows] == [1, 5]
    assert list(rows[0]) == ["split", "record", "signal", "horizon", "rmse", "fit"]


def test_scores_are_those_of_their_definitions() -> None:
    measured = torch.tensor([[0.0], [2.0], [4.0], [6.0]], dtype=torch.float64)
    found = scores(measured + 1, measured)
    nrmse = 1 / np.sqrt(5)
    expected = {"rmse": 1.0, "nrmse": nrmse, "r2": 0.8, "fit": 100 * (1 - nrmse), "mae": 1.0}
    assert found == pytest.approx(expected)


def test_a_training_that_explodes_names_epoch_and_learning_rate_and_leaves_nothing(specs: Path) -> None:
    text = (specs / "simulation.sysid").read_text().replace("1e-2", "1e30")
    (specs / "boom.sysid").write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=r"epoch 1 at the learning rate 1e\+30"):
        sysidc.load("boom.sysid").train()
    assert not (specs / "runs").exists()


@pytest.mark.parametrize(
    ("optimizer", "helps"),
    [("LBFGS(lr = 1e30)", True), ("LBFGS(lr = 1e30, line_search_fn = strong_wolfe)", False), ("SGD(lr = 1e30)", False)],
)
def test_a_line_search_is_the_cure_for_an_lbfgs_that_has_none(specs: Path, optimizer: str, helps: bool) -> None:
    text = (specs / "simulation.sysid").read_text()
    (specs / "boom.sysid").write_text(
        re.sub(r"optimizer = \w+\([^)]*\)", f"optimizer = {optimizer}", text), encoding="utf-8"
    )
    with pytest.raises(RunError, match="became") as caught:
        sysidc.load("boom.sysid").train()
    assert ("line_search_fn = strong_wolfe" in (caught.value.help or "")) is helps


@MODES
def test_a_training_that_explodes_later_keeps_the_best_weights_until_then(
    specs: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (specs / f"{mode}.sysid").read_text()
    short = re.sub(r"epochs = \d+ ", "epochs = 1 ", re.sub(r"optimizer = \w+\([^)]*\)", "", text)).replace(
        " seed = 3", " optimizer = SGD(lr = 1e-3)  seed = 3"
    )
    for name, added in (("short", ""), ("boom", "  scheduler = StepLR(step_size = 1, gamma = 1e30)")):
        longer = short.replace("epochs = 1 ", "epochs = 4 ") if added else short
        (specs / f"{name}.sysid").write_text(longer.replace(" seed = 3", f"{added} seed = 3"), encoding="utf-8")
    assert main(["train", "boom.sysid"]) == 0
    told = capsys.readouterr().err
    assert re.search(r"became (nan|inf) behind step \d+, in epoch 2 at the learning rate 1e\+27", told)
    assert "those of epoch 1, are kept" in told
    (boom,) = (specs / "runs").iterdir()
    expected = sysidc.load("short.sysid").train(runs="short").trained.state()
    for key, value in sysidc.open_run(boom).trained.state().items():
        assert_close(value, expected[key], rtol=0, atol=0)


def test_the_same_model_is_the_same_bytes(specs: Path) -> None:
    trained = sysidc.load("simulation.sysid").train().trained
    written = set()
    for number in range(10):
        (specs / str(number)).mkdir()
        trained.save(specs / str(number))
        written.add((specs / str(number) / "weights.safetensors").read_bytes())
    assert len(written) == 1


def test_a_run_that_fails_leaves_the_finished_one_alone(specs: Path) -> None:
    run = sysidc.load("simulation.sysid").train()
    before = (run.path / "weights.safetensors").read_bytes()
    (specs / "data/a.csv").write_text("u,y\n" + "1e300,1e300\n-1e300,1\n" * 150, encoding="utf-8")
    with pytest.raises((RunError, DataError)):
        sysidc.load("simulation.sysid").train()
    assert [file.name for file in (specs / "runs").iterdir()] == [run.path.name]
    assert (run.path / "weights.safetensors").read_bytes() == before


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npz"])
def test_predictions_are_read_back_as_they_were_written(tmp_path: Path, ending: str) -> None:
    columns = {"step": np.arange(3), "y": np.array([0.1, 0.2, 0.3])}
    path = tmp_path / f"out{ending}"
    write_columns(path, [("a", columns), ("b", columns)])
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".npz": lambda file: pd.DataFrame(dict(np.load(file)))}
    frame = readers[ending](path)
    assert list(frame["record"]) == ["a"] * 3 + ["b"] * 3
    np.testing.assert_array_equal(frame["y"], np.tile(columns["y"], 2))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("missing", ["plan.json", "weights.safetensors"])
def test_a_folder_without_its_parts_is_no_run(specs: Path, missing: str) -> None:
    run = sysidc.load("bounded.sysid").train()
    (run.path / missing).unlink()
    with pytest.raises(RunError, match=missing):
        _ = sysidc.open_run(run.path).trained


def test_a_schedule_shorter_than_the_training_is_told_before_it(tmp_path: Path) -> None:
    text = (
        "sysid 1\nsignals { input u  output y }\nmodel m: u[4] -> y[1] { Flatten  Linear(1) }\n"
        "data { train = duffing(samples = 2_000) }\n"
        "train simulation { epochs = 3  scheduler = OneCycleLR(max_lr = 0.01, total_steps = 10) }\n"
    )
    spec = tmp_path / "m.sysid"
    spec.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match="after 10 steps, the training takes 75"):
        sysidc.load(spec).train(tmp_path / "runs")
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())
