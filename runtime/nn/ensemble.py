"""Several models as one: their outputs are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """y = mean of what the members return for x; every member finds its own start.

    x (batch, time, channels) -> y of the members' shape. For each window the members are left out that return no number
    or leave the range `low` .. `high` (outputs) of the training outputs by more than its width; where all of them do,
    they all count.
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
        sound = self.sound(y)[..., None, None]
        return torch.where(sound, y, torch.zeros_like(y)).sum(dim=0) / sound.sum(dim=0)

    def sound(self, y: Tensor) -> Tensor:
        """Which members count, (members, batch), of outputs y (members, batch, time, outputs)."""
        width = self.high - self.low
        inside = (y >= self.low - width) & (y <= self.high + width)
        sound = inside.all(dim=3).all(dim=2)
        return sound | ~sound.any(dim=0)
