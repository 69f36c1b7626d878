"""The examples train and test: the small ones to the accuracy that they promise, the larger ones for one epoch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sysidc
from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.formatter.canonical import format_source
from sysidc.dsl.source import Source

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "examples"
SHARED = ROOT.parent / "shared" / "examples"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the benchmark data lie beside the project, not in it")


def shortened(path: Path, folder: Path, epochs: int | None = None) -> Path:
    """A copy of a spec, its data named by their full paths; with `epochs` also of fewer samples, starts and models."""
    text = path.read_text(encoding="utf-8").replace('"../data/', f'"{path.parents[1]}/data/')
    text = text.replace('"quadruple_tank.csv"', f'"{path.parent}/quadruple_tank.csv"')
    if epochs is not None:
        text = re.sub(r"\bepochs( *)= \d+", rf"epochs\1= {epochs}", text)
        text = re.sub(r"\bsegments( *)= \[[\d_]+\]", r"segments\1= [400]", text)
        text = re.sub(r"\b(starts|ensemble)( *)= \d+", r"\1\2= 2", text)
        text = re.sub(r"\bsamples = [2-9]_000", "samples = 2_000", text)
    copy = folder / path.name
    copy.write_text(text, encoding="utf-8")
    return copy


def assert_whole(run: sysidc.Run) -> None:
    """Every part of a run folder is there, and the scores are numbers."""
    for name in ("spec.sysid", "plan.json", "weights.safetensors", "metrics.json", "metrics.csv", "report.html"):
        assert (run.path / name).stat().st_size > 0
    assert run.metrics
    for row in run.metrics:
        assert np.isfinite(row["rmse"])


@pytest.mark.parametrize("path", sorted(OWN.glob("*.sysid")), ids=lambda path: path.stem)
def test_own_example_is_clean_and_formatted(path: Path) -> None:
    source = Source(str(path), path.read_text(encoding="utf-8"), path)
    assert [str(diagnostic) for diagnostic in compile_source(source).diagnostics] == []
    assert format_source(source) == source.text


@pytest.mark.parametrize("path", sorted(OWN.glob("*.sysid")), ids=lambda path: path.stem)
def test_own_example_trains_and_tests(path: Path, tmp_path: Path) -> None:
    assert_whole(sysidc.load(shortened(path, tmp_path, epochs=1)).train(tmp_path / "runs"))


@needs_shared
@pytest.mark.parametrize("name", ["wiener_hammerstein", "lorenz", "silverbox", "wh_blocks", "tanks_equations"])
def test_shared_example_trains_and_tests(name: str, tmp_path: Path) -> None:
    assert_whole(sysidc.load(shortened(SHARED / f"{name}.sysid", tmp_path, epochs=1)).train(tmp_path / "runs"))


@needs_shared
@pytest.mark.parametrize(("name", "parameters"), [("silverbox", 44 + 70), ("wh_blocks", 16 + 24 + 16 + 120)])
def test_shared_example_of_a_chain_builds(name: str, parameters: int) -> None:
    """Equations, polynomials and curves of the model, and the network of its correction."""
    spec = sysidc.load(SHARED / f"{name}.sysid")
    assert spec.plan.model.chain is not None
    assert sum(parameter.numel() for parameter in spec.build().parameters()) == parameters


@needs_shared
def test_excitation_reaches_the_noise_level(tmp_path: Path) -> None:
    run = sysidc.load(shortened(SHARED / "excitation.sysid", tmp_path)).train(tmp_path / "runs")
    assert run.metrics[0]["rmse"] == pytest.approx(0.02, rel=0.05)


@needs_shared
def test_bounded_network_stays_in_a_band_that_holds(tmp_path: Path) -> None:
    """y[k] = tanh(u[k] + 0.6 u[k-1]) + noise of 0.05: the band holds at least 90 % of the outputs without noise."""
    run = sysidc.load(shortened(SHARED / "fir_bounded.sysid", tmp_path, epochs=10)).train(tmp_path / "runs")
    found = run.predict(SHARED.parent / "data" / "fir_test.csv").iloc[1:]
    u = pd.read_csv(SHARED.parent / "data" / "fir_test.csv")["u"].to_numpy()
    clean = np.tanh(u[1:] + 0.6 * u[:-1])
    lower, upper = found["y_lower"].to_numpy(), found["y_upper"].to_numpy()
    predicted = found["y_predicted"].to_numpy()
    assert ((lower <= predicted) & (predicted <= upper)).all()
    assert ((lower <= clean) & (clean <= upper)).mean() >= 0.9
    assert np.mean(upper - lower) / 2 == pytest.approx(0.2, abs=0.05)
    assert np.sqrt(np.mean((predicted - clean) ** 2)) < 0.02
