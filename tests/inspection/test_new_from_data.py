"""`sysidc new --data` writes specs that are clean, laid out, fit their file, and train as they are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sysidc.runtime.cli import main
from sysidc.runtime.data.record import Array
from tests.inspection.recordings import duffing, mimo, siso, to_csv, wiener, with_gaps, with_time


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(columns: dict[str, Array], *words: str, separator: str = ",") -> str:
    """The text of a spec that was found clean and in layout, with its data."""
    Path("data").mkdir(exist_ok=True)
    to_csv(Path("data/a b.csv"), columns, separator)
    assert main(["new", "plant", "--data", "data/a b.csv", "--force", *words]) == 0
    assert main(["check", "--data", "--deny", "warnings", "plant.sysid"]) == 0
    assert main(["fmt", "--check", "plant.sysid"]) == 0
    return Path("plant.sysid").read_text(encoding="utf-8")


def trained(capsys: pytest.CaptureFixture[str], epochs: int) -> list[dict[str, float]]:
    capsys.readouterr()
    words = ["--set", f"epochs={epochs}", "--quiet", "--output", "json"]
    assert main(["train", "plant.sysid", *words]) == 0
    scores = json.loads(capsys.readouterr().out)["metrics"]
    assert scores and all(math.isfinite(row["rmse"]) for row in scores)
    return [row for row in scores if row["split"] == "test"]


def test_a_linear_system_is_trained_to_its_noise(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(with_time(siso(noise=0.02)))
    assert "LinearDynamics(states = 2)" in text and "sampling_time = 20 ms" in text and 'time = "time"' in text
    assert "# linear: " in text and "# order 2: the second singular value is" in text
    assert trained(capsys, 3)[0]["rmse"] < 0.022


def test_two_inputs_and_two_outputs_are_trained(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(mimo())
    assert "u1[all], u2[all], y1[" in text and "-> y1[all], y2[all]" in text
    assert all(row["nrmse"] < 0.1 for row in trained(capsys, 2))


def test_a_delay_becomes_states(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(siso(steps=1500, delay=7))
    assert "LinearDynamics(states = 9)" in text and "a delay of 7 steps takes 7 of them" in text
    assert trained(capsys, 1)[0]["nrmse"] < 0.1


@pytest.mark.parametrize(
    ("columns", "layer", "best"),
    [(duffing, "StateSpace(states = ", 0.4), (wiener, "Curve(Spline(knots = 24))", 0.02)],
    ids=["duffing gets networks", "tanh a curve between linear blocks"],
)
def test_a_nonlinear_system_gets_layers_that_bend(
    columns: Callable[[], dict[str, Array]], layer: str, best: float, capsys: pytest.CaptureFixture[str]
) -> None:
    text = written(columns())
    assert layer in text and "# nonlinear: " in text
    text = text.replace("starts     = 6", "starts     = 1").replace("keep       = 3", "keep       = 1")
    Path("plant.sysid").write_text(text.replace("ensemble   = 3", "ensemble   = 1"), encoding="utf-8")
    assert trained(capsys, 15)[0]["nrmse"] < best


@pytest.mark.parametrize(("steps", "missing"), [(2, "interpolate"), (40, "split")])
def test_short_gaps_are_bridged_and_long_ones_cut(steps: int, missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"missing    = {missing}" in written(with_gaps(siso(), steps))
    assert trained(capsys, 1)


@pytest.mark.parametrize("mode", ["prediction", "bounded"])
def test_every_mode_trains(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"train {mode} {{" in written(siso(steps=400), "--mode", mode)
    assert trained(capsys, 1)


def test_outputs_alone_are_predicted(capsys: pytest.CaptureFixture[str]) -> None:
    columns = {"x": siso(steps=400)["y"], "y": siso(steps=400, seed=1)["y"]}
    assert "model plant: x[past], y[past] -> x[1], y[1]" in written(columns)
    assert trained(capsys, 1)


def test_a_long_delay_is_read_from_a_window(capsys: pytest.CaptureFixture[str]) -> None:
    assert "u[memory] -> y[1]" in written(siso(steps=1200, delay=40))
    assert trained(capsys, 1)


def test_a_window_reaches_over_a_delay_of_hundreds_of_steps() -> None:
    memory = re.search(r"param memory += (\d+)", written(siso(steps=4000, delay=300)))
    assert memory is not None and 304 <= int(memory[1]) <= 500


def test_names_that_are_no_words_of_the_language_are_quoted() -> None:
    columns = siso(steps=300)
    text = written({"model": columns["u"], "tank level (m)": columns["y"]}, separator=";")
    assert re.search(r'input +model_2 += \[?"model"', text) and re.search(
        r'output +tank_level_m += \[?"tank level \(m\)"', text
    )
    assert 'csv("data/a b.csv", separator = ";")' in text


def test_jumps_of_the_time_become_rows() -> None:
    columns = with_time(siso(steps=1000))
    columns["time"][600:] += 5.0
    text = written(columns)
    assert "rows = 0 .. 600" in text and "rows = 600 .. 1000" in text


def test_a_clock_that_is_uneven_is_not_read() -> None:
    columns = with_time(siso(steps=500))
    columns["time"][::3] += 0.004
    text = written(columns)
    assert 'time = "time"' not in text and "'time' is not read" in text


def test_a_file_for_the_test_is_named() -> None:
    to_csv(Path("other.csv"), siso(seed=3))
    assert 'test       = "other.csv"' in written(siso(), "--test", "other.csv")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--data", "none.csv"], "there is no file 'none.csv'"),
        (["--data", "a.csv", "--input", "w"], "'a.csv' has no column 'w'"),
        (["--data", "a.csv", "--input", "y", "--mode", "bounded", "--output", "u", "y"], "two roles"),
        (["--data", "a.csv", "--output", "u", "y", "--mode", "simulation"], "has no input column"),
        (["--input", "u"], "--data names none"),
    ],
    ids=["file", "column", "roles", "no-input", "no-data"],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    to_csv(Path("a.csv"), siso(steps=300))
    assert main(["new", "plant", *words]) == 2
    assert told in capsys.readouterr().err
    assert not Path("plant.sysid").exists()


def test_a_file_that_is_there_is_kept() -> None:
    to_csv(Path("a.csv"), siso(steps=300))
    Path("plant.sysid").write_text("mine", encoding="utf-8")
    assert main(["new", "plant", "--data", "a.csv"]) == 2
    assert Path("plant.sysid").read_text(encoding="utf-8") == "mine"
