from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from sysidc.runtime.data.normalizer import Normalizer

Y = torch.stack([torch.linspace(-3, 9, 50), torch.linspace(0, 1e-3, 50) ** 2], dim=1).double()


@pytest.mark.parametrize("kind", ["standard", "minmax", "none"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_decoding_undoes_encoding_and_keeps_the_dtype(kind: str, dtype: torch.dtype) -> None:
    normalizer = Normalizer.fit({"y": Y.to(dtype)}, kind)
    encoded = normalizer.encode("y", Y.to(dtype))
    assert encoded.dtype == dtype
    assert_close(normalizer.decode("y", encoded), Y.to(dtype))


def test_standard_has_mean_0_and_deviation_1() -> None:
    encoded = Normalizer.fit({"y": Y}, "standard").encode("y", Y)
    assert_close(encoded.mean(dim=0), torch.zeros(2, dtype=torch.float64))
    assert_close(encoded.std(dim=0, correction=0), torch.ones(2, dtype=torch.float64))


def test_minmax_fills_minus_1_to_1() -> None:
    encoded = Normalizer.fit({"y": Y}, "minmax").encode("y", Y)
    assert_close(encoded.amin(dim=0), -torch.ones(2, dtype=torch.float64))
    assert_close(encoded.amax(dim=0), torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("kind", ["standard", "minmax"])
@pytest.mark.parametrize("level", [0.0, 0.1, -1e9])
def test_a_constant_channel_keeps_its_scale(kind: str, level: float) -> None:
    constant = torch.full((1000, 1), level, dtype=torch.float32)
    normalizer = Normalizer.fit({"y": constant}, kind)
    assert normalizer.scale("y").item() == 1
    assert_close(normalizer.encode("y", constant), torch.zeros(1000, 1))


def test_integers_pass_unchanged() -> None:
    counts = torch.arange(10)[:, None]
    normalizer = Normalizer.fit({"n": counts}, "standard")
    assert torch.equal(normalizer.encode("n", counts), counts)
    assert normalizer.shift("n").item() == 0 and normalizer.scale("n").item() == 1


def test_constants_travel_in_the_state_dict() -> None:
    fitted = Normalizer.fit({"u": Y[:, :1], "y": Y}, "standard")
    other = Normalizer({"u": 1, "y": 2})
    other.load_state_dict(fitted.state_dict())
    assert set(fitted.state_dict()) == {"shift_u", "scale_u", "shift_y", "scale_y"}
    assert_close(other.encode("y", Y), fitted.encode("y", Y))
    assert_close(other.join(("y", "u"))[1], torch.cat([fitted.scale("y"), fitted.scale("u")]))
