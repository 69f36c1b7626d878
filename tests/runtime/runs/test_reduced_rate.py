"""Racing on thinned-out records: what they hold, and that its error is compared with that at the full rate."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.source import Source
from sysidc.runtime.cli import main
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs.reduced_rate import agree, at_every, is_long_enough

SPEC = """sysid 1
signals {{ sampling_time = 4 s  input u : float64  output y : float64 }}
dynamics tank {{
  state x1 = 5, x2 = 5
  learn k1 = {near} in 0 .. 10
  learn k2 = {speed} in 0 .. 10
  let q = sqrt(max(x1, 0.001))
  der(x1) = k1 * u - {speed} * q
  der(x2) = k2 * q - {speed} * sqrt(max(x2, 0.001))
  y = x2
}}
model m: u[all] -> y[all] {{ tank }}
data {{ train = "a.csv"  validation = 25 %  normalize = none }}
train simulation {{
  optimizer = LevenbergMarquardt  epochs = 5
  stage {{ decimate = 3  starts = 2 }}
  stage {{ epochs = 1 }}
}}
"""


def spec(folder: Path, speed: float) -> str:
    """A record of two tanks with noise, which settle within 1 / speed seconds or so, and equations for it."""
    generator = torch.Generator().manual_seed(0)
    u = (1 + 3 * torch.rand(14, generator=generator, dtype=torch.float64)).repeat_interleave(16)
    x1 = x2 = torch.tensor(5.0, dtype=torch.float64)
    rows = ["u,y"]
    for now in u:
        rows.append(f"{now},{x2 + 0.002 * torch.randn(1, generator=generator).item()}")
        for _ in range(200):
            q, h = x1.clamp_min(0.001).sqrt(), 4 / 200
            x1, x2 = x1 + h * (0.8 * speed * now - speed * q), x2 + h * speed * (q - x2.clamp_min(0.001).sqrt())
    (folder / "a.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    text = SPEC.format(speed=speed, near=0.7 * speed)
    (folder / "m.sysid").write_text(text, encoding="utf-8")
    return text


def trained(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], speed: float) -> str:
    spec(folder, speed)
    monkeypatch.chdir(folder)
    assert main(["train", "m.sysid"]) == 0
    return capsys.readouterr().err


def test_outputs_are_picked_and_inputs_are_means_up_to_the_next(tmp_path: Path) -> None:
    source = Source("m.sysid", spec(tmp_path, 0.05), tmp_path / "m.sysid")
    plan = compile_source(source).plan
    assert plan is not None
    part = SpecDataModule(plan)
    whole, thinned = part.train_records[0].values, at_every(part, 7).train_records[0].values
    assert len(thinned["u"]) == len(thinned["y"]) == 168 // 7
    torch.testing.assert_close(thinned["u"][5], whole["u"][35:42].mean(dim=0))
    torch.testing.assert_close(thinned["y"][5], whole["y"][35])
    assert at_every(part, 1) is part
    assert (is_long_enough(part, 16), is_long_enough(part, 17)) == (True, False)


def test_errors_agree_within_half_as_much_again_either_way() -> None:
    assert [agree(1.0, full) for full in (0.6, 0.7, 1.4, 1.6, torch.inf)] == [False, True, True, False, False]


def test_slow_tanks_are_raced_at_the_reduced_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = trained(tmp_path, monkeypatch, capsys, 0.02)
    assert said.count("at one sample in 3\n") == 2 and "full rate" not in said


def test_tanks_too_fast_for_the_steps_are_raced_at_the_full_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = trained(tmp_path, monkeypatch, capsys, 0.15)
    assert said.count("the race goes on at the full rate") == 1
    assert said.count("start 2: numbers drawn") == 1, "the second start has one fit, at the full rate"
