"""Several models as one: their outputs are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """y = mean of what the members that count return for x; every member finds its own start.

    x (batch, time, channels) -> y of the members' shape. For each window those members count that leave the range
    `low` .. `high` (outputs) of the training outputs by more than its width in the fewest steps: those that never do,
    where there are any. Of members that all run away this is the last one to leave; it is held at that distance. Where
    what counts is no number y is the middle of the range. The last `spare` members, which are worse, count as if they
    left it for half a step: they stand in where all others do.
    """

    low: Tensor
    high: Tensor
    behind: Tensor

    def __init__(self, members: Sequence[nn.Module], low: Tensor, high: Tensor, spare: int = 0) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("low", low.clone())
        self.register_buffer("high", high.clone())
        self.register_buffer("behind", torch.tensor([0.0] * (len(members) - spare) + [0.5] * spare))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.stack([member(x) for member in self.members])
        return self.mean(y, self.outside(y).sum(dim=2))

    def outside(self, y: Tensor) -> Tensor:
        """Where each member is out of range, (members, batch, time), of outputs y (members, batch, time, outputs)."""
        width = self.high - self.low
        return ~((y >= self.low - width) & (y <= self.high + width)).all(dim=3)

    def mean(self, y: Tensor, steps: Tensor) -> Tensor:
        """(batch, time, outputs) of y (members, batch, time, outputs) and each member's `steps` out of range, (members,
        batch)."""
        width = self.high - self.low
        counts = self.counts(steps)[..., None, None] & ~y.isnan()
        held = torch.minimum(torch.maximum(y, self.low - width), self.high + width)
        total = torch.where(counts, held, torch.zeros_like(y)).sum(dim=0)
        count = counts.sum(dim=0)
        return torch.where(count > 0, total / count.clamp_min(1), (self.low + self.high) / 2)

    def counts(self, steps: Tensor) -> Tensor:
        """Which members count, (members, batch), of each member's `steps` out of range."""
        far = torch.maximum(steps.to(self.behind.dtype), self.behind[:, None])
        return far == far.amin(dim=0)
