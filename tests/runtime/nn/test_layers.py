"""What each layer computes, from its formula, plain torch or scipy."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.fft
import scipy.signal
import torch
from torch import nn
from torch.testing import assert_close

from sysidc.runtime import nn as layers

F64 = torch.float64


def sample(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(7))


def test_flatten_is_time_major() -> None:
    x = torch.tensor([[[1, 2], [3, 4], [5, 6]]])
    assert layers.Flatten()(x).tolist() == [[[1, 2, 3, 4, 5, 6]]]


def test_delay_line_puts_the_newest_sample_first() -> None:
    x = torch.tensor([[[1, 10], [2, 20], [3, 30]]])
    assert layers.DelayLine(2)(x).tolist() == [[[1, 10, 0, 0], [2, 20, 1, 10], [3, 30, 2, 20]]]


def test_delay_line_into_a_linear_layer_is_a_fir_filter() -> None:
    x, taps = sample(1, 30, 1), sample(4)
    y = layers.DelayLine(4)(x) @ taps[:, None]
    assert_close(y[0, :, 0].numpy(), scipy.signal.lfilter(taps.numpy(), [1.0], x[0, :, 0].numpy()))


def test_last_keeps_the_last_steps() -> None:
    x = sample(2, 5, 3)
    assert_close(layers.Last(2)(x), x[:, 3:])
    assert_close(layers.Last()(x), x[:, 4:])


def test_scale_acts_per_channel_and_keeps_the_dtype() -> None:
    x = sample(2, 4, 2)
    y = layers.Scale([2, -3], offset=[0, 1])(x)
    assert_close(y, torch.stack([2 * x[..., 0], 1 - 3 * x[..., 1]], dim=2))
    assert layers.Scale(0.5)(x.to(torch.bfloat16)).dtype == torch.bfloat16
    assert_close(layers.Scale(0.5)(torch.ones(1, 1, 1, dtype=torch.int64)), torch.full((1, 1, 1), 0.5))


def test_scale_learns_and_stores_nothing() -> None:
    assert not list(layers.Scale(2.0).parameters())
    assert not layers.Scale(2.0).state_dict()


def test_clip_equals_numpy() -> None:
    x = sample(2, 9, 3)
    assert_close(layers.Clip(-0.3, 0.6)(x).numpy(), np.clip(x.numpy(), -0.3, 0.6))


def test_clip_keeps_integers_inside_the_band() -> None:
    x = torch.arange(-4, 5).view(1, -1, 1)
    y = layers.Clip(-1.5, 2.5)(x)
    assert y.dtype == x.dtype
    assert y.flatten().tolist() == [-1, -1, -1, -1, 0, 1, 2, 2, 2]


def test_bounded_unit_takes_one_band_per_sample() -> None:
    x = torch.tensor([[[-2.0], [0.5], [3.0]]], dtype=F64)
    low = torch.tensor([[[-1.0], [0.0], [1.0]]], dtype=F64)
    assert_close(layers.BoundedLinearUnit()(x, low, low + 1)[0, :, 0], torch.tensor([-1.0, 0.5, 2.0], dtype=F64))
    assert_close(layers.BoundedLinearUnit(-1, 1)(x)[0, :, 0], torch.tensor([-1.0, 0.5, 1.0], dtype=F64))


def test_gradient_of_the_bounded_unit_is_that_of_what_it_returns() -> None:
    x = torch.tensor([[[-2.0], [0.5], [3.0]]], dtype=F64, requires_grad=True)
    high = torch.full((1, 3, 1), 1.0, dtype=F64, requires_grad=True)
    grad_x, grad_high = torch.autograd.grad(layers.BoundedLinearUnit(-1)(x, high=high).sum(), [x, high])
    assert grad_x.flatten().tolist() == [0, 1, 0]
    assert grad_high.flatten().tolist() == [0, 0, 1]


def test_time_series_linear_is_torch_linear_of_the_flat_window() -> None:
    layer = layers.TimeSeriesLinear(5, 2, 3, 4).to(F64)
    x = sample(6, 5, 2)
    assert_close(layer(x), nn.functional.linear(x.reshape(6, 10), layer.weight, layer.bias).reshape(6, 3, 4))


def test_masked_entries_of_the_causal_map_stay_zero_and_get_no_gradient() -> None:
    layer = layers.TimeSeriesLinear(5, 2, 3, 4, causal=True).to(F64)
    layer(sample(6, 5, 2)).square().sum().backward()
    assert layer.weight.grad is not None
    for tensor in (layer.weight.detach(), layer.weight.grad):
        entries = tensor.reshape(3, 4, 5, 2)
        for j in range(3):
            assert (entries[j, :, : 5 - 3 + j + 1] != 0).all()
            assert (entries[j, :, 5 - 3 + j + 1 :] == 0).all()


def test_causal_rows_start_in_the_range_of_what_they_see() -> None:
    torch.manual_seed(0)
    weight = layers.TimeSeriesLinear(64, 1, 64, 400, causal=True).weight.detach().reshape(64, 400 * 64)
    bound = torch.arange(1, 65).rsqrt()
    reached = weight.abs().amax(dim=1) / bound
    assert (reached <= 1 + 1e-6).all()
    assert (reached > 0.95).all()


def test_frequency_linear_equals_scipy_fft() -> None:
    layer = layers.FrequencyLinear(7, 2, 6, 3).to(F64)
    x = sample(4, 7, 2)
    W = torch.view_as_complex(layer.weight.detach()).numpy()
    X = np.asarray(scipy.fft.rfft(x.numpy(), axis=1, norm="ortho")).reshape(4, -1)
    y = scipy.fft.irfft((X @ W.T).reshape(4, 4, 3), n=6, axis=1, norm="ortho")
    assert_close(layer(x).detach().numpy(), y)


def test_frequency_linear_starts_with_the_variance_of_a_linear_layer() -> None:
    torch.manual_seed(0)
    y = layers.FrequencyLinear(32, 4, 32, 4).to(F64)(sample(400, 32, 4))
    assert 0.2 < float(y.detach().var()) < 0.5  # 1/3 in the mean


def test_frequency_linear_with_a_diagonal_weight_is_a_circular_convolution() -> None:
    layer = layers.FrequencyLinear(8, 1, 8, 1).to(F64)
    x, h = sample(1, 8, 1), sample(8)
    layer.weight.data = torch.view_as_real(torch.diag(torch.fft.rfft(h)))
    expected = [torch.stack([h[i] * x[0, (t - i) % 8, 0] for i in range(8)]).sum() for t in range(8)]
    assert_close(layer(x)[0, :, 0].detach(), torch.stack(expected))


@pytest.mark.parametrize("causal", [False, True], ids=["acausal", "causal"])
def test_self_attention_equals_torch_multihead_attention(causal: bool) -> None:
    layer = layers.SelfAttention(6, 3, causal).to(F64)
    reference = nn.MultiheadAttention(6, 3, batch_first=True).to(F64)
    renamed = {"in_proj_weight": layer.project_in.weight, "in_proj_bias": layer.project_in.bias}
    renamed |= {"out_proj.weight": layer.project_out.weight, "out_proj.bias": layer.project_out.bias}
    reference.load_state_dict(renamed)
    x = sample(2, 5, 6)
    mask = torch.ones(5, 5).triu(1).bool() if causal else None
    assert_close(layer(x), reference(x, x, x, attn_mask=mask)[0])


def test_self_attention_has_no_notion_of_position() -> None:
    layer, x, order = layers.SelfAttention(4, 2).to(F64), sample(2, 6, 4), torch.tensor([3, 0, 5, 1, 2, 4])
    assert_close(layer(x[:, order]), layer(x)[:, order])


def test_causal_convolution_is_a_fir_filter() -> None:
    layer = layers.Conv1d(1, 1, 4, bias=False).to(F64)
    x = sample(1, 20, 1)
    # torch correlates: the last weight meets the newest sample
    taps = layer.conv.weight.detach().flatten().flip(0).numpy()
    assert_close(layer(x)[0, :, 0].detach().numpy(), scipy.signal.lfilter(taps, [1.0], x[0, :, 0].numpy()))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("kernel_size", [1, 3, 4], ids="kernel {}".format)
@pytest.mark.parametrize("dilation", [1, 3], ids="dilation {}".format)
def test_same_padding_is_that_of_torch(kernel_size: int, dilation: int) -> None:
    layer = layers.Conv1d(4, 6, kernel_size, dilation, padding="same", groups=2).to(F64)
    reference = nn.Conv1d(4, 6, kernel_size, dilation=dilation, padding="same", groups=2).to(F64)
    reference.load_state_dict(layer.conv.state_dict())
    x = sample(2, 12, 4)
    assert_close(layer(x), reference(x.mT).mT)


def test_unpadded_convolution_is_the_end_of_the_causal_one() -> None:
    causal, unpadded = layers.Conv1d(2, 3, 3, 2).to(F64), layers.Conv1d(2, 3, 3, 2, padding="none").to(F64)
    unpadded.load_state_dict(causal.state_dict())
    x = sample(2, 10, 2)
    assert_close(unpadded(x), causal(x)[:, 4:])


def test_batch_norm_standardises_each_channel_over_batch_and_time() -> None:
    x = 3 * sample(5, 8, 2) + 7
    layer = layers.BatchNorm1d(2, eps=1e-3).to(F64)
    assert_close(layer(x), (x - x.mean((0, 1))) / (x.var((0, 1), correction=0) + 1e-3).sqrt())
    running = 0.9 * torch.zeros(2, dtype=F64) + 0.1 * x.mean((0, 1))
    assert_close(layer.norm.running_mean, running)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64], ids=str)
def test_embedding_shares_one_table_among_the_channels(dtype: torch.dtype) -> None:
    layer = layers.Embedding(4, 2, channels=2)
    E = layer.table.weight
    y = layer(torch.tensor([[[3, 0], [1, 3]]], dtype=dtype))
    assert_close(y, torch.stack([torch.cat([E[3], E[0]]), torch.cat([E[1], E[3]])])[None])


REFUSED: dict[str, Callable[[], object]] = {
    "no taps": lambda: layers.DelayLine(0),
    "no last step": lambda: layers.Last(0),
    "more steps than the window has": lambda: layers.Last(4)(torch.zeros(1, 3, 1)),
    "two constants for three channels": lambda: layers.Scale([1, 2])(torch.zeros(1, 1, 3)),
    "empty band": lambda: layers.Clip(1, 0),
    "empty band of the bounded unit": lambda: layers.BoundedLinearUnit(1, 0),
    "causal map that returns more than it sees": lambda: layers.TimeSeriesLinear(3, 1, 4, 1, causal=True),
    "window with time and channels exchanged": lambda: layers.TimeSeriesLinear(3, 2, 1, 1)(torch.zeros(1, 2, 3)),
    "no width": lambda: layers.FrequencyLinear(3, 2, 1, 0),
    "spectrum of another window": lambda: layers.FrequencyLinear(3, 2, 1, 1)(torch.zeros(1, 4, 2)),
    "heads that do not divide": lambda: layers.SelfAttention(4, 3),
    "unknown padding": lambda: layers.Conv1d(1, 1, 3, padding="valid"),  # type: ignore[arg-type]
    "kernel longer than the window": lambda: layers.Conv1d(1, 1, 4, padding="none")(torch.zeros(1, 3, 1)),
    "index beyond the table": lambda: layers.Embedding(3, 2)(torch.tensor([[[3]]])),
    "negative index": lambda: layers.Embedding(3, 2)(torch.tensor([[[-1]]])),
    "index with digits behind the point": lambda: layers.Embedding(3, 2)(torch.zeros(1, 1, 1)),
    "channels that were not promised": lambda: layers.Embedding(3, 2)(torch.zeros(1, 1, 2, dtype=torch.int64)),
}


@pytest.mark.parametrize("mistake", REFUSED.values(), ids=REFUSED.keys())
def test_mistake_is_a_value_error(mistake: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\d|not"):
        mistake()
