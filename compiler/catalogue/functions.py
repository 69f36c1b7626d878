"""Functions by name: losses, kernels, curves."""

from __future__ import annotations

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.member import POSITIVE, Member, real, table, whole

LOSSES = table(
    Member("MSE", "torch.nn.MSELoss", (), "mean squared error"),
    Member("L1", "torch.nn.L1Loss", (), "mean absolute error"),
    Member("SmoothL1", "torch.nn.SmoothL1Loss", (real("beta", 1.0, low=0),), "squared below beta, absolute above"),
    Member("Huber", "torch.nn.HuberLoss", (real("delta", 1.0, **POSITIVE),), "squared below delta, linear above"),
)


def kernel(name: str, formula: str) -> Member:
    bandwidth = real("bandwidth", about="half-width of the kernel, in the units of the network's input", **POSITIVE)
    return Member(name, f"sysidc.runtime.bounded.kernels.{name.lower()}", (bandwidth,), formula)


KERNELS = table(
    kernel("Box", "1/2 for |u| <= 1"),
    kernel("Epanechnikov", "3/4 (1 - u^2)"),
    kernel("Triangular", "1 - |u|"),
    kernel("Quartic", "15/16 (1 - u^2)^2"),
    kernel("Triweight", "35/32 (1 - u^2)^3"),
    kernel("Tricube", "70/81 (1 - |u|^3)^3"),
    kernel("Cosine", "pi/4 cos(pi u / 2)"),
)

CURVE = "sysidc.runtime.nn.Curve"

CURVES = table(
    Member(
        "Spline",
        CURVE,
        (whole("knots", 24, low=4, high=10_000, about="coefficients"),),
        "cubic B-spline, linear in its parameters, straight outside of the data",
    ),
    Member("Polynomial", CURVE, (whole("degree", 3, low=1, high=30, about="highest power"),), "polynomial"),
    Member(
        "Network",
        CURVE,
        (Argument("hidden", "ints", (8,), low=1, about="widths"),),
        "tanh network of one number, beside a straight line",
    ),
)
