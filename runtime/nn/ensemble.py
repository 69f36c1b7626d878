"""Several models as one: their outputs are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """y = mean of what the members return for x; every member finds its own start.

    x (batch, time, channels) -> y of the members' shape. For each window the members are left out that return no number
    or leave the range `low` .. `high` (outputs) of the training outputs by more than its width; where all of them do,
    all count that return numbers alone. What no member gives a number for is the middle of the range.
    """

    low: Tensor
    high: Tensor

    def __init__(self, members: Sequence[nn.Module], low: Tensor, high: Tensor) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("low", low.clone())
        self.register_buffer("high", high.clone())

    def forward(self, x: Tensor) -> Tensor:
        y = torch.stack([member(x) for member in self.members])
        return self.mean(y, self.inside(y).all(dim=2))

    def inside(self, y: Tensor) -> Tensor:
        """Where each member is in range, (members, batch, time), of outputs y (members, batch, time, outputs)."""
        width = self.high - self.low
        return ((y >= self.low - width) & (y <= self.high + width)).all(dim=3)

    def mean(self, y: Tensor, inside: Tensor) -> Tensor:
        """(batch, time, outputs) of y (members, batch, time, outputs) and the members in range, (members, batch)."""
        numbers = y.isfinite()
        sound = inside | (numbers.all(dim=3).all(dim=2) & ~inside.any(dim=0))
        sound = (sound | ~sound.any(dim=0))[..., None, None] & numbers
        total = torch.where(sound, y, torch.zeros_like(y)).sum(dim=0)
        count = sound.sum(dim=0)
        return torch.where(count > 0, total / count.clamp_min(1), (self.low + self.high) / 2)
