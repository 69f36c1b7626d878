"""Which input steps an output step depends on, found by perturbing one input step at a time."""

import pytest
import torch
from torch import Tensor, nn

from sysidc.runtime import nn as layers

T, C = 9, 2


def dependencies(layer: nn.Module) -> Tensor:
    """(output steps, input steps): whether the first moves with the second."""
    x = torch.randn(1, T, C, dtype=torch.float64)
    y = layer(x)
    moved = []
    for step in range(T):
        other = x.clone()
        other[:, step] += 0.5
        moved.append((layer(other) - y).abs().amax(dim=(0, 2)) > 1e-12)
    return torch.stack(moved, dim=1)


CASES: dict[str, tuple[nn.Module, int, int]] = {
    "DelayLine(4)": (layers.DelayLine(4), 3, 0),
    "Scale": (layers.Scale(2.0, 1.0), 0, 0),
    "Clip": (layers.Clip(-50, 50), 0, 0),
    "BoundedLinearUnit": (layers.BoundedLinearUnit(-50, 50), 0, 0),
    "Last(3)": (layers.Last(3), 0, 0),
    "causal TimeSeriesLinear": (layers.TimeSeriesLinear(T, C, 4, 3, causal=True), T - 1, 0),
    "TimeSeriesLinear": (layers.TimeSeriesLinear(T, C, T, 3), T - 1, T - 1),
    "FrequencyLinear": (layers.FrequencyLinear(T, C, T, 3), T - 1, T - 1),
    "causal SelfAttention": (layers.SelfAttention(C, 2, causal=True), T - 1, 0),
    "SelfAttention": (layers.SelfAttention(C, 1), T - 1, T - 1),
    "GRU": (layers.GRU(C, 4), T - 1, 0),
    "LSTM": (layers.LSTM(C, 4), T - 1, 0),
    "RNN": (layers.RNN(C, 4), T - 1, 0),
    "causal Conv1d": (layers.Conv1d(C, 3, 3, dilation=2), 4, 0),
    "same Conv1d, odd kernel": (layers.Conv1d(C, 3, 3, padding="same"), 1, 1),
    "same Conv1d, even kernel": (layers.Conv1d(C, 3, 4, padding="same"), 1, 2),
    "unpadded Conv1d": (layers.Conv1d(C, 3, 4, padding="none"), 3, 0),
    "BatchNorm1d in evaluation": (layers.BatchNorm1d(C).eval(), 0, 0),
}


@pytest.mark.parametrize(("layer", "look_back", "look_ahead"), CASES.values(), ids=CASES.keys())
def test_perturbation_shows_the_documented_interval(layer: nn.Module, look_back: int, look_ahead: int) -> None:
    torch.manual_seed(0)
    moved = dependencies(layer.to(torch.float64))
    # output steps are aligned at the end of the window
    output = torch.arange(T - moved.shape[0], T)[:, None]
    lag = output - torch.arange(T)[None, :]
    assert int(lag[moved].max()) == look_back
    assert int(lag[moved].min()) == -look_ahead


def test_flatten_depends_on_every_step() -> None:
    assert dependencies(layers.Flatten()).all()


@pytest.mark.parametrize(
    "layer", [layers.DelayLine(3), layers.Conv1d(C, 3, 3, dilation=2)], ids=["DelayLine", "causal Conv1d"]
)
def test_a_shifted_input_gives_the_shifted_output(layer: nn.Module) -> None:
    layer = layer.to(torch.float64)
    x = torch.randn(2, T, C, dtype=torch.float64)
    # what stands before a window is zero for these layers, so a delayed record starts with zeros
    delayed = torch.cat([torch.zeros(2, 2, C, dtype=torch.float64), x], dim=1)
    torch.testing.assert_close(layer(delayed)[:, 2:], layer(x))
