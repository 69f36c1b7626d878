"""What is shown to users works: every example, and the spec of the README, checks and builds."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

import sysidc
from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.render.text import render
from sysidc.dsl.source import Source

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.sysid"))


def test_every_training_mode_has_an_example() -> None:
    modes = {re.search(r"^train (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE) for file in EXAMPLES}
    assert {mode.group(1) for mode in modes if mode} == {"simulation", "prediction", "bounded"}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_builds_a_sequential(file: Path) -> None:
    assert isinstance(sysidc.load(str(file)).build(), torch.nn.Sequential)


def test_the_recording_of_the_gallery_follows_the_equations_of_the_quadruple_tank() -> None:
    """Johansson, The quadruple-tank process, IEEE TCST 8(3), 2000, table I: cm, V, s; 0.05 cm of noise."""
    rows = np.loadtxt(ROOT / "examples" / "quadruple_tank.csv", delimiter=",", skiprows=1)
    area, hole = np.array([28, 32, 28, 32]), np.array([0.071, 0.057, 0.071, 0.057])
    feed = np.array([[0.7 * 3.33, 0], [0, 0.6 * 3.35], [0, 0.4 * 3.35], [0.3 * 3.33, 0]])
    into = np.array([[-1, 0, 1, 0], [0, -1, 0, 1], [0, 0, -1, 0], [0, 0, 0, -1]])

    def rise(_: float, level: np.ndarray, pumps: np.ndarray) -> np.ndarray:
        return (into @ (hole * np.sqrt(2 * 981 * level)) + feed @ pumps) / area  # type: ignore[no-any-return]

    levels = [np.array([12.4, 12.7, 1.8, 1.4])]
    for pumps in rows[:-1, :2]:
        levels.append(solve_ivp(rise, (0, 5), levels[-1], args=(pumps,), rtol=1e-7).y[:, -1])
    assert np.std(rows[:, 2:] - np.array(levels)[:, :2], axis=0) == pytest.approx(0.05, rel=0.1)


def readme() -> tuple[str, str]:
    """The README and the spec in it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (spec,) = re.findall(r"^```\n(sysid 1\n.*?)^```", text, re.M | re.S)
    return text, spec


def test_the_spec_in_the_readme_builds(tmp_path: Path) -> None:
    file = tmp_path / "duffing.sysid"
    file.write_text(readme()[1], encoding="utf-8")
    assert isinstance(sysidc.load(str(file)).build(), torch.nn.Sequential)


def test_the_program_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, spec = readme()
    monkeypatch.chdir(tmp_path)
    short = spec.replace("samples = 6_000", "samples = 600").replace("epochs    = 20", "epochs    = 1")
    assert short != spec
    Path("duffing.sysid").write_text(short, encoding="utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    exec(compile(program, "README.md", "exec"), {})


def test_the_mistake_in_the_readme_is_drawn_as_it_stands_there() -> None:
    text, spec = readme()
    wrong = spec.replace("  Tanh\n", "  @residual { Tanh  Linear(16) }\n")
    found = compile_source(Source("duffing.sysid", wrong))
    assert render(found.diagnostics, found.sources).strip() in text
