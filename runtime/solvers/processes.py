"""What the processes that share one least-squares problem tell each other."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


def sum_over_processes(*parts: Tensor) -> None:
    """Add up each tensor over all processes, in place; every process gets the same bits."""
    for part in parts:
        distributed.all_reduce(part)


def total_over_processes(value: float) -> float:
    device = torch.device("cuda") if distributed.get_backend() == "nccl" else torch.device("cpu")
    total = torch.tensor(value, dtype=torch.float64, device=device)
    sum_over_processes(total)
    return float(total)


def joined_over_processes(part: Tensor) -> Tensor:
    """(rows, ...): the rows of all processes in their order; how many each has may differ."""
    parts: list[Tensor | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(parts, part.cpu())
    return torch.cat([found for found in parts if found is not None]).to(part.device)
