"""Every layer keeps its promise of shape, dtype and parameter count for random arguments, on the meta device."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sysidc.runtime import nn as layers
from sysidc.runtime.nn.convolution import Padding

Promise = tuple[nn.Module, int, int, int]  # the layer, the steps and channels it returns, its parameters
SIZES = st.integers(1, 9)


def convolution(T: int, C: int, a: int, b: int, padding: Padding) -> Promise:
    steps = T + 20 - 2 * (a - 1) if padding == "none" else T + 20
    return layers.Conv1d(C, b, a, dilation=2, padding=padding), steps, b, b * (C * a + 1)


LAYERS: dict[str, Callable[[int, int, int, int], Promise]] = {
    "Flatten": lambda T, C, a, b: (layers.Flatten(), 1, T * C, 0),
    "Last": lambda T, C, a, b: (layers.Last(min(a, T)), min(a, T), C, 0),
    "DelayLine": lambda T, C, a, b: (layers.DelayLine(a), T, a * C, 0),
    "Scale": lambda T, C, a, b: (layers.Scale([float(b)] * C, a), T, C, 0),
    "Clip": lambda T, C, a, b: (layers.Clip(-a, b), T, C, 0),
    "BoundedLinearUnit": lambda T, C, a, b: (layers.BoundedLinearUnit(-a, b), T, C, 0),
    "TimeSeriesLinear": lambda T, C, a, b: (layers.TimeSeriesLinear(T, C, a, b), a, b, a * b * (T * C + 1)),
    "TimeSeriesLinear causal": lambda T, C, a, b: (
        layers.TimeSeriesLinear(T, C, min(a, T), b, causal=True, bias=False),
        min(a, T),
        b,
        min(a, T) * b * T * C,
    ),
    "FrequencyLinear": lambda T, C, a, b: (
        layers.FrequencyLinear(T, C, a, b),
        a,
        b,
        2 * (a // 2 + 1) * b * (T // 2 + 1) * C,
    ),
    "SelfAttention": lambda T, C, a, b: (layers.SelfAttention(C, 1 if C % 2 else 2), T, C, 4 * C * (C + 1)),
    "BatchNorm1d": lambda T, C, a, b: (layers.BatchNorm1d(C), T, C, 2 * C),
    "GRU": lambda T, C, a, b: (layers.GRU(C, a), T, a, 3 * a * (C + a + 2)),
    "LSTM": lambda T, C, a, b: (layers.LSTM(C, a), T, a, 4 * a * (C + a + 2)),
    "RNN": lambda T, C, a, b: (layers.RNN(C, a, bias=False), T, a, a * (C + a)),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@settings(deadline=None, max_examples=40)
@given(T=SIZES, C=SIZES, a=SIZES, b=SIZES)
def test_layer_returns_the_promised_shape_dtype_and_count(
    layer: Callable[[int, int, int, int], Promise], dtype: torch.dtype, T: int, C: int, a: int, b: int
) -> None:
    with torch.device("meta"):
        module, steps, channels, parameters = layer(T, C, a, b)
        y = module.to(dtype)(torch.empty(3, T, C, dtype=dtype))
    assert (tuple(y.shape), y.dtype) == ((3, steps, channels), dtype)
    assert y.device.type == "meta"
    assert sum(parameter.numel() for parameter in module.parameters()) == parameters


@pytest.mark.parametrize("padding", ["causal", "same", "none"])
@settings(deadline=None, max_examples=40)
@given(T=SIZES, C=SIZES, a=SIZES, b=SIZES)
def test_convolution_returns_the_promised_shape_and_count(padding: Padding, T: int, C: int, a: int, b: int) -> None:
    with torch.device("meta"):
        module, steps, channels, parameters = convolution(T, C, a, b, padding)
        y = module(torch.empty(3, T + 20, C))
    assert tuple(y.shape) == (3, steps, channels)
    assert sum(parameter.numel() for parameter in module.parameters()) == parameters


@settings(deadline=None, max_examples=40)
@given(T=SIZES, C=SIZES, a=SIZES, b=SIZES)
def test_embedding_returns_the_promised_shape_and_count(T: int, C: int, a: int, b: int) -> None:
    with torch.device("meta"):
        module = layers.Embedding(a, b, channels=C)
        y = module(torch.empty(3, T, C, dtype=torch.int64))
    assert tuple(y.shape) == (3, T, C * b)
    assert sum(parameter.numel() for parameter in module.parameters()) == a * b


# torch's own recurrent cells cache their parameters in a list, which its exporter remarks on
@pytest.mark.filterwarnings("ignore:The tensor attribute.*assigned during export:UserWarning")
@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())
def test_layer_survives_torch_export(layer: Callable[[int, int, int, int], Promise]) -> None:
    torch.manual_seed(0)
    module = layer(6, 4, 3, 2)[0].eval()
    x = torch.randn(2, 6, 4)
    torch.testing.assert_close(torch.export.export(module, (x,)).module()(x), module(x))


@pytest.mark.parametrize("name", layers.__all__)
def test_every_class_documents_itself(name: str) -> None:
    text = getattr(layers, name).__doc__
    assert text is not None
    assert "state" in text or "(batch, " in text or "(..., " in text
