"""A roll-out equals the plain loop that its definition is, gradients included."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sysidc.compiler.windows import place
from sysidc.runtime.nn import GRU, LSTM, AutoregressiveResidualWrapper, CastWrapper, Conv1d, Last
from sysidc.runtime.training import Feedback, LightningPredictionTrainingModule, feedback_of

N_U, N_Y, BATCH = 2, 3, 4


def window_of(u: Tensor, y: Tensor, k: int, n: int, p: int) -> Tensor:
    """Channels u, y over max(n, p) steps that end at k, zeros outside a signal's own window."""
    x = torch.zeros(len(y), max(n, p), N_U + N_Y, dtype=y.dtype)
    x[:, max(n, p) - n :, :N_U] = u[:, k - n + 1 : k + 1]
    x[:, max(n, p) - p :, N_U:] = y[:, k - p + 1 : k + 1]
    return x


def one_step_model(n: int, p: int) -> nn.Sequential:
    torch.manual_seed(0)
    width = max(n, p) * (N_U + N_Y)
    return nn.Sequential(nn.Flatten(), nn.Linear(width, 8), nn.Tanh(), nn.Linear(8, N_Y)).double()


def signals(steps: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    u = torch.randn(BATCH, steps, N_U, generator=generator, dtype=torch.float64)
    return u, torch.randn(BATCH, steps, N_Y, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("forced", [False, True], ids=["own predictions", "teacher forcing"])
@pytest.mark.parametrize(("n", "p", "horizon"), [(4, 4, 1), (4, 2, 3), (2, 5, 4), (3, 2, 9), (1, 1, 5)])
def test_roll_out_with_inputs_is_the_plain_loop(n: int, p: int, horizon: int, forced: bool) -> None:
    u, y = signals(30)
    k, model = 10, one_step_model(n, p)
    feedback = feedback_of(
        place((("u", "input", N_U, n), ("y", "output", N_Y, p)), (("y", "output", N_Y, 1),), "prediction")
    )
    training = LightningPredictionTrainingModule(model, feedback=feedback, teacher_forcing=forced)
    x = window_of(u, y, k, n, p).requires_grad_()
    target = y[:, k + 1 : k + 1 + horizon]
    prediction, _ = training.compare((x, target, u[:, k + 1 : k + horizon]))
    gradients = torch.autograd.grad(prediction.square().sum(), list(model.parameters()))

    seen, steps = y.clone(), []
    for s in range(horizon):
        steps.append(model(window_of(u, seen, k + s, n, p)))
        if not forced:
            seen = torch.cat([seen[:, : k + s + 1], steps[-1][:, None], seen[:, k + s + 2 :]], dim=1)
    expected = torch.stack(steps, dim=1)
    torch.testing.assert_close(prediction, expected)
    for gradient, by_loop in zip(
        gradients, torch.autograd.grad(expected.square().sum(), list(model.parameters())), strict=True
    ):
        torch.testing.assert_close(gradient, by_loop)


def test_channels_may_stand_in_any_order() -> None:
    u, y = signals(12)
    model = one_step_model(3, 3)
    ordered = LightningPredictionTrainingModule(model, feedback=Feedback((0, 1), (2, 3, 4), (0, 1, 2)))
    first, columns = model[1], [4, 0, 2, 1, 3]  # x' = x[..., columns]
    assert isinstance(first, nn.Linear)
    shuffled_model = one_step_model(3, 3)
    with torch.no_grad():
        weight = first.weight.view(8, 3, 5)[:, :, columns].reshape(8, 15)
        shuffled_model.load_state_dict({**model.state_dict(), "1.weight": weight})
    places = [columns.index(channel) for channel in range(5)]
    feedback = Feedback(tuple(places[:2]), tuple(places[2:]), (0, 1, 2))
    shuffled = LightningPredictionTrainingModule(shuffled_model, feedback=feedback)
    x, future = torch.cat([u, y], dim=2)[:, :3], u[:, 3:7]
    torch.testing.assert_close(shuffled.roll_out(x[..., columns], 5, future), ordered.roll_out(x, 5, future))


def test_teacher_forcing_acts_in_training_only() -> None:
    _, y = signals(9)
    training = LightningPredictionTrainingModule(nn.Linear(N_Y, N_Y).double(), teacher_forcing=True)
    forced, _ = training.compare((y[:, :2], y[:, 2:]))
    training.eval()
    free, _ = training.compare((y[:, :2], y[:, 2:]))
    torch.testing.assert_close(forced[:, 0], free[:, 0])
    assert not torch.allclose(forced[:, 1], free[:, 1])
    torch.testing.assert_close(free, training.predict_step((y[:, :2], y[:, 2:])))


@pytest.mark.parametrize("in_stack", [False, True], ids=["alone", "in a stack"])
def test_a_residual_stack_rolls_itself_out_over_the_horizon_of_the_batch(in_stack: bool) -> None:
    _, y = signals(12)
    g = nn.Sequential(nn.Flatten(), nn.Linear(2 * N_Y, N_Y)).double()
    wrapper = AutoregressiveResidualWrapper(g)
    training = LightningPredictionTrainingModule(nn.Sequential(nn.Identity(), wrapper) if in_stack else wrapper)
    prediction, _ = training.compare((y[:, :2], y[:, 2:9]))
    torch.testing.assert_close(prediction, wrapper(y[:, :2], n_predict_time_steps=7))
    assert wrapper.steps == 7
    training.teacher_forcing = True
    forced, _ = training.compare((y[:, :2], y[:, 2:9]))
    one_by_one = [wrapper(y[:, k - 2 : k], n_predict_time_steps=1) for k in range(2, 9)]
    torch.testing.assert_close(forced, torch.cat(one_by_one, dim=1))
    training.eval()
    assert training.compare((y[:, :2], y[:, 2:5]))[0].shape[1] == 3
    assert wrapper.steps == 7


@pytest.mark.parametrize("layer", [GRU, LSTM])
def test_a_carried_state_sees_the_whole_past(layer: type[GRU] | type[LSTM]) -> None:
    torch.manual_seed(0)
    u, y = signals(20)
    stack = nn.Sequential(nn.Linear(5, 6), layer(6, 4), nn.Tanh(), Last(), nn.Linear(4, N_Y)).double()
    feedback = Feedback((0, 1), (2, 3, 4), (0, 1, 2))
    carried = LightningPredictionTrainingModule(stack, feedback=feedback, state="carried")
    x, future = torch.cat([u, y], dim=2)[:, :4], u[:, 4:9]
    past, steps = x, []
    for s in range(6):
        steps.append(stack(past))
        if s < 5:
            past = torch.cat([past, torch.cat([future[:, s : s + 1], steps[-1]], dim=2)], dim=1)
    torch.testing.assert_close(carried.roll_out(x, 6, future), torch.cat(steps, dim=1))
    window = LightningPredictionTrainingModule(stack, feedback=feedback)
    assert not torch.allclose(window.roll_out(x, 6, future), torch.cat(steps, dim=1))
    carried.teacher_forcing = True
    whole = torch.cat([u, y], dim=2)
    forced = [stack(whole[:, : 4 + s]) for s in range(6)]
    torch.testing.assert_close(carried.compare((x, y[:, 4:10], future))[0], torch.cat(forced, dim=1))


@pytest.mark.parametrize(
    "layer", [Conv1d(1, 1, 3), nn.Flatten(), nn.LayerNorm([4, 1])], ids=["conv", "flatten", "norm"]
)
def test_a_layer_that_needs_its_window_carries_no_state(layer: nn.Module) -> None:
    with pytest.raises(ValueError, match="needs a window"):
        LightningPredictionTrainingModule(nn.Sequential(nn.Linear(1, 1), layer), state="carried")


def test_a_cast_around_a_per_step_layer_carries_no_state_and_is_fine() -> None:
    cast = CastWrapper(nn.Linear(1, 1), torch.float32, torch.float32)
    LightningPredictionTrainingModule(nn.Sequential(cast, GRU(1, 1)), state="carried")


def test_missing_inputs_and_strange_channels_are_refused() -> None:
    u, y = signals(8)
    training = LightningPredictionTrainingModule(
        nn.Linear(5, N_Y).double(), feedback=Feedback((0, 1), (2, 3, 4), (0, 1, 2))
    )
    x = torch.cat([u, y], dim=2)
    with pytest.raises(ValueError, match=r"measured inputs \(4, 2, 2\)"):
        training.roll_out(x, 3)
    with pytest.raises(ValueError, match="other channels"):
        training.roll_out(y, 1)
    with pytest.raises(ValueError, match="returns 1 channels"):
        LightningPredictionTrainingModule(nn.Linear(3, 1).double()).roll_out(y, 2)


def test_an_output_that_is_not_predicted_cannot_be_fed_back() -> None:
    layout = place((("y", "output", 1, 2), ("z", "output", 1, 2)), (("y", "output", 1, 1),), "prediction")
    with pytest.raises(ValueError, match="the output z"):
        feedback_of(layout)
