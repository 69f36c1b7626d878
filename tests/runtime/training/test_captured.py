"""On a GPU windows live there, and a step replayed from a graph has the numbers of one taken launch by launch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from sysidc.runtime.training import captured
from tests.runtime.training.test_settings import PREDICTION, SIMULATION, Kind, column, outcome

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
STEPS = "epochs = 3  batch_size = 32  accelerator = cuda"
SETTINGS = {
    "Adam": "optimizer = AdamW(lr = 1e-2)",
    "clipped": "optimizer = SGD(lr = 1e-2, momentum = 0.9)  gradient_clip = 0.05",
    "schedule": "optimizer = Adam(lr = 1e-2)  scheduler = StepLR(step_size = 1, gamma = 0.5)",
}


@needs_gpu
@pytest.mark.parametrize("kind", [SIMULATION, PREDICTION], ids=["simulation", "prediction"])
@pytest.mark.parametrize("name", SETTINGS)
def test_replayed_steps_are_the_steps(name: str, kind: Kind, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    word = f"{SETTINGS[name]}  {STEPS}"
    replayed = outcome(kind, word, tmp_path)
    monkeypatch.setattr(captured, "CAPTURABLE", ())
    launched = outcome(kind, word, tmp_path)
    for metric in ("train_loss", "val_loss"):
        assert column(replayed, metric) == pytest.approx(column(launched, metric), rel=1e-4)


@needs_gpu
def test_a_step_is_captured_after_the_first_ones_and_again_at_another_rate() -> None:
    weight = torch.nn.Parameter(torch.ones(2, device="cuda"))
    optimizer = torch.optim.SGD([weight], lr=0.5)

    def take(batch: Sequence[torch.Tensor]) -> torch.Tensor:
        loss = (weight * batch[0]).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    replay, expected = captured.Replay(optimizer), torch.ones(2)
    for step in range(10):
        if step == 7:
            optimizer.param_groups[0]["lr"] = 0.25
        x = torch.full((2,), float(step))
        loss = replay.step(take, (x.cuda(),), None)
        assert float(loss) == pytest.approx(float((expected * x).sum()))
        expected = expected - optimizer.param_groups[0]["lr"] * x
        torch.testing.assert_close(weight.detach().cpu(), expected)
    assert not replay.refused and len(replay.captured) == 1
