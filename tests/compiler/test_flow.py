"""Shapes and dtypes through the stack: what is accepted, what is refused, and as which mistake."""

from __future__ import annotations

import pytest
import torch

from sysidc.compiler.lower import build_stack
from tests.compiler.programs import compiled, ids

TWO_OUTPUTS = "signals { input u  output y  output z }"

ACCEPTED = {
    "size left out": ("Linear(20) Tanh Linear(1)", "u[4] -> y[4]"),
    "size written": ("Linear(1, 20) Linear(20, 1)", "u[4] -> y[4]"),
    "cropped to the last M": ("GRU(8) Linear(1)", "u[10] -> y[3]"),
    "residual": ("Linear(8) @residual { Linear(16) Tanh Linear(8) } Linear(1)", "u[4] -> y[4]"),
    "flatten": ("Flatten Linear(8) ReLU Linear(1)", "u[16] -> y[1]"),
    "repeat": ("Linear(8) repeat 3 { Linear(8) Tanh } Linear(1)", "u[4] -> y[4]"),
    "convolutions": ("Conv1d(8, 3) Tanh Conv1d(1, kernel_size = 3, dilation = 2)", "u[16] -> y[8]"),
    "unpadded": ("Conv1d(8, 3, padding = none) Linear(1)", "u[10] -> y[8]"),
    "whole record": ("LSTM(8) Linear(1)", "u[all], y[5] -> y[all]"),
    "names": ("Linear(8) as encoder Tanh Linear(1) as readout", "u[4] -> y[4]"),
    "frozen": ("@freeze Linear(8) @init(xavier_uniform, gain = 2) Linear(1)", "u[4] -> y[4]"),
    "attention": ("Linear(8) SelfAttention(2, causal = on) Linear(1)", "u[8] -> y[4]"),
    "spectrum": ("FrequencyLinear(steps = 4, width = 8) Flatten Linear(1)", "u[16] -> y[1]"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted_stack_builds_and_keeps_the_promise(case: str) -> None:
    stack, header = ACCEPTED[case]
    found = compiled(stack, header, "simulation { optimizer = AdamW }")
    assert found.plan is not None, found.diagnostics
    model = found.plan.model
    net = build_stack(found.plan)
    x = torch.zeros(2, model.type_in.steps or 30, model.type_in.channels)
    promised = model.type_out.steps or 25
    y = net(x)[:, -promised:]
    assert tuple(y.shape) == (2, promised, model.type_out.channels)
    assert sum(parameter.numel() for parameter in net.parameters()) == model.parameters


REFUSED = {
    "input size": ("Linear(2, 20) Linear(1)", "u[4] -> y[4]", "size-mismatch"),
    "residual channels": ("Linear(8) @residual Linear(1) Linear(1)", "u[4] -> y[4]", "residual-shape"),
    "residual steps": ("@residual Last Linear(1)", "u[4] -> y[1]", "residual-shape"),
    "output channels": ("Linear(2)", "u[4] -> y[4]", "header-shape"),
    "output steps": ("TimeSeriesLinear(3, 1)", "u[4] -> y[2]", "header-shape"),
    "fixed length": ("Flatten Linear(1)", "u[all] -> y[all]", "fixed-length"),
    "heads": ("Linear(6) SelfAttention(4) Linear(1)", "u[4] -> y[1]", "size-mismatch"),
    "filter too long": ("Conv1d(1, 9, padding = none)", "u[4] -> y[1]", "window-too-short"),
    "unknown layer": ("Linaer(1)", "u[4] -> y[4]", "unknown-layer"),
    "unknown argument": ("Linear(1, baias = off)", "u[4] -> y[4]", "unknown-argument"),
    "unknown signal": ("Linear(1)", "v[4] -> y[4]", "unknown-signal"),
    "input behind the arrow": ("Linear(1)", "y[4] -> u[4]", "input-as-output"),
    "answer in the window": ("Linear(1)", "u[all], y[all] -> y[all]", "answer-in-window"),
    "half a record": ("GRU(4) Linear(1)", "u[8] -> y[all]", "half-whole-record"),
    "a record without inputs": ("StateSpace", "y[8] -> y[all]", "half-whole-record"),
    "nothing to learn": ("Tanh", "u[4] -> y[4]", "no-parameters"),
    "taken name": ("Linear(1) as train", "u[4] -> y[4]", "taken-name"),
    "name twice": ("Linear(3) as a Linear(1) as a", "u[4] -> y[4]", "duplicate-definition"),
    "unknown annotation": ("@residaul Linear(1)", "u[4] -> y[4]", "unknown-annotation"),
    "heap of layers": ("repeat 10_000 { repeat 10_000 { Linear(1) } }", "u[4] -> y[4]", "too-many-layers"),
    "all frozen": ("@freeze { Linear(4) Tanh Linear(1) }", "u[4] -> y[4]", "no-parameters"),
    "nothing behind the integers": (
        "Linear(1) @cast(float32 -> int64) Identity @cast(int64 -> float32) Identity",
        "u[4] -> y[4]",
        "no-parameters",
    ),
    "statistics of one step": (
        "Flatten BatchNorm1d(track_running_stats = off) Linear(1)",
        "u[4] -> y[1]",
        "window-too-short",
    ),
    "blocks of empty blocks": ("repeat 10_000 { repeat 10_000 { } }", "u[4] -> y[4]", "too-many-layers"),
    "empty blocks": ("repeat 3 { }", "u[4] -> y[4]", "empty-stack"),
    "no layers": ("", "u[4] -> y[4]", "empty-stack"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_mistake_is_told_once(case: str) -> None:
    stack, header, id = REFUSED[case]
    assert ids(stack, header) == [id]


WARNED = {
    "acausal mix": ("TimeSeriesLinear(4, 8) Linear(1)", "u[4] -> y[4]", ["acausal"]),
    "acausal filter": ("Conv1d(1, 3, padding = same)", "u[8] -> y[4]", ["acausal"]),
    "its own last step is not acausal": ("Conv1d(1, 3, padding = same)", "u[8] -> y[1]", []),
    "short window": ("Conv1d(1, 9)", "u[4] -> y[1]", ["short-window"]),
    "freeze without parameters": ("@freeze Tanh Linear(1)", "u[4] -> y[4]", ["nothing-to-freeze"]),
}


@pytest.mark.parametrize("case", WARNED)
def test_warnings(case: str) -> None:
    stack, header, expected = WARNED[case]
    found = compiled(stack, header)
    assert [diagnostic.id for diagnostic in found.diagnostics] == expected
    assert found.plan is not None


DTYPES = {
    "integers need a cast": ("Linear(1)", "signals { input u : int64  output y }", ["dtype-mismatch"]),
    "a cast lifts them": ("@cast(int64 -> float32) Linear(1)", "signals { input u : int64  output y }", []),
    "an embedding takes them": ("Embedding(2, 4) Linear(1)", "signals { input u : int64  output y }", []),
    "an embedding refuses reals": ("Embedding(2, 4) Linear(1)", "signals { input u  output y }", ["dtype-mismatch"]),
    "wider input": ("Linear(1)", "signals { input u : float64  output y }", ["dtype-mismatch"]),
    "wider output": ("Linear(1)", "signals { input u : float64  output y : float64 }", []),
    "cast at the end": (
        "Linear(4) @cast(float32 -> float64) Linear(1)",
        "signals { input u  output y }",
        ["header-dtype"],
    ),
    "integer output": ("Linear(1)", "signals { input u  output y : int64 }", ["integer-output"]),
    "a cast to a wider dtype before layers of the model's": (
        "@cast(float64 -> float32) { Tanh Linear(1) }",
        "signals { input u  output y }",
        [],
    ),
    "a cast around a residual around a cast": (
        "@cast(int64 -> float32) @residual { @cast(float16 -> float32) Linear(1) }",
        "signals { input u  output y }",
        [],
    ),
    "activations of truth values": (
        "@cast(bool -> int64) ELU @cast(int64 -> float32) Linear(1)",
        "signals { input u  output y }",
        [],
    ),
    "a normalisation without numbers of its own": (
        "@cast(float64 -> float64) LayerNorm(elementwise_affine = off) @cast(float64 -> float32) Linear(1)",
        "signals { input u  output y }",
        [],
    ),
    "weights of 16 bits": (
        "@init(orthogonal) Linear(1)",
        "signals { input u : bfloat16  output y : bfloat16 }",
        [],
    ),
    "no spectrum of 16 bits": (
        "FrequencyLinear(4, 1)",
        "signals { input u : bfloat16  output y : bfloat16 }",
        ["dtype-mismatch"],
    ),
    "unknown dtype": ("Linear(1)", "signals { input u : flaot32  output y }", ["unknown-dtype"]),
}


@pytest.mark.parametrize("case", DTYPES)
def test_dtypes_flow_through_the_stack(case: str) -> None:
    stack, signals, expected = DTYPES[case]
    found = compiled(stack, signals=signals)
    assert [diagnostic.id for diagnostic in found.diagnostics] == expected
    if found.plan is not None:
        model = found.plan.model
        y = build_stack(found.plan)(
            torch.zeros(2, 4, model.type_in.channels, dtype=getattr(torch, model.type_in.dtype))
        )
        assert y.dtype == getattr(torch, model.type_out.dtype)


def test_precision_replaces_every_floating_dtype() -> None:
    found = compiled(
        "@cast(int64 -> float32) Linear(1)",
        train="simulation { precision = float64 }",
        signals="signals { input u : int64  output y : float32 }",
    )
    assert found.plan is not None
    assert build_stack(found.plan)(torch.zeros(2, 4, 1, dtype=torch.int64)).dtype == torch.float64
    assert found.plan.signal("u").dtype == "int64"


def test_weights_depend_on_the_seed_alone() -> None:
    plan = compiled("Linear(4) Tanh Linear(1)").plan
    assert plan is not None
    torch.manual_seed(123)
    first = build_stack(plan).state_dict()
    state = torch.get_rng_state()
    second = build_stack(plan).state_dict()
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)


def test_names_of_repeated_layers_are_counted() -> None:
    plan = compiled("repeat 3 { Linear(1) as unit }").plan
    assert plan is not None
    assert [node.name for node in plan.model.nodes] == ["unit", "unit_2", "unit_3"]


def test_two_outputs_stand_side_by_side() -> None:
    plan = compiled("Linear(2)", "u[4] -> y[4], z[4]", signals=TWO_OUTPUTS).plan
    assert plan is not None
    assert plan.model.type_out.channels == 2
