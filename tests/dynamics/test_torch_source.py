"""The torch source of formulas computes what plain numbers compute, and its slopes are the derivatives."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sysidc.compiler.dynamics.formulas import COMPUTE, Formula, as_tuples, is_number
from sysidc.compiler.dynamics.torch_source import module_source
from tests.dynamics.blocks import arguments_of

BODY = "state x = 1, v = 0.5  learn k = 0.7  let a = {formula}  der(x) = a + v + u  der(v) = k * a - x * a  y = x"
FORMULAS = (
    "x + v - (u - k)",
    "x - (v - u) - k",
    "x / (v * u) / k",
    "-x ** 2 + (-x) ** 2",
    "2 ** x ** v",
    "x ** k",
    "(x * x + 0.1) ** (k - v)",
    "x // v",
    "sqrt(x * x + 1) + exp(-x) + log(v * v + 1)",
    "sin(x) * cos(v) + tan(u / 4) - tanh(x * v) + atan(x)",
    "abs(x - v) + sign(u) * x",
    "min(x, v, u) + max(x, v, 0.2, u, 0.1)",
    "max(0.3, x) - min(v, 0.4) + max(k, x)",
    "relu(x - 1) + relu(1 - x) + sigmoid(3 * x) + softplus(4 * v) / 4",
    "clip(x, 0.2, 1.5) + clip(u, v, 2) + clip(x, -1, k) + clip(0.5, v, x)",
    "3 - -x * -(v - 1)",
)
POINTS = ((0.9, 0.45, 0.31), (1.7, 0.6, -0.45), (0.15, 1.3, 2.4))


def exact(number: float) -> Tensor:
    return torch.tensor(number, dtype=torch.float64)


def functions_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    defined: dict[str, Any] = {"torch": torch, "functional": functional}
    exec(module_source(arguments, slopes=True), defined)
    return defined


def slopes_by_torch(rates: Callable[..., Any], at: Tensor, inputs: Any, numbers: Any) -> Tensor:
    found: Tensor = torch.func.jacrev(lambda z: torch.stack(rates(z.unbind(), inputs, numbers)))(at)
    return found


def value(formula: Formula, known: Mapping[str, float]) -> float:
    if is_number(formula):
        return float(formula)  # type: ignore[arg-type]
    if isinstance(formula, str):
        return known[formula]
    assert isinstance(formula, tuple)
    name, *given = formula
    return known["u"] if name == "input" else COMPUTE[name](*(value(part, known) for part in given))


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_source_computes_what_plain_numbers_compute(formula: str) -> None:
    arguments = arguments_of(BODY.format(formula=formula))
    rates = functions_of(arguments)["rates"]
    for x, v, u in POINTS:
        states, inputs = (exact(x), exact(v)), (exact(u),)
        found = rates(states, inputs, (exact(0.7),))[0].item()
        let = value(as_tuples(arguments["lets"][0]["formula"]), {"x": x, "v": v, "u": u, "k": 0.7})
        assert math.isclose(found, let + v + u, rel_tol=1e-12, abs_tol=1e-12)


@pytest.mark.parametrize("formula", FORMULAS)
def test_slopes_are_the_derivatives_of_the_rates(formula: str) -> None:
    functions = functions_of(arguments_of(BODY.format(formula=formula)))
    for x, v, u in POINTS:
        at = torch.tensor([x, v], dtype=torch.float64)
        inputs, numbers = (exact(u),), (exact(0.7),)
        by_torch = slopes_by_torch(functions["rates"], at, inputs, numbers)
        flat = torch.stack(functions["slopes"](at.unbind(), inputs, numbers))
        torch.testing.assert_close(flat.reshape(2, 2), by_torch, rtol=1e-10, atol=1e-12)


def test_the_source_reads_like_the_block() -> None:
    body = "state x1 = 5, x2 = 5  learn k1 = 0.03  learn k2 = 0.05  let q = k2 * sqrt(max(x1, 0.001))"
    source = module_source(arguments_of(body + "  der(x1) = k1 * u - q  der(x2) = q - x2  y = min(x2, 10)"))
    assert source == (
        "def rates(states, inputs, numbers):\n"
        "    x1, x2 = states\n"
        "    u, = inputs\n"
        "    k1, k2 = numbers\n"
        "    q = k2 * torch.sqrt(torch.clamp(x1, min=0.001))\n"
        "    return k1 * u - q, q - x2\n"
        "\n"
        "def readings(states, inputs, numbers):\n"
        "    _, x2 = states\n"
        "    return torch.clamp(x2, max=10),\n"
    )


def test_names_that_python_or_torch_has_itself_are_told_apart() -> None:
    body = "state torch = 1, lambda = 2, x² = 3  learn states = 1  let torch_ = states * lambda  "
    arguments = arguments_of(body + "der(torch) = torch_ + x²  der(lambda) = -torch  der(x²) = u  y = torch")
    ast.parse(module_source(arguments))
    state = tuple(exact(value) for value in (1.0, 2.0, 3.0))
    found = functions_of(arguments)["rates"](state, (exact(7.0),), (exact(0.5),))
    assert [rate.item() for rate in found] == [4.0, -1.0, 7.0]


def test_what_depends_on_numbers_alone_has_the_shape_of_a_state() -> None:
    functions = functions_of(arguments_of("state x = 1  learn k = 2  der(x) = k  y = 3 + 0 * x"))
    states, numbers = (torch.ones(4, 5),), (torch.tensor(2.0),)
    (rate,) = functions["rates"](states, (torch.ones(4, 5),), numbers)
    assert rate.shape == (4, 5) and rate.eq(2).all()
