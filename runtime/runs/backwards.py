"""Whether a model runs away on inputs that it has not seen: those that it was trained on backwards, and larger."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.solvers.simulation_problem import Records

LARGER = 1.2
"""Inputs of a test are about as much larger than those of a training as a few percent of them are outside its range."""

LONGEST = 20_000


def runs_away(stack: nn.Module, records: Sequence[Records], low: Tensor, high: Tensor) -> bool:
    """Whether the outputs leave the range `low` .. `high` (outputs) by more than its width, or the finite numbers.

    A record backwards has the amplitudes and the spectrum that it has forwards: what is sound answers about as it did.
    """
    if not isinstance(stack, Chain):
        return False
    width = high - low
    with torch.no_grad():
        for item in records:
            y = stack.simulate(backwards(item.u[:, :LONGEST]), stack.start(item.u, item.known))
            if not bool(((y >= low - width) & (y <= high + width)).all()):
                return True
    return False


def backwards(u: Tensor) -> Tensor:
    """u (batch, time, inputs) from its end to its beginning, `LARGER` around its mean."""
    mean = u.mean(dim=1, keepdim=True)
    return mean + LARGER * (u.flip(1) - mean)
