"""Laws of the kernels."""

import math

import pytest
import torch
from scipy.integrate import quad
from torch import Tensor
from torch.testing import assert_close

from sysidc.runtime.bounded.kernels import (
    Kernel,
    at_zero,
    box,
    cosine,
    epanechnikov,
    quartic,
    triangular,
    tricube,
    triweight,
)

KERNELS = [box, epanechnikov, triangular, quartic, triweight, tricube, cosine]
NAMES = [kernel.__name__ for kernel in KERNELS]
PEAKS = [1 / 2, 3 / 4, 1.0, 15 / 16, 35 / 32, 70 / 81, math.pi / 4]
VARIANCES = [1 / 3, 1 / 5, 1 / 6, 1 / 7, 1 / 9, 35 / 243, 1 - 8 / math.pi**2]


def value(kernel: Kernel, x: float, width: float = 1.0, offset: float = 0.0) -> float:
    return float(kernel(torch.tensor(x, dtype=torch.float64), width, offset))


@pytest.mark.parametrize("kernel", KERNELS, ids=NAMES)
def test_a_kernel_integrates_to_one(kernel: Kernel) -> None:
    assert quad(lambda u: value(kernel, u), -1, 1)[0] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("kernel", "variance"), list(zip(KERNELS, VARIANCES, strict=True)), ids=NAMES)
def test_a_kernel_has_the_second_moment_of_the_textbook(kernel: Kernel, variance: float) -> None:
    assert quad(lambda u: u**2 * value(kernel, u), -1, 1)[0] == pytest.approx(variance, abs=1e-9)


@pytest.mark.parametrize(("kernel", "peak"), list(zip(KERNELS, PEAKS, strict=True)), ids=NAMES)
def test_a_kernel_has_its_peak_at_zero_and_may_be_scaled_to_one_there(kernel: Kernel, peak: float) -> None:
    assert value(kernel, 0.0) == pytest.approx(peak)
    assert value(at_zero(kernel), 0.0, width=0.3) == pytest.approx(1)
    assert value(at_zero(kernel), 0.1, width=0.3) == pytest.approx(value(kernel, 0.1, width=0.3) / peak)


@pytest.mark.parametrize("kernel", KERNELS, ids=NAMES)
def test_a_kernel_is_even_and_ends_at_its_width(kernel: Kernel) -> None:
    x = torch.linspace(-2, 2, 81, dtype=torch.float64)
    assert_close(kernel(x), kernel(-x))
    assert not kernel(x, width=0.5)[x.abs() > 0.5].any()
    assert (kernel(x, width=0.5)[x.abs() < 0.49] > 0).all()
    assert_close(kernel(3 * x + 1, width=3.0, offset=1.0), kernel(x))


@pytest.mark.parametrize("kernel", KERNELS, ids=NAMES)
def test_value_and_gradient_are_finite_at_any_distance(kernel: Kernel) -> None:
    x: Tensor = torch.tensor([0.0, 0.5, 1.0, 2.0, 1e300], dtype=torch.float64, requires_grad=True)
    # the box has no derivative of its own
    (gradient,) = torch.autograd.grad((kernel(x) + 0 * x).sum(), x)
    assert torch.isfinite(kernel(x)).all()
    assert torch.isfinite(gradient).all()


def test_a_width_is_positive() -> None:
    with pytest.raises(ValueError, match="width"):
        box(torch.zeros(1), width=0.0)
