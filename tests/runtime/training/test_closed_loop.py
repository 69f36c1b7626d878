"""A roll-out as one operation has the numbers and the gradients of the plain loop."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sysidc.runtime.nn import GRU, AutoregressiveResidualWrapper, Flatten, Last, ResidualConnectionWrapper
from sysidc.runtime.training import Feedback
from sysidc.runtime.training.carried import CarriedStack
from sysidc.runtime.training.closed_loop import window_loop
from sysidc.runtime.training.feedback import autonomous
from sysidc.runtime.training.unroll import last_step, roll_out_itself, unroll

BATCH, TIME, HORIZON = 3, 4, 7
DRIVEN = Feedback((0,), (1, 2), (0, 1))
FEEDBACKS = {
    "autonomous": autonomous(3),
    "driven": DRIVEN,
    "known outputs first": Feedback((2,), (0, 1), (0, 1)),
    "some outputs return": Feedback((0, 1), (2,), (1,)),
    "own windows": Feedback((0,), (1, 2), (0, 1), 4, (1, 3)),
    "returned in another order": Feedback((0,), (1, 2), (1, 0)),
}
ACTIVATIONS = [
    nn.Tanh(), nn.Sigmoid(), nn.ReLU(), nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.ELU(0.5), nn.LeakyReLU(0.2),
    nn.Softplus(2.0), nn.Identity(),
]  # fmt: skip


def perceptron(activation: nn.Module, outputs: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    branch = ResidualConnectionWrapper(nn.Sequential(nn.Linear(6, 6), activation, nn.Linear(6, 6, bias=False)))
    return nn.Sequential(Flatten(), nn.Linear(3 * TIME, 6), activation, branch, nn.Linear(6, outputs)).double()


def drawn(*shape: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def assert_same(fast: Tensor, plain: Tensor, sources: list[Tensor]) -> None:
    assert "_Loop" in type(fast.grad_fn).__name__
    torch.testing.assert_close(fast, plain)
    weights = torch.cos(torch.arange(fast.numel(), dtype=torch.float64)).view(fast.shape)
    found, expected = (
        torch.autograd.grad((y.square() * weights).sum(), sources, retain_graph=True) for y in (fast, plain)
    )
    for gradient, by_loop in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, by_loop)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda layer: type(layer).__name__)
def test_every_activation_has_its_own_derivative(activation: nn.Module) -> None:
    module, x = perceptron(activation), drawn(BATCH, TIME, 3)
    plain = unroll(lambda window: module(window), x, None, HORIZON, autonomous(3))
    assert_same(unroll(module, x, None, HORIZON, autonomous(3)), plain, [x, *module.parameters()])


@pytest.mark.parametrize("name", [name for name in FEEDBACKS if name != "returned in another order"])
def test_measured_inputs_and_known_outputs_get_their_gradients(name: str) -> None:
    feedback = FEEDBACKS[name]
    module, source = perceptron(nn.Tanh(), outputs=3 if name == "autonomous" else 2), drawn(BATCH, TIME, 3)
    mask = feedback.mask(source)
    x = source if mask is None else source * mask  # a window holds 0 where a signal is not seen
    inputs = drawn(BATCH, HORIZON - 1, len(feedback.input_channels), seed=2) if feedback.input_channels else None
    plain = unroll(lambda window: module(window), x, inputs, HORIZON, feedback)
    sources = [source, *module.parameters(), *([] if inputs is None else [inputs])]
    assert_same(unroll(module, x, inputs, HORIZON, feedback), plain, sources)


def test_without_a_gradient_of_the_window_the_weights_have_the_same() -> None:
    module, x = perceptron(nn.Tanh(), outputs=2), drawn(BATCH, TIME, 3).detach()
    inputs = drawn(BATCH, 2 * HORIZON - 1, 1, seed=2).detach()
    plain = unroll(lambda window: module(window), x, inputs, 2 * HORIZON, DRIVEN)
    assert_same(unroll(module, x, inputs, 2 * HORIZON, DRIVEN), plain, list(module.parameters()))


def test_a_residual_roll_out_is_the_wrapper_s_own() -> None:
    wrapper, x = AutoregressiveResidualWrapper(perceptron(nn.GELU())), drawn(BATCH, TIME, 3)
    for module in (wrapper, nn.Sequential(wrapper)):
        fast = roll_out_itself(module, wrapper, x, HORIZON)
        assert_same(fast, wrapper(x, HORIZON), [x, *wrapper.parameters()])


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_carried_gated_state_is_the_state_of_the_layer(layers: int, bias: bool) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), GRU(4, 5, layers, bias), nn.Tanh(), nn.Linear(5, 2), Last()).double()
    x, inputs, stack = drawn(BATCH, TIME, 3), drawn(BATCH, HORIZON - 1, 1, seed=2), CarriedStack(module)
    output, states = stack(x)
    steps = [output[:, -1:]]
    for s in range(HORIZON - 1):
        output, states = stack(torch.cat([inputs[:, s : s + 1], steps[-1]], dim=2), states)
        steps.append(output)
    fast = stack.unroll(x, inputs, HORIZON, DRIVEN)
    torch.testing.assert_close(fast, torch.cat(steps, dim=1))
    found, expected = (
        torch.autograd.grad(y.square().sum(), [x, inputs, *module.parameters()]) for y in (fast, torch.cat(steps, 1))
    )
    torch.testing.assert_close(found, expected)


def test_gradients_agree_with_finite_differences() -> None:
    module = perceptron(nn.Tanh(), outputs=2)
    inputs = drawn(BATCH, HORIZON - 1, 1, seed=2)
    assert torch.autograd.gradcheck(
        lambda x, u, *_: unroll(module, x, u, HORIZON, DRIVEN), (drawn(BATCH, TIME, 3), inputs, *module.parameters())
    )


def test_in_single_precision_the_numbers_agree_to_six_digits() -> None:
    module = perceptron(nn.Tanh(), outputs=2).float()
    x, inputs = drawn(BATCH, TIME, 3).float().detach(), drawn(BATCH, 63, 1, seed=2).float().detach()
    plain = unroll(lambda window: module(window), x, inputs, 64, DRIVEN)
    torch.testing.assert_close(unroll(module, x, inputs, 64, DRIVEN), plain, rtol=1e-6, atol=1e-6)


def test_a_frozen_weight_gets_no_gradient_and_the_others_theirs() -> None:
    module = perceptron(nn.Tanh())
    first = module[1].requires_grad_(False)
    unroll(module, drawn(BATCH, TIME, 3).detach(), None, HORIZON, autonomous(3)).sum().backward()  # type: ignore[no-untyped-call]
    assert first.weight.grad is None and module[4].weight.grad is not None


def test_a_weight_that_changed_before_the_backward_pass_is_refused() -> None:
    module = perceptron(nn.Tanh())
    loss = unroll(module, drawn(BATCH, TIME, 3), None, HORIZON, autonomous(3)).sum()
    with torch.no_grad():
        next(module.parameters()).mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()  # type: ignore[no-untyped-call]


def test_a_second_backward_pass_gives_the_same_gradients() -> None:
    module = perceptron(nn.Tanh())
    loss = unroll(module, drawn(BATCH, TIME, 3), None, HORIZON, autonomous(3)).square().sum()
    first = torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss, list(module.parameters())), first, rtol=0, atol=0)


def watched() -> nn.Module:
    module = perceptron(nn.Tanh())
    module[1].register_forward_hook(lambda *_: None)
    return module


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Linear(3, 3), Last()),
        lambda: nn.Sequential(Flatten(), nn.Linear(12, 3), nn.Dropout(0.5)),
        lambda: perceptron(nn.Tanh()).float(),
        watched,
    ],
    ids=["no flatten", "dropout", "another dtype", "hook"],
)
def test_any_other_stack_is_left_to_autograd(make: Callable[[], nn.Module]) -> None:
    assert window_loop(make(), drawn(BATCH, TIME, 3), None, HORIZON, autonomous(3)) is None


def test_channels_that_return_in_another_order_are_left_to_autograd() -> None:
    feedback, module = FEEDBACKS["returned in another order"], perceptron(nn.Tanh(), outputs=2)
    x, inputs = drawn(BATCH, TIME, 3), drawn(BATCH, HORIZON - 1, 1, seed=2)
    assert window_loop(module, x, inputs, HORIZON, feedback) is None
    second = last_step(module(torch.cat([x[:, 1:], feedback.row(inputs[:, :1], last_step(module(x)))], dim=1)))
    torch.testing.assert_close(unroll(module, x, inputs, HORIZON, feedback)[:, 1:2], second)


def test_function_transforms_take_the_plain_loop() -> None:
    module, x = perceptron(nn.Tanh()), drawn(BATCH, TIME, 3).detach()

    def rolled(window: Tensor) -> Tensor:
        return unroll(module, window, None, HORIZON, autonomous(3))

    by_rows = torch.autograd.functional.jacobian(rolled, x)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(torch.func.jacrev(rolled)(x), by_rows)
