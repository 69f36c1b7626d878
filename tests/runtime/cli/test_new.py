"""`sysidc new` writes starters that are clean, laid out, and train as they are."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from sysidc.compiler.catalogue.settings import MODES
from sysidc.runtime.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("mode", MODES)
def test_a_starter_is_clean_and_trains(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "my-tank", "--mode", mode]) == 0
    assert f"train {mode} {{" in Path("my-tank.sysid").read_text(encoding="utf-8")
    assert main(["check", "--deny", "warnings", "my-tank.sysid"]) == 0
    assert main(["fmt", "--check", "my-tank.sysid"]) == 0
    capsys.readouterr()
    assert main(["train", "my-tank.sysid", "--set", "epochs=1", "--quiet", "--output", "json"]) == 0
    scores = json.loads(capsys.readouterr().out)["metrics"]
    assert {row["split"] for row in scores} >= {"test"} and all(math.isfinite(row["rmse"]) for row in scores)


def test_the_model_and_the_commands_in_the_comments_are_named_after_the_file() -> None:
    assert main(["new", "models/2nd try.sysid"]) == 0
    text = Path("models/2nd try.sysid").read_text(encoding="utf-8")
    assert "model nd_try: u[" in text and "sysidc check 2nd try.sysid" in text and "starter" not in text


def test_a_file_that_is_there_is_kept_unless_forced(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tank.sysid").write_text("mine", encoding="utf-8")
    assert main(["new", "tank"]) == 2
    assert Path("tank.sysid").read_text(encoding="utf-8") == "mine"
    assert "--force" in capsys.readouterr().err
    assert main(["new", "tank", "--force"]) == 0
    assert Path("tank.sysid").read_text(encoding="utf-8").startswith("sysid 1\n")


@pytest.mark.parametrize("name", ["...", "-", "12", ""])
def test_a_name_without_a_letter_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--", name]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_folder_in_the_way_is_told() -> None:
    Path("tank.sysid").mkdir()
    assert main(["new", "tank", "--force"]) == 2
