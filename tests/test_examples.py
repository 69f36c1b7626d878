"""What is shown to users works: every example, and the spec of the README, checks and builds."""

import re
from pathlib import Path

import pytest
import torch

import sysidc

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.sysid"))


def test_every_training_mode_has_an_example() -> None:
    modes = {re.search(r"^train (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE) for file in EXAMPLES}
    assert {mode.group(1) for mode in modes if mode} == {"simulation", "prediction", "bounded"}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_builds_a_sequential(file: Path) -> None:
    assert isinstance(sysidc.load(str(file)).build(), torch.nn.Sequential)


def test_the_spec_in_the_readme_builds(tmp_path: Path) -> None:
    blocks = re.findall(r"^```\n(sysid 1\n.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 1
    file = tmp_path / "duffing.sysid"
    file.write_text(blocks[0], encoding="utf-8")
    assert isinstance(sysidc.load(str(file)).build(), torch.nn.Sequential)
