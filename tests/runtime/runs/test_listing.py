"""`sysidc runs`: every run of a folder in one line, and what two of them differ in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sysidc.runtime.api import load
from sysidc.runtime.cli import main


def test_runs_are_listed_by_their_loss_and_told_apart(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [load("simulation.sysid", width=width).train() for width in (2, 3)]
    damaged = Path("runs/damaged")
    damaged.mkdir()
    (damaged / "plan.json").write_text("{", encoding="utf-8")
    assert main(["runs", "--output", "json"]) == 0
    first, *listed = json.loads(capsys.readouterr().out)["runs"]
    assert (first["name"], first["state"]) == ("damaged", "damaged")
    assert [run["val_loss"] for run in listed] == sorted(run["val_loss"] for run in listed)
    by_path = {Path(run["path"]): run for run in listed}
    for run in runs:
        told = by_path[run.path]
        assert (told["metrics"], told["epochs"], told["state"]) == (run.metrics, 3, "finished")
        assert told["parameters"] == run.plan.model.parameters
    assert main(["runs"]) == 0
    out = capsys.readouterr().out
    assert all(run.path.name in out for run in runs) and "finished" in out

    assert main(["runs", "diff", str(runs[0].path), str(runs[1].path)]) == 1
    out = capsys.readouterr().out
    assert "2 -> 3" in out and "data files: no difference" in out and "rmse A" in out
    assert main(["runs", "diff", str(runs[0].path), str(runs[0].path)]) == 0


@pytest.mark.parametrize("words", [["nowhere"], ["diff", "a"], ["diff", "a", "b"], ["a", "b"]], ids=" ".join)
def test_what_cannot_be_listed_gives_2(specs: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", *words]) == 2
    assert capsys.readouterr().err.startswith("error")
