"""The dependency interval of a whole stack is what shows when single inputs are moved, in float64."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor, nn

from sysidc.compiler.lower import build_stack
from sysidc.compiler.plan import Plan
from tests.compiler.programs import compiled

WINDOW = 24
LAYERS = (
    "Linear(3)", "Tanh", "Conv1d(2, 3)", "Conv1d(3, 2, dilation = 2)", 'Conv1d(2, 3, padding = "same")',
    "Conv1d(2, 2, padding = none)", "DelayLine(2)", "GRU(2)", "LayerNorm LSTM(2)", "LayerNorm",
    "RNN(2, num_layers = 2, nonlinearity = relu)",
    "Softplus", "Scale(0.5)", "SelfAttention(1)", "SelfAttention(1, causal = on)", "Identity", "PReLU",
)  # fmt: skip
ENDS = ("Linear(1)", "TimeSeriesLinear(6, 1)", "TimeSeriesLinear(6, 1, causal = on)", "Last(6) Linear(1)")


def random_stack(seed: int) -> str:
    rng = random.Random(seed)
    parts = ["Linear(3)"]
    for _ in range(rng.randint(1, 3)):
        layer = rng.choice(LAYERS)
        wrap = rng.random()
        if wrap < 0.2:
            parts.append(f"Linear(2) @residual {{ {layer} Conv1d(2, 2) }}" if "none" not in layer else layer)
        elif wrap < 0.35:
            parts.append(f"repeat 2 {{ {layer} }}")
        else:
            parts.append(layer)
    return " ".join([*parts, rng.choice(ENDS)])


@pytest.mark.parametrize("seed", range(60))
def test_interval_of_a_stack_is_its_true_dependency(seed: int) -> None:
    stack = random_stack(seed)
    plan = plan_of(stack)
    back, ahead = moved(plan)
    model = plan.model
    longest = WINDOW - 1
    assert ahead <= (longest if model.look_ahead is None else model.look_ahead), stack
    # what is told shows, as far as the window and the output's place in it let it
    assert back == min(longest if model.look_back is None else model.look_back, longest), stack
    if model.look_ahead is not None:
        assert ahead == min(model.look_ahead, reach_ahead(plan)), stack


def plan_of(stack: str) -> Plan:
    """The plan of a stack over a window of 24 steps, its output as long as the stack leaves it."""
    for steps in (6, *range(WINDOW, 12, -1)):
        found = compiled(stack, f"u[{WINDOW}] -> y[{steps}]", "simulation { precision = float64 }")
        if found.plan is not None:
            return found.plan
    raise AssertionError(stack)


def reach_ahead(plan: Plan) -> int:
    """The first output step could look as far ahead as the window goes on."""
    steps = plan.model.nodes[-1].type_out.steps
    assert steps is not None
    return steps - 1


@torch.no_grad()
def moved(plan: Plan) -> tuple[int, int]:
    """(look-back, look-ahead) that show; output step j of S belongs to input step T - S + j."""
    net = positive(build_stack(plan).eval())
    torch.manual_seed(1)
    x = 0.2 + 0.1 * torch.rand(1, WINDOW, 1, dtype=torch.float64)
    clean = net(x)
    shift = WINDOW - clean.shape[1]
    back = ahead = 0
    for step in range(WINDOW):
        changed = [output + shift for output in differing(net, x, clean, step)]
        back = max([back, *(output - step for output in changed)])
        ahead = max([ahead, *(step - output for output in changed)])
    return back, ahead


def differing(net: nn.Module, x: Tensor, clean: Tensor, step: int) -> list[int]:
    disturbed = x.clone()
    disturbed[0, step] += 0.1
    found: list[int] = ((net(disturbed) - clean).abs().amax((0, 2)) > 0).nonzero().flatten().tolist()
    return found


def positive(net: nn.Module) -> nn.Module:
    """Weights that let a disturbance through to the end in float64: no path cancels another, none fades away."""
    torch.manual_seed(0)
    for parameter in net.parameters():
        parameter.uniform_(0.3, 0.6)
    return net
