"""Every row of the layer catalogue against torch: shapes, dtypes, counts on the meta device, time by perturbation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sysidc.compiler.catalogue.entry import Effect, Layer, Misfit, Shape
from sysidc.compiler.catalogue.functions import CURVES
from sysidc.compiler.catalogue.layers import LAYERS
from sysidc.compiler.lower import located
from sysidc.compiler.plan import CallPlan
from sysidc.runtime.nn import Chain, LinearDynamics

BUILT = list(LAYERS.values())
SIZES: dict[str, tuple[int, int]] = {
    "steps": (1, 6), "taps": (1, 5), "kernel_size": (1, 4), "dilation": (1, 2), "degree": (2, 4),
}  # fmt: skip
ROUNDING = {"LRU": 1e-12}
"""What a sum by Fourier transforms leaves where nothing moved."""
SMALL = {"PolynomialStateSpace": 0.1}
"""Factor of the weights of a layer that larger ones let grow without end."""


@st.composite
def curves(draw: st.DrawFn) -> CallPlan:
    row = draw(st.sampled_from(tuple(CURVES.values())))
    hidden = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=2)))
    given = {"knots": draw(st.integers(4, 9)), "degree": draw(st.integers(1, 4)), "hidden": hidden}
    return CallPlan(row.name, row.target, {argument.name: given[argument.name] for argument in row.arguments})


@st.composite
def arguments_of(draw: st.DrawFn, layer: Layer, channels: int) -> dict[str, Any]:
    """Legal arguments of a layer: required ones drawn, optional ones drawn or left at their default."""
    values: dict[str, Any] = {}
    for argument in layer.arguments:
        if argument.flow:
            values[argument.name] = None
        elif argument.name == "heads":
            values[argument.name] = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
        elif argument.name == "groups":
            values[argument.name] = 1
        elif argument.name == "initial":
            values[argument.name] = "zero"
        elif argument.family:
            values[argument.name] = draw(curves())
        elif "ints" in argument.kind:
            values[argument.name] = tuple(draw(st.lists(st.integers(1, 4), max_size=2)))
        elif argument.name == "outputs":
            values[argument.name] = draw(st.none() | st.integers(1, 3))
        elif argument.choices and "auto" not in argument.choices:
            values[argument.name] = draw(st.sampled_from(argument.choices))
        elif argument.kind == "bool":
            values[argument.name] = draw(st.booleans())
        elif "int" in argument.kind:
            low, high = SIZES.get(argument.name, (1, 5))
            values[argument.name] = draw(st.integers(low, high))
        else:
            values[argument.name] = draw(st.sampled_from([0.25, 0.5])) if argument.required else argument.default
    if "low" in values:
        values["low"], values["high"] = -0.5, 0.5
    return values


def tensor(layer: Layer, steps: int, channels: int, **options: Any) -> torch.Tensor:
    if layer.numbers == "integers":
        return torch.zeros(2, steps, channels, dtype=torch.int64, **options)
    return torch.zeros(2, steps, channels, **options)


@pytest.mark.parametrize("layer", BUILT, ids=lambda layer: layer.name)
@given(data=st.data())
@settings(max_examples=25)
def test_rule_agrees_with_torch(layer: Layer, data: st.DataObject) -> None:
    steps, channels = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 6))
    arguments = data.draw(arguments_of(layer, channels))
    effect = layer.rule(arguments, Shape(steps, channels))
    if isinstance(effect, Misfit):
        assert effect.id in ("window-too-short", "size-mismatch")
        return
    with torch.device("meta"):
        module = located(layer.target)(**effect.arguments)
        output = module.eval()(tensor(layer, steps, channels))
    assert tuple(output.shape) == (2, effect.shape.steps, effect.shape.channels)
    assert output.dtype == torch.float32 or layer.numbers == "any"
    assert sum(parameter.numel() for parameter in module.parameters()) == effect.parameters


@pytest.mark.parametrize("layer", BUILT, ids=lambda layer: layer.name)
@given(data=st.data())
@settings(max_examples=10)
def test_time_rule_is_the_true_dependency(layer: Layer, data: st.DataObject) -> None:
    """Perturb one input step: the outputs that move are those within (look-back, look-ahead), and no wider one."""
    steps, channels = 9, 2
    arguments = data.draw(arguments_of(layer, channels))
    if arguments.get("dropout") or layer.name in ("Dropout", "Embedding"):
        return
    effect = layer.rule(arguments, Shape(steps, channels))
    if isinstance(effect, Misfit):
        return
    seen = measured_interval(layer, effect, steps, channels)
    back, ahead = effect.time
    whole_back, whole_ahead = steps - 1, steps - 1
    assert seen[0] == min(whole_back if back is None else back, seen[2])
    assert seen[1] == min(whole_ahead if ahead is None else ahead, seen[3])


def measured_interval(layer: Layer, effect: Effect, steps: int, channels: int) -> tuple[int, int, int, int]:
    """(look-back, look-ahead) as they show, and the largest that this window could show.

    Output step j of S stands at the end of the window: it belongs to input step T - S + j.
    """
    torch.manual_seed(0)
    module = located(layer.target)(**effect.arguments).double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(0.1, 0.4).mul_(SMALL.get(layer.name, 1))
        x = torch.rand(1, steps, channels, dtype=torch.float64)
        x = (x - 0.5) * 0.6 if "low" in effect.arguments else 0.9 * x + 0.05
        clean = module(x)
        back = ahead = 0
        rounding = ROUNDING.get(layer.name, 0)
        shift = steps - clean.shape[1]
        for step in range(steps):
            for channel in range(channels):
                moved = x.clone()
                moved[0, step, channel] += 0.137
                changed = ((module(moved) - clean).abs().amax((0, 2)) > rounding).nonzero().flatten().tolist()
                back = max([back, *(shift + output - step for output in changed)])
                ahead = max([ahead, *(step - shift - output for output in changed)])
    return back, ahead, steps - 1, clean.shape[1] - 1


def test_taken_names_are_those_of_the_containers() -> None:
    from sysidc.compiler.passes.nodes import TAKEN_NAMES

    chain = Chain({"0": LinearDynamics(1, 1, 2)}, [0], [1], 3, "encoder")
    public = {name for item in (torch.nn.Sequential(), chain) for name in dir(item) if not name.startswith("_")}
    assert public - {"0"} == TAKEN_NAMES


def test_layer_names_are_torchs_where_torch_has_one() -> None:
    for layer in BUILT:
        if layer.target.startswith("torch."):
            assert located(layer.target).__name__ == layer.name
