"""Builds a stack as torch would, without asking the checker: each module is made when a tensor reaches it.

Sizes that the flow decides are read off that tensor. A wrapper's own class judges sums and casts. Two things that
torch does silently count as a refusal, because the file does not say them: to make integers floating inside an
activation, and to take a tensor of one dtype into a layer whose parameters have another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sysidc.compiler.catalogue.layers import LAYERS
from sysidc.compiler.lower import located
from sysidc.runtime.nn.wrappers import AutoregressiveResidualWrapper, CastWrapper, ResidualConnectionWrapper
from tests.compiler.random_specs import Item

REFUSALS = (RuntimeError, ValueError, IndexError, TypeError)


class Refused(ValueError):
    """What torch would do, but not what the file says."""


class FreeBuilder:
    """`dtype` is that of the parameters; `precision` what replaces every floating dtype of the file; `last` the layer
    that ends the stack, which has the `outputs` channels of the header where it is free to choose."""

    def __init__(self, dtype: torch.dtype, precision: str | None, outputs: int, last: Item | None):
        self.dtype, self.precision, self.outputs, self.last = dtype, precision, outputs, last

    def stack(self, items: Sequence[Item], x: Tensor) -> tuple[nn.Sequential, Tensor]:
        modules = []
        for item in items:
            for module in self.item(item, x):
                x = module(x)
                modules.append(module)
        return nn.Sequential(*modules), x

    def item(self, item: Item, x: Tensor) -> list[nn.Module]:
        if item.annotations:
            return [self.wrapped(item, item.annotations, x)]
        if item.name in ("group", "block", "repeat"):
            return list(self.stack(item.children * item.count, x)[0])
        return [self.layer(item, x)]

    def wrapped(self, item: Item, annotations: list[str], x: Tensor) -> nn.Module:
        if not annotations:
            return nn.Sequential(*self.item(Item(item.name, item.arguments, [], item.children, item.count), x))
        first, rest = annotations[0], annotations[1:]
        if first.startswith("cast"):
            return self.cast(item, first, rest, x)
        inner = unwrapped(self.wrapped(item, rest, x))
        if first == "residual":
            return ResidualConnectionWrapper(inner)
        return AutoregressiveResidualWrapper(inner) if first.startswith("auto") else inner

    def cast(self, item: Item, annotation: str, rest: list[str], x: Tensor) -> nn.Module:
        """The wrapper chooses the dtype in between by what it wraps; that must first be built for some dtype."""
        given, returned = (self.named(name) for name in annotation[5:-1].split(" -> "))
        error: Exception = Refused("nothing fits")
        for between in dict.fromkeys((self.dtype, given, returned)):
            try:
                module = CastWrapper(unwrapped(self.wrapped(item, rest, x.to(given).to(between))), given, returned)
                module(x)
                return module
            except REFUSALS as found:
                error = found
        raise error

    def named(self, name: str) -> torch.dtype:
        dtype: torch.dtype = getattr(torch, name)
        return getattr(torch, self.precision) if self.precision and dtype.is_floating_point else dtype

    def layer(self, item: Item, x: Tensor) -> nn.Module:
        entry = LAYERS[item.name]
        arguments: dict[str, Any] = {row.name: row.default for row in entry.arguments if not row.required}
        arguments |= {row.name: x.shape[2] for row in entry.arguments if row.flow}
        arguments |= {name: value for name, _, value in item.arguments if name is not None}
        places = [row.name for row in entry.arguments if not row.flow]
        positional = [value for name, _, value in item.arguments if name is None]
        arguments |= dict(zip(places, positional, strict=False))
        arguments.pop("initial", None)
        if "outputs" in arguments:
            channels = self.outputs if item is self.last else x.shape[2]
            arguments |= {"inputs": x.shape[2], "outputs": arguments["outputs"] or channels}
        if entry.name in ("TimeSeriesLinear", "FrequencyLinear"):
            arguments |= {"in_steps": x.shape[1], "in_channels": x.shape[2]}
        if entry.name in ("Embedding", "SelfAttention", "Curve"):
            arguments["channels"] = x.shape[2]
        module: nn.Module = located(entry.target)(**arguments)
        own = [parameter.dtype for parameter in module.parameters()]
        if entry.numbers == "floating" and not x.is_floating_point():
            raise Refused("torch would make the integers floating")
        if entry.numbers == "parameters" and own and x.dtype != own[0]:
            raise Refused("two dtypes meet")
        return module


def unwrapped(module: nn.Module) -> nn.Module:
    """A sequence of one is that one."""
    return module[0] if isinstance(module, nn.Sequential) and len(module) == 1 else module
