"""Laws of the cast, the residual connection and the autoregressive roll-out."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from sysidc.runtime.nn import (
    AutoregressiveResidualWrapper,
    CastWrapper,
    Clip,
    Conv1d,
    DelayLine,
    Embedding,
    Flatten,
    ResidualConnectionWrapper,
    Scale,
)

F64 = torch.float64


class LastStep(nn.Module):
    """A linear one-step model of the whole window, (batch, P, C) -> (batch, C)."""

    def __init__(self, steps: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.2 * torch.randn(channels, steps, channels, dtype=F64))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("dpc,bpc->bd", self.weight, x).tanh()


def test_cast_stack_of_the_manual_runs_as_it_stands() -> None:
    net = torch.nn.Sequential(
        CastWrapper(torch.nn.Linear(1, 20), in_dtype=torch.int64, out_dtype=torch.float32),
        ResidualConnectionWrapper(torch.nn.Linear(20, 20)),
        torch.nn.Linear(20, 1),
    )
    y = net(torch.randint(0, 9, (4, 5, 1)))
    assert y.shape == (4, 5, 1)
    assert y.dtype == torch.float32
    y.sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_cast_to_integers_cuts_the_digits_behind_the_point() -> None:
    linear = nn.Linear(1, 2).to(F64)
    x = torch.tensor([[[2.7], [-1.5]]], dtype=F64)
    y = CastWrapper(linear, torch.int64, torch.float32)(x)
    assert_close(y, linear(torch.tensor([[[2.0], [-1.0]]], dtype=F64)).float())


def test_cast_without_parameters_computes_in_the_floating_output_dtype() -> None:
    x = torch.arange(4).view(1, 4, 1)
    y = CastWrapper(nn.Tanh(), torch.int64, F64)(x)
    assert_close(y, torch.tanh(x.to(F64)))


FIRST_CONSUMERS = {
    "linear": (nn.Linear(1, 2), True),
    "activation before a linear": (nn.Sequential(nn.Softplus(), nn.Linear(1, 2)), True),
    "flatten before a linear": (nn.Sequential(Flatten(), nn.Linear(3, 2)), True),
    "delay line before a convolution": (nn.Sequential(DelayLine(2), Conv1d(2, 2, 3)), True),
    "nested stack": (nn.Sequential(nn.Sequential(nn.Identity()), nn.Sequential(nn.Linear(1, 2))), True),
    "scale": (Scale(0.5), True),
    "residual": (ResidualConnectionWrapper(nn.Linear(1, 1)), True),
    "embedding": (Embedding(9, 2), False),
    "torch's embedding": (nn.Sequential(nn.Flatten(1, 2), nn.Embedding(9, 2)), False),
    "clip before an embedding": (nn.Sequential(Clip(0, 8), Embedding(9, 2), nn.Linear(2, 1)), False),
    "cast inside a cast": (nn.Sequential(CastWrapper(nn.Linear(1, 2), torch.int64, F64), nn.Linear(2, 1)), False),
}


@pytest.mark.parametrize(("module", "lifted"), FIRST_CONSUMERS.values(), ids=FIRST_CONSUMERS.keys())
def test_the_first_module_that_computes_decides_whether_integers_are_lifted(module: nn.Module, lifted: bool) -> None:
    module = module.to(F64)
    seen: list[torch.dtype] = []
    handle = module.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].dtype))
    y = CastWrapper(module, torch.int64, torch.float32)(torch.tensor([[[1.2], [3.0], [8.9]]]))
    handle.remove()
    assert seen == [F64 if lifted else torch.int64]
    assert y.dtype == torch.float32


def test_cast_between_floating_dtypes_still_meets_the_dtype_of_the_module() -> None:
    linear = nn.Linear(1, 1).to(F64)
    x = torch.rand(1, 3, 1, dtype=F64)
    assert_close(CastWrapper(linear, torch.float32, F64)(x), linear(x.float().to(F64)))


def test_residual_adds_the_branch_to_its_input() -> None:
    linear = nn.Linear(3, 3).to(F64)
    x = torch.randn(2, 4, 3, dtype=F64)
    assert_close(ResidualConnectionWrapper(linear)(x), x + x @ linear.weight.T + linear.bias)


@pytest.mark.parametrize(
    ("branch", "named"),
    [
        (nn.Linear(4, 1), r"\(2, 5, 1\).*\(2, 5, 4\)"),
        (Conv1d(4, 4, 3, padding="none"), r"\(2, 3, 4\).*\(2, 5, 4\)"),
        (CastWrapper(nn.Linear(4, 4), torch.float32, F64), r"float64.*float32"),
    ],
    ids=["channels", "time", "dtype"],
)
def test_residual_never_stretches(branch: nn.Module, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ResidualConnectionWrapper(branch)(torch.zeros(2, 5, 4))


def test_residual_holds_under_autocast() -> None:
    x = torch.randn(2, 4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ResidualConnectionWrapper(nn.Linear(3, 3))(x).dtype == torch.float32


def plain_rollout(g: nn.Module, x: Tensor, steps: int) -> Tensor:
    """Every step so far in one growing record, from which each window is cut anew."""
    record = x
    for _ in range(steps):
        change = g(record[:, record.shape[1] - x.shape[1] :]).view(x.shape[0], 1, x.shape[2])
        record = torch.cat([record, record[:, -1:] + change], dim=1)
    return record[:, x.shape[1] :]


@pytest.mark.parametrize("window", [1, 3, 7], ids="window {}".format)
@pytest.mark.parametrize("steps", [1, 2, 7, 15], ids="steps {}".format)
def test_rollout_and_its_gradients_equal_a_plain_loop(window: int, steps: int) -> None:
    torch.manual_seed(0)
    g = LastStep(window, 2)
    x = torch.randn(3, window, 2, dtype=F64, requires_grad=True)
    weights = torch.randn(3, steps, 2, dtype=F64)
    fast = AutoregressiveResidualWrapper(g)(x, n_predict_time_steps=steps)
    slow = plain_rollout(g, x, steps)
    assert_close(fast, slow)
    wanted = torch.autograd.grad((slow * weights).sum(), [x, g.weight])
    assert_close(torch.autograd.grad((fast * weights).sum(), [x, g.weight]), wanted)


def test_rollout_gradient_agrees_with_finite_differences() -> None:
    torch.manual_seed(0)
    wrapper = AutoregressiveResidualWrapper(LastStep(3, 2), steps=5)
    assert torch.autograd.gradcheck(wrapper, torch.randn(2, 3, 2, dtype=F64, requires_grad=True))


def test_rollout_of_a_linear_model_is_a_matrix_power() -> None:
    A = torch.tensor([[-0.1, 0.3], [-0.2, -0.4]], dtype=F64)
    g = nn.Linear(2, 2, bias=False).to(F64)
    g.weight.data = A
    x = torch.randn(1, 1, 2, dtype=F64)
    y = AutoregressiveResidualWrapper(g)(x, n_predict_time_steps=6)
    assert_close(y[0, 5], torch.linalg.matrix_power(torch.eye(2, dtype=F64) + A, 6) @ x[0, 0])


def test_rollout_length_follows_the_attribute() -> None:
    wrapper = AutoregressiveResidualWrapper(nn.Sequential(Flatten(), nn.Linear(4, 2)), steps=8)
    x = torch.randn(3, 2, 2)
    assert wrapper(x).shape == (3, 8, 2)
    wrapper.steps = 3
    assert wrapper(x).shape == (3, 3, 2)
    assert_close(wrapper(x, n_predict_time_steps=5)[:, :3], wrapper(x))


@pytest.mark.parametrize(
    "g",
    [nn.Identity(), nn.Linear(2, 1), nn.Flatten(), CastWrapper(Conv1d(2, 2, 3, padding="none"), torch.float32, F64)],
    ids=["all steps", "one channel of two", "window side by side", "another dtype"],
)
def test_rollout_refuses_what_is_not_one_step(g: nn.Module) -> None:
    with pytest.raises(ValueError, match="one-step model returns"):
        AutoregressiveResidualWrapper(g)(torch.zeros(4, 3, 2))


def test_rollout_of_no_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        AutoregressiveResidualWrapper(nn.Linear(1, 1))(torch.zeros(1, 1, 1), n_predict_time_steps=0)
