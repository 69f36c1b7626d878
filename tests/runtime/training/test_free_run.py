"""Whole records: every step predicted once, nothing measured read that is not known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sysidc.compiler.windows import Layout, place
from sysidc.runtime.nn import GRU
from sysidc.runtime.training import (
    Feedback,
    LightningPredictionTrainingModule,
    feedback_of,
    predict_ahead,
    simulate,
    simulate_freely,
)

A, B = 0.8, 0.5


def first_order(steps: int = 41) -> dict[str, Tensor]:
    """y[k+1] = A y[k] + B u[k]."""
    u = torch.randn(steps, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    y = [torch.ones(1, dtype=torch.float64)]
    for k in range(steps - 1):
        y.append(A * y[-1] + B * u[k])
    return {"u": u, "y": torch.stack(y)}


class ExactWindow(nn.Module):
    """The M steps after one known output, by the recursion itself; x holds u over M + 1 steps and y in the first."""

    def forward(self, x: Tensor) -> Tensor:
        y, steps = x[:, 0, 1:], []
        for k in range(x.shape[1] - 1):
            y = A * y + B * x[:, k, :1]
            steps.append(y)
        return torch.stack(steps, dim=1)


class OneStep(nn.Module):
    """y[k+1] from u and y at k, (batch, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return B * x[:, -1:, :1] + A * x[:, -1:, 1:]


def sequential_layout(m: int) -> Layout:
    return place((("u", "input", 1, m + 1), ("y", "output", 1, 1)), (("y", "output", 1, m),), "simulation")


@pytest.mark.parametrize("m", [1, 4, 7, 40], ids=["single", "whole", "last shifted", "one window"])
def test_windows_laid_end_to_end_are_the_free_run_of_an_exact_model(m: int) -> None:
    record = first_order()
    prediction = simulate(ExactWindow(), record, sequential_layout(m), any_length=False)
    assert prediction[:1].isnan().all()
    torch.testing.assert_close(prediction[1:], record["y"][1:])


def test_no_measured_output_besides_the_initial_steps_is_read() -> None:
    record = first_order()
    spoiled = {"u": record["u"], "y": torch.cat([record["y"][:1], torch.full_like(record["y"][1:], torch.nan)])}
    prediction = simulate(ExactWindow(), spoiled, sequential_layout(6), any_length=False)
    torch.testing.assert_close(prediction[1:], record["y"][1:])


@pytest.mark.parametrize(("n", "m", "steps"), [(5, 1, 23), (5, 3, 23), (2, 4, 23), (5, 3, 24), (5, 5, 5), (3, 8, 8)])
def test_windows_of_inputs_predict_every_step_once(n: int, m: int, steps: int) -> None:
    class Sums(nn.Module):
        """Each output step counts the sum of the whole window, and its place in the window."""

        def forward(self, x: Tensor) -> Tensor:
            return x.sum(1, keepdim=True) + torch.arange(m, dtype=x.dtype)[:, None]

    u = torch.randn(steps, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    layout = place((("u", "input", 1, n),), (("y", "output", 1, m),), "simulation")
    prediction = simulate(Sums(), {"u": u, "y": torch.zeros_like(u)}, layout, any_length=False)
    known = max(0, n - m)
    expected = torch.full((steps, 1), torch.nan, dtype=torch.float64)
    for start in [*range(known, steps - m + 1, m), steps - m]:
        for j in range(m):
            if expected[start + j].isnan().all():
                expected[start + j] = u[start + m - n : start + m].sum() + j
    torch.testing.assert_close(prediction, expected, equal_nan=True)


def test_a_stack_for_any_length_makes_one_run_with_the_first_outputs_shown() -> None:
    torch.manual_seed(0)
    stack, record = nn.Sequential(GRU(2, 6), nn.Linear(6, 1)).double(), first_order()
    layout = place((("u", "input", 1, 12), ("y", "output", 1, 5)), (("y", "output", 1, 7),), "simulation")
    prediction = simulate(stack, record, layout, any_length=True)
    shown = record["y"] * (torch.arange(41) < 5)[:, None]
    expected = stack(torch.cat([record["u"], shown], dim=1)[None])[0].detach()
    torch.testing.assert_close(prediction[5:], expected[5:])
    assert prediction[:5].isnan().all()
    torch.testing.assert_close(prediction, simulate_freely(stack, record, ["u", "y"], {"y": 5}), equal_nan=True)
    assert stack.training


def test_a_record_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="a record of 5 steps is shorter"):
        simulate(ExactWindow(), first_order(5), sequential_layout(9), any_length=False)


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_predictions_ahead_start_from_the_output_measured_h_steps_before(horizon: int) -> None:
    record = first_order()
    record["y"] = record["y"] + torch.randn(41, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    layout = place((("u", "input", 1, 3), ("y", "output", 1, 2)), (("y", "output", 1, 1),), "prediction")
    prediction = predict_ahead(OneStep(), record, layout, feedback_of(layout), horizon)
    expected = torch.full((41, 1), torch.nan, dtype=torch.float64)
    for t in range(layout.known + horizon - 1, 41):
        y = record["y"][t - horizon]
        for k in range(t - horizon, t):
            y = A * y + B * record["u"][k]
        expected[t] = y
    torch.testing.assert_close(prediction, expected, equal_nan=True)


def test_predictions_ahead_do_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    record = first_order()
    layout = place((("u", "input", 1, 1), ("y", "output", 1, 1)), (("y", "output", 1, 1),), "prediction")
    module = LightningPredictionTrainingModule(OneStep(), feedback=Feedback((0,), (1,), (0,)))
    whole = predict_ahead(module, record, layout, feedback_of(layout), 3)
    monkeypatch.setattr("sysidc.runtime.training.free_run.CHUNK_ELEMENTS", 40)
    torch.testing.assert_close(predict_ahead(module, record, layout, feedback_of(layout), 3), whole, equal_nan=True)


def test_a_horizon_beyond_the_record_predicts_nothing() -> None:
    layout = place((("y", "output", 1, 1),), (("y", "output", 1, 1),), "prediction")
    assert predict_ahead(nn.Identity(), first_order(4), layout, feedback_of(layout), 9).isnan().all()
