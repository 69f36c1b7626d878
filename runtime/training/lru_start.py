"""A linear model put into a linear recurrent unit: each of its poles, or pair of poles, is one complex state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.lru import LRU
from sysidc.runtime.solvers.linear_model import LARGEST_RADIUS
from sysidc.runtime.solvers.modes import Modes
from sysidc.runtime.solvers.simulation_problem import Records
from sysidc.runtime.training.linear_start import PASSING, LinearStart, elements

SMALLEST_RADIUS = 1e-3
"""Of a pole that forgets within a step: the layer shows z[k+1], and what it shows of z[k] is divided by the pole."""
TURN = 2 * np.pi
"""The angle of a positive pole; one of 0 would be out of reach of exp(theta)."""
TILT = np.pi / 8
"""Angle of what drives and of what shows the mode of a real pole. With real numbers the error would not depend on the
pole's angle at all, and no training could make a pair of it."""


def lru_and_head(chain: Chain) -> tuple[LRU, nn.Linear | None] | None:
    """A linear recurrent unit and the linear layer behind it, where there is one, in a chain that has nothing beside
    them but curves and corrections."""
    found = [layer for layer in elements(chain) if not isinstance(layer, PASSING)]
    if not found or not isinstance(found[0], LRU) or len(found) > 2:
        return None
    head = found[-1] if len(found) == 2 else None
    return (found[0], head) if head is None or isinstance(head, nn.Linear) else None


def write_lru(layer: LRU, modes: Modes) -> None:
    """The response y[k] = Re(C z[k]) + D u[k] of no more modes than the layer has, in its first outputs.

    The layer shows z[k+1] = l z[k] + B u[k]: C becomes C / l, and D loses Re(C B / l). Further modes stay as they were
    drawn and are not shown; rows of B have the size that they are drawn with. Poles outside the unit circle, and those
    next to zero, are moved to its border, and away from zero.
    """
    n, outputs = len(modes), len(modes.D)
    if outputs > layer.outputs:
        raise ValueError(f"{outputs} signals cannot be shown by the {layer.outputs} outputs of an LRU")
    real = modes.poles.imag == 0
    radius = np.clip(np.abs(modes.poles), SMALLEST_RADIUS, LARGEST_RADIUS)
    angle = np.where(real & (modes.poles.real > 0), TURN, np.abs(np.angle(modes.poles)))
    tilt = np.where(real, TILT, 0.0)
    B = modes.B * np.exp(1j * tilt)[:, None]
    C = modes.C * np.exp(1j * (tilt - angle)) / np.cos(2 * tilt) / radius
    like = layer.nu
    with torch.no_grad():
        layer.nu[:n] = torch.as_tensor(np.log(-np.log(radius))).to(like)
        layer.theta[:n] = torch.as_tensor(np.log(angle)).to(like)
        gain = (1 - torch.exp(-layer.nu[:n].exp()) ** 2).sqrt().double().cpu().numpy()
        size = np.linalg.norm(B, axis=1) / gain
        size[size == 0] = 1.0
        layer.B[:n] = _parts(B / (gain * size)[:, None], like)
        layer.C[:outputs].zero_()
        layer.C[:outputs, :n] = _parts(C * size, like)
        layer.D[:outputs] = torch.as_tensor(modes.D - (C @ B).real).to(like)


def write_head(head: nn.Linear, start: LinearStart, records: Sequence[Records]) -> None:
    """Show the first channels as they are, and on average what the model itself, which knows no means, misses."""
    model = start.model.stabilised()
    missed = [y - model.simulate(u + start.input_mean) for u, y in start.centred(records)]
    with torch.no_grad():
        head.weight.copy_(torch.eye(*head.weight.shape))
        if head.bias is not None:
            head.bias.copy_(torch.as_tensor(start.output_mean + np.concatenate(missed).mean(axis=0)))


def _parts(values: np.ndarray, like: Tensor) -> Tensor:
    """Complex numbers as real ones, real and imaginary parts in the last axis."""
    return torch.view_as_real(torch.as_tensor(values)).to(like)
