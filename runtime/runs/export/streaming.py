"""Stacks that work at any length, one step at a time: each layer remembers what it will still need."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sysidc.runtime.nn import BatchNorm1d, CastWrapper, Conv1d, Curve, DelayLine, Embedding, ResidualConnectionWrapper
from sysidc.runtime.nn.state import StateLayer
from sysidc.runtime.runs import mistakes
from sysidc.runtime.training.carried import is_per_step

PER_STEP = (BatchNorm1d, Curve, Embedding, nn.PReLU)


def memory(module: nn.Module, channels: int) -> int:
    """Numbers that a module remembers from step to step, `channels` arriving; a stack notes those of its children.

    Raises RunError for what cannot run step by step.
    """
    if isinstance(module, StateLayer):
        return module.states
    if isinstance(module, Conv1d) and module.padding == "causal":
        return module.reach * channels
    if isinstance(module, DelayLine):
        return (module.taps - 1) * channels
    if is_per_step(module) or isinstance(module, PER_STEP):
        return 0
    if isinstance(module, CastWrapper | ResidualConnectionWrapper):
        return memory(module.module, channels)
    if isinstance(module, nn.Sequential):
        sizes = _memories(module, channels)
        module.memories = sizes  # type: ignore[assignment]
        return sum(sizes)
    name = type(module).__name__
    raise mistakes.not_exported(
        f"{name} cannot run step by step: it looks at steps that come later, or at all there were",
        "export whole windows or records, without --step",
    )


def _memories(stack: nn.Sequential, channels: int) -> tuple[int, ...]:
    """The numbers that each child of a stack remembers."""
    found = []
    for child in stack:
        found.append(memory(child, channels))
        channels = leaving(child, channels)
    return tuple(found)


def leaving(module: nn.Module, channels: int) -> int:
    """Channels that a module makes of those that arrive."""
    floating = next((parameter.dtype for parameter in module.parameters()), torch.get_default_dtype())
    example = torch.zeros(1, 1, channels, dtype=torch.int64 if isinstance(module, Embedding) else floating)
    with torch.no_grad():
        return int(module(example).shape[2])


def advance(module: nn.Module, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """One step: x (batch, memory), z (batch, 1, channels) -> the memory after it, and what leaves likewise."""
    if isinstance(module, StateLayer):
        after, y = module.step(x, z[:, 0])
        return after, y[:, None]
    if isinstance(module, Conv1d):
        line = torch.cat([x.view(-1, module.reach, z.shape[2]), z], dim=1) if module.reach else z
        return line[:, 1:].flatten(1), module.conv(line.transpose(1, 2)).transpose(1, 2)
    if isinstance(module, DelayLine):
        line = torch.cat([x.view(-1, module.taps - 1, z.shape[2]).to(z.dtype), z], dim=1) if module.taps > 1 else z
        return line[:, 1:].flatten(1).to(x.dtype), line.flip(1).flatten(1)[:, None]
    if is_per_step(module) or isinstance(module, PER_STEP):
        return x, module(z)
    if isinstance(module, ResidualConnectionWrapper):
        after, y = advance(module.module, x, z)
        return after, z + y
    if isinstance(module, CastWrapper):
        after, y = advance(module.module, x, z.to(module.in_dtype).to(x.dtype))
        return after, y.to(module.out_dtype)
    assert isinstance(module, nn.Sequential)
    return _one_after_another(module, x, z)


def _one_after_another(stack: nn.Sequential, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    after, first = [], 0
    sizes: tuple[int, ...] = stack.memories  # type: ignore[assignment]
    for child, size in zip(stack, sizes, strict=True):
        moved, z = advance(child, x[:, first : first + size], z)
        after.append(moved)
        first += size
    return torch.cat(after, dim=1), z
