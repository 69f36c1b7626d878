"""A run folder of which any file was damaged is refused by the name of that file, or the file is not needed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import sysidc
from sysidc.runtime.cli import main

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "exchanged": lambda whole: b"\x93\xff" + whole[2:],
}
NEEDED = {
    "plan.json": {"test", "predict", "report", "export", "runs"},
    "weights.safetensors": {"test", "predict", "export"},
    "metrics.json": {"report", "runs"},
    "metrics.csv": {"report"},
    "environment.json": {"report", "runs"},
}
"""Which verbs read which file; the others are for people: the log, the report, the predictions, the spec."""
FOR_PEOPLE = {"log", "report.html", "spec.sysid"}


def commands(run: Path) -> dict[str, list[str]]:
    return {
        "test": ["test", str(run)],
        "predict": ["predict", str(run), "data/a.csv", "-o", "out.csv"],
        "report": ["report", str(run)],
        "export": ["export", str(run), "--format", "safetensors", "-o", "out.safetensors"],
        "runs": ["runs", "diff", str(run), str(run)],
    }


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_file_of_a_run_that_was_damaged_is_refused_by_its_name(
    damage: str, specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = sysidc.load("simulation.sysid").train().path
    files = [path.relative_to(run) for path in sorted(run.rglob("*")) if path.is_file()]
    assert {str(path) for path in files if path.parts[0] != "predictions"} == NEEDED.keys() | FOR_PEOPLE
    whole = Path("whole")
    shutil.copytree(run, whole)
    for file in files:
        (run / file).write_bytes(DAMAGES[damage]((whole / file).read_bytes()))
        for verb, words in commands(run).items():
            capsys.readouterr()
            code = main(words)
            told = capsys.readouterr().err
            assert code in (0, 2) and "Traceback" not in told, (str(file), verb, told)
            if verb in NEEDED.get(str(file), ()):
                assert code == 2 and file.name in told, (str(file), verb, told)
        shutil.rmtree(run)
        shutil.copytree(whole, run)
